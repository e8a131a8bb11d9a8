// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/oversampler.h>
#include <fxengine/model_loader.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <limits>
#include <numbers>

using fxengine::Oversampler;
using test::Json;

namespace {

constexpr double kPi = std::numbers::pi;

fxengine::Model loadOversampled(const Json& json, int factor) {
  fxengine::LoadOptions options;
  options.oversampling = factor;
  return fxengine::parseModel(json.dump(), "test.json", options);
}

/** y = w x + b, and an activation. */
Json denseModel(double weight, const std::string& activation) {
  Json json = test::makeModel(1, {{"dense", 1, activation}}, 1);
  json["layers"][0]["weights"] = {{{weight}}, {0.0}};
  return json;
}

/** One LSTM unit: z = x input[gate] + h recurrent[gate] + bias[gate] for the gates i, f, g, o; output h. */
Json lstmUnit(const std::vector<double>& input, const std::vector<double>& recurrent, const std::vector<double>& bias) {
  Json json = test::makeModel(1, {{"lstm", 1}, {"dense", 1}}, 1);
  json["layers"][0]["weights"] = {{input}, {recurrent}, bias};
  json["layers"][1]["weights"] = {{{1.0}}, {0.0}};
  return json;
}

std::vector<float> sine(std::size_t numFrames, double frequency, double amplitude) {
  std::vector<float> signal(numFrames);
  for (std::size_t t = 0; t < numFrames; ++t)
    signal[t] = static_cast<float>(amplitude * std::sin(2.0 * kPi * frequency * static_cast<double>(t)));
  return signal;
}

/** Energy at each of the frequencies k / size, k = 0 .. size / 2, of a signal of that period. */
std::vector<double> energies(const std::vector<double>& period) {
  const std::size_t size = period.size();
  std::vector<double> result;
  for (std::size_t k = 0; k <= size / 2; ++k) {
    std::complex<double> sum = 0.0;
    for (std::size_t t = 0; t < size; ++t)
      sum += period[t] * std::polar(1.0, -2.0 * kPi * static_cast<double>(k * t % size) / static_cast<double>(size));
    result.push_back(std::norm(sum / static_cast<double>(size)));
  }
  return result;
}

// A tone of 5 kHz at 48 kHz, nearly: 101 cycles in 960 frames. No harmonic folds onto another one.
constexpr std::size_t kPeriod = 960;
constexpr std::size_t kCycles = 101;
constexpr double kTone = static_cast<double>(kCycles) / static_cast<double>(kPeriod);

/** What is no harmonic of the tone against what is one, in dB; `energy` at the frequencies k / kPeriod. */
double aliasToSignal(const std::vector<double>& energy) {
  double alias = 0.0, signal = 0.0;
  for (std::size_t k = 1; k < kPeriod / 2; ++k)
    (k % kCycles == 0 ? signal : alias) += energy[k];
  return 10.0 * std::log10(alias / signal);
}

/** y = tanh(gain sin) at `factor` times the rate, in double precision, with a filter that is ideal. */
double idealAliasToSignal(double gain, int factor) {
  const std::size_t size = kPeriod * static_cast<std::size_t>(factor);
  std::vector<double> period(size);
  for (std::size_t t = 0; t < size; ++t)
    period[t] =
        std::tanh(gain * std::sin(2.0 * kPi * static_cast<double>(kCycles * t % size) / static_cast<double>(size)));
  return aliasToSignal(energies(period));
}

} // namespace

TEST_CASE("Oversampled model: factors are 1, 2, 4 and 8, and the latency is told", "[model]") {
  Json json = test::makeModel(1, {{"lstm", 4}, {"dense", 1}}, 1);
  json["metadata"] = {{"latency_samples", 3}};
  for (const int factor : {-4, 0, 3, 6, 16})
    REQUIRE_THROWS_WITH(loadOversampled(json, factor), Catch::Contains("oversampling: expected 1, 2, 4 or 8"));
  for (const int factor : {1, 2, 4, 8}) {
    const fxengine::ModelInfo info = loadOversampled(json, factor).info();
    REQUIRE(info.oversampling == factor);
    REQUIRE(info.oversamplingLatencyFrames == Oversampler::latencyFrames(factor));
    REQUIRE(info.latencyFrames == 3 + Oversampler::latencyFrames(factor));
  }
}

TEST_CASE("Oversampled model: a linear network without memory is a gain and a delay", "[model]") {
  Json json = denseModel(3.0, "");
  json["in_skip"] = 1; // y = 3 x + x
  const std::vector<float> input = sine(2000, 0.05, 0.5);
  for (const int factor : Oversampler::kFactors) {
    fxengine::Model model = loadOversampled(json, factor);
    const auto latency = static_cast<std::size_t>(model.info().latencyFrames);
    const std::vector<float> output = test::play(model, input, {64});
    for (std::size_t t = 200; t < input.size(); ++t)
      REQUIRE(std::abs(output[t] - 4.0f * input[t - latency]) < 2e-4f); // 4 x 5e-5: images 87 dB down
  }
}

TEST_CASE("Oversampled model: what cancels in network plus input cancels to the end of the band", "[model]") {
  Json json = denseModel(-1.0, "");
  json["in_skip"] = 1; // y = -x + x
  for (const int factor : Oversampler::kFactors) {
    fxengine::Model model = loadOversampled(json, factor);
    for (const float sample : test::play(model, test::noise(2000, 3), {64}))
      REQUIRE(sample == 0.0f);
  }
}

TEST_CASE("Oversampled model: a linear recurrent network keeps its frequency response", "[model]") {
  // Gates fixed by their biases, and signals so small that tanh(x) = x: c[n] = f c[n - 1] + i x[n], y = o c, one pole
  // at f. Its response is i o / (1 - f exp(-j w)), w in radians per frame of the base rate, whatever the factor.
  const double f = 1.0 / (1.0 + std::exp(-1.5)), i = 1.0 / (1.0 + std::exp(0.5)), o = 1.0 / (1.0 + std::exp(1.0));
  const Json json = lstmUnit({0.0, 0.0, 1.0, 0.0}, {0.0, 0.0, 0.0, 0.0}, {-0.5, 1.5, 0.0, -1.0});
  for (const int factor : {1, 2, 4, 8}) {
    fxengine::Model model = loadOversampled(json, factor);
    for (const double frequency : {0.01, 0.1, 0.4}) {
      const double w = 2.0 * kPi * frequency, amplitude = 1e-3;
      const std::complex<double> gain = i * o / (1.0 - f * std::polar(1.0, -w));
      const std::vector<float> output = test::play(model, sine(1500, frequency, amplitude), {64});
      for (std::size_t t = 400; t < output.size(); ++t) {
        const double time = static_cast<double>(t) - model.info().latencyFrames;
        const double expected = amplitude * std::abs(gain) * std::sin(w * time + std::arg(gain));
        REQUIRE(std::abs(double{output[t]} - expected) < 3e-4 * amplitude);
      }
    }
  }
}

TEST_CASE("Oversampled model: the phases are as many separate runs of the network", "[model]") {
  for (Json json : test::assortment()) {
    for (const char* key : {"in_skip", "in_gain", "out_gain", "fir"})
      json.erase(key);
    const std::vector<float> input = test::noise(1000, 21);
    for (const int factor : Oversampler::kFactors) {
      fxengine::Model model = loadOversampled(json, factor);
      const std::vector<float> output = test::play(model, input, {250});
      std::vector<fxengine::Model> runs;
      for (int phase = 0; phase < factor; ++phase) {
        runs.push_back(test::load(json));
        runs.back().prepare(1, 250);
      }
      Oversampler oversampler(factor);
      oversampler.prepare(1, 250);
      double worst = 0.0;
      for (std::size_t start = 0; start < input.size(); start += 250) {
        std::copy_n(input.data() + start, 250, oversampler.input(0));
        oversampler.upsample(0, 250);
        for (int phase = 0; phase < factor; ++phase)
          runs[static_cast<std::size_t>(phase)].process(oversampler.phases() + phase, oversampler.results() + phase, 1,
                                                        250);
        oversampler.downsample(0, 250);
        for (std::size_t t = 0; t < 250; ++t)
          worst = std::max(worst, std::abs(double{oversampler.output(0)[t]} - double{output[start + t]}));
      }
      REQUIRE(worst < 1e-5); // streams that share a pass may be rounded otherwise than one alone
    }
  }
}

TEST_CASE("Oversampled model: output does not depend on block size, place or company", "[model][property]") {
  const std::vector<float> input = test::noise(1500, 11), other = test::noise(1500, 12);
  for (const Json& json : test::assortment()) {
    for (const int factor : Oversampler::kFactors) {
      fxengine::Model model = loadOversampled(json, factor);
      const std::vector<float> expected = test::play(model, input, {1500});
      for (const auto& sizes : std::vector<std::vector<int>>{{1}, {64}, {3, 700, 1, 129}})
        REQUIRE(test::play(model, input, sizes) == expected);
      model.prepare(2, 100);
      std::vector<float> left = input, right = other;
      float* channels[2] = {right.data(), left.data()};
      model.process(channels, channels, 2, 1500);
      REQUIRE(left == expected);
      REQUIRE(right == test::play(model, other, {64}));
    }
  }
}

TEST_CASE("Oversampled model: reset then repeat gives the same", "[model][property][state]") {
  const std::vector<float> input = test::noise(700, 13);
  for (const Json& json : test::assortment()) {
    fxengine::Model model = loadOversampled(json, 4);
    const std::vector<float> first = test::play(model, input, {700});
    std::vector<float> again(input.size());
    const float* in = input.data();
    float* out = again.data();
    model.reset();
    model.process(&in, &out, 1, 700);
    REQUIRE(again == first);
    model.process(&in, &out, 1, 700); // without reset the filters' past runs on, for networks without memory too
    REQUIRE(again != first);
  }
}

TEST_CASE("Oversampled model: knobs act on all phases", "[model]") {
  const Json json = test::makeModel(2, {{"dense", 1}}, 31);
  const double input = json["layers"][0]["weights"][0][0][0], knob = json["layers"][0]["weights"][0][1][0];
  const double bias = json["layers"][0]["weights"][1][0];
  fxengine::Model model = loadOversampled(json, 4);
  model.setKnob(0, 0.25f);
  const std::vector<float> output = test::play(model, std::vector<float>(300, 0.5f), {64});
  REQUIRE(double{output.back()} == Approx(0.5 * input + 0.25 * knob + bias).epsilon(1e-4));
}

TEST_CASE("Oversampled model: NaN becomes silence, is counted, and leaves no trace", "[model][state]") {
  const std::vector<float> clean = test::noise(256, 41);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38f}) {
    for (const Json& json : test::assortment()) {
      fxengine::Model model = loadOversampled(json, 4);
      const std::vector<float> expected = test::play(model, clean, {256});
      model.prepare(2, 256);
      std::vector<float> left = clean, right = clean;
      left[100] = value;
      float* channels[2] = {left.data(), right.data()};
      model.process(channels, channels, 2, 256);
      REQUIRE(right == expected);
      for (const float sample : left)
        REQUIRE(std::isfinite(sample));
      if (!std::isfinite(value)) {
        REQUIRE(left == std::vector<float>(256, 0.0f));
        REQUIRE(model.numFaults() == 1);
        std::copy(clean.begin(), clean.end(), left.begin());
        model.process(channels, channels, 1, 256);
        REQUIRE(left == expected);
      }
    }
  }
}

TEST_CASE("Oversampled model: process, reset and setKnob allocate nothing", "[model][realtime]") {
  for (const Json& json : test::assortment()) {
    fxengine::Model model = loadOversampled(json, 8);
    model.prepare(2, 300);
    std::vector<float> left = test::noise(1000, 1), right = test::noise(1000, 2);
    right[500] = std::numeric_limits<float>::quiet_NaN();
    float* channels[2] = {left.data(), right.data()};
    const test::AllocationCount allocations;
    for (const int numFrames : {1, 64, 300, 1000}) {
      model.process(channels, channels, 2, numFrames);
      model.setKnob(0, 0.3f);
      model.reset();
    }
    REQUIRE(allocations.value() == 0);
  }
}

TEST_CASE("Oversampled model: aliases of a distorted 5 kHz tone fall as with ideal filters", "[model][long]") {
  constexpr double kGain = 30.0;
  double atOneTimes = 0.0;
  for (const int factor : {1, 2, 4, 8}) {
    fxengine::Model model = loadOversampled(denseModel(kGain, "tanh"), factor);
    const std::vector<float> output = test::play(model, sine(2 * kPeriod, kTone, 1.0), {64});
    const double ratio = aliasToSignal(energies({output.begin() + kPeriod, output.end()}));
    const double ideal = idealAliasToSignal(kGain, factor);
    REQUIRE(ratio < ideal + 3.0);
    if (factor == 1)
      atOneTimes = ratio;
    if (factor == 4)
      REQUIRE(ratio < atOneTimes - 14.0);
    if (factor == 8)
      REQUIRE(ratio < atOneTimes - 28.0);
  }
}

TEST_CASE("Oversampled model: a network that rests at several levels, or never, is noted", "[model]") {
  const auto noteOf = [](const Json& json, int factor) {
    const std::vector<std::string> notes = loadOversampled(json, factor).info().notes;
    return notes.back(); // the first says that there is no sample rate
  };
  // i = o = 1, f = 0: h[n] = tanh(tanh(w h[n - 1] + x)). It rests at two levels for w = 3, and swings between them for
  // w = -3; for w = 0.5 it rests at 0 alone.
  const auto unit = [](double w) {
    return lstmUnit({0.0, 0.0, 4.0, 0.0}, {0.0, 0.0, w, 0.0}, {50.0, -50.0, 0.0, 50.0});
  };
  REQUIRE_THAT(noteOf(unit(0.5), 4), Catch::Contains("sample rate"));
  REQUIRE_THAT(noteOf(unit(3.0), 4), Catch::Contains("rests at several levels"));
  REQUIRE_THAT(noteOf(unit(-3.0), 4), Catch::Contains("goes on sounding"));
  REQUIRE_THAT(noteOf(unit(-3.0), 1), Catch::Contains("sample rate"));
}

TEST_CASE("Oversampled model: a network that bursts on loud sound is refused", "[model]") {
  Json stack = test::makeModel(1, {{"dense", 1}, {"dense", 1}}, 1);
  for (Json& layer : stack["layers"])
    layer["weights"] = {{{1e30}}, {0.0}};
  REQUIRE_THROWS_WITH(loadOversampled(stack, 2), Catch::Contains("without oversampling"));
  REQUIRE_NOTHROW(loadOversampled(stack, 1));
}
