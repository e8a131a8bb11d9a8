// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/ramp.h"
#include "fxengine/realtime/realtime.h"

#include <array>
#include <vector>

namespace fxengine {

/** Bass, middle and treble after the amplifier: a low shelf, a bell and a high shelf, each +-12 dB.

    | band   | filter              | why there                                                                        |
    |--------|---------------------|----------------------------------------------------------------------------------|
    | bass   | shelf, 120 Hz       | the lowest octave of a guitar (82 to 165 Hz) and the thump of its cabinet        |
    | middle | bell, 700 Hz, Q 0.7 | between the scoop of American stacks (400 to 500 Hz) and the bark of British     |
    |        |                     | ones (700 to 900 Hz); two octaves wide, as a passive stack's middle is           |
    | treble | shelf, 3 kHz        | bite and fizz: a guitar loudspeaker presents 2 to 4 kHz and falls from 5 kHz, so |
    |        |                     | that a shelf must begin below that to be heard                                   |

    Unlike the passive stack of an amplifier, which the model has in it already, it is flat in the middle position and
    its bands do not act on each other. A shelf reaches its full gain far from its frequency and half of it, in dB, at
    it.

    Source: Andrew Simper, "Solving the continuous SVF equations using trapezoidal integration and equivalent currents",
    Cytomic, 2013. The filter is the bilinear transform of the analog one, matched at its own frequency, and stays
    stable while its parameters move. Gains go to their targets in kRampMs on a straight line in dB; filters follow on a
    grid of kGrid frames counted since reset(), and in between on straight lines of their parameters.

    With all gains at 0 dB the output is the input, to the bit, and nothing is computed. Any block size gives the same
    output, bit for bit. prepare() allocates; what is marked is real-time safe. */
class ToneStack {
 public:
  static constexpr double kBassHz = 120.0;
  static constexpr double kMiddleHz = 700.0;
  static constexpr double kTrebleHz = 3000.0;
  static constexpr double kShelfQ = 0.70710678118654752;
  static constexpr double kMiddleQ = 0.7;
  static constexpr float kMaxDb = 12.0f;
  static constexpr double kRampMs = 20.0;
  static constexpr int kGrid = 32;

  void prepare(double sampleRate, int numChannels);

  /** Clears all state; gains are at once where they were to go. */
  void reset() noexcept FXENGINE_REALTIME;

  /** Where the gains are to go, in dB, each kept within +-kMaxDb. */
  void set(float bassDb, float middleDb, float trebleDb) noexcept FXENGINE_REALTIME;

  /** Gains are at once where they were to go; the filters' state stays. */
  void snap() noexcept FXENGINE_REALTIME;

  /** In place. Channels beyond the prepared number stay as they are. */
  void process(float* const* channels, int numChannels, int numFrames) noexcept FXENGINE_REALTIME;

 private:
  static constexpr int kNumBands = 3;

  /** Of one band: g is the warped cutoff, k = 1 / Q; output = m0 input + m1 band-pass + m2 low-pass. */
  struct Shape {
    float g = 0.0f, k = 1.0f, m0 = 1.0f, m1 = 0.0f, m2 = 0.0f;
  };
  using Shapes = std::array<Shape, kNumBands>;

  /** Of one channel: the two integrators of each band. */
  struct State {
    std::array<float, kNumBands> first{}, second{};
  };

  Shapes shapesNow() const noexcept;
  bool isFlat() const noexcept;
  bool isMoving() const noexcept;
  void startInterval() noexcept;
  static void run(const Shapes& shapes, State& state, float* samples, int numFrames) noexcept;
  void runMoving(State& state, float* samples, int numFrames) const noexcept;

  std::array<float, kNumBands> warped_{};   ///< tan(pi f / sampleRate)
  std::array<float, kNumBands> wantedDb_{}; ///< as set
  std::array<Ramp, kNumBands> gainsDb_;     ///< one step is an interval of the grid
  Shapes from_, to_;                        ///< at the interval's ends
  std::vector<State> states_;
  int position_ = 0;   ///< frames into the interval
  bool moves_ = false; ///< from_ and to_ differ
  bool flat_ = true;   ///< the output is the input
};

} // namespace fxengine
