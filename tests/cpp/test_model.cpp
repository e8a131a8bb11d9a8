// SPDX-License-Identifier: MIT
#include "catch.h"
#include "support/late_network.h"
#include "support/test_models.h"

#include <dsp/phase_check.h>
#include <fxengine/model_loader.h>
#include <fxengine/network.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

using test::Json;

namespace {

double greatestDifference(const std::vector<float>& a, const std::vector<double>& b) {
  double greatest = 0.0;
  for (std::size_t t = 0; t < a.size(); ++t)
    greatest = std::max(greatest, std::abs(double{a[t]} - b[t]));
  return greatest;
}

std::vector<double> asFrames(const std::vector<float>& audio, const std::vector<double>& knobs = {}) {
  std::vector<double> frames;
  for (const float sample : audio) {
    frames.push_back(double{sample});
    frames.insert(frames.end(), knobs.begin(), knobs.end());
  }
  return frames;
}

/** Never at rest, and counts the frames that it is asked for. */
class Restless final : public fxengine::Network {
 public:
  explicit Restless(double& numFrames) : numFrames_(numFrames) {}
  int latencyFrames() const noexcept override { return 0; }
  std::optional<int> receptiveFrames() const noexcept override { return std::nullopt; }
  bool canOversample() const noexcept override { return true; }
  fxengine::NetworkSummary summary() const override { return {}; }
  void prepare(int, int) override {}
  void reset(int) noexcept override {}
  void captureRest() override {}
  void rest(int) noexcept override {}
  void setKnobs(const float*) noexcept override {}
  void process(const float* const*, float* const* output, int numStreams, int numFrames) noexcept override {
    for (int stream = 0; stream < numStreams; ++stream) {
      for (int t = 0; t < numFrames; ++t)
        output[stream][t] = (t & 1) != 0 ? 0.5f : -0.5f;
    }
    numFrames_ += numStreams * numFrames;
  }

 private:
  double& numFrames_;
};

/** Layers of 1024 activations: no weights, but as many as a file may hold. */
fxengine::ModelInfo activationsAlone(const std::string& activation) {
  fxengine::ModelInfo info;
  info.layers.assign(64, {"activation", 1024, 1024, activation});
  return info;
}

fxengine::ModelInfo manyWeights() {
  fxengine::ModelInfo info;
  info.layers = {{"lstm", 1, 722, "tanh"}, {"dense", 722, 1, ""}};
  info.numWeights = 2'000'000;
  return info;
}

} // namespace

TEST_CASE("Model: output does not depend on block size", "[model][property]") {
  const std::vector<float> input = test::noise(9000, 11);
  for (const Json& json : test::assortment()) {
    fxengine::Model model = test::load(json);
    const std::vector<float> whole = test::play(model, input, {9000});
    for (const auto& sizes :
         std::vector<std::vector<int>>{{1}, {16}, {64}, {511}, {4096}, {3, 700, 1, 64, 129, 2048}}) {
      REQUIRE(test::play(model, input, sizes) == whole);
    }
  }
}

TEST_CASE("Model: blocks longer than prepared play the same", "[model][property]") {
  const std::vector<float> input = test::noise(3000, 12);
  fxengine::Model model = test::load(test::assortment().front());
  const std::vector<float> expected = test::play(model, input, {64});
  model.prepare(1, 64);
  std::vector<float> output(input.size());
  const float* in = input.data();
  float* out = output.data();
  model.process(&in, &out, 1, 3000);
  REQUIRE(output == expected);
}

TEST_CASE("Model: reset then repeat gives the same", "[model][property][state]") {
  const std::vector<float> input = test::noise(700, 13);
  for (const Json& json : test::assortment()) {
    fxengine::Model model = test::load(json);
    const std::vector<float> first = test::play(model, input, {700});
    const float* in = input.data();
    std::vector<float> again(input.size());
    float* out = again.data();
    model.reset();
    model.process(&in, &out, 1, 700);
    REQUIRE(again == first);
    model.process(&in, &out, 1, 700); // without reset the state runs on
    if (model.info().architecture != "dense")
      REQUIRE(again != first);
  }
}

TEST_CASE("Model: in place gives the same as apart", "[model][property]") {
  const std::vector<float> input = test::noise(600, 14);
  for (const Json& json : test::assortment()) {
    fxengine::Model model = test::load(json);
    const std::vector<float> apart = test::play(model, input, {200});
    std::vector<float> inPlace = input;
    float* channel = inPlace.data();
    model.prepare(1, 200);
    model.process(&channel, &channel, 1, 600);
    REQUIRE(inPlace == apart);
  }
}

TEST_CASE("Model: channels are independent streams", "[model][property][state]") {
  const std::vector<float> left = test::noise(800, 15), right = test::noise(800, 16);
  for (const Json& json : test::assortment()) {
    fxengine::Model model = test::load(json);
    const std::vector<float> expectedLeft = test::play(model, left, {100});
    const std::vector<float> expectedRight = test::play(model, right, {100});
    std::vector<float> outLeft(800), outRight(800);
    const float* in[2] = {left.data(), right.data()};
    float* out[2] = {outLeft.data(), outRight.data()};
    model.prepare(2, 100);
    model.process(in, out, 2, 800);
    for (std::size_t t = 0; t < 800; ++t) { // streams together may be summed in another order than one alone
      REQUIRE(std::abs(outLeft[t] - expectedLeft[t]) < 2e-6f);
      REQUIRE(std::abs(outRight[t] - expectedRight[t]) < 2e-6f);
    }
  }
}

TEST_CASE("Model: channels beyond the prepared number are silent", "[model]") {
  fxengine::Model model = test::load(test::assortment().front());
  const std::vector<float> input = test::noise(10, 1);
  std::vector<float> left = input, right = input;
  float* channels[2] = {left.data(), right.data()};
  model.process(channels, channels, 2, 10); // nothing prepared yet
  REQUIRE(left == std::vector<float>(10, 0.0f));
  std::copy(input.begin(), input.end(), left.begin());
  std::copy(input.begin(), input.end(), right.begin());
  model.prepare(1, 10);
  model.process(channels, channels, 2, 10);
  REQUIRE(left != std::vector<float>(10, 0.0f));
  REQUIRE(right == std::vector<float>(10, 0.0f));
}

TEST_CASE("Model: gains and residual path are y = g_out (net(g_in x) + g_in x)", "[model]") {
  Json json = test::makeModel(1, {{"lstm", 8}, {"dense", 1}}, 21);
  json["in_skip"] = 1;
  json["in_gain"] = 20.0 * std::log10(2.0); // factors 2 and 1/4
  json["out_gain"] = -20.0 * std::log10(4.0);
  const std::vector<float> input = test::noise(500, 22);
  std::vector<double> scaled = asFrames(input);
  for (double& sample : scaled)
    sample *= 2.0;
  std::vector<double> expected = test::referenceOutput(json, scaled);
  for (std::size_t t = 0; t < expected.size(); ++t)
    expected[t] = 0.25 * (expected[t] + scaled[t]);
  fxengine::Model model = test::load(json);
  REQUIRE(greatestDifference(test::play(model, input, {64}), expected) < 1e-6);
}

TEST_CASE("Model: a network of zero weights with in_skip passes its input through exactly", "[model]") {
  Json json = test::makeModel(1, {{"dense", 1}}, 1);
  json["layers"][0]["weights"] = {{{0.0}}, {0.0}};
  json["in_skip"] = 1;
  const std::vector<float> input = test::noise(100, 23);
  fxengine::Model model = test::load(json);
  REQUIRE(test::play(model, input, {33}) == input);
}

TEST_CASE("Model: knobs are the network's further inputs", "[model]") {
  const Json json = test::makeModel(3, {{"lstm", 6}, {"dense", 1}}, 31);
  const std::vector<float> input = test::noise(300, 32);
  fxengine::Model model = test::load(json);
  REQUIRE(model.info().knobs.size() == 2);
  model.setKnob(0, 0.25f);
  model.setKnob(1, 7.0f); // limited to 1
  model.setKnob(1, std::numeric_limits<float>::quiet_NaN());
  model.setKnob(2, 0.5f); // there is none
  model.setKnob(-1, 0.5f);
  REQUIRE(model.knob(1) == 1.0f);
  const auto expected = test::referenceOutput(json, asFrames(input, {0.25, 1.0}));
  REQUIRE(greatestDifference(test::play(model, input, {64}), expected) < 1e-6);
}

TEST_CASE("Model: knobs start at the default that the file states", "[model]") {
  Json json = test::makeModel(2, {{"lstm", 6}, {"dense", 1}}, 33);
  REQUIRE(test::load(json).knob(0) == 0.5f);
  json["knobs"] = {{{"name", "drive"}, {"unit", "dB"}, {"min", -20.0}, {"max", 20.0}, {"default", -10.0}}};
  const fxengine::Model model = test::load(json);
  REQUIRE(model.knob(0) == 0.25f);
  REQUIRE(model.info().knobs[0].name == "drive");
}

TEST_CASE("Model: NaN and infinity become silence, are counted, and leave no trace in the state", "[model][state]") {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(), 3e38f};
  for (const float value : bad) {
    for (const Json& json : test::assortment()) {
      fxengine::Model model = test::load(json);
      const std::vector<float> clean = test::noise(256, 41);
      const std::vector<float> alone = test::play(model, clean, {256});
      model.prepare(2, 256);
      std::vector<float> left = clean, right = clean;
      float* both[2] = {left.data(), right.data()};
      model.process(both, both, 2, 256);
      const std::vector<float> expected = right; // of two streams: their sums may be in another order
      model.reset();
      left = right = clean;
      left[100] = value;
      float* channels[2] = {left.data(), right.data()};
      model.process(channels, channels, 2, 256);
      for (const float sample : left)
        REQUIRE(std::isfinite(sample));
      REQUIRE(right == expected); // the other channel does not notice
      if (!std::isfinite(value)) {
        REQUIRE(left == std::vector<float>(256, 0.0f));
        REQUIRE(model.numFaults() == 1);
        std::copy(clean.begin(), clean.end(), left.begin());
        model.process(channels, channels, 1, 256);
        REQUIRE(left == alone); // as after reset
      }
    }
  }
}

TEST_CASE("Model: the linear stage filters what the network gives, before the output gain", "[model][golden]") {
  Json json = test::assortment()[2];
  REQUIRE(json.contains("fir"));
  const std::vector<float> input = test::noise(3000, 61);
  fxengine::Model model = test::load(json);
  REQUIRE(model.info().numLinearTaps == 700);
  const std::vector<float> output = test::play(model, input, {64});
  const auto taps = json["fir"]["taps"].get<std::vector<double>>();
  json.erase("fir");
  fxengine::Model bare = test::load(json);
  const std::vector<float> before = test::play(bare, input, {64});
  for (std::size_t t = 0; t < input.size(); ++t) {
    double expected = 0.0;
    for (std::size_t k = 0; k < std::min(taps.size(), t + 1); ++k)
      expected += taps[k] * double{before[t - k]};
    REQUIRE(double{output[t]} == Approx(expected).margin(2e-6));
  }
}

TEST_CASE("Model: without its linear stage, a file sounds as if it had none", "[model]") {
  Json json = test::assortment()[2];
  fxengine::LoadOptions options;
  options.linearStage = false;
  fxengine::Model without = fxengine::parseModel(json.dump(), "amp.json", options);
  REQUIRE(without.info().numLinearTaps == 0);
  json.erase("fir");
  fxengine::Model bare = test::load(json);
  const std::vector<float> input = test::noise(500, 62);
  REQUIRE(test::play(without, input, {64}) == test::play(bare, input, {64}));
}

TEST_CASE("Model: prewarmed, a linear stage is at rest too", "[model][state]") {
  Json json = test::assortment()[2];
  json["layers"][1]["weights"][1] = {0.4}; // which the network gives in silence, more or less
  for (const int factor : {1, 4}) {
    fxengine::LoadOptions options;
    options.oversampling = factor;
    fxengine::Model model = fxengine::parseModel(json.dump(), "amp.json", options);
    model.prepare(1, 64);
    model.prewarm();
    REQUIRE(std::abs(model.restOutput()) > 1e-3f);
    std::vector<float> output(4000, 0.0f);
    float* channel = output.data();
    model.process(&channel, &channel, 1, 4000);
    for (const float sample : output)
      REQUIRE(std::abs(sample - model.restOutput()) < 1e-5f);
    // Zero state is another matter: the stage has yet to fill.
    model.reset();
    std::fill(output.begin(), output.end(), 0.0f);
    model.process(&channel, &channel, 1, 4000);
    REQUIRE(std::abs(output[0] - model.restOutput()) > 1e-3f);
  }
}

TEST_CASE("Model: extreme input gives finite output", "[model]") {
  for (const Json& json : test::assortment()) {
    fxengine::Model model = test::load(json);
    for (const float amplitude : {1e-38f, 1e3f, 1e30f}) {
      for (const float sample : test::play(model, test::noise(512, 42, amplitude), {64}))
        REQUIRE(std::isfinite(sample));
    }
  }
}

TEST_CASE("Model: silence after sound decays to the model's rest", "[model][state]") {
  Json json = test::makeModel(1, {{"lstm", 4}, {"dense", 1}}, 43);
  for (Json& bias : json["layers"][0]["weights"][2])
    bias = 0.0; // at rest h = c = 0: the gates' fixed point
  json["layers"][1]["weights"][1] = {0.0};
  for (Json& row : json["layers"][0]["weights"][1]) {
    for (Json& weight : row)
      weight = 0.0;
  }
  std::vector<float> input = test::noise(4000, 44);
  std::fill(input.begin() + 2000, input.end(), 0.0f);
  fxengine::Model model = test::load(json);
  const std::vector<float> output = test::play(model, input, {64});
  REQUIRE(std::abs(output[1999]) > 1e-4f);
  REQUIRE(output.back() == 0.0f); // c halves each frame (f = sigmoid(0)); denormals are flushed
}

TEST_CASE("Model: the latency is the network's, or the file's if that is more", "[model]") {
  const std::vector<float> input = test::noise(400, 51);
  for (const int latency : {0, 10, 300}) {
    for (const int stated : {0, 10, 25}) { // such as a network that was trained to answer late
      fxengine::ModelInfo info = test::lateInfo();
      info.latencyFrames = stated;
      fxengine::Model model(info, std::make_unique<test::LateNetwork>(latency));
      CHECK(model.latencyFrames() == std::max(latency, stated));
      CHECK(model.info().latencyFrames == model.latencyFrames());
      CHECK(model.info().networkLatencyFrames == latency);
      CHECK(test::play(model, input, {64}) == test::late(input, latency));
    }
  }
}

TEST_CASE("Model: prewarming plays as much silence as the network remembers", "[model][state]") {
  for (const int latency : {0, 255, 256, 3000, 100'000}) {
    fxengine::Model model(test::lateInfo(), std::make_unique<test::LateNetwork>(latency));
    model.prepare(1, 64);
    CHECK(model.prewarm() == (latency / 256 + 1) * 256);
    CHECK(model.restOutput() == 0.0f);
  }
  fxengine::ModelInfo large = test::lateInfo();
  large.numWeights = std::size_t{1} << 20; // of which 2e9 multiplications are less than 2048 frames
  fxengine::Model model(large, std::make_unique<test::LateNetwork>(100'000));
  model.prepare(1, 64);
  CHECK(model.prewarm() <= 2048);
}

TEST_CASE("Model: prewarming ends however much a frame costs", "[model]") {
  // Sixty layers of activations took 4 s, as only weights were counted; two million weights were played for 4096
  // frames, and eight times as many oversampled.
  const auto framesOf = [](fxengine::ModelInfo info) {
    double numFrames = 0.0;
    fxengine::Model model(std::move(info), std::make_unique<Restless>(numFrames));
    model.prepare(1, 64);
    REQUIRE(model.prewarm() > 0);
    return numFrames;
  };
  constexpr double kPart = fxengine::Model::kMaxPart;
  REQUIRE(framesOf({}) == Approx(5 * 48000).margin(kPart));
  REQUIRE(framesOf(manyWeights()) <= 2e9 / 2e6 + kPart);
  REQUIRE(framesOf(activationsAlone("elu")) <= 2e9 / (64 * 1024 * 16) + kPart);
  REQUIRE(framesOf(activationsAlone("softmax")) <= 2e9 / (64 * 1024 * 64) + kPart);
  fxengine::ModelInfo oversampled = manyWeights();
  oversampled.oversampling = 8;
  REQUIRE(framesOf(oversampled) <= 2e9 / 2e6 + 8 * kPart);
}

TEST_CASE("Model: trying a network oversampled ends however much a frame costs", "[model]") {
  // Two million weights at eight times the rate took 3 s.
  double numFrames = 0.0;
  Restless network(numFrames);
  fxengine::detail::checkPhases(network, {}, 8, 2e6);
  REQUIRE(numFrames * 2e6 <= 6e9);
  numFrames = 0.0;
  REQUIRE(fxengine::detail::checkPhases(network, {}, 2, 4e3).motion == Approx(1.0)); // a usual one: a second's silence
  REQUIRE(numFrames >= 2 * 48000);
}
