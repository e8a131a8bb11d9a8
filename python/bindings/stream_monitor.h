// SPDX-License-Identifier: MIT
#pragma once

#include "portaudio_stream.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

/** What a callback tells of itself: blocks, times, lost audio. The audio thread writes, any thread reads. */
class StreamMonitor {
 public:
  /** Share of a block's time that one step of the histogram stands for; its last step holds all that is longer. */
  static constexpr double kStep = 0.001;
  static constexpr std::size_t kNumSteps = 4001;

  explicit StreamMonitor(double sampleRate) : sampleRate_(sampleRate) {}

  /** Lives as long as the callback works on a block. */
  class Block {
   public:
    Block(StreamMonitor& monitor, unsigned long numFrames, const portaudio::StreamTime* time,
          unsigned long flags) noexcept
        : monitor_(monitor), numFrames_(numFrames), start_(Clock::now()) {
      monitor_.enter(time, flags);
    }
    ~Block() { monitor_.leave(numFrames_, std::chrono::duration<double>(Clock::now() - start_).count()); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

   private:
    using Clock = std::chrono::steady_clock;
    StreamMonitor& monitor_;
    unsigned long numFrames_;
    Clock::time_point start_;
  };

  std::uint64_t numBlocks() const noexcept { return numBlocks_.load(std::memory_order_relaxed); }
  std::uint64_t numFrames() const noexcept { return numFrames_.load(std::memory_order_relaxed); }
  std::uint64_t blockSize() const noexcept { return blockSize_.load(std::memory_order_relaxed); }
  /** Blocks that came with a flag: input was lost, or output was late. */
  std::uint64_t numXruns() const noexcept { return numXruns_.load(std::memory_order_relaxed); }
  /** From converter to converter as the driver tells it, in seconds; 0 where it does not. */
  double latency() const noexcept { return latency_.load(std::memory_order_relaxed); }
  double longestBlock() const noexcept { return longest_.load(std::memory_order_relaxed); } ///< share of its time
  /** How many blocks took so many steps of their time. */
  std::vector<std::uint64_t> loads() const {
    std::vector<std::uint64_t> counts;
    for (const auto& count : loads_)
      counts.push_back(count.load(std::memory_order_relaxed));
    return counts;
  }

 private:
  void enter(const portaudio::StreamTime* time, unsigned long flags) noexcept {
    if (time != nullptr)
      latency_.store(time->outputDac - time->inputAdc, std::memory_order_relaxed);
    using enum portaudio::Flags;
    // Nothing has been played before the first block: what is said to be lost then is not.
    if ((flags & (inputOverflow | inputUnderflow | outputUnderflow | outputOverflow)) != 0 && numBlocks() > 0)
      numXruns_.fetch_add(1, std::memory_order_relaxed);
  }

  void leave(unsigned long numFrames, double seconds) noexcept {
    const double share = numFrames > 0 ? seconds * sampleRate_ / static_cast<double>(numFrames) : 0.0;
    const double last = static_cast<double>(kNumSteps - 1);
    loads_[static_cast<std::size_t>(share / kStep < last ? share / kStep : last)].fetch_add(1,
                                                                                            std::memory_order_relaxed);
    if (share > longest_.load(std::memory_order_relaxed))
      longest_.store(share, std::memory_order_relaxed);
    blockSize_.store(numFrames, std::memory_order_relaxed);
    numFrames_.fetch_add(numFrames, std::memory_order_relaxed);
    numBlocks_.fetch_add(1, std::memory_order_relaxed);
  }

  double sampleRate_;
  std::array<std::atomic<std::uint64_t>, kNumSteps> loads_{};
  std::atomic<std::uint64_t> numBlocks_{0}, numFrames_{0}, blockSize_{0}, numXruns_{0};
  std::atomic<double> latency_{0.0}, longest_{0.0};
};
