// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/layers/lstm.h>

#include <cmath>

TEST_CASE("Lstm: with open gates and constant input the cell counts", "[layers]") {
  // i = f = o = sigmoid(40) = 1 in float32, g = tanh(0.1): c[t] = t g, h[t] = tanh(t g).
  fxengine::Lstm lstm(1, 1, std::vector<float>(4, 0.0f), std::vector<float>(4, 0.0f), {40.0f, 40.0f, 0.1f, 40.0f});
  lstm.prepare(1);
  const std::vector<float> input(20, 0.7f);
  std::vector<float> output(20);
  const float* in = input.data();
  float* out = output.data();
  lstm.process(&in, &out, 1, 20);
  for (int t = 0; t < 20; ++t) {
    REQUIRE(double{output[static_cast<std::size_t>(t)]} == Approx(std::tanh((t + 1) * std::tanh(0.1))).epsilon(1e-6));
  }
}

TEST_CASE("Lstm: gates stand in the order i, f, g, o", "[layers]") {
  // One gate at a time is closed by a bias of -200, where sigmoid gives about 1e-12; the others are open.
  const auto secondFrame = [](std::vector<float> bias) {
    fxengine::Lstm lstm(1, 1, std::vector<float>(4, 0.0f), std::vector<float>(4, 0.0f), std::move(bias));
    lstm.prepare(1);
    const float input[2] = {0.0f, 0.0f};
    float output[2];
    const float* in = input;
    float* out = output;
    lstm.process(&in, &out, 1, 2);
    return output[1];
  };
  const float g = std::tanh(1.0f);
  REQUIRE(std::abs(secondFrame({-200.0f, 40.0f, 1.0f, 40.0f})) < 2e-12f);      // no input: the cell stays empty
  REQUIRE(secondFrame({40.0f, -200.0f, 1.0f, 40.0f}) == Approx(std::tanh(g))); // nothing is remembered
  REQUIRE(secondFrame({40.0f, 40.0f, 0.0f, 40.0f}) == 0.0f);                   // nothing to add
  REQUIRE(std::abs(secondFrame({40.0f, 40.0f, 1.0f, -200.0f})) < 2e-12f);      // nothing comes out
  REQUIRE(secondFrame({40.0f, 40.0f, 1.0f, 40.0f}) == Approx(std::tanh(2 * g)));
}

TEST_CASE("Lstm: any hidden size agrees with double precision", "[layers][golden]") {
  // Random weights keep float32 rounding below a few 1e-7; 2e-6 leaves room for the larger sums.
  for (const int size : {1, 2, 3, 5, 8, 13, 16, 20, 31, 40, 64, 97, 128}) {
    const test::Json json = test::makeModel(1, {{"lstm", size}, {"dense", 1}}, static_cast<unsigned>(size));
    const std::vector<float> input = test::noise(size > 60 ? 300 : 2000, 7, 1.0f);
    const std::vector<double> expected = test::referenceOutput(json, {input.begin(), input.end()});
    fxengine::Model model = test::load(json);
    const std::vector<float> output = test::play(model, input, {64});
    for (std::size_t t = 0; t < input.size(); ++t)
      REQUIRE(std::abs(double{output[t]} - expected[t]) < 2e-6);
  }
}
