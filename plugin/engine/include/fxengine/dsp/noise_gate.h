// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <atomic>

namespace fxengine {

/** A noise gate for guitars: zero latency, one decision for all channels.

        |x| of the loudest channel >= threshold         opens within kAttackMs
        ... < threshold - kHysteresisDb for kHoldMs     closes within the release time

    Peaks are compared as they come, with no smoothing that would cost time: a pick's first half wave opens the gate.
    The hold time bridges the zero crossings (30 ms are more than half a period of a bass's lowest string, 16 ms), the
    hysteresis the beating of a chord that dies away and the noise on it. The gain moves on the curve p^2 (3 - 2p), p
    going from 0 to 1 or back in a straight line: without a corner at either end.

    An open gate passes every bit; a closed one gives exact zeros. After reset() it is open, so that switching it on in
    the middle of a note leaves no gap. Any block size gives the same output, bit for bit. prepare() must come first;
    what is marked is real-time safe. */
class NoiseGate {
 public:
  static constexpr double kAttackMs = 0.8;
  static constexpr double kHoldMs = 30.0;
  static constexpr double kHysteresisDb = 6.0;

  void prepare(double sampleRate, int numChannels);

  /** Opens the gate. Threshold and release stay. */
  void reset() noexcept FXENGINE_REALTIME;

  /** @param db  of full scale, for a sample's absolute value; -120 to 0 */
  void setThreshold(float db) noexcept FXENGINE_REALTIME;

  /** From open to closed; 1 to 10000 ms. */
  void setRelease(float ms) noexcept FXENGINE_REALTIME;

  void process(float* const* channels, int numChannels, int numFrames) noexcept FXENGINE_REALTIME;

  /** What the last frame was multiplied by, 0 to 1. For any thread. */
  float gain() const noexcept FXENGINE_REALTIME { return gain_.load(std::memory_order_relaxed); }

 private:
  void step(float* const* channels, int numChannels, int start, int numFrames, const float* levels) noexcept;

  double sampleRate_ = 48000.0;
  float openLevel_ = 0.001f;
  float closeLevel_ = 0.0005f;
  float releaseMs_ = 80.0f;
  double attackStep_ = 1.0;
  double releaseStep_ = 1.0;
  int holdFrames_ = 1;

  int held_ = 1; ///< frames that an open gate stays open without a peak; 0 where it closes or is closed
  double position_ = 1.0;
  std::atomic<float> gain_{1.0f};
};

} // namespace fxengine
