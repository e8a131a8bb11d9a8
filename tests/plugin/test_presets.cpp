// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"

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
  CHECK(Presets::shippedName(0) == "First light");
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

TEST_CASE("Shipped presets: a fresh plugin sounds, and changes nothing beyond its model", "[presets]") {
  PluginProcessor fresh;
  const auto contents = fresh.rig().contents();
  REQUIRE(contents.models[0] != nullptr);
  CHECK(contents.models[1] == nullptr);
  CHECK(Shipped::get().model(contents.models[0]->title()) != nullptr);
  for (auto* parameter : fresh.getParameters())
    CHECK(parameter->getValue() == parameter->getDefaultValue());
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
  CHECK(f.presets.remove(Presets::numShipped()) == "");
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
  CHECK(Presets::folder().getNumberOfChildFiles(juce::File::findFiles) == 1);
  CHECK(f.presets.remove(0) != ""); // shipped
}

TEST_CASE("Presets: a folder that cannot be written gives a sentence", "[presets]") {
  Fixture f;
  Presets::folder().getParentDirectory().createDirectory();
  REQUIRE(Presets::folder().replaceWithText("a file where the folder should be"));
  CHECK(f.presets.save("x").endsWithChar('.'));
  Presets::folder().deleteFile();
}
