// SPDX-License-Identifier: MIT
#include "networks/sequence.h"

#include <algorithm>
#include <cstddef>

namespace fxengine::detail {

std::optional<int> Sequence::receptiveFrames() const noexcept {
  int frames = 1;
  for (const auto& network : networks_) {
    const std::optional<int> own = network->receptiveFrames();
    if (!own)
      return std::nullopt;
    frames += *own - 1;
  }
  return frames;
}

bool Sequence::canOversample() const noexcept {
  return std::all_of(networks_.begin(), networks_.end(), [](const auto& network) { return network->canOversample(); });
}

void Sequence::prepare(int numStreams, int maxFrames) {
  for (const auto& network : networks_)
    network->prepare(numStreams, maxFrames);
  const auto streams = static_cast<std::size_t>(numStreams), frames = static_cast<std::size_t>(maxFrames);
  for (int index = 0; index < 2; ++index) {
    memory_[index].assign(streams * frames, 0.0f);
    buffers_[index].clear();
    for (std::size_t stream = 0; stream < streams; ++stream)
      buffers_[index].push_back(memory_[index].data() + stream * frames);
  }
}

void Sequence::reset(int stream) noexcept {
  for (const auto& network : networks_)
    network->reset(stream);
}

void Sequence::captureRest() {
  for (const auto& network : networks_)
    network->captureRest();
}

void Sequence::rest(int stream) noexcept {
  for (const auto& network : networks_)
    network->rest(stream);
}

void Sequence::setQuality(float quality) noexcept {
  for (const auto& network : networks_)
    network->setQuality(quality);
}

void Sequence::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const float* const* from = input;
  for (std::size_t index = 0; index < networks_.size(); ++index) {
    float* const* to = index + 1 == networks_.size() ? output : buffers_[index % 2].data();
    networks_[index]->process(from, to, numStreams, numFrames);
    from = to;
  }
}

} // namespace fxengine::detail
