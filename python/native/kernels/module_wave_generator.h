// SPDX-License-Identifier: MIT
#pragma once

#include <pybind11/pybind11.h>

namespace fxtrain::kernels {

/** Adds WaveGenerator to the module. */
void registerWaveGenerator(pybind11::module_& module);

} // namespace fxtrain::kernels
