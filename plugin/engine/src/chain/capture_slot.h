// SPDX-License-Identifier: MIT
#pragma once

#include "chain/exchanged.h"

#include <array>
#include <atomic>
#include <optional>
#include <utility>

namespace fxengine::detail {

/** A place for a capture: plays it, and fades to the next one. Threads as those of a Stage. */
class CaptureSlot {
 public:
  /** @param index  of its knobs and its quality in the settings */
  explicit CaptureSlot(int index) : index_(std::size_t(index)) { level_.snap(1.0f); }

  void prepare(const ChainFormat& format, const ChainSettings& settings);
  void offer(std::unique_ptr<SlotContent> content, const ChainSettings& settings); ///< null: nothing
  void collect() { content_.collect(); }
  int latencyToCome() const noexcept { return latency_.load(std::memory_order_relaxed); } ///< of what was offered last

  bool adopt(bool heard) noexcept { return content_.adopt(heard); }
  /** A gain behind the capture, for a slot that has one; without a capture it counts for nothing. */
  void setLevel(float gain, bool atOnce) noexcept { detail::follow(level_, gain, atOnce); }
  /** @param unheard  it was not heard so far: gains and knobs jump */
  void follow(const ChainSettings& settings, bool unheard) noexcept;
  void clear() noexcept;
  void rest() noexcept;
  /** Plays in place. Without a capture the sound passes through. */
  void process(float* const* channels, int numChannels, int numFrames) noexcept;

  bool isEmpty() const noexcept { return !hasCapture() && !(content_.leaving() && content_.leaving()->model); }
  const SlotContent* content() const noexcept { return content_.current(); }
  bool hasCapture() const noexcept { return content_.current() != nullptr && content_.current()->model; }
  std::optional<double> loudnessDb() const noexcept {
    return content_.current() ? content_.current()->loudnessDb : std::nullopt;
  }
  int latencyFrames() const noexcept { return content_.current() ? content_.current()->latencyFrames() : 0; }
  std::uint32_t takeFaults() noexcept { return std::exchange(faults_, 0u); }

 private:
  void prepareModel(HostRateModel& model, const ChainSettings& settings);
  void playModels(float* const* channels, float* const* leaving, int numChannels, int numFrames) noexcept;
  template <class Visit> void eachModel(const Visit& visit) noexcept {
    for (SlotContent* each : {content_.current(), content_.leaving()})
      if (each && each->model)
        visit(*each->model);
  }

  std::size_t index_;
  ChainFormat format_;
  Exchanged<SlotContent> content_;
  Ramp calibration_, level_;
  std::array<Ramp, ChainSettings::kNumKnobs> knobs_; // positions, of those that are set
  std::uint32_t faults_ = 0;
  std::atomic<int> latency_{0};
};

} // namespace fxengine::detail
