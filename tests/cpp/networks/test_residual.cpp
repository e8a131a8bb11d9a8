// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/late_network.h"
#include "../support/test_models.h"

#include <fxengine/dsp/oversampler.h>
#include <fxengine/model.h>
#include <networks/residual.h>

#include <cmath>

using fxengine::Residual;
using test::late;
using test::LateNetwork;

namespace {

Residual residual(int latency, float gain) { return Residual(std::make_unique<LateNetwork>(latency, gain)); }

std::vector<float> play(Residual& network, int stream, const std::vector<float>& input, const std::vector<int>& sizes) {
  std::vector<float> output(input.size()), silence(input.size(), 0.0f), unheard(input.size());
  std::size_t start = 0;
  for (std::size_t block = 0; start < input.size(); ++block) {
    const auto count = std::min(static_cast<std::size_t>(sizes[block % sizes.size()]), input.size() - start);
    const float* in[2] = {silence.data() + start, silence.data() + start};
    float* out[2] = {unheard.data() + start, unheard.data() + start};
    in[stream] = input.data() + start;
    out[stream] = output.data() + start;
    network.process(in, out, 2, static_cast<int>(count));
    start += count;
  }
  return output;
}

} // namespace

TEST_CASE("Residual: the input is added as late as the network is", "[network][property]") {
  const std::vector<float> input = test::noise(1000, 1);
  for (const int latency : {0, 1, 17, 64, 300}) {
    Residual network = residual(latency, 2.0f);
    CHECK(network.latencyFrames() == latency);
    CHECK(network.receptiveFrames() == latency + 1);
    std::vector<float> expected = late(input, latency);
    for (float& sample : expected)
      sample = 2.0f * sample + sample;
    for (const auto& sizes : std::vector<std::vector<int>>{{256}, {1}, {64}, {3, 200, 1, 64}}) {
      network.prepare(2, 256);
      for (const int stream : {0, 1})
        REQUIRE(play(network, stream, input, sizes) == expected);
    }
  }
}

TEST_CASE("Residual: reset and rest leave nothing of what was played", "[network][state]") {
  const std::vector<float> input = test::noise(500, 2);
  for (const int latency : {0, 40, 300}) {
    Residual network = residual(latency, 0.5f);
    network.prepare(2, 256);
    const std::vector<float> first = play(network, 1, input, {100});
    network.reset(1);
    REQUIRE(play(network, 1, input, {100}) == first);
    network.captureRest();
    network.rest(1);
    REQUIRE(play(network, 1, input, {100}) == first);
  }
}

TEST_CASE("Residual: what cancels, cancels to the bit, at any latency and rate", "[network][model]") {
  const std::vector<float> input = test::noise(3000, 3);
  for (const int latency : {0, 7, 500}) {
    for (const int factor : {1, 2, 4, 8}) {
      fxengine::ModelInfo info = test::lateInfo();
      info.oversampling = factor;
      fxengine::Model model(info, std::make_unique<Residual>(std::make_unique<LateNetwork>(latency, -1.0f)));
      REQUIRE(model.latencyFrames() == latency + fxengine::Oversampler::latencyFrames(factor));
      for (const float sample : test::play(model, input, {64}))
        REQUIRE(sample == 0.0f);
    }
  }
}

TEST_CASE("Residual: process, reset and rest allocate nothing", "[network][realtime]") {
  Residual network = residual(100, 0.5f);
  network.prepare(2, 256);
  const std::vector<float> input = test::noise(256, 4);
  std::vector<float> left(256), right(256);
  const float* in[2] = {input.data(), input.data()};
  float* out[2] = {left.data(), right.data()};
  const test::AllocationCount allocations;
  for (const int numFrames : {256, 1, 100}) {
    network.process(in, out, 2, numFrames);
    network.rest(0);
    network.reset(1);
  }
  REQUIRE(allocations.value() == 0);
}
