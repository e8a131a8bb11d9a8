// SPDX-License-Identifier: MIT
#include "networks/layer_stack.h"

#include "fxengine/layers/dense.h"
#include "fxengine/layers/recurrent.h"
#include "simd/aligned.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace fxengine {

struct LayerStack::Signals {
  simd::AlignedFloats memory;
  std::vector<float*> frames;     // per stream: [audio, knobs ..., envelopes ...], where the first layer takes all that
  std::vector<float*> buffers[2]; // per stream: a layer reads one and writes the other
  std::vector<EnvelopeFollower> envelopes; // per stream, all of it together
  std::vector<double> resting;             // their levels at rest
};

LayerStack::LayerStack(std::vector<std::unique_ptr<Layer>> layers, NetworkSummary summary,
                       std::vector<EnvelopeFollower> envelopes)
    : layers_(std::move(layers)), summary_(std::move(summary)), envelopes_(std::move(envelopes)),
      signals_(std::make_unique<Signals>()) {
  assert(!layers_.empty() && layers_.back()->outputSize() == 1);
  const int numKnobs = layers_.front()->inputSize() - 1 - static_cast<int>(envelopes_.size());
  knobs_.assign(static_cast<std::size_t>(numKnobs), 0.0f);
  knobsApart_ = envelopes_.empty() && layers_.front()->takeKnobs(numKnobs);
  signals_->resting.assign(envelopes_.size(), 0.0);
  if (layers_.size() < 2)
    return;
  auto* recurrent = dynamic_cast<RecurrentLayer*>(layers_[layers_.size() - 2].get());
  const auto* head = dynamic_cast<const Dense*>(layers_.back().get());
  if (recurrent != nullptr && head != nullptr && head->activation() == ActivationType::none) {
    recurrent->takeHead(*head);
    layers_.pop_back();
  }
}

LayerStack::~LayerStack() = default;

std::optional<int> LayerStack::receptiveFrames() const noexcept {
  int frames = 1;
  for (const auto& layer : layers_) {
    const std::optional<int> own = layer->receptiveFrames();
    if (!own)
      return std::nullopt;
    frames += *own - 1;
  }
  return frames;
}

void LayerStack::prepare(int numStreams, int maxFrames) {
  const auto streams = static_cast<std::size_t>(numStreams);
  const auto sizeOf = [&](int frameSize) {
    constexpr std::size_t kLine = Layer::kAlignment / sizeof(float);
    const auto values = static_cast<std::size_t>(Layer::frameStride(frameSize)) * static_cast<std::size_t>(maxFrames);
    return (values + kLine - 1) / kLine * kLine;
  };
  std::size_t widest = sizeOf(1);
  for (const auto& layer : layers_) {
    layer->prepare(numStreams);
    widest = std::max(widest, sizeOf(layer->outputSize()));
  }
  const std::size_t framesSize = knobsApart_ ? 0 : sizeOf(layers_.front()->inputSize());
  signals_->memory.assign(streams * (2 * widest + framesSize), 0.0f);
  float* next = signals_->memory.data();
  const auto share = [&](std::vector<float*>& pointers, std::size_t size) {
    pointers.resize(streams);
    for (float*& pointer : pointers) {
      pointer = next;
      next += size;
    }
  };
  share(signals_->buffers[0], widest);
  share(signals_->buffers[1], widest);
  share(signals_->frames, framesSize);
  signals_->envelopes.clear();
  for (std::size_t stream = 0; stream < streams; ++stream)
    signals_->envelopes.insert(signals_->envelopes.end(), envelopes_.begin(), envelopes_.end());
  std::fill(signals_->resting.begin(), signals_->resting.end(), 0.0);
}

void LayerStack::setKnobs(const float* positions) noexcept {
  if (knobsApart_)
    layers_.front()->setKnobs(positions);
  else
    std::copy_n(positions, knobs_.size(), knobs_.begin());
}

void LayerStack::reset(int stream) noexcept {
  for (const auto& layer : layers_)
    layer->reset(stream);
  for (std::size_t index = 0; index < envelopes_.size(); ++index)
    envelopeOf(stream, index).setLevel(0.0);
}

void LayerStack::captureRest() {
  for (const auto& layer : layers_)
    layer->captureRest();
  for (std::size_t index = 0; index < envelopes_.size(); ++index)
    signals_->resting[index] = envelopeOf(0, index).level();
}

void LayerStack::rest(int stream) noexcept {
  for (const auto& layer : layers_)
    layer->rest(stream);
  for (std::size_t index = 0; index < envelopes_.size(); ++index)
    envelopeOf(stream, index).setLevel(signals_->resting[index]);
}

EnvelopeFollower& LayerStack::envelopeOf(int stream, std::size_t index) noexcept {
  return signals_->envelopes[static_cast<std::size_t>(stream) * envelopes_.size() + index];
}

/** Writes what the first layer takes, frame by frame. */
void LayerStack::gatherInputs(const float* const* input, int numStreams, int numFrames) noexcept {
  const int stride = Layer::frameStride(layers_.front()->inputSize());
  for (int stream = 0; stream < numStreams; ++stream) {
    float* frame = signals_->frames[static_cast<std::size_t>(stream)];
    for (int t = 0; t < numFrames; ++t, frame += stride) {
      frame[0] = input[stream][t];
      float* next = std::copy(knobs_.begin(), knobs_.end(), frame + 1);
      for (std::size_t index = 0; index < envelopes_.size(); ++index)
        *next++ = envelopeOf(stream, index).next(input[stream][t]);
    }
  }
}

void LayerStack::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const float* const* from = input;
  if (!knobsApart_) {
    gatherInputs(input, numStreams, numFrames);
    from = signals_->frames.data();
  }
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    float* const* to = index + 1 == layers_.size() ? output : signals_->buffers[index % 2].data();
    layers_[index]->process(from, to, numStreams, numFrames);
    from = to;
  }
}

} // namespace fxengine
