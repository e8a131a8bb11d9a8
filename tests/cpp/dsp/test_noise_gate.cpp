// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/noise_gate.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

using fxengine::NoiseGate;

namespace {

using Signal = std::vector<float>;

constexpr double kPi = std::numbers::pi;

float amplitude(double db) { return static_cast<float>(std::pow(10.0, db / 20.0)); }

void setUp(NoiseGate& gate, double sampleRate, float thresholdDb = -60.0f, float releaseMs = 80.0f) {
  gate.prepare(sampleRate, 2);
  gate.setThreshold(thresholdDb);
  gate.setRelease(releaseMs);
}

Signal play(NoiseGate& gate, Signal signal, std::size_t blockSize = 64) {
  for (std::size_t start = 0; start < signal.size(); start += blockSize) {
    float* channels[] = {signal.data() + start};
    gate.process(channels, 1, static_cast<int>(std::min(blockSize, signal.size() - start)));
  }
  return signal;
}

Signal constant(double seconds, double sampleRate, float value) {
  return Signal(static_cast<std::size_t>(seconds * sampleRate), value);
}

/** A chord that dies away, with noise on it. */
Signal decayingChord(double sampleRate, double seconds, double startDb, double timeConstant, double noiseDb,
                     unsigned seed) {
  Signal signal = test::noise(static_cast<std::size_t>(seconds * sampleRate), seed, amplitude(noiseDb));
  const double frequencies[] = {82.41, 123.6, 164.9, 207.4, 247.1};
  const double amplitudes[] = {0.4, 0.25, 0.15, 0.12, 0.08};
  for (std::size_t t = 0; t < signal.size(); ++t) {
    const double time = static_cast<double>(t) / sampleRate;
    double chord = 0.0;
    for (int note = 0; note < 5; ++note)
      chord += amplitudes[note] * std::sin(2.0 * kPi * frequencies[note] * time + note);
    signal[t] += static_cast<float>(chord * double{amplitude(startDb)} * std::exp(-time / timeConstant));
  }
  return signal;
}

} // namespace

TEST_CASE("NoiseGate: open, it passes every bit; closed, it gives zeros", "[dsp][noise_gate]") {
  for (const double sampleRate : {44100.0, 48000.0, 96000.0, 192000.0}) {
    NoiseGate gate;
    setUp(gate, sampleRate);
    Signal loud(static_cast<std::size_t>(sampleRate));
    for (std::size_t t = 0; t < loud.size(); ++t) // 25 Hz, 1 dB above the threshold
      loud[t] = static_cast<float>(double{amplitude(-59.0)} *
                                   std::sin(2.0 * kPi * 25.0 * static_cast<double>(t) / sampleRate));
    REQUIRE(play(gate, loud) == loud);
    REQUIRE(gate.gain() == 1.0f);

    const Signal quiet = constant(0.2, sampleRate, amplitude(-66.1));
    const Signal fading = play(gate, quiet);
    const double closedAfter = (NoiseGate::kHoldMs + 80.0) / 1000.0 * sampleRate;
    for (std::size_t t = 0; t < quiet.size(); ++t) {
      const double time = static_cast<double>(t);
      if (time < NoiseGate::kHoldMs / 1000.0 * sampleRate - 2.0) // its last loud frame is no peak
        REQUIRE(fading[t] <= quiet[t]);
      if (time > closedAfter + 2.0)
        REQUIRE(fading[t] == 0.0f);
      if (t > 0)
        REQUIRE(fading[t] <= fading[t - 1]);
    }
    REQUIRE(gate.gain() == 0.0f);
    REQUIRE(play(gate, test::noise(5000, 1, amplitude(-60.1))) == Signal(5000, 0.0f));
  }
}

TEST_CASE("NoiseGate: opens within a millisecond and without a step", "[dsp][noise_gate]") {
  for (const double sampleRate : {44100.0, 48000.0, 192000.0}) {
    NoiseGate gate;
    setUp(gate, sampleRate, -40.0f);
    play(gate, constant(0.2, sampleRate, 0.0f));
    const Signal output = play(gate, constant(0.01, sampleRate, 0.5f));
    const double attack = std::round(NoiseGate::kAttackMs / 1000.0 * sampleRate);
    REQUIRE(attack < 0.001 * sampleRate);
    REQUIRE(output[0] > 0.0f); // no latency
    float before = 0.0f;
    for (std::size_t t = 0; t < output.size(); ++t) {
      REQUIRE(output[t] >= before);
      REQUIRE(output[t] - before <= 0.5 * 1.5 / attack * 1.0001); // the steepest of p^2 (3 - 2p) is 3/2
      if (static_cast<double>(t) >= attack - 1.0)
        REQUIRE(output[t] == 0.5f);
      before = output[t];
    }
  }
}

TEST_CASE("NoiseGate: the release takes the time given and follows the stated curve", "[dsp][noise_gate]") {
  for (const float releaseMs : {10.0f, 80.0f, 500.0f}) {
    NoiseGate gate;
    setUp(gate, 48000.0, -20.0f, releaseMs);
    play(gate, constant(0.01, 48000.0, 1.0f));
    const Signal output = play(gate, constant(1.0, 48000.0, 0.01f));
    const int hold = 1440, release = static_cast<int>(48.0f * releaseMs);
    for (int t = 0; t < static_cast<int>(output.size()); ++t) {
      const double position = std::clamp(1.0 - double(t - hold + 2) / release, 0.0, 1.0);
      const double expected = 0.01 * position * position * (3.0 - 2.0 * position);
      REQUIRE(std::abs(double{output[static_cast<std::size_t>(t)]} - expected) < 0.01 * 1.5 * 2.0 / release);
    }
    REQUIRE(output[static_cast<std::size_t>(hold + release + 1)] == 0.0f);
    REQUIRE(output[static_cast<std::size_t>(hold + release - 10)] > 0.0f);
  }
}

TEST_CASE("NoiseGate: a chord that dies away through the threshold opens it once and closes it once",
          "[dsp][noise_gate]") {
  for (const double sampleRate : {44100.0, 96000.0}) {
    for (const double timeConstant : {0.15, 0.4, 1.0}) {
      for (unsigned seed = 1; seed <= 4; ++seed) {
        NoiseGate gate;
        setUp(gate, sampleRate, -50.0f);
        play(gate, constant(0.3, sampleRate, 0.0f));
        REQUIRE(gate.gain() == 0.0f);
        const Signal chord = decayingChord(sampleRate, 8.0 * timeConstant, -20.0, timeConstant, -62.0, seed);
        int numOpened = 0, numClosed = 0;
        float before = 0.0f;
        bool rising = false, falling = false;
        for (const float sample : chord) {
          float value = sample;
          float* channels[] = {&value};
          gate.process(channels, 1, 1);
          const float gain = gate.gain();
          numOpened += gain > before && !rising;
          numClosed += gain < before && !falling;
          if (gain != before) {
            rising = gain > before;
            falling = gain < before;
          }
          before = gain;
        }
        REQUIRE(numOpened == 1);
        REQUIRE(numClosed == 1);
        REQUIRE(gate.gain() == 0.0f);
      }
    }
  }
}

TEST_CASE("NoiseGate: the louder channel decides for all", "[dsp][noise_gate]") {
  NoiseGate gate;
  setUp(gate, 48000.0);
  Signal loud = test::noise(48000, 1), quiet = test::noise(48000, 2, amplitude(-80.0));
  const Signal loudBefore = loud, quietBefore = quiet;
  float* channels[] = {quiet.data(), loud.data()};
  gate.process(channels, 2, 48000);
  REQUIRE(loud == loudBefore);
  REQUIRE(quiet == quietBefore);
  Signal a = constant(0.2, 48000.0, 1e-5f), b = a;
  float* both[] = {a.data(), b.data()};
  gate.process(both, 2, static_cast<int>(a.size()));
  REQUIRE(a == b);
  REQUIRE(a.back() == 0.0f);
}

TEST_CASE("NoiseGate: block sizes do not matter, nor does what was before a reset", "[dsp][noise_gate][property]") {
  Signal signal;
  for (unsigned part = 0; part < 40; ++part) { // bursts around the threshold, some of them a few frames long
    const Signal burst =
        test::noise(part % 3 == 0 ? 23 : 1700, part + 1, amplitude(-45.0 - 20.0 * ((part * 7) % 5) / 4.0));
    signal.insert(signal.end(), burst.begin(), burst.end());
  }
  NoiseGate gate;
  setUp(gate, 48000.0, -50.0f, 13.0f);
  const Signal expected = play(gate, signal, 1);
  REQUIRE(std::count(expected.begin(), expected.end(), 0.0f) > 1000);
  for (const std::size_t blockSize : {2u, 31u, 32u, 33u, 64u, 100000u}) {
    gate.reset();
    REQUIRE(play(gate, signal, blockSize) == expected);
  }
}

TEST_CASE("NoiseGate: extreme settings are kept within bounds, NaN leaves no trace", "[dsp][noise_gate]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const float setting : {nan, infinity, -infinity, 0.0f, -1e30f, 1e30f}) {
    NoiseGate gate;
    setUp(gate, 48000.0, setting, setting);
    for (const float value : play(gate, test::noise(20000, 1, 2.0f)))
      REQUIRE(std::abs(value) <= 2.0f);
  }
  NoiseGate gate;
  setUp(gate, 48000.0, 0.0f, 10.0f);
  play(gate, Signal(9600, nan));
  REQUIRE(gate.gain() == 0.0f);
  REQUIRE(play(gate, Signal(100, nan)) == Signal(100, 0.0f));
  gate.reset();
  const Signal loud(1000, 1.0f);
  REQUIRE(play(gate, loud) == loud);
}

TEST_CASE("NoiseGate: process does not allocate", "[dsp][noise_gate][realtime]") {
  NoiseGate gate;
  setUp(gate, 48000.0);
  Signal samples = test::noise(10000, 1, 0.002f);
  float* channels[] = {samples.data(), samples.data()};
  const test::AllocationCount allocations;
  gate.process(channels, 2, 10000);
  gate.setThreshold(-30.0f);
  gate.setRelease(100.0f);
  gate.process(channels, 2, 10000);
  gate.reset();
  REQUIRE(allocations.value() == 0);
}
