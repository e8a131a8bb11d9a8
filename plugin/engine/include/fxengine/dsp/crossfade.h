// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/ramp.h"
#include "fxengine/realtime/realtime.h"

#include <algorithm>

namespace fxengine {

/** A fade between two signals on a straight line: every switch and every exchange in the engine is one.

        to = from (1 - share) + to share        share goes from 0 to 1, or back, in a fixed time

    All but prepare() is real-time safe. */
class Crossfade {
 public:
  /** Sets the time of a whole fade, at least one frame. A fade under way ends. */
  void prepare(double sampleRate, double fadeMs) { share_.prepare(sampleRate, fadeMs); }

  /** Fades `to` in or out; `atOnce` jumps there. */
  void set(bool in, bool atOnce) noexcept FXENGINE_REALTIME {
    if (atOnce)
      share_.snap(in ? 1.0f : 0.0f);
    else
      share_.setTarget(in ? 1.0f : 0.0f);
  }

  /** Begins a fade in from nothing. */
  void start() noexcept FXENGINE_REALTIME {
    share_.snap(0.0f);
    share_.setTarget(1.0f);
  }

  /** Whether `to` is heard: it need not be computed otherwise. */
  bool isHeard() const noexcept FXENGINE_REALTIME { return share_.target() != 0.0f || share_.isMoving(); }
  bool isMoving() const noexcept FXENGINE_REALTIME { return share_.isMoving(); }
  int framesLeft() const noexcept FXENGINE_REALTIME { return share_.framesLeft(); } ///< of the fade under way
  void skip(int numFrames) noexcept FXENGINE_REALTIME { share_.skip(numFrames); }

  /** Mixes one block and moves on by as many frames; `from` and `to` must not overlap. */
  void mix(const float* const* from, float* const* to, int numChannels, int numFrames) noexcept FXENGINE_REALTIME {
    constexpr int kChunk = 64;
    float shares[kChunk];
    for (int start = 0; start < numFrames; start += kChunk) {
      const int count = std::min(kChunk, numFrames - start);
      for (int t = 0; t < count; ++t)
        shares[t] = share_.next();
      for (int c = 0; c < numChannels; ++c) {
        const float* leaving = from[c] + start;
        float* coming = to[c] + start;
        for (int t = 0; t < count; ++t)
          coming[t] = leaving[t] * (1.0f - shares[t]) + coming[t] * shares[t];
      }
    }
  }

 private:
  Ramp share_;
};

} // namespace fxengine
