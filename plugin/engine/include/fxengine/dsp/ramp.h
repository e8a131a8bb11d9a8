// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <algorithm>
#include <cmath>

namespace fxengine {

/** A value that goes to its target on a straight line, in a fixed time.

        value = target - step * (frames left)

    The value is computed from the number of frames left, not summed up: it ends on the target exactly, and neither
    block sizes nor skip() leave a trace in it. All but prepare() is real-time safe. Values and targets are finite. */
class Ramp {
 public:
  /** Sets the time from start to target, at least one frame. A ramp under way ends: the value is the target. */
  void prepare(double sampleRate, double rampMs) {
    length_ = std::max(1, static_cast<int>(std::lround(std::min(sampleRate * rampMs / 1000.0, 1e8))));
    left_ = 0;
  }

  /** Starts a ramp from the present value; does nothing where this is the target already. */
  void setTarget(float target) noexcept FXENGINE_REALTIME {
    if (target == target_)
      return;
    step_ = (target - value()) / static_cast<float>(length_);
    target_ = target;
    left_ = length_;
  }

  /** Is there at once. */
  void snap(float value) noexcept FXENGINE_REALTIME {
    target_ = value;
    left_ = 0;
  }

  float value() const noexcept FXENGINE_REALTIME { return left_ == 0 ? target_ : at(left_); }
  float target() const noexcept FXENGINE_REALTIME { return target_; }
  int framesLeft() const noexcept FXENGINE_REALTIME { return left_; } ///< until the target
  bool isMoving() const noexcept FXENGINE_REALTIME { return left_ > 0; }

  /** Goes one frame further; the frame after setTarget() has made the first step already. */
  float next() noexcept FXENGINE_REALTIME {
    skip(1);
    return value();
  }

  void skip(int numFrames) noexcept FXENGINE_REALTIME { left_ -= std::min(left_, numFrames); }

  /** Multiplies all channels by the ramp, frame by frame as next() gives it. A constant 1 leaves the samples as they
      are, to the bit; a constant 0 makes zeros of whatever there was. */
  void applyGain(float* const* channels, int numChannels, int numFrames) noexcept FXENGINE_REALTIME {
    const int numMoving = std::min(left_, numFrames);
    for (int channel = 0; channel < numChannels; ++channel) {
      float* samples = channels[channel];
      for (int frame = 0; frame < numMoving; ++frame)
        samples[frame] *= at(left_ - 1 - frame);
      if (target_ == 0.0f) {
        std::fill(samples + numMoving, samples + numFrames, 0.0f);
      } else if (target_ != 1.0f) {
        for (int frame = numMoving; frame < numFrames; ++frame)
          samples[frame] *= target_;
      }
    }
    left_ -= numMoving;
  }

  /** target += ramp * source, all channels. A constant 0 leaves the target as it is. */
  void addWithGain(const float* const* source, float* const* target, int numChannels,
                   int numFrames) noexcept FXENGINE_REALTIME {
    const int numMoving = std::min(left_, numFrames);
    for (int channel = 0; channel < numChannels; ++channel) {
      const float* from = source[channel];
      float* to = target[channel];
      for (int frame = 0; frame < numMoving; ++frame)
        to[frame] += at(left_ - 1 - frame) * from[frame];
      if (target_ != 0.0f) {
        for (int frame = numMoving; frame < numFrames; ++frame)
          to[frame] += target_ * from[frame];
      }
    }
    left_ -= numMoving;
  }

 private:
  float at(int left) const noexcept { return target_ - step_ * static_cast<float>(left); }

  float target_ = 0.0f;
  float step_ = 0.0f;
  int length_ = 1; ///< frames of a whole ramp
  int left_ = 0;   ///< frames until the target
};

} // namespace fxengine
