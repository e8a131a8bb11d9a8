// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/model.h>

#include <pybind11/pybind11.h>

/** What a file says of its model, as fxtrain.engine.ModelInfo takes it. */
pybind11::dict describe(const fxengine::ModelInfo& info);

/** Adds the class `Model` and the functions that make one. */
void registerModel(pybind11::module_& module);

/** Adds the classes `LiveChain` and `PlayRecord`, whose callbacks PortAudio calls. */
void registerLive(pybind11::module_& module);
