// SPDX-License-Identifier: MIT
#pragma once

#include <pybind11/pybind11.h>

namespace fxtrain::kernels {

/** Adds GatedStack to the module. */
void registerGatedStack(pybind11::module_& module);

} // namespace fxtrain::kernels
