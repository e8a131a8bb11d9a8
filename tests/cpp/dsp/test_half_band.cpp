// SPDX-License-Identifier: MIT
#include "../catch.h"

#include <fxengine/dsp/half_band.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace {

constexpr double kPi = std::numbers::pi;

double decibels(double amplitude) { return 20.0 * std::log10(std::max(std::abs(amplitude), 1e-12)); }

/** Gain at f, in units of the higher rate: 1/2 + 2 sum of g[j] cos(2 pi f (2 j + 1)). */
double halfBandGain(const std::vector<double>& taps, double f) {
  double gain = 0.5;
  for (std::size_t j = 0; j < taps.size(); ++j)
    gain += 2.0 * taps[j] * std::cos(2.0 * kPi * f * (2.0 * static_cast<double>(j) + 1.0));
  return gain;
}

double lowPassGain(const std::vector<double>& taps, double f) {
  double gain = taps[0];
  for (std::size_t i = 1; i < taps.size(); ++i)
    gain += 2.0 * taps[i] * std::cos(2.0 * kPi * f * static_cast<double>(i));
  return gain;
}

/** Greatest |gain in dB| from 0 to `edge`, and greatest gain in dB from `start` to the Nyquist frequency. */
template <class Gain>
std::pair<double, double> figuresOf(Gain gain, const std::vector<double>& taps, double edge, double start) {
  constexpr int kSteps = 4000;
  double ripple = 0.0, stop = -400.0;
  for (int step = 0; step <= kSteps; ++step) {
    const double position = static_cast<double>(step) / kSteps;
    ripple = std::max(ripple, std::abs(decibels(gain(taps, edge * position))));
    stop = std::max(stop, decibels(gain(taps, start + (0.5 - start) * position)));
  }
  return {ripple, stop};
}

// Frequencies in units of the base rate F; a stage's higher rate is 2^(stage + 1) F.
constexpr double kPassband = 20.0 / 44.1;

} // namespace

TEST_CASE("Half-band filters: gain 1 at 0 Hz and 0 at the Nyquist frequency", "[dsp]") {
  for (const auto* stages : {fxengine::kInterpolators, fxengine::kDecimators}) {
    for (int stage = 0; stage < 3; ++stage) {
      const std::vector<double> taps = fxengine::halfBandTaps(stages[stage]);
      if (taps.empty())
        continue;
      REQUIRE(halfBandGain(taps, 0.0) == Approx(1.0).epsilon(1e-14));
      REQUIRE(std::abs(halfBandGain(taps, 0.5)) < 1e-14);
      REQUIRE(decibels(halfBandGain(taps, 0.25)) == Approx(-6.0206).epsilon(1e-4)); // half, by symmetry
    }
  }
  REQUIRE(lowPassGain(fxengine::lowPassTaps(fxengine::kLastDecimator), 0.0) == Approx(1.0).epsilon(1e-14));
}

TEST_CASE("Half-band filters: passband and stopband are as the header states", "[dsp]") {
  struct Row {
    fxengine::HalfBandStage stage;
    double passband, stopband, higherRate, ripple, attenuation;
  };
  // What folds onto the band from 0 to F / 2 in a later stage lies F / 2 to either side of its lower rate.
  const Row rows[] = {{fxengine::kInterpolators[0], kPassband, 1.0 - kPassband, 2.0, 0.0003, -90.0},
                      {fxengine::kInterpolators[1], kPassband, 1.5, 4.0, 0.0004, -86.9},
                      {fxengine::kInterpolators[2], kPassband, 3.5, 8.0, 0.0003, -89.0},
                      {fxengine::kDecimators[1], kPassband, 1.5, 4.0, 0.0001, -102.0},
                      {fxengine::kDecimators[2], kPassband, 3.5, 8.0, 0.0001, -110.0}};
  for (const Row& row : rows) {
    const auto [ripple, stop] = figuresOf(halfBandGain, fxengine::halfBandTaps(row.stage),
                                          row.passband / row.higherRate, row.stopband / row.higherRate);
    REQUIRE(ripple < row.ripple);
    REQUIRE(stop < row.attenuation);
  }
  const auto [ripple, stop] =
      figuresOf(lowPassGain, fxengine::lowPassTaps(fxengine::kLastDecimator), kPassband / 2.0, 25.0 / 48.0 / 2.0);
  REQUIRE(ripple < 0.005);
  REQUIRE(stop < -100.0);
}
