// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/level_meter.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numbers>
#include <thread>
#include <vector>

using fxengine::LevelMeter;

namespace {

void push(LevelMeter& meter, const std::vector<float>& signal, std::size_t blockSize = 64) {
  for (std::size_t start = 0; start < signal.size(); start += blockSize) {
    const float* channels[] = {signal.data() + start};
    meter.push(channels, 1, static_cast<int>(std::min(blockSize, signal.size() - start)));
  }
}

std::vector<float> sine(std::size_t numFrames, double frequency, double amplitude) {
  std::vector<float> signal(numFrames);
  for (std::size_t t = 0; t < numFrames; ++t)
    signal[t] = static_cast<float>(amplitude * std::sin(2.0 * std::numbers::pi * frequency * static_cast<double>(t)));
  return signal;
}

} // namespace

TEST_CASE("LevelMeter: the peak is the greatest sample since it was taken", "[dsp][level_meter]") {
  LevelMeter meter;
  meter.prepare(48000.0);
  REQUIRE(meter.takePeak() == 0.0f);
  std::vector<float> left = test::noise(1003, 1, 0.3f), right = test::noise(1003, 2, 0.3f);
  left[17] = -0.75f;
  right[1002] = 0.8f;
  const float* channels[] = {left.data(), right.data()};
  meter.push(channels, 2, 1000);
  REQUIRE(meter.takePeak() == 0.75f);
  REQUIRE(meter.takePeak() == 0.0f);
  meter.push(channels, 2, 1003);
  REQUIRE(meter.takePeak() == 0.8f);
  meter.push(channels, 0, 1003);
  meter.push(channels, 2, 0);
  REQUIRE(meter.takePeak() == 0.0f);
}

TEST_CASE("LevelMeter: the RMS of a tone is its amplitude over the square root of 2", "[dsp][level_meter]") {
  for (const double sampleRate : {44100.0, 48000.0, 96000.0, 192000.0}) {
    LevelMeter meter;
    meter.prepare(sampleRate);
    const auto seconds = [&](double time) { return static_cast<std::size_t>(time * sampleRate); };
    const std::vector<float> tone = sine(seconds(4.0), 1000.0 / sampleRate, 0.5);
    push(meter, tone);
    REQUIRE(20.0 * std::log10(meter.rms() / (0.5 / std::numbers::sqrt2)) == Approx(0.0).margin(0.01));

    // In silence the power falls by a factor of e in 300 ms: 4.343 dB.
    const float before = meter.rms();
    push(meter, std::vector<float>(seconds(0.3), 0.0f));
    REQUIRE(20.0 * std::log10(before / meter.rms()) == Approx(4.343).margin(0.03)); // a grid of 64 frames at most
  }
}

TEST_CASE("LevelMeter: block sizes matter to the RMS by rounding only", "[dsp][level_meter][property]") {
  const std::vector<float> signal = test::noise(50000, 4);
  LevelMeter meter;
  meter.prepare(48000.0);
  push(meter, signal, 50000);
  const float expected = meter.rms();
  for (const std::size_t blockSize : {1u, 7u, 48u, 64u, 1000u}) {
    meter.reset();
    REQUIRE(meter.rms() == 0.0f);
    push(meter, signal, blockSize);
    REQUIRE(meter.rms() == Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("LevelMeter: counts samples beyond full scale", "[dsp][level_meter]") {
  LevelMeter meter;
  meter.prepare(48000.0);
  push(meter, {1.0f, -1.0f, 0.5f});
  REQUIRE(meter.numClips() == 0);
  push(meter, {1.0001f, -2.0f, 1.0f, 0.0f});
  REQUIRE(meter.numClips() == 2);
  push(meter, std::vector<float>(100, -1.5f), 30);
  REQUIRE(meter.numClips() == 102);
  meter.reset();
  REQUIRE(meter.numClips() == 0);
  REQUIRE(meter.takePeak() == 0.0f);
}

TEST_CASE("LevelMeter: a burst of NaN or infinity leaves the RMS as it was", "[dsp][level_meter]") {
  LevelMeter meter;
  meter.prepare(48000.0);
  push(meter, std::vector<float>(48000, 0.5f));
  const float before = meter.rms();
  push(meter, std::vector<float>(64, std::numeric_limits<float>::quiet_NaN()));
  push(meter, std::vector<float>(64, std::numeric_limits<float>::infinity()));
  REQUIRE(meter.rms() == before);
  push(meter, std::vector<float>(48000, 0.5f));
  REQUIRE(meter.rms() == Approx(0.5).epsilon(0.02));
}

TEST_CASE("LevelMeter: no peak is lost between the audio thread and a reader", "[dsp][level_meter][realtime]") {
  LevelMeter meter;
  meter.prepare(48000.0);
  constexpr int kNumBlocks = 20000;
  std::atomic<bool> done{false};
  float greatest = 0.0f;
  std::thread reader([&] {
    while (!done.load())
      greatest = std::max({greatest, meter.takePeak(), meter.rms() > 2.0f ? 99.0f : 0.0f});
  });
  std::vector<float> block(16, 0.0f);
  const float* channels[] = {block.data()};
  for (int count = 1; count <= kNumBlocks; ++count) {
    block[static_cast<std::size_t>(count) % 16] = count == kNumBlocks / 2 ? 0.9f : 0.5f;
    meter.push(channels, 1, 16);
    std::fill(block.begin(), block.end(), 0.0f);
  }
  done = true;
  reader.join();
  greatest = std::max(greatest, meter.takePeak());
  REQUIRE(greatest == 0.9f);
}

TEST_CASE("LevelMeter: push does not allocate", "[dsp][level_meter][realtime]") {
  LevelMeter meter;
  meter.prepare(48000.0);
  const std::vector<float> signal(1000, 2.0f);
  const float* channels[] = {signal.data()};
  const test::AllocationCount allocations;
  meter.push(channels, 1, 1000);
  meter.takePeak();
  meter.rms();
  REQUIRE(allocations.value() == 0);
}
