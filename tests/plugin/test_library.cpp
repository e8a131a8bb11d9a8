// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"

#include <library.h>
#include <presets.h>
#include <rig.h>
#include <shipped.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

using namespace fxtrain;
using Sort = LibraryQuery::Sort;
using Show = LibraryQuery::Show;

namespace {

constexpr auto kVersion = "1.2.3";

/** A gain, which takes no time to read. */
std::string gain(const std::string& metadata) {
  return R"({"in_shape": [null, null, 1], "samplerate": 48000, "metadata": {)" + metadata +
         R"(}, "layers": [{"type": "dense", "activation": "", "shape": [null, null, 1], "weights": [[[0.5]], [0.0]]}]})";
}

juce::File write(const juce::File& file, const std::string& text) {
  REQUIRE(file.getParentDirectory().createDirectory());
  REQUIRE(file.replaceWithData(text.data(), text.size()));
  return file;
}

/** Empty folders of the player, before and after. */
struct Home {
  Home() { clear(); }
  ~Home() { clear(); }
  static void clear() {
    for (const auto& folder : {Rig::modelFolder(), Rig::cabinetFolder(), Presets::folder()})
      folder.deleteRecursively();
    Library::indexFile().deleteFile();
    Library::settingsFile().deleteFile();
  }
};

void read(Library& library) {
  library.refresh();
  REQUIRE(test::waitUntil([&] { return !library.isReading(); }, 120.0));
}

/** Those of the player, in order. */
std::vector<LibraryFile> own(const Library& library, LibraryQuery query = {}) {
  const auto index = library.index();
  std::vector<LibraryFile> files;
  for (const auto i : index->find(query, library.marks()))
    if (index->files()[i].path.isNotEmpty())
      files.push_back(index->files()[i]);
  return files;
}

LibraryFile named(const juce::String& name, const juce::String& maker = {}, const juce::StringArray& tags = {},
                  std::int64_t modified = 0) {
  LibraryFile file;
  file.path = "/captures/Big Stack/" + name + ".nam";
  file.name = name;
  file.maker = maker;
  file.tags = tags;
  file.modified = modified;
  return file;
}

std::vector<juce::String> names(const LibraryIndex& index, const LibraryQuery& query, const LibraryMarks& marks = {}) {
  std::vector<juce::String> found;
  for (const auto i : index.find(query, marks))
    found.push_back(index.files()[i].name);
  return found;
}

using Names = std::vector<juce::String>;

} // namespace

TEST_CASE("LibraryIndex: all words are looked for, in any field and in any case", "[library]") {
  auto pedal = named("Green Drive", "Ada", {"pedal"});
  pedal.device = "an overdrive of 1979";
  const LibraryIndex index({named("Lead 10", "Ada", {"amp", "high gain"}), named("Lead 2", "", {"amp", "clean"}), pedal,
                            named(juce::String::fromUTF8("\xc3\x9c"
                                                         "berdrive"),
                                  "Bob", {"pedal"})});
  const auto search = [&](const juce::String& text, const juce::StringArray& tags = {}) {
    LibraryQuery query;
    query.text = text;
    query.tags = tags;
    return names(index, query);
  };
  CHECK(search("LEAD") == Names{"Lead 2", "Lead 10"});
  CHECK(search("lead") == Names{"Lead 2", "Lead 10"});
  CHECK(search(" ada  lead ") == Names{"Lead 10"});
  CHECK(search("1979") == Names{"Green Drive"});
  CHECK(search("big stack").size() == 4); // the folder
  CHECK(search("green .nam") == Names{"Green Drive"});
  CHECK(search("high") == Names{"Lead 10"});
  CHECK(search("drive", {"pedal"}).size() == 2);
  CHECK(search("", {"amp", "clean"}) == Names{"Lead 2"});
  CHECK(search(juce::String::fromUTF8("\xc3\xbc"
                                      "ber"))
            .size() == 1);
  CHECK(search("nothing").empty());
  CHECK(index.tags(LibraryKind::capture).size() == 4);
  CHECK(index.tags(LibraryKind::cabinet).isEmpty());
}

TEST_CASE("LibraryIndex: it is sorted by maker or age, and what says nothing comes last", "[library]") {
  const LibraryIndex index({named("a", "", {}, 2), named("b", "zoe", {}, 3), named("c", "Ada", {}, 1)});
  LibraryQuery query;
  query.sort = Sort::maker;
  CHECK(names(index, query) == Names{"c", "b", "a"});
  query.sort = Sort::newest;
  CHECK(names(index, query) == Names{"b", "a", "c"});
  query.show = Show::favourites;
  LibraryMarks marks;
  CHECK(names(index, query, marks).empty());
  marks.favourites = {named("a").key(), named("c").key()};
  CHECK(names(index, query, marks) == Names{"a", "c"});
  query.show = Show::recent;
  marks.recent = {named("c").key(), "/not/there.nam", named("b").key()};
  CHECK(names(index, query, marks) == Names{"c", "b"});
}

TEST_CASE("LibraryIndex: what is written is read again, and what is damaged is not", "[library]") {
  auto bad = named("bad");
  bad.problem = "bad.nam is no model.";
  bad.kind = LibraryKind::preset;
  const std::vector<LibraryFile> files = {named("good", "Ada \"x\"", {"amp"}, 1700000000123), bad};
  const auto text = LibraryIndex::encode(files, kVersion);
  CHECK(LibraryIndex::decode(text, kVersion) == files);
  CHECK(LibraryIndex::decode(text, "1.2.4") == std::nullopt); // may play what this one does not
  for (const std::string broken : {"", "{", "[]", "{}", R"({"format": 1, "version": "1.2.3", "files": 3})"})
    CHECK(LibraryIndex::decode(broken, kVersion) == std::nullopt);
  CHECK(LibraryIndex::decode(text.substr(0, text.size() / 2), kVersion) == std::nullopt);
  auto document = nlohmann::json::parse(text);
  document["files"][0]["size"] = "large";
  document["files"].push_back(3);
  CHECK(LibraryIndex::decode(document.dump(), kVersion) == std::vector<LibraryFile>{bad});
}

TEST_CASE("Library: files of all kinds are listed, with what they say or why they do not play", "[library]") {
  const Home home;
  write(Rig::modelFolder().getChildFile("amps/lead.json"),
        gain(R"("name": "Lead", "modeled_by": "Ada", "gear_make": "Marlow", "gear_model": "50", "gear_type": "amp",)"
             R"( "tone_type": "hi_gain")"));
  write(Rig::modelFolder().getChildFile("broken.nam"), "{");
  write(Rig::modelFolder().getChildFile("notes.txt"), "not listed");
  const auto audio = test::cabinet(1, 4800)->bytes;
  write(Rig::cabinetFolder().getChildFile("open back.wav"),
        std::string(static_cast<const char*>(audio.getData()), audio.getSize()));
  test::Instance instance;
  instance.load(0, test::model(1));
  REQUIRE(instance.plugin.presets().save("Mine") == "");
  write(Presets::folder().getChildFile("not a preset.json"), "{}");

  Library library;
  read(library);
  const auto captures = own(library);
  REQUIRE(captures.size() == 2);
  CHECK(captures[0].name == "broken");
  CHECK(captures[0].problem.contains("broken.nam"));
  CHECK(captures[0].problem.endsWithChar('.'));
  CHECK(captures[1].name == "Lead");
  CHECK(captures[1].maker == "Ada");
  CHECK(captures[1].device == "Marlow 50");
  CHECK(captures[1].tags == juce::StringArray{"amp", "high gain", "no loudspeaker"});
  CHECK(captures[1].plays());
  LibraryQuery query;
  query.kind = LibraryKind::cabinet;
  REQUIRE(own(library, query).size() == 1);
  CHECK(own(library, query)[0].device == "100 ms");
  CHECK(own(library, query)[0].tags == juce::StringArray{"mono"});
  query.kind = LibraryKind::preset;
  REQUIRE(own(library, query).size() == 1);
  CHECK(own(library, query)[0].name == "Mine");
  // What comes with the plugin stands among them.
  const auto all = library.index()->files();
  const auto count = [&](LibraryKind kind) {
    return std::count_if(all.begin(), all.end(),
                         [&](const LibraryFile& file) { return file.kind == kind && file.path.isEmpty(); });
  };
  CHECK(count(LibraryKind::capture) == std::ptrdiff_t(Shipped::get().models.size()));
  CHECK(count(LibraryKind::preset) == Presets::numShipped());
}

TEST_CASE("Library: only what is new or has changed is opened again", "[library]") {
  const Home home;
  const auto file = [](int i) { return Rig::modelFolder().getChildFile("amp " + juce::String(i) + ".json"); };
  for (int i = 0; i < 5; ++i)
    write(file(i), gain(R"("author": "Ada")"));
  {
    Library library;
    read(library);
    CHECK(library.numRead() == 5);
    read(library);
    CHECK(library.numRead() == 5);
  }
  Library library;
  read(library);
  CHECK(library.numRead() == 0); // the index knows them
  CHECK(own(library).size() == 5);
  write(file(1), gain(R"("author": "Somebody Else")"));
  write(file(7), gain(""));
  file(2).deleteFile();
  read(library);
  CHECK(library.numRead() == 2);
  REQUIRE(own(library).size() == 5);
  CHECK(own(library)[1].maker == "Somebody Else");
  CHECK(own(library)[2].name == "amp 3");

  for (const std::string broken : {"", "{\"format\": 1", "\xff\xfe"}) {
    write(Library::indexFile(), broken);
    Library other;
    read(other);
    CHECK(other.numRead() == 5);
    CHECK(own(other).size() == 5);
  }
}

TEST_CASE("Library: favourites, recent files and folders are kept", "[library]") {
  const Home home;
  const test::Folder folder;
  const auto elsewhere = write(folder.file("deep/down/combo.json"), gain(""));
  write(folder.file("response.wav"), "no audio");
  const auto mine = write(Rig::modelFolder().getChildFile("mine.json"), gain("")).getFullPathName().toStdString();
  {
    Library library;
    library.addFolder(folder.file({}));
    library.setFavourite(mine, true);
    library.setFavourite("capture:gone", true);
    library.setFavourite("capture:gone", false);
    for (int i = 0; i < 60; ++i)
      library.addRecent("capture:" + std::to_string(i));
    library.addRecent("capture:30");
    read(library);
    CHECK(own(library).size() == 2);
  }
  Library library;
  read(library);
  CHECK(library.folders() == std::vector<juce::File>{folder.file({})});
  CHECK(library.marks().favourites == std::unordered_set<std::string>{mine});
  const auto recent = library.marks().recent;
  REQUIRE(recent.size() == Library::kMostRecent);
  CHECK(recent[0] == "capture:30");
  CHECK(recent[1] == "capture:59");
  CHECK(own(library)[0].path == elsewhere.getFullPathName());
  LibraryQuery query;
  query.kind = LibraryKind::cabinet;
  REQUIRE(own(library, query).size() == 1); // all kinds of files
  CHECK(!own(library, query)[0].plays());
  library.removeFolder(folder.file({}));
  read(library);
  CHECK(own(library).size() == 1);

  write(Library::settingsFile(), R"({"folders": ["relative", 3], "favourites": {}, "recent": 1})");
  Library other;
  read(other);
  CHECK(other.folders().empty());
  CHECK(other.marks() == LibraryMarks{});
}

TEST_CASE("Library: two programs that change the settings keep each other's changes", "[library]") {
  const Home home;
  const test::Folder folder;
  Library host, application;
  read(host);
  read(application); // both have seen an empty file
  host.setFavourite("capture:one", true);
  REQUIRE(test::waitUntil([] { return Library::settingsFile().existsAsFile(); }));
  application.setFavourite("capture:two", true);
  application.addFolder(folder.file({}));
  host.addRecent("capture:three");
  const auto isKept = [&] {
    Library other;
    read(other);
    return other.marks().favourites == std::unordered_set<std::string>{"capture:one", "capture:two"} &&
           other.marks().recent == std::vector<std::string>{"capture:three"} &&
           other.folders() == std::vector<juce::File>{folder.file({})};
  };
  CHECK(test::waitUntil(isKept));
  read(host); // looks at the file again
  CHECK(host.marks().favourites.size() == 2);
}

TEST_CASE("Library: what cannot be saved is said, stays while the plugin is open, and is saved later", "[library]") {
  const Home home;
  const auto folder = Library::settingsFile().getParentDirectory();
  folder.deleteRecursively();
  write(folder, "a file where the folder should be");
  Library library;
  library.setFavourite("capture:one", true);
  CHECK(test::waitUntil([&] { return library.problem().contains("cannot be written"); }));
  read(library);
  CHECK(library.marks().favourites.size() == 1);
  REQUIRE(folder.deleteFile());
  library.setFavourite("capture:two", true);
  CHECK(test::waitUntil([&] { return library.problem().isEmpty(); }));
  Library other;
  read(other);
  CHECK(other.marks().favourites.size() == 2);
}

TEST_CASE("Library: 5000 files are searched within 50 ms of a key", "[library]") {
  const Home home;
  constexpr int kNumFiles = 5000;
  for (int i = 0; i < kNumFiles; ++i)
    write(Rig::modelFolder().getChildFile("pack " + juce::String(i / 100) + "/capture " + juce::String(i) + ".json"),
          gain(R"("author": "Maker )" + std::to_string(i % 40) + R"(", "gear_type": "amp", "based": "Amp number )" +
               std::to_string(i) + "\""));
  Library library;
  read(library);
  CHECK(library.numRead() == kNumFiles);
  const auto index = library.index();
  LibraryQuery query;
  double worst = 0.0;
  std::size_t found = 0;
  for (const auto* text : {"m", "ma", "mak", "maker", "maker 3", "maker 39", "maker 39 number 4"})
    for (const auto sort : {Sort::name, Sort::maker, Sort::device, Sort::newest}) {
      query.text = text;
      query.sort = sort;
      const auto start = std::clock(); // processor time: the machine may be busy
      found = index->find(query, library.marks()).size();
      worst = std::max(worst, double(std::clock() - start) / CLOCKS_PER_SEC);
    }
  CHECK(found > 0);
  CHECK(found < 125);
  INFO("worst search: " << 1e3 * worst << " ms");
  CHECK(worst < 0.05);
  Library again;
  read(again);
  CHECK(again.numRead() == 0);
}
