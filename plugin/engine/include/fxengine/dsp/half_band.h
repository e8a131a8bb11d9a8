// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

namespace fxengine {

/** Linear-phase filters for changing the sample rate by two, in closed form: a sinc under a Kaiser window.

    The length of a stage falls with its rate, since the transition band that is left to it widens. For a base rate F,
    passband from 0 to 20 kHz at 44.1 kHz (0.4535 F) and the figures that tests/cpp/dsp/test_half_band.cpp checks:

    | stage       | from to   | taps other than 0 | passband ripple | stopband           |
    |-------------|-----------|-------------------|-----------------|--------------------|
    | interpolate | F to 2F   | 62 + 1            | 0.0003 dB       | -90 dB, 0.5465 F   |
    |             | 2F to 4F  | 12 + 1            | 0.0004 dB       | -87 dB, 1.5 F      |
    |             | 4F to 8F  | 8 + 1             | 0.0003 dB       | -89 dB, 3.5 F      |
    | decimate    | 2F to F   | 183               | 0.005 dB        | -100 dB, 0.5208 F  |
    |             | 4F to 2F  | 14 + 1            | 0.0001 dB       | -102 dB, 1.5 F     |
    |             | 8F to 4F  | 10 + 1            | 0.0001 dB       | -110 dB, 3.5 F     |

    All are half-band filters but the last decimator. A half-band filter is only 6 dB down at F / 2, so that what a
    distortion makes just above F / 2 would fold back just below it. The last decimator's cutoff is moved down for its
    stopband to begin at 25 kHz where F is 48 kHz, for the same passband. */
struct HalfBandStage {
  int numPairs; ///< of taps other than 0 around the centre
  double beta;  ///< of the Kaiser window
};

/** g[j], the taps at distance 2 j + 1 from the centre, whose own is 1/2. Their sum is 1/4: the gain is 1 at 0 Hz and 0
    at the Nyquist frequency. H(f) = 1/2 + 2 sum of g[j] cos(2 pi f (2 j + 1)), f in units of the higher rate. */
std::vector<double> halfBandTaps(const HalfBandStage& stage);

/** A low-pass filter of all taps, for the last decimator. */
struct LowPassStage {
  int halfLength; ///< taps to either side of the centre
  double cutoff;  ///< in units of the higher rate; the gain is about 1/2 there
  double beta;
};

/** h[0 .. halfLength], the taps at that distance from the centre; the gain is 1 at 0 Hz. */
std::vector<double> lowPassTaps(const LowPassStage& stage);

/** The stages in use, that between F and 2F first. */
inline constexpr HalfBandStage kInterpolators[3] = {{31, 9.0}, {6, 9.43}, {4, 9.28}};
inline constexpr LowPassStage kLastDecimator = {91, 0.2425, 10.25};
inline constexpr HalfBandStage kDecimators[3] = {{0, 0.0}, {7, 11.12}, {5, 11.4}}; ///< the first is kLastDecimator

} // namespace fxengine
