// SPDX-License-Identifier: MIT
#include "fxengine/dsp/half_band.h"

#include <cmath>
#include <cstddef>
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

/** @param position  -1 .. 1, the ends of the window */
double kaiser(double position, double beta) {
  return bessel0(beta * std::sqrt(1.0 - position * position)) / bessel0(beta);
}

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

} // namespace

std::vector<double> halfBandTaps(const HalfBandStage& stage) {
  std::vector<double> taps(static_cast<std::size_t>(stage.numPairs));
  double sum = 0.0;
  for (std::size_t j = 0; j < taps.size(); ++j) {
    const double distance = static_cast<double>(j) + 0.5; // in steps of the lower rate
    taps[j] = sinc(distance) * kaiser(distance / stage.numPairs, stage.beta);
    sum += taps[j];
  }
  for (double& tap : taps)
    tap *= 0.25 / sum;
  return taps;
}

std::vector<double> lowPassTaps(const LowPassStage& stage) {
  std::vector<double> taps(static_cast<std::size_t>(stage.halfLength) + 1);
  double sum = 0.0;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double distance = static_cast<double>(i);
    taps[i] = sinc(2.0 * stage.cutoff * distance) * kaiser(distance / (stage.halfLength + 1), stage.beta);
    sum += i == 0 ? taps[i] : 2.0 * taps[i];
  }
  for (double& tap : taps)
    tap /= sum;
  return taps;
}

} // namespace fxengine
