// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/tone_stack.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

using fxengine::ToneStack;

namespace {

using Signal = std::vector<float>;
using Complex = std::complex<double>;
using Gains = std::array<double, 3>;

constexpr double kPi = std::numbers::pi;
constexpr double kSampleRates[] = {44100.0, 48000.0, 88200.0, 96000.0, 192000.0};

double decibels(double gain) { return 20.0 * std::log10(gain); }

/** The analog filters, s in units of each band's own frequency (R. Bristow-Johnson's, which Simper's table equals). */
Complex analogResponse(const std::array<Complex, 3>& s, const Gains& db) {
  const double bass = std::pow(10.0, db[0] / 40.0), middle = std::pow(10.0, db[1] / 40.0),
               treble = std::pow(10.0, db[2] / 40.0);
  const double q = ToneStack::kShelfQ, middleQ = ToneStack::kMiddleQ;
  const Complex low = bass * (s[0] * s[0] + std::sqrt(bass) / q * s[0] + bass) /
                      (bass * s[0] * s[0] + std::sqrt(bass) / q * s[0] + 1.0);
  const Complex bell = (s[1] * s[1] + middle / middleQ * s[1] + 1.0) / (s[1] * s[1] + s[1] / (middle * middleQ) + 1.0);
  const Complex high = treble * (treble * s[2] * s[2] + std::sqrt(treble) / q * s[2] + 1.0) /
                       (s[2] * s[2] + std::sqrt(treble) / q * s[2] + treble);
  return low * bell * high;
}

/** The bilinear transform of it, each band matched at its frequency; without a sample rate the analog one itself. */
double expectedGain(double frequency, const Gains& db, double sampleRate = 0.0) {
  const double bands[] = {ToneStack::kBassHz, ToneStack::kMiddleHz, ToneStack::kTrebleHz};
  std::array<Complex, 3> s;
  for (std::size_t band = 0; band < 3; ++band) {
    s[band] = sampleRate == 0.0
                  ? Complex(0.0, frequency / bands[band])
                  : Complex(0.0, std::tan(kPi * frequency / sampleRate) / std::tan(kPi * bands[band] / sampleRate));
  }
  return std::abs(analogResponse(s, db));
}

ToneStack makeStack(double sampleRate, const Gains& db, int numChannels = 1) {
  ToneStack stack;
  stack.prepare(sampleRate, numChannels);
  stack.set(static_cast<float>(db[0]), static_cast<float>(db[1]), static_cast<float>(db[2]));
  stack.snap();
  return stack;
}

/** Plays one channel; `before` is called with the stack ahead of each frame of a multiple of `every`. */
Signal play(
    ToneStack& stack, Signal signal, int blockSize, int every = 1 << 30,
    const std::function<void(ToneStack&, int)>& before = [](ToneStack&, int) {}) {
  const auto numFrames = static_cast<int>(signal.size());
  for (int start = 0; start < numFrames;) {
    if (start % every == 0)
      before(stack, start);
    const int end = std::min({start + blockSize, numFrames, (start / every + 1) * every});
    float* channels[] = {signal.data() + start};
    stack.process(channels, 1, end - start);
    start = end;
  }
  return signal;
}

/** Gain for a tone, from the impulse response. */
double measuredGain(const Signal& response, double frequency, double sampleRate) {
  Complex sum = 0.0;
  for (std::size_t t = 0; t < response.size(); ++t)
    sum += double{response[t]} * std::polar(1.0, -2.0 * kPi * frequency / sampleRate * static_cast<double>(t));
  return std::abs(sum);
}

Signal impulseResponse(double sampleRate, const Gains& db) {
  ToneStack stack = makeStack(sampleRate, db);
  Signal impulse(static_cast<std::size_t>(sampleRate / 4.0), 0.0f);
  impulse[0] = 1.0f;
  return play(stack, impulse, 64);
}

const std::vector<Gains> kSettings = {{12, 0, 0},  {-12, 0, 0},  {0, 12, 0},      {0, -12, 0}, {0, 0, 12},
                                      {0, 0, -12}, {12, 12, 12}, {-12, -12, -12}, {6, -9, 3.5}};

} // namespace

TEST_CASE("ToneStack: the response is the bilinear transform of the analog filters", "[dsp][tone_stack]") {
  for (const double sampleRate : kSampleRates) {
    for (const Gains& db : kSettings) {
      const Signal response = impulseResponse(sampleRate, db);
      for (double frequency = 20.0; frequency < 0.49 * sampleRate; frequency *= 1.31) {
        const double error =
            decibels(measuredGain(response, frequency, sampleRate)) - decibels(expectedGain(frequency, db, sampleRate));
        REQUIRE(std::abs(error) < 0.005); // float32 rounding of the low shelf's parameters at 192 kHz
      }
    }
  }
}

TEST_CASE("ToneStack: 12 dB at the stated frequencies: half of it at a shelf's", "[dsp][tone_stack]") {
  for (const double sampleRate : kSampleRates) {
    for (const double db : {12.0, -12.0}) {
      const auto gain = [&](const Gains& gains, double frequency) {
        return decibels(measuredGain(impulseResponse(sampleRate, gains), frequency, sampleRate));
      };
      REQUIRE(gain({db, 0, 0}, ToneStack::kBassHz) == Approx(db / 2.0).margin(0.01));
      REQUIRE(gain({db, 0, 0}, 10.0) == Approx(db).margin(0.05));
      REQUIRE(gain({0, db, 0}, ToneStack::kMiddleHz) == Approx(db).margin(0.01));
      REQUIRE(gain({0, 0, db}, ToneStack::kTrebleHz) == Approx(db / 2.0).margin(0.01));
      REQUIRE(gain({0, 0, db}, 20000.0) == Approx(db).margin(0.05));
      REQUIRE(gain({db, 0, 0}, 5000.0) == Approx(0.0).margin(0.01));
      REQUIRE(gain({0, 0, db}, 100.0) == Approx(0.0).margin(0.01));
    }
  }
}

TEST_CASE("ToneStack: sounds the same at all sample rates", "[dsp][tone_stack]") {
  for (const Gains& db : kSettings) {
    for (const double sampleRate : kSampleRates) {
      const Signal response = impulseResponse(sampleRate, db);
      for (const double frequency : {40.0, 120.0, 300.0, 700.0, 1500.0, 3000.0, 5000.0, 10000.0}) {
        const double error =
            decibels(measuredGain(response, frequency, sampleRate)) - decibels(expectedGain(frequency, db));
        // Warping: at 44.1 kHz tan(pi f / rate) is 3 % beyond its line at 5 kHz more than at 3 kHz, 14 % at 10 kHz.
        REQUIRE(std::abs(error) < (frequency > 5000.0 ? 0.6 : 0.3));
      }
    }
  }
}

TEST_CASE("ToneStack: at 0 dB the output is the input, to the bit", "[dsp][tone_stack]") {
  const Signal input = test::noise(20000, 1);
  for (const double sampleRate : kSampleRates) {
    ToneStack stack = makeStack(sampleRate, {0, 0, 0});
    REQUIRE(play(stack, input, 64) == input);
    stack.set(12.0f, -12.0f, 12.0f);
    REQUIRE(play(stack, input, 64) != input);
    stack.set(0.0f, 0.0f, 0.0f);
    play(stack, input, 64);
    REQUIRE(play(stack, input, 64) == input);
  }
}

TEST_CASE("ToneStack: block sizes do not matter, nor does what was before a reset", "[dsp][tone_stack][property]") {
  const Signal input = test::noise(20000, 2);
  const auto automation = [](ToneStack& stack, int frame) {
    const int turn = frame / 777 % 6;
    stack.set(turn == 0 || turn == 4 ? 0.0f : static_cast<float>(turn) * 3.0f, turn < 3 ? 0.0f : -7.0f,
              turn > 3 ? 0.0f : 12.0f);
    if (frame / 777 == 13)
      stack.snap();
  };
  ToneStack fresh = makeStack(48000.0, {0, 0, 0});
  const Signal expected = play(fresh, input, 1, 777, automation);
  for (const int blockSize : {2, 31, 32, 33, 64, 500, 20000}) {
    ToneStack stack = makeStack(48000.0, {0, 0, 0});
    REQUIRE(play(stack, input, blockSize, 777, automation) == expected);
    stack.set(0.0f, 0.0f, 0.0f);
    stack.reset();
    REQUIRE(play(stack, input, blockSize, 777, automation) == expected);
  }
}

TEST_CASE("ToneStack: channels are independent, those beyond the prepared number stay as they are",
          "[dsp][tone_stack]") {
  const Signal left = test::noise(5000, 3), right = test::noise(5000, 4);
  ToneStack stack = makeStack(48000.0, {5, -5, 8}, 2);
  Signal l = left, r = right, third = right;
  float* channels[] = {l.data(), r.data(), third.data()};
  stack.process(channels, 3, 5000);
  ToneStack alone = makeStack(48000.0, {5, -5, 8});
  REQUIRE(l == play(alone, left, 64));
  alone.reset();
  REQUIRE(r == play(alone, right, 64));
  REQUIRE(third == right);
}

TEST_CASE("ToneStack: gains go to their targets smoothly in 20 ms", "[dsp][tone_stack]") {
  constexpr double kSampleRate = 48000.0;
  Signal tone(24000);
  const double omega = 2.0 * kPi * ToneStack::kMiddleHz / kSampleRate;
  for (std::size_t t = 0; t < tone.size(); ++t)
    tone[t] = static_cast<float>(0.1 * std::sin(omega * static_cast<double>(t)));
  ToneStack stack = makeStack(kSampleRate, {0, 0, 0});
  const Signal output =
      play(stack, tone, 64, 12000, [](ToneStack& s, int frame) { s.set(0.0f, frame == 0 ? 0.0f : 12.0f, 0.0f); });
  const double gain = std::pow(10.0, 12.0 / 20.0);
  for (std::size_t t = 1; t < output.size(); ++t) // steps of a tone at +12 dB that is on its way up
    REQUIRE(std::abs(output[t] - output[t - 1]) < 0.1 * gain * omega * 1.05);
  // 20 ms, a point of the grid, and some time constants of the filter.
  for (std::size_t t = 12000 + 960 + 32 + 700; t < output.size(); ++t) {
    const double exact = 0.1 * gain * std::sin(omega * static_cast<double>(t));
    REQUIRE(std::abs(double{output[t]} - exact) < 1e-4);
  }

  // Zipper noise would be sidebands at multiples of the grid's rate, 1500 Hz. A straight line in dB has none.
  double greatest = 0.0;
  for (std::size_t t = 12002; t < 13200; ++t) {
    const double curvature = double{output[t + 1]} - 2.0 * std::cos(omega) * double{output[t]} + double{output[t - 1]};
    greatest = std::max(greatest, std::abs(curvature));
  }
  // The tone fulfils this recursion to 0; with an envelope e^(a t), a = ln(gain) / 960, about 2 a omega times it is
  // left.
  const double slope = std::log(gain) / 960.0;
  REQUIRE(greatest < 3.0 * 2.0 * slope * omega * 0.1 * gain);
}

TEST_CASE("ToneStack: stays within bounds under fast automation and extreme settings", "[dsp][tone_stack]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const double sampleRate : {8000.0, 44100.0, 192000.0, 768000.0}) {
    ToneStack stack = makeStack(sampleRate, {0, 0, 0});
    const Signal random = test::noise(60000, 5, 100.0f);
    const Signal output = play(stack, test::noise(60000, 6, 1.0f), 16, 16, [&](ToneStack& s, int frame) {
      const auto at = static_cast<std::size_t>(frame);
      s.set(random[at], random[at + 1], random[at + 2]);
      if (frame % 7 == 0)
        s.snap();
    });
    // No more than all bands at +12 dB at once, with a margin of 6 dB for what jumps of the gains do.
    for (const float sample : output)
      REQUIRE(std::abs(sample) < 128.0f);
  }
  ToneStack stack = makeStack(48000.0, {12, 0, 0});
  stack.set(nan, infinity, -infinity); // no settings: 0 dB
  stack.snap();
  const Signal input = test::noise(1000, 7);
  REQUIRE(play(stack, input, 64) == input);

  stack.set(1.0f, 2.0f, 3.0f);
  stack.snap();
  play(stack, Signal(100, nan), 64);
  stack.reset();
  ToneStack fresh = makeStack(48000.0, {1, 2, 3});
  REQUIRE(play(stack, input, 64) == play(fresh, input, 64));
}

TEST_CASE("ToneStack: process does not allocate", "[dsp][tone_stack][realtime]") {
  ToneStack stack = makeStack(48000.0, {1, 2, 3});
  Signal samples = test::noise(2000, 1);
  float* channels[] = {samples.data()};
  const test::AllocationCount allocations;
  stack.set(-12.0f, 12.0f, 0.0f);
  stack.process(channels, 1, 2000);
  stack.snap();
  stack.reset();
  REQUIRE(allocations.value() == 0);
}
