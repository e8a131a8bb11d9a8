// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"
#include "support/test_models.h"

#include <model_file.h>
#include <shipped.h>
#include <state.h>
#include <vst_preset.h>

#if !JUCE_WINDOWS
#include <sys/stat.h>
#endif

using namespace fxtrain;

namespace {

void finish(Rig& rig) {
  REQUIRE(test::waitUntil([&] { return !rig.isLoading(); }));
}

juce::String titleIn(Rig& rig, int slot) {
  const auto model = rig.contents().models[std::size_t(slot)];
  return model == nullptr ? juce::String() : model->title();
}

juce::File write(const juce::File& folder, const juce::String& name, unsigned seed) {
  folder.createDirectory();
  const auto file = folder.getChildFile(name);
  REQUIRE(file.replaceWithText(juce::String(test::modelText(seed))));
  return file;
}

} // namespace

TEST_CASE("Rig: next and previous go round the files of a folder, in a browser's order", "[rig]") {
  const test::Folder folder;
  const auto home = folder.file("captures");
  const auto second = write(home, "amp 2.json", 1);
  write(home, "amp 10.json", 2);
  write(home, "amp 1.aidax", 3);
  write(home, "notes.txt", 4);
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  rig.loadModel(0, second);
  finish(rig);
  std::vector<juce::String> names;
  for (const int step : {1, 1, 1, -1, -1}) {
    rig.loadNeighbour(0, step);
    finish(rig);
    names.push_back(rig.contents().models[0]->name);
  }
  CHECK(names == std::vector<juce::String>{"amp 10", "amp 1", "amp 2", "amp 1", "amp 10"});
}

TEST_CASE("Rig: next and previous go through the shipped captures, then those of the player's folder", "[rig]") {
  Rig::modelFolder().deleteRecursively();
  write(Rig::modelFolder(), "mine.json", 5);
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  const auto& shipped = Shipped::get().models;
  REQUIRE(shipped.size() >= 3);
  for (std::size_t round = 0; round < 2; ++round) {
    for (const auto& model : shipped) {
      rig.loadNeighbour(0, 1);
      finish(rig);
      CHECK(titleIn(rig, 0) == model->title());
    }
    rig.loadNeighbour(0, 1);
    finish(rig);
    CHECK(rig.contents().models[0]->name == "mine");
  }
  rig.clearModel(0);
  rig.loadNeighbour(0, -1);
  finish(rig);
  CHECK(rig.contents().models[0]->name == "mine"); // backwards from nothing: the last
  Rig::modelFolder().deleteRecursively();
}

TEST_CASE("Rig: the cabinet is converted to a new rate although a model cannot be oversampled", "[rig]") {
  const auto input = test::sine(220.0, 9600, 0.25f, 96000.0);
  test::Instance instance, witness;
  for (auto* each : {&instance, &witness})
    each->load(test::cabinet(3));
  instance.set(id::cabinetOn, 1.0f);
  witness.set(id::cabinetOn, 1.0f);
  auto bursting = test::makeModel(1, {{"dense", 1}, {"dense", 1}}, 1);
  for (auto& layer : bursting["layers"])
    layer["weights"] = {{{1e30}}, {0.0}};
  instance.load(1, ModelFile::parse(bursting.dump(), "bursting", {})); // in the slot that is not heard
  instance.set(id::oversamplingLive, 2.0f);
  instance.prepare({96000.0, 512, 2, 2});
  CHECK(instance.plugin.rig().problem().isNotEmpty());
  instance.load(1, nullptr);
  instance.set(id::oversamplingLive, 0.0f);
  instance.prepare({96000.0, 512, 2, 2});
  witness.prepare({96000.0, 512, 2, 2});
  CHECK(test::difference(instance.play(input), witness.play(input)) == 0.0f);
}

TEST_CASE("Rig: next goes on at home where the folder is gone", "[rig]") {
  Rig::modelFolder().deleteRecursively();
  write(Rig::modelFolder(), "mine.json", 5);
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  {
    const test::Folder folder; // a project from another machine
    rig.loadModel(0, write(folder.file("theirs"), "amp.json", 6));
    finish(rig);
  }
  rig.loadNeighbour(0, -1);
  finish(rig);
  CHECK(rig.problem() == "");
  CHECK(rig.contents().models[0]->name == "mine");
  Rig::modelFolder().deleteRecursively();
}

TEST_CASE("Rig: a pedal is loaded, stepped, undone and redone as the slots are", "[rig]") {
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  auto& history = instance.plugin.history();
  instance.load(0, test::model(1, 44100.0));
  const int latency = instance.plugin.getLatencySamples();
  REQUIRE(latency > 0);
  rig.loadShipped(Rig::pedalSlot(0), "Hillside Drive");
  finish(rig);
  test::deliverMessages(50);
  CHECK(titleIn(rig, Rig::pedalSlot(0)) == "Hillside Drive");
  CHECK(instance.plugin.getLatencySamples() == latency); // its rate is the host's
  rig.loadNeighbour(Rig::pedalSlot(0), 1);
  finish(rig);
  test::deliverMessages(50);
  const auto second = titleIn(rig, Rig::pedalSlot(0));
  CHECK(second != "Hillside Drive");
  CHECK(second.isNotEmpty());
  history.undo();
  CHECK(titleIn(rig, Rig::pedalSlot(0)) == "Hillside Drive");
  history.undo();
  CHECK(titleIn(rig, Rig::pedalSlot(0)).isEmpty());
  history.redo();
  history.redo();
  CHECK(titleIn(rig, Rig::pedalSlot(0)) == second);
  rig.swapModels(0, 1); // of A and B alone
  finish(rig);
  CHECK(titleIn(rig, Rig::pedalSlot(0)) == second);
  instance.load(Rig::pedalSlot(0), test::model(2, 44100.0));
  CHECK(instance.plugin.getLatencySamples() == 2 * latency); // both are converted, one after the other
  instance.set(id::pedalOn[0], 0.0f);
  instance.play(test::sine(220.0, 4800));
  CHECK(instance.plugin.getLatencySamples() == 2 * latency); // switching never moves it
}

TEST_CASE("Rig: the shipped cabinet is one step from none", "[rig]") {
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  rig.loadCabinetNeighbour(1);
  finish(rig);
  REQUIRE(rig.contents().cabinet != nullptr);
  CHECK(rig.contents().cabinet->name == Shipped::get().cabinet->name);
}

TEST_CASE("Rig: a second response is loaded, undone, and takes the place of the first", "[rig]") {
  const test::Folder folder;
  const auto one = folder.write("one.wav", test::cabinet(1)->bytes),
             two = folder.write("two.wav", test::cabinet(2)->bytes);
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  const auto names = [&] {
    const auto contents = rig.contents();
    juce::StringArray found;
    for (const auto& cabinet : {contents.cabinet, contents.secondCabinet})
      found.add(cabinet == nullptr ? juce::String("-") : cabinet->name);
    return found.joinIntoString(" ");
  };
  const auto finishAndTell = [&] {
    finish(rig);
    test::deliverMessages(50);
    return names();
  };
  rig.loadCabinet(one);
  CHECK(finishAndTell() == "one -");
  rig.loadCabinet(two, 1);
  CHECK(finishAndTell() == "one two");
  rig.loadCabinetNeighbour(1, 1);
  CHECK(finishAndTell() == "one one");
  instance.plugin.history().undo();
  CHECK(names() == "one two");
  rig.clearCabinet();
  CHECK(finishAndTell() == "two -");
  rig.clearCabinet();
  CHECK(finishAndTell() == "- -");
}

TEST_CASE("Rig: a file that cannot be used leaves everything as it was, and says why", "[rig]") {
  const test::Folder folder;
  test::Instance instance;
  instance.load(0, test::model(1));
  auto& rig = instance.plugin.rig();
  const auto before = rig.contents();
  const auto bad = folder.file("bad.json");
  REQUIRE(bad.replaceWithText("{\"layers\": 3}"));
  for (const auto& file : {bad, folder.file("missing.json"), folder.file({})}) {
    rig.clearProblem();
    rig.loadModel(0, file);
    finish(rig);
    CHECK(rig.contents() == before);
    CHECK(rig.problem().isNotEmpty());
    CHECK(rig.problem().endsWith("."));
  }
  rig.clearProblem();
  rig.loadCabinet(bad);
  finish(rig);
  CHECK(rig.contents() == before);
  CHECK(rig.problem().contains("WAV"));
  rig.swapModels(0, 1); // something that works takes the sentence away
  finish(rig);
  CHECK(rig.problem().isEmpty());
}

#if !JUCE_WINDOWS
TEST_CASE("Rig: a pipe is refused at once, where reading it would wait for ever", "[rig]") {
  const test::Folder folder;
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  const auto pipe = folder.file("pipe.json");
  REQUIRE(mkfifo(pipe.getFullPathName().toRawUTF8(), 0600) == 0);
  rig.loadModel(0, pipe);
  finish(rig);
  CHECK(rig.problem().contains("regular file"));
  rig.clearProblem();
  rig.loadCabinet(pipe);
  finish(rig);
  CHECK(rig.problem().contains("regular file"));
  CHECK_THROWS_AS(vst_preset::read(pipe), FileError);
}
#endif

TEST_CASE("Rig: loads for both slots at once both arrive", "[rig]") {
  const test::Folder folder;
  const auto a = write(folder.file({}), "a.json", 1), b = write(folder.file({}), "b.json", 2);
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  rig.loadModel(0, a);
  rig.loadModel(1, b);
  finish(rig);
  CHECK(rig.contents().models[0]->name == "a");
  CHECK(rig.contents().models[1]->name == "b");
}

TEST_CASE("Rig: an instance may go while its load is under way", "[rig]") {
  const test::Folder folder;
  const auto file = write(folder.file({}), "a.json", 1);
  for (int round = 0; round < 20; ++round) {
    test::Instance instance;
    for (int load = 0; load < 5; ++load)
      instance.plugin.rig().loadModel(load % 2, file);
  }
}

namespace {

/** A model file with that many knobs, from 0 to 10, at 7 by default. */
std::string textWithKnobs(int numKnobs) {
  juce::StringArray knobs, rows{"[0.6]"};
  for (int k = 0; k < numKnobs; ++k) {
    knobs.add(R"({"name": "Knob )" + juce::String(k + 1) + R"(", "unit": "", "min": 0, "max": 10, "default": 7})");
    rows.add("[0.1]");
  }
  return (R"({"in_shape": [null, null, )" + juce::String(1 + numKnobs) + R"(], "samplerate": 48000, "knobs": [)" +
          knobs.joinIntoString(", ") +
          R"(], "layers": [{"type": "dense", "activation": "", "shape": [null, null, 1], )" + R"("weights": [[)" +
          rows.joinIntoString(", ") + "], [0.0]]}]}")
      .toStdString();
}

} // namespace

TEST_CASE("Rig: a model that is loaded comes with its own knob positions, and undo brings the old ones back", "[rig]") {
  const test::Folder folder;
  const auto file = folder.file("captures").getChildFile("knobs.json");
  folder.file("captures").createDirectory();
  REQUIRE(file.replaceWithText(juce::String(textWithKnobs(2))));
  test::Instance instance;
  instance.set(id::knob(0, 0), 20.0f);
  instance.set(id::quality(0), 30.0f);
  auto& rig = instance.plugin.rig();
  rig.loadModel(0, file);
  finish(rig);
  REQUIRE(test::waitUntil([&] { return instance.get(id::knob(0, 0)) > 60.0f; }));
  CHECK(instance.get(id::knob(0, 0)) == Approx(70.0f));
  CHECK(instance.get(id::knob(0, 1)) == Approx(70.0f));
  CHECK(instance.get(id::knob(1, 0)) == Approx(50.0f)); // the other slot's stay
  CHECK(instance.get(id::quality(0)) == Approx(30.0f)); // the slot keeps its quality
  instance.set(id::knob(0, 1), 30.0f);
  rig.copyModel(0, 1);
  finish(rig);
  REQUIRE(test::waitUntil([&] { return instance.get(id::knob(1, 0)) > 60.0f; }));
  CHECK(instance.get(id::knob(1, 1)) == Approx(30.0f)); // a copy stands as the other does
  REQUIRE(test::waitUntil([&] { return instance.get(id::quality(1)) < 60.0f; }));
  CHECK(instance.get(id::quality(1)) == Approx(30.0f));
}

TEST_CASE("Rig: two pedals change places with all that belongs to them, in one step of undo", "[rig]") {
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  const int first = Rig::pedalSlot(0), firstB = Rig::pedalSlot(0, 1), second = Rig::pedalSlot(1);
  const auto boost = test::model(1), drive = test::model(2), other = test::model(3);
  instance.load(0, test::model(4));
  instance.load(first, boost);
  instance.load(firstB, other);
  instance.load(second, drive);
  instance.set(id::pedalOn[1], 0.0f);
  instance.set(id::pedalLevel[0], -3.0f);
  instance.set(id::pedalLevel[1], 5.0f);
  instance.set(id::pedalSlot[0], 1.0f);
  instance.set(id::knob(firstB, 3), 20.0f);
  instance.set(id::quality(second), 40.0f);
  instance.plugin.presets().setCurrent(-1); // which would no longer be as it was loaded
  const auto before = instance.save();
  const auto input = test::sine(220.0, 4800, 0.25f, 48000.0);
  const auto places = [&] {
    const auto models = rig.contents().models;
    return std::vector{models[std::size_t(first)], models[std::size_t(firstB)], models[std::size_t(second)],
                       models[std::size_t(Rig::pedalSlot(1, 1))]};
  };
  using Models = std::vector<std::shared_ptr<const ModelFile>>;
  instance.plugin.exchange(second, firstB); // as when one card is dragged onto the other, whatever they show
  CHECK(places() == Models{drive, nullptr, boost, other});
  CHECK(instance.get(id::pedalOn[0]) == 0.0f);
  CHECK(instance.get(id::pedalOn[1]) == 1.0f);
  CHECK(instance.get(id::pedalLevel[2]) == Approx(-3.0f));
  CHECK(instance.get(id::pedalLevel[3]) == Approx(5.0f));
  CHECK(instance.get(id::pedalSlot[0]) == 0.0f);
  CHECK(instance.get(id::pedalSlot[1]) == 1.0f);
  CHECK(instance.get(id::knob(Rig::pedalSlot(1, 1), 3)) == Approx(20.0f));
  CHECK(instance.get(id::quality(first)) == Approx(40.0f));
  CHECK(instance.plugin.history().undoText() == "Swap pedals");
  instance.plugin.history().undo();
  CHECK(instance.save() == before);
  instance.plugin.history().redo();
  CHECK(places() == Models{drive, nullptr, boost, other});
}

TEST_CASE("Rig: a capture that is dragged onto a slot changes places with what is there", "[rig]") {
  test::Instance instance;
  const int pedal = Rig::pedalSlot(0), pedalB = Rig::pedalSlot(0, 1);
  const auto amp = test::model(1), drive = test::model(2);
  instance.load(0, amp);
  instance.load(pedal, drive);
  instance.set(id::pedalLevel[0], -6.0f);
  auto& rig = instance.plugin.rig();
  instance.plugin.exchange(pedal, 1);
  finish(rig);
  CHECK(rig.contents().models[1] == drive);
  CHECK(rig.contents().models[std::size_t(pedal)] == nullptr);
  instance.plugin.exchange(1, pedalB);
  finish(rig);
  CHECK(rig.contents().models[std::size_t(pedalB)] == drive);
  CHECK(rig.contents().models[0] == amp);
  rig.copyModel(pedalB, pedal);
  finish(rig);
  REQUIRE(test::waitUntil([&] { return rig.contents().models[std::size_t(pedal)] == drive; }));
}

TEST_CASE("Rig: a state without knobs leaves them where the model's file says", "[rig]") {
  test::Instance saved, instance;
  saved.load(0, ModelFile::parse(textWithKnobs(6), "knobs", {}));
  State state;
  state.contents = saved.plugin.rig().contents();
  CHECK(instance.restore(state.encode()) == "");
  CHECK(instance.get(id::knob(0, 0)) == Approx(70.0f));
  // The fifth and sixth cannot be reached, and stand there too: 0.6 x + 0.1 (4 * 0.7 + 2 * 0.7)
  CHECK(instance.play(std::vector<float>(480, 0.0f)).back() == Approx(0.42f).margin(1e-5));
}

TEST_CASE("Rig: a load parses its file once: slots are built from what was read", "[rig]") {
  const auto whole = test::model(1);
  auto cut = std::make_shared<ModelFile>(*whole);
  cut->text = "not a model"; // parsing it again would fail
  test::Instance instance, expected;
  instance.load(0, cut);
  expected.load(0, whole);
  const auto input = test::sine(220.0, 4800, 0.5f, 48000.0);
  for (const float oversampling : {0.0f, 2.0f}) { // off and 4x, for which slots are built anew
    for (auto* each : {&instance, &expected}) {
      each->set(id::oversamplingLive, oversampling);
      each->prepare({});
    }
    CHECK(instance.plugin.rig().problem() == "");
    CHECK((instance.plugin.getLatencySamples() > 0) == (oversampling > 0.0f));
    CHECK(instance.play(input) == expected.play(input));
  }
}

TEST_CASE("Rig: next and previous pass over what does not play, and say so", "[rig]") {
  const test::Folder folder;
  const auto home = folder.file("captures");
  const auto first = write(home, "amp 1.json", 1);
  REQUIRE(home.getChildFile("amp 2.json").replaceWithText("{\"layers\": 3}"));
  REQUIRE(home.getChildFile("amp 3.nam").replaceWithText("none"));
  write(home, "amp 4.json", 4);
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  rig.loadModel(0, first);
  finish(rig);
  for (const auto& [step, name] : {std::pair{1, "amp 4"}, {-1, "amp 1"}}) {
    rig.loadNeighbour(0, step);
    finish(rig);
    CHECK(rig.contents().models[0]->name == name);
    CHECK(rig.problem().startsWith("Skipped 2 files, the first: "));
  }
  rig.loadNeighbour(0, -1); // round the end: nothing is in the way
  finish(rig);
  CHECK(rig.contents().models[0]->name == "amp 4");
  CHECK(rig.problem() == "");
  home.getChildFile("amp 1.json").deleteFile();
  rig.loadNeighbour(0, 1);
  finish(rig);
  CHECK(rig.contents().models[0]->name == "amp 4"); // the only one that plays
  CHECK(rig.problem().startsWith("No other file here can be played: "));
}

TEST_CASE("Rig: a cabinet and a long filter in a model are its tail", "[rig]") {
  test::Instance instance;
  CHECK(instance.plugin.getTailLengthSeconds() == 0.0);
  instance.load(test::cabinet(1, 24000));
  CHECK(instance.plugin.getTailLengthSeconds() == Approx(0.5));
}
