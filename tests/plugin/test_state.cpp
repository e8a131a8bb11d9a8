// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"

#include <state.h>
#include <vst_preset.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

using namespace fxtrain;
using nlohmann::json;

namespace {

const std::string kMagic = "fxtrain-state\n";

juce::MemoryBlock pack(const std::string& document) {
  juce::MemoryOutputStream bytes;
  bytes.write(kMagic.data(), kMagic.size());
  {
    juce::GZIPCompressorOutputStream packed(bytes);
    packed.write(document.data(), document.size());
  }
  return bytes.getMemoryBlock();
}

std::string unpack(const juce::MemoryBlock& state) {
  REQUIRE(state.getSize() > kMagic.size());
  REQUIRE(std::memcmp(state.getData(), kMagic.data(), kMagic.size()) == 0);
  juce::MemoryInputStream in(state.begin() + kMagic.size(), state.getSize() - kMagic.size(), false);
  juce::GZIPDecompressorInputStream stream(&in, false, juce::GZIPDecompressorInputStream::zlibFormat);
  juce::MemoryOutputStream out;
  out << stream;
  return out.toString().toStdString();
}

/** With all that a state can hold. */
void fill(test::Instance& instance, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
  for (auto* parameter : instance.plugin.getParameters())
    parameter->setValueNotifyingHost(uniform(random));
  for (const auto* id : {id::oversamplingLive, id::oversamplingOffline, id::bypass, id::tuner})
    instance.set(id, 0.0f);
  instance.load(0, test::model(seed));
  instance.load(1, test::model(seed + 1, 44100.0));
  instance.load(Rig::pedalSlot(0), test::model(seed + 2));
  instance.load(test::cabinet(seed, 500));
  auto contents = instance.plugin.rig().contents();
  contents.secondCabinet = test::cabinet(seed + 1, 300);
  instance.plugin.rig().setContents(contents);
  instance.plugin.midiControl().setBindings(
      {{11, 2, id::blend, MidiControl::Mode::follow}, {80, 0, id::bypass, MidiControl::Mode::toggle}});
  instance.plugin.setEditorSize({1234, 777});
}

/** Gives a state to a plugin that holds something else, and sees that it is taken whole or not at all. */
void checkTakenOrRefused(test::Instance& instance, const juce::MemoryBlock& before, const juce::MemoryBlock& state) {
  if (instance.restore(state).isNotEmpty()) {
    CHECK(instance.save() == before);
    return;
  }
  for (auto* parameter : instance.plugin.getParameters())
    CHECK((parameter->getValue() >= 0.0f && parameter->getValue() <= 1.0f));
  for (const float sample : instance.play(test::sine(220.0, 2000)))
    REQUIRE(std::isfinite(sample));
  CHECK(instance.restore(before) == "");
}

} // namespace

TEST_CASE("State: everything comes back, and plays the same", "[state]") {
  test::Instance first;
  fill(first, 1);
  const auto state = first.save();
  test::Instance second;
  CHECK(second.restore(state) == "");
  CHECK(second.save() == state);
  CHECK(second.plugin.midiControl().bindings() == first.plugin.midiControl().bindings());
  CHECK(second.plugin.editorSize() == juce::Point<int>(1234, 777));
  const auto& files = second.plugin.rig().contents();
  CHECK(files.models[0]->text == test::modelText(1));
  CHECK(files.models[1]->text == test::modelText(2, 44100.0));
  CHECK(files.models[Rig::pedalSlot(0)]->text == test::modelText(3));
  CHECK(files.cabinet->bytes == test::cabinet(1, 500)->bytes);
  CHECK(files.secondCabinet->bytes == test::cabinet(2, 300)->bytes);
  // Prepared anew, as at the opening of a project.
  first.prepare({});
  second.prepare({});
  const auto signal = test::sine(110.0, 24000);
  CHECK(test::difference(first.play(signal), second.play(signal)) == 0.0f);
}

TEST_CASE("State: a quality comes back, with the file gone", "[state]") {
  test::Instance first;
  first.load(0, test::twoSizes(0.25f, 1.0f)); // from a path that is not there
  first.set(id::quality(0), 20.0f);
  test::Instance second;
  CHECK(second.restore(first.save()) == "");
  CHECK(second.get(id::quality(0)) == Approx(20.0f));
  CHECK(second.get(id::quality(1)) == 100.0f);
  second.prepare({});
  const auto signal = test::sine(110.0, 2000);
  const auto output = second.play(signal);
  for (std::size_t t = 0; t < signal.size(); ++t) // from the first frame: the small one
    REQUIRE(output[t] == Approx(0.25f * signal[t]).margin(1e-6));
}

TEST_CASE("State: hashes and paths go along", "[state]") {
  test::Instance instance;
  const auto text = test::modelText(7);
  instance.load(0, ModelFile::parse(text, "the name", "/gone/the name.json"));
  const auto slot = json::parse(unpack(instance.save()))["slots"]["A"];
  CHECK(slot["name"] == "the name");
  CHECK(slot["path"] == "/gone/the name.json");
  CHECK(slot["sha256"] == sha256Of(text.data(), text.size()).toStdString());
  CHECK(slot["model"] == text);
}

TEST_CASE("State: what a document does not say is as by default, what is unknown is passed over", "[state]") {
  test::Instance instance;
  fill(instance, 2);
  CHECK(instance.restore(pack(R"({"version": 1, "new": [1, {"x": null}], "parameters": {"mix": 25, "later": 1}})")) ==
        "");
  CHECK(instance.get(id::mix) == Approx(25.0f));
  CHECK(instance.plugin.rig().contents() == RigContents());
  CHECK(instance.plugin.midiControl().bindings().empty());
  instance.set(id::mix, 100.0f);
  for (auto* parameter : instance.plugin.getParameters())
    CHECK(parameter->getValue() == parameter->getDefaultValue());
}

TEST_CASE("State: with a pedal or a second response it is version 2, without one version 1, which older plugins open",
          "[state]") {
  test::Instance instance;
  const auto version = [&] { return json::parse(unpack(instance.save()))["version"].get<int>(); };
  CHECK(version() == 1);
  instance.load(Rig::pedalSlot(0), test::model(1));
  CHECK(version() == 2);
  instance.load(Rig::pedalSlot(0), nullptr);
  CHECK(version() == 1);
  auto contents = instance.plugin.rig().contents();
  contents.secondCabinet = test::cabinet(1);
  instance.plugin.rig().setContents(contents);
  CHECK(version() == 2);
}

TEST_CASE("State: with a pedal's B or a second pedal it is version 3, and comes back whole", "[state]") {
  for (const int slot : {Rig::pedalSlot(0, 1), Rig::pedalSlot(1, 0), Rig::pedalSlot(1, 1)}) {
    test::Instance instance;
    instance.load(Rig::pedalSlot(0), test::model(1));
    instance.load(slot, test::model(slot));
    instance.set(id::pedalLevel[slot - Rig::pedalSlot(0)], -7.5f);
    instance.set(id::pedalSlot[Rig::pedalOf(slot)], 1.0f);
    instance.set(id::knob(slot, 2), 12.0f);
    const auto saved = instance.save();
    CHECK(json::parse(unpack(saved))["version"] == 3);
    test::Instance other;
    CHECK(other.restore(saved) == "");
    CHECK(other.plugin.rig().contents().models[std::size_t(slot)]->text == test::modelText(slot));
    CHECK(other.get(id::pedalLevel[slot - Rig::pedalSlot(0)]) == Approx(-7.5f));
    CHECK(other.get(id::pedalSlot[Rig::pedalOf(slot)]) == 1.0f);
    CHECK(other.get(id::knob(slot, 2)) == Approx(12.0f));
  }
}

TEST_CASE("State: version 2 loads, whatever is the newest", "[state]") {
  juce::MemoryBlock bytes;
  REQUIRE(juce::File(FIXTURES).getChildFile("state/v2.state").loadFileAsData(bytes));
  test::Instance instance;
  CHECK(instance.restore(bytes) == "");
  CHECK(instance.get(id::pedalOn[0]) == 1.0f);
  CHECK(instance.get(id::pedalLevel[0]) == Approx(-4.5f));
  CHECK(instance.get(id::knob(Rig::pedalSlot(0), 0)) == Approx(20.0f));
  CHECK(instance.get(id::blend) == Approx(35.0f));
  const auto contents = instance.plugin.rig().contents();
  REQUIRE(contents.models[Rig::pedalSlot(0)] != nullptr);
  CHECK(contents.models[Rig::pedalSlot(0)]->name == "pedal");
  REQUIRE(contents.models[0] != nullptr);
  CHECK(contents.models[0]->text == contents.models[Rig::pedalSlot(0)]->text);
  CHECK(instance.get(id::cabinetBlend) == Approx(30.0f));
  REQUIRE(contents.secondCabinet != nullptr);
  CHECK(contents.secondCabinet->name == "far echo");
  CHECK(contents.secondCabinet->bytes == contents.cabinet->bytes);
}

TEST_CASE("State: version 1 loads, whatever is the newest", "[state]") {
  // Made by tests/fixtures/state/make.py from the description of the format, not by the plugin.
  juce::MemoryBlock bytes;
  REQUIRE(juce::File(FIXTURES).getChildFile("state/v1.state").loadFileAsData(bytes));
  test::Instance instance;
  CHECK(instance.restore(bytes) == "");
  CHECK(instance.get(id::inputGain) == Approx(-3.5f));
  CHECK(instance.get(id::gateOn) == 1.0f);
  CHECK(instance.get(id::gateThreshold) == Approx(-55.0f));
  CHECK(instance.get(id::slot) == 2.0f);
  CHECK(instance.get(id::blend) == Approx(35.0f));
  CHECK(instance.get(id::knob(0, 1)) == Approx(75.0f));
  CHECK(instance.get(id::mix) == Approx(100.0f));                               // not in it
  CHECK(instance.get(id::quality(0)) == 100.0f);                                // older than this parameter
  CHECK(instance.plugin.rig().contents().models[Rig::pedalSlot(0)] == nullptr); // and than the pedal
  const auto contents = instance.plugin.rig().contents();
  REQUIRE(contents.models[0] != nullptr);
  CHECK(contents.models[0]->name == "lstm");
  CHECK(contents.models[0]->path == "/home/ann/models/lstm.json");
  CHECK(contents.models[1] == nullptr);
  REQUIRE(contents.cabinet != nullptr);
  CHECK(contents.cabinet->response.channels.front().size() == 64);
  const std::vector<MidiControl::Binding> expected = {{80, 0, id::bypass, MidiControl::Mode::toggle},
                                                      {11, 3, id::blend, MidiControl::Mode::follow}};
  CHECK(instance.plugin.midiControl().bindings() == expected);
  CHECK(instance.plugin.editorSize() == juce::Point<int>(1200, 700));
  juce::MemoryBlock preset;
  REQUIRE(juce::File(FIXTURES).getChildFile("state/v1.vstpreset").loadFileAsData(preset));
  CHECK(vst_preset::read(preset, "v1") == bytes);
}

TEST_CASE("State: bytes that a host adds behind it do not matter", "[state]") {
  test::Instance instance;
  fill(instance, 3);
  auto state = instance.save();
  const auto clean = state;
  const std::string tail("\0\0\0\0\0\0\0\0JUCEPrivateData", 23);
  state.append(tail.data(), tail.size());
  test::Instance other;
  CHECK(other.restore(state) == "");
  CHECK(other.save() == clean);
}

TEST_CASE("State: documents that are none are refused with a sentence, and nothing changes", "[state]") {
  test::Instance instance;
  fill(instance, 4);
  const auto before = instance.save();
  auto later = json::parse(unpack(before));
  later["version"] = State::kVersion + 1;
  auto broken = json::parse(unpack(before));
  broken["slots"]["A"]["model"] = "{}";
  auto silent = json::parse(unpack(before));
  silent["cabinet"]["audio"] = "UklGRg==";
  auto odd = json::parse(unpack(before));
  odd["slots"]["B"] = 7;
  const std::vector<juce::MemoryBlock> states = {
      {},
      juce::MemoryBlock("x", 1),
      juce::MemoryBlock(kMagic.data(), kMagic.size()),
      juce::MemoryBlock((kMagic + "not zlib").data(), kMagic.size() + 8),
      pack(""),
      pack("null"),
      pack("[]"),
      pack("{"),
      pack("{}"),
      pack(R"({"version": 0})"),
      pack(R"({"version": "1"})"),
      pack(R"({"version": 1e400})"),
      pack(later.dump()),
      pack(broken.dump()),
      pack(silent.dump()),
      pack(odd.dump()),
      pack(std::string(100000, '[')),
      pack(std::string(1000, '[') + std::string(1000, ']')),
      pack(R"({"version": 1, "x": )" + std::string(100000, '[') + std::string(100000, ']') + "}"),
      pack(std::string("{\"version\": 1, \"x\": \"\xff\xfe\"}"))};
  for (std::size_t index = 0; index < states.size(); ++index) {
    const auto sentence = instance.restore(states[index]);
    INFO(index << ": " << sentence);
    CHECK(sentence.endsWithChar('.'));
    CHECK(sentence.length() < 500);
    CHECK(instance.save() == before);
  }
}

TEST_CASE("State: a document of the newer version says that the plugin is to be updated", "[state]") {
  test::Instance instance;
  CHECK(instance.restore(pack(R"({"version": 4})")).contains("update"));
}

TEST_CASE("State: a small file that unpacks to very much is refused", "[state]") {
  test::Instance instance;
  const auto before = instance.save();
  CHECK(instance.restore(pack(R"({"version": 1, "x": ")" + std::string(State::kMaxBytes, ' ') + "\"}")) != "");
  CHECK(instance.save() == before);
}

TEST_CASE("State: values of the wrong kind or out of all bounds do no harm", "[state]") {
  test::Instance instance;
  const auto before = instance.save();
  const std::vector<std::string> values = {"1e999",  "-1e999",  "1e38", "-1e38",
                                           "1e-320", "NaN",     "null", "true",
                                           "\"7\"",  "[]",      "{}",   "123456789012345678901234567890",
                                           "-1",     "1000000", "0.5",  "-0.0"};
  for (const auto& value : values) {
    for (const auto* key : {id::inputGain, id::slot, id::bypass, id::oversamplingLive, id::gateRelease, "knob_a1"})
      checkTakenOrRefused(instance, before,
                          pack(R"({"version": 1, "parameters": {")" + std::string(key) + "\": " + value + "}}"));
    for (const std::string key : {"parameters", "slots", "cabinet", "midi", "editor", "program", "backend"})
      checkTakenOrRefused(instance, before, pack(R"({"version": 1, ")" + key + "\": " + value + "}"));
    for (const std::string key : {"controller", "channel", "parameter", "mode"})
      checkTakenOrRefused(instance, before,
                          pack(R"({"version": 1, "midi": {"controllers": [{"controller": 1, "parameter": "mix", ")" +
                               key + "\": " + value + "}]}}"));
    for (const std::string key : {"width", "height"})
      checkTakenOrRefused(instance, before, pack(R"({"version": 1, "editor": {")" + key + "\": " + value + "}}"));
  }
}

TEST_CASE("State: a cabinet's header decides neither the memory nor the time that it takes", "[state]") {
  // The length that a header of 44 bytes claimed was allocated before its sample rate was looked at.
  test::Instance instance;
  const auto before = instance.save();
  const auto refused = [&](std::uint32_t rate, std::uint32_t numBytes) {
    auto audio = test::wav({test::sine(100.0, 100)}, 48000.0);
    const auto overwrite = [&audio](const char* chunk, std::size_t place, std::uint32_t value) {
      const auto found = std::search(audio.begin(), audio.end(), chunk, chunk + 4);
      REQUIRE(found + place + sizeof value <= audio.end());
      std::memcpy(found + place, &value, sizeof value);
    };
    overwrite("fmt ", 12, rate);
    overwrite("data", 4, numBytes);
    const json document = {
        {"version", 1},
        {"cabinet", {{"audio", juce::Base64::toBase64(audio.getData(), audio.getSize()).toStdString()}}}};
    const auto sentence = instance.restore(pack(document.dump()));
    CHECK(instance.save() == before);
    return sentence;
  };
  CHECK(refused(0x7fffffff, 800'000'000).contains("sample rate"));
  CHECK(refused(999, 100).contains("sample rate"));
  CHECK(refused(1'000'000, 100).contains("sample rate")); // two seconds of it would take seconds to convert
  CHECK(refused(384'000, 100'000'000).contains("recording"));
}

TEST_CASE("State: a cabinet that is larger than a file may be is refused before it is decoded", "[state]") {
  test::Instance instance;
  const auto before = instance.save();
  const std::string text(30u << 20, 'A');
  const auto sentence = instance.restore(pack(R"({"version": 1, "cabinet": {"audio": ")" + text + R"("}})"));
  CHECK(sentence.contains("16 MiB"));
  CHECK(instance.save() == before);
}

TEST_CASE("State: cabinets with headers that lie do no harm", "[state][fuzz]") {
  test::Instance instance;
  const auto before = instance.save();
  const auto good = test::wav({test::sine(100.0, 100)}, 48000.0);
  std::mt19937 random(6);
  const auto give = [&](const juce::MemoryBlock& audio) {
    const json document = {
        {"version", 1},
        {"cabinet", {{"audio", juce::Base64::toBase64(audio.getData(), audio.getSize()).toStdString()}}}};
    checkTakenOrRefused(instance, before, pack(document.dump()));
  };
  // Sample rate (24), block align (32), bits (34) and lengths (4, 40 ...) of the header, replaced by extremes.
  for (std::size_t offset = 4; offset + 4 <= std::min<std::size_t>(good.getSize(), 96); offset += 2) {
    for (const std::uint32_t value : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu, 4000000000u, 3u}) {
      auto audio = good;
      std::memcpy(audio.begin() + offset, &value, sizeof value);
      give(audio);
    }
  }
  for (int n = 0; n < 300; ++n) {
    auto audio = good;
    for (auto changes = 1 + random() % 3; changes > 0; --changes)
      audio[random() % std::min<std::size_t>(audio.getSize(), 100)] = char(random());
    give(audio);
  }
}

TEST_CASE("State: no byte that is changed or missing does harm", "[state][fuzz]") {
  test::Instance instance;
  fill(instance, 6);
  const auto before = instance.save();
  test::Instance other;
  fill(other, 8);
  const auto good = other.save();
  std::mt19937 random(9);
  SECTION("cut off") {
    for (std::size_t size = 0; size < good.getSize(); size += 1 + good.getSize() / 60)
      checkTakenOrRefused(instance, before, {good.getData(), size});
  }
  SECTION("changed as packed") {
    for (int n = 0; n < 100; ++n) {
      auto state = good;
      for (auto changes = 1 + random() % 4; changes > 0; --changes)
        state[random() % state.getSize()] = char(random());
      checkTakenOrRefused(instance, before, state);
    }
  }
  SECTION("changed within") {
    const auto text = unpack(good);
    const std::string marks = "{}[]\",:0123456789.-e\\u ";
    for (int n = 0; n < 150; ++n) {
      auto changed = text;
      for (auto changes = 1 + random() % 3; changes > 0; --changes) {
        const auto at = random() % (n % 2 == 0 ? changed.size() : std::min<std::size_t>(changed.size(), 2000));
        changed[at] = marks[random() % marks.size()];
      }
      checkTakenOrRefused(instance, before, pack(changed));
    }
  }
}

TEST_CASE("State: a refused state leaves the sound as it was, to the sample", "[state]") {
  test::Instance instance, witness;
  fill(instance, 10);
  fill(witness, 10);
  instance.prepare({});
  witness.prepare({});
  const auto signal = test::sine(110.0, 4800);
  for (int n = 0; n < 3; ++n) {
    CHECK(instance.restore(pack(R"({"version": 1, "slots": {"A": {"model": "no"}}})")) != "");
    CHECK(test::difference(instance.play(signal), witness.play(signal)) == 0.0f);
  }
}

TEST_CASE("State: opening another project ends what can be undone", "[state]") {
  test::Instance one, two;
  two.load(0, test::model(2));
  const auto other = two.save();
  one.load(0, test::model(1));
  auto& bass = one.parameter(id::bass);
  bass.beginChangeGesture();
  one.set(id::bass, 4.0f);
  bass.endChangeGesture();
  REQUIRE(one.plugin.history().canUndo());
  CHECK(one.restore(other) == "");
  CHECK_FALSE(one.plugin.history().canUndo());
  CHECK_FALSE(one.plugin.history().canRedo());
}
