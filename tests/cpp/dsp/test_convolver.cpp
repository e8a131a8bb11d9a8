// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/convolver.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <string>

using fxengine::Convolver;
using fxengine::ImpulseResponse;

namespace {

constexpr double kPi = std::numbers::pi;

std::vector<float> play(Convolver& convolver, const std::vector<float>& input, const std::vector<int>& sizes = {64}) {
  std::vector<float> output(input.size());
  for (std::size_t start = 0, block = 0; start < input.size(); ++block) {
    const auto count = std::min(static_cast<std::size_t>(sizes[block % sizes.size()]), input.size() - start);
    const float* in = input.data() + start;
    float* out = output.data() + start;
    convolver.process(&in, &out, 1, static_cast<int>(count));
    start += count;
  }
  return output;
}

std::vector<float> impulse(std::size_t numFrames, std::size_t at = 0) {
  std::vector<float> signal(numFrames, 0.0f);
  signal[at] = 1.0f;
  return signal;
}

/** The taps as they are played. */
std::vector<float> tapsOf(Convolver& convolver) {
  convolver.prepare(1, 64);
  std::vector<float> taps = play(convolver, impulse(static_cast<std::size_t>(convolver.numTaps())));
  convolver.reset();
  return taps;
}

/** Decays like a cabinet's response, its peak after `before` samples. */
std::vector<float> decay(std::size_t length, unsigned seed, double time, std::size_t before = 0) {
  std::vector<float> samples = test::noise(length, seed, 1.0f);
  for (std::size_t t = 0; t < length; ++t) {
    const double age = static_cast<double>(t) - static_cast<double>(before);
    samples[t] *= static_cast<float>(std::exp(-std::abs(age) / (age < 0.0 ? time / 10.0 : time)));
  }
  return samples;
}

std::vector<double> convolve(const std::vector<float>& input, const std::vector<float>& taps) {
  std::vector<double> output(input.size(), 0.0);
  for (std::size_t t = 0; t < input.size(); ++t) {
    for (std::size_t k = 0; k < std::min(t + 1, taps.size()); ++k)
      output[t] += double{taps[k]} * double{input[t - k]};
  }
  return output;
}

std::complex<double> responseAt(const std::vector<float>& taps, double frequency, double sampleRate) {
  std::complex<double> sum = 0.0;
  for (std::size_t k = 0; k < taps.size(); ++k)
    sum += double{taps[k]} * std::polar(1.0, -2.0 * kPi * frequency * static_cast<double>(k) / sampleRate);
  return sum;
}

double decibels(double amplitude) { return 20.0 * std::log10(amplitude); }

/** RMS of the first channel against that of the second. */
double levelOf(const std::vector<float>& a, const std::vector<float>& b) {
  double sumA = 0.0, sumB = 0.0;
  for (std::size_t t = 0; t < a.size(); ++t) {
    sumA += double{a[t]} * double{a[t]};
    sumB += double{b[t]} * double{b[t]};
  }
  return 10.0 * std::log10(sumA / sumB);
}

/** Partials of equal power per octave from 80 Hz to 5 kHz, all with phases of their own. */
std::vector<float> pinkNoise(std::size_t numFrames, double sampleRate) {
  std::mt19937 random(4);
  std::uniform_real_distribution<double> phase(0.0, 2.0 * kPi);
  std::vector<double> sum(numFrames, 0.0);
  constexpr int kPartials = 200;
  for (int k = 0; k < kPartials; ++k) {
    const double frequency = 80.0 * std::pow(5000.0 / 80.0, (k + 0.5) / kPartials);
    const double start = phase(random);
    for (std::size_t t = 0; t < numFrames; ++t)
      sum[t] += 0.01 * std::sin(start + 2.0 * kPi * frequency * static_cast<double>(t) / sampleRate);
  }
  return {sum.begin(), sum.end()};
}

std::string refusal(const ImpulseResponse& response, double sampleRate = 48000.0) {
  try {
    Convolver convolver(response, sampleRate);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("Convolver: equals direct convolution in double precision, with no latency", "[dsp]") {
  const std::vector<float> input = test::noise(6000, 1);
  for (const std::size_t length : {1, 7, 63, 64, 65, 127, 128, 129, 256, 257, 1000, 4096, 4097, 4353, 20000}) {
    for (const double rate : {48000.0, 192000.0}) {
      CAPTURE(length, rate);
      const std::vector<float> samples = decay(length, 2, static_cast<double>(length) / 3.0);
      Convolver convolver({{samples}, rate}, rate);
      REQUIRE(convolver.numTaps() == static_cast<int>(length));
      // All but a gain is known: it is that of the first tap, which the filter in the time domain plays alone.
      convolver.prepare(1, 64);
      const float gain = play(convolver, {1.0f}).front() / samples.front();
      std::vector<float> taps = samples;
      for (float& tap : taps)
        tap *= gain;
      convolver.reset();
      const std::vector<float> output = play(convolver, input);
      const std::vector<double> expected = convolve(input, taps);
      double error = 0.0, peak = 0.0;
      for (std::size_t t = 0; t < input.size(); ++t) {
        error = std::max(error, std::abs(double{output[t]} - expected[t]));
        peak = std::max(peak, std::abs(expected[t]));
      }
      REQUIRE(error < 1e-6 * peak);
    }
  }
}

TEST_CASE("Convolver: an impulse at any time gives the response from then on", "[dsp]") {
  const std::vector<float> samples = decay(700, 3, 200.0);
  Convolver convolver({{samples}, 48000.0}, 48000.0);
  const std::vector<float> taps = tapsOf(convolver);
  for (const std::size_t at : {0, 1, 63, 127, 128, 200, 1000}) {
    convolver.reset();
    const std::vector<float> output = play(convolver, impulse(2000, at));
    for (std::size_t t = 0; t < output.size(); ++t) {
      const float expected = t < at || t - at >= 700 ? 0.0f : taps[t - at];
      REQUIRE(std::abs(output[t] - expected) < 2e-7f);
    }
  }
}

TEST_CASE("Convolver: output does not depend on block size", "[dsp][property]") {
  const std::vector<float> input = test::noise(4000, 4);
  for (const std::size_t length : {50, 129, 400, 4000, 5000, 30000}) {
    for (const double rate : {44100.0, 192000.0}) {
      CAPTURE(length, rate);
      Convolver convolver({{decay(length, 5, 1000.0)}, rate}, rate);
      convolver.prepare(1, 64);
      const std::vector<float> expected = play(convolver, input, {128});
      for (const auto& sizes : std::vector<std::vector<int>>{
               {1}, {3}, {64}, {100}, {4000}, {1, 255, 0, 33, 2, 128, 31, 700}, {127, 1, 129}}) {
        convolver.reset();
        REQUIRE(play(convolver, input, sizes) == expected);
      }
    }
  }
}

TEST_CASE("Convolver: a mono response serves all channels, each with its own past", "[dsp]") {
  Convolver convolver({{decay(1000, 6, 300.0)}, 48000.0}, 48000.0);
  const std::vector<float> a = test::noise(2000, 7), b = test::noise(2000, 8);
  convolver.prepare(1, 64);
  const std::vector<float> aAlone = play(convolver, a);
  convolver.reset();
  const std::vector<float> bAlone = play(convolver, b);
  convolver.prepare(2, 64);
  std::vector<float> left = a, right = b; // in place
  float* channels[] = {left.data(), right.data()};
  convolver.process(channels, channels, 2, 2000);
  REQUIRE(left == aAlone);
  REQUIRE(right == bAlone);
}

TEST_CASE("Convolver: a stereo response is left and right, and their mean for one channel", "[dsp]") {
  const std::vector<float> l = decay(500, 9, 100.0);
  std::vector<float> r = decay(500, 10, 100.0);
  for (float& sample : r)
    sample *= 0.5f;
  Convolver convolver({{l, r}, 48000.0}, 48000.0);
  const std::vector<float> mean = tapsOf(convolver);
  convolver.prepare(2, 64);
  std::vector<float> left = impulse(500), right = left;
  float* channels[] = {left.data(), right.data()};
  convolver.process(channels, channels, 2, 500);
  const float gain = left.front() / l.front();
  for (std::size_t t = 0; t < 500; ++t) {
    REQUIRE(std::abs(left[t] - gain * l[t]) < 3e-7f);
    REQUIRE(std::abs(right[t] - gain * r[t]) < 3e-7f); // one gain: the balance is kept
    REQUIRE(std::abs(mean[t] - 0.5f * (left[t] + right[t])) < 3e-7f);
  }
}

TEST_CASE("Convolver: a change of sample rate keeps the frequency response", "[dsp]") {
  // Band-limited, and with its start in it, as recorded responses are.
  const std::vector<float> samples = fxengine::resample(decay(4000, 11, 700.0, 600), 40000.0, 48000.0);
  Convolver own({{samples}, 48000.0}, 48000.0);
  const std::vector<float> taps = tapsOf(own);
  for (const double rate : {44100.0, 88200.0, 96000.0, 192000.0}) {
    Convolver convolver({{samples}, 48000.0}, rate);
    REQUIRE(convolver.numTaps() == static_cast<int>(std::lround(static_cast<double>(samples.size()) * rate / 48000.0)));
    const std::vector<float> other = tapsOf(convolver);
    for (const double frequency : {31.0, 100.0, 440.0, 1000.0, 3000.0, 7000.0, 11000.0, 17000.0}) {
      CAPTURE(rate, frequency);
      const std::complex<double> error = responseAt(other, frequency, rate) - responseAt(taps, frequency, 48000.0);
      REQUIRE(std::abs(error) < 1e-3); // the mean is 1 where a guitar plays
    }
  }
}

TEST_CASE("Convolver: pink noise from 80 Hz to 5 kHz keeps its power", "[dsp]") {
  const std::vector<float> noise = pinkNoise(16000, 48000.0);
  for (const float scale : {1e-3f, 1.0f, 300.0f}) {
    std::vector<float> samples = decay(2000, 12, 150.0);
    for (float& sample : samples)
      sample *= scale;
    for (const double rate : {44100.0, 48000.0, 96000.0}) { // of the file; the noise is played at 48 kHz
      Convolver convolver({{samples}, rate}, 48000.0);
      convolver.prepare(1, 64);
      REQUIRE(levelOf(play(convolver, noise), noise) == Approx(0.0).margin(0.2)); // 200 partials are not all of them
    }
  }
}

TEST_CASE("Convolver: the gain is that of the rule, and no more than 24 dB at any frequency", "[dsp]") {
  // A sample alone has |H| = 1 throughout.
  Convolver click({{{0.0f, 0.25f}}, 48000.0}, 48000.0);
  REQUIRE(tapsOf(click) == std::vector<float>{0.0f, 1.0f});
  // Two neighbours: |H|^2 = 2 + 2 cos(2 pi f / rate), weighted by 1 / f.
  const double rate = 16000.0;
  double in = 0.0, out = 0.0;
  for (int k = 1; k < 32768; ++k) {
    const double f = k * rate / 65536.0;
    if (f < 80.0 || f > 5000.0)
      continue;
    in += 1.0 / f;
    out += (2.0 + 2.0 * std::cos(2.0 * kPi * f / rate)) / f;
  }
  Convolver pair({{{1.0f, 1.0f}}, rate}, rate);
  REQUIRE(tapsOf(pair).front() == Approx(std::sqrt(in / out)).epsilon(1e-6));
  // The louder of two channels counts.
  Convolver stereo({{{1.0f, 0.0f}, {0.0f, 4.0f}}, 48000.0}, 48000.0);
  REQUIRE(tapsOf(stereo).front() == Approx(0.125));
  Convolver oneSided({{{0.0f, 0.0f}, {0.0f, 4.0f}}, 48000.0}, 48000.0);
  REQUIRE(tapsOf(oneSided).back() == Approx(0.5));
  // Next to nothing within the range: the sharpest of high-pass filters is at 24 dB where it passes.
  std::vector<float> high(64);
  for (std::size_t t = 0; t < 64; ++t)
    high[t] = static_cast<float>((t % 2 == 0 ? 1.0 : -1.0) *
                                 std::pow(std::sin(kPi * (static_cast<double>(t) + 0.5) / 64.0), 4));
  Convolver tweeter({{high}, 192000.0}, 192000.0);
  REQUIRE(decibels(std::abs(responseAt(tapsOf(tweeter), 96000.0, 192000.0))) == Approx(24.0).margin(1e-3));
}

TEST_CASE("Convolver: what is longer than two seconds is cut, with a fade", "[dsp]") {
  Convolver convolver({{std::vector<float>(20001, 1.0f)}, 8000.0}, 8000.0);
  REQUIRE(convolver.numTaps() == 16000);
  const std::vector<float> taps = tapsOf(convolver);
  REQUIRE(std::abs(taps.back()) < 1e-6f);
  REQUIRE(taps[15960] == Approx(0.5f * taps[1000]).epsilon(0.05)); // the middle of 80 samples
  REQUIRE(taps[15919] == Approx(taps[1000]).epsilon(1e-3));
  Convolver whole({{std::vector<float>(16000, 1.0f)}, 8000.0}, 8000.0);
  REQUIRE(tapsOf(whole).back() == Approx(tapsOf(whole).front()).epsilon(1e-3));
}

TEST_CASE("Convolver: silence in comes to exact silence out", "[dsp]") {
  for (const std::size_t length : {100, 1000}) {
    Convolver convolver({{decay(length, 13, 100.0)}, 48000.0}, 48000.0);
    convolver.prepare(1, 64);
    REQUIRE(play(convolver, std::vector<float>(1000, 0.0f)) == std::vector<float>(1000, 0.0f));
    play(convolver, test::noise(3000, 14));
    const std::vector<float> rest = play(convolver, std::vector<float>(length + 1000, 0.0f));
    REQUIRE(std::all_of(rest.end() - 500, rest.end(), [](float value) { return value == 0.0f; }));
  }
}

TEST_CASE("Convolver: reset is as fresh, whatever was played before", "[dsp][state]") {
  const std::vector<float> input = test::noise(2000, 15);
  Convolver convolver({{decay(3000, 16, 500.0)}, 48000.0}, 48000.0);
  convolver.prepare(1, 64);
  const std::vector<float> expected = play(convolver, input);
  for (const float poison : {0.3f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::max()}) {
    play(convolver, std::vector<float>(1234, poison), {77});
    convolver.reset();
    REQUIRE(play(convolver, input) == expected);
  }
}

TEST_CASE("Convolver: process and reset do not allocate", "[dsp][realtime]") {
  for (const std::size_t length : {60, 3000, 5000}) {
    Convolver convolver({{decay(length, 17, 900.0)}, 48000.0}, 48000.0);
    convolver.prepare(2, 64);
    std::vector<float> a = test::noise(3000, 18), b = a;
    float* channels[] = {a.data(), b.data()};
    const test::AllocationCount allocations;
    convolver.process(channels, channels, 2, 3000);
    convolver.process(channels, channels, 2, 1);
    convolver.reset();
    REQUIRE(allocations.value() == 0);
  }
}

TEST_CASE("Convolver: more channels than prepared are silent", "[dsp]") {
  Convolver convolver({{{1.0f}}, 48000.0}, 48000.0);
  std::vector<float> a = test::noise(300, 1), b = a;
  const std::vector<float> input = a;
  float* channels[] = {a.data(), b.data()};
  convolver.process(channels, channels, 1, 300); // not prepared
  REQUIRE(std::count(a.begin(), a.end(), 0.0f) == 300);
  a = input;
  convolver.prepare(1, 64);
  convolver.process(channels, channels, 2, 300);
  REQUIRE(a == input); // a click is a wire
  REQUIRE(std::count(b.begin(), b.end(), 0.0f) == 300);
}

TEST_CASE("Convolver: the largest and smallest samples that a file can hold are played", "[dsp]") {
  for (const float size : {std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
    Convolver convolver({{{size, -size, size}}, 48000.0}, 96000.0);
    for (const float tap : tapsOf(convolver))
      REQUIRE(std::abs(tap) < 10.0f);
    REQUIRE(std::abs(tapsOf(convolver).front()) > 0.1f);
  }
}

TEST_CASE("Convolver: a response that cannot be played is refused with a sentence", "[dsp]") {
  const std::vector<float> good = {1.0f, 0.5f};
  REQUIRE(refusal({{}, 48000.0}).find("0 channels") != std::string::npos);
  REQUIRE(refusal({{good, good, good}, 48000.0}).find("3 channels") != std::string::npos);
  REQUIRE(refusal({{{}}, 48000.0}).find("no samples") != std::string::npos);
  REQUIRE(refusal({{good, {1.0f}}, 48000.0}).find("2 samples on the left and 1 on the right") != std::string::npos);
  REQUIRE(refusal({{{1.0f, std::numeric_limits<float>::quiet_NaN()}}, 48000.0}).find("NaN at sample 1") !=
          std::string::npos);
  REQUIRE(refusal({{{-std::numeric_limits<float>::infinity()}}, 48000.0}).find("infinity at sample 0") !=
          std::string::npos);
  REQUIRE(refusal({{{0.0f, -0.0f}}, 48000.0}).find("silent") != std::string::npos);
  std::vector<float> late(3000, 0.0f);
  late.back() = 1.0f;
  REQUIRE(refusal({{late}, 1000.0}).find("first two seconds") != std::string::npos);
  for (const double rate :
       {0.0, -48000.0, 999.0, 1e7, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    REQUIRE(refusal({{good}, rate}).find("of the impulse response") != std::string::npos);
    REQUIRE(refusal({{good}, 48000.0}, rate).find("of the audio") != std::string::npos);
  }
  REQUIRE(refusal({{good}, 48000.0}).empty());
}
