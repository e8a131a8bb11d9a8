// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/late_network.h"
#include "../support/test_models.h"

#include <fxengine/dsp/host_rate_model.h>
#include <fxengine/model_loader.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <limits>
#include <numbers>

using fxengine::HostRateModel;
using test::Json;

namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kModelRates[] = {44100.0, 48000.0};
constexpr double kHostRates[] = {44100.0, 48000.0, 88200.0, 96000.0, 192000.0};

/** y = x */
Json wire(double sampleRate) {
  Json json = test::makeModel(1, {{"dense", 1}}, 1);
  json["layers"][0]["weights"] = {{{1.0}}, {0.0}};
  json["samplerate"] = sampleRate;
  return json;
}

Json lstm(double sampleRate, unsigned seed = 3) {
  Json json = test::makeModel(1, {{"lstm", 8}, {"dense", 1}}, seed);
  json["samplerate"] = sampleRate;
  return json;
}

std::vector<float> sine(std::size_t numFrames, double frequency, double sampleRate) {
  std::vector<float> signal(numFrames);
  for (std::size_t t = 0; t < numFrames; ++t)
    signal[t] = static_cast<float>(std::sin(2.0 * kPi * frequency * static_cast<double>(t) / sampleRate));
  return signal;
}

std::vector<float> play(HostRateModel& model, const std::vector<float>& input, const std::vector<int>& sizes = {256}) {
  std::vector<float> output(input.size());
  for (std::size_t start = 0, block = 0; start < input.size(); ++block) {
    const auto count = std::min(static_cast<std::size_t>(sizes[block % sizes.size()]), input.size() - start);
    const float* in = input.data() + start;
    float* out = output.data() + start;
    model.process(&in, &out, 1, static_cast<int>(count));
    start += count;
  }
  return output;
}

std::vector<float> playFresh(HostRateModel& model, double hostRate, const std::vector<float>& input,
                             const std::vector<int>& sizes = {256}) {
  model.prepare(hostRate, 1, 256);
  return play(model, input, sizes);
}

/** What a sine at `frequency` comes to, as a complex gain at time 0, and the greatest deviation from that sine. */
struct Tone {
  std::complex<double> gain;
  double rest; // RMS, relative to the tone's that went in
};

/** Least squares over all frames but the first and last `margin`. */
Tone measure(const std::vector<float>& output, double frequency, double sampleRate, std::size_t margin) {
  const double step = 2.0 * kPi * frequency / sampleRate;
  double ss = 0.0, sc = 0.0, cc = 0.0, ys = 0.0, yc = 0.0;
  for (std::size_t t = margin; t < output.size(); ++t) {
    const double s = std::sin(step * static_cast<double>(t)), c = std::cos(step * static_cast<double>(t));
    const double y = double{output[t]};
    ss += s * s;
    sc += s * c;
    cc += c * c;
    ys += y * s;
    yc += y * c;
  }
  const double determinant = ss * cc - sc * sc;
  const double a = (ys * cc - yc * sc) / determinant, b = (yc * ss - ys * sc) / determinant;
  double rest = 0.0;
  for (std::size_t t = margin; t < output.size(); ++t) {
    const double angle = step * static_cast<double>(t);
    const double error = double{output[t]} - a * std::sin(angle) - b * std::cos(angle);
    rest += error * error;
  }
  return {{a, b}, std::sqrt(2.0 * rest / static_cast<double>(output.size() - margin))};
}

double decibels(double amplitude) { return 20.0 * std::log10(std::max(amplitude, 1e-12)); }

} // namespace

TEST_CASE("HostRateModel: a model at its own rate, or of none, is played bit for bit as it is", "[dsp]") {
  const std::vector<float> input = test::noise(2000, 1);
  for (const bool named : {true, false}) {
    Json json = lstm(48000.0);
    if (!named)
      json.erase("samplerate");
    fxengine::Model bare = test::load(json);
    HostRateModel model(test::load(json));
    for (const double hostRate : {48000.0, 96000.0}) {
      if (named && hostRate != 48000.0)
        continue;
      REQUIRE(playFresh(model, hostRate, input) == test::play(bare, input, {256}));
      REQUIRE(model.latencyFrames() == 0);
      REQUIRE_FALSE(model.isConverting());
    }
  }
  HostRateModel model(test::load(lstm(48000.0)));
  fxengine::Model bare = test::load(lstm(48000.0));
  for (const double nonsense :
       {0.0, -1.0, 1e12, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    REQUIRE(playFresh(model, nonsense, input) == test::play(bare, input, {256}));
    REQUIRE(model.latencyFrames() == 0);
  }
}

TEST_CASE("HostRateModel: flat to 16 kHz within 0.1 dB, images and aliases 80 dB down, late by whole frames", "[dsp]") {
  for (const double modelRate : kModelRates) {
    HostRateModel model(test::load(wire(modelRate)));
    for (const double hostRate : kHostRates) {
      if (hostRate == modelRate)
        continue;
      model.prepare(hostRate, 1, 256);
      CAPTURE(modelRate, hostRate);
      const int latency = model.latencyFrames();
      REQUIRE(latency / hostRate <= 0.001);
      const auto margin = static_cast<std::size_t>(3 * latency);
      for (const double frequency : {20.0, 83.0, 997.0, 3001.0, 7919.0, 12007.0, 14983.0, 15503.0, 16000.0}) {
        CAPTURE(frequency);
        const auto numFrames = std::max<std::size_t>(4000, static_cast<std::size_t>(3.0 * hostRate / frequency));
        const Tone tone =
            measure(playFresh(model, hostRate, sine(numFrames, frequency, hostRate)), frequency, hostRate, margin);
        // Flat to 0.002 dB where it has to null against other converters, and nothing but the tone.
        REQUIRE(std::abs(decibels(std::abs(tone.gain))) < (frequency <= 15503.0 ? 0.002 : 0.02));
        REQUIRE(decibels(tone.rest) < -86.0);
        // The phase is that of the latency, to a thousandth of a frame. Rounding alone is 1e-7 of a full scale sine.
        const double expected = -2.0 * kPi * frequency * latency / hostRate;
        const double error = std::arg(tone.gain * std::polar(1.0, -expected));
        REQUIRE(std::abs(error) < std::max(2.0 * kPi * frequency / hostRate * 1e-3, 2e-6));
      }
    }
  }
}

TEST_CASE("HostRateModel: what is above half the lower rate does not come through", "[dsp]") {
  for (const double modelRate : kModelRates) {
    HostRateModel model(test::load(wire(modelRate)));
    for (const double hostRate : kHostRates) {
      const double lower = std::min(modelRate, hostRate);
      for (const double above : {50.0, 700.0, 1900.0, 9000.0, 30011.0, 52000.0}) {
        const double frequency = 0.5 * lower + above;
        if (hostRate == modelRate || frequency >= 0.5 * hostRate)
          continue;
        CAPTURE(modelRate, hostRate, frequency);
        const std::vector<float> output = playFresh(model, hostRate, sine(4000, frequency, hostRate));
        double sum = 0.0;
        for (std::size_t t = 1000; t < output.size(); ++t)
          sum += double{output[t]} * double{output[t]};
        REQUIRE(decibels(std::sqrt(2.0 * sum / 3000.0)) < -86.0);
      }
    }
  }
}

TEST_CASE("HostRateModel: the model gets the frames of an offline conversion, the first at the first host frame",
          "[dsp]") {
  // tanh folds overtones back at the model's rate; where they land depends on where its frames lie. All that is above
  // was computed here for the ideal: sines sampled at the model's rate, through tanh, and evaluated between frames.
  const double hostRate = 44100.0, modelRate = 48000.0;
  constexpr int kPeriods = 3; // of 480 model frames and 441 host frames
  Json json = wire(modelRate);
  json["layers"][0]["weights"] = {{{3.0}}, {0.0}};
  json["layers"][0]["activation"] = "tanh";
  HostRateModel model(test::load(json));
  const double frequency = 61.0 * 100.0;
  std::vector<double> ideal(480); // a period of the model's output
  for (std::size_t t = 0; t < 480; ++t)
    ideal[t] = std::tanh(3.0 * 0.8 * std::sin(2.0 * kPi * frequency * static_cast<double>(t) / modelRate));
  std::vector<std::complex<double>> partials(240);
  for (std::size_t k = 0; k < 240; ++k) {
    for (std::size_t t = 0; t < 480; ++t)
      partials[k] += ideal[t] * std::polar(1.0 / 240.0, -2.0 * kPi * static_cast<double>(k * t % 480) / 480.0);
  }
  std::vector<float> input = sine(441 * (kPeriods + 2), frequency, hostRate);
  for (float& x : input)
    x *= 0.8f;
  const std::vector<float> output = playFresh(model, hostRate, input);
  const auto latency = static_cast<std::size_t>(model.latencyFrames());
  double error = 0.0, power = 0.0;
  for (std::size_t k = 1; k < 155; ++k) { // partials of 100 Hz up to 15.4 kHz
    std::complex<double> found = 0.0;
    for (std::size_t t = 0; t < 441; ++t)
      found += double{output[441 + latency + t]} *
               std::polar(2.0 / 441.0, -2.0 * kPi * static_cast<double>(k * t % 441) / 441.0);
    error += std::norm(found - partials[k]);
    power += std::norm(partials[k]);
  }
  REQUIRE(decibels(std::sqrt(error / power)) < -80.0);
}

TEST_CASE("HostRateModel: output does not depend on block size", "[dsp][property]") {
  const std::vector<float> input = test::noise(5000, 5);
  for (const auto& [modelRate, hostRate] : std::vector<std::pair<double, double>>{{48000, 44100},
                                                                                  {44100, 48000},
                                                                                  {44100, 192000},
                                                                                  {48000, 96000},
                                                                                  {96000, 44100},
                                                                                  {48000, 47999},
                                                                                  {8000, 48000}}) {
    CAPTURE(modelRate, hostRate);
    HostRateModel model(test::load(lstm(modelRate)));
    const std::vector<float> expected = playFresh(model, hostRate, input, {256});
    for (const auto& sizes :
         std::vector<std::vector<int>>{{1}, {2}, {7}, {64}, {5000}, {1, 255, 0, 33, 2, 128, 31, 700}, {3, 1, 1, 96}}) {
      model.reset();
      REQUIRE(play(model, input, sizes) == expected);
      model.prepare(hostRate, 1, sizes.front());
      REQUIRE(play(model, input, sizes) == expected);
    }
  }
}

TEST_CASE("HostRateModel: any rate comes back with gain 1, at the latency it states", "[dsp][property]") {
  for (const auto& [modelRate, hostRate] : std::vector<std::pair<double, double>>{{48000, 22050},
                                                                                  {22050, 48000},
                                                                                  {1000, 192000},
                                                                                  {1e6, 8000},
                                                                                  {47952, 48000},
                                                                                  {48000, 48048},
                                                                                  {44100, 44144.1},
                                                                                  {44100, 47999},
                                                                                  {12345.678, 98765.4321},
                                                                                  {48000, 384000}}) {
    CAPTURE(modelRate, hostRate);
    HostRateModel model(test::load(wire(modelRate)));
    model.prepare(hostRate, 1, 512);
    const double frequency = 0.1 * std::min(modelRate, hostRate);
    const auto latency = static_cast<std::size_t>(model.latencyFrames());
    const std::vector<float> output = playFresh(model, hostRate, sine(5 * latency + 4000, frequency, hostRate));
    const Tone tone = measure(output, frequency, hostRate, 3 * latency);
    const double expected = -2.0 * kPi * frequency * static_cast<double>(latency) / hostRate;
    REQUIRE(std::abs(tone.gain * std::polar(1.0, -expected) - 1.0) < 1e-3);
    REQUIRE(decibels(tone.rest) < -86.0);
  }
}

TEST_CASE("HostRateModel: the places of frames repeat exactly, after a million of them", "[dsp][state]") {
  // A wire has no memory beyond its filters, so that periods of the two rates must come out alike to the bit. Rates of
  // 147 : 160; counters in floating point would have moved by then.
  HostRateModel model(test::load(wire(48000.0)));
  model.prepare(44100.0, 1, 441);
  const std::vector<float> period = sine(441, 1000.0, 44100.0);
  std::vector<float> first, output(441);
  const float* in = period.data();
  float* out = output.data();
  for (int k = 0; k < 2500; ++k) {
    model.process(&in, &out, 1, 441);
    if (k == 3)
      first = output;
  }
  REQUIRE(output == first);
}

TEST_CASE("HostRateModel: channels are independent", "[dsp]") {
  HostRateModel model(test::load(lstm(48000.0)));
  const auto playBoth = [&](std::vector<float> left, std::vector<float> right) { // in place
    model.prepare(44100.0, 2, 300);
    float* channels[] = {left.data(), right.data()};
    model.process(channels, channels, 2, 1500);
    return std::pair(left, right);
  };
  const std::vector<float> a = test::noise(1500, 7), b = test::noise(1500, 8), silence(1500, 0.0f);
  const auto [left, right] = playBoth(a, b);
  REQUIRE(left == playBoth(a, silence).first);
  REQUIRE(right == playBoth(silence, b).second);
  REQUIRE(left == playBoth(b, a).second);
}

TEST_CASE("HostRateModel: reset is as fresh, whatever was played before", "[dsp][state]") {
  const std::vector<float> input = test::noise(1500, 9);
  for (const double hostRate : {44100.0, 48000.0, 96000.0}) {
    HostRateModel model(test::load(lstm(48000.0)));
    const std::vector<float> expected = playFresh(model, hostRate, input);
    for (const float poison : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::max()}) {
      play(model, std::vector<float>(777, poison), {100, 3});
      model.reset();
      REQUIRE(play(model, input) == expected);
    }
  }
}

TEST_CASE("HostRateModel: clearing the delays keeps the network's state", "[dsp][state]") {
  // The state of this unit only grows: h = tanh(c) with c = c + x, gates held open.
  Json json = test::makeModel(1, {{"lstm", 1}, {"dense", 1}}, 1);
  json["samplerate"] = 48000.0;
  json["layers"][0]["weights"] = {{{0.0, 0.0, 1.0, 0.0}}, {{0.0, 0.0, 0.0, 0.0}}, {30.0, 30.0, 0.0, 30.0}};
  json["layers"][1]["weights"] = {{{1.0}}, {0.0}};
  HostRateModel model(test::load(json));
  model.prepare(44100.0, 1, 256);
  play(model, std::vector<float>(100, 0.01f));
  const float before = play(model, std::vector<float>(500, 0.0f)).back();
  REQUIRE(before > 0.5f);
  model.clearDelays();
  const std::vector<float> after = play(model, std::vector<float>(500, 0.0f));
  REQUIRE(std::abs(after.front()) < 1e-4f); // at most the end of a filter
  REQUIRE(after.back() == Approx(before).epsilon(1e-5));
  model.reset();
  REQUIRE(play(model, std::vector<float>(500, 0.0f)).back() == Approx(0.0f).margin(1e-6));
}

TEST_CASE("HostRateModel: prewarmed, silence gives the model's output at rest from the first frame on",
          "[dsp][state]") {
  for (const int factor : {1, 4})
    for (const double hostRate : {44100.0, 48000.0, 96000.0}) {
      CAPTURE(factor, hostRate);
      fxengine::LoadOptions options;
      options.oversampling = factor;
      HostRateModel model(fxengine::parseModel(lstm(48000.0).dump(), "lstm.json", options));
      const std::vector<float> silence(96000, 0.0f);
      const std::vector<float> cold = playFresh(model, hostRate, silence);
      const float atRest = cold.back();
      REQUIRE(std::abs(cold.front() - atRest) > 0.01f); // from zero state it would click
      const auto deviation = [&] {
        float greatest = 0.0f;
        for (const float y : play(model, std::vector<float>(4800, 0.0f)))
          greatest = std::max(greatest, std::abs(y - atRest));
        return greatest;
      };
      model.prepare(hostRate, 1, 64);
      model.prewarm();
      REQUIRE(deviation() < 1e-5f);
      play(model, test::noise(1000, 10));
      model.rest();
      REQUIRE(deviation() < 1e-5f);
      model.reset();
      REQUIRE(play(model, silence) == cold); // zero state is still to be had
    }
}

TEST_CASE("HostRateModel: an oversampled model's latency is added, in whole host frames", "[dsp]") {
  fxengine::LoadOptions options;
  options.oversampling = 2;
  HostRateModel model(fxengine::parseModel(wire(48000.0).dump(), "wire.json", options));
  for (const double hostRate : {44100.0, 48000.0, 96000.0}) {
    CAPTURE(hostRate);
    model.prepare(hostRate, 1, 256);
    const double latency = model.latencyFrames();
    const Tone tone = measure(playFresh(model, hostRate, sine(4000, 5000.0, hostRate)), 5000.0, hostRate, 1000);
    const double error = std::arg(tone.gain * std::polar(1.0, 2.0 * kPi * 5000.0 * latency / hostRate));
    REQUIRE(std::abs(error) < 2.0 * kPi * 5000.0 / hostRate * 1e-3);
    REQUIRE(latency / hostRate - 76.0 / 48000.0 <= 0.001);
  }
}

TEST_CASE("HostRateModel: more channels than prepared are silent, none are harmless", "[dsp]") {
  HostRateModel model(test::load(wire(48000.0)));
  std::vector<float> a = test::noise(300, 1), b = a;
  float* channels[] = {a.data(), b.data()};
  model.process(channels, channels, 1, 300); // not prepared
  REQUIRE(std::count(a.begin(), a.end(), 0.0f) == 300);
  model.prepare(44100.0, 1, 64);
  model.process(channels, channels, 0, 300);
  model.process(channels, channels, 2, 300);
  REQUIRE(std::count(b.begin(), b.end(), 0.0f) == 300);
}

TEST_CASE("HostRateModel: process, reset, prewarm and rest do not allocate", "[dsp][realtime]") {
  for (const double hostRate : {44100.0, 48000.0, 192000.0}) {
    HostRateModel model(test::load(lstm(48000.0)));
    model.prepare(hostRate, 2, 128);
    std::vector<float> a = test::noise(1000, 1), b = test::noise(1000, 2);
    float* channels[] = {a.data(), b.data()};
    const test::AllocationCount allocations;
    model.process(channels, channels, 2, 1000);
    model.process(channels, channels, 2, 1);
    model.clearDelays();
    model.prewarm();
    model.rest();
    model.reset();
    REQUIRE(allocations.value() == 0);
  }
}

TEST_CASE("HostRateModel: a network's latency is added, in whole host frames", "[dsp]") {
  for (const double modelRate : kModelRates) {
    for (const double hostRate : kHostRates) {
      const std::vector<float> input = sine(8000, 1000.0, hostRate);
      for (const int latency : {0, 1, 100, 1024}) {
        HostRateModel model(fxengine::Model(test::lateInfo(modelRate), std::make_unique<test::LateNetwork>(latency)));
        const std::vector<float> output = playFresh(model, hostRate, input);
        const int frames = model.latencyFrames();
        if (hostRate == modelRate) {
          REQUIRE(frames == latency);
          REQUIRE(output == test::late(input, latency));
          continue;
        }
        REQUIRE(frames >= static_cast<int>(latency * hostRate / modelRate));
        const auto shift = static_cast<std::size_t>(frames);
        for (std::size_t t = shift + 500; t < output.size(); ++t) // the figures of the filters: 0.002 dB, -90 dB
          REQUIRE(std::abs(output[t] - input[t - shift]) < 3e-4f);
      }
    }
  }
}
