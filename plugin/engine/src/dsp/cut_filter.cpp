// SPDX-License-Identifier: MIT
#include "fxengine/dsp/cut_filter.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fxengine {

void CutFilter::prepare(double sampleRate, int numChannels) {
  sampleRate_ = sampleRate;
  warped_.prepare(sampleRate, kRampMs);
  states_.assign(std::size_t(std::max(numChannels, 0)), State{});
}

void CutFilter::reset() noexcept {
  std::fill(states_.begin(), states_.end(), State{});
  warped_.snap(warped_.target());
}

void CutFilter::copyState(int from, int to) noexcept {
  if (std::size_t(std::max(from, to)) < states_.size())
    states_[std::size_t(to)] = states_[std::size_t(from)];
}

void CutFilter::setFrequency(double hz) noexcept {
  const double kept = std::clamp(hz, 1.0, 0.45 * sampleRate_);
  warped_.setTarget(float(std::tan(std::numbers::pi * kept / sampleRate_)));
}

void CutFilter::process(float* const* channels, int numChannels, int numFrames) noexcept {
  constexpr float k = std::numbers::sqrt2_v<float>;
  const int used = std::min(numChannels, int(states_.size()));
  for (int start = 0; start < numFrames;) {
    // While the frequency moves, frame by frame.
    const int count = warped_.isMoving() ? 1 : numFrames - start;
    warped_.skip(count);
    const float g = warped_.value();
    const float a1 = 1.0f / (1.0f + g * (g + k)), a2 = g * a1, a3 = g * a2;
    for (int c = 0; c < used; ++c) {
      State state = states_[std::size_t(c)];
      float* samples = channels[c] + start;
      for (int t = 0; t < count; ++t) {
        const float input = samples[t], v3 = input - state.second;
        const float band = a1 * state.first + a2 * v3;
        const float low = state.second + a2 * state.first + a3 * v3;
        state.first = 2.0f * band - state.first;
        state.second = 2.0f * low - state.second;
        samples[t] = kind_ == Kind::highCut ? low : input - k * band - low;
      }
      states_[std::size_t(c)] = state;
    }
    start += count;
  }
}

} // namespace fxengine
