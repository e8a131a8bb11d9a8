// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/dsp/impulse_response.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace {

constexpr double kPi = std::numbers::pi;

/** Under a window soft enough for what is cut at its ends not to show. */
std::vector<float> toneBurst(double frequency, double sampleRate, std::size_t numFrames) {
  std::vector<float> signal(numFrames);
  for (std::size_t t = 0; t < numFrames; ++t) {
    const double time = static_cast<double>(t) / sampleRate;
    const double window = std::sin(kPi * static_cast<double>(t) / static_cast<double>(numFrames));
    signal[t] = static_cast<float>(std::pow(window, 4) * std::sin(2.0 * kPi * frequency * time));
  }
  return signal;
}

} // namespace

TEST_CASE("resample: a tone keeps its place in time and its amplitude", "[dsp]") {
  for (const auto& [from, to] : std::vector<std::pair<double, double>>{
           {44100, 48000}, {48000, 44100}, {96000, 44100}, {48000, 192000}, {44100, 47999}, {44123.4, 48000}}) {
    CAPTURE(from, to);
    const double lower = std::min(from, to);
    for (const double frequency : {100.0, 0.25 * lower, 0.448 * lower}) {
      const std::vector<float> input = toneBurst(frequency, from, 3000);
      const std::vector<float> output = fxengine::resample(input, from, to);
      REQUIRE(output.size() == static_cast<std::size_t>(std::llround(3000.0 * to / from)));
      double worst = 0.0;
      for (std::size_t k = 0; k < output.size(); ++k) {
        const double time = static_cast<double>(k) / to;
        const double window = std::sin(kPi * time * from / 3000.0);
        worst =
            std::max(worst, std::abs(double{output[k]} - std::pow(window, 4) * std::sin(2.0 * kPi * frequency * time)));
      }
      REQUIRE(worst < 2e-6); // -114 dB
    }
  }
}

TEST_CASE("resample: what lies above half the lower rate is 110 dB down", "[dsp]") {
  for (const double frequency : {22200.0, 23000.0, 30000.0, 47000.0}) {
    const std::vector<float> output = fxengine::resample(toneBurst(frequency, 96000.0, 3000), 96000.0, 44100.0);
    for (const float value : output)
      REQUIRE(std::abs(value) < 3.2e-6f);
  }
}

TEST_CASE("resample: to the same rate changes nothing, nothing stays nothing", "[dsp]") {
  const std::vector<float> input = test::noise(100, 1);
  REQUIRE(fxengine::resample(input, 44100.0, 44100.0) == input);
  REQUIRE(fxengine::resample({}, 44100.0, 48000.0).empty());
}
