// SPDX-License-Identifier: MIT
#include "fxengine/network.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace fxengine {

LayerStack::LayerStack(std::vector<std::unique_ptr<Layer>> layers) : layers_(std::move(layers)) {
  assert(!layers_.empty() && layers_.back()->outputSize() == 1);
}

void LayerStack::prepare(int numStreams, int maxFrames) {
  std::size_t widest = 1;
  for (const auto& layer : layers_) {
    layer->prepare(numStreams);
    widest = std::max(widest, static_cast<std::size_t>(layer->outputSize()));
  }
  const std::size_t size = widest * static_cast<std::size_t>(maxFrames);
  signal_.assign(2 * size * static_cast<std::size_t>(numStreams), 0.0f);
  float* next = signal_.data();
  for (auto& buffers : buffers_) {
    buffers.resize(static_cast<std::size_t>(numStreams));
    for (float*& buffer : buffers) {
      buffer = next;
      next += size;
    }
  }
}

void LayerStack::reset(int stream) noexcept {
  for (const auto& layer : layers_)
    layer->reset(stream);
}

void LayerStack::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const float* const* from = input;
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    float* const* to = index + 1 == layers_.size() ? output : buffers_[index % 2].data();
    layers_[index]->process(from, to, numStreams, numFrames);
    from = to;
  }
}

} // namespace fxengine
