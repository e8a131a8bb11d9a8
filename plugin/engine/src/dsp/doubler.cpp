// SPDX-License-Identifier: MIT
#include "fxengine/dsp/doubler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace fxengine {

void Doubler::prepare(double sampleRate) {
  sampleRate_ = sampleRate;
  const auto longest = std::size_t(std::ceil(1e-3 * (kMostMs + kWanderMs) * sampleRate));
  line_.assign(std::bit_ceil(longest + 4), 0.0f);
  width_.prepare(sampleRate, kGlideMs);
  reset();
}

void Doubler::reset() noexcept {
  age_ = 0;
  position_ = 0;
  frame_ = 0;
  from_ = to_ = 0.0;
  width_.snap(width_.target());
}

void Doubler::setWidth(float width) noexcept { width_.setTarget(std::clamp(width, 0.0f, 1.0f)); }

double Doubler::wanderAt(long long frame) const noexcept {
  const double seconds = double(frame) / sampleRate_;
  double sum = 0.0;
  for (const double hz : kWanderHz)
    sum += std::sin(2.0 * std::numbers::pi * std::fmod(hz * seconds, 1.0));
  return 0.5e-3 * kWanderMs * sampleRate_ * sum;
}

void Doubler::process(float* samples, int numFrames) noexcept {
  const int mask = int(line_.size()) - 1;
  for (int t = 0; t < numFrames; ++t) {
    const auto within = int(frame_ % kGrid);
    if (within == 0) {
      from_ = to_;
      to_ = wanderAt(frame_ + kGrid);
    }
    line_[std::size_t(position_)] = samples[t];
    age_ += age_ <= mask;
    const double wander = from_ + (to_ - from_) * double(within) / kGrid;
    const double width = double(width_.next());
    const double delay = 1e-3 * (kLeastMs + width * (kMostMs - kLeastMs)) * sampleRate_ + wander;
    const auto whole = int(delay);
    const auto part = float(delay - whole);
    // Lagrange's polynomial through the frames whole - 1 to whole + 2 back, at whole + part.
    float x[4];
    for (int k = 0; k < 4; ++k) {
      const int back = whole - 1 + k;
      x[k] = back < age_ ? line_[std::size_t((position_ - back) & mask)] : 0.0f;
    }
    const float a = part + 1.0f, b = part - 1.0f, c = part - 2.0f;
    samples[t] = x[0] * part * b * c * (-1.0f / 6.0f) + x[1] * a * b * c * 0.5f - x[2] * a * part * c * 0.5f +
                 x[3] * a * part * b * (1.0f / 6.0f);
    position_ = (position_ + 1) & mask;
    ++frame_;
  }
}

} // namespace fxengine
