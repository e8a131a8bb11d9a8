// SPDX-License-Identifier: MIT
#include "fxengine/dsp/level_meter.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fxengine {
namespace {

constexpr int kLanes = 8; // sums side by side, for the compiler to keep in vectors

struct Extent {
  float peak = 0.0f;
  float sum = 0.0f; // of squares
};

Extent extentOf(const float* samples, int numFrames) noexcept {
  float peaks[kLanes] = {};
  float sums[kLanes] = {};
  int frame = 0;
  for (; frame + kLanes <= numFrames; frame += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float magnitude = std::abs(samples[frame + lane]);
      peaks[lane] = peaks[lane] < magnitude ? magnitude : peaks[lane];
      sums[lane] += magnitude * magnitude;
    }
  }
  for (; frame < numFrames; ++frame) {
    const float magnitude = std::abs(samples[frame]);
    peaks[0] = peaks[0] < magnitude ? magnitude : peaks[0];
    sums[0] += magnitude * magnitude;
  }
  Extent extent;
  for (int lane = 0; lane < kLanes; ++lane) {
    extent.peak = std::max(extent.peak, peaks[lane]);
    extent.sum += sums[lane];
  }
  return extent;
}

} // namespace

void LevelMeter::prepare(double sampleRate) {
  share_ = static_cast<float>(-std::expm1(-kGrid / (kRmsMs / 1000.0 * sampleRate)));
  reset();
}

void LevelMeter::reset() noexcept {
  peak_.store(0.0f, std::memory_order_relaxed);
  power_.store(0.0f, std::memory_order_relaxed);
  numClips_.store(0, std::memory_order_relaxed);
  sum_ = 0.0f;
  numSummed_ = 0;
}

void LevelMeter::push(const float* const* channels, int numChannels, int numFrames) noexcept {
  if (numChannels < 1)
    return;
  float peak = 0.0f;
  float power = power_.load(std::memory_order_relaxed);
  for (int start = 0; start < numFrames;) {
    const int count = std::min(kGrid - numSummed_, numFrames - start);
    for (int channel = 0; channel < numChannels; ++channel) {
      const Extent extent = extentOf(channels[channel] + start, count);
      peak = std::max(peak, extent.peak);
      sum_ += extent.sum;
    }
    start += count;
    numSummed_ += count;
    if (numSummed_ == kGrid) {
      const float mean = sum_ / static_cast<float>(kGrid * numChannels);
      if (mean <= std::numeric_limits<float>::max()) // neither NaN nor infinite
        power += (mean - power) * share_;
      sum_ = 0.0f;
      numSummed_ = 0;
    }
  }
  power_.store(power, std::memory_order_relaxed);

  if (peak > 1.0f) {
    std::uint32_t count = 0;
    for (int channel = 0; channel < numChannels; ++channel)
      count += static_cast<std::uint32_t>(std::count_if(channels[channel], channels[channel] + numFrames,
                                                        [](float sample) { return std::abs(sample) > 1.0f; }));
    numClips_.store(numClips_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  // Ends: only takePeak() comes between, and it makes the value 0.
  float known = peak_.load(std::memory_order_relaxed);
  while (known < peak && !peak_.compare_exchange_weak(known, peak, std::memory_order_relaxed)) {
  }
}

float LevelMeter::rms() const noexcept { return std::sqrt(power_.load(std::memory_order_relaxed)); }

} // namespace fxengine
