// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"

#include <model_file.h>
#include <shipped.h>
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

TEST_CASE("Rig: the shipped cabinet is one step from none", "[rig]") {
  test::Instance instance;
  auto& rig = instance.plugin.rig();
  rig.loadCabinetNeighbour(1);
  finish(rig);
  REQUIRE(rig.contents().cabinet != nullptr);
  CHECK(rig.contents().cabinet->name == Shipped::get().cabinet->name);
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
  rig.swapModels(); // something that works takes the sentence away
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
