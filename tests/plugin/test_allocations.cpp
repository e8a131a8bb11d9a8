// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/allocations.h"
#include "support/instance.h"
#include "support/messages.h"
#include "support/test_models.h"

#include <functional>

using namespace fxtrain;

namespace {

/** What processBlock() allocates and frees on its thread. */
int allocationsOf(test::Instance& instance, int numFrames = 64, const juce::MidiBuffer& events = {}) {
  juce::AudioBuffer<float> buffer(2, numFrames);
  juce::MidiBuffer midi = events;
  int count = 0;
  for (int n = 0; n < 40; ++n) {
    for (int c = 0; c < 2; ++c)
      for (int frame = 0; frame < numFrames; ++frame)
        buffer.setSample(c, frame, 0.1f * float((frame + n) % 7 - 3));
    const test::AllocationCount allocations;
    instance.plugin.processBlock(buffer, midi);
    count += allocations.value();
  }
  return count;
}

} // namespace

TEST_CASE("Real time: the count of allocations sees one", "[realtime]") {
  const test::AllocationCount allocations;
  const auto memory = std::make_unique<std::vector<float>>(1000);
  CHECK(memory != nullptr);
  CHECK(allocations.value() == 2);
}

TEST_CASE("Real time: processBlock never allocates", "[realtime]") {
  test::Instance instance;
  const test::Folder folder;
  juce::MidiBuffer midi;
  for (int n = 0; n < 300; ++n)
    midi.addEvent(juce::MidiMessage::controllerEvent(1, 11, n % 128), 0);
  const std::vector<juce::uint8> sysex(1000, 1);
  midi.addEvent(juce::MidiMessage::createSysExMessage(sysex.data(), int(sysex.size())), 3);
  instance.plugin.midiControl().setBindings({{11, 0, id::treble, MidiControl::Mode::follow}});

  const auto state = [&] {
    test::Instance other;
    other.load(1, test::model(5, 96000.0));
    other.load(test::cabinet(5, 3000));
    other.set(id::slot, 2.0f);
    return other.save();
  }();
  const std::vector<std::pair<const char*, std::function<void()>>> deeds = {
      {"empty", [] {}},
      {"first model", [&] { instance.load(0, test::model(1)); }},
      {"second model", [&] { instance.load(1, test::model(2, 44100.0)); }},
      {"both", [&] { instance.set(id::slot, 2.0f); }},
      {"cabinet", [&] { instance.load(test::cabinet(1)); }},
      {"everything on",
       [&] {
         for (const auto* id : {id::gateOn, id::toneOn, id::cabinetOn, id::calibrate})
           instance.set(id, 1.0f);
       }},
      {"another cabinet", [&] { instance.load(test::cabinet(2, 60000)); }},
      {"no cabinet", [&] { instance.load(std::shared_ptr<const CabinetFile>()); }},
      {"swapped", [&] { instance.load(0, test::model(3, 88200.0)); }},
      {"emptied", [&] { instance.load(0, std::shared_ptr<const ModelFile>()); }},
      {"a state", [&] { instance.restore(state); }},
      {"a broken state", [&] { instance.restore(juce::MemoryBlock("x", 1)); }},
      {"a model of two sizes", [&] { instance.load(0, test::twoSizes(0.25f, 1.0f)); }},
      {"the smaller one", [&] { instance.set(id::quality(0), 0.0f); }},
      {"the larger one again", [&] { instance.set(id::quality(0), 100.0f); }},
      {"oversampled", [&] { instance.set(id::oversamplingLive, 2.0f); }},
      {"bypassed", [&] { instance.set(id::bypass, 1.0f); }},
      {"tuner", [&] { instance.set(id::tuner, 1.0f); }},
      {"all parameters",
       [&] {
         for (auto* parameter : instance.plugin.getParameters())
           parameter->setValueNotifyingHost(0.7f);
       }},
      {"prepared for 96 kHz",
       [&] {
         instance.prepare({96000.0, 64, 2, 2});
       }},
      {"mono to stereo",
       [&] {
         instance.prepare({44100.0, 64, 1, 2});
       }},
      {"stereo",
       [&] {
         instance.prepare({48000.0, 64, 2, 2});
       }},
      {"a take",
       [&] {
         auto& player = instance.plugin.takePlayer();
         player.load(folder.write("take.wav", test::wav({test::noise(3000, 1)}, 44100.0)));
         REQUIRE(test::waitUntil([&] { return !player.isLoading(); }));
         player.setPlaying(true);
       }},
      {"another take",
       [&] {
         auto& player = instance.plugin.takePlayer();
         player.load(folder.write("take.wav", test::wav({test::noise(3000, 2)}, 48000.0)));
         REQUIRE(test::waitUntil([&] { return !player.isLoading(); }));
         player.setPosition(0.03);
       }},
      {"no take", [&] { instance.plugin.takePlayer().unload(); }}};
  for (const auto& [what, deed] : deeds) {
    deed();
    INFO(what);
    for (const int numFrames : {0, 1, 64, 512, 3000})
      CHECK(allocationsOf(instance, numFrames, midi) == 0);
    test::deliverMessages(20); // the courier looks in, and frees what is done with
  }
}

TEST_CASE("Real time: processBlock does not allocate where the input is NaN", "[realtime]") {
  test::Instance instance;
  instance.load(0, test::model(1));
  juce::AudioBuffer<float> buffer(2, 512);
  juce::MidiBuffer midi;
  for (int c = 0; c < 2; ++c)
    juce::FloatVectorOperations::fill(buffer.getWritePointer(c), std::nanf(""), 512);
  const test::AllocationCount allocations;
  instance.plugin.processBlock(buffer, midi);
  CHECK(allocations.value() == 0);
}
