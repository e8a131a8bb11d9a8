// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/nam_models.h"

#include <fxengine/dsp/host_rate_model.h>
#include <fxengine/model.h>

#include <algorithm>
#include <cmath>

namespace {

/** WaveNets with every key of the format, and the other networks without recurrence. */
std::vector<test::NamedModel> networks() {
  std::vector<test::NamedModel> all = test::waveNets(), others = test::otherNetworks();
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

/** Convolutions give the same bits from any frame on; long filters round as their partitions fall. */
float toleranceOf(const std::string& name) { return name.ends_with("linear") || name == "Sequential" ? 2e-6f : 0.0f; }

} // namespace

TEST_CASE("Nam networks: every feature of the format agrees with double precision", "[network][golden]") {
  for (const auto& [name, model] : networks()) {
    INFO(name);
    const std::vector<float> input = test::noise(400, 5, 0.8f);
    const std::vector<double> expected = test::referenceNam(model, {input.begin(), input.end()});
    fxengine::Model player = test::loadUnprewarmed(model);
    const std::vector<float> output = test::play(player, input, {64});
    double largest = 1.0;
    for (const double value : expected)
      largest = std::max(largest, std::abs(value));
    for (std::size_t t = 0; t < input.size(); ++t)
      REQUIRE(std::abs(double{output[t]} - expected[t]) < 4e-6 * largest); // some ten float32 roundings in a row
  }
}

TEST_CASE("Nam networks: block sizes do not change the output, and reset starts again", "[network][property][state]") {
  for (const auto& [name, model] : networks()) {
    INFO(name);
    const std::vector<float> input = test::noise(700, 6);
    fxengine::Model player = test::load(model);
    const std::vector<float> expected = test::play(player, input, {64});
    REQUIRE(test::play(player, input, {1}) == expected);
    REQUIRE(test::play(player, input, {333, 1, 17, 63, 65, 2048}) == expected);
    player.reset();
    std::vector<float> again = input;
    float* block = again.data();
    player.process(&block, &block, 1, static_cast<int>(again.size()));
    REQUIRE(again == expected);
  }
}

TEST_CASE("Nam networks: two channels are two models, and nothing is allocated", "[network][property][realtime]") {
  for (const auto& [name, model] : networks()) {
    INFO(name);
    const std::vector<float> left = test::noise(500, 1), right = test::noise(500, 2);
    fxengine::Model one = test::load(model), two = test::load(model);
    const std::vector<float> expected[2] = {test::play(one, left, {50}), test::play(one, right, {50})};
    two.prepare(2, 50);
    std::vector<float> output[2] = {left, right};
    const test::AllocationCount allocations;
    for (int start = 0; start < 500; start += 50) {
      float* block[2] = {output[0].data() + start, output[1].data() + start};
      two.process(block, block, 2, 50);
    }
    two.reset();
    two.rest();
    REQUIRE(allocations.value() == 0);
    REQUIRE(output[0] == expected[0]);
    REQUIRE(output[1] == expected[1]);
  }
}

TEST_CASE("Nam networks: after prewarm silence gives one level, whatever was played before", "[network][state]") {
  for (const auto& [name, model] : networks()) {
    INFO(name);
    fxengine::Model player = test::load(model);
    player.prepare(2, 64);
    player.prewarm();
    for (int round = 0; round < 2; ++round) {
      std::vector<float> silence[2] = {std::vector<float>(600, 0.0f), std::vector<float>(600, 0.0f)};
      float* blocks[2] = {silence[0].data(), silence[1].data()};
      player.process(blocks, blocks, 2, 600);
      for (const auto& channel : silence)
        for (const float value : channel)
          REQUIRE(std::abs(value - player.restOutput()) <= toleranceOf(name));
      std::vector<float> noise = test::noise(200, 8);
      float* block = noise.data();
      player.process(&block, &block, 1, 200);
      player.rest();
    }
  }
}

TEST_CASE("Nam networks: a prewarmed model plays as one that silence has gone through", "[network][state]") {
  // The rings are longer than the receptive field: what is older must not come back at rest.
  for (const auto& [name, model] : networks()) {
    INFO(name);
    const std::vector<float> input = test::noise(300, 9);
    std::vector<float> padded(2000, 0.0f);
    padded.insert(padded.end(), input.begin(), input.end());
    fxengine::Model player = test::loadUnprewarmed(model);
    const std::vector<float> expected = test::play(player, padded, {64});
    player.prepare(1, 64);
    player.prewarm();
    std::vector<float> output = input;
    float* block = output.data();
    player.process(&block, &block, 1, 300);
    for (std::size_t t = 0; t < output.size(); ++t)
      REQUIRE(std::abs(output[t] - expected[t + 2000]) <= toleranceOf(name));
  }
}

TEST_CASE("Nam networks: prepared and reset, a model starts as if it had been prewarmed",
          "[network][state][realtime]") {
  std::vector<test::NamedModel> all = networks();
  all.push_back({"LSTM", test::makeNam("LSTM", {{"input_size", 1}, {"hidden_size", 5}, {"num_layers", 2}}, 3)});
  for (const auto& [name, model] : all) {
    INFO(name);
    const std::vector<float> input = test::noise(500, 9);
    fxengine::Model unprewarmed = test::loadUnprewarmed(model);
    unprewarmed.prepare(1, 500);
    unprewarmed.prewarm();
    std::vector<float> expected = input;
    float* block = expected.data();
    unprewarmed.process(&block, &block, 1, 500);

    fxengine::Model player = test::load(model);
    REQUIRE(player.info().startsAtRest);
    for (const int size : {1, 64, 500}) {
      REQUIRE(test::play(player, input, {size}) == expected);
      const test::AllocationCount allocations;
      player.reset();
      REQUIRE(allocations.value() == 0);
      std::vector<float> again = input;
      block = again.data();
      player.process(&block, &block, 1, 500);
      REQUIRE(again == expected);
    }
  }
}

TEST_CASE("Nam networks: silence is answered without a click at any host rate", "[network][state]") {
  for (const auto& [name, model] : networks())
    for (const double hostRate : {44100.0, 48000.0, 96000.0}) {
      INFO(name << " at " << hostRate);
      fxengine::HostRateModel player(test::load(model));
      player.prepare(hostRate, 1, 64);
      const float level = player.model().restOutput();
      for (int round = 0; round < 2; ++round) {
        std::vector<float> silence(2000, 0.0f);
        float* block = silence.data();
        player.process(&block, &block, 1, 2000);
        for (const float value : silence) // what the filters' sums round, beside the network
          REQUIRE(std::abs(value - level) <= 4e-6f * std::max(1.0f, std::abs(level)));
        std::vector<float> noise = test::noise(300, 8);
        block = noise.data();
        player.process(&block, &block, 1, 300);
        player.reset();
      }
    }
}
