// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/layers/dense.h>

#include <algorithm>
#include <cmath>
#include <iterator>

using fxengine::ActivationType;

TEST_CASE("Dense: weights are [in][out]", "[layers]") {
  // Input k goes to output (k + 1) mod 3 with a bias of k there: exact in float32.
  fxengine::Dense dense(3, 3, {0, 1, 0, 0, 0, 1, 1, 0, 0}, {0.0f, 1.0f, 2.0f}, ActivationType::none);
  constexpr int kStride = fxengine::Layer::frameStride(3);
  alignas(fxengine::Layer::kAlignment) float input[2 * kStride] = {0.5f, 0.25f, 0.125f};
  alignas(fxengine::Layer::kAlignment) float output[2 * kStride];
  std::copy_n(std::begin({-1.0f, -2.0f, -3.0f}), 3, input + kStride);
  const float* in = input;
  float* out = output;
  dense.prepare(1);
  dense.process(&in, &out, 1, 2);
  REQUIRE(std::vector<float>(output, output + 3) == std::vector<float>{0.125f, 1.5f, 2.25f});
  REQUIRE(std::vector<float>(output + kStride, output + kStride + 3) == std::vector<float>{-3.0f, 0.0f, 0.0f});
}

TEST_CASE("Dense: stacks with each activation agree with double precision", "[layers][golden]") {
  for (const char* activation : {"", "tanh", "relu", "sigmoid", "elu", "softmax"}) {
    for (const int size : {1, 4, 7, 33}) {
      const test::Json json = test::makeModel(1, {{"dense", size, activation}, {"time-distributed-dense", 1}}, 9);
      const std::vector<float> input = test::noise(500, 9, 2.0f);
      const std::vector<double> expected = test::referenceOutput(json, {input.begin(), input.end()});
      fxengine::Model model = test::load(json);
      const std::vector<float> output = test::play(model, input, {64});
      for (std::size_t t = 0; t < input.size(); ++t)
        REQUIRE(std::abs(double{output[t]} - expected[t]) < 2e-6);
    }
  }
}

TEST_CASE("Dense: a file may leave the bias out", "[layers]") {
  test::Json json = test::makeModel(1, {{"dense", 1}}, 10);
  json["layers"][0]["weights"] = {{{0.5}}};
  fxengine::Model model = test::load(json);
  REQUIRE(test::play(model, {1.0f, -2.0f}, {2}) == std::vector<float>{0.5f, -1.0f});
}
