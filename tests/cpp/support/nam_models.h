// SPDX-License-Identifier: MIT
#pragma once

#include "test_models.h"

#include <string>
#include <vector>

namespace test {

/** A .nam file of one network with random weights, as many as its config asks for. */
Json makeNam(const std::string& architecture, const Json& config, unsigned seed);

/** What a .nam file gives for a signal, by the plainest code in double precision: from silence, or from the state that
    an LSTM's weights hold. Of a container the last model plays. */
std::vector<double> referenceNam(const Json& model, const std::vector<double>& input);

/** Loads a .nam file to be played from zero state, or from the state that an LSTM's weights hold. */
fxengine::Model loadUnprewarmed(const Json& model);

/** Config of a layer array with `dilations.size()` layers; `extra` is merged into it. */
Json layerArray(int inputs, int condition, int channels, int headOutputs, const std::vector<int>& dilations,
                const Json& extra = Json::object());

/** Config of a WaveNet. */
Json waveNetConfig(const std::vector<Json>& arrays, const Json& extra = Json::object());

struct NamedModel {
  std::string name;
  Json model;
};

/** WaveNets that together use every key of the format. */
std::vector<NamedModel> waveNets();

/** A Sequential of models. */
Json makeSequential(const std::vector<Json>& models);

/** Models of the other architectures with bounded memory. */
std::vector<NamedModel> otherNetworks();

/** A container of models, each with the greatest value that chooses it. */
Json makeContainer(const std::vector<std::pair<double, Json>>& models);

} // namespace test
