// SPDX-License-Identifier: MIT
#pragma once

#include "chain/stage.h"

#include "fxengine/realtime/handover.h"

#include <memory>

namespace fxengine::detail {

/** What a loading thread hands over to be played, and what plays until the fade to it is over. */
template <class T> class Exchanged {
 public:
  // Loading thread
  void offer(std::unique_ptr<T> next) {
    handover_.offer(std::move(next));
    collect();
  }
  void collect() { handover_.collect(); }
  /** While nothing plays: takes what was handed over at once. */
  void prepare(double sampleRate) {
    if (auto next = handover_.take())
      current_ = std::move(next);
    leaving_.reset();
    collect();
    fade_.prepare(sampleRate, SignalChain::kFadeMs);
  }

  // Audio thread
  T* current() const noexcept { return current_.get(); } ///< null: nothing was handed over yet
  T* leaving() const noexcept { return leaving_.get(); } ///< null: none

  /** Takes the next one, where the last fade is over. @param heard  it is faded in, else it is there at once */
  bool adopt(bool heard) noexcept {
    if (!heard)
      fade_.set(true, true);
    if (leaving_ && !fade_.isMoving())
      handover_.giveBack(leaving_);
    if (leaving_)
      return false;
    auto next = handover_.take();
    if (!next)
      return false;
    leaving_ = std::move(current_);
    current_ = std::move(next);
    if (heard)
      fade_.start();
    else if (leaving_)
      handover_.giveBack(leaving_);
    return true;
  }

  /** Calls `play(channels, leaving)`, which plays the current one, and in `leaving`, unless that is null, the one that
      leaves; and fades between the two. */
  template <class Play>
  void process(float* const* channels, int numChannels, int numFrames, const Play& play) noexcept {
    if (!leaving_ || !fade_.isMoving()) {
      play(channels, nullptr);
      return;
    }
    copyChannels(channels, buffer_.channels(), numChannels, numFrames);
    play(channels, buffer_.channels());
    fade_.mix(buffer_.channels(), channels, numChannels, numFrames);
  }

 private:
  Handover<T> handover_;
  std::unique_ptr<T> current_, leaving_;
  Crossfade fade_; // from the one that leaves
  PartBuffer buffer_;
};

} // namespace fxengine::detail
