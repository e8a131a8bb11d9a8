// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/ramp.h"
#include "fxengine/realtime/realtime.h"

#include <vector>

namespace fxengine {

/** A low cut or a high cut: a Butterworth filter of second order, 3 dB down at its frequency, 12 dB an octave beyond.

        low cut    |H|^2 = w^4 / (1 + w^4)      high cut    |H|^2 = 1 / (1 + w^4)      w = tan(pi f / fs) / tan(pi fc /
   fs)

    Source: Andrew Simper, "Solving the continuous SVF equations using trapezoidal integration and equivalent currents",
    Cytomic, 2013, with k = sqrt(2): the bilinear transform of the analog filter, stable while the frequency moves. The
    frequency is kept within 0.45 of the sample rate; tan(pi fc / fs) goes to its target on a straight line in kRampMs.

    Any block size gives the same output, bit for bit. prepare() allocates; what is marked is real-time safe. */
class CutFilter {
 public:
  enum class Kind { lowCut, highCut };
  static constexpr double kRampMs = 20.0;

  explicit CutFilter(Kind kind) : kind_(kind) {}

  void prepare(double sampleRate, int numChannels);

  /** Clears the filter's memory; the frequency is at once where it was to go. */
  void reset() noexcept FXENGINE_REALTIME;
  /** Gives one channel the memory of another, for one that goes on as its copy. */
  void copyState(int from, int to) noexcept FXENGINE_REALTIME;

  void setFrequency(double hz) noexcept FXENGINE_REALTIME;

  /** In place. Channels beyond the prepared number stay as they are. */
  void process(float* const* channels, int numChannels, int numFrames) noexcept FXENGINE_REALTIME;

 private:
  struct State {
    float first = 0.0f, second = 0.0f; // of the two integrators
  };

  Kind kind_;
  double sampleRate_ = 48000.0;
  Ramp warped_; // tan(pi fc / fs)
  std::vector<State> states_;
};

} // namespace fxengine
