// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/model_loader.h>
#include <fxengine/simd/isa.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using test::Json;

namespace {

/** The sizes that have kernels of their own, and some that have not. */
constexpr int kSizes[] = {8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 5, 33, 100};

Json network(const char* type, int size) {
  return test::makeModel(1, {{type, size}, {"dense", 1}}, static_cast<unsigned>(size));
}

fxengine::Model loadWith(const Json& json, const fxengine::LoadOptions& options) {
  return fxengine::parseModel(json.dump(), "test.json", options);
}

float greatestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  float greatest = 0.0f;
  for (std::size_t t = 0; t < a.size(); ++t)
    greatest = std::max(greatest, std::abs(a[t] - b[t]));
  return greatest;
}

} // namespace

TEST_CASE("Recurrent kernels: each size agrees with double precision, whatever the blocks",
          "[simd][golden][property]") {
  for (const char* type : {"lstm", "gru"}) {
    for (const int size : kSizes) {
      const Json json = network(type, size);
      const std::vector<float> input = test::noise(300, 21, 1.0f);
      const std::vector<double> expected = test::referenceOutput(json, {input.begin(), input.end()});
      fxengine::Model model = test::load(json);
      const std::vector<float> output = test::play(model, input, {256});
      for (std::size_t t = 0; t < input.size(); ++t)
        REQUIRE(std::abs(double{output[t]} - expected[t]) < 2e-6); // float32 rounding and no more, as for Lstm
      REQUIRE(test::play(model, input, {1}) == output);
      REQUIRE(test::play(model, input, {7, 64, 2}) == output);
    }
  }
}

TEST_CASE("Recurrent kernels: streams that share weights do not hear one another", "[simd][property]") {
  constexpr int kMost = 7;
  constexpr int kNumFrames = 150;
  for (const char* type : {"lstm", "gru"}) {
    for (const int size : kSizes) {
      fxengine::Model model = test::load(network(type, size));
      std::vector<std::vector<float>> inputs, alone;
      for (unsigned stream = 0; stream < kMost; ++stream) {
        inputs.push_back(test::noise(kNumFrames, 30 + stream, 1.0f));
        alone.push_back(test::play(model, inputs.back(), {64}));
      }
      for (int count = 1; count <= kMost; ++count) {
        std::vector<std::vector<float>> channels(inputs.begin(), inputs.begin() + count);
        std::vector<float*> pointers;
        for (auto& channel : channels)
          pointers.push_back(channel.data());
        model.prepare(count, kNumFrames);
        model.process(pointers.data(), pointers.data(), count, kNumFrames);
        for (int stream = 0; stream < count; ++stream) {
          const auto index = static_cast<std::size_t>(stream);
          // The sums may be in another order than for a stream alone.
          REQUIRE(greatestDifference(channels[index], alone[index]) < 2e-6f);
        }
        // Fewer streams than prepared: the first ones, with other kernels and the same states.
        std::copy(inputs[0].begin(), inputs[0].end(), channels[0].begin());
        model.reset();
        model.process(pointers.data(), pointers.data(), 1, kNumFrames);
        REQUIRE(greatestDifference(channels[0], alone[0]) < 2e-6f);
      }
    }
  }
}

TEST_CASE("Recurrent kernels: a state passes from one stream to two and back", "[simd][state]") {
  for (const char* type : {"lstm", "gru"}) {
    for (const int size : {8, 16, 40, 96}) {
      const std::vector<float> input = test::noise(300, 33, 1.0f);
      fxengine::Model model = test::load(network(type, size));
      const std::vector<float> expected = test::play(model, input, {300});
      model.prepare(2, 100);
      std::vector<float> first = input, second = input;
      for (const int start : {0, 100, 200}) {
        float* channels[2] = {first.data() + start, second.data() + start};
        model.process(channels, channels, start == 100 ? 2 : 1, 100);
      }
      REQUIRE(greatestDifference(first, expected) < 2e-6f);
    }
  }
}

TEST_CASE("Recurrent kernels: fast activations are near, say so, and are asked for", "[simd]") {
  for (const char* type : {"lstm", "gru"}) {
    for (const int size : {8, 12, 16, 20, 24, 32, 40}) {
      const Json json = network(type, size);
      const std::vector<float> input = test::noise(500, 34, 1.0f);
      fxengine::Model exact = test::load(json);
      fxengine::LoadOptions options;
      options.activations = fxengine::Activations::fast;
      fxengine::Model fast = loadWith(json, options);
      REQUIRE(exact.info().activations == "exact");
      const std::vector<float> output = test::play(fast, input, {64});
      const float error = greatestDifference(output, test::play(exact, input, {64}));
      if (fast.info().activations == "fast") { // a build with few kernels has some sizes only
        REQUIRE(error > 0.0f);
        REQUIRE(error < 5e-3f); // 6e-5 an activation, and what becomes of it in 500 frames
        REQUIRE(fast.info().notes.back().find("activations are approximated") == 0);
      } else {
        REQUIRE(error == 0.0f);
      }
    }
    fxengine::LoadOptions options;
    options.activations = fxengine::Activations::fast;
    REQUIRE(loadWith(network(type, 8), options).info().activations == "fast");
    REQUIRE(loadWith(network(type, 33), options).info().activations == "exact"); // no such kernel: exact, and no claim
  }
}

TEST_CASE("Recurrent kernels: inputs of any size saturate as the formula does", "[simd]") {
  for (const char* type : {"lstm", "gru"}) {
    const Json json = network(type, 16);
    for (const float amplitude : {1e2f, 1e4f, 1e5f}) {
      const std::vector<float> input = test::noise(64, 35, amplitude);
      const std::vector<double> expected = test::referenceOutput(json, {input.begin(), input.end()});
      fxengine::Model model = test::load(json);
      const std::vector<float> output = test::play(model, input, {64});
      for (std::size_t t = 0; t < input.size(); ++t)
        REQUIRE(std::abs(double{output[t]} - expected[t]) < 1e-5);
    }
  }
}

TEST_CASE("Loader: weights beyond what the activations take are refused with the sum", "[simd][loader]") {
  Json json = network("lstm", 8);
  json["layers"][0]["weights"][1][0][0] = 1e6;
  REQUIRE_THROWS_WITH(test::load(json),
                      Catch::Matchers::Contains("at most 40000 in each gate, found a gate where it is 1e+06"));
}

TEST_CASE("Isa: names are unique and known, and one of them is in use", "[simd]") {
  const auto& isas = fxengine::simd::availableIsas();
  REQUIRE_FALSE(isas.empty());
  REQUIRE(std::find(isas.begin(), isas.end(), fxengine::simd::isaInUse()) != isas.end());
  for (const auto isa : isas)
    REQUIRE(fxengine::simd::isaFromName(fxengine::simd::isaName(isa)) == isa);
  REQUIRE_FALSE(fxengine::simd::isaFromName("mmx").has_value());
  REQUIRE(test::load(network("lstm", 8)).info().isa == fxengine::simd::isaName(fxengine::simd::isaInUse()));
}
