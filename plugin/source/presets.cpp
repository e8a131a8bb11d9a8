// SPDX-License-Identifier: MIT
#include "presets.h"

#include "parameters.h"
#include "shipped.h"
#include "state.h"
#include "vst_preset.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace fxtrain {
namespace {

struct Setting {
  const char* parameter;
  float value; // plain units
};

struct Recipe {
  const char* name;
  std::array<const char*, 2> models; // titles; null: an empty slot
  bool cabinet;
  std::vector<Setting> settings;          // beyond the defaults
  std::array<const char*, 2> pedals = {}; // titles; null: none
};

constexpr auto kValve = "Lowlight Valve", kDrive = "Hillside Drive", kFuzz = "Nettle Fuzz";
constexpr auto kCombo = "Hearthside Combo", kStack = "Northwall Stack"; // with their loudspeaker
constexpr auto kLamp = "Slow Lamp";
constexpr float kAsLoudAsGuitar = -4.0f; // dB, of the drive: its output for the loudness clip is 4 dB above its input
constexpr float kCompressed = 4.0f;      // dB, of the compressor: its output is as much below
constexpr float kA = 0.0f, kBoth = 2.0f; // of the slot parameter

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = {
      {"Breakup, no cabinet", {kValve, nullptr}, false, {}},
      {"Breakup", {kValve, nullptr}, true, {{id::cabinetOn, 1.0f}}},
      {"Clean",
       {kValve, nullptr},
       true,
       {{id::cabinetOn, 1.0f}, {id::inputGain, -6.0f}, {id::toneOn, 1.0f}, {id::middle, -1.5f}, {id::treble, 2.0f}}},
      {"Crunch",
       {kValve, nullptr},
       true,
       {{id::cabinetOn, 1.0f},
        {id::inputGain, 9.0f},
        {id::gateOn, 1.0f},
        {id::gateThreshold, -58.0f},
        {id::toneOn, 1.0f},
        {id::bass, -1.5f},
        {id::middle, 2.0f}}},
      {"Lead",
       {kDrive, nullptr},
       true,
       {{id::cabinetOn, 1.0f},
        {id::inputGain, 3.0f},
        {id::gateOn, 1.0f},
        {id::gateThreshold, -62.0f},
        {id::gateRelease, 160.0f},
        {id::toneOn, 1.0f},
        {id::middle, 1.5f},
        {id::delay, 16.0f},
        {id::delayTime, 380.0f},
        {id::reverb, 8.0f}}},
      {"Fuzz wall",
       {kFuzz, nullptr},
       true,
       {{id::cabinetOn, 1.0f},
        {id::gateOn, 1.0f},
        {id::gateThreshold, -52.0f},
        {id::gateRelease, 120.0f},
        {id::toneOn, 1.0f},
        {id::bass, 2.0f},
        {id::treble, -2.0f}}},
      {"Breakup or fuzz: A/B",
       {kValve, kFuzz},
       true,
       {{id::cabinetOn, 1.0f}, {id::slot, kA}}}, // one press of a foot switch apart
      {"Breakup with drive: A + B",
       {kValve, kDrive},
       true,
       {{id::cabinetOn, 1.0f}, {id::slot, kBoth}, {id::blend, 45.0f}}},
      {"Bass fuzz", // a bass keeps its own bottom
       {kFuzz, nullptr},
       false,
       {{id::mix, 55.0f}, {id::toneOn, 1.0f}, {id::treble, -4.0f}, {id::gateOn, 1.0f}, {id::gateThreshold, -55.0f}}},
      {"Empty", {nullptr, nullptr}, false, {}},
      {"Drive into breakup",
       {kValve, nullptr},
       true,
       {{id::cabinetOn, 1.0f}, {id::gateOn, 1.0f}, {id::gateThreshold, -60.0f}, {id::pedalLevel[0], kAsLoudAsGuitar}},
       {kDrive}},
      {"Clean combo", {kCombo, nullptr}, false, {}},
      {"High gain", {kStack, nullptr}, false, {{id::gateOn, 1.0f}, {id::gateThreshold, -56.0f}}},
      {"Compressed clean", {kCombo, nullptr}, false, {{id::pedalLevel[0], kCompressed}}, {kLamp}},
      {"High gain, doubled",
       {kStack, nullptr},
       false,
       {{id::gateOn, 1.0f},
        {id::gateThreshold, -56.0f},
        {id::preOn, 1.0f},
        {id::preBass, -3.0f},
        {id::doubler, 50.0f}}},
      {"Compressed lead",
       {kCombo, nullptr},
       false,
       {{id::gateOn, 1.0f},
        {id::gateThreshold, -60.0f},
        {id::pedalLevel[0], kCompressed},
        {id::pedalLevel[2], 2.0f},
        {id::delay, 16.0f},
        {id::delayTime, 380.0f},
        {id::reverb, 8.0f}},
       {kLamp, kDrive}}};
  return all;
}

/** Nothing where a model that it needs is not in this binary. */
std::optional<State> make(const Recipe& recipe) {
  const auto& shipped = Shipped::get();
  State state;
  std::array<const char*, Rig::kNumSlots> titles = {recipe.models[0], recipe.models[1]};
  for (int pedal = 0; pedal < Rig::kNumPedals; ++pedal)
    titles[std::size_t(Rig::pedalSlot(pedal))] = recipe.pedals[std::size_t(pedal)];
  for (std::size_t slot = 0; slot < titles.size(); ++slot) {
    if (titles[slot] == nullptr)
      continue;
    state.contents.models[slot] = shipped.model(titles[slot]);
    if (state.contents.models[slot] == nullptr)
      return std::nullopt;
  }
  if (recipe.cabinet) {
    state.contents.cabinet = shipped.cabinet;
    if (shipped.cabinet == nullptr)
      return std::nullopt;
  }
  for (const auto& setting : recipe.settings)
    state.parameters[setting.parameter] = setting.value;
  return state;
}

struct ShippedPreset {
  juce::String name;
  State state;
};

const std::vector<ShippedPreset>& shippedPresets() {
  static const std::vector<ShippedPreset> all = [] {
    std::vector<ShippedPreset> presets;
    for (const auto& recipe : recipes()) {
      if (auto state = make(recipe)) {
        state->isPreset = true;
        state->program = int(presets.size());
        presets.push_back({recipe.name, std::move(*state)});
      }
    }
    return presets;
  }();
  return all;
}

const ShippedPreset* find(int index) {
  const auto& all = shippedPresets();
  return index >= 0 && index < int(all.size()) ? &all[std::size_t(index)] : nullptr;
}

State read(const juce::File& file) {
  const auto bytes = vst_preset::read(file);
  auto state = State::decode(bytes.getData(), bytes.getSize());
  state.isPreset = true; // whatever wrote it
  return state;
}

using Numbers = std::map<std::string, int>; // by file name

Numbers readNumbers() {
  const auto file = Presets::folder().getChildFile(Presets::kNumbersFile);
  Numbers numbers;
  if (!isRegularFile(file) || file.getSize() > (1 << 20))
    return numbers;
  const auto document = nlohmann::json::parse(file.loadFileAsString().toStdString(), nullptr, false);
  if (document.is_object())
    for (const auto& [name, number] : document.items())
      if (number.is_number_integer())
        if (const auto value = number.get<std::int64_t>();
            value >= Presets::kFirstOwnNumber && value < Presets::kNumNumbers)
          numbers[name] = int(value);
  return numbers;
}

/** Where the file cannot be written, numbers are given anew each time, in the order of the names. */
void writeNumbers(const Numbers& numbers) {
  Presets::folder().getChildFile(Presets::kNumbersFile).replaceWithText(nlohmann::json(numbers).dump(1));
}

/** The lowest number that no file had yet; where all were given away, one of a file that is gone. -1: none is left. */
int freeNumber(const Numbers& numbers, const std::set<std::string>& present) {
  std::set<int> given, inUse;
  for (const auto& [name, number] : numbers) {
    given.insert(number);
    if (present.contains(name))
      inUse.insert(number);
  }
  for (const auto* taken : {&given, &inUse})
    for (int number = Presets::kFirstOwnNumber; number < Presets::kNumNumbers; ++number)
      if (!taken->contains(number))
        return number;
  return -1;
}

} // namespace

int Presets::numShipped() { return int(shippedPresets().size()); }

juce::String Presets::shippedName(int index) {
  const auto* preset = find(index);
  return preset != nullptr ? preset->name : juce::String();
}

const State* Presets::shipped(int index) {
  const auto* preset = find(index);
  return preset != nullptr ? &preset->state : nullptr;
}

juce::File Presets::folder() {
#if JUCE_MAC
  return juce::File("~/Library/Audio/Presets/fxtrain/fxtrain");
#elif JUCE_WINDOWS
  return juce::File::getSpecialLocation(juce::File::userDocumentsDirectory)
      .getChildFile("VST3 Presets\\fxtrain\\fxtrain");
#else
  return juce::File("~/.vst3/presets/fxtrain/fxtrain");
#endif
}

Presets::Presets(std::function<State()> save, std::function<void(const State&, const Entry&)> load)
    : save_(std::move(save)), load_(std::move(load)) {
  for (int index = 0; index < numShipped(); ++index)
    entries_.push_back({shippedName(index), {}, index, index});
  current_ = kFirst < numShipped() ? kFirst : -1;
}

void Presets::refresh() {
  std::vector<Entry> entries;
  for (int index = 0; index < numShipped(); ++index)
    entries.push_back({shippedName(index), {}, index, index});
  auto files = folder().findChildFiles(juce::File::findFiles | juce::File::ignoreHiddenFiles, false,
                                       juce::String("*") + vst_preset::kSuffix);
  std::sort(files.begin(), files.end(), [](const juce::File& a, const juce::File& b) {
    return a.getFileName().compareNatural(b.getFileName()) < 0;
  });
  auto numbers = readNumbers();
  const auto before = numbers;
  std::set<std::string> present;
  for (const auto& file : files)
    present.insert(file.getFileName().toStdString());
  for (const auto& file : files) {
    const auto name = file.getFileName().toStdString();
    if (!numbers.contains(name))
      if (const int number = freeNumber(numbers, present); number >= 0) {
        std::erase_if(numbers, [number](const auto& each) { return each.second == number; });
        numbers[name] = number;
      }
    const auto found = numbers.find(name);
    entries.push_back({file.getFileNameWithoutExtension(), file, -1, found == numbers.end() ? -1 : found->second});
  }
  if (numbers != before)
    writeNumbers(numbers);
  if (entries == entries_)
    return;
  const Entry was = currentEntry();
  entries_ = std::move(entries);
  if (const int at = placeOf(was); at >= 0 || current_ < 0) {
    current_ = at;
    sendChangeMessage();
  } else {
    setCurrent(-1);
  }
}

Presets::Entry Presets::currentEntry() const { return current_ < 0 ? Entry{} : entries_[std::size_t(current_)]; }

juce::String Presets::currentName() const { return currentEntry().name; }

void Presets::setCurrent(int index, bool isEdited) {
  current_ = index >= 0 && index < int(entries_.size()) ? index : -1;
  isEdited_ = isEdited && current_ >= 0;
  if (onCurrent)
    onCurrent(currentEntry());
  sendChangeMessage();
}

void Presets::setCurrent(const Entry& entry, bool isEdited) { setCurrent(placeOf(entry), isEdited); }

void Presets::setEdited(bool isEdited) {
  isEdited = isEdited && current_ >= 0;
  if (isEdited == isEdited_)
    return;
  isEdited_ = isEdited;
  sendChangeMessage();
}

int Presets::placeOf(const Entry& entry) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& each) {
    return each.name == entry.name && each.file == entry.file && each.shipped == entry.shipped;
  });
  return found == entries_.end() ? -1 : int(found - entries_.begin());
}

int Presets::indexOf(const juce::File& file) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.shipped < 0 && entry.file == file; });
  return found == entries_.end() ? -1 : int(found - entries_.begin());
}

juce::String Presets::load(int index) {
  if (index < 0 || index >= int(entries_.size()))
    return "There is no preset " + juce::String(index + 1) + ": there are " + juce::String(int(entries_.size())) + ".";
  const Entry entry = entries_[std::size_t(index)];
  try {
    load_(entry.shipped >= 0 ? *shipped(entry.shipped) : read(entry.file), entry);
  } catch (const std::exception& error) {
    return juce::String::fromUTF8(error.what());
  }
  setCurrent(entry);
  return {};
}

juce::String Presets::loadNumber(int number) {
  const auto find = [&] {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.number == number; });
  };
  auto found = find();
  if (found == entries_.end()) { // a foot switch asks before anybody has looked
    refresh();
    found = find();
  }
  if (found == entries_.end())
    return "No preset has the program number " + juce::String(number) +
           ": the menu of presets shows the numbers, counted from 0.";
  return load(int(found - entries_.begin()));
}

juce::String Presets::loadNeighbour(int step) {
  const int size = int(entries_.size());
  juce::StringArray passed;
  int index = current_ >= 0 ? current_ : step > 0 ? size - 1 : 0;
  for (int tried = 0; tried < size; ++tried) {
    index = ((index + step) % size + size) % size;
    const auto name = entries_[std::size_t(index)].name;
    const auto problem = load(index);
    if (problem.isEmpty())
      return passed.isEmpty() ? juce::String() : "Skipped " + passed.joinIntoString("; ");
    passed.add(name + ": " + problem);
  }
  return passed.isEmpty() ? juce::String("There are no presets.") : passed.joinIntoString(" ");
}

juce::String Presets::loadFile(const juce::File& file) {
  try {
    load_(read(file), {file.getFileNameWithoutExtension(), file});
  } catch (const std::exception& error) {
    return juce::String::fromUTF8(error.what());
  }
  setCurrentFile(file);
  return {};
}

juce::File Presets::fileOf(const juce::String& name) { return folder().getChildFile(name + vst_preset::kSuffix); }

juce::String Presets::save(const juce::String& name) {
  const auto legal = juce::File::createLegalFileName(name.trim()).trimCharactersAtStart(". ");
  if (legal.isEmpty())
    return "A preset needs a name: type one with a letter or a digit.";
  const auto file = fileOf(legal);
  if (const auto made = folder().createDirectory(); made.failed())
    return "The folder for presets, " + folder().getFullPathName() + ", cannot be made: " + made.getErrorMessage() +
           ".";
  const auto bytes = vst_preset::write(save_().encode());
  if (!file.replaceWithData(bytes.getData(), bytes.getSize()))
    return file.getFullPathName() + " cannot be written: check the folder's permissions and the room on the disk.";
  setCurrentFile(file);
  return {};
}

void Presets::setCurrentFile(const juce::File& file) {
  refresh();
  setCurrent(indexOf(file));
}

juce::String Presets::remove(const Entry& entry) {
  if (placeOf(entry) < 0)
    return "There is no preset " + entry.name.quoted() + " to remove.";
  if (entry.shipped >= 0)
    return entry.name + " comes with the plugin and cannot be removed.";
  if (!entry.file.deleteFile())
    return entry.file.getFullPathName() + " cannot be removed: check the folder's permissions.";
  auto numbers = readNumbers();
  if (numbers.erase(entry.file.getFileName().toStdString()) > 0)
    writeNumbers(numbers);
  refresh();
  return {};
}

} // namespace fxtrain
