// SPDX-License-Identifier: MIT
#pragma once

namespace fxengine {

/** sin(pi x) / (pi x) */
double sinc(double x);

/** The Kaiser window: 1 in the middle, 0 beyond its ends. */
class KaiserWindow {
 public:
  explicit KaiserWindow(double beta);

  /** @param position  -1 .. 1, the ends of the window */
  double operator()(double position) const;

 private:
  double beta_;
  double middle_;
};

/** The beta that gives a low-pass filter its stopband.
    Source: Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974.
    @param attenuationDb  above 50 */
double kaiserBeta(double attenuationDb);

/** Half the length that such a filter needs, in seconds where the transition is in Hz. */
double kaiserHalfWidth(double attenuationDb, double transition);

} // namespace fxengine
