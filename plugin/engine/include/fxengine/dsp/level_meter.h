// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <atomic>
#include <cstdint>

namespace fxengine {

/** Peak, RMS and clipped samples of a signal: the audio thread pushes, any thread reads, without a lock.

    The RMS is that of all channels together, over an exponential window with a time constant of 300 ms (that of the
    classic VU meter), brought up to date once in kGrid frames. Block sizes matter to it by rounding only. */
class LevelMeter {
 public:
  static constexpr double kRmsMs = 300.0;

  /** Sets the sample rate and clears everything. Not while push() runs. */
  void prepare(double sampleRate);

  /** As after prepare(). Not while push() runs. */
  void reset() noexcept FXENGINE_REALTIME;

  /** The audio thread's part. Real-time safe. */
  void push(const float* const* channels, int numChannels, int numFrames) noexcept FXENGINE_REALTIME;

  /** Greatest |x| since the last call, 0 where nothing was pushed. For one reader: what it takes is gone. */
  float takePeak() noexcept FXENGINE_REALTIME { return peak_.exchange(0.0f, std::memory_order_relaxed); }

  float rms() const noexcept FXENGINE_REALTIME;

  /** Samples beyond 1.0, either way, since reset(); wraps around. */
  std::uint32_t numClips() const noexcept FXENGINE_REALTIME { return numClips_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kGrid = 64;
  static_assert(std::atomic<float>::is_always_lock_free);

  std::atomic<float> peak_{0.0f};
  std::atomic<float> power_{0.0f}; ///< mean square
  std::atomic<std::uint32_t> numClips_{0};
  float share_ = 0.0f; ///< of kGrid new frames in the mean
  float sum_ = 0.0f;   ///< of squares since the last update, over numSummed_ frames
  int numSummed_ = 0;
};

} // namespace fxengine
