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

/** Carries audio from the audio thread to one that writes it to a file: every frame, in order, without a lock.

        audio thread --write()--> [ring of numFrames] --read()--> one reader

    A block for which there is no room is not taken at all, and write() says so: the channels never part. */
class SampleQueue {
 public:
  /** Allocates.
      @param numFrames  that are held at least */
  SampleQueue(int numChannels, std::size_t numFrames)
      : numChannels_(static_cast<std::size_t>(numChannels)), capacity_(std::bit_ceil(numFrames)),
        samples_(capacity_ * numChannels_) {}

  int numChannels() const noexcept { return static_cast<int>(numChannels_); }

  /** For the audio thread. @returns false, and takes nothing, where there is no room */
  bool write(const float* const* channels, int numFrames) noexcept FXENGINE_REALTIME {
    const std::uint64_t end = written_.load(std::memory_order_relaxed);
    const auto count = static_cast<std::uint64_t>(std::max(numFrames, 0));
    if (end - read_.load(std::memory_order_acquire) + count > capacity_)
      return false;
    for (std::uint64_t index = 0; index < count; ++index) {
      float* frame = samples_.data() + ((end + index) & (capacity_ - 1)) * numChannels_;
      for (std::size_t channel = 0; channel < numChannels_; ++channel)
        frame[channel] = channels[channel][index];
    }
    written_.store(end + count, std::memory_order_release);
    return true;
  }

  /** For the reader: how many frames are waiting. */
  std::size_t numWaiting() const noexcept {
    return static_cast<std::size_t>(written_.load(std::memory_order_acquire) - read_.load(std::memory_order_relaxed));
  }

  /** For the reader: takes the oldest frames, interleaved; as many as there are and as fit.
      @returns how many frames */
  std::size_t read(std::span<float> interleaved) noexcept {
    const std::uint64_t start = read_.load(std::memory_order_relaxed);
    const std::size_t count = std::min(numWaiting(), interleaved.size() / numChannels_);
    for (std::size_t index = 0; index < count; ++index)
      std::copy_n(samples_.data() + ((start + index) & (capacity_ - 1)) * numChannels_, numChannels_,
                  interleaved.data() + index * numChannels_);
    read_.store(start + count, std::memory_order_release);
    return count;
  }

 private:
  std::size_t numChannels_;
  std::uint64_t capacity_; ///< frames, a power of two
  std::vector<float> samples_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> read_{0};
};

} // namespace fxengine
