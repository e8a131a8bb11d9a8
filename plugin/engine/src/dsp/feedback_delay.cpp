// SPDX-License-Identifier: MIT
#include "fxengine/dsp/feedback_delay.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace fxengine {
namespace {

constexpr double kFeedbackRampMs = 20.0;

/** Of y += c (x - y), whose step response takes 1 / (2 pi hz) to come within 1/e. */
float onePole(double hz, double sampleRate) {
  return float(1.0 - std::exp(-2.0 * std::numbers::pi * std::min(hz, 0.45 * sampleRate) / sampleRate));
}

} // namespace

void FeedbackDelay::prepare(double sampleRate, int numChannels) {
  sampleRate_ = sampleRate;
  numChannels_ = std::clamp(numChannels, 1, kMostChannels);
  const auto longest = std::size_t(std::ceil(1e-3 * kLongestMs * sampleRate));
  size_ = int(std::bit_ceil(longest + 1));
  memory_.assign(std::size_t(size_) * std::size_t(numChannels_), 0.0f);
  for (int c = 0; c < numChannels_; ++c)
    channels_[std::size_t(c)].line = memory_.data() + std::ptrdiff_t(c) * size_;
  highCut_ = onePole(kHighCutHz, sampleRate);
  lowCut_ = onePole(kLowCutHz, sampleRate);
  share_.prepare(sampleRate, kFadeMs);
  feedback_.prepare(sampleRate, kFeedbackRampMs);
  setTime(400.0);
  reset();
}

void FeedbackDelay::reset() noexcept {
  for (Channel& channel : channels_)
    channel.low = channel.slow = 0.0f;
  age_ = 0;
  position_ = 0;
  delay_ = next_ = wanted_;
  share_.snap(0.0f);
  feedback_.snap(feedback_.target());
}

void FeedbackDelay::setTime(double ms) noexcept {
  wanted_ = int(std::lround(1e-3 * std::clamp(ms, kShortestMs, kLongestMs) * sampleRate_));
}

void FeedbackDelay::setFeedback(float share) noexcept { feedback_.setTarget(std::clamp(share, 0.0f, kMostFeedback)); }

float FeedbackDelay::read(const Channel& channel, int delay) const noexcept {
  return delay > age_ ? 0.0f : channel.line[(position_ - delay) & (size_ - 1)];
}

void FeedbackDelay::process(const float* const* input, float* const* output, int numChannels, int numFrames) noexcept {
  const int used = std::min(numChannels, numChannels_);
  for (int t = 0; t < numFrames; ++t) {
    if (wanted_ != delay_ && !share_.isMoving()) {
      next_ = wanted_;
      share_.snap(0.0f);
      share_.setTarget(1.0f);
    }
    const bool fading = share_.isMoving();
    const float share = fading ? share_.next() : 0.0f, feedback = feedback_.next();
    for (int c = 0; c < used; ++c) {
      Channel& channel = channels_[std::size_t(c)];
      float late = read(channel, delay_);
      if (fading)
        late += share * (read(channel, next_) - late);
      channel.slow += lowCut_ * (late - channel.slow);
      channel.low += highCut_ * (late - channel.slow - channel.low);
      channel.line[position_] = input[c][t] + feedback * channel.low;
      output[c][t] = channel.low;
    }
    if (used == 1 && numChannels_ == 2) {
      channels_[1].line[position_] = channels_[0].line[position_];
      channels_[1].low = channels_[0].low;
      channels_[1].slow = channels_[0].slow;
    }
    if (fading && !share_.isMoving()) {
      delay_ = next_;
      share_.snap(0.0f);
    }
    position_ = (position_ + 1) & (size_ - 1);
    age_ += age_ < size_;
  }
}

} // namespace fxengine
