// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/ramp.h"
#include "fxengine/realtime/realtime.h"

#include <array>
#include <vector>

namespace fxengine {

/** A room of even decay: a feedback delay network of eight lines behind two allpass diffusers a channel.

        input -> diffusers -> line i of m_i frames -> g_i (1 - b_i) / (1 - b_i z^-1) -+-> sums with signs -> left, right
                                  ^---------------- Hadamard matrix, orthogonal -----+

    An orthogonal matrix neither adds energy nor loses it, so that the gains alone set the decay: 60 dB in the decay
    time, exactly so at low frequencies, and in kHighRatio of it at the end of the band:

        g_i = 10^(-3 m_i / (fs T))      (1 - b_i) / (1 + b_i) = 10^(-3 m_i / (fs T) (1 / kHighRatio - 1))

    It is stable at every decay time, since every g_i is below 1. The lengths are prime numbers of frames, so that their
    echoes do not coincide. At low frequencies the wet signal of a noise is as strong as the noise, whatever the decay
    time: of the energy stored, an eighth of g^2 comes out on each side each time that it has gone round.

    Source: Jean-Marc Jot and Antoine Chaigne, "Digital delay networks for designing artificial reverberators", AES
    Convention 90, 1991; diffusers: Manfred Schroeder, "Natural sounding artificial reverberation", JAES 10, 1962.

    Any block size gives the same output, bit for bit. prepare() allocates; what is marked is real-time safe. */
class Reverb {
 public:
  static constexpr int kNumLines = 8;
  static constexpr double kHighRatio = 0.25;
  static constexpr double kRampMs = 20.0;
  static constexpr double kShortest = 0.2, kLongest = 10.0; ///< decay times, s

  Reverb() = default;
  Reverb(Reverb&&) noexcept = default;
  Reverb& operator=(Reverb&&) noexcept = default;

  void prepare(double sampleRate);

  /** Clears all state; the decay time is at once what it was to be. */
  void reset() noexcept FXENGINE_REALTIME;

  /** The time in which the sound falls by 60 dB, kept between kShortest and kLongest. */
  void setDecay(double seconds) noexcept FXENGINE_REALTIME;

  /** The wet signal alone. `input[1]` may be `input[0]`: a mono sound in a room. Outputs may be the inputs. */
  void process(const float* const* input, float* const* output, int numFrames) noexcept FXENGINE_REALTIME;

 private:
  struct Line {
    float* samples = nullptr;
    int length = 1, position = 0;
    float low = 0.0f;   ///< of the damping filter
    Ramp gain, damping; ///< g_i (1 - b_i), b_i
  };
  struct Diffuser {
    float* samples = nullptr;
    int length = 1, position = 0;
    float process(float input) noexcept;
  };
  static constexpr int kNumDiffusers = 2; ///< of a channel

  double sampleRate_ = 48000.0;
  double decay_ = 0.0;
  std::array<Line, kNumLines> lines_;
  std::array<std::array<Diffuser, kNumDiffusers>, 2> diffusers_;
  Ramp level_;
  std::vector<float> memory_;
};

} // namespace fxengine
