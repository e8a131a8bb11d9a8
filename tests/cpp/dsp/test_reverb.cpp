// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/reverb.h>
#include <fxengine/realtime/flush_denormals.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using fxengine::Reverb;

namespace {

using Signal = std::vector<float>;
using Channels = std::vector<Signal>;

Channels play(Reverb& reverb, const Channels& input, const std::vector<int>& blocks = {64}) {
  Channels output(2, Signal(input[0].size()));
  for (std::size_t at = 0, block = 0; at < input[0].size(); ++block) {
    const auto count = std::min<std::size_t>(std::size_t(blocks[block % blocks.size()]), input[0].size() - at);
    const float* const in[2] = {input.front().data() + at, input.back().data() + at};
    float* const out[2] = {output[0].data() + at, output[1].data() + at};
    reverb.process(in, out, int(count));
    at += count;
  }
  return output;
}

/** Six poles at 300 Hz: what is left is where the decay time is stated. */
void keepLow(Signal& signal, double rate) {
  const double coefficient = 1.0 - std::exp(-2.0 * std::numbers::pi * 300.0 / rate);
  for (int pole = 0; pole < 6; ++pole) {
    double level = 0.0;
    for (float& sample : signal)
      sample = float(level += coefficient * (double(sample) - level));
  }
}

double powerOf(const Signal& signal, std::size_t from) {
  double sum = 0.0;
  for (std::size_t t = from; t < signal.size(); ++t)
    sum += double(signal[t]) * double(signal[t]);
  return sum;
}

Signal impulse(std::size_t numFrames) {
  Signal signal(numFrames, 0.0f);
  signal[0] = 1.0f;
  return signal;
}

Reverb makeReverb(double rate, double decay) {
  Reverb reverb;
  reverb.prepare(rate);
  reverb.setDecay(decay);
  reverb.reset();
  return reverb;
}

} // namespace

TEST_CASE("Reverb: it falls by 60 dB in the decay time", "[dsp][reverb]") {
  // ISO 3382: twice the time from -5 to -35 dB of the backward integral of the squared response.
  for (const double rate : {44100.0, 96000.0})
    for (const double decay : {1.0, 2.0, 5.0}) {
      Reverb reverb = makeReverb(rate, decay);
      auto response = play(reverb, {impulse(std::size_t(rate * (1.0 + 1.2 * decay)))})[0];
      keepLow(response, rate);
      double left = powerOf(response, 0);
      const double whole = left;
      std::size_t at5 = 0, at35 = 0;
      for (std::size_t t = 0; t < response.size() && at35 == 0; ++t) {
        const double db = 10.0 * std::log10(left / whole);
        if (at5 == 0 && db < -5.0)
          at5 = t;
        if (db < -35.0)
          at35 = t;
        left -= double(response[t]) * double(response[t]);
      }
      INFO(decay << " s at " << rate << " Hz");
      CHECK(2.0 * double(at35 - at5) / rate == Approx(decay).epsilon(0.04));
    }
}

TEST_CASE("Reverb: a low noise comes out as strong as it went in, and left and right differ", "[dsp][reverb]") {
  for (const double decay : {0.5, 2.0}) {
    Reverb reverb = makeReverb(48000.0, decay);
    auto noise = test::noise(std::size_t(48000 * 8), 1, 1.0f);
    keepLow(noise, 48000.0);
    const auto room = play(reverb, {noise});
    const std::size_t from = 48000 * 4;
    const double left = powerOf(room[0], from), right = powerOf(room[1], from), dry = powerOf(noise, from);
    for (const double power : {left, right})
      CHECK(std::abs(10.0 * std::log10(power / dry)) < 1.5);
    double both = 0.0;
    for (std::size_t t = from; t < noise.size(); ++t)
      both += double(room[0][t]) * double(room[1][t]);
    CHECK(std::abs(both) / std::sqrt(left * right) < 0.2);
  }
}

TEST_CASE("Reverb: block sizes do not matter, nor does what was before a reset", "[dsp][reverb][property]") {
  const Channels input = {test::noise(6000, 1), test::noise(6000, 2)};
  const auto run = [&](const std::vector<int>& blocks) {
    Reverb reverb = makeReverb(48000.0, 1.0);
    play(reverb, input);
    reverb.reset();
    auto output = play(reverb, input, blocks);
    reverb.setDecay(4.0);
    for (const auto& channel : play(reverb, input, blocks))
      output.push_back(channel);
    return output;
  };
  const auto whole = run({6000});
  CHECK(run({1}) == whole);
  CHECK(run({17, 1, 300}) == whole);
}

TEST_CASE("Reverb: it is stable at every decay time, ends in silence and leaves no denormals",
          "[dsp][reverb][realtime]") {
  const fxengine::ScopedFlushDenormals flush;
  Reverb reverb = makeReverb(48000.0, Reverb::kLongest);
  int allocations = 0;
  float most = 0.0f;
  for (int block = 0; block < 300; ++block) { // 6 s of noise while the decay time jumps from end to end
    const Channels input = {test::noise(960, unsigned(block), 0.5f)};
    Channels output(2, Signal(960));
    const float* const in[2] = {input[0].data(), input[0].data()};
    float* const out[2] = {output[0].data(), output[1].data()};
    const test::AllocationCount count;
    reverb.setDecay(block % 3 == 0 ? 100.0 : 0.0); // kept within its range
    reverb.process(in, out, 960);
    allocations += count.value();
    for (const float sample : output[0])
      most = std::max(most, std::abs(sample));
  }
  CHECK(allocations == 0);
  CHECK(most < 20.0f);
  reverb.setDecay(Reverb::kShortest);
  const auto tail = play(reverb, {Signal(48000 * 6, 0.0f)});
  bool anyDenormal = false;
  for (const auto& channel : tail)
    for (const float sample : channel)
      anyDenormal = anyDenormal || std::fpclassify(sample) == FP_SUBNORMAL;
  CHECK_FALSE(anyDenormal);
  CHECK(tail[0].back() == 0.0f);
  CHECK(tail[1].back() == 0.0f);
}
