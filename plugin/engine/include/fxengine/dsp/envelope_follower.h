// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <cmath>

namespace fxengine {

/** The level of a signal, smoothed: e[t] = e[t-1] + k (|x[t]| - e[t-1]), where k is that of the attack while |x[t]| is
    above e[t-1], else that of the release. A time constant of T seconds has k = 1 - exp(-1 / (T rate)): what is left of
   a step after T is 1/e of it.

    Kept in float64: in float32, a second's time constant stops moving 0.3 % short of where it goes. */
class EnvelopeFollower {
 public:
  EnvelopeFollower(double attackMs, double releaseMs, double sampleRate)
      : attack_(coefficient(attackMs, sampleRate)), release_(coefficient(releaseMs, sampleRate)) {}

  /** The level after one more sample. */
  float next(float sample) noexcept FXENGINE_REALTIME {
    const double distance = std::abs(double{sample}) - level_;
    level_ += (distance > 0.0 ? attack_ : release_) * distance;
    return static_cast<float>(level_);
  }

  double level() const noexcept FXENGINE_REALTIME { return level_; }
  void setLevel(double level) noexcept FXENGINE_REALTIME { level_ = level; }

  static double coefficient(double milliseconds, double sampleRate) {
    return -std::expm1(-1.0 / (1e-3 * milliseconds * sampleRate));
  }

 private:
  double attack_, release_;
  double level_ = 0.0;
};

} // namespace fxengine
