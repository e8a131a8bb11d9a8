// SPDX-License-Identifier: MIT
#include "fxengine/layers/gru.h"

#include "affine.h"
#include "fxengine/layers/activation.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace fxengine {

Gru::Gru(int inputSize, int hiddenSize, std::vector<float> inputWeights, std::vector<float> recurrentWeights,
         std::vector<float> bias)
    : Layer(inputSize, hiddenSize), inputWeights_(std::move(inputWeights)),
      recurrentWeights_(std::move(recurrentWeights)), bias_(std::move(bias)), gates_(bias_.size()) {
  assert(inputWeights_.size() == static_cast<std::size_t>(inputSize) * 3 * hiddenSize);
  assert(recurrentWeights_.size() == static_cast<std::size_t>(hiddenSize) * 3 * hiddenSize);
  assert(bias_.size() == static_cast<std::size_t>(6 * hiddenSize));
}

void Gru::prepare(int numStreams) { state_.assign(static_cast<std::size_t>(numStreams) * outputSize(), 0.0f); }

void Gru::reset(int stream) noexcept {
  std::fill_n(state_.begin() + static_cast<long>(stream) * outputSize(), outputSize(), 0.0f);
}

void Gru::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const int hiddenSize = outputSize();
  float* fromInput = gates_.data();
  float* fromState = fromInput + 3 * hiddenSize;
  for (int stream = 0; stream < numStreams; ++stream) {
    float* hidden = state_.data() + static_cast<long>(stream) * hiddenSize;
    const float* x = input[stream];
    float* y = output[stream];
    for (int frame = 0; frame < numFrames; ++frame, x += inputSize(), y += hiddenSize) {
      std::copy(bias_.begin(), bias_.end(), fromInput);
      detail::accumulate(inputWeights_.data(), x, inputSize(), fromInput, 3 * hiddenSize);
      detail::accumulate(recurrentWeights_.data(), hidden, hiddenSize, fromState, 3 * hiddenSize);
      for (int k = 0; k < 2 * hiddenSize; ++k)
        fromInput[k] += fromState[k];
      applyActivation(ActivationType::sigmoid, fromInput, 2 * hiddenSize);
      for (int k = 0; k < hiddenSize; ++k) {
        const float update = fromInput[k];
        const float reset = fromInput[hiddenSize + k];
        const float candidate = std::tanh(fromInput[2 * hiddenSize + k] + reset * fromState[2 * hiddenSize + k]);
        hidden[k] = update * hidden[k] + (1.0f - update) * candidate;
      }
      std::copy_n(hidden, hiddenSize, y);
    }
  }
}

} // namespace fxengine
