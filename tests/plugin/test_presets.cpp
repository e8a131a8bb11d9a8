// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"

#include <shipped.h>
#include <state.h>
#include <vst_preset.h>

#include <set>

using namespace fxtrain;

namespace {

/** With an empty folder. */
struct Fixture {
  test::Instance instance;
  Presets& presets = instance.plugin.presets();
  Fixture() {
    Presets::folder().deleteRecursively();
    presets.refresh();
  }
  ~Fixture() { Presets::folder().deleteRecursively(); }
};

} // namespace

TEST_CASE("Shipped presets: each has a name of its own and a state that the plugin takes", "[presets]") {
  REQUIRE(Presets::numShipped() > 0);
  CHECK(Presets::shippedName(Presets::kFirst) == "Breakup");
  std::set<juce::String> names;
  for (int index = 0; index < Presets::numShipped(); ++index) {
    const auto name = Presets::shippedName(index);
    CHECK(name.isNotEmpty());
    CHECK(names.insert(name).second);
    test::Instance instance;
    REQUIRE(Presets::shipped(index) != nullptr);
    const auto& shipped = *Presets::shipped(index);
    CHECK(instance.restore(shipped.encode()) == "");
    for (const auto& [id, value] : shipped.parameters) {
      INFO(name << ": " << id);
      CHECK(instance.get(id) == Approx(value).margin(1e-3)); // known, and in its range
    }
    CHECK(shipped.program == index);
    for (std::size_t slot = 0; slot < shipped.contents.models.size(); ++slot) {
      const auto& model = shipped.contents.models[slot];
      CHECK((model == nullptr || Shipped::get().model(model->title()) != nullptr));
    }
  }
  CHECK(Presets::shipped(-1) == nullptr);
  CHECK(Presets::shipped(Presets::numShipped()) == nullptr);
}

TEST_CASE("Shipped presets: a fresh plugin is an amplifier with its loudspeaker, and nothing more", "[presets]") {
  PluginProcessor fresh;
  const auto contents = fresh.rig().contents();
  REQUIRE(contents.models[0] != nullptr);
  CHECK(contents.models[1] == nullptr);
  CHECK(Shipped::get().model(contents.models[0]->title()) != nullptr);
  CHECK(contents.cabinet == Shipped::get().cabinet);
  for (auto* parameter : fresh.getParameters())
    if (parameter != fresh.parameters.getParameter(id::cabinetOn))
      CHECK(parameter->getValue() == parameter->getDefaultValue());
    else
      CHECK(parameter->getValue() == 1.0f);
  CHECK(fresh.getCurrentProgram() == Presets::kFirst);
  CHECK(fresh.presets().current() == Presets::kFirst);
}

TEST_CASE("Presets: what is saved is listed after the shipped ones and loads again", "[presets]") {
  Fixture f;
  f.instance.load(0, test::model(1));
  f.instance.set(id::bass, 5.0f);
  CHECK(f.presets.save(" My sound ") == "");
  REQUIRE(f.presets.entries().size() == std::size_t(Presets::numShipped()) + 1);
  CHECK(f.presets.current() == Presets::numShipped());
  CHECK(f.presets.currentName() == "My sound");
  CHECK(Presets::folder().getChildFile("My sound.vstpreset").existsAsFile());

  f.instance.set(id::bass, -5.0f);
  f.instance.load(0, nullptr);
  CHECK(f.presets.load(0) == "");
  CHECK(f.presets.current() == 0);
  CHECK(f.presets.load(Presets::numShipped()) == "");
  CHECK(f.instance.get(id::bass) == Approx(5.0f));
  REQUIRE(f.instance.plugin.rig().contents().models[0] != nullptr);
  CHECK(f.instance.plugin.rig().contents().models[0]->text == test::modelText(1));

  f.instance.set(id::bass, 7.0f);
  CHECK(f.presets.save("My sound") == ""); // overwrites
  CHECK(f.presets.entries().size() == std::size_t(Presets::numShipped()) + 1);
  CHECK(f.presets.remove(f.presets.currentEntry()) == "");
  CHECK(f.presets.entries().size() == std::size_t(Presets::numShipped()));
  CHECK(f.presets.current() == -1);
}

TEST_CASE("Presets: loading one is undone in one step", "[presets]") {
  Fixture f;
  f.instance.set(id::bass, 5.0f);
  CHECK(f.presets.load(0) == "");
  CHECK(f.instance.get(id::bass) == Approx(0.0f).margin(1e-5));
  f.instance.plugin.history().undo();
  CHECK(f.instance.get(id::bass) == Approx(5.0f));
  CHECK(f.instance.plugin.rig().contents() == RigContents());
}

TEST_CASE("Presets: a file that cannot be used says why and changes nothing", "[presets]") {
  Fixture f;
  f.instance.set(id::bass, 5.0f);
  const auto before = f.instance.save();
  const test::Folder folder;
  const auto other = folder.write("other.vstpreset", juce::MemoryBlock("RIFF", 4));
  const auto empty = folder.write("empty.vstpreset", vst_preset::write({}));
  for (const auto& file : {other, empty, folder.file("none.vstpreset")}) {
    const auto sentence = f.presets.loadFile(file);
    INFO(sentence);
    CHECK(sentence.endsWithChar('.'));
    CHECK(f.instance.save() == before);
  }
  for (const int index : {-1, 1000})
    CHECK(f.presets.load(index) != "");
}

TEST_CASE("Presets: names that are no file names are brought into shape or refused", "[presets]") {
  Fixture f;
  for (const auto* name : {"", "  ", "///", ". ."})
    CHECK(f.presets.save(name) != "");
  CHECK(f.presets.save("../../up") == "");
  CHECK(Presets::folder().getNumberOfChildFiles(juce::File::findFiles, "*.vstpreset") == 1);
  CHECK(f.presets.remove(f.presets.entries().front()) != ""); // shipped
}

TEST_CASE("Presets: a folder that cannot be written gives a sentence", "[presets]") {
  Fixture f;
  Presets::folder().getParentDirectory().createDirectory();
  REQUIRE(Presets::folder().replaceWithText("a file where the folder should be"));
  CHECK(f.presets.save("x").endsWithChar('.'));
  Presets::folder().deleteFile();
}

TEST_CASE("Presets: what belongs to the room stays as it is", "[presets]") {
  Fixture f;
  const std::vector<std::pair<juce::String, float>> room = {
      {id::calibrate, 1.0f}, {id::interfaceLevel, 9.0f},      {id::inputMode, 2.0f}, {id::oversamplingLive, 1.0f},
      {id::tuner, 1.0f},     {id::oversamplingOffline, 2.0f}, {id::bypass, 1.0f}};
  CHECK(f.presets.save("Elsewhere") == "");
  const auto file = Presets::fileOf("Elsewhere");
  for (const auto& [id, value] : room) {
    CHECK(belongsToRoom(id));
    f.instance.set(id, value);
  }
  f.instance.plugin.midiControl().setBindings({{11, 0, id::bass, MidiControl::Mode::follow}});
  const auto check = [&](const juce::String& after) {
    INFO(after);
    for (const auto& [id, value] : room)
      CHECK(f.instance.get(id) == Approx(value));
    CHECK(f.instance.plugin.midiControl().bindings().size() == 1);
  };
  CHECK(f.presets.loadNeighbour(1) == "");
  check("an arrow");
  CHECK(f.presets.loadFile(file) == "");
  check("a file");
  const auto bytes = vst_preset::read(file);
  CHECK(f.instance.restore(bytes) == "");
  check("a host's menu");
  f.instance.plugin.history().undo();
  check("undo");
  test::Instance other; // a project takes the room along
  CHECK(other.restore(f.instance.save()) == "");
  CHECK(other.get(id::interfaceLevel) == Approx(9.0f));
  CHECK(other.plugin.midiControl().bindings().size() == 1);
}

TEST_CASE("Presets: the arrows pass over a file that does not play, in both directions", "[presets]") {
  Fixture f;
  CHECK(f.presets.save("a") == "");
  CHECK(f.presets.save("c") == "");
  REQUIRE(Presets::fileOf("b").replaceWithText("not a preset"));
  f.presets.refresh();
  REQUIRE(f.presets.loadFile(Presets::fileOf("a")) == "");
  CHECK(f.presets.loadNeighbour(1).startsWith("Skipped b: "));
  CHECK(f.presets.currentName() == "c");
  CHECK(f.presets.loadNeighbour(-1).startsWith("Skipped b: "));
  CHECK(f.presets.currentName() == "a");
}

TEST_CASE("Presets: a program number stays with its preset", "[presets]") {
  Fixture f;
  CHECK(f.presets.save("Middle") == "");
  const int middle = f.presets.currentEntry().number;
  CHECK(middle == Presets::kFirstOwnNumber);
  CHECK(f.presets.save("Alpha") == "");
  CHECK(f.presets.currentEntry().number == middle + 1);
  CHECK(f.presets.loadNumber(middle) == "");
  CHECK(f.presets.currentName() == "Middle");
  CHECK(f.presets.loadNumber(0) == "");
  CHECK(f.presets.currentEntry().shipped == 0);
  // Another instance, a removed file and one that was copied in.
  test::Instance again;
  auto& presets = again.plugin.presets();
  CHECK(presets.loadNumber(middle + 1) == "");
  CHECK(presets.currentName() == "Alpha");
  REQUIRE(Presets::fileOf("Middle").copyFileTo(Presets::fileOf("Aaa")));
  presets.refresh();
  CHECK(presets.loadNumber(middle + 2) == "");
  CHECK(presets.currentName() == "Aaa");
  CHECK(presets.remove(presets.currentEntry()) == "");
  CHECK(presets.loadNumber(middle + 2).endsWithChar('.'));
  CHECK(presets.loadNumber(middle) == "");
  CHECK(presets.currentName() == "Middle");
}

TEST_CASE("Presets: numbers that make no sense in the file of them are given anew", "[presets]") {
  Fixture f;
  CHECK(f.presets.save("One") == "");
  for (const auto* text :
       {"", "[]", "{\"One.vstpreset\": 1e99}", "{\"One.vstpreset\": 3}", "{\"One.vstpreset\": \"x\"}"}) {
    REQUIRE(Presets::folder().getChildFile(Presets::kNumbersFile).replaceWithText(text));
    f.presets.refresh();
    CHECK(f.presets.loadNumber(Presets::kFirstOwnNumber) == "");
  }
}

TEST_CASE("Programs: the host sees the one that plays, and can ask for any", "[presets]") {
  Fixture f;
  auto& plugin = f.instance.plugin;
  const int own = plugin.getNumPrograms() - 1;
  CHECK(plugin.getProgramName(own) == "Your own");
  REQUIRE(f.presets.load(1) == "");
  CHECK(plugin.getCurrentProgram() == 1);
  CHECK(f.presets.save("Mine") == "");
  CHECK(plugin.getCurrentProgram() == own);
  f.instance.set(id::bass, 7.0f);
  plugin.setCurrentProgram(1);     // was shown last
  CHECK(f.presets.current() == 1); // at once: the host may save or render next
  CHECK(f.instance.get(id::bass) != Approx(7.0f));
  plugin.history().undo();
  CHECK(plugin.getCurrentProgram() == own);
  CHECK(f.presets.currentName() == "Mine");
  plugin.history().redo();
  CHECK(plugin.getCurrentProgram() == 1);
}

TEST_CASE("Programs: a project opens with the name of the preset it was made from", "[presets]") {
  Fixture f;
  CHECK(f.presets.save("Mine") == "");
  const auto project = f.instance.save();
  test::Instance again;
  CHECK(again.restore(project) == "");
  CHECK(again.plugin.presets().currentName() == "Mine");
  REQUIRE(f.presets.load(2) == "");
  CHECK(again.restore(f.instance.save()) == "");
  CHECK(again.plugin.presets().current() == 2);
  CHECK(again.plugin.getCurrentProgram() == 2);
}

namespace {

/** As a hand turns a knob. */
void turn(test::Instance& instance, const juce::String& id, float plain) {
  auto& parameter = instance.parameter(id);
  parameter.beginChangeGesture();
  instance.set(id, plain);
  parameter.endChangeGesture();
}

} // namespace

TEST_CASE("Programs: one that the player changed is no longer shown, and can be asked for", "[presets]") {
  Fixture f;
  auto& plugin = f.instance.plugin;
  const int own = plugin.getNumPrograms() - 1;
  REQUIRE(f.presets.load(1) == "");
  turn(f.instance, id::interfaceLevel, 4.0f); // of the room
  CHECK(plugin.getCurrentProgram() == 1);
  turn(f.instance, id::bass, 7.0f);
  CHECK(plugin.getCurrentProgram() == own);
  CHECK(f.presets.current() == 1); // the arrows go on from there
  CHECK(f.presets.isEdited());
  plugin.history().undo();
  CHECK(plugin.getCurrentProgram() == 1);
  CHECK_FALSE(f.presets.isEdited());
  plugin.history().redo();
  plugin.setCurrentProgram(own); // is what plays
  CHECK(f.presets.isEdited());
  plugin.setCurrentProgram(1);
  CHECK(f.instance.get(id::bass) == Approx(0.0f).margin(1e-5));
  CHECK_FALSE(f.presets.isEdited());
  plugin.history().undo(); // back to the changed one
  CHECK(f.instance.get(id::bass) == Approx(7.0f));
  CHECK(f.presets.isEdited());
  CHECK(plugin.getCurrentProgram() == own);
}

TEST_CASE("Programs: another capture is a change, and a project remembers it", "[presets]") {
  Fixture f;
  auto& plugin = f.instance.plugin;
  REQUIRE(f.presets.load(1) == "");
  plugin.rig().loadShipped(0, "Nettle Fuzz");
  REQUIRE(test::waitUntil([&] { return f.presets.isEdited(); }));
  test::Instance again;
  CHECK(again.restore(f.instance.save()) == "");
  CHECK(again.plugin.getCurrentProgram() == plugin.getNumPrograms() - 1);
  CHECK(again.plugin.presets().currentEntry().shipped == 1);
  CHECK(again.plugin.presets().isEdited());
  REQUIRE(f.presets.save("Fuzzy") == "");
  CHECK_FALSE(f.presets.isEdited());
  plugin.history().undo();
  CHECK(f.presets.isEdited()); // is not what was saved
}

TEST_CASE("Presets: one that is chosen while a capture loads stays as it is", "[presets]") {
  Fixture f;
  auto& rig = f.instance.plugin.rig();
  REQUIRE(f.presets.load(2) == "");
  const auto expected = rig.contents();
  const float gain = f.instance.get(id::inputGain);
  const auto slow = std::make_shared<juce::WaitableEvent>();
  rig.afterLoads([slow] { slow->wait(10000); }); // the loader is busy
  rig.loadShipped(0, "Nettle Fuzz");
  rig.loadShippedCabinet();
  REQUIRE(f.presets.load(2) == "");
  slow->signal();
  REQUIRE(test::waitUntil([&] { return !rig.isLoading(); }));
  test::deliverMessages(50);
  CHECK(rig.contents() == expected);
  CHECK(f.instance.get(id::inputGain) == gain);
  CHECK_FALSE(f.presets.isEdited());
  rig.loadShipped(0, "Nettle Fuzz"); // what is asked for afterwards is loaded
  REQUIRE(test::waitUntil([&] { return rig.contents().models[0]->title() == "Nettle Fuzz"; }));
}

TEST_CASE("Presets: one that is chosen as a trial is called off stays", "[presets]") {
  Fixture f;
  auto& plugin = f.instance.plugin;
  REQUIRE(f.presets.load(1) == "");
  const auto before = plugin.rig().contents();
  const auto slow = std::make_shared<juce::WaitableEvent>();
  plugin.beginAudition();
  plugin.rig().loadShipped(0, "Nettle Fuzz");
  plugin.rig().afterLoads([slow] { slow->wait(10000); });
  plugin.endAudition(false);
  REQUIRE(f.presets.load(3) == "");
  const auto chosen = plugin.rig().contents();
  slow->signal();
  test::deliverMessages(200);
  CHECK(plugin.rig().contents() == chosen);
  CHECK(f.presets.current() == 3);
  plugin.history().undo(); // of what was before the trial
  CHECK(plugin.rig().contents().models[0]->sha256 == before.models[0]->sha256);
  CHECK(f.presets.current() == 1);
}

TEST_CASE("Presets: asking to delete one, then saving another, deletes the one that was asked about", "[presets]") {
  Fixture f;
  REQUIRE(f.presets.save("Middle") == "");
  const auto asked = f.presets.currentEntry();
  REQUIRE(f.presets.save("Alpha") == "");
  CHECK(f.presets.remove(asked) == "");
  CHECK(Presets::fileOf("Alpha").existsAsFile());
  CHECK_FALSE(Presets::fileOf("Middle").existsAsFile());
  CHECK(f.presets.remove(asked).endsWithChar('.'));
}
