// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/feedback_delay.h>
#include <fxengine/realtime/flush_denormals.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using fxengine::FeedbackDelay;

namespace {

using Signal = std::vector<float>;
using Channels = std::vector<Signal>;

constexpr double kRate = 48000.0;

FeedbackDelay makeDelay(double ms, float feedback, int numChannels = 1) {
  FeedbackDelay delay;
  delay.prepare(kRate, numChannels);
  delay.setTime(ms);
  delay.setFeedback(feedback);
  delay.reset();
  return delay;
}

Channels play(FeedbackDelay& delay, const Channels& input, const std::vector<int>& blocks = {64}) {
  Channels output(input.size(), Signal(input[0].size()));
  for (std::size_t at = 0, block = 0; at < input[0].size(); ++block) {
    const auto count = std::min<std::size_t>(std::size_t(blocks[block % blocks.size()]), input[0].size() - at);
    const float* const in[2] = {input.front().data() + at, input.back().data() + at};
    float* const out[2] = {output.front().data() + at, output.back().data() + at};
    delay.process(in, out, int(input.size()), int(count));
    at += count;
  }
  return output;
}

/** The loop's filters in float64: a low cut, then a high cut, of first order each. */
std::vector<double> filtered(const std::vector<double>& input) {
  const auto coefficient = [](double hz) { return 1.0 - std::exp(-2.0 * std::numbers::pi * hz / kRate); };
  const double lowCut = coefficient(FeedbackDelay::kLowCutHz), highCut = coefficient(FeedbackDelay::kHighCutHz);
  std::vector<double> output;
  double slow = 0.0, low = 0.0;
  for (const double x : input) {
    slow += lowCut * (x - slow);
    low += highCut * (x - slow - low);
    output.push_back(low);
  }
  return output;
}

} // namespace

TEST_CASE("FeedbackDelay: each echo is the one before it, filtered, weaker and later", "[dsp][delay]") {
  constexpr int kFrames = 4800; // 100 ms
  auto delay = makeDelay(100.0, 0.5f);
  Signal input(6 * kFrames, 0.0f);
  input[0] = 1.0f;
  const auto output = play(delay, {input})[0];
  std::vector<double> echo(input.begin(), input.end()), expected(input.size(), 0.0);
  for (int k = 1; k <= 5; ++k) {
    echo = filtered(echo);
    for (std::size_t t = 0; t + std::size_t(k * kFrames) < expected.size(); ++t)
      expected[t + std::size_t(k * kFrames)] += std::pow(0.5, k - 1) * echo[t];
  }
  for (std::size_t t = 0; t < output.size(); ++t)
    REQUIRE(std::abs(double(output[t]) - expected[t]) < 1e-6);
}

TEST_CASE("FeedbackDelay: block sizes do not matter, nor does what was before a reset", "[dsp][delay][property]") {
  const Channels input = {test::noise(9000, 1), test::noise(9000, 2)};
  const auto run = [&](const std::vector<int>& blocks) {
    auto delay = makeDelay(30.0, 0.7f, 2);
    play(delay, input);
    delay.reset();
    Channels output;
    for (const double ms : {30.0, 55.5, 21.0}) { // the last is asked for once the fade to the second has ended
      delay.setTime(ms);
      delay.setFeedback(float(ms) / 100.0f);
      for (const auto& channel : play(delay, input, blocks))
        output.push_back(channel);
    }
    return output;
  };
  const auto whole = run({9000});
  CHECK(run({1}) == whole);
  CHECK(run({17, 1, 300}) == whole);
}

TEST_CASE("FeedbackDelay: a change of the time neither clicks nor bends the pitch", "[dsp][delay]") {
  auto delay = makeDelay(50.0, 0.0f);
  Signal input(48000);
  for (std::size_t t = 0; t < input.size(); ++t)
    input[t] = 0.5f * float(std::sin(2.0 * std::numbers::pi * 500.0 * double(t) / kRate));
  const auto steepest = [](const Signal& signal, std::size_t from) {
    float most = 0.0f;
    for (std::size_t t = from + 1; t < signal.size(); ++t)
      most = std::max(most, std::abs(signal[t] - signal[t - 1]));
    return most;
  };
  const float before = steepest(play(delay, {input})[0], 24000);
  delay.setTime(81.0); // half a period more: the two cancel in the middle of the fade
  const auto after = play(delay, {input})[0];
  CHECK(steepest(after, 0) < 1.02f * before);
  delay.setTime(83.5);
  CHECK(steepest(play(delay, {input})[0], 0) < 1.02f * before);
}

TEST_CASE("FeedbackDelay: a channel that was not played has heard what the other one has", "[dsp][delay]") {
  const auto sound = test::noise(6000, 1), rest = Signal(12000, 0.0f);
  auto delay = makeDelay(100.0, 0.6f, 2);
  play(delay, {sound});
  const auto both = play(delay, {rest, rest});
  CHECK(both[0] == both[1]);
  CHECK(*std::max_element(both[0].begin(), both[0].end()) > 0.01f);
}

TEST_CASE("FeedbackDelay: it is stable at every setting, ends in silence and leaves no denormals",
          "[dsp][delay][realtime]") {
  const fxengine::ScopedFlushDenormals flush;
  auto delay = makeDelay(20.0, 1.0f);
  int allocations = 0;
  float most = 0.0f;
  for (int block = 0; block < 300; ++block) {
    const auto input = test::noise(960, unsigned(block), 0.5f);
    Signal output(960);
    const float* const in[1] = {input.data()};
    float* const out[1] = {output.data()};
    const test::AllocationCount count;
    delay.setTime(block % 2 == 0 ? 0.0 : 1e9); // kept within its range
    delay.setFeedback(block % 3 == 0 ? 5.0f : 0.9f);
    delay.process(in, out, 1, 960);
    allocations += count.value();
    for (const float sample : output)
      most = std::max(most, std::abs(sample));
  }
  CHECK(allocations == 0);
  CHECK(most < 0.5f / (1.0f - FeedbackDelay::kMostFeedback));
  delay.setTime(FeedbackDelay::kShortestMs);
  const auto tail = play(delay, {Signal(48000 * 60, 0.0f)})[0];
  CHECK(std::none_of(tail.begin(), tail.end(), [](float x) { return std::fpclassify(x) == FP_SUBNORMAL; }));
  CHECK(std::abs(tail.back()) < 1e-30f); // where the filters' steps are denormal, they stand still
}
