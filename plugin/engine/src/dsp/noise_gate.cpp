// SPDX-License-Identifier: MIT
#include "fxengine/dsp/noise_gate.h"

#include <algorithm>
#include <cmath>

namespace fxengine {
namespace {

constexpr int kChunk = 32; // frames whose levels are found at a time

float clamped(float value, float least, float most) noexcept {
  return value >= least ? std::min(value, most) : least; // NaN: the least
}

float curve(double position) noexcept { return static_cast<float>(position * position * (3.0 - 2.0 * position)); }

} // namespace

void NoiseGate::prepare(double sampleRate, int /*numChannels*/) {
  sampleRate_ = sampleRate;
  attackStep_ = 1.0 / std::max(1.0, std::round(sampleRate * kAttackMs / 1000.0));
  holdFrames_ = static_cast<int>(std::max(1.0, std::round(sampleRate * kHoldMs / 1000.0)));
  setRelease(releaseMs_);
  reset();
}

void NoiseGate::reset() noexcept {
  held_ = holdFrames_;
  position_ = 1.0;
  gain_.store(1.0f, std::memory_order_relaxed);
}

void NoiseGate::setThreshold(float db) noexcept {
  const float level = clamped(db, -120.0f, 0.0f);
  openLevel_ = std::pow(10.0f, level / 20.0f);
  closeLevel_ = std::pow(10.0f, (level - static_cast<float>(kHysteresisDb)) / 20.0f);
}

void NoiseGate::setRelease(float ms) noexcept {
  releaseMs_ = clamped(ms, 1.0f, 10000.0f);
  releaseStep_ = 1.0 / std::max(1.0, std::round(sampleRate_ * double{releaseMs_} / 1000.0));
}

void NoiseGate::process(float* const* channels, int numChannels, int numFrames) noexcept {
  if (numChannels < 1)
    return;
  for (int start = 0; start < numFrames; start += kChunk) {
    const int count = std::min(kChunk, numFrames - start);
    float levels[kChunk];
    for (int frame = 0; frame < count; ++frame)
      levels[frame] = std::abs(channels[0][start + frame]);
    for (int channel = 1; channel < numChannels; ++channel) {
      for (int frame = 0; frame < count; ++frame) {
        const float level = std::abs(channels[channel][start + frame]);
        levels[frame] = levels[frame] < level ? level : levels[frame];
      }
    }

    // The common cases at once: what step() would do too, frame by frame.
    if (held_ > count && position_ == 1.0) { // stays open, wherever the last peak is
      int quiet = 0;
      while (quiet < count && !(levels[count - 1 - quiet] >= closeLevel_))
        ++quiet;
      held_ = quiet < count ? holdFrames_ - quiet : held_ - count;
    } else if (held_ == 0 && position_ == 0.0 &&
               std::none_of(levels, levels + count, [this](float level) { return level >= openLevel_; })) {
      for (int channel = 0; channel < numChannels; ++channel)
        std::fill_n(channels[channel] + start, count, 0.0f);
    } else {
      step(channels, numChannels, start, count, levels);
    }
  }
  gain_.store(curve(position_), std::memory_order_relaxed);
}

void NoiseGate::step(float* const* channels, int numChannels, int start, int numFrames, const float* levels) noexcept {
  float gains[kChunk];
  for (int frame = 0; frame < numFrames; ++frame) {
    const float level = levels[frame];
    if (level >= (held_ > 0 ? closeLevel_ : openLevel_))
      held_ = holdFrames_;
    else if (held_ > 0)
      --held_;
    position_ = held_ > 0 ? std::min(position_ + attackStep_, 1.0) : std::max(position_ - releaseStep_, 0.0);
    gains[frame] = curve(position_);
  }
  for (int channel = 0; channel < numChannels; ++channel) {
    float* samples = channels[channel] + start;
    for (int frame = 0; frame < numFrames; ++frame) {
      // Zero whatever the sample is: a negative one must not leave -0, a closed gate lets no NaN through.
      samples[frame] = gains[frame] == 0.0f ? 0.0f : samples[frame] * gains[frame];
    }
  }
}

} // namespace fxengine
