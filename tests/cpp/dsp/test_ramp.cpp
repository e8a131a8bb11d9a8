// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/ramp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using fxengine::Ramp;

namespace {

Ramp makeRamp(double sampleRate, double rampMs, float value) {
  Ramp ramp;
  ramp.prepare(sampleRate, rampMs);
  ramp.snap(value);
  return ramp;
}

} // namespace

TEST_CASE("Ramp: goes to its target on a straight line in the stated time", "[dsp][ramp]") {
  for (const double sampleRate : {44100.0, 48000.0, 192000.0}) {
    Ramp ramp = makeRamp(sampleRate, 20.0, 0.25f);
    const int length = static_cast<int>(std::lround(sampleRate * 0.02));
    ramp.setTarget(-1.5f);
    REQUIRE(ramp.value() == Approx(0.25).margin(2e-7)); // two roundings of numbers below 2
    for (int frame = 1; frame <= length; ++frame) {
      REQUIRE(ramp.isMoving());
      const double exact = 0.25 - 1.75 * frame / length;
      REQUIRE(std::abs(double{ramp.next()} - exact) < 4e-7); // step and product, each to half an ulp of 2
    }
    REQUIRE_FALSE(ramp.isMoving());
    REQUIRE(ramp.value() == -1.5f);
    REQUIRE(ramp.next() == -1.5f);
  }
}

TEST_CASE("Ramp: a new target starts from the present value, the same target changes nothing", "[dsp][ramp]") {
  Ramp ramp = makeRamp(1000.0, 10.0, 0.0f);
  ramp.setTarget(1.0f);
  ramp.skip(4);
  ramp.setTarget(1.0f);
  REQUIRE(ramp.value() == Approx(0.4));
  ramp.setTarget(0.0f);
  REQUIRE(ramp.value() == Approx(0.4));
  REQUIRE(ramp.next() == Approx(0.36));
  ramp.skip(1000);
  REQUIRE(ramp.value() == 0.0f);

  ramp.setTarget(1.0f);
  ramp.skip(1);
  ramp.snap(0.5f);
  REQUIRE(ramp.value() == 0.5f);
  REQUIRE_FALSE(ramp.isMoving());

  ramp.setTarget(1.0f);
  ramp.prepare(48000.0, 0.0); // ends the ramp; the shortest takes one frame
  REQUIRE(ramp.value() == 1.0f);
  ramp.setTarget(2.0f);
  REQUIRE(ramp.next() == 2.0f);
}

TEST_CASE("Ramp: gains are those of next(), whatever the blocks", "[dsp][ramp][property]") {
  constexpr int kNumFrames = 1500;
  const std::vector<float> left = test::noise(kNumFrames, 1), right = test::noise(kNumFrames, 2);
  const std::vector<float> base = test::noise(kNumFrames, 3);
  for (const auto& [from, to] : {std::pair{0.0f, 1.0f}, {1.0f, 0.0f}, {0.3f, 0.7f}, {2.0f, -1.0f}}) {
    Ramp single = makeRamp(48000.0, 20.0, from);
    single.setTarget(to);
    std::vector<float> gains(kNumFrames);
    for (float& gain : gains)
      gain = single.next();

    for (const int size : {1, 7, 64, 333, kNumFrames}) {
      Ramp scaling = makeRamp(48000.0, 20.0, from), adding = scaling, skipping = scaling;
      for (Ramp* ramp : {&scaling, &adding, &skipping})
        ramp->setTarget(to);
      std::vector<float> l = left, r = right, sum = base;
      for (int start = 0; start < kNumFrames; start += size) {
        const int count = std::min(size, kNumFrames - start);
        float* channels[] = {l.data() + start, r.data() + start};
        scaling.applyGain(channels, 2, count);
        const float* source[] = {left.data() + start};
        float* target[] = {sum.data() + start};
        adding.addWithGain(source, target, 1, count);
        skipping.skip(count);
        REQUIRE(skipping.value() == gains[static_cast<std::size_t>(start + count - 1)]);
      }
      for (std::size_t frame = 0; frame < kNumFrames; ++frame) {
        REQUIRE(l[frame] == left[frame] * gains[frame]);
        REQUIRE(r[frame] == right[frame] * gains[frame]);
        // The compiler may round product and sum together.
        REQUIRE(std::abs(sum[frame] - (base[frame] + left[frame] * gains[frame])) <= 1.2e-7f);
      }
    }
  }
}

TEST_CASE("Ramp: a constant 1 keeps every bit, a constant 0 gives zeros", "[dsp][ramp]") {
  Ramp ramp = makeRamp(48000.0, 5.0, 1.0f);
  const float odd[] = {1e-42f, -0.0f, 3.0e38f, -1.5f};
  float samples[4];
  std::copy_n(odd, 4, samples);
  float* channels[] = {samples};
  ramp.applyGain(channels, 1, 4);
  REQUIRE(
      std::equal(odd, odd + 4, samples, [](float a, float b) { return a == b && std::signbit(a) == std::signbit(b); }));

  ramp.snap(0.0f);
  samples[1] = std::numeric_limits<float>::quiet_NaN();
  const float* source[] = {samples};
  float sum[] = {1.0f, 2.0f, 3.0f, 4.0f};
  float* target[] = {sum};
  ramp.addWithGain(source, target, 1, 4);
  REQUIRE((sum[0] == 1.0f && sum[1] == 2.0f && sum[3] == 4.0f));
  ramp.applyGain(channels, 1, 4);
  for (const float sample : samples)
    REQUIRE(sample == 0.0f);
}

TEST_CASE("Ramp: allocates nothing, not even to prepare", "[dsp][ramp][realtime]") {
  std::vector<float> samples(100, 1.0f);
  float* channels[] = {samples.data()};
  const test::AllocationCount allocations;
  Ramp ramp = makeRamp(48000.0, 1.0, 1.0f);
  ramp.setTarget(0.0f);
  ramp.applyGain(channels, 1, 100);
  ramp.addWithGain(channels, channels, 1, 100);
  REQUIRE(allocations.value() == 0);
}
