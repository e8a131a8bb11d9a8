// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/dsp/impulse_response.h>
#include <fxengine/model.h>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

/** Sound as NumPy has it: converted to float32, shape (channels, frames). */
using Samples = pybind11::array_t<float, pybind11::array::c_style | pybind11::array::forcecast>;

fxengine::ImpulseResponse responseOf(const Samples& samples, double sampleRate);

/** What a file says of its model, as fxtrain.engine.ModelInfo takes it. */
pybind11::dict describe(const fxengine::ModelInfo& info);

/** Adds the class `Model` and the functions that make one. */
void registerModel(pybind11::module_& module);

/** Adds the classes `LiveChain` and `PlayRecord`, whose callbacks PortAudio calls. */
void registerLive(pybind11::module_& module);

/** Adds the class `Rig`. */
void registerRig(pybind11::module_& module);
