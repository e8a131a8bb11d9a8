// SPDX-License-Identifier: MIT
#pragma once

#include "chain/capture_slot.h"

#include "fxengine/dsp/fading_delay.h"

#include <array>

namespace fxengine::detail {

/** Two captures side by side, equally late: one is heard, or both in any proportion. Threads as those of a Stage.

    One that is late plays for as long as it is late before the fade to it begins: there would be a gap else. */
class CapturePair {
 public:
  /** @param index  of the first one's slot in the settings; the second one's is behind it */
  explicit CapturePair(int index) : paths_{Path(index), Path(index + 1)} {}

  CaptureSlot& slot(int side) noexcept { return paths_[std::size_t(side)].slot; }
  int latencyToCome() const noexcept; ///< of what was offered last

  void prepare(const ChainFormat& format, const ChainSettings& settings);
  void collect();
  bool adopt(bool heard) noexcept;
  /** @param blend  0: the first alone, 1: the second alone
      @param levelsDb  behind each capture; an empty slot has none
      @param atOnce  delays jump
      @param unheard  the pair was not heard so far: all else jumps too */
  void follow(const ChainSettings& settings, float blend, const std::array<double, 2>& levelsDb, bool atOnce,
              bool unheard) noexcept;
  void clear() noexcept;
  void rest() noexcept;
  void process(float* const* channels, int numChannels, int numFrames) noexcept; ///< in place

  bool isEmpty() const noexcept { return paths_[0].slot.isEmpty() && paths_[1].slot.isEmpty(); }
  int framesToSwitch() const noexcept;
  int latencyFrames() const noexcept; ///< of what plays
  std::uint32_t takeFaults() noexcept { return paths_[0].slot.takeFaults() + paths_[1].slot.takeFaults(); }

 private:
  struct Path {
    CaptureSlot slot;
    Ramp share;            // in the sum
    float wanted = 0.0f;   // share, once nothing is to be awaited
    int framesToAwait = 0; // before it may be heard
    FadingDelay pad;       // to the latency of the other one
    bool wasEmpty = false; // before something was handed over

    explicit Path(int index) : slot(index) {}
    bool isHeard() const noexcept { return share.target() != 0.0f || share.isMoving() || framesToAwait > 0; }
    void clear() noexcept;
    void process(float* const* channels, int numChannels, int numFrames) noexcept;
  };

  void fade(bool atOnce) noexcept; // to the shares wanted, unless something is to be awaited

  std::array<Path, 2> paths_;
  PartBuffer sum_, one_;
};

} // namespace fxengine::detail
