// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <span>

namespace fxengine {

struct Pitch {
  double hz;      ///< of the first partial
  double clarity; ///< how periodic the signal is, 0 to 1
};

/** The pitch of a single string, for a tuner: from the low B of a bass (25 Hz and up) to 1.4 kHz.

    The window is brought down to about 16 kHz. The period is then found by the peaks of the normalised square
   difference (McLeod), which is safe against octaves, and made exact with the phases of the partials: two Hann windows,
    each a whole number of periods long so that no partial leaks into another, some time apart. Through the partials'
    frequencies goes the law of the stiff string, f_n = n f_0 sqrt(1 + B n^2); its first partial is the answer, as it is
    the first partial that stays in tune on a bass string with B up to 1e-3.

    Within 0.5 cents on clean tones, 1 cent on plucked strings with noise 30 dB below. Nothing for noise and silence.
    For one thread at a time; allocates; not for the audio thread (about a millisecond a call).

    Source: P. McLeod and G. Wyvill, "A smarter way to find pitch", ICMC 2005; the phase-difference estimate of a
    partial: J. L. Flanagan and R. M. Golden, "Phase vocoder", Bell System Technical Journal 45, 1966. */
class PitchDetector {
 public:
  static constexpr double kLowestHz = 25.0;
  static constexpr double kHighestHz = 1400.0;

  /** @param sampleRate  from 8 kHz */
  explicit PitchDetector(double sampleRate);
  ~PitchDetector();
  PitchDetector(PitchDetector&&) noexcept;
  PitchDetector& operator=(PitchDetector&&) noexcept;

  /** How many frames detect() looks at: an eighth of a second and a little more. */
  int windowFrames() const noexcept;

  /** The pitch at the end of `window`; nothing where it is shorter than windowFrames(), noisy, silent, or out of range.
   */
  std::optional<Pitch> detect(std::span<const float> window);

 private:
  struct Analysis;
  std::unique_ptr<Analysis> analysis_;
};

} // namespace fxengine
