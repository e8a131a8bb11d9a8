// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/ramp.h"
#include "fxengine/realtime/realtime.h"

#include <vector>

namespace fxengine {

/** A second take of what is played: the same sound later, by a time that varies slowly, as between two takes.

        delay = kLeastMs + width (kMostMs - kLeastMs) + kWanderMs / 2 (sin 2 pi f1 t + sin 2 pi f2 t)

    With the sound itself on one side and this on the other, one guitar becomes two. The two slow sines bend the pitch
    by at most pi kWanderMs (f1 + f2), which is 4 cents. Between frames the delay is interpolated by a polynomial of
    third order, which costs at most 1.1 dB below a quarter of the sample rate.

    Source: Jon Dattorro, "Effect design part 2: delay-line modulation and chorus", JAES 45, 1997; Timo Laakso et al.,
    "Splitting the unit delay", IEEE Signal Processing Magazine 13, 1996, for the polynomial (Lagrange's).

    Any block size gives the same output, bit for bit. prepare() allocates; what is marked is real-time safe. */
class Doubler {
 public:
  static constexpr double kLeastMs = 8.0, kMostMs = 30.0;
  static constexpr double kWanderMs = 1.5;
  static constexpr double kWanderHz[2] = {0.31, 0.19};
  static constexpr double kGlideMs = 300.0; ///< to another width; faster would be heard as a change of pitch

  void prepare(double sampleRate);

  /** Forgets what was heard; the width jumps to its target, and the wandering starts again. */
  void reset() noexcept FXENGINE_REALTIME;

  /** How far apart the two takes are, 0 to 1. */
  void setWidth(float width) noexcept FXENGINE_REALTIME;

  /** In place. */
  void process(float* samples, int numFrames) noexcept FXENGINE_REALTIME;

 private:
  static constexpr int kGrid = 32; ///< frames from one point of the wandering to the next, with straight lines between
  double wanderAt(long long frame) const noexcept;

  std::vector<float> line_; ///< a power of two
  double sampleRate_ = 48000.0;
  int position_ = 0;
  int age_ = 0;                  ///< frames since reset(), as far as they matter: what is older is silence
  long long frame_ = 0;          ///< since reset()
  double from_ = 0.0, to_ = 0.0; ///< of the wandering, at both ends of the interval of the grid
  Ramp width_;
};

} // namespace fxengine
