// SPDX-License-Identifier: MIT
#include "../support/allocations.h"
#include "../support/loader.h"

#include <cmath>

using test::contains;
using test::errorOf;
using test::Json;

namespace {

std::vector<Json> stacks() {
  return {test::makeModel(1, {{"conv1d", 1, "", 5, 3}}, 1),
          test::makeModel(1, {{"conv1d", 7, "tanh", 64, 2}, {"conv1d", 1, "relu", 1, 9}}, 2),
          test::makeModel(
              1, {{"conv1d", 12, "sigmoid"}, {"conv1d", 6, "", 4, 30, 3}, {"prelu", 6, "", 3, 1, 2}, {"dense", 1}}, 3),
          test::makeModel(1, {{"conv1d", 3}, {"batchnorm", 3, "", 3, 1, 2}, {"gru", 4}, {"dense", 1}}, 4),
          test::makeModel(3, {{"conv1d", 5, "", 2, 100}, {"batchnorm", 5}, {"prelu", 5}, {"dense", 1}}, 5)};
}

std::string messageOf(const std::function<void(Json&)>& damage) {
  Json model = test::makeModel(1, {{"conv1d", 4}, {"batchnorm", 4}, {"prelu", 4}, {"dense", 1}}, 1);
  damage(model["layers"]);
  return errorOf(model.dump()).what();
}

} // namespace

TEST_CASE("Conv1d: stacks with batchnorm, prelu and groups agree with double precision", "[layers][golden]") {
  for (const Json& json : stacks()) {
    const auto numInputs = json["in_shape"].back().get<std::size_t>();
    const std::vector<float> input = test::noise(600, 9, 0.9f);
    std::vector<double> frames;
    for (const float x : input) {
      frames.push_back(double{x});
      frames.insert(frames.end(), numInputs - 1, 0.5); // knobs at their defaults
    }
    const std::vector<double> expected = test::referenceOutput(json, frames);
    fxengine::Model model = test::load(json);
    for (const std::vector<int>& blocks : {std::vector{64}, {1}, {3, 200, 65}}) {
      const std::vector<float> output = test::play(model, input, blocks);
      for (std::size_t t = 0; t < input.size(); ++t)
        REQUIRE(std::abs(double{output[t]} - expected[t]) < 4e-6);
    }
  }
}

TEST_CASE("Conv1d: block sizes do not change the output, reset starts again, nothing is allocated",
          "[layers][property][state][realtime]") {
  for (const Json& json : stacks()) {
    const std::vector<float> input = test::noise(500, 3);
    fxengine::Model model = test::load(json);
    const std::vector<float> expected = test::play(model, input, {64});
    REQUIRE(test::play(model, input, {1}) == expected);
    REQUIRE(test::play(model, input, {7, 130, 64, 1}) == expected);
    std::vector<float> again = input;
    float* block = again.data();
    model.reset();
    {
      const test::AllocationCount allocations;
      model.process(&block, &block, 1, 500);
      model.rest();
      REQUIRE(allocations.value() == 0);
    }
    REQUIRE(again == expected);
    model.prewarm();
    const test::AllocationCount allocations;
    model.process(&block, &block, 1, 500);
    model.rest();
    REQUIRE(allocations.value() == 0);
    std::vector<float> silence(500, 0.0f);
    block = silence.data();
    model.process(&block, &block, 1, 500);
    for (const float value : silence)
      REQUIRE(std::abs(value - model.restOutput()) < 2e-6f);
  }
}

TEST_CASE("Conv1d: what is wrong is said at its place", "[loader]") {
  CHECK(contains(messageOf([](Json& layers) { layers[0].erase("kernel_size"); }),
                 "layers[0].kernel_size: expected a value, found nothing"));
  CHECK(contains(messageOf([](Json& layers) { layers[0]["kernel_size"] = {2}; }),
                 "layers[0].weights[0]: expected a list of 2 (2 taps of 1 inputs and 4 outputs), found a list of 3"));
  CHECK(contains(messageOf([](Json& layers) { layers[0]["dilation"] = {0}; }), "dilation[0]: expected a whole number"));
  CHECK(contains(messageOf([](Json& layers) { layers[0]["groups"] = 2; }),
                 "groups: expected groups that divide 1 inputs and 4 outputs, found 2"));
  CHECK(contains(messageOf([](Json& layers) { layers[0]["activation"] = "softmax"; }),
                 "layers[0].activation: expected tanh, relu, sigmoid or \"\" for a conv1d layer"));
  CHECK(contains(messageOf([](Json& layers) { layers[1]["weights"][3][2] = -5.0; }),
                 "layers[1].weights[3][2]: expected a variance above 0"));
  CHECK(contains(messageOf([](Json& layers) { layers[1].erase("epsilon"); }), "layers[1].epsilon: expected a value"));
  CHECK(contains(messageOf([](Json& layers) {
                   layers[2]["weights"][0][0] = {1.0, 2.0};
                 }),
                 "layers[2].weights[0][0]: expected a list of 4"));
  CHECK(contains(messageOf([](Json& layers) {
                   layers[3]["type"] = "conv1d";
                   layers[3]["dilation"] = {65536};
                   layers[3]["kernel_size"] = {64};
                 }),
                 "look back at 4194304 values at most"));
}
