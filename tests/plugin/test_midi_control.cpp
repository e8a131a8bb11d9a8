// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"

#include <cmath>

using namespace fxtrain;
using Mode = MidiControl::Mode;

namespace {

struct Fixture {
  test::Instance instance;
  MidiControl control{instance.plugin.parameters}; // of our own: the plugin's is served by its courier

  int send(const std::vector<juce::MidiMessage>& messages) {
    juce::MidiBuffer midi;
    for (const auto& message : messages)
      midi.addEvent(message, 0);
    return deliver(midi);
  }
  int deliver(const juce::MidiBuffer& midi) {
    control.beginBlock();
    for (const auto message : midi)
      control.receive(message);
    return control.apply();
  }
  int move(int controller, int value, int channel = 1) {
    return send({juce::MidiMessage::controllerEvent(channel, controller, value)});
  }
};

} // namespace

TEST_CASE("MIDI: a parameter follows its controller over the whole range", "[midi]") {
  Fixture f;
  f.control.setBindings({{11, 0, id::outputGain, Mode::follow}});
  for (const auto& [value, decibels] : {std::pair{0, -24.0f}, {127, 24.0f}, {64, 24.0f * 1.0f / 127.0f}}) {
    f.move(11, value);
    CHECK(f.instance.get(id::outputGain) == Approx(decibels).margin(1e-4));
  }
  f.move(12, 0);
  CHECK(f.instance.get(id::outputGain) == Approx(24.0f / 127.0f).margin(1e-4));
}

TEST_CASE("MIDI: a press turns a switch over, its release does not", "[midi]") {
  Fixture f;
  f.control.setBindings({{80, 0, id::bypass, Mode::toggle}});
  for (const float expected : {1.0f, 0.0f, 1.0f}) {
    f.move(80, 127);
    CHECK(f.instance.get(id::bypass) == expected);
    f.move(80, 100); // still pressed
    f.move(80, 0);
    CHECK(f.instance.get(id::bypass) == expected);
  }
}

TEST_CASE("MIDI: presses that come together all count", "[midi]") {
  Fixture f;
  f.control.setBindings({{80, 0, id::bypass, Mode::toggle}});
  const auto press = juce::MidiMessage::controllerEvent(1, 80, 127),
             release = juce::MidiMessage::controllerEvent(1, 80, 0);
  f.send({press, release, press, release, press});
  CHECK(f.instance.get(id::bypass) == 1.0f);
}

TEST_CASE("MIDI: presses take a choice through all that there are", "[midi]") {
  Fixture f;
  f.control.setBindings({{81, 0, id::levels, Mode::toggle}});
  for (const float expected : {2.0f, 0.0f, 1.0f}) {
    f.move(81, 127);
    f.move(81, 0);
    CHECK(f.instance.get(id::levels) == expected);
  }
}

TEST_CASE("MIDI: a foot switch goes between A and B", "[midi]") {
  Fixture f;
  f.control.setBindings({{81, 0, id::slot, Mode::toggle}, {82, 0, id::slot, Mode::follow}});
  for (const float expected : {1.0f, 0.0f, 1.0f}) {
    f.move(81, 127);
    f.move(81, 0);
    CHECK(f.instance.get(id::slot) == expected);
  }
  f.instance.set(id::slot, 2.0f); // both
  f.move(81, 127);
  CHECK(f.instance.get(id::slot) == 0.0f);
}

TEST_CASE("MIDI: a latching switch sets what it says, whatever was before", "[midi]") {
  Fixture f;
  f.control.setBindings({{81, 0, id::slot, Mode::follow}, {82, 0, id::bypass, Mode::follow}});
  for (const int value : {127, 0, 0, 127, 127, 64, 63}) {
    f.move(81, value);
    f.move(82, value);
    CHECK(f.instance.get(id::slot) == (value >= 64 ? 1.0f : 0.0f));
    CHECK(f.instance.get(id::bypass) == (value >= 64 ? 1.0f : 0.0f));
  }
}

TEST_CASE("MIDI: a binding to one channel hears no other", "[midi]") {
  Fixture f;
  f.control.setBindings({{80, 3, id::bypass, Mode::toggle}});
  f.move(80, 127, 2);
  CHECK(f.instance.get(id::bypass) == 0.0f);
  f.move(80, 127, 3);
  CHECK(f.instance.get(id::bypass) == 1.0f);
}

TEST_CASE("MIDI: the first controller that moves is learned", "[midi]") {
  Fixture f;
  f.control.setBindings({{7, 0, id::bass, Mode::follow}, {9, 0, id::treble, Mode::follow}});
  f.control.learn(id::bass, Mode::follow);
  CHECK(f.control.learning() == id::bass);
  f.move(0, 1); // bank selects come with program changes
  f.move(32, 0);
  f.move(123, 0); // all notes off comes from hosts
  CHECK(f.control.learning() == id::bass);
  f.move(21, 127, 5);
  CHECK(f.control.learning().isEmpty());
  CHECK(f.instance.get(id::bass) == Approx(12.0f));
  const std::vector<MidiControl::Binding> expected = {{9, 0, id::treble, Mode::follow},
                                                      {21, 5, id::bass, Mode::follow}};
  CHECK(f.control.bindings() == expected);
  f.control.forget(id::bass);
  CHECK(f.control.bindings().size() == 1);
}

TEST_CASE("MIDI: the press that teaches a switch does not turn it over", "[midi]") {
  Fixture f;
  f.control.learn(id::bypass, Mode::toggle);
  f.move(80, 127);
  f.move(80, 0);
  CHECK(f.instance.get(id::bypass) == 0.0f);
  f.move(80, 127);
  CHECK(f.instance.get(id::bypass) == 1.0f);
}

TEST_CASE("MIDI: learning can be called off", "[midi]") {
  Fixture f;
  f.control.learn(id::bass, Mode::follow);
  f.control.cancelLearning();
  f.move(21, 127);
  CHECK(f.control.bindings().empty());
}

TEST_CASE("MIDI: bindings that make no sense are left out", "[midi]") {
  Fixture f;
  std::vector<MidiControl::Binding> bindings = {{-1, 0, id::bass, Mode::follow}, {120, 0, id::bass, Mode::follow},
                                                {1, -1, id::bass, Mode::follow}, {1, 17, id::bass, Mode::follow},
                                                {1, 0, "no such", Mode::follow}, {119, 16, id::bass, Mode::follow}};
  f.control.setBindings(bindings);
  CHECK(f.control.bindings() == std::vector<MidiControl::Binding>{bindings.back()});
  f.control.setBindings(std::vector<MidiControl::Binding>(10000, bindings.back()));
  CHECK(f.control.bindings().size() == MidiControl::kMaxBindings);
}

TEST_CASE("MIDI: the last program change is given once", "[midi]") {
  Fixture f;
  CHECK(f.send({juce::MidiMessage::programChange(1, 3), juce::MidiMessage::programChange(16, 5)}) == 5);
  CHECK(f.control.apply() == -1);
}

TEST_CASE("MIDI: other messages, long and broken ones do nothing", "[midi]") {
  Fixture f;
  f.control.setBindings({{80, 0, id::bypass, Mode::toggle}});
  const std::vector<juce::uint8> sysex(5000, 80);
  CHECK(f.send({juce::MidiMessage::noteOn(1, 80, 1.0f), juce::MidiMessage::pitchWheel(1, 1000),
                juce::MidiMessage::createSysExMessage(sysex.data(), int(sysex.size())), juce::MidiMessage::midiClock(),
                juce::MidiMessage::aftertouchChange(1, 80, 127)}) == -1);
  CHECK(f.instance.get(id::bypass) == 0.0f);
}

TEST_CASE("MIDI: of a flood the last event counts", "[midi]") {
  Fixture f;
  f.control.setBindings({{11, 0, id::mix, Mode::follow}});
  juce::MidiBuffer midi;
  for (int n = 0; n < 5000; ++n)
    midi.addEvent(juce::MidiMessage::controllerEvent(1, 11, n % 128), 0);
  f.deliver(midi);
  CHECK(f.instance.get(id::mix) == Approx(100.0f * float(4999 % 128) / 127.0f));
  f.move(11, 0);
  CHECK(f.instance.get(id::mix) == Approx(0.0f).margin(1e-4));
}

TEST_CASE("MIDI: what comes with the audio moves the plugin's parameters and programs", "[midi]") {
  test::Instance instance;
  instance.plugin.midiControl().setBindings({{80, 0, id::bypass, Mode::toggle}});
  juce::AudioBuffer<float> buffer(2, 64);
  juce::MidiBuffer midi;
  midi.addEvent(juce::MidiMessage::controllerEvent(1, 80, 127), 10);
  if (Presets::numShipped() > 1)
    midi.addEvent(juce::MidiMessage::programChange(1, 1), 20);
  instance.plugin.processBlock(buffer, midi);
  CHECK(test::waitUntil([&] { return Presets::numShipped() < 2 || instance.plugin.presets().current() == 1; }));
  if (Presets::numShipped() < 2)
    CHECK(test::waitUntil([&] { return instance.get(id::bypass) == 1.0f; }));
}

namespace {

/** What a pedal and a switch make of a sine, in blocks of a size. The same messages at the same frames. */
std::vector<float> bounce(int blockSize, bool waits) {
  test::Instance instance;
  instance.plugin.midiControl().setBindings({{11, 0, id::outputGain, Mode::follow}, {80, 0, id::slot, Mode::toggle}});
  instance.load(0, test::model(1));
  instance.load(1, test::model(2));
  const auto input = test::sine(220.0, 24000);
  std::vector<float> output;
  for (int start = 0; start < int(input.size()); start += blockSize) {
    const int numFrames = juce::jmin(blockSize, int(input.size()) - start);
    juce::AudioBuffer<float> buffer(2, numFrames);
    for (int c = 0; c < 2; ++c)
      buffer.copyFrom(c, 0, input.data() + start, numFrames);
    juce::MidiBuffer midi;
    for (int frame = 1000, n = 0; frame < int(input.size()); frame += 997, ++n)
      if (frame >= start && frame < start + numFrames) {
        midi.addEvent(juce::MidiMessage::controllerEvent(1, 11, (37 * n) % 128), frame - start);
        midi.addEvent(juce::MidiMessage::controllerEvent(1, 80, n % 2 == 0 ? 127 : 0), frame - start);
      }
    instance.plugin.processBlock(buffer, midi);
    output.insert(output.end(), buffer.getReadPointer(0), buffer.getReadPointer(0) + numFrames);
    if (waits && start / blockSize % 7 == 0)
      juce::Thread::sleep(20); // the courier comes by in between, or not
  }
  return output;
}

} // namespace

TEST_CASE("MIDI: a bounce is the same each time, in blocks of any size", "[midi]") {
  const auto once = bounce(512, false);
  for (const auto& [blockSize, waits] : {std::pair{512, false}, {512, true}, {64, true}, {1777, false}}) {
    INFO(blockSize << " frames" << (waits ? ", in bits and pieces" : ""));
    CHECK(test::difference(bounce(blockSize, waits), once) == 0.0f);
  }
}

TEST_CASE("MIDI: what the host moves after a controller counts", "[midi]") {
  Fixture f;
  f.control.setBindings({{11, 0, id::bass, Mode::follow}});
  f.move(11, 127);
  f.control.beginBlock();
  const int index = f.instance.parameter(id::bass).getParameterIndex();
  CHECK(std::isnan(f.control.values()[index])); // the parameter has it
  f.control.receive({reinterpret_cast<const juce::uint8*>("\xb0\x0b\x00"), 3, 0});
  CHECK(f.control.values()[index] == Approx(-12.0f));
  f.instance.set(id::bass, 3.0f);
  f.control.beginBlock();
  CHECK(std::isnan(f.control.values()[index]));
  f.control.apply(); // the courier comes late
  CHECK(f.instance.get(id::bass) == Approx(3.0f));
}

TEST_CASE("MIDI: what was on its way when the sound was replaced is dropped", "[midi]") {
  Fixture f;
  f.control.setBindings({{11, 0, id::bass, Mode::follow}});
  const int index = f.instance.parameter(id::bass).getParameterIndex();
  f.control.beginBlock();
  f.control.receive({reinterpret_cast<const juce::uint8*>("\xb0\x0b\x7f"), 3, 0});
  f.control.dropPending(); // a project, whose bass is as it was
  f.control.apply();
  CHECK(f.instance.get(id::bass) == Approx(0.0f).margin(1e-5));
  f.control.beginBlock();
  CHECK(std::isnan(f.control.values()[index]));
}
