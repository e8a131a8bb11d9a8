// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"

#include <vst_preset.h>

#include <cstring>
#include <random>

using namespace fxtrain;

namespace {

juce::MemoryBlock block(const std::string& text) { return {text.data(), text.size()}; }

/** What the reader makes of a file: its state, or the sentence behind a "!". */
std::string outcome(const juce::MemoryBlock& bytes) {
  try {
    return vst_preset::read(bytes, "x.vstpreset").toString().toStdString();
  } catch (const FileError& error) {
    return std::string("!") + error.what();
  }
}

void put(juce::MemoryBlock& bytes, std::size_t offset, std::int64_t value) {
  std::memcpy(bytes.begin() + offset, &value, sizeof value); // the machines that run this are little-endian
}

} // namespace

TEST_CASE("Preset file: what was written is read", "[state]") {
  for (const std::string state : {"", "x", "fxtrain-state and more"})
    CHECK(vst_preset::read(vst_preset::write(block(state)), "x") == block(state));
}

TEST_CASE("Preset file: it is laid out as Steinberg's documentation says", "[state]") {
  const auto bytes = vst_preset::write(block("state"));
  const std::string expected = std::string("VST3\1\0\0\0ABCDEF019182FAEB467874724678746E", 40) +
                               std::string("\65\0\0\0\0\0\0\0", 8) + "state" + std::string("List\2\0\0\0", 8) +
                               std::string("Comp\60\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 20) +
                               std::string("Cont\65\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  CHECK(bytes == block(expected));
}

TEST_CASE("Preset file: other files are refused with a reason", "[state]") {
  const auto good = vst_preset::write(block("state"));
  CHECK(outcome({}).find("no VST3 preset") != std::string::npos);
  CHECK(outcome(block("VST3")).find("damaged") != std::string::npos);
  auto other = good;
  other[8] = 'B';
  CHECK(outcome(other).find("another plugin") != std::string::npos);
  auto lower = good;
  lower[8] = 'a'; // some hosts write the class id so
  CHECK(outcome(lower) == "state");
  for (const std::int64_t offset : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 62, INT64_MIN, INT64_MAX}) {
    auto list = good;
    put(list, 40, offset);
    CHECK(outcome(list).find("damaged") != std::string::npos);
    auto part = good;
    put(part, 48 + 5 + 8 + 4, offset);
    CHECK(outcome(part).find("damaged") != std::string::npos);
    if (offset != 0) {
      auto size = good;
      put(size, 48 + 5 + 8 + 12, offset);
      CHECK(outcome(size).find("damaged") != std::string::npos);
    }
  }
}

TEST_CASE("Preset file: no byte that is changed or missing does harm", "[state]") {
  const auto good = vst_preset::write(block("some state"));
  for (std::size_t size = 0; size < good.getSize(); ++size)
    CHECK(outcome({good.getData(), size}).front() == '!');
  std::mt19937 random(1);
  for (int n = 0; n < 20000; ++n) {
    auto bytes = good;
    for (auto changes = 1 + random() % 4; changes > 0; --changes)
      bytes[random() % bytes.getSize()] = char(random());
    const auto found = outcome(bytes);
    CHECK(found.size() < 1000);
  }
}

TEST_CASE("Preset file: a file that is not there, and a folder, give a sentence", "[state]") {
  const test::Folder folder;
  CHECK_THROWS_AS(vst_preset::read(folder.file("none.vstpreset")), FileError);
  CHECK_THROWS_AS(vst_preset::read(folder.file({})), FileError);
}
