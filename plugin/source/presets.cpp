// SPDX-License-Identifier: MIT
#include "presets.h"

#include "parameters.h"
#include "shipped.h"
#include "state.h"
#include "vst_preset.h"

#include <algorithm>
#include <array>
#include <optional>

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
  std::vector<Setting> settings; // beyond the defaults
};

constexpr auto kValve = "Lowlight Valve", kDrive = "Hillside Drive", kFuzz = "Nettle Fuzz";
constexpr float kA = 0.0f, kBoth = 2.0f; // of the slot parameter

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = {
      {"First light", {kValve, nullptr}, false, {}},
      {"Late room", {kValve, nullptr}, true, {{id::cabinetOn, 1.0f}}},
      {"Porch light",
       {kValve, nullptr},
       true,
       {{id::cabinetOn, 1.0f}, {id::inputGain, -6.0f}, {id::toneOn, 1.0f}, {id::middle, -1.5f}, {id::treble, 2.0f}}},
      {"Edge of night",
       {kValve, nullptr},
       true,
       {{id::cabinetOn, 1.0f},
        {id::inputGain, 9.0f},
        {id::gateOn, 1.0f},
        {id::gateThreshold, -58.0f},
        {id::toneOn, 1.0f},
        {id::bass, -1.5f},
        {id::middle, 2.0f}}},
      {"Hillside lead",
       {kDrive, nullptr},
       true,
       {{id::cabinetOn, 1.0f},
        {id::inputGain, 3.0f},
        {id::gateOn, 1.0f},
        {id::gateThreshold, -62.0f},
        {id::gateRelease, 160.0f},
        {id::toneOn, 1.0f},
        {id::middle, 1.5f}}},
      {"Nettle wall",
       {kFuzz, nullptr},
       true,
       {{id::cabinetOn, 1.0f},
        {id::gateOn, 1.0f},
        {id::gateThreshold, -52.0f},
        {id::gateRelease, 120.0f},
        {id::toneOn, 1.0f},
        {id::bass, 2.0f},
        {id::treble, -2.0f}}},
      {"Dusk and thorn",
       {kValve, kFuzz},
       true,
       {{id::cabinetOn, 1.0f}, {id::slot, kA}}}, // one press of a foot switch apart
      {"Two lanterns", {kValve, kDrive}, true, {{id::cabinetOn, 1.0f}, {id::slot, kBoth}, {id::blend, 45.0f}}},
      {"Low thorn", // a bass keeps its own bottom
       {kFuzz, nullptr},
       false,
       {{id::mix, 55.0f}, {id::toneOn, 1.0f}, {id::treble, -4.0f}, {id::gateOn, 1.0f}, {id::gateThreshold, -55.0f}}},
      {"Blank page", {nullptr, nullptr}, false, {}}};
  return all;
}

/** Nothing where a model that it needs is not in this binary. */
std::optional<State> make(const Recipe& recipe) {
  const auto& shipped = Shipped::get();
  State state;
  for (std::size_t slot = 0; slot < recipe.models.size(); ++slot) {
    if (recipe.models[slot] == nullptr)
      continue;
    state.contents.models[slot] = shipped.model(recipe.models[slot]);
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
  return State::decode(bytes.getData(), bytes.getSize());
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

Presets::Presets(std::function<State()> save, std::function<void(const State&)> load)
    : save_(std::move(save)), load_(std::move(load)) {
  for (int index = 0; index < numShipped(); ++index)
    entries_.push_back({shippedName(index), {}, index});
  current_ = entries_.empty() ? -1 : 0;
}

void Presets::refresh() {
  std::vector<Entry> entries;
  for (int index = 0; index < numShipped(); ++index)
    entries.push_back({shippedName(index), {}, index});
  auto files = folder().findChildFiles(juce::File::findFiles | juce::File::ignoreHiddenFiles, false,
                                       juce::String("*") + vst_preset::kSuffix);
  std::sort(files.begin(), files.end(), [](const juce::File& a, const juce::File& b) {
    return a.getFileName().compareNatural(b.getFileName()) < 0;
  });
  for (const auto& file : files)
    entries.push_back({file.getFileNameWithoutExtension(), file, -1});
  if (entries == entries_)
    return;
  const auto wasCurrent =
      current_ < 0 ? entries.end() : std::find(entries.begin(), entries.end(), entries_[std::size_t(current_)]);
  current_ = wasCurrent == entries.end() ? -1 : int(wasCurrent - entries.begin());
  entries_ = std::move(entries);
  sendChangeMessage();
}

juce::String Presets::currentName() const {
  return current_ < 0 ? juce::String() : entries_[std::size_t(current_)].name;
}

void Presets::setCurrent(int index) {
  current_ = index >= 0 && index < int(entries_.size()) ? index : -1;
  sendChangeMessage();
}

int Presets::indexOf(const juce::File& file) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.shipped < 0 && entry.file == file; });
  return found == entries_.end() ? -1 : int(found - entries_.begin());
}

juce::String Presets::load(int index) {
  if (index >= int(entries_.size()))
    refresh(); // a foot switch asks before anybody has looked
  if (index < 0 || index >= int(entries_.size()))
    return "There is no preset " + juce::String(index + 1) + ": there are " + juce::String(int(entries_.size())) + ".";
  const Entry entry = entries_[std::size_t(index)];
  try {
    load_(entry.shipped >= 0 ? *shipped(entry.shipped) : read(entry.file));
  } catch (const std::exception& error) {
    return juce::String::fromUTF8(error.what());
  }
  setCurrent(index);
  return {};
}

juce::String Presets::loadFile(const juce::File& file) {
  try {
    load_(read(file));
  } catch (const std::exception& error) {
    return juce::String::fromUTF8(error.what());
  }
  refresh();
  setCurrent(indexOf(file));
  return {};
}

juce::String Presets::save(const juce::String& name) {
  const auto legal = juce::File::createLegalFileName(name.trim()).trimCharactersAtStart(". ");
  if (legal.isEmpty())
    return "A preset needs a name: type one with a letter or a digit.";
  const auto file = folder().getChildFile(legal + vst_preset::kSuffix);
  if (const auto made = folder().createDirectory(); made.failed())
    return "The folder for presets, " + folder().getFullPathName() + ", cannot be made: " + made.getErrorMessage() +
           ".";
  const auto bytes = vst_preset::write(save_().encode());
  if (!file.replaceWithData(bytes.getData(), bytes.getSize()))
    return file.getFullPathName() + " cannot be written: check the folder's permissions and the room on the disk.";
  refresh();
  setCurrent(indexOf(file));
  return {};
}

juce::String Presets::remove(int index) {
  if (index < 0 || index >= int(entries_.size()))
    return "There is no preset " + juce::String(index + 1) + " to remove.";
  const Entry entry = entries_[std::size_t(index)];
  if (entry.shipped >= 0)
    return entry.name + " comes with the plugin and cannot be removed.";
  if (!entry.file.deleteFile())
    return entry.file.getFullPathName() + " cannot be removed: check the folder's permissions.";
  refresh();
  return {};
}

} // namespace fxtrain
