// SPDX-License-Identifier: MIT
#pragma once

#include <pybind11/pybind11.h>

namespace fxtrain::kernels {

/** Adds WaveNet and WaveNetTape to the module. */
void registerWaveNet(pybind11::module_& module);

} // namespace fxtrain::kernels
