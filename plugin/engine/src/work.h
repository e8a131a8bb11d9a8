// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/model.h"

namespace fxengine::detail {

/** What a frame of the network costs, in multiplications of its weights: also what has no weights, such as activations.
    Within a factor of four of what was measured; bounds the time of what is played while a model is loaded. */
inline double workOfFrame(const ModelInfo& info) {
  constexpr double kWorkOfLayer = 64.0; // the call
  constexpr double kWorkOfEnvelope = 32.0;
  constexpr double kWorkOfOutput = 16.0, kWorkOfSoftmax = 64.0;
  double work = kWorkOfLayer + static_cast<double>(info.numWeights);
  work += kWorkOfLayer * info.numWaveNetLayers;
  work += kWorkOfEnvelope * static_cast<double>(info.envelopes.size());
  for (const LayerInfo& layer : info.layers)
    work += kWorkOfLayer + (layer.activation == "softmax" ? kWorkOfSoftmax : kWorkOfOutput) * layer.outputSize;
  return work;
}

} // namespace fxengine::detail
