// SPDX-License-Identifier: MIT
#include "fxengine/layers/dense.h"

#include "affine.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace fxengine {

Dense::Dense(int inputSize, int outputSize, std::vector<float> weights, std::vector<float> bias,
             ActivationType activation)
    : Layer(inputSize, outputSize), weights_(std::move(weights)), bias_(std::move(bias)), activation_(activation) {
  assert(weights_.size() == static_cast<std::size_t>(inputSize) * outputSize);
  assert(bias_.size() == static_cast<std::size_t>(outputSize));
}

void Dense::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  for (int stream = 0; stream < numStreams; ++stream) {
    const float* x = input[stream];
    float* y = output[stream];
    for (int frame = 0; frame < numFrames; ++frame, x += inputSize(), y += outputSize()) {
      std::copy(bias_.begin(), bias_.end(), y);
      detail::accumulate(weights_.data(), x, inputSize(), y, outputSize());
      applyActivation(activation_, y, outputSize());
    }
  }
}

} // namespace fxengine
