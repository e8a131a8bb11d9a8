// SPDX-License-Identifier: MIT
#include "fxengine/layers/lstm.h"

#include "affine.h"
#include "fxengine/layers/activation.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace fxengine {

Lstm::Lstm(int inputSize, int hiddenSize, std::vector<float> inputWeights, std::vector<float> recurrentWeights,
           std::vector<float> bias)
    : Layer(inputSize, hiddenSize), inputWeights_(std::move(inputWeights)),
      recurrentWeights_(std::move(recurrentWeights)), bias_(std::move(bias)), gates_(bias_.size()) {
  assert(inputWeights_.size() == static_cast<std::size_t>(inputSize) * 4 * hiddenSize);
  assert(recurrentWeights_.size() == static_cast<std::size_t>(hiddenSize) * 4 * hiddenSize);
  assert(bias_.size() == static_cast<std::size_t>(4 * hiddenSize));
}

void Lstm::prepare(int numStreams) { state_.assign(static_cast<std::size_t>(numStreams) * 2 * outputSize(), 0.0f); }

void Lstm::reset(int stream) noexcept {
  const int hiddenSize = outputSize();
  std::fill_n(state_.begin() + static_cast<long>(stream) * 2 * hiddenSize, 2 * hiddenSize, 0.0f);
}

void Lstm::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const int hiddenSize = outputSize();
  float* gates = gates_.data();
  for (int stream = 0; stream < numStreams; ++stream) {
    float* hidden = state_.data() + static_cast<long>(stream) * 2 * hiddenSize;
    float* cell = hidden + hiddenSize;
    const float* x = input[stream];
    float* y = output[stream];
    for (int frame = 0; frame < numFrames; ++frame, x += inputSize(), y += hiddenSize) {
      std::copy(bias_.begin(), bias_.end(), gates);
      detail::accumulate(inputWeights_.data(), x, inputSize(), gates, 4 * hiddenSize);
      detail::accumulate(recurrentWeights_.data(), hidden, hiddenSize, gates, 4 * hiddenSize);
      applyActivation(ActivationType::sigmoid, gates, 2 * hiddenSize);
      applyActivation(ActivationType::tanh, gates + 2 * hiddenSize, hiddenSize);
      applyActivation(ActivationType::sigmoid, gates + 3 * hiddenSize, hiddenSize);
      for (int k = 0; k < hiddenSize; ++k) {
        cell[k] = gates[hiddenSize + k] * cell[k] + gates[k] * gates[2 * hiddenSize + k];
        hidden[k] = gates[3 * hiddenSize + k] * std::tanh(cell[k]);
      }
      std::copy_n(hidden, hiddenSize, y);
    }
  }
}

} // namespace fxengine
