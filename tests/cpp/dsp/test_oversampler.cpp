// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/dsp/half_band.h>
#include <fxengine/dsp/oversampler.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

using fxengine::Oversampler;

namespace {

constexpr double kPi = std::numbers::pi;

/** Up and down again, in blocks of the given sizes over and over, with `between` called on each block's phases. */
template <class Between>
std::vector<float> roundTrip(Oversampler& oversampler, const std::vector<float>& input, const std::vector<int>& sizes,
                             Between between) {
  std::vector<float> output;
  for (std::size_t start = 0, block = 0; start < input.size(); ++block) {
    const auto count = std::min(static_cast<std::size_t>(sizes[block % sizes.size()]), input.size() - start);
    std::copy_n(input.data() + start, count, oversampler.input(0));
    oversampler.upsample(0, static_cast<int>(count));
    for (int phase = 0; phase < oversampler.factor(); ++phase) {
      std::copy_n(oversampler.phases()[phase], count, oversampler.results()[phase]);
      between(oversampler.results()[phase], phase, start, count);
    }
    oversampler.downsample(0, static_cast<int>(count));
    output.insert(output.end(), oversampler.output(0), oversampler.output(0) + count);
    start += count;
  }
  return output;
}

std::vector<float> roundTrip(Oversampler& oversampler, const std::vector<float>& input, const std::vector<int>& sizes) {
  return roundTrip(oversampler, input, sizes, [](float*, int, std::size_t, std::size_t) {});
}

/** @param frequency  in cycles per frame */
std::vector<float> sine(std::size_t numFrames, double frequency) {
  std::vector<float> signal(numFrames);
  for (std::size_t t = 0; t < numFrames; ++t)
    signal[t] = static_cast<float>(std::sin(2.0 * kPi * frequency * static_cast<double>(t)));
  return signal;
}

int upLatencyOf(int factor) {
  int latency = 0;
  for (int stage = 0; 2 << stage <= factor; ++stage)
    latency += fxengine::kInterpolators[stage].numPairs >> stage;
  return latency;
}

} // namespace

TEST_CASE("Oversampler: an impulse comes back symmetric about the stated latency", "[dsp]") {
  for (const int factor : Oversampler::kFactors) {
    Oversampler oversampler(factor);
    oversampler.prepare(1, 64);
    const auto latency = static_cast<std::size_t>(Oversampler::latencyFrames(factor));
    std::vector<float> impulse(2 * latency + 1, 0.0f);
    impulse[0] = 1.0f;
    const std::vector<float> response = roundTrip(oversampler, impulse, {64});
    double sum = 0.0;
    for (std::size_t k = 0; k <= 2 * latency; ++k) {
      REQUIRE(std::abs(response[k] - response[2 * latency - k]) < 1e-7f);
      REQUIRE(std::abs(response[k]) <= response[latency]);
      sum += double{response[k]};
    }
    REQUIRE(sum == Approx(1.0).epsilon(1e-4)); // the gain at 0 Hz; images of it are 87 dB down
  }
  REQUIRE(Oversampler::latencyFrames(1) == 0);
  REQUIRE(Oversampler::latencyFrames(2) == 76);
  REQUIRE(Oversampler::latencyFrames(4) == 82);
  REQUIRE(Oversampler::latencyFrames(8) == 84);
}

TEST_CASE("Oversampler: tones of the passband come back late by the latency and otherwise unchanged", "[dsp]") {
  for (const int factor : Oversampler::kFactors) {
    Oversampler oversampler(factor);
    const auto latency = static_cast<std::size_t>(Oversampler::latencyFrames(factor));
    for (const double frequency : {1.0 / 48.0, 10.0 / 48.0, 20.0 / 44.1}) {
      oversampler.prepare(1, 128);
      const std::vector<float> input = sine(2000, frequency);
      const std::vector<float> output = roundTrip(oversampler, input, {128});
      // 0.006 dB of ripple in all is 7e-4 at most, and that only at the end of the band
      const float tolerance = frequency < 0.4 ? 1e-4f : 7e-4f;
      for (std::size_t t = 2 * latency; t < input.size(); ++t)
        REQUIRE(std::abs(output[t] - input[t - latency]) < tolerance);
    }
  }
}

TEST_CASE("Oversampler: the phases are the samples between the samples", "[dsp]") {
  for (const int factor : Oversampler::kFactors) {
    Oversampler oversampler(factor);
    oversampler.prepare(1, 100);
    for (const double frequency : {0.02, 0.2, 0.45}) {
      double worst = 0.0;
      roundTrip(oversampler, sine(1000, frequency), {100},
                [&](const float* signal, int phase, std::size_t start, std::size_t count) {
                  for (std::size_t t = start > 200 ? 0 : count; t < count; ++t) {
                    const double time =
                        static_cast<double>(start + t) - upLatencyOf(factor) + static_cast<double>(phase) / factor;
                    worst = std::max(worst, std::abs(double{signal[t]} - std::sin(2.0 * kPi * frequency * time)));
                  }
                });
      REQUIRE(worst < 2e-4); // images 87 dB down or more from each of up to three stages
    }
  }
}

TEST_CASE("Oversampler: what lies above 25/48 of the sample rate is 100 dB down", "[dsp]") {
  for (const int factor : Oversampler::kFactors) {
    for (const double frequency : {25.0 / 48.0, 0.55, 0.7, 0.97, 1.6, 2.1, 3.7}) {
      if (frequency > 0.5 * factor)
        continue;
      Oversampler oversampler(factor);
      oversampler.prepare(1, 256);
      const std::vector<float> output =
          roundTrip(oversampler, std::vector<float>(2048, 0.0f), {256},
                    [&](float* signal, int phase, std::size_t start, std::size_t count) {
                      for (std::size_t t = 0; t < count; ++t) {
                        const double time = static_cast<double>(start + t) + static_cast<double>(phase) / factor;
                        signal[t] = static_cast<float>(std::sin(2.0 * kPi * frequency * time));
                      }
                    });
      for (std::size_t t = 200; t < output.size(); ++t)
        REQUIRE(std::abs(output[t]) < 1.1e-5f); // -99 dB: two stages may add up
    }
  }
}

TEST_CASE("Oversampler: output does not depend on block size", "[dsp][property]") {
  const std::vector<float> input = test::noise(3000, 5);
  for (const int factor : Oversampler::kFactors) {
    Oversampler oversampler(factor);
    oversampler.prepare(1, 256);
    const std::vector<float> expected = roundTrip(oversampler, input, {256});
    for (const auto& sizes : std::vector<std::vector<int>>{{1}, {7}, {16}, {64}, {1, 255, 33, 2, 128, 31}}) {
      oversampler.reset(0);
      REQUIRE(roundTrip(oversampler, input, sizes) == expected);
    }
  }
}
