// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fxengine {

/** The latest samples of a signal, for a look from outside: a tuner, a scope. The audio thread writes and never waits;
    any number of others read. A reader that was overtaken by the writer notices.

        claimed_ is raised -> samples are stored -> written_ is raised        (writer)
        written_ is read -> samples are copied -> claimed_ is read            (reader)

    Each sample is an atomic of its own, stored with release and loaded with acquire order: a reader that met a sample
    of a later lap therefore sees that lap in claimed_ too, and throws its copy away. Without fences, which the thread
    sanitizer does not understand; on x86 it costs no instruction more than a plain copy. */
class SampleRing {
 public:
  /** @param numFrames  the most that a reader can ask for. Half as many more are kept, so that a reader is seldom
                        overtaken. Allocates. */
  explicit SampleRing(std::size_t numFrames)
      : capacity_(std::bit_ceil(numFrames + numFrames / 2 + 1)), samples_(capacity_) {}

  /** For the audio thread. Real-time safe. */
  void write(const float* samples, int numFrames) noexcept FXENGINE_REALTIME {
    const std::uint64_t start = written_.load(std::memory_order_relaxed);
    const auto count = static_cast<std::uint64_t>(std::max(numFrames, 0));
    claimed_.store(start + count, std::memory_order_relaxed);
    for (std::uint64_t index = 0; index < count; ++index)
      samples_[(start + index) & (capacity_ - 1)].store(samples[index], std::memory_order_release);
    written_.store(start + count, std::memory_order_release);
  }

  /** Copies the latest samples, oldest first. For any thread.
      @returns whether there were so many, all from one stretch of the signal; else `latest` is of no use */
  bool read(std::span<float> latest) const noexcept FXENGINE_REALTIME {
    constexpr int kAttempts = 3;
    const std::uint64_t count = latest.size();
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const std::uint64_t end = written_.load(std::memory_order_acquire);
      if (count > end || count > capacity_)
        return false;
      const std::uint64_t start = end - count;
      for (std::uint64_t index = 0; index < count; ++index)
        latest[index] = samples_[(start + index) & (capacity_ - 1)].load(std::memory_order_acquire);
      if (claimed_.load(std::memory_order_relaxed) - start <= capacity_)
        return true;
    }
    return false;
  }

  /** How many samples were written in all. */
  std::uint64_t numWritten() const noexcept FXENGINE_REALTIME { return written_.load(std::memory_order_acquire); }

 private:
  std::uint64_t capacity_; ///< a power of two
  std::vector<std::atomic<float>> samples_;
  std::atomic<std::uint64_t> claimed_{0}; ///< samples that are written or being written
  std::atomic<std::uint64_t> written_{0};
};

} // namespace fxengine
