// SPDX-License-Identifier: MIT
#include "support/late_network.h"
#include "support/loader.h"

using fxengine::ModelError;
using test::contains;
using test::errorOf;
using test::Json;
using test::plainModel;

TEST_CASE("Self-test: test vectors are played, and a model that does not give them is refused", "[loader][golden]") {
  for (Json json : test::assortment()) {
    test::addTestVectors(json, 500, 3);
    const fxengine::Model model = test::load(json);
    REQUIRE(model.info().selfTest);
    REQUIRE(model.info().selfTest->numFrames == 500);
    REQUIRE(model.info().selfTest->tolerance == 1e-5);
    REQUIRE(model.info().selfTest->maxError < 1e-5);

    const double right = json["output_batch"][400];
    json["output_batch"][400] = right + 2e-5;
    const ModelError error = errorOf(json.dump());
    REQUIRE(error.field() == "output_batch[400]");
    REQUIRE_NOTHROW(fxengine::parseModel(json.dump(), "", {"fxengine", false})); // on request it is not played

    json["metadata"] = {{"vectors_error", 1e-5}}; // now 3e-5 are allowed
    REQUIRE(test::load(json).info().selfTest->tolerance == Approx(3e-5));
  }
}

TEST_CASE("Self-test: a long one ends early, and says so", "[loader][long]") {
  // Two million frames through a thousand units, all within the other limits, took half an hour.
  constexpr int kUnits = 640, kNumFrames = 400'000;
  const Json zeros = Json::array_t(kUnits, 0);
  Json json = {{"in_shape", {nullptr, nullptr, 1}}, {"samplerate", 48000}};
  json["layers"] = {
      {{"type", "dense"}, {"shape", {nullptr, kUnits}}, {"weights", {Json::array({zeros}), zeros}}},
      {{"type", "dense"}, {"shape", {nullptr, kUnits}}, {"weights", {Json::array_t(kUnits, zeros), zeros}}},
      {{"type", "dense"}, {"shape", {nullptr, 1}}, {"weights", {Json::array_t(kUnits, Json::array({0})), {0}}}}};
  json["input_batch"] = Json::array_t(kNumFrames, 0.25);
  json["output_batch"] = Json::array_t(kNumFrames, 0);
  const fxengine::ModelInfo info = test::load(json).info();
  REQUIRE(info.selfTest);
  CHECK(info.selfTest->numFrames >= 1000);
  CHECK(info.selfTest->numFrames <= fxengine::ModelLimits::kMaxTestWork / static_cast<double>(info.numWeights));
  REQUIRE(info.notes.size() == 1);
  CHECK(contains(info.notes.front(), "of 400000 frames of test vectors"));
  // Vectors beyond what is played are still numbers, as many as there are inputs.
  json["output_batch"].erase(json["output_batch"].size() - 1);
  CHECK(errorOf(json.dump()).field() == "output_batch");
}

TEST_CASE("Self-test: it leaves no trace in the state", "[loader][state]") {
  Json json = plainModel();
  const std::vector<float> input = test::noise(300, 5);
  fxengine::Model without = test::load(json);
  test::addTestVectors(json, 300, 6);
  fxengine::Model with = test::load(json);
  REQUIRE(test::play(with, input, {64}) == test::play(without, input, {64}));
}

TEST_CASE("Self-test: vectors may hold knob positions", "[loader]") {
  Json json = test::makeModel(2, {{"gru", 4}, {"dense", 1}}, 8);
  const std::vector<double> frames{0.1, 0.9, -0.2, 0.8, 0.3, 0.1};
  json["input_batch"] = {{0.1, 0.9}, {-0.2, 0.8}, {0.3, 0.1}};
  json["output_batch"] = test::referenceOutput(json, frames);
  REQUIRE(test::load(json).info().selfTest->numFrames == 3);
}

namespace {

/** A file whose network is late, and whose vectors tell what it gives once its latency has passed. */
fxengine::ModelDescription lateDescription(int latency, std::size_t numFrames, int numKnobs = 0) {
  fxengine::ModelDescription description;
  description.file = "late.model";
  description.info = test::lateInfo();
  description.info.numInputs = 1 + numKnobs;
  description.info.knobs.resize(static_cast<std::size_t>(numKnobs));
  const std::vector<float> audio = test::noise(numFrames, 4);
  fxengine::TestVectors vectors;
  vectors.outputField = "expected";
  for (std::size_t t = 0; t < numFrames; ++t) {
    vectors.input.push_back(audio[t]);
    vectors.output.push_back(0.5f * audio[t]);
    vectors.input.insert(vectors.input.end(), static_cast<std::size_t>(numKnobs), 0.0f);
  }
  description.vectors = vectors;
  description.build = [=](const fxengine::LoadOptions&) {
    return std::make_unique<test::LateNetwork>(latency, 0.5f, true, numKnobs);
  };
  return description;
}

} // namespace

TEST_CASE("Self-test: vectors are compared once the latency has passed", "[loader]") {
  for (const int latency : {0, 1, 99, 700}) {
    fxengine::ModelDescription description = lateDescription(latency, 400);
    const fxengine::Model model = fxengine::buildModel(description);
    REQUIRE(model.info().selfTest);
    CHECK(model.info().selfTest->numFrames == 400);
    CHECK(model.info().selfTest->maxError == 0.0);

    std::vector<float>& output = description.vectors->output; // a frame late, and so wrong
    output.pop_back();
    output.insert(output.begin(), 0.0f);
    REQUIRE_THROWS_WITH(fxengine::buildModel(description), Catch::Contains("late.model: expected["));
    fxengine::LoadOptions unplayed;
    unplayed.selfTest = false;
    CHECK_FALSE(fxengine::buildModel(description, unplayed).info().selfTest);
  }
}

TEST_CASE("Self-test: the frames of latency count as work, and what follows the last frame played is heard",
          "[loader][long]") {
  constexpr std::size_t kNumFrames = 40'000;
  fxengine::ModelDescription description = lateDescription(1000, kNumFrames);
  description.info.numWeights = 99'936; // with a layer's share, 20 000 frames are affordable
  const fxengine::ModelInfo info = fxengine::buildModel(description).info();
  CHECK(info.selfTest->numFrames == 19'000);
  CHECK(info.selfTest->maxError == 0.0);
  REQUIRE(info.notes.size() == 1);
  CHECK(contains(info.notes.front(), "the first 19000 of 40000 frames"));
  description.info.numWeights = fxengine::ModelLimits::kMaxWeights; // less work than the latency alone takes
  CHECK(fxengine::buildModel(description).info().selfTest->numFrames == 0);
}

TEST_CASE("Self-test: knobs stay where the last frame has them until the latency has passed", "[loader]") {
  fxengine::ModelDescription description = lateDescription(300, 100, 1);
  for (std::size_t t = 0; t < 100; ++t) { // the knob acts at once: on frames that come 300 later, its last position
    description.vectors->input[2 * t + 1] = t < 50 ? 0.25f : 0.75f;
    description.vectors->output[t] += 0.75f;
  }
  CHECK(fxengine::buildModel(description).info().selfTest->maxError == 0.0);
}
