// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/model.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace test {

using Json = nlohmann::json;

struct LayerSpec {
  std::string type;
  int size;
  std::string activation = "";
  int kernelSize = 3; ///< of conv1d, as what follows
  int dilation = 1;
  int groups = 1;
};

/** A model file with random weights, scaled so that gates and activations work in their curved range. */
Json makeModel(int numInputs, const std::vector<LayerSpec>& layers, unsigned seed);

/** What the file's network gives for `frames` of [audio, knobs ...], by the plainest code in double precision.
    Knows nothing of gains and residual path. */
std::vector<double> referenceOutput(const Json& model, const std::vector<double>& frames);

/** Adds test vectors of `numFrames` frames, right to double precision. */
void addTestVectors(Json& model, int numFrames, unsigned seed);

/** Noise of peak `amplitude` at most. */
std::vector<float> noise(std::size_t numFrames, unsigned seed, float amplitude = 0.5f);

/** One channel through a freshly prepared model, in blocks of the given sizes, over and over. */
std::vector<float> play(fxengine::Model& model, const std::vector<float>& input, const std::vector<int>& blockSizes);

/** Loads a model file given as JSON. */
fxengine::Model load(const Json& model, const std::string& backend = "fxengine");

/** The models that properties are checked on: each layer type, stacks, odd sizes, levels as inputs, a linear stage. */
std::vector<Json> assortment();

/** Whether a backend plays a model: RTNeural knows no envelopes. */
bool plays(const std::string& backend, const Json& model);

} // namespace test
