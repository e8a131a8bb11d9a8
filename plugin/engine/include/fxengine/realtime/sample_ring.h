// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace fxengine {

/** The latest samples of a signal, for a look from outside: a tuner, a scope. The audio thread writes and never waits;
    any number of others read. Samples are atomic, so that there is no data race; a reader that was overtaken by the
    writer notices. */
class SampleRing {
 public:
  static constexpr std::uint64_t kSize = 1 << 15;

  /** Audio thread. */
  void write(const float* samples, int numFrames) noexcept FXENGINE_REALTIME {
    const auto written = written_.load(std::memory_order_relaxed);
    // Readers are told first which places are about to change.
    reserved_.store(written + static_cast<std::uint64_t>(numFrames), std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (int t = 0; t < numFrames; ++t)
      samples_[(written + static_cast<std::uint64_t>(t)) % kSize].store(samples[t], std::memory_order_relaxed);
    written_.store(written + static_cast<std::uint64_t>(numFrames), std::memory_order_release);
  }

  /** Copies the latest samples, oldest first. False where there are not so many yet, or the writer came in between:
      `latest` is of no use then. At most kSize. */
  bool read(std::span<float> latest) const noexcept {
    const auto written = written_.load(std::memory_order_acquire);
    const auto count = static_cast<std::uint64_t>(latest.size());
    if (count > written || count > kSize)
      return false;
    for (std::uint64_t t = 0; t < count; ++t)
      latest[t] = samples_[(written - count + t) % kSize].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    return reserved_.load(std::memory_order_relaxed) <= written - count + kSize;
  }

  /** How many samples were written in all. */
  std::uint64_t numWritten() const noexcept { return written_.load(std::memory_order_acquire); }

 private:
  std::array<std::atomic<float>, kSize> samples_{};
  std::atomic<std::uint64_t> written_{0}, reserved_{0};
};

} // namespace fxengine
