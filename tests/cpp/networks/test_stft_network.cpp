// SPDX-License-Identifier: MIT
#include "../support/allocations.h"
#include "../support/loader.h"
#include "../support/stft_models.h"

#include "dsp/real_fft.h"
#include "networks/stft_network.h"

#include <cmath>
#include <complex>
#include <numbers>

using Catch::Matchers::WithinAbs;

TEST_CASE("RealFft: it is the sum that defines it, and comes back", "[stft][golden]") {
  using fxengine::detail::RealFft;
  CHECK_FALSE(RealFft::suits(31));
  CHECK_FALSE(RealFft::suits(22));
  for (const int size : {4, 64, 90, 240, 1024}) {
    REQUIRE(RealFft::suits(size));
    RealFft fft(size);
    const std::vector<float> x = test::noise(static_cast<std::size_t>(size), 7);
    std::vector<std::complex<double>> bins(static_cast<std::size_t>(fft.numBins()));
    std::vector<float> back(x.size());
    const test::AllocationCount allocations;
    fft.forward(x.data(), bins.data());
    fft.inverse(bins.data(), back.data());
    REQUIRE(allocations.value() == 0);
    for (int k = 0; k < fft.numBins(); ++k) {
      std::complex<double> sum = 0.0;
      for (int n = 0; n < size; ++n)
        sum += double{x[static_cast<std::size_t>(n)]} * std::polar(1.0, -2.0 * std::numbers::pi * k * n / size);
      REQUIRE(std::abs(bins[static_cast<std::size_t>(k)] - sum) < 1e-11 * size);
    }
    for (std::size_t n = 0; n < x.size(); ++n)
      REQUIRE_THAT(back[n], WithinAbs(double{x[n]}, 1e-7));
  }
}

TEST_CASE("StftNetwork: with masks of 1 it is a delay of its latency, in blocks of any size", "[stft][property]") {
  for (const auto& [nFft, hop] : {std::pair{256, 32}, {512, 64}, {1024, 128}, {1024, 256}, {240, 40}}) {
    const test::StftSpec spec{nFft, hop, 6, 3, 2};
    fxengine::Model model = test::load(test::makeEmptyStftMask(spec));
    REQUIRE(model.latencyFrames() == 3 * hop);
    REQUIRE(model.info().networkLatencyFrames == 3 * hop);
    const std::vector<float> x = test::noise(9000, 3, 0.9f);
    for (const std::vector<int>& blocks : {std::vector{1}, {64}, {hop}, {hop + 1}, {1, 511, 7, 128, 2048}}) {
      const std::vector<float> y = test::play(model, x, blocks);
      double error = 0.0, energy = 0.0;
      for (std::size_t t = 0; t < x.size(); ++t) {
        const auto latency = static_cast<std::size_t>(3 * hop);
        const double expected = t < latency ? 0.0 : double{x[t - latency]};
        error += (y[t] - expected) * (y[t] - expected);
        energy += expected * expected;
      }
      CHECK(10.0 * std::log10(error / energy) < -120.0);
    }
  }
}

TEST_CASE("StftNetwork: block sizes do not change the output", "[stft][property]") {
  for (const test::Json& json : {test::makeStftMask({}, 5), test::makeStftMask({512, 100, 1, 1, 0}, 6),
                                 test::makeStftMask({256, 32, 6, 11, 3}, 8), test::makeStftLstm(128, 32, 5, 7)}) {
    fxengine::Model model = test::load(json);
    const std::vector<float> x = test::noise(4000, 9);
    const std::vector<float> expected = test::play(model, x, {64});
    REQUIRE(test::play(model, x, {1}) == expected);
    REQUIRE(test::play(model, x, {333, 1, 17, 2048}) == expected);
  }
}

TEST_CASE("StftNetwork: two channels are two models, and nothing is allocated", "[stft][property][realtime]") {
  for (const test::Json& json : {test::makeStftMask({256, 32, 6, 11, 3}, 11), test::makeStftLstm(128, 32, 5, 12)}) {
    fxengine::Model one = test::load(json), two = test::load(json);
    const std::vector<float> left = test::noise(3000, 1), right = test::noise(3000, 2);
    const std::vector<float> expected[2] = {test::play(one, left, {100}), test::play(one, right, {100})};
    two.prepare(2, 100);
    two.reset();
    std::vector<float> output[2] = {left, right};
    const test::AllocationCount allocations;
    for (int start = 0; start < 3000; start += 100) {
      float* block[2] = {output[0].data() + start, output[1].data() + start};
      two.process(block, block, 2, 100);
    }
    REQUIRE(allocations.value() == 0);
    REQUIRE(output[0] == expected[0]);
    REQUIRE(output[1] == expected[1]);
  }
}

TEST_CASE("StftNetwork: it starts again at reset, and is at rest after prewarm", "[stft][state]") {
  const int memory = GENERATE(5, 11, 16);
  CAPTURE(memory);
  fxengine::Model model = test::load(test::makeStftMask({256, 32, 6, memory, 3}, 21));
  const std::vector<float> x = test::noise(3000, 3);
  const std::vector<float> first = test::play(model, x, {50});
  model.reset();
  std::vector<float> again = x;
  float* block = again.data();
  model.process(&block, &block, 1, 3000);
  REQUIRE(again == first);
  model.prewarm();
  std::vector<float> silence(4000, 0.0f);
  block = silence.data();
  model.process(&block, &block, 1, 4000);
  // The branch has a bias, of which random filters make a sound that repeats with every hop.
  for (std::size_t t = 32; t < silence.size(); ++t)
    REQUIRE_THAT(silence[t], WithinAbs(double{silence[t - 32]}, 1e-6));
}

TEST_CASE("StftNetwork: it cannot be oversampled, and says so", "[stft]") {
  fxengine::LoadOptions options;
  options.oversampling = 4;
  const fxengine::Model model = fxengine::parseModel(test::makeStftMask({}, 31).dump(), "verb.json", options);
  CHECK(model.info().oversampling == 1);
  REQUIRE(model.info().notes.size() == 1);
  CHECK(test::contains(model.info().notes[0], "cannot be oversampled"));
  CHECK(model.info().architecture == "stft-mask");
}

TEST_CASE("StftNetwork: bands are triangles on a scale of hearing", "[stft]") {
  const std::vector<double> positions = fxengine::detail::bandPositions(513, 24, 48000.0);
  CHECK(positions.front() == 0.0);
  CHECK_THAT(positions.back(), WithinAbs(23.0, 1e-12));
  for (std::size_t bin = 1; bin < positions.size(); ++bin)
    REQUIRE(positions[bin] > positions[bin - 1]);
}
