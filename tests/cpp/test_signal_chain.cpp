// SPDX-License-Identifier: MIT
#include "catch.h"
#include "support/allocations.h"
#include "support/late_network.h"
#include "support/stft_models.h"
#include "support/test_models.h"

#include <fxengine/dsp/feedback_delay.h>
#include <fxengine/dsp/loudness.h>
#include <fxengine/dsp/noise_gate.h>
#include <fxengine/dsp/reverb.h>
#include <fxengine/dsp/tone_stack.h>
#include <fxengine/signal_chain.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

using namespace fxengine;
using test::Json;
using test::late;

namespace {

using Signal = std::vector<float>;
using Channels = std::vector<Signal>;

constexpr double kRate = 48000.0;

Json gainModel(double gain, double rate = kRate) {
  return {
      {"in_shape", {nullptr, nullptr, 1}},
      {"samplerate", rate},
      {"layers",
       {{{"type", "dense"}, {"activation", ""}, {"shape", {nullptr, nullptr, 1}}, {"weights", {{{gain}}, {0.0}}}}}}};
}

Json recurrentModel(double rate = kRate, unsigned seed = 3) {
  Json model = test::makeModel(1, {{"lstm", 16}, {"dense", 1}}, seed);
  model["samplerate"] = rate;
  model["metadata"] = {{"loudness_db", -20.0}}; // else it would be measured for each slot, which takes its time
  return model;
}

std::unique_ptr<SlotContent> content(const Json& model) { return std::make_unique<SlotContent>(test::load(model)); }

ImpulseResponse response(int numChannels) {
  ImpulseResponse result{{}, kRate};
  for (int c = 0; c < numChannels; ++c) {
    Signal taps = test::noise(3000, unsigned(20 + c), 1.0f);
    for (std::size_t t = 0; t < taps.size(); ++t)
      taps[t] *= std::exp(-float(t) / 300.0f);
    result.channels.push_back(taps);
  }
  return result;
}

Channels play(SignalChain& chain, const Channels& input, std::size_t numOutputs, const ChainSettings& settings,
              const std::vector<int>& blockSizes = {64}) {
  const std::size_t numFrames = input[0].size();
  Channels output(numOutputs, Signal(numFrames));
  for (std::size_t at = 0, block = 0; at < numFrames; ++block) {
    const auto size = std::min<std::size_t>(std::size_t(blockSizes[block % blockSizes.size()]), numFrames - at);
    std::vector<const float*> in;
    std::vector<float*> out;
    for (const auto& channel : input)
      in.push_back(channel.data() + at);
    for (auto& channel : output)
      out.push_back(channel.data() + at);
    chain.process(in.data(), out.data(), int(size), settings);
    at += size;
  }
  return output;
}

/** What the model alone makes of it, from rest. */
Signal reference(const Json& json, const Signal& input) {
  auto model = test::load(json);
  model.prepare(1, 256);
  model.prewarm();
  Signal output(input.size());
  const float* in = input.data();
  float* out = output.data();
  model.process(&in, &out, 1, int(input.size()));
  return output;
}

double greatestDifference(const Signal& a, const Signal& b, std::size_t from = 0) {
  double greatest = 0.0;
  for (std::size_t t = from; t < a.size(); ++t)
    greatest = std::max(greatest, double(std::abs(a[t] - b[t])));
  return greatest;
}

/** How far a chain that should pass on a constant 1 departs from it. */
double deviationFromOne(SignalChain& chain, const ChainSettings& settings) {
  const Signal ones(4000, 1.0f);
  return greatestDifference(play(chain, {ones}, 1, settings, {64, 7})[0], ones);
}

Signal sine(std::size_t numFrames, double hz, double amplitude) {
  Signal result(numFrames);
  for (std::size_t t = 0; t < numFrames; ++t)
    result[t] = float(amplitude * std::sin(2.0 * std::numbers::pi * hz * double(t) / kRate));
  return result;
}

ChainSettings everything() {
  ChainSettings settings;
  settings.inputGainDb = 3.0f;
  settings.gateOn = settings.toneOn = settings.cabinetOn = true;
  settings.blend = 0.3f;
  settings.bassDb = 4.0f;
  settings.trebleDb = -5.0f;
  settings.outputGainDb = -2.0f;
  settings.mix = 0.8f;
  return settings;
}

} // namespace

TEST_CASE("SignalChain: by default a channel is what the model alone makes of it, bit for bit", "[chain][golden]") {
  const auto json = recurrentModel();
  const Channels input = {test::noise(5000, 1), test::noise(5000, 2)};
  SignalChain chain;
  chain.setSlot(0, content(json));
  SECTION("mono") {
    chain.prepare(kRate, 1, 1);
    CHECK(play(chain, {input[0]}, 1, {})[0] == reference(json, input[0]));
  }
  SECTION("mono to stereo") {
    chain.prepare(kRate, 1, 2);
    const auto output = play(chain, {input[0]}, 2, {});
    CHECK(output[0] == reference(json, input[0]));
    CHECK(output[1] == output[0]);
  }
  SECTION("two channels, each with its own state") {
    chain.prepare(kRate, 2, 2);
    const auto output = play(chain, input, 2, {});
    CHECK(greatestDifference(output[0], reference(json, input[0])) < 2e-6); // two streams may round otherwise than one
    CHECK(greatestDifference(output[1], reference(json, input[1])) < 2e-6);
  }
  CHECK(chain.latencyFrames() == 0);
}

TEST_CASE("SignalChain: what is on is its parts in series, bit for bit", "[chain][golden]") {
  const auto a = recurrentModel(kRate, 3), b = recurrentModel(kRate, 9);
  const Signal input = test::noise(12'000, 1, 0.4f);
  const auto cabinet = [] { return std::make_unique<Convolver>(response(1), kRate); };
  for (int parts = 0; parts < 16; ++parts) {
    ChainSettings settings;
    settings.inputGainDb = 3.0f;
    settings.outputGainDb = -2.0f;
    settings.gateThresholdDb = -20.0f;
    settings.bassDb = 4.0f;
    settings.trebleDb = -5.0f;
    settings.cabinetLevelDb = 1.5f;
    settings.gateOn = (parts & 1) != 0;
    settings.toneOn = (parts & 2) != 0;
    settings.cabinetOn = (parts & 4) != 0;
    settings.blend = (parts & 8) != 0 ? 0.25f : 0.0f;

    Signal expected = input;
    const auto scale = [](Signal& signal, float db) {
      const float gain = std::pow(10.0f, db / 20.0f);
      for (float& sample : signal)
        sample *= gain;
    };
    float* const channels[1] = {expected.data()};
    const int numFrames = int(input.size());
    scale(expected, settings.inputGainDb);
    if (settings.gateOn) {
      NoiseGate gate;
      gate.prepare(kRate, 1);
      gate.setThreshold(settings.gateThresholdDb);
      gate.setRelease(settings.gateReleaseMs);
      gate.process(channels, 1, numFrames);
    }
    const Signal fromA = reference(a, expected), fromB = reference(b, expected);
    for (std::size_t t = 0; t < expected.size(); ++t)
      expected[t] = settings.blend == 0.0f ? fromA[t] : 0.0f + 0.75f * fromA[t] + 0.25f * fromB[t];
    if (settings.toneOn) {
      ToneStack tone;
      tone.prepare(kRate, 1);
      tone.set(settings.bassDb, settings.middleDb, settings.trebleDb);
      tone.snap();
      tone.process(channels, 1, numFrames);
    }
    if (settings.cabinetOn) {
      const auto convolver = cabinet();
      convolver->prepare(1, 256);
      convolver->process(channels, channels, 1, numFrames);
      scale(expected, settings.cabinetLevelDb);
    }
    scale(expected, settings.outputGainDb);

    SignalChain chain;
    chain.setSlot(0, content(a));
    chain.setSlot(1, content(b));
    chain.prepare(kRate, 1, 1, settings);
    chain.setCabinet(cabinet());
    INFO("parts " << parts);
    CHECK(play(chain, {input}, 1, settings, {64, 1, 300})[0] == expected);
  }
}

TEST_CASE("SignalChain: the division into blocks does not matter", "[chain][property]") {
  const Channels input = {test::noise(6000, 1), test::noise(6000, 2)};
  for (const int numInputs : {1, 2}) {
    const auto run = [&](const std::vector<int>& blockSizes) {
      SignalChain chain;
      chain.setSlot(0, content(recurrentModel(44100.0)));
      chain.setSlot(1, content(recurrentModel(kRate, 9)));
      chain.prepare(kRate, numInputs, 2);
      chain.setCabinet(std::make_unique<Convolver>(response(2), kRate));
      const Channels used(input.begin(), input.begin() + numInputs);
      return play(chain, used, 2, everything(), blockSizes);
    };
    const auto whole = run({6000});
    CHECK(run({1}) == whole);
    CHECK(run({64}) == whole);
    CHECK(run({17, 1, 300, 1024, 2}) == whole);
  }
}

TEST_CASE("SignalChain: bypassed or not mixed in, the input comes out as late as is told", "[chain][property]") {
  const Channels input = {test::noise(4000, 1), test::noise(4000, 2)};
  SignalChain chain;
  chain.setSlot(0, content(recurrentModel(44100.0)));
  chain.prepare(kRate, 2, 2);
  REQUIRE(chain.latencyFrames() > 0);
  ChainSettings settings;
  SECTION("bypass") { settings.bypass = true; }
  SECTION("no mix") { settings.mix = 0.0f; }
  const auto output = play(chain, input, 2, settings);
  CHECK(output[0] == late(input[0], chain.latencyFrames()));
  CHECK(output[1] == late(input[1], chain.latencyFrames()));
}

TEST_CASE("SignalChain: both slots come equally late", "[chain][property]") {
  // A slot at the host's rate beside one that is resampled: pass-through models, heard one at a time.
  Signal impulse(2000, 0.0f);
  impulse[100] = 1.0f;
  for (const float blend : {0.0f, 1.0f}) {
    SignalChain chain;
    chain.setSlot(0, content(gainModel(1.0)));
    chain.setSlot(1, content(gainModel(1.0, 44100.0)));
    chain.prepare(kRate, 1, 1);
    ChainSettings settings;
    settings.blend = blend;
    const auto output = play(chain, {impulse}, 1, settings)[0];
    const auto peak = std::max_element(output.begin(), output.end());
    CHECK(peak - output.begin() == 100 + chain.latencyFrames());
  }
}

TEST_CASE("SignalChain: an empty slot passes the input on", "[chain]") {
  const Signal input = test::noise(1000, 1);
  SignalChain chain;
  chain.prepare(kRate, 1, 1);
  CHECK(play(chain, {input}, 1, {})[0] == input);
}

TEST_CASE("SignalChain: a new model comes in on a straight line of 20 ms", "[chain][property]") {
  const Signal ones(4000, 1.0f);
  SignalChain chain;
  chain.setSlot(0, content(gainModel(0.5)));
  chain.prepare(kRate, 1, 1);
  ChainSettings settings;
  settings.levels = ChainSettings::Levels::asCaptured;
  CHECK(play(chain, {ones}, 1, settings)[0] == Signal(4000, 0.5f));
  chain.setSlot(0, content(gainModel(-1.0)));
  const auto output = play(chain, {ones}, 1, settings)[0];
  for (std::size_t t = 0; t < 960; ++t)
    CHECK(output[t] == Approx(0.5 - 1.5 * double(t + 1) / 960.0).margin(1e-6));
  CHECK(Signal(output.begin() + 960, output.end()) == Signal(4000 - 960, -1.0f));
  chain.collect();
}

TEST_CASE("SignalChain: nothing that the player does makes a step larger than the sound's own", "[chain][property]") {
  // A sine of 100 Hz through gains: its own greatest step is known, and a fade of 20 ms adds a little.
  const auto tone = sine(48000, 100.0, 0.5);
  SignalChain chain;
  chain.setSlot(0, content(gainModel(1.0)));
  chain.setSlot(1, content(gainModel(-1.0)));
  chain.setSlot(ChainSettings::pedalSlot(0), content(gainModel(-1.0)));
  std::vector<ChainSettings> acts(1);
  acts[0].pedalOn[0] = false;
  chain.prepare(kRate, 2, 2, acts[0]);
  const auto act = [&](auto change) {
    acts.push_back(acts.back());
    change(acts.back());
  };
  act([](ChainSettings& s) { s.blend = 1.0f; });
  act([](ChainSettings& s) { s.inputGainDb = -12.0f; });
  act([](ChainSettings& s) { s.inputMode = ChainSettings::InputMode::right; });
  act([](ChainSettings& s) { s.inputMode = ChainSettings::InputMode::stereo; });
  act([](ChainSettings& s) { s.pedalOn[0] = true; });
  act([](ChainSettings& s) { s.pedalLevelDb[0] = -9.0f; });
  act([](ChainSettings& s) { s.pedalBlend[0] = 1.0f; }); // empty
  act([](ChainSettings& s) { s.pedalOn[0] = false; });
  act([](ChainSettings& s) { s.toneOn = true; });
  act([](ChainSettings& s) { s.bassDb = -6.0f; });
  act([](ChainSettings& s) { s.toneOn = false; });
  act([](ChainSettings& s) { s.gateOn = true; });
  act([](ChainSettings& s) { s.gateOn = false; });
  act([](ChainSettings& s) { s.cabinetOn = true; }); // none loaded
  act([](ChainSettings& s) { s.lowCutHz = 40.0f; });
  act([](ChainSettings& s) { s.lowCutHz = ChainSettings::kNoLowCutHz; });
  act([](ChainSettings& s) { s.highCutHz = 3000.0f; });
  act([](ChainSettings& s) { s.mix = 0.5f; });
  act([](ChainSettings& s) { s.bypass = true; });
  act([](ChainSettings& s) { s.bypass = false; });
  act([](ChainSettings& s) { s.mute = true; });
  act([](ChainSettings& s) { s.mute = false; });
  act([](ChainSettings& s) { s.levels = ChainSettings::Levels::asCaptured; });
  Signal output;
  const std::size_t length = tone.size() / acts.size();
  for (std::size_t i = 0; i < acts.size(); ++i) {
    const Signal part(tone.begin() + std::ptrdiff_t(i * length), tone.begin() + std::ptrdiff_t((i + 1) * length));
    const auto played = play(chain, {part, part}, 2, acts[i]);
    output.insert(output.end(), played[1].begin(), played[1].end());
  }
  double step = 0.0;
  for (std::size_t t = 1; t < output.size(); ++t)
    step = std::max(step, double(std::abs(output[t] - output[t - 1])));
  const double own = 0.5 * 2.0 * std::numbers::pi * 100.0 / kRate;
  CHECK(step < own + 2.0 * 0.5 / 960.0); // from +0.5 to -0.5 within a fade
}

TEST_CASE("SignalChain: levels are matched by the models' loudness", "[chain]") {
  const Signal input = loudnessClip(kRate);
  SignalChain chain;
  chain.setSlot(0, content(gainModel(0.5)));
  chain.setSlot(1, content(gainModel(4.0)));
  chain.prepare(kRate, 1, 1);
  ChainSettings settings;
  settings.blend = 1.0f;
  const auto rmsDb = [](const Signal& x) {
    double sum = 0.0;
    for (const float v : x)
      sum += double(v) * double(v);
    return 10.0 * std::log10(sum / double(x.size()));
  };
  SECTION("B as loud as A") {
    const auto output = play(chain, {input}, 1, settings)[0];
    Signal half = input;
    for (float& x : half)
      x *= 0.5f;
    CHECK(rmsDb(output) == Approx(rmsDb(half)).margin(0.01));
  }
  SECTION("both at the same loudness") {
    settings.levels = ChainSettings::Levels::normalised;
    CHECK(rmsDb(play(chain, {input}, 1, settings)[0]) == Approx(SignalChain::kNormalisedDb).margin(0.01));
  }
  SECTION("as captured") {
    settings.levels = ChainSettings::Levels::asCaptured;
    CHECK(rmsDb(play(chain, {input}, 1, settings)[0]) == Approx(rmsDb(input) + 20.0 * std::log10(4.0)).margin(0.01));
  }
}

TEST_CASE("SignalChain: calibration brings the interface's level to the model's", "[chain]") {
  Json model = gainModel(1.0);
  model["metadata"] = {{"input_level_dbu", 18.0}};
  const Signal ones(2000, 1.0f);
  SignalChain chain;
  chain.setSlot(0, content(model));
  chain.prepare(kRate, 1, 1);
  ChainSettings settings;
  settings.calibrate = true;
  settings.interfaceLevelDbu = 12.0f; // full scale is 6 dB less than what the model takes as full scale
  CHECK(play(chain, {ones}, 1, settings)[0].back() == Approx(std::pow(10.0, -6.0 / 20.0)).epsilon(1e-6));
}

TEST_CASE("SignalChain: input modes", "[chain]") {
  const Channels input = {Signal(500, 0.25f), Signal(500, -0.75f)};
  SignalChain chain;
  chain.setSlot(0, content(gainModel(1.0)));
  chain.prepare(kRate, 2, 2);
  using Mode = ChainSettings::InputMode;
  for (const auto& [mode, expected] : {std::pair{Mode::left, 0.25f}, {Mode::right, -0.75f}, {Mode::sum, -0.25f}}) {
    ChainSettings settings;
    settings.inputMode = mode;
    chain.reset(settings);
    CHECK(play(chain, input, 2, settings) == Channels(2, Signal(500, expected)));
  }
}

TEST_CASE("SignalChain: a stereo cabinet makes two channels of one", "[chain]") {
  Signal impulse(4000, 0.0f);
  impulse[0] = 1.0f;
  SignalChain chain;
  chain.prepare(kRate, 1, 2);
  chain.setCabinet(std::make_unique<Convolver>(response(2), kRate));
  ChainSettings settings;
  settings.cabinetOn = true;
  const auto output = play(chain, {impulse}, 2, settings);
  const auto taps = response(2).channels;
  const double gain = double(output[0][0]) / double(taps[0][0]); // the level rule's
  double difference = 0.0;
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t t = 0; t < taps[c].size(); ++t)
      difference = std::max(difference, std::abs(double(output[c][t]) - gain * double(taps[c][t])));
  CHECK(difference < 1e-6 * std::abs(gain));
}

TEST_CASE("SignalChain: two responses are blended, one of them late or inverted", "[chain][cabinet]") {
  // Two deltas, which the level rule scales by the same gain: what comes out is known frame by frame.
  const auto delta = [] {
    ImpulseResponse result{{Signal(64, 0.0f)}, kRate};
    result.channels[0][0] = 1.0f;
    return std::make_unique<Convolver>(result, kRate);
  };
  Signal impulse(2000, 0.0f);
  impulse[100] = 1.0f;
  ChainSettings settings;
  settings.cabinetOn = true;
  settings.cabinetBlend = 0.25f;
  SignalChain chain;
  chain.prepare(kRate, 1, 1, settings);
  chain.setCabinet(delta());
  const Signal alone = play(chain, {impulse}, 1, settings)[0];
  const float one = alone[100];
  REQUIRE(one != 0.0f);

  chain.setCabinet(delta(), 1);
  for (const bool inverted : {false, true})
    for (const float delayMs : {0.0f, 2.5f, 10.0f}) {
      settings.cabinetInvert = inverted;
      settings.cabinetDelayMs = delayMs;
      chain.reset(settings);
      Signal expected(2000, 0.0f);
      expected[100] += 0.75f * one;
      expected[100 + std::size_t(std::lround(delayMs * 48.0f))] += (inverted ? -0.25f : 0.25f) * one;
      CHECK(greatestDifference(play(chain, {impulse}, 1, settings, {64, 1, 300})[0], expected) < 1e-6 * one);
    }
  chain.setCabinet(nullptr); // the second alone
  settings.cabinetInvert = false;
  settings.cabinetDelayMs = 0.0f;
  chain.reset(settings);
  CHECK(greatestDifference(play(chain, {impulse}, 1, settings)[0], alone) < 1e-6 * one);
  chain.setCabinet(delta());
  chain.setCabinet(nullptr, 1); // the first alone, to the bit
  chain.reset(settings);
  CHECK(play(chain, {impulse}, 1, settings)[0] == alone);
}

TEST_CASE("SignalChain: with two responses and cuts, blocks do not matter", "[chain][cabinet][property]") {
  const Channels input = {test::noise(6000, 1), test::noise(6000, 2)};
  const auto run = [&](std::size_t numInputs, const std::vector<int>& blockSizes) {
    SignalChain chain;
    auto settings = everything();
    chain.prepare(kRate, int(numInputs), 2, settings);
    chain.setCabinet(std::make_unique<Convolver>(response(1), kRate));
    chain.setCabinet(std::make_unique<Convolver>(response(2), kRate), 1);
    Channels output;
    for (int act = 0; act < 6; ++act) {
      settings.lowCutHz = act % 2 == 0 ? 120.0f : ChainSettings::kNoLowCutHz;
      settings.highCutHz = act == 2 ? 4000.0f : ChainSettings::kNoHighCutHz;
      settings.cabinetDelayMs = float(act);
      settings.cabinetInvert = act == 3;
      settings.reverb = act == 1 || act == 2 ? 0.2f : 0.0f;
      settings.doubler = act == 2 || act == 3 ? 0.3f * float(act) : 0.0f;
      settings.delay = act >= 3 ? 0.5f : 0.0f;
      settings.delayMs = act == 4 ? 25.0f : 40.0f;
      settings.delaySync = act == 5 ? ChainSettings::DelaySync::sixteenth : ChainSettings::DelaySync::off;
      settings.preToneOn = act % 3 == 1;
      settings.preTrebleDb = float(act);
      settings.cabinetOn = act != 4;
      const Channels used(input.begin(), input.begin() + std::ptrdiff_t(numInputs));
      for (const auto& channel : play(chain, used, 2, settings, blockSizes))
        output.push_back(channel);
    }
    return output;
  };
  for (const std::size_t numInputs : {1u, 2u}) {
    const auto whole = run(numInputs, {6000});
    CHECK(run(numInputs, {1}) == whole);
    CHECK(run(numInputs, {17, 1, 300, 1024, 2}) == whole);
  }
}

TEST_CASE("SignalChain: a reverb is added to the sound, and makes two channels of one", "[chain][reverb]") {
  const Signal input = test::noise(6000, 1, 0.4f);
  ChainSettings settings;
  settings.reverb = 0.3f;
  settings.reverbDecay = 2.0f;
  SignalChain chain;
  chain.prepare(kRate, 1, 2, settings);
  const auto output = play(chain, {input}, 2, settings, {64, 1, 300});
  Reverb reverb;
  reverb.prepare(kRate);
  reverb.setDecay(2.0);
  reverb.reset();
  Channels room(2, Signal(6000));
  const float* const in[2] = {input.data(), input.data()};
  float* const out[2] = {room[0].data(), room[1].data()};
  reverb.process(in, out, 6000);
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t t = 0; t < input.size(); ++t)
      REQUIRE(output[c][t] == input[t] + 0.3f * room[c][t]);
  CHECK(output[0] != output[1]);
  settings.reverb = 0.0f;
  chain.reset(settings);
  CHECK(play(chain, {input}, 2, settings) == Channels(2, input));
}

TEST_CASE("SignalChain: echoes are added to the sound, at the time of a note if that is asked for", "[chain][delay]") {
  const Signal input = test::noise(30000, 1, 0.4f);
  ChainSettings settings;
  settings.delay = 0.5f;
  settings.delayMs = 125.0f;
  settings.delayFeedback = 0.6f;
  SignalChain chain;
  chain.prepare(kRate, 1, 2, settings);
  const auto output = play(chain, {input}, 2, settings, {64, 1, 300});
  FeedbackDelay delay;
  delay.prepare(kRate, 1);
  delay.setTime(125.0);
  delay.setFeedback(0.6f);
  delay.reset();
  Signal echoes(input.size());
  const float* const in[1] = {input.data()};
  float* const out[1] = {echoes.data()};
  delay.process(in, out, 1, int(input.size()));
  for (std::size_t t = 0; t < input.size(); ++t)
    REQUIRE(output[0][t] == input[t] + 0.5f * echoes[t]);
  CHECK(output[1] == output[0]);

  settings.delayMs = 1000.0f;
  settings.delaySync = ChainSettings::DelaySync::dottedEighth; // of 360 quarter notes a minute: 125 ms
  settings.tempoBpm = 360.0f;
  chain.reset(settings);
  CHECK(play(chain, {input}, 2, settings) == output);
  settings.delay = 0.0f;
  chain.reset(settings);
  CHECK(play(chain, {input}, 2, settings) == Channels(2, input));
}

TEST_CASE("SignalChain: echoes of two sides go on when the sound has one again", "[chain][delay]") {
  const auto tone = sine(24000, 220.0, 0.3);
  ChainSettings settings;
  settings.doubler = 1.0f;
  settings.delay = 1.0f;
  settings.delayMs = 400.0f;
  SignalChain chain;
  chain.prepare(kRate, 1, 2, settings);
  play(chain, {tone}, 2, settings);
  settings.doubler = 0.0f;
  const auto output = play(chain, {Signal(24000, 0.0f)}, 2, settings);
  // The sound ends, and the doubler with it; what is left is echoes, of which each side keeps its own. Past the ends of
  // fade and doubler nothing is steeper than the tone was.
  float steepest = 0.0f;
  for (std::size_t t = 1700; t < 12000; ++t)
    steepest = std::max(steepest, std::abs(output[1][t] - output[1][t - 1]));
  CHECK(steepest < 1.1f * float(0.3 * 2.0 * 3.14159 * 220.0 / kRate));
  float apart = 0.0f;
  for (std::size_t t = 1700; t < 12000; ++t)
    apart = std::max(apart, std::abs(output[0][t] - output[1][t]));
  CHECK(apart > 0.1f);
}

TEST_CASE("SignalChain: the doubler leaves the left side as it is, and is nothing in mono", "[chain][doubler]") {
  const Signal input = test::noise(9000, 1, 0.4f);
  ChainSettings settings;
  settings.doubler = 0.5f;
  SignalChain chain;
  chain.prepare(kRate, 1, 2, settings);
  const auto output = play(chain, {input}, 2, settings);
  CHECK(output[0] == input);
  CHECK(output[1] != input);
  CHECK(std::all_of(output[1].begin(), output[1].begin() + 384, [](float x) { return x == 0.0f; })); // 8 ms
  chain.prepare(kRate, 1, 1, settings);
  CHECK(play(chain, {input}, 1, settings)[0] == input);
}

TEST_CASE("SignalChain: the pre-EQ stands before the captures", "[chain]") {
  const Signal input = test::noise(6000, 1, 0.4f);
  ChainSettings settings;
  settings.preToneOn = true;
  settings.preBassDb = -9.0f;
  settings.preTrebleDb = 6.0f;
  SignalChain chain;
  const auto json = recurrentModel();
  chain.setSlot(0, content(json));
  chain.prepare(kRate, 1, 1, settings);
  const auto output = play(chain, {input}, 1, settings)[0];
  ToneStack tone;
  tone.prepare(kRate, 1);
  tone.set(-9.0f, 0.0f, 6.0f);
  tone.reset();
  Signal shaped = input;
  float* const channels[1] = {shaped.data()};
  tone.process(channels, 1, int(shaped.size()));
  settings.preToneOn = false;
  chain.reset(settings);
  CHECK(play(chain, {shaped}, 1, settings)[0] == output);
}

TEST_CASE("SignalChain: NaN and infinity are silence and a fault, and the sound comes back", "[chain][realtime]") {
  const auto json = recurrentModel();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Signal input = test::noise(20000, 1);
    input[5000] = bad;
    SignalChain chain;
    chain.setSlot(0, content(json));
    chain.prepare(kRate, 1, 1);
    chain.setCabinet(std::make_unique<Convolver>(response(1), kRate));
    auto settings = everything();
    settings.blend = 0.0f;
    const auto output = play(chain, {input}, 1, settings)[0];
    CHECK(std::all_of(output.begin(), output.end(), [](float x) { return std::isfinite(x); }));
    CHECK(chain.numFaults() == 1);

    Signal healthy = test::noise(20000, 1);
    const auto start = 5000 / 64 * 64;
    std::fill_n(healthy.begin() + start, 64, 0.0f);
    chain.reset(settings);
    CHECK(play(chain, {healthy}, 1, settings)[0] == output); // as if that block had been silent
  }
}

TEST_CASE("SignalChain: what overflows on the way is silenced too", "[chain][realtime]") {
  SignalChain chain;
  chain.setSlot(0, content(gainModel(1e30)));
  chain.prepare(kRate, 1, 1);
  ChainSettings settings;
  settings.levels = ChainSettings::Levels::asCaptured;
  settings.toneOn = true;
  Signal input(4000, 0.0f);
  std::fill_n(input.begin() + 1000, 10, 1e20f);
  const auto output = play(chain, {input}, 1, settings)[0];
  CHECK(std::all_of(output.begin(), output.end(), [](float x) { return std::isfinite(x); }));
  CHECK(chain.numFaults() > 0);
  CHECK(greatestDifference(output, Signal(4000, 0.0f), 2000) == 0.0);
}

TEST_CASE("SignalChain: the tuner mutes, and hears the input", "[chain]") {
  const auto tone = sine(8000, 110.0, 0.5);
  SignalChain chain;
  chain.setSlot(0, content(gainModel(1.0)));
  chain.prepare(kRate, 1, 1);
  ChainSettings settings;
  play(chain, {tone}, 1, settings);
  settings.mute = true;
  const auto output = play(chain, {tone}, 1, settings)[0];
  CHECK(greatestDifference(output, Signal(8000, 0.0f), 960) == 0.0);
  Signal heard(1000);
  REQUIRE(chain.tunerRing().read(heard));
  CHECK(heard == Signal(tone.end() - 1000, tone.end()));
}

TEST_CASE("SignalChain: reset() is a fresh start, with what was loaded", "[chain][property]") {
  const Channels input = {test::noise(4000, 1), test::noise(4000, 2)};
  SignalChain chain;
  chain.setSlot(0, content(recurrentModel(44100.0)));
  chain.prepare(kRate, 2, 2);
  chain.setCabinet(std::make_unique<Convolver>(response(1), kRate));
  const auto settings = everything();
  const auto first = play(chain, input, 2, settings);
  chain.reset(settings);
  CHECK(play(chain, input, 2, settings) == first);
}

TEST_CASE("SignalChain: process and reset do not allocate, whatever comes in", "[chain][realtime]") {
  Channels signal = {test::noise(512, 1), test::noise(512, 2)};
  SignalChain chain;
  chain.setSlot(0, content(recurrentModel(44100.0)));
  chain.prepare(kRate, 2, 2);
  auto settings = everything();
  const float* const in[2] = {signal[0].data(), signal[1].data()};
  float* const out[2] = {signal[0].data(), signal[1].data()};
  int allocations = 0;
  for (int round = 0; round < 30; ++round) {
    chain.setSlot(round % 3,
                  round % 5 == 4 ? nullptr : content(recurrentModel(round % 3 ? kRate : 44100.0, unsigned(round))));
    chain.setCabinet(round % 4 == 3 ? nullptr : std::make_unique<Convolver>(response(1 + round % 2), kRate));
    chain.setCabinet(round % 3 == 2 ? nullptr : std::make_unique<Convolver>(response(1 + round % 2), kRate), 1);
    settings.cabinetDelayMs = float(round % 4);
    settings.lowCutHz = round % 2 == 0 ? 80.0f : ChainSettings::kNoLowCutHz;
    settings.reverb = round % 4 < 2 ? 0.2f : 0.0f;
    settings.doubler = round % 5 < 3 ? 0.5f : 0.0f;
    settings.delay = round % 3 < 2 ? 0.4f : 0.0f;
    settings.preToneOn = round % 2 == 1;
    settings.blend = float(round % 3) * 0.5f;
    settings.cabinetOn = round % 6 < 4;
    settings.bypass = round % 7 == 6;
    settings.mute = round % 8 == 7;
    settings.inputMode = ChainSettings::InputMode(round % 4);
    const test::AllocationCount count;
    for (int block = 0; block < 3; ++block)
      chain.process(in, out, 512, settings);
    if (round % 10 == 9)
      chain.reset(settings);
    allocations += count.value();
  }
  CHECK(allocations == 0);
}

TEST_CASE("SignalChain: before prepare() and with empty blocks nothing happens", "[chain]") {
  Signal signal(64, 1.0f);
  const float* const in[1] = {signal.data()};
  float* const out[1] = {signal.data()};
  SignalChain chain;
  chain.process(in, out, 64, {});
  CHECK(signal == Signal(64, 1.0f));
  chain.prepare(kRate, 1, 1);
  chain.process(in, out, 0, {});
}

TEST_CASE("SignalChain: a model begins at rest, without a click, whenever it comes in", "[chain]") {
  const Json model = recurrentModel();
  const float atRest = reference(model, Signal(48000, 0.0f)).back();
  const Channels silence{Signal(4800, 0.0f)};
  for (const double hostRate : {48000.0, 44100.0}) {
    SignalChain chain;
    chain.setSlot(0, content(model));
    chain.prepare(hostRate, 1, 1);
    const auto deviation = [&](std::size_t from) {
      return greatestDifference(play(chain, silence, 1, {})[0], Signal(4800, atRest), from);
    };
    REQUIRE(deviation(0) < 1e-4);
    play(chain, {test::noise(1000, 5)}, 1, {});
    chain.reset({});
    REQUIRE(deviation(0) < 1e-4);
    chain.setSlot(0, content(model)); // another one comes in over 20 ms
    deviation(0);
    REQUIRE(deviation(0) < 1e-4);
  }
}

TEST_CASE("SignalChain: a knob moves in small steps, and blocks leave no trace in them", "[chain]") {
  // y = position: a network that passes its knob on.
  Json model = test::makeModel(2, {{"dense", 1}}, 1);
  model["layers"][0]["weights"] = {{{0.0f}, {1.0f}}, {0.0f}};
  model["samplerate"] = kRate;
  model["metadata"] = {{"loudness_db", -20.0}};
  ChainSettings before, after;
  before.knobs[0][0] = 0.25f;
  after.knobs[0][0] = 0.75f;
  const Channels silence{Signal(2000, 0.0f)};
  Signal expected;
  for (const std::vector<int>& blocks : {std::vector<int>{64}, {1}, {7, 250, 13}, {2000}}) {
    SignalChain chain;
    chain.setSlot(0, content(model));
    chain.prepare(kRate, 1, 1);
    const Signal still = play(chain, silence, 1, before, blocks)[0];
    REQUIRE(greatestDifference(still, Signal(2000, 0.25f)) < 1e-6);
    const Signal moved = play(chain, silence, 1, after, blocks)[0];
    REQUIRE(moved.front() == Approx(0.25f).margin(1e-6));
    REQUIRE(moved.back() == Approx(0.75f).margin(1e-6));
    REQUIRE(moved[970] == Approx(0.75f).margin(1e-6)); // 20 ms are 960 frames
    for (std::size_t t = 1; t < moved.size(); ++t)
      REQUIRE(std::abs(moved[t] - moved[t - 1]) <= 0.5f * float(SignalChain::kKnobFrames) / 960.0f + 1e-6f);
    if (expected.empty())
      expected = moved;
    REQUIRE(moved == expected);
  }
}

namespace {

std::unique_ptr<SlotContent> lateContent(int latency, float gain, double rate = kRate) {
  return std::make_unique<SlotContent>(Model(test::lateInfo(rate), std::make_unique<test::LateNetwork>(latency, gain)));
}

} // namespace

TEST_CASE("SignalChain: a late network is mixed with the input as late", "[chain][property]") {
  const Channels input = {test::noise(6000, 1), test::noise(6000, 2)};
  for (const int latency : {1, 300, 2048}) {
    SignalChain chain;
    chain.prepare(kRate, 2, 2);
    chain.setSlot(0, lateContent(latency, -1.0f));
    REQUIRE(chain.latencyFrames() == latency);
    ChainSettings settings;
    CHECK(play(chain, input, 2, settings)[1] != input[1]);
    settings.mix = 0.5f;
    chain.prepare(kRate, 2, 2, settings);
    REQUIRE(chain.latencyFrames() == latency);
    for (const Signal& channel : play(chain, input, 2, settings, {64, 1, 333}))
      REQUIRE(channel == Signal(6000, 0.0f)); // x / 2 - x / 2
    for (const bool bypass : {true, false}) {
      settings.bypass = bypass;
      settings.mix = bypass ? 0.5f : 0.0f;
      chain.prepare(kRate, 2, 2, settings);
      const Channels dry = play(chain, input, 2, settings, {100});
      for (std::size_t c = 0; c < 2; ++c)
        REQUIRE(dry[c] == late(input[c], latency));
    }
  }
}

TEST_CASE("SignalChain: a late network in one slot delays the other slot as much", "[chain][property]") {
  const Channels input = {test::noise(6000, 3)};
  ChainSettings settings;
  settings.blend = 0.5f;
  const int latencies[][2] = {{700, 0}, {0, 700}, {700, 30}, {64, 64}};
  for (const auto& [a, b] : latencies) {
    SignalChain chain;
    chain.prepare(kRate, 1, 1, settings);
    chain.setSlot(0, lateContent(a, 1.0f));
    chain.setSlot(1, lateContent(b, -1.0f));
    REQUIRE(chain.latencyFrames() == std::max(a, b));
    REQUIRE(play(chain, input, 1, settings)[0] == Signal(6000, 0.0f));
  }
}

TEST_CASE("SignalChain: a late network at another rate is in step with the input", "[chain][property]") {
  SignalChain chain;
  ChainSettings settings;
  settings.mix = 0.5f;
  chain.prepare(kRate, 1, 1, settings);
  chain.setSlot(0, lateContent(512, -1.0f, 44100.0));
  const Signal output = play(chain, {sine(9600, 1000.0, 0.5)}, 1, settings)[0];
  REQUIRE(chain.latencyFrames() > 512);
  for (std::size_t t = 4800; t < output.size(); ++t)
    REQUIRE(std::abs(output[t]) < 2e-4f);
}

TEST_CASE("SignalChain: a network later than the chain can wait for is told as late as the chain is", "[chain]") {
  const Signal input = test::noise(20'000, 4);
  SignalChain chain;
  chain.setSlot(0, lateContent(SignalChain::kMaxLatency + 800, 1.0f));
  ChainSettings settings;
  chain.prepare(kRate, 1, 1, settings);
  REQUIRE(chain.latencyFrames() == SignalChain::kMaxLatency);
  REQUIRE(play(chain, {input}, 1, settings)[0] == late(input, SignalChain::kMaxLatency + 800));
  settings.mix = 0.0f;
  chain.prepare(kRate, 1, 1, settings);
  REQUIRE(play(chain, {input}, 1, settings)[0] == late(input, SignalChain::kMaxLatency));
}

TEST_CASE("SignalChain: a pedal plays into the amplifier, in series, bit for bit", "[chain][pedal][golden]") {
  const auto pedal = recurrentModel(kRate, 5), amp = recurrentModel(kRate, 3);
  const Signal input = test::noise(8000, 1, 0.4f);
  ChainSettings settings;
  settings.pedalLevelDb[0] = -4.0f;
  Signal between = reference(pedal, input);
  for (float& sample : between)
    sample *= std::pow(10.0f, -4.0f / 20.0f);
  SignalChain chain;
  chain.setSlot(0, content(amp));
  chain.setSlot(ChainSettings::pedalSlot(0), content(pedal));
  chain.prepare(kRate, 1, 1, settings);
  CHECK(greatestDifference(play(chain, {input}, 1, settings, {64, 1, 300})[0], reference(amp, between)) == 0.0);
  CHECK(chain.latencyFrames() == 0);
  SECTION("off, it is not there") {
    settings.pedalOn[0] = false;
    chain.reset(settings);
    CHECK(greatestDifference(play(chain, {input}, 1, settings)[0], reference(amp, input)) == 0.0);
  }
  SECTION("empty, it is not there, whatever its level") {
    chain.setSlot(ChainSettings::pedalSlot(0), nullptr);
    chain.reset(settings);
    CHECK(greatestDifference(play(chain, {input}, 1, settings)[0], reference(amp, input)) == 0.0);
  }
}

TEST_CASE("SignalChain: a pedal and an amplifier add their latencies, whether the pedal is on or off",
          "[chain][pedal][property]") {
  const Channels input = {test::noise(6000, 1), test::noise(6000, 2)};
  for (const bool on : {true, false}) {
    ChainSettings settings;
    settings.pedalOn[0] = on;
    SignalChain chain;
    chain.prepare(kRate, 2, 2, settings);
    chain.setSlot(ChainSettings::pedalSlot(0), lateContent(300, on ? 1.0f : 5.0f));
    chain.setSlot(0, lateContent(64, 1.0f));
    chain.setSlot(1, lateContent(7, 1.0f));
    REQUIRE(chain.latencyFrames() == 364);
    const auto output = play(chain, input, 2, settings, {64, 1, 333});
    for (std::size_t c = 0; c < 2; ++c)
      REQUIRE(output[c] == late(input[c], 364));
    settings.mix = 0.0f;
    chain.reset(settings);
    REQUIRE(play(chain, input, 2, settings)[0] == late(input[0], 364));
  }
}

TEST_CASE("SignalChain: a late pedal is switched and taken out without a gap", "[chain][pedal][property]") {
  // Everything passes the sound on: whatever is done, a constant stays a constant.
  const Signal ones(4000, 1.0f);
  ChainSettings settings;
  SignalChain chain;
  chain.setSlot(ChainSettings::pedalSlot(0), lateContent(500, 1.0f));
  chain.prepare(kRate, 1, 1, settings);
  play(chain, {ones}, 1, settings);
  const auto deviation = [&] { return deviationFromOne(chain, settings); };
  for (const bool on : {false, true, false, true}) {
    settings.pedalOn[0] = on;
    CHECK(deviation() < 1e-6);
  }
  chain.setSlot(ChainSettings::pedalSlot(0), nullptr);
  CHECK(deviation() < 1e-6);
  CHECK(chain.latencyFrames() == 0);
  settings.pedalOn[0] = false;
  CHECK(deviation() < 1e-6);
  chain.collect();
}

TEST_CASE("SignalChain: with a pedal, blocks do not matter", "[chain][pedal][property]") {
  const Channels input = {test::noise(6000, 1), test::noise(6000, 2)};
  const auto run = [&](const std::vector<int>& blockSizes) {
    SignalChain chain;
    chain.setSlot(0, content(recurrentModel(kRate, 9)));
    chain.setSlot(ChainSettings::pedalSlot(0), content(recurrentModel(44100.0)));
    chain.setSlot(ChainSettings::pedalSlot(0, 1), content(recurrentModel(kRate, 4)));
    chain.setSlot(ChainSettings::pedalSlot(1, 1), content(recurrentModel(kRate, 2)));
    auto settings = everything();
    chain.prepare(kRate, 2, 2, settings);
    Channels output;
    for (const bool on : {true, false, true}) {
      settings.pedalOn[0] = on;
      settings.pedalLevelDb[0] += 3.0f;
      settings.pedalBlend[0] = on ? 0.0f : 1.0f;
      settings.pedalBlend[1] = on ? 1.0f : 0.0f;
      for (const auto& channel : play(chain, input, 2, settings, blockSizes))
        output.push_back(channel);
    }
    return output;
  };
  const auto whole = run({6000});
  CHECK(run({1}) == whole);
  CHECK(run({64}) == whole);
  CHECK(run({17, 1, 300, 1024, 2}) == whole);
}

TEST_CASE("SignalChain: two pedals play into the amplifier, in series, bit for bit", "[chain][pedal][golden]") {
  const auto first = recurrentModel(kRate, 5), second = recurrentModel(kRate, 6), amp = recurrentModel(kRate, 3);
  const Signal input = test::noise(8000, 1, 0.4f);
  SignalChain chain;
  chain.setSlot(0, content(amp));
  chain.setSlot(ChainSettings::pedalSlot(0), content(first));
  chain.setSlot(ChainSettings::pedalSlot(1, 1), content(second)); // as its B
  ChainSettings settings;
  settings.pedalBlend[1] = 1.0f;
  settings.pedalLevelDb = {0.0f, 9.0f, 9.0f, -3.0f}; // those of empty slots count for nothing
  chain.prepare(kRate, 1, 1, settings);
  Signal between = reference(second, reference(first, input));
  for (float& sample : between)
    sample *= std::pow(10.0f, -3.0f / 20.0f);
  const std::vector<int> blocks{64, 1, 300};
  CHECK(play(chain, {input}, 1, settings, blocks)[0] == reference(amp, between));
  settings.pedalOn[0] = false;
  chain.reset(settings);
  between = reference(second, input);
  for (float& sample : between)
    sample *= std::pow(10.0f, -3.0f / 20.0f);
  CHECK(play(chain, {input}, 1, settings, blocks)[0] == reference(amp, between));
  settings.pedalBlend[1] = 0.0f; // its A is empty: the sound passes through
  chain.reset(settings);
  CHECK(play(chain, {input}, 1, settings, blocks)[0] == reference(amp, input));
}

TEST_CASE("SignalChain: a model in the STFT domain and a recurrent one are compared without a gap", "[chain][stft]") {
  // Both pass their input on, one of them three hops late.
  SignalChain chain;
  chain.setSlot(0, content(gainModel(1.0)));
  chain.setSlot(1, content(test::makeEmptyStftMask({1024, 128})));
  ChainSettings settings;
  settings.levels = ChainSettings::Levels::asCaptured;
  chain.prepare(kRate, 1, 1, settings);
  REQUIRE(chain.latencyFrames() == 384);
  const auto tone = sine(30000, 330.0, 0.5);
  Signal output;
  for (std::size_t start = 0; start < tone.size(); start += 5000) {
    settings.blend = (start / 5000) % 2 == 0 ? 0.0f : 1.0f;
    const Signal part(tone.begin() + std::ptrdiff_t(start), tone.begin() + std::ptrdiff_t(start + 5000));
    const auto played = play(chain, {part}, 1, settings, {64, 100})[0];
    output.insert(output.end(), played.begin(), played.end());
  }
  CHECK(greatestDifference(output, late(tone, 384)) < 1e-5);
}

TEST_CASE("SignalChain: a pedal's captures are exchanged without a gap, whatever their latencies",
          "[chain][pedal][property]") {
  const Signal ones(4000, 1.0f);
  ChainSettings settings;
  SignalChain chain;
  chain.setSlot(ChainSettings::pedalSlot(0), lateContent(300, 1.0f));
  chain.setSlot(ChainSettings::pedalSlot(0, 1), lateContent(40, 1.0f));
  chain.setSlot(ChainSettings::pedalSlot(1), lateContent(100, 1.0f));
  chain.prepare(kRate, 1, 1, settings);
  CHECK(chain.latencyFrames() == 400);
  play(chain, {ones}, 1, settings);
  const auto deviation = [&] { return deviationFromOne(chain, settings); };
  for (const float blend : {1.0f, 0.0f, 1.0f}) {
    settings.pedalBlend[0] = blend;
    CHECK(deviation() < 1e-6);
  }
  settings.pedalOn[0] = false;
  CHECK(deviation() < 1e-6);
  settings.pedalBlend[0] = 0.0f; // while nobody hears it
  CHECK(deviation() < 1e-6);
  settings.pedalOn[0] = true;
  CHECK(deviation() < 1e-6);
  const auto input = test::noise(6000, 1);
  chain.reset(settings);
  CHECK(play(chain, {input}, 1, settings)[0] == late(input, 400));
}

TEST_CASE("SignalChain: a capture that comes into an empty slot is calibrated without a step", "[chain][property]") {
  Json model = test::makeModel(1, {{"dense", 1}}, 1);
  model["layers"][0]["weights"] = {{{1.0f}}, {0.0f}};
  model["samplerate"] = kRate;
  model["metadata"] = {{"input_level_dbu", 0.0}}; // 12 dB up
  ChainSettings settings;
  settings.calibrate = true;
  settings.levels = ChainSettings::Levels::asCaptured;
  for (const int slot : {0, ChainSettings::pedalSlot(0)}) {
    SignalChain chain;
    chain.prepare(kRate, 1, 1, settings);
    const Signal ones(2000, 0.1f);
    play(chain, {ones}, 1, settings);
    chain.setSlot(slot, content(model), settings);
    const auto output = play(chain, {ones}, 1, settings)[0];
    for (std::size_t t = 1; t < output.size(); ++t)
      REQUIRE(std::abs(output[t] - output[t - 1]) < 0.002f);
    chain.collect();
  }
}

TEST_CASE("SignalChain: calibration feeds a pedal at its level and gives the interface's back", "[chain][pedal]") {
  const Signal ones(2000, 1.0f);
  ChainSettings settings;
  settings.calibrate = true;
  settings.interfaceLevelDbu = 12.0f;
  const auto levelDb = [&](const Json& metadata) {
    Json model = test::makeModel(1, {{"dense", 1}}, 1);
    model["layers"][0]["weights"] = {{{1.0f}}, {0.0f}};
    model["samplerate"] = kRate;
    model["metadata"] = metadata;
    SignalChain chain;
    chain.setSlot(ChainSettings::pedalSlot(0), content(model));
    chain.prepare(kRate, 1, 1, settings);
    return 20.0 * std::log10(double(play(chain, {ones}, 1, settings)[0].back()));
  };
  CHECK(levelDb({{"input_level_dbu", 18.0}}) == Approx(0.0).margin(1e-5)); // -6 dB before it, +6 dB behind it
  CHECK(levelDb({{"input_level_dbu", 18.0}, {"output_level_dbu", 15.0}}) == Approx(-3.0).margin(1e-5)); // -6 and +3
  CHECK(levelDb({{"loudness_db", -20.0}}) == Approx(0.0).margin(1e-5));
}

TEST_CASE("SignalChain: the loudness of a model that states none takes no longer than its size allows",
          "[chain][long]") {
  // A model of 600 units in a project stopped the host for 10 s.
  const Json json = test::makeModel(1, {{"lstm", 128}, {"dense", 1}}, 3);
  Model model = test::load(json);
  const double loudness = content(json)->loudnessDb.value();
  REQUIRE(loudness == measureLoudness(model, 4e9));
  REQUIRE(loudness != measureLoudness(model));
  // What cannot be played in real time is not measured at all.
  fxengine::ModelInfo large = test::lateInfo();
  large.numWeights = std::size_t{1} << 20;
  large.loudnessDb.reset();
  REQUIRE_FALSE(SlotContent(Model(large, std::make_unique<test::LateNetwork>(0, 1.0f))).loudnessDb);
}
