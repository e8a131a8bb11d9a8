// SPDX-License-Identifier: MIT
#include "fxengine/layers/gru.h"

#include "simd/recurrent.h"

#include <utility>

namespace fxengine {

Gru::Gru(int inputSize, int hiddenSize, std::vector<float> inputWeights, std::vector<float> recurrentWeights,
         std::vector<float> bias, RecurrentOptions options)
    : RecurrentLayer(simd::CellType::gru, inputSize, hiddenSize, std::move(inputWeights), std::move(recurrentWeights),
                     std::move(bias), options) {}

} // namespace fxengine
