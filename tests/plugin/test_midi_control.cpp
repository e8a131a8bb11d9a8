// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"

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
    control.receive(midi);
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
  f.control.setBindings({{81, 0, id::slot, Mode::toggle}});
  for (const float expected : {1.0f, 2.0f, 0.0f, 1.0f}) {
    f.move(81, 127);
    f.move(81, 0);
    CHECK(f.instance.get(id::slot) == expected);
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

TEST_CASE("MIDI: a flood loses events, not its way", "[midi]") {
  Fixture f;
  f.control.setBindings({{11, 0, id::mix, Mode::follow}});
  juce::MidiBuffer midi;
  for (int n = 0; n < 5000; ++n)
    midi.addEvent(juce::MidiMessage::controllerEvent(1, 11, n % 128), 0);
  f.control.receive(midi);
  f.control.apply();
  CHECK(f.instance.get(id::mix) == Approx(100.0f * 127.0f / 127.0f)); // the 256th, n = 255, is 127
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
