// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/test_models.h"

#include <fxengine/dsp/doubler.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using fxengine::Doubler;

namespace {

using Signal = std::vector<float>;

constexpr double kRate = 48000.0;

Doubler makeDoubler(float width) {
  Doubler doubler;
  doubler.prepare(kRate);
  doubler.setWidth(width);
  doubler.reset();
  return doubler;
}

Signal play(Doubler& doubler, Signal signal, const std::vector<int>& blocks = {64}) {
  for (std::size_t at = 0, block = 0; at < signal.size(); ++block) {
    const auto count = std::min<std::size_t>(std::size_t(blocks[block % blocks.size()]), signal.size() - at);
    doubler.process(signal.data() + at, int(count));
    at += count;
  }
  return signal;
}

/** Of each frame how late it is, in frames: the polynomial reads a straight line exactly. */
std::vector<double> delaysOf(Doubler& doubler, std::size_t numFrames) {
  constexpr double kSlope = 1e-5;
  Signal line(numFrames);
  for (std::size_t t = 0; t < numFrames; ++t)
    line[t] = float(kSlope * double(t));
  const auto late = play(doubler, line);
  std::vector<double> delays;
  for (std::size_t t = 0; t < numFrames; ++t)
    delays.push_back(double(t) - double(late[t]) / kSlope);
  return delays;
}

} // namespace

TEST_CASE("Doubler: it is as late as its formula says", "[dsp][doubler]") {
  for (const float width : {0.0f, 0.4f, 1.0f}) {
    auto doubler = makeDoubler(width);
    const auto delays = delaysOf(doubler, 3 * 48000);
    for (std::size_t t = 4000; t < delays.size(); t += 32) {
      double wander = 0.0;
      for (const double hz : Doubler::kWanderHz)
        wander += 0.5 * Doubler::kWanderMs * std::sin(2.0 * std::numbers::pi * hz * double(t) / kRate);
      const double ms = Doubler::kLeastMs + double(width) * (Doubler::kMostMs - Doubler::kLeastMs) + wander;
      REQUIRE(std::abs(delays[t] - 1e-3 * ms * kRate) < 0.05);
    }
  }
}

TEST_CASE("Doubler: it bends the pitch by no more than four cents", "[dsp][doubler]") {
  auto doubler = makeDoubler(0.5f);
  const auto delays = delaysOf(doubler, 12 * 48000);
  double most = 0.0;
  constexpr std::size_t kStep = 2400;
  for (std::size_t t = 4000 + kStep; t < delays.size(); ++t)
    most = std::max(most, std::abs(delays[t] - delays[t - kStep]) / double(kStep));
  const double cents = 1200.0 * std::log2(1.0 + most);
  CHECK(cents > 2.0);
  CHECK(cents < 4.2);
}

TEST_CASE("Doubler: below a quarter of the sample rate it takes 1.1 dB at most", "[dsp][doubler]") {
  for (const double hz : {100.0, 3000.0, 8000.0, 12000.0}) {
    Signal tone(2 * 48000);
    for (std::size_t t = 0; t < tone.size(); ++t)
      tone[t] = float(std::sin(2.0 * std::numbers::pi * hz * double(t) / kRate));
    auto doubler = makeDoubler(1.0f);
    const auto late = play(doubler, tone);
    for (std::size_t from = 4800; from + 2400 <= late.size(); from += 2400) {
      double power = 0.0;
      for (std::size_t t = from; t < from + 2400; ++t)
        power += double(late[t]) * double(late[t]) / 1200.0;
      REQUIRE(10.0 * std::log10(power) > -1.1);
      REQUIRE(10.0 * std::log10(power) < 0.05);
    }
  }
}

TEST_CASE("Doubler: block sizes do not matter, nor does what was before a reset", "[dsp][doubler][property]") {
  const auto input = test::noise(9000, 1);
  const auto run = [&](const std::vector<int>& blocks) {
    auto doubler = makeDoubler(0.2f);
    play(doubler, input);
    doubler.reset();
    auto output = play(doubler, input, blocks);
    doubler.setWidth(0.9f);
    const auto more = play(doubler, input, blocks);
    output.insert(output.end(), more.begin(), more.end());
    return output;
  };
  const auto whole = run({9000});
  CHECK(run({1}) == whole);
  CHECK(run({17, 1, 300}) == whole);
}
