// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/layers/gru.h>

#include <cmath>

namespace {

std::vector<float> respond(std::vector<float> recurrentWeights, std::vector<float> bias, int numFrames) {
  fxengine::Gru gru(1, 1, std::vector<float>(3, 0.0f), std::move(recurrentWeights), std::move(bias));
  gru.prepare(1);
  const std::vector<float> input(static_cast<std::size_t>(numFrames), 0.3f);
  std::vector<float> output(input.size());
  const float* in = input.data();
  float* out = output.data();
  gru.process(&in, &out, 1, numFrames);
  return output;
}

} // namespace

TEST_CASE("Gru: with a half open update gate the state approaches its target by halves", "[layers]") {
  // z = sigmoid(0) = 1/2, n = tanh(0.4): h[t] = n (1 - 2^-t).
  const std::vector<float> output = respond({0.0f, 0.0f, 0.0f}, {0.0f, 0.0f, 0.4f, 0.0f, 0.0f, 0.0f}, 20);
  for (int t = 0; t < 20; ++t) {
    const double expected = std::tanh(0.4) * (1.0 - std::pow(0.5, t + 1));
    REQUIRE(double{output[static_cast<std::size_t>(t)]} == Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("Gru: gates stand in the order z, r, n, and r acts after the recurrent product and its bias", "[layers]") {
  const std::vector<float> recurrent{0.0f, 0.0f, 5.0f};
  // z = 1: the state stays at zero.
  REQUIRE(respond(recurrent, {40.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.0f}, 3)[2] == 0.0f);
  // z = 0, r = 0: neither the state nor the recurrent bias 0.7 reaches n.
  REQUIRE(respond(recurrent, {-200.0f, -200.0f, 1.0f, 0.0f, 0.0f, 0.7f}, 3)[2] == Approx(std::tanh(1.0f)));
  // z = 0, r = 1: both do. h[1] = tanh(0.1 + 0.2), h[2] = tanh(0.1 + 5 h[1] + 0.2).
  REQUIRE(respond(recurrent, {-200.0f, 40.0f, 0.1f, 0.0f, 0.0f, 0.2f}, 2)[1] ==
          Approx(std::tanh(0.3f + 5.0f * std::tanh(0.3f))));
}

TEST_CASE("Gru: any hidden size agrees with double precision", "[layers][golden]") {
  for (const int size : {1, 2, 3, 5, 8, 13, 16, 20, 31, 40, 64, 97, 128}) {
    const test::Json json = test::makeModel(1, {{"gru", size}, {"dense", 1}}, static_cast<unsigned>(size));
    const std::vector<float> input = test::noise(size > 60 ? 300 : 2000, 8, 1.0f);
    const std::vector<double> expected = test::referenceOutput(json, {input.begin(), input.end()});
    fxengine::Model model = test::load(json);
    const std::vector<float> output = test::play(model, input, {64});
    for (std::size_t t = 0; t < input.size(); ++t)
      REQUIRE(std::abs(double{output[t]} - expected[t]) < 2e-6);
  }
}
