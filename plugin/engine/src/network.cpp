// SPDX-License-Identifier: MIT
#include "fxengine/network.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace fxengine {

LayerStack::LayerStack(std::vector<std::unique_ptr<Layer>> layers) : layers_(std::move(layers)) {
  assert(!layers_.empty() && layers_.back()->outputSize() == 1);
  knobs_.assign(static_cast<std::size_t>(layers_.front()->inputSize()) - 1, 0.0f);
}

void LayerStack::prepare(int numStreams, int maxFrames) {
  std::size_t widest = 1;
  for (const auto& layer : layers_) {
    layer->prepare(numStreams);
    widest = std::max(widest, static_cast<std::size_t>(layer->outputSize()));
  }
  const std::size_t size = widest * static_cast<std::size_t>(maxFrames);
  const std::size_t frames = knobs_.empty() ? 0 : (knobs_.size() + 1) * static_cast<std::size_t>(maxFrames);
  frames_.assign(frames * static_cast<std::size_t>(numStreams), 0.0f);
  framesOf_.resize(static_cast<std::size_t>(numStreams));
  for (std::size_t stream = 0; stream < framesOf_.size(); ++stream)
    framesOf_[stream] = frames_.data() + stream * frames;
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

void LayerStack::setKnobs(const float* positions) noexcept { std::copy_n(positions, knobs_.size(), knobs_.begin()); }

void LayerStack::reset(int stream) noexcept {
  for (const auto& layer : layers_)
    layer->reset(stream);
}

void LayerStack::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const float* const* from = input;
  if (!knobs_.empty()) {
    for (int stream = 0; stream < numStreams; ++stream) {
      float* frame = framesOf_[static_cast<std::size_t>(stream)];
      for (int t = 0; t < numFrames; ++t) {
        *frame++ = input[stream][t];
        frame = std::copy(knobs_.begin(), knobs_.end(), frame);
      }
    }
    from = framesOf_.data();
  }
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    float* const* to = index + 1 == layers_.size() ? output : buffers_[index % 2].data();
    layers_[index]->process(from, to, numStreams, numFrames);
    from = to;
  }
}

} // namespace fxengine
