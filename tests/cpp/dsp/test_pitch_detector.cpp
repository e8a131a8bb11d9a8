// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/dsp/pitch_detector.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

using fxengine::Pitch;
using fxengine::PitchDetector;

namespace {

using Complex = std::complex<double>;

constexpr double kPi = std::numbers::pi;

double cents(double hz, double reference) { return 1200.0 * std::log2(hz / reference); }

/** Adds amplitude e^(-loss t) sin(2 pi frequency t + phase). */
void addTone(std::vector<double>& signal, double sampleRate, double frequency, double amplitude, double phase,
             double loss = 0.0) {
  Complex value = std::polar(amplitude, phase);
  const Complex turn = std::exp(Complex(-loss, 2.0 * kPi * frequency) / sampleRate);
  for (double& sample : signal) {
    sample += value.imag();
    value *= turn;
  }
}

/** Peak 0.5, as float. */
std::vector<float> normalised(const std::vector<double>& signal) {
  double peak = 0.0;
  for (const double sample : signal)
    peak = std::max(peak, std::abs(sample));
  std::vector<float> samples;
  for (const double sample : signal)
    samples.push_back(static_cast<float>(0.5 * sample / peak));
  return samples;
}

enum class Wave { sine, saw, square };

std::vector<float> wave(Wave shape, double frequency, double sampleRate, int numFrames, double phase) {
  std::vector<double> signal(static_cast<std::size_t>(numFrames), 0.0);
  for (int number = 1; number * frequency < 0.45 * sampleRate && number <= (shape == Wave::sine ? 1 : 30); ++number) {
    if (shape != Wave::square || number % 2 == 1)
      addTone(signal, sampleRate, number * frequency, 1.0 / number, phase * number);
  }
  return normalised(signal);
}

/** A stretch of a plucked stiff string, its first partial at `frequency`, as it sounds some time after the pluck, with
    noise 30 dB below. The first partial may be weak, as on a bass plucked near the bridge. */
std::vector<float> string(double frequency, double sampleRate, int numFrames, std::mt19937& random) {
  const auto between = [&random](double least, double most) {
    return least + (most - least) * static_cast<double>(random()) / static_cast<double>(std::mt19937::max());
  };
  const double stiffness = between(0.1, 1.0) * (frequency < 80.0 ? 3e-4 : 1.5e-4);
  const double pluckedAt = between(0.06, 0.4), pickupAt = between(0.05, 0.3), age = between(0.0, 2.0);
  const double first = between(0.2, 1.0), fundamental = frequency / std::sqrt(1.0 + stiffness);
  std::vector<double> signal(static_cast<std::size_t>(numFrames), 0.0);
  for (int number = 1; number <= 60; ++number) {
    const double partial = number * fundamental * std::sqrt(1.0 + stiffness * number * number);
    if (partial > std::min(9000.0, 0.45 * sampleRate))
      break;
    const double loss = 1.2 + 5e-7 * partial * partial;
    const double amplitude = std::sin(number * kPi * pluckedAt) / number * std::sin(number * kPi * pickupAt) *
                             std::exp(-loss * age) * (number == 1 ? first : 1.0);
    addTone(signal, sampleRate, partial, amplitude, between(0.0, 2.0 * kPi), loss);
  }
  double energy = 0.0;
  for (const double sample : signal)
    energy += sample * sample;
  const double rms = std::sqrt(energy / numFrames);
  for (double& sample : signal)
    sample += between(-1.0, 1.0) * std::sqrt(3.0) * rms * std::pow(10.0, -30.0 / 20.0);
  return normalised(signal);
}

constexpr double kOpenStrings[] = {82.407, 110.0,  146.832, 195.998, 246.942, 329.628, // guitar
                                   30.868, 41.203, 55.0,    73.416,  97.999};          // bass

} // namespace

TEST_CASE("PitchDetector: within half a cent on clean tones over the whole range", "[dsp][pitch_detector]") {
  for (const double sampleRate : {44100.0, 48000.0, 96000.0}) {
    PitchDetector detector(sampleRate);
    double phase = 0.0;
    for (double frequency = PitchDetector::kLowestHz; frequency <= PitchDetector::kHighestHz; frequency *= 1.097) {
      for (const Wave shape : {Wave::sine, Wave::saw, Wave::square}) {
        phase += 1.0;
        const auto pitch = detector.detect(wave(shape, frequency, sampleRate, detector.windowFrames(), phase));
        REQUIRE(pitch);
        REQUIRE(std::abs(cents(pitch->hz, frequency)) < 0.5);
        REQUIRE(pitch->clarity > 0.95);
        REQUIRE(pitch->clarity <= 1.0);
      }
    }
  }
}

TEST_CASE("PitchDetector: within a cent on plucked strings with noise, and never an octave off",
          "[dsp][pitch_detector]") {
  std::mt19937 random(1);
  for (const double sampleRate : {44100.0, 48000.0, 192000.0}) {
    PitchDetector detector(sampleRate);
    for (const double open : kOpenStrings) {
      for (int pluck = 0; pluck < (sampleRate == 48000.0 ? 12 : 2); ++pluck) {
        const double frequency = open * std::exp2((pluck % 5 - 2) * 0.2 / 12.0); // out of tune by up to 40 cents
        const auto pitch = detector.detect(string(frequency, sampleRate, detector.windowFrames(), random));
        REQUIRE(pitch);
        REQUIRE(std::abs(cents(pitch->hz, frequency)) < 1.0);
      }
    }
  }
}

TEST_CASE("PitchDetector: high tones of any shape are no octave off", "[dsp][pitch_detector]") {
  for (const double sampleRate : {44100.0, 192000.0}) {
    PitchDetector detector(sampleRate);
    for (double frequency = 1000.0; frequency <= PitchDetector::kHighestHz; frequency *= 1.011) {
      const auto pitch = detector.detect(wave(Wave::saw, frequency, sampleRate, detector.windowFrames(), 0.3));
      REQUIRE(pitch);
      REQUIRE(std::abs(cents(pitch->hz, frequency)) < 0.5);
    }
  }
}

TEST_CASE("PitchDetector: finds nothing in noise, in silence and out of its range", "[dsp][pitch_detector]") {
  for (const double sampleRate : {44100.0, 48000.0, 192000.0}) {
    PitchDetector detector(sampleRate);
    const auto numFrames = static_cast<std::size_t>(detector.windowFrames());
    REQUIRE(static_cast<double>(numFrames) / sampleRate == Approx(0.126).margin(0.002));
    REQUIRE_FALSE(detector.detect(std::vector<float>(numFrames, 0.0f)));
    REQUIRE_FALSE(detector.detect(std::vector<float>(numFrames, 0.25f)));
    for (unsigned seed = 1; seed <= 20; ++seed) {
      std::vector<float> noise = test::noise(numFrames, seed);
      REQUIRE_FALSE(detector.detect(noise));
      float low = 0.0f; // rumble
      for (float& sample : noise)
        sample = low = 0.99f * low + 0.1f * sample;
      REQUIRE_FALSE(detector.detect(noise));
    }
    for (const double frequency : {12.0, 20.0, 1500.0, 2500.0, 6000.0})
      REQUIRE_FALSE(detector.detect(wave(Wave::sine, frequency, sampleRate, detector.windowFrames(), 1.0)));
    const float nan = std::numeric_limits<float>::quiet_NaN();
    REQUIRE_FALSE(detector.detect(std::vector<float>(numFrames, nan)));
    REQUIRE_FALSE(detector.detect(std::vector<float>(numFrames - 1, 0.1f)));
    REQUIRE(detector.detect(wave(Wave::saw, 110.0, sampleRate, detector.windowFrames(), 1.0)));
  }
}

TEST_CASE("PitchDetector: level does not matter; of a longer window it takes the end", "[dsp][pitch_detector]") {
  PitchDetector detector(48000.0);
  const int numFrames = detector.windowFrames();
  const std::vector<float> tone = wave(Wave::saw, 196.0, 48000.0, numFrames, 0.5);
  const auto expected = detector.detect(tone);
  REQUIRE(expected);
  std::vector<float> quiet = tone;
  for (float& sample : quiet)
    sample *= 0x1p-13f; // -78 dB, without rounding
  REQUIRE(detector.detect(quiet)->hz == Approx(expected->hz).epsilon(1e-12));

  std::vector<float> longer = test::noise(1000, 1);
  longer.insert(longer.end(), tone.begin(), tone.end());
  REQUIRE(detector.detect(longer)->hz == expected->hz);
}
