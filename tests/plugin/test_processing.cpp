// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"
#include "support/test_models.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace fxtrain;

namespace {

/** Everything that there is: two models and a pedal, two of another rate, gate, tone and cabinet. */
void fill(test::Instance& instance) {
  instance.load(0, test::model(1));
  instance.load(1, test::model(2, 44100.0));
  instance.load(Rig::pedalSlot(0), test::model(3, 44100.0));
  instance.load(test::cabinet(1));
  for (const auto* id : {id::gateOn, id::toneOn, id::cabinetOn})
    instance.set(id, 1.0f);
  instance.set(id::slot, 2.0f);
  instance.set(id::bass, 4.0f);
  instance.set(id::preOn, 1.0f);
  instance.set(id::preTreble, 3.0f);
  instance.set(id::delay, 30.0f);
  instance.set(id::delayTime, 60.0f);
  instance.set(id::mix, 80.0f);
}

/** A song at one tempo. */
struct Song : juce::AudioPlayHead {
  explicit Song(double bpm) : tempo(bpm) {}
  juce::Optional<PositionInfo> getPosition() const override {
    PositionInfo info;
    info.setBpm(tempo);
    return info;
  }
  double tempo;
};

std::vector<float> delayed(const std::vector<float>& signal, int frames) {
  std::vector<float> late(signal.size(), 0.0f);
  std::copy(signal.begin(), signal.end() - frames, late.begin() + frames);
  return late;
}

bool isFinite(const std::vector<float>& signal) {
  return std::all_of(signal.begin(), signal.end(), [](float sample) { return std::isfinite(sample); });
}

} // namespace

TEST_CASE("Processing: the division into blocks does not change a sample", "[processing][property]") {
  const auto signal = test::noise(40000, 1, 0.3f);
  test::Instance reference;
  fill(reference);
  reference.set(id::doubler, 40.0f);
  reference.prepare({});
  const auto expected = reference.play(signal, {512});
  CHECK(test::peak(expected) > 0.01f);
  // 8192 and 40000 are longer than what is prepared.
  for (const std::vector<int>& sizes : std::vector<std::vector<int>>{
           {1}, {0, 7, 0}, {16}, {64}, {127, 1, 480, 0, 3}, {256}, {257}, {1024}, {8192}, {40000}}) {
    test::Instance instance;
    fill(instance);
    instance.set(id::doubler, 40.0f);
    instance.prepare({});
    INFO("blocks from " << sizes.front());
    CHECK(test::difference(instance.play(signal, sizes), expected) == 0.0f);
  }
}

TEST_CASE("Processing: echoes follow the host's tempo", "[processing]") {
  const auto signal = test::noise(40000, 1, 0.3f);
  const auto play = [&](bool synced, double bpm, float ms) {
    test::Instance instance;
    instance.set(id::delay, 50.0f);
    instance.set(id::delayTime, ms);
    instance.set(id::delaySync, synced ? 3.0f : 0.0f); // an eighth
    instance.prepare({});
    Song song(bpm);
    instance.plugin.setPlayHead(&song);
    auto output = instance.play(signal, {512});
    instance.plugin.setPlayHead(nullptr);
    return output;
  };
  const auto quarterSecond = play(false, 90.0, 250.0f);
  CHECK(test::difference(play(true, 120.0, 999.0f), quarterSecond) == 0.0f);
  CHECK(test::difference(play(true, 60.0, 999.0f), play(false, 60.0, 500.0f)) == 0.0f);
  CHECK(test::difference(play(true, 60.0, 999.0f), quarterSecond) > 0.01f);
}

TEST_CASE("Processing: the tail lasts as long as echoes and room", "[processing]") {
  test::Instance instance;
  const double alone = instance.plugin.getTailLengthSeconds();
  instance.set(id::delay, 50.0f);
  instance.set(id::delayTime, 500.0f);
  instance.set(id::delayFeedback, 50.0f); // 6 dB an echo: ten and the first
  CHECK(instance.plugin.getTailLengthSeconds() - alone == Approx(5.5));
  instance.set(id::reverb, 10.0f);
  instance.set(id::reverbDecay, 2.0f);
  CHECK(instance.plugin.getTailLengthSeconds() - alone == Approx(7.5));
}

TEST_CASE("Processing: mono, mono to stereo and stereo are accepted, nothing else", "[processing]") {
  PluginProcessor plugin;
  using Set = juce::AudioChannelSet;
  const std::vector<Set> sets = {
      Set::disabled(),         Set::mono(),          Set::stereo(),     Set::createLCR(),
      Set::quadraphonic(),     Set::create5point1(), Set::ambisonic(1), Set::discreteChannels(1),
      Set::discreteChannels(2)};
  for (const auto& in : sets) {
    for (const auto& out : sets) {
      const bool expected = (in == Set::mono() && out == Set::mono()) || (in == Set::mono() && out == Set::stereo()) ||
                            (in == Set::stereo() && out == Set::stereo());
      INFO(in.getDescription() << " to " << out.getDescription());
      CHECK(plugin.checkBusesLayoutSupported({{in}, {out}}) == expected);
    }
  }
}

TEST_CASE("Processing: the two channels of a stereo input are played alone", "[processing]") {
  const auto left = test::noise(20000, 1, 0.3f), right = test::noise(20000, 2, 0.3f);
  test::Instance stereo;
  fill(stereo);
  stereo.set(id::gateOn, 0.0f); // which hears both
  stereo.prepare({});
  const auto both = stereo.play(test::Audio{left, right});
  for (int channel = 0; channel < 2; ++channel) {
    test::Instance mono({48000.0, 512, 1, 1});
    fill(mono);
    mono.set(id::gateOn, 0.0f);
    mono.prepare({48000.0, 512, 1, 1});
    CHECK(test::difference(mono.play(channel == 0 ? left : right), both[std::size_t(channel)]) <= 1e-6f);
  }
}

TEST_CASE("Processing: mono to stereo gives the mono sound twice", "[processing]") {
  const auto signal = test::noise(20000, 1, 0.3f);
  test::Instance mono({48000.0, 512, 1, 1}), wide({48000.0, 512, 1, 2});
  for (auto* instance : {&mono, &wide})
    fill(*instance);
  mono.prepare({48000.0, 512, 1, 1});
  wide.prepare({48000.0, 512, 1, 2});
  const auto output = wide.play(test::Audio{signal});
  CHECK(output[0] == output[1]);
  CHECK(test::difference(output[0], mono.play(signal)) <= 1e-6f);
}

TEST_CASE("Processing: bypassed, it gives the input as late as it reports", "[processing]") {
  const auto signal = test::noise(20000, 3, 0.5f);
  for (const double rate : {44100.0, 48000.0, 88200.0, 96000.0, 192000.0}) {
    for (const float oversampling : {0.0f, 2.0f}) {
      test::Instance instance;
      fill(instance);
      instance.set(id::oversamplingLive, oversampling);
      test::deliverMessages(50); // for the courier, who may have looked just before
      instance.set(id::bypass, 1.0f);
      instance.prepare({rate, 512, 2, 2});
      const int latency = instance.plugin.getLatencySamples();
      INFO(rate << " Hz, oversampling " << oversampling << ", latency " << latency);
      CHECK(latency > 0);
      CHECK(test::difference(instance.play(signal), delayed(signal, latency)) == 0.0f);
      // The same when it is the host that bypasses.
      instance.set(id::bypass, 0.0f);
      instance.prepare({rate, 512, 2, 2});
      juce::AudioBuffer<float> buffer(2, int(signal.size()));
      juce::MidiBuffer midi;
      for (int c = 0; c < 2; ++c)
        buffer.copyFrom(c, 0, signal.data(), int(signal.size()));
      instance.plugin.processBlockBypassed(buffer, midi);
      const std::vector<float> output(buffer.getReadPointer(1), buffer.getReadPointer(1) + signal.size());
      const auto settled = std::size_t(0.05 * rate); // the fade into it
      const auto late = delayed(signal, latency);
      for (std::size_t frame = settled; frame < signal.size(); ++frame)
        REQUIRE(output[frame] == late[frame]);
    }
  }
}

TEST_CASE("Processing: at the models' own rate nothing is late", "[processing]") {
  test::Instance instance;
  instance.load(0, test::model(1));
  CHECK(instance.plugin.getLatencySamples() == 0);
  instance.prepare({44100.0, 512, 2, 2});
  CHECK(instance.plugin.getLatencySamples() > 0);
  CHECK(instance.plugin.getLatencySamples() <= 44); // 1 ms
}

TEST_CASE("Processing: a mix of none is the input as late as is reported", "[processing]") {
  const auto signal = test::noise(20000, 3, 0.5f);
  test::Instance instance;
  instance.load(0, test::model(1, 44100.0));
  instance.set(id::mix, 0.0f);
  instance.prepare({});
  CHECK(test::difference(instance.play(signal), delayed(signal, instance.plugin.getLatencySamples())) == 0.0f);
}

TEST_CASE("Processing: offline is as live", "[processing][property]") {
  const auto signal = test::noise(20000, 4, 0.3f);
  test::Instance live, offline;
  for (auto* instance : {&live, &offline})
    fill(*instance);
  offline.plugin.setNonRealtime(true);
  live.prepare({});
  offline.prepare({});
  CHECK(test::difference(live.play(signal), offline.play(signal)) == 0.0f);
}

TEST_CASE("Processing: offline rendering has an oversampling of its own", "[processing]") {
  test::Instance instance;
  instance.load(0, test::model(1));
  instance.set(id::oversamplingOffline, 3.0f);
  instance.prepare({});
  CHECK(instance.plugin.getLatencySamples() == 0);
  instance.plugin.setNonRealtime(true);
  instance.prepare({});
  CHECK(instance.plugin.getLatencySamples() > 0);
}

TEST_CASE("Processing: a bounce that begins without preparing is oversampled from its first frame on", "[processing]") {
  const auto signal = test::noise(8000, 6, 0.3f);
  const auto bounce = [&](bool prepares) {
    test::Instance instance;
    instance.load(0, test::model(1));
    instance.set(id::oversamplingOffline, 2.0f);
    instance.prepare({});
    instance.plugin.setNonRealtime(true);
    if (prepares)
      instance.prepare({});
    CHECK(instance.plugin.getLatencySamples() > 0);
    return instance.play(signal);
  };
  CHECK(test::difference(bounce(false), bounce(true)) == 0.0f);
}

TEST_CASE("Processing: the tuner does not silence a bounce", "[processing]") {
  const auto signal = test::noise(4000, 7, 0.3f);
  test::Instance instance, witness;
  for (auto* each : {&instance, &witness}) {
    fill(*each);
    each->plugin.setNonRealtime(true);
    each->prepare({});
  }
  instance.set(id::tuner, 1.0f);
  CHECK(test::difference(instance.play(signal), witness.play(signal)) == 0.0f);
}

TEST_CASE("Processing: prepared again it plays as for the first time", "[processing][property]") {
  const auto signal = test::noise(10000, 5, 0.3f);
  test::Instance instance;
  fill(instance);
  instance.prepare({});
  const auto first = instance.play(signal);
  for (const double rate : {192000.0, 44100.0, 22050.0, 48000.0}) {
    instance.prepare({rate, 64, 2, 2});
    CHECK(isFinite(instance.play(signal)));
  }
  instance.prepare({});
  CHECK(test::difference(instance.play(signal), first) == 0.0f);
  instance.plugin.reset();
  CHECK(test::difference(instance.play(signal), first) == 0.0f);
}

TEST_CASE("Processing: NaN and infinity become silence, and the sound comes back", "[processing]") {
  for (const float poison : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity(), 3e38f}) {
    test::Instance instance, witness;
    fill(instance);
    instance.prepare({});
    fill(witness);
    witness.prepare({});
    auto signal = test::sine(220.0, 48000);
    const auto clean = signal;
    signal[10000] = poison;
    const auto faults = instance.plugin.rig().chain().numFaults();
    const auto output = instance.play(signal);
    INFO("poison " << poison);
    CHECK(isFinite(output));
    if (!std::isfinite(poison))
      CHECK(instance.plugin.rig().chain().numFaults() > faults);
    const std::vector<float> later(output.begin() + 40000, output.end());
    const auto sound = witness.play(clean);
    CHECK(test::difference(later, std::vector<float>(sound.begin() + 40000, sound.end())) < 0.02f * test::peak(sound));
  }
}

TEST_CASE("Processing: whatever is loaded while it plays, no step is beyond the signals' own", "[processing]") {
  // A low tone through either model has small steps; a click would be a large one.
  const auto signal = test::sine(80.0, 96000, 0.3f);
  float steps = 0.0f;
  for (const unsigned seed : {1u, 3u}) {
    test::Instance alone;
    alone.load(0, test::model(seed));
    alone.prepare({});
    auto output = alone.play(signal);
    output.erase(output.begin(), output.begin() + 4800); // its own beginning
    steps =
        std::max({steps, test::steepest(output), test::peak(output) / (0.02f * 48000.0f)}); // and that of a 20 ms fade
  }
  test::Instance instance;
  instance.load(0, test::model(1));
  instance.prepare({});
  // The input itself may be heard where a slot is empty. While two sounds are crossfaded, the step is that of both.
  const float most = 2.0f * std::max(steps, test::steepest(signal));
  float last = 0.0f;
  const std::vector<std::function<void()>> deeds = {[] {},
                                                    [&] { instance.load(0, test::model(3)); },
                                                    [&] { instance.load(1, test::model(1)); },
                                                    [&] { instance.set(id::slot, 1.0f); },
                                                    [&] { instance.set(id::slot, 2.0f); },
                                                    [&] { instance.load(0, test::model(1)); },
                                                    [&] { instance.load(0, nullptr); },
                                                    [&] { instance.set(id::slot, 1.0f); },
                                                    [&] { instance.set(id::bypass, 1.0f); },
                                                    [&] { instance.load(1, test::model(3)); },
                                                    [&] { instance.set(id::bypass, 0.0f); },
                                                    [&] { instance.set(id::toneOn, 1.0f); },
                                                    [&] { instance.set(id::tuner, 1.0f); },
                                                    [&] { instance.set(id::tuner, 0.0f); }};
  for (std::size_t n = 0; n < 5 * deeds.size(); ++n) {
    deeds[n % deeds.size()]();
    const auto start = signal.begin() + long(n % 20 * 4800); // whole periods
    const auto part = instance.play(std::vector<float>(start, start + 4800), {64});
    INFO("round " << n / deeds.size() << ", deed " << n % deeds.size());
    if (n > 0) {
      CHECK(std::abs(part.front() - last) <= most);
      CHECK(test::steepest(part) <= most);
    }
    last = part.back();
  }
}

TEST_CASE("Processing: a jump of any parameter makes no click", "[processing]") {
  // Above 2 kHz there is nothing in a low tone: what is there after a jump is a click's.
  const auto signal = test::sine(60.0, 24000, 0.2f);
  test::Instance instance;
  instance.prepare({});
  instance.play(signal);
  const std::vector<std::pair<const char*, float>> jumps = {
      {id::inputGain, 12.0f},      {id::outputGain, -24.0f}, {id::mix, 0.0f},       {id::bypass, 1.0f},
      {id::tuner, 1.0f},           {id::toneOn, 1.0f},       {id::treble, 12.0f},   {id::gateOn, 1.0f},
      {id::gateThreshold, -20.0f}, {id::inputMode, 3.0f},    {id::calibrate, 1.0f}, {id::levels, 2.0f}};
  for (const auto& [id, value] : jumps) {
    INFO(id);
    const float before = instance.get(id);
    for (const float to : {value, before}) {
      instance.set(id, to);
      const auto output = instance.play(signal);
      // +12 dB of gain is four times the slope; the steepest fade is full scale in 5 ms.
      CHECK(test::steepest(output) <= 4.0f * test::steepest(signal) + test::peak(output) / 240.0f);
    }
  }
}

TEST_CASE("Processing: a change of quality is a straight crossfade of 1024 frames", "[processing][property]") {
  constexpr int kFade = 1024; // after one frame that the next network, which looks back at one, listens to
  const std::vector<float> level(3000, 0.5f);
  for (const int slot : {0, 1})
    for (const int block : {1, 64, 500, 3000}) {
      test::Instance instance;
      instance.load(slot, test::twoSizes(0.25f, 1.0f));
      instance.set(id::slot, float(slot));
      instance.prepare({});
      instance.play(level, {block});
      instance.set(id::quality(slot), 49.0f);
      const auto output = instance.play(level, {block});
      for (int t = 0; t < int(output.size()); ++t) {
        const float share = std::clamp(float(t) / float(kFade), 0.0f, 1.0f);
        REQUIRE(output[std::size_t(t)] == Approx(0.5f - 0.375f * share).margin(1e-6));
      }
      instance.set(id::quality(slot), 50.0f);
      CHECK(instance.play(level, {block}).back() == Approx(0.5f).margin(1e-6));
    }
}

TEST_CASE("Processing: at any rate a change of quality makes no click and leaves the latency", "[processing]") {
  for (const double rate : {44100.0, 48000.0, 96000.0}) {
    test::Instance instance;
    instance.load(0, test::twoSizes(0.25f, 1.0f));
    instance.prepare({rate, 64, 2, 2});
    const int latency = instance.plugin.getLatencySamples();
    CHECK((latency == 0) == (rate == 48000.0));
    const auto signal = test::sine(100.0, std::size_t(rate), 0.3f, rate); // whole periods
    // In the middle of the fade, and after it, the other way about.
    std::vector<float> output = instance.play(signal, {64});
    for (const float quality : {0.0f, 100.0f, 0.0f, 100.0f}) {
      instance.set(id::quality(0), quality);
      const auto part = instance.play(std::vector<float>(signal.begin(), signal.begin() + long(rate / 100.0)), {64});
      output.insert(output.end(), part.begin(), part.end());
    }
    const auto rest = instance.play(signal, {64});
    output.insert(output.end(), rest.begin(), rest.end());
    output.erase(output.begin(), output.begin() + 4800); // the beginning of the signal
    INFO(rate);
    const float fade = 0.75f * 0.3f / (1024.0f * float(rate) / 48000.0f);
    CHECK(test::steepest(output) <= 1.02f * (test::steepest(signal) + fade)); // 1.02: the resampler's ripple
    CHECK(instance.plugin.getLatencySamples() == latency);
  }
}

TEST_CASE("Processing: silent and in one piece before it is prepared", "[processing]") {
  PluginProcessor plugin;
  juce::MidiBuffer midi;
  for (const int numChannels : {0, 1, 2, 5}) {
    juce::AudioBuffer<float> buffer(numChannels, 100);
    for (int c = 0; c < numChannels; ++c)
      buffer.getWritePointer(c)[0] = 1.0f;
    plugin.processBlock(buffer, midi);
    for (int c = 0; c < numChannels; ++c)
      CHECK(buffer.getMagnitude(c, 0, 100) == 0.0f);
  }
}

TEST_CASE("Processing: 32 instances side by side do not hear each other", "[processing]") {
  const auto signal = test::noise(4000, 6, 0.3f);
  std::vector<std::unique_ptr<test::Instance>> many;
  for (int n = 0; n < 32; ++n) {
    many.push_back(std::make_unique<test::Instance>());
    many.back()->load(0, test::model(1 + unsigned(n % 2)));
    many.back()->set(id::outputGain, float(n % 2));
    many.back()->prepare({});
  }
  std::vector<std::vector<float>> outputs(many.size());
  for (std::size_t start = 0; start < signal.size(); start += 500)
    for (std::size_t n = 0; n < many.size(); ++n) {
      const auto part =
          many[n]->play(std::vector<float>(signal.begin() + long(start), signal.begin() + long(start) + 500));
      outputs[n].insert(outputs[n].end(), part.begin(), part.end());
    }
  for (std::size_t n = 2; n < many.size(); ++n)
    CHECK(outputs[n] == outputs[n % 2]);
  CHECK(outputs[0] != outputs[1]);
}
