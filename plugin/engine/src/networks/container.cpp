// SPDX-License-Identifier: MIT
#include "networks/container.h"

#include "fxengine/model.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace fxengine::detail {

Container::Container(std::vector<Choice> choices)
    : choices_(std::move(choices)), wanted_(static_cast<int>(choices_.size()) - 1), playing_(wanted_) {
  assert(!choices_.empty());
}

std::optional<int> Container::receptiveFrames() const noexcept {
  int most = 1;
  for (const Choice& choice : choices_) {
    const std::optional<int> frames = choice.network->receptiveFrames();
    if (!frames)
      return std::nullopt;
    most = std::max(most, *frames);
  }
  return most;
}

bool Container::canOversample() const noexcept {
  return std::all_of(choices_.begin(), choices_.end(),
                     [](const Choice& choice) { return choice.network->canOversample(); });
}

int Container::listenFrames(int index) const noexcept {
  const Network& network = *choices_[static_cast<std::size_t>(index)].network;
  return std::min(network.receptiveFrames().value_or(kListenFrames / 2), kListenFrames);
}

void Container::prepare(int numStreams, int maxFrames) {
  for (const Choice& choice : choices_)
    choice.network->prepare(numStreams, maxFrames);
  maxFrames_ = maxFrames;
  numStreams_ = numStreams;
  const auto streams = static_cast<std::size_t>(numStreams);
  memory_.assign((streams + 1) * static_cast<std::size_t>(maxFrames), 0.0f);
  from_.assign(streams, nullptr);
  to_.assign(streams, nullptr);
  other_.clear();
  for (std::size_t stream = 0; stream < streams; ++stream)
    other_.push_back(memory_.data() + stream * static_cast<std::size_t>(maxFrames));
  numFrames_ = 0;
  finishChange();
}

void Container::finishChange() noexcept {
  isFresh_ = true;
  playing_ = wanted_;
  next_ = -1;
}

void Container::reset(int stream) noexcept {
  for (const Choice& choice : choices_)
    choice.network->reset(stream);
  if (stream != 0)
    return;
  numFrames_ = 0;
  finishChange();
}

void Container::rest(int stream) noexcept {
  for (const Choice& choice : choices_)
    choice.network->rest(stream);
  if (stream == 0)
    finishChange();
}

/** The one that has been playing has come to rest in stream 0. The others get as much silence, and at least as much as
    they look back at. */
void Container::captureRest() {
  const float* silence = memory_.data() + static_cast<std::size_t>(numStreams_) * static_cast<std::size_t>(maxFrames_);
  for (int index = 0; index < static_cast<int>(choices_.size()); ++index) {
    if (index != playing_) {
      const int most = std::max(numFrames_, listenFrames(index));
      network(index).reset(0);
      for (int start = 0; start < most; start += maxFrames_)
        network(index).process(&silence, other_.data(), 1, std::min(maxFrames_, most - start));
    }
    network(index).captureRest();
  }
}

void Container::setKnobs(const float* positions) noexcept {
  for (const Choice& choice : choices_)
    choice.network->setKnobs(positions);
}

void Container::setQuality(float quality) noexcept {
  wanted_ = static_cast<int>(indexForQuality(choices_, quality));
  if (isFresh_)
    finishChange();
}

/** Begins a change, or another one where nothing of it has been heard yet. */
void Container::decide() noexcept {
  const bool isFading = next_ >= 0 && progress_ > listenFrames(next_);
  if (isFading || wanted_ == (next_ >= 0 ? next_ : playing_))
    return;
  next_ = wanted_ == playing_ ? -1 : wanted_;
  progress_ = 0;
  for (int stream = 0; next_ >= 0 && stream < numStreams_; ++stream)
    network(next_).rest(stream);
}

void Container::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const auto streams = static_cast<std::size_t>(numStreams);
  isFresh_ = isFresh_ && numFrames == 0;
  for (int start = 0, count = 0; start < numFrames; start += count) {
    decide();
    for (std::size_t stream = 0; stream < streams; ++stream) {
      from_[stream] = input[stream] + start;
      to_[stream] = output[stream] + start;
    }
    count = numFrames - start;
    numFrames_ = std::min(numFrames_, 1 << 30) + count;
    if (next_ < 0) {
      network(playing_).process(from_.data(), to_.data(), numStreams, count);
      continue;
    }
    const int listening = listenFrames(next_);
    count = std::min(count, (progress_ < listening ? listening : listening + kFadeFrames) - progress_);
    network(playing_).process(from_.data(), to_.data(), numStreams, count);
    network(next_).process(from_.data(), other_.data(), numStreams, count);
    if (progress_ >= listening)
      fade(to_.data(), numStreams, count);
    progress_ += count;
    if (progress_ == listening + kFadeFrames) {
      playing_ = next_;
      next_ = -1;
    }
  }
}

void Container::fade(float* const* output, int numStreams, int numFrames) noexcept {
  const int begun = progress_ - listenFrames(next_);
  for (int stream = 0; stream < numStreams; ++stream)
    for (int t = 0; t < numFrames; ++t) {
      const float share = static_cast<float>(begun + t + 1) / static_cast<float>(kFadeFrames);
      float& value = output[stream][t];
      value += share * (other_[static_cast<std::size_t>(stream)][t] - value);
    }
}

} // namespace fxengine::detail
