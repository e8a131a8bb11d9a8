// SPDX-License-Identifier: MIT
#include "fxengine/dsp/fading_delay.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace fxengine {
namespace {

constexpr int kChunk = 64; // frames that enter the ring before any are read

} // namespace

void FadingDelay::prepare(double sampleRate, int numChannels, int maxDelayFrames) {
  numChannels_ = std::max(numChannels, 0);
  maxDelay_ = std::max(maxDelayFrames, 0);
  ringSize_ = static_cast<int>(std::bit_ceil(static_cast<unsigned>(maxDelay_ + kChunk)));
  fade_.prepare(sampleRate, kFadeMs);
  memory_.assign(static_cast<std::size_t>(numChannels_) * static_cast<std::size_t>(ringSize_), 0.0f);
  wanted_ = std::min(wanted_, maxDelay_);
  reset();
}

void FadingDelay::reset() noexcept {
  std::fill(memory_.begin(), memory_.end(), 0.0f);
  position_ = 0;
  snapDelay(wanted_);
}

void FadingDelay::setDelay(int frames) noexcept { wanted_ = std::clamp(frames, 0, maxDelay_); }

void FadingDelay::snapDelay(int frames) noexcept {
  setDelay(frames);
  delay_ = next_ = wanted_;
  fade_.set(true, true);
}

void FadingDelay::read(const float* ring, int delay, float* target, int numFrames) const noexcept {
  const int start = (position_ - delay) & (ringSize_ - 1);
  const int first = std::min(numFrames, ringSize_ - start);
  std::copy_n(ring + start, first, target);
  std::copy_n(ring, numFrames - first, target + first);
}

void FadingDelay::process(const float* const* input, float* const* output, int numChannels, int numFrames) noexcept {
  for (int channel = numChannels_; channel < numChannels; ++channel)
    std::fill_n(output[channel], numFrames, 0.0f);
  if (numChannels_ == 0)
    return;

  for (int start = 0; start < numFrames;) {
    if (!fade_.isMoving() && wanted_ != delay_) {
      next_ = wanted_;
      fade_.start();
    }
    const bool fading = fade_.isMoving();
    int count = std::min(kChunk, numFrames - start);
    if (fading)
      count = std::min(count, fade_.framesLeft());

    for (int channel = 0; channel < numChannels_; ++channel) {
      float* ring = memory_.data() + static_cast<std::ptrdiff_t>(channel) * ringSize_;
      const int first = std::min(count, ringSize_ - position_);
      if (channel >= numChannels) { // not played in this block
        std::fill_n(ring + position_, first, 0.0f);
        std::fill_n(ring, count - first, 0.0f);
        continue;
      }
      const float* in = input[channel] + start;
      float* out = output[channel] + start;
      std::copy_n(in, first, ring + position_);
      std::copy_n(in + first, count - first, ring);
      if (fading || delay_ > 0) {
        read(ring, delay_, out, count);
      } else if (out != in) {
        std::copy_n(in, count, out);
      }
      if (fading) {
        float coming[kChunk];
        read(ring, next_, coming, count);
        float* const to[] = {coming};
        Crossfade fade = fade_; // the same for each channel
        fade.mix(&out, to, 1, count);
        std::copy_n(coming, count, out);
      }
    }

    position_ = (position_ + count) & (ringSize_ - 1);
    start += count;
    fade_.skip(count);
    if (!fade_.isMoving())
      delay_ = next_;
  }
}

} // namespace fxengine
