// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/late_network.h"
#include "../support/test_models.h"

#include <fxengine/dsp/loudness.h>
#include <fxengine/model.h>
#include <fxengine/model_loader.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using fxengine::loudnessClip;
using fxengine::measureLoudness;
using test::Json;

namespace {

double rmsDb(const std::vector<float>& signal) {
  double energy = 0.0;
  for (const float sample : signal)
    energy += double{sample} * double{sample};
  return 10.0 * std::log10(energy / static_cast<double>(signal.size()));
}

/** A model whose output is its input times `gain`, plus `knobGain` times the knob's position. */
Json linearModel(double gain, double knobGain = 0.0) {
  Json weights = Json::array({Json::array({gain})});
  Json model = {{"in_shape", {nullptr, nullptr, knobGain == 0.0 ? 1 : 2}}, {"samplerate", 48000}};
  if (knobGain != 0.0) {
    weights.push_back(Json::array({knobGain}));
    model["knobs"] = Json::array({{{"name", "level"}, {"min", 0}, {"max", 10}, {"default", 2.5}}});
  }
  model["layers"] = Json::array({{{"type", "dense"},
                                  {"activation", ""},
                                  {"shape", {nullptr, nullptr, 1}},
                                  {"weights", Json::array({weights, Json::array({0.0})})}}});
  return model;
}

} // namespace

TEST_CASE("Loudness clip: three seconds at the level of a guitar at the interface", "[dsp][long][loudness]") {
  for (const double sampleRate : {22050.0, 44100.0, 48000.0, 96000.0, 192000.0}) {
    const std::vector<float> clip = loudnessClip(sampleRate);
    REQUIRE(clip.size() == static_cast<std::size_t>(3.0 * sampleRate));
    float peak = 0.0f;
    for (const float sample : clip)
      peak = std::max(peak, std::abs(sample));
    REQUIRE(rmsDb(clip) == Approx(-20.0).margin(0.01));
    REQUIRE(20.0 * std::log10(peak) == Approx(-6.0).margin(0.5));
    REQUIRE(clip.front() == 0.0f);
    REQUIRE(std::abs(clip.back()) < 1e-3f); // ends in silence, without a click
  }
}

TEST_CASE("Loudness clip: the same sound at all sample rates", "[dsp][long][loudness]") {
  const std::vector<float> reference = loudnessClip(48000.0);
  const auto differenceDb = [&](double sampleRate, std::size_t ownStep, std::size_t referenceStep) {
    const std::vector<float> clip = loudnessClip(sampleRate);
    std::vector<float> difference;
    for (std::size_t k = 0; k * ownStep < clip.size() && k * referenceStep < reference.size(); ++k)
      difference.push_back(clip[k * ownStep] - reference[k * referenceStep]);
    REQUIRE(difference.size() >= 900);
    return rmsDb(difference) - rmsDb(reference);
  };
  // At the instants that both rates have: all samples, and one in 160.
  REQUIRE(differenceDb(96000.0, 2, 1) < -100.0);
  REQUIRE(differenceDb(192000.0, 4, 1) < -100.0);
  REQUIRE(differenceDb(44100.0, 147, 160) < -100.0);
  REQUIRE(differenceDb(88200.0, 294, 160) < -100.0);
}

TEST_CASE("Loudness clip: nothing of it lies above 9 kHz", "[dsp][loudness]") {
  // By a high-pass of 101 taps with a cosine window (delay and average: sinc) rather than a transform of everything:
  // the energy of the third difference, relative to what the modes below 8 kHz explain, falls with the sample rate.
  const std::vector<float> clip = loudnessClip(96000.0);
  std::vector<double> taps(201);
  for (int k = -100; k <= 100; ++k) {
    const double ideal = k == 0 ? 1.0 - 2.0 * 9500.0 / 96000.0
                                : -std::sin(2.0 * std::numbers::pi * 9500.0 / 96000.0 * k) / (std::numbers::pi * k);
    const double x = std::numbers::pi * (k + 101) / 101.0; // Blackman
    taps[static_cast<std::size_t>(k + 100)] = ideal * (0.42 - 0.5 * std::cos(x) + 0.08 * std::cos(2.0 * x));
  }
  std::vector<float> high;
  for (std::size_t t = 200; t < clip.size(); t += 7) {
    double sum = 0.0;
    for (std::size_t k = 0; k <= 200; ++k)
      sum += taps[k] * double{clip[t - k]};
    high.push_back(static_cast<float>(sum));
  }
  REQUIRE(rmsDb(high) - rmsDb(clip) < -60.0);
}

TEST_CASE("Loudness: of a linear model it is the clip's, its gains added", "[dsp][loudness]") {
  fxengine::Model plain = test::load(linearModel(1.0));
  REQUIRE(measureLoudness(plain) == Approx(-20.0).margin(0.01));

  Json model = linearModel(0.5);
  model["in_gain"] = 3.0;
  model["out_gain"] = -10.0;
  fxengine::Model quieter = test::load(model);
  REQUIRE(measureLoudness(quieter) == Approx(-20.0 + 20.0 * std::log10(0.5) - 7.0).margin(0.01));

  model = linearModel(-1.0);
  model["in_skip"] = 1;
  fxengine::Model silent = test::load(model);
  REQUIRE(measureLoudness(silent) == -120.0);

  model = linearModel(1.0);
  model.erase("samplerate");
  fxengine::Model unknown = test::load(model);
  REQUIRE(measureLoudness(unknown) == measureLoudness(plain));
}

TEST_CASE("Loudness: of a model that takes long, the first part of the clip is played", "[dsp][loudness]") {
  // A model of 600 units in a project stopped the host for 10 s.
  fxengine::Model model = test::load(test::makeModel(1, {{"lstm", 24}, {"dense", 1}}, 5));
  const double whole = measureLoudness(model);
  constexpr double kWeights = 4 * 24 * (1 + 24 + 1) + 24 + 1;
  REQUIRE(measureLoudness(model, 1e12) == whole);
  const double half = measureLoudness(model, kWeights * 72000);
  REQUIRE(half != whole);
  REQUIRE(half == Approx(whole).margin(1.5));
  REQUIRE(std::isfinite(measureLoudness(model, 0.0)));
}

TEST_CASE("Loudness: knobs stand at their defaults for it and are put back", "[dsp][loudness]") {
  // The knob adds a constant: 0.4 times its position, 0.25 by default, is 0.1; 0.1 of RMS is the clip's too.
  fxengine::Model model = test::load(linearModel(1.0, 0.4));
  model.setKnob(0, 1.0f);
  REQUIRE(measureLoudness(model) == Approx(-20.0 + 10.0 * std::log10(2.0)).margin(0.05));
  REQUIRE(model.knob(0) == 1.0f);
}

TEST_CASE("Loudness: starts from zero state and leaves it", "[dsp][long][loudness]") {
  const std::vector<float> input = test::noise(2000, 1);
  for (const Json& json : test::assortment()) {
    fxengine::Model model = test::load(json);
    const double loudness = measureLoudness(model);
    REQUIRE(std::isfinite(loudness));
    test::play(model, input, {64});
    REQUIRE(measureLoudness(model) == loudness);

    std::vector<float> after(input.size());
    const float* in[] = {input.data()};
    float* out[] = {after.data()};
    model.process(in, out, 1, static_cast<int>(input.size()));
    fxengine::Model fresh = test::load(json);
    REQUIRE(after == test::play(fresh, input, {64}));
  }
}

TEST_CASE("Loudness of a model: what is late is as loud", "[dsp][long][loudness]") {
  fxengine::Model inTime(test::lateInfo(), std::make_unique<test::LateNetwork>(0, 0.7f));
  const double expected = measureLoudness(inTime);
  for (const int latency : {1, 256, 5000, 200'000}) {
    fxengine::Model model(test::lateInfo(), std::make_unique<test::LateNetwork>(latency, 0.7f));
    REQUIRE(measureLoudness(model) == expected);
  }
}
