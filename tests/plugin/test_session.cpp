// SPDX-License-Identifier: MIT
// An hour of a guitarist with the plugin, in a minute: what is done comes from a seed, and after every step what must
// always be so is checked.
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"

#include <state.h>

#include <atomic>
#include <cmath>
#include <random>
#include <thread>

using namespace fxtrain;

namespace {

State decoded(const juce::MemoryBlock& bytes) { return State::decode(bytes.getData(), bytes.getSize()); }

/** What is heard of a state, to be compared and read. */
std::string soundOf(const juce::MemoryBlock& bytes) {
  const auto state = decoded(bytes);
  juce::StringArray lines;
  for (const auto& model : state.contents.models)
    lines.add(model == nullptr ? "empty" : model->title() + " " + model->sha256.substring(0, 8));
  lines.add(state.contents.cabinet == nullptr ? "no cabinet" : state.contents.cabinet->name);
  for (const auto& [id, value] : state.parameters)
    lines.add(id + " " + juce::String(value, 7));
  return lines.joinIntoString("\n").toStdString();
}

std::map<juce::String, float> roomOf(test::Instance& instance) {
  std::map<juce::String, float> room;
  for (auto* parameter : instance.plugin.getParameters())
    if (const auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(parameter))
      if (belongsToRoom(ranged->getParameterID()))
        room[ranged->getParameterID()] = ranged->getValue();
  return room;
}

/** A player, what lies on the disk, and what must not have changed. */
class Session {
 public:
  explicit Session(unsigned seed) : random_(seed) {
    Presets::folder().deleteRecursively();
    captures_.createDirectory();
    for (int i = 0; i < 6; ++i) {
      const auto file = captures_.getChildFile("amp " + juce::String(i) + ".json");
      REQUIRE(file.replaceWithText(i % 3 == 1
                                       ? juce::String("{\"layers\": 3}")
                                       : juce::String(test::modelText(unsigned(i + 1), i == 5 ? 44100.0 : 48000.0))));
    }
    instance_.plugin.midiControl().setBindings(
        {{11, 0, id::outputGain, MidiControl::Mode::follow}, {80, 0, id::slot, MidiControl::Mode::toggle}});
    room_ = roomOf(instance_);
  }
  ~Session() { Presets::folder().deleteRecursively(); }

  void step() {
    switch (pick(13)) {
    case 0:
      return loadCapture();
    case 1:
      return arrow();
    case 2:
      return loadPreset();
    case 3:
      return presetArrow();
    case 4:
      return savePreset();
    case 5:
      return undo();
    case 6:
      return turn();
    case 7:
      return automate();
    case 8:
      return footSwitch();
    case 9:
      return hostProgram();
    case 10:
      return programChange();
    case 11:
      return openProject();
    default:
      return reopenElsewhere();
    }
  }

  void check() {
    auto& plugin = instance_.plugin;
    const auto entry = plugin.presets().currentEntry();
    const bool isShipped = entry.shipped >= 0 && !plugin.presets().isEdited();
    CHECK(plugin.getCurrentProgram() == (isShipped ? entry.shipped : plugin.getNumPrograms() - 1));
    CHECK(plugin.getProgramName(plugin.getCurrentProgram()) == (isShipped ? entry.name : juce::String("Your own")));
    CHECK(roomOf(instance_) == room_);
    CHECK(plugin.midiControl().bindings().size() == 2);
    const auto heard = instance_.play(test::sine(196.0, 700), {64, 1, 333});
    CHECK(std::all_of(heard.begin(), heard.end(), [](float sample) { return std::isfinite(sample); }));
    CHECK(plugin.getLatencySamples() == plugin.rig().chain().latencyFrames());
  }

  juce::String did() const { return did_; }

 private:
  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  float share() { return std::uniform_real_distribution<float>(0.0f, 1.0f)(random_); }
  void finish() {
    auto& rig = instance_.plugin.rig();
    REQUIRE(test::waitUntil([&] { return !rig.isLoading(); }));
    test::deliverMessages(1); // its step of the history
  }

  void loadCapture() {
    auto& rig = instance_.plugin.rig();
    const int slot = pick(2), which = pick(6);
    did_ = "loads capture " + juce::String(which);
    const auto before = rig.contents();
    rig.clearProblem();
    rig.loadModel(slot, captures_.getChildFile("amp " + juce::String(which) + ".json"));
    finish();
    if (which % 3 == 1) {
      CHECK(rig.problem().isNotEmpty());
      CHECK(rig.contents() == before);
    } else {
      CHECK(rig.problem() == "");
      CHECK(rig.contents().models[std::size_t(slot)]->title() == "Model " + juce::String(which + 1));
    }
  }

  void arrow() {
    auto& rig = instance_.plugin.rig();
    const int slot = pick(2), step = pick(2) == 0 ? 1 : -1;
    did_ = "steps through captures";
    const auto before = rig.contents().models[std::size_t(slot)];
    rig.loadNeighbour(slot, step);
    finish();
    const auto after = rig.contents().models[std::size_t(slot)];
    REQUIRE(after != nullptr);
    CHECK(after != before); // there is always another that plays
  }

  void loadPreset() {
    auto& presets = instance_.plugin.presets();
    const int index = pick(int(presets.entries().size()));
    did_ = "loads preset " + presets.entries()[std::size_t(index)].name;
    CHECK(presets.load(index) == "");
    CHECK(presets.current() == index);
  }

  void presetArrow() {
    did_ = "steps through presets";
    CHECK(instance_.plugin.presets().loadNeighbour(pick(2) == 0 ? 1 : -1) == "");
  }

  void savePreset() {
    auto& presets = instance_.plugin.presets();
    const auto name = "Take " + juce::String(pick(5));
    did_ = "saves preset " + name;
    const auto sound = soundOf(instance_.save());
    CHECK(presets.save(name) == "");
    CHECK(soundOf(instance_.save()) == sound);
    CHECK(presets.currentName() == name);
    const int number = presets.currentEntry().number;
    const auto known = numbers_.emplace(name, number).first;
    CHECK(known->second == number);
  }

  /** Steps back and forth again lead where they did before; and to what was, unless the host or a pedal moved something
      in between: that is not the player's to undo. */
  void undo() {
    auto& history = instance_.plugin.history();
    did_ = "undoes and does again";
    const int steps = 1 + pick(3);
    const auto thereAndBack = [&] {
      std::vector<std::string> sounds;
      for (int i = 0; i < steps && history.canUndo(); ++i) {
        sounds.push_back(soundOf(instance_.save()));
        history.undo();
      }
      for (auto sound = sounds.rbegin(); sound != sounds.rend(); ++sound) {
        REQUIRE(history.canRedo());
        history.redo();
        if (!wasAutomated_)
          CHECK(soundOf(instance_.save()) == *sound);
      }
      return soundOf(instance_.save());
    };
    const auto once = thereAndBack();
    CHECK(thereAndBack() == once);
    if (pick(2) == 0 && history.canUndo())
      history.undo();
  }

  juce::RangedAudioParameter& anyParameter() {
    for (;;) {
      const auto& all = instance_.plugin.getParameters();
      auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(all[pick(all.size())]);
      if (ranged != nullptr && !belongsToRoom(ranged->getParameterID()))
        return *ranged;
    }
  }

  void turn() {
    auto& parameter = anyParameter();
    did_ = "turns " + parameter.getName(100);
    parameter.beginChangeGesture();
    parameter.setValueNotifyingHost(parameter.convertTo0to1(parameter.convertFrom0to1(share())));
    parameter.endChangeGesture();
  }

  void automate() {
    auto& parameter = anyParameter();
    did_ = "automates " + parameter.getName(100);
    wasAutomated_ = true;
    const bool could = instance_.plugin.history().canUndo();
    for (int i = 0; i < 5; ++i) {
      parameter.setValueNotifyingHost(parameter.convertTo0to1(parameter.convertFrom0to1(share())));
      instance_.play(test::sine(110.0, 64));
    }
    CHECK(instance_.plugin.history().canUndo() == could);
  }

  void footSwitch() {
    did_ = "moves a pedal and presses a switch";
    wasAutomated_ = true;
    const float wanted = instance_.parameter(id::outputGain).convertFrom0to1(1.0f / 127.0f * 90.0f);
    const int slot = juce::roundToInt(instance_.get(id::slot));
    juce::AudioBuffer<float> buffer(2, 256);
    buffer.clear();
    juce::MidiBuffer midi;
    midi.addEvent(juce::MidiMessage::controllerEvent(1, 11, 90), 10);
    midi.addEvent(juce::MidiMessage::controllerEvent(1, 80, 127), 20);
    midi.addEvent(juce::MidiMessage::controllerEvent(1, 80, 0), 30);
    instance_.plugin.processBlock(buffer, midi);
    CHECK(test::waitUntil([&] {
      return juce::roundToInt(instance_.get(id::slot)) == (slot == 0 ? 1 : 0) &&
             std::abs(instance_.get(id::outputGain) - wanted) < 1e-4f;
    }));
  }

  void hostProgram() {
    auto& plugin = instance_.plugin;
    const int program = pick(Presets::numShipped());
    did_ = "chooses program " + juce::String(program) + " in the host";
    plugin.setCurrentProgram(program);
    CHECK(plugin.getCurrentProgram() == program);
    CHECK(test::waitUntil([&] { return plugin.presets().current() == program; }));
  }

  void programChange() {
    auto& plugin = instance_.plugin;
    const auto entry = plugin.presets().entries()[std::size_t(pick(int(plugin.presets().entries().size())))];
    did_ = "sends program change " + juce::String(entry.number);
    juce::AudioBuffer<float> buffer(2, 64);
    buffer.clear();
    juce::MidiBuffer midi;
    midi.addEvent(juce::MidiMessage::programChange(1, entry.number), 0);
    plugin.processBlock(buffer, midi);
    CHECK(test::waitUntil([&] { return plugin.presets().currentEntry() == entry; }));
    test::deliverMessages(20);
  }

  void openProject() {
    const auto now = instance_.save();
    did_ = "opens the project of before";
    if (project_.getSize() > 0) {
      CHECK(instance_.restore(project_) == "");
      CHECK(soundOf(instance_.save()) == soundOf(project_));
      CHECK_FALSE(instance_.plugin.history().canUndo());
      wasAutomated_ = false;
    }
    project_ = now;
    const juce::MemoryBlock damaged(project_.getData(), project_.getSize() / 2);
    const auto sound = instance_.save();
    CHECK(instance_.restore(damaged).isNotEmpty());
    CHECK((instance_.save() == sound));
    instance_.plugin.rig().clearProblem();
  }

  /** And bounces twice. */
  void reopenElsewhere() {
    did_ = "opens the project elsewhere, and bounces it there and here";
    const auto saved = instance_.save();
    test::Instance other;
    CHECK(other.restore(saved) == "");
    CHECK(soundOf(other.save()) == soundOf(saved));
    const auto take = test::sine(147.0, 6000);
    const auto bounce = [&](test::Instance& instance, const std::vector<int>& blocks) {
      instance.prepare({});
      return instance.play(take, blocks);
    };
    const auto here = bounce(instance_, {512});
    CHECK(test::difference(bounce(other, {512}), here) == 0.0f);
    CHECK(test::difference(bounce(instance_, {100, 7, 64}), here) == 0.0f);
    CHECK(other.plugin.presets().currentName() == instance_.plugin.presets().currentName());
  }

  test::Folder folder_;
  juce::File captures_ = folder_.file("captures");
  test::Instance instance_;
  std::mt19937 random_;
  std::map<juce::String, float> room_;
  std::map<juce::String, int> numbers_; // of the player's presets
  juce::MemoryBlock project_;
  bool wasAutomated_ = false; // since the history began
  juce::String did_;
};

} // namespace

TEST_CASE("Session: whatever a guitarist does, what is shown is what plays", "[session]") {
  const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
  Session session(seed);
  juce::StringArray story;
  for (int step = 0; step < 120; ++step) {
    INFO("seed " << seed << ", step " << step << ", after: " << story.joinIntoString(", then "));
    session.step();
    INFO("now: " << session.did());
    session.check();
    story.add(session.did());
    if (story.size() > 6)
      story.remove(0);
  }
}

TEST_CASE("Session: all parameters are hammered while it plays, and all end where they were put", "[session]") {
  test::Instance instance;
  instance.load(0, test::model(1));
  instance.load(1, test::model(2));
  instance.load(test::cabinet(3));
  std::atomic<bool> ends{false}, allFinite{true};
  std::thread audio([&] {
    juce::MidiBuffer midi;
    int block = 0;
    while (!ends) {
      juce::AudioBuffer<float> buffer(2, 1 + 37 * (++block % 8));
      for (int c = 0; c < 2; ++c)
        for (int t = 0; t < buffer.getNumSamples(); ++t)
          buffer.setSample(c, t, 0.2f * std::sin(0.05f * float(t + block)));
      instance.plugin.processBlock(buffer, midi);
      for (int t = 0; t < buffer.getNumSamples(); ++t)
        if (!std::isfinite(buffer.getSample(0, t)))
          allFinite = false;
    }
  });
  std::mt19937 random(7);
  std::uniform_real_distribution<float> share(0.0f, 1.0f);
  const auto& parameters = instance.plugin.getParameters();
  std::map<int, float> last;
  for (int round = 0; round < 40; ++round)
    for (auto* parameter : parameters) {
      auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(parameter);
      const float value = ranged->convertTo0to1(ranged->convertFrom0to1(share(random)));
      parameter->setValueNotifyingHost(value);
      last[parameter->getParameterIndex()] = value;
    }
  test::deliverMessages(50);
  ends = true;
  audio.join();
  CHECK(allFinite);
  CHECK(instance.plugin.rig().chain().numFaults() == 0);
  for (auto* parameter : parameters)
    CHECK(parameter->getValue() == Approx(last[parameter->getParameterIndex()]).margin(1e-6));
}
