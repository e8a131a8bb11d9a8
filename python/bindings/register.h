// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/dsp/impulse_response.h>
#include <fxengine/model.h>

#include <fxengine/signal_chain.h>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

/** Sound as NumPy has it: converted to float32, shape (channels, frames). */
using Samples = pybind11::array_t<float, pybind11::array::c_style | pybind11::array::forcecast>;

fxengine::ImpulseResponse responseOf(const Samples& samples, double sampleRate);

/** Of a chain, by the plugin's ids of its parameters, in plain units; others are at their defaults. */
fxengine::ChainSettings settingsOf(const std::map<std::string, float>& parameters);

/** A model file's content, ready for a slot. Takes a while, and needs no lock of the interpreter.
    @param assumedRate  Hz, of a file that states none @throws fxengine::ModelError */
std::unique_ptr<fxengine::SlotContent> slotContentOf(std::string_view content, const std::string& name,
                                                     std::optional<double> assumedRate, int oversampling, int slot);

/** What a file says of its model, as fxtrain.engine.ModelInfo takes it. */
pybind11::dict describe(const fxengine::ModelInfo& info);

/** Adds the class `Model` and the functions that make one. */
void registerModel(pybind11::module_& module);

/** Adds the classes `LiveChain` and `PlayRecord`, whose callbacks PortAudio calls. */
void registerLive(pybind11::module_& module);

/** Adds the class `Rig`. */
void registerRig(pybind11::module_& module);
