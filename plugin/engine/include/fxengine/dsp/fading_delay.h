// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/crossfade.h"
#include "fxengine/realtime/realtime.h"

#include <vector>

namespace fxengine {

/** A delay of whole frames that can be changed while it plays, without a click.

    A change fades from the old delay to the new one in kFadeMs, on a straight line. One that is asked for during a fade
    waits for its end. Any block size gives the same output, bit for bit. prepare() allocates; what is marked is
    real-time safe. */
class FadingDelay {
 public:
  static constexpr double kFadeMs = 20.0;

  /** Makes room for delays of 0 to `maxDelayFrames` frames, and clears the history. */
  void prepare(double sampleRate, int numChannels, int maxDelayFrames);

  /** Clears the history and ends a fade. The delay stays. */
  void reset() noexcept FXENGINE_REALTIME;

  /** Fades to another delay, kept within what was prepared. */
  void setDelay(int frames) noexcept FXENGINE_REALTIME;

  /** Changes the delay at once. */
  void snapDelay(int frames) noexcept FXENGINE_REALTIME;

  /** The delay asked for last. */
  int delay() const noexcept FXENGINE_REALTIME { return wanted_; }

  /** Whether the output is the input: no delay, and none that fades in or out. The history need not be kept then. */
  bool isIdle() const noexcept FXENGINE_REALTIME { return delay_ == 0 && wanted_ == 0 && !fade_.isMoving(); }

  /** Delays one block; `output[c]` may be `input[c]`, else they must not overlap. With a delay of 0, and no fade, the
      output is the input. Channels beyond the prepared number are silent. */
  void process(const float* const* input, float* const* output, int numChannels,
               int numFrames) noexcept FXENGINE_REALTIME;

 private:
  void read(const float* ring, int delay, float* target, int numFrames) const noexcept;

  std::vector<float> memory_; ///< one ring per channel
  int numChannels_ = 0;
  int ringSize_ = 0; ///< a power of two, of at least kChunk more than the longest delay
  int maxDelay_ = 0;
  int position_ = 0; ///< where the next frame goes
  int delay_ = 0;    ///< what is heard, or fades out
  int next_ = 0;     ///< what fades in
  int wanted_ = 0;
  Crossfade fade_; ///< from delay_ to next_
};

} // namespace fxengine
