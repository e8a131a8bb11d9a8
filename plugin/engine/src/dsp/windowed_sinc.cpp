// SPDX-License-Identifier: MIT
#include "dsp/windowed_sinc.h"

#include <cmath>
#include <numbers>

namespace fxengine {
namespace {

/** Modified Bessel function of order 0, by its power series: sum of ((x/2)^k / k!)^2. */
double bessel0(double x) {
  double sum = 1.0;
  double term = 1.0;
  for (int k = 1; term > 1e-17 * sum; ++k) {
    term *= x / (2.0 * k) * (x / (2.0 * k));
    sum += term;
  }
  return sum;
}

} // namespace

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

KaiserWindow::KaiserWindow(double beta) : beta_(beta), middle_(bessel0(beta)) {}

double KaiserWindow::operator()(double position) const {
  const double rest = 1.0 - position * position;
  return rest < 0.0 ? 0.0 : bessel0(beta_ * std::sqrt(rest)) / middle_;
}

double kaiserBeta(double attenuationDb) { return 0.1102 * (attenuationDb - 8.7); }

double kaiserHalfWidth(double attenuationDb, double transition) {
  return (attenuationDb - 7.95) / (4.0 * 2.285 * std::numbers::pi * transition);
}

} // namespace fxengine
