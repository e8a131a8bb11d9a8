// SPDX-License-Identifier: MIT
#include "state.h"

#include <fxengine/model_loader.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace fxtrain {
namespace {

using nlohmann::json;

constexpr char kMagic[] = "fxtrain-state\n";
constexpr std::size_t kMagicSize = sizeof kMagic - 1;
constexpr int kMaxNesting = 8;
constexpr int kMaxValues = 20000;
constexpr const char* kSlotKeys[Rig::kNumSlots] = {"A", "B", "P", "PB", "Q", "QB"};

std::string toUtf8(const juce::String& text) { return text.toStdString(); }
juce::String fromUtf8(const std::string& text) {
  return juce::String::fromUTF8(text.data(), int(std::min(text.size(), std::size_t{1} << 20)));
}

FileError unusable(const juce::String& found) {
  return FileError("The saved state cannot be used: " + found +
                   ", where the state of fxtrain is expected; nothing was changed.");
}

std::string inflate(const void* data, std::size_t size) {
  juce::MemoryInputStream packed(data, size, false);
  juce::GZIPDecompressorInputStream stream(&packed, false, juce::GZIPDecompressorInputStream::zlibFormat);
  std::string text;
  char buffer[1 << 14];
  for (;;) {
    const int read = stream.read(buffer, int(sizeof buffer));
    if (read <= 0)
      break;
    text.append(buffer, std::size_t(read));
    if (text.size() > State::kMaxBytes)
      throw unusable("it unpacks to more than " + juce::File::descriptionOfSizeInBytes(std::int64_t(State::kMaxBytes)));
  }
  return text;
}

/** The parser does not recurse; deep and long documents end before they take memory. */
json parseDocument(const std::string& text) {
  if (fxengine::holdsEndlessNumber(text))
    throw unusable("its document is damaged");
  int numValues = 0;
  const auto check = [&](int depth, json::parse_event_t, json&) {
    if (depth > kMaxNesting || ++numValues > kMaxValues)
      throw unusable("its document is too deep or too long");
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception&) {
    throw unusable("its document is damaged");
  }
}

const json& member(const json& object, const char* key) {
  static const json none;
  if (!object.is_object())
    return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

juce::String textOf(const json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_string() ? fromUtf8(value.get_ref<const std::string&>()) : juce::String();
}

int integerOf(const json& object, const char* key, int low, int high, int otherwise) {
  const auto& value = member(object, key);
  if (!value.is_number())
    return otherwise;
  const double number = value.get<double>();
  return number >= low && number <= high ? int(number) : otherwise;
}

std::shared_ptr<const ModelFile> readModel(const json& slot) {
  if (slot.is_null())
    return nullptr;
  const auto& model = member(slot, "model");
  if (!model.is_string())
    throw unusable("a slot has no model in it");
  const int rate = integerOf(slot, "rate", 1000, 1'000'000, 0);
  return ModelFile::parse(model.get<std::string>(), textOf(slot, "name"), textOf(slot, "path"),
                          rate > 0 ? std::optional<double>(rate) : std::nullopt);
}

std::shared_ptr<const CabinetFile> readCabinet(const json& cabinet) {
  if (cabinet.is_null())
    return nullptr;
  juce::MemoryOutputStream bytes;
  const auto& audio = member(cabinet, "audio");
  if (audio.is_string() &&
      audio.get_ref<const std::string&>().size() > std::size_t(CabinetFile::kMostBytes) / 3 * 4 + 8)
    throw unusable("its cabinet has more than " + juce::String(CabinetFile::kMostBytes >> 20) + " MiB");
  if (!audio.is_string() || !juce::Base64::convertFromBase64(bytes, juce::String(audio.get_ref<const std::string&>())))
    throw unusable("its cabinet has no audio in it");
  return CabinetFile::parse(bytes.getMemoryBlock(), textOf(cabinet, "name"), textOf(cabinet, "path"));
}

} // namespace

juce::MemoryBlock State::encode() const {
  const auto& models = contents.models;
  const bool needsVersion2 = models[Rig::pedalSlot(0)] != nullptr || contents.secondCabinet != nullptr;
  const bool needsVersion3 = std::any_of(models.begin() + Rig::pedalSlot(0, 1), models.end(),
                                         [](const auto& file) { return file != nullptr; });
  json document = {{"version", needsVersion3 ? 3 : needsVersion2 ? 2 : 1}, {"program", program}};
  if (isPreset)
    document["kind"] = "preset";
  if (presetName.isNotEmpty())
    document["preset"] = toUtf8(presetName);
  if (isEdited)
    document["edited"] = true;
  for (const auto& [id, value] : parameters)
    document["parameters"][toUtf8(id)] = value;
  for (std::size_t slot = 0; slot < contents.models.size(); ++slot)
    if (const auto& file = contents.models[slot]) {
      auto& entry = document["slots"][kSlotKeys[slot]];
      entry = {{"name", toUtf8(file->name)},
               {"path", toUtf8(file->path)},
               {"sha256", toUtf8(file->sha256)},
               {"model", file->text}};
      if (file->assumedRate)
        entry["rate"] = int(*file->assumedRate);
    }
  for (const auto& [key, cabinet] : {std::pair{"cabinet", contents.cabinet}, {"cabinet2", contents.secondCabinet}})
    if (cabinet != nullptr)
      document[key] = {{"name", toUtf8(cabinet->name)},
                       {"path", toUtf8(cabinet->path)},
                       {"sha256", toUtf8(cabinet->sha256)},
                       {"audio", toUtf8(juce::Base64::toBase64(cabinet->bytes.getData(), cabinet->bytes.getSize()))}};
  if (contents.backend != RigContents().backend)
    document["backend"] = toUtf8(contents.backend);
  for (const auto& binding : bindings)
    document["midi"]["controllers"].push_back(
        {{"controller", binding.controller},
         {"channel", binding.channel},
         {"parameter", toUtf8(binding.parameter)},
         {"mode", binding.mode == MidiControl::Mode::toggle ? "toggle" : "follow"}});
  if (!editorSize.isOrigin())
    document["editor"] = {{"width", editorSize.x}, {"height", editorSize.y}};

  juce::MemoryOutputStream bytes;
  bytes.write(kMagic, kMagicSize);
  {
    const auto text = document.dump(-1, ' ', false, json::error_handler_t::replace);
    juce::GZIPCompressorOutputStream packed(
        bytes, 1); // a tenth larger than the default, in a fifth of the time: hosts save often
    packed.write(text.data(), text.size());
  }
  return bytes.getMemoryBlock();
}

State State::decode(const void* data, std::size_t size) {
  if (data == nullptr || size < kMagicSize || std::memcmp(data, kMagic, kMagicSize) != 0)
    throw unusable("it begins otherwise");
  const auto document = parseDocument(inflate(static_cast<const char*>(data) + kMagicSize, size - kMagicSize));
  const auto& version = member(document, "version");
  if (!version.is_number_integer() || version.get<double>() < 1.0)
    throw unusable("it has no version");
  if (version.get<double>() > kVersion)
    throw FileError("The saved state was made by a newer fxtrain (version " + juce::String(version.get<double>(), 0) +
                    " of the state, where " + juce::String(kVersion) + " is the newest known): update the plugin.");

  State state;
  const auto& parameters = member(document, "parameters");
  if (parameters.is_object())
    for (const auto& [id, value] : parameters.items())
      if (value.is_number() && std::isfinite(value.get<float>()))
        state.parameters[fromUtf8(id)] = value.get<float>();
  const auto& slots = member(document, "slots");
  for (std::size_t slot = 0; slot < state.contents.models.size(); ++slot)
    state.contents.models[slot] = readModel(member(slots, kSlotKeys[slot]));
  state.contents.cabinet = readCabinet(member(document, "cabinet"));
  state.contents.secondCabinet = readCabinet(member(document, "cabinet2"));
  if (const auto backend = textOf(document, "backend"); backend.isNotEmpty())
    state.contents.backend = backend;
  const auto& controllers = member(member(document, "midi"), "controllers");
  if (controllers.is_array())
    for (const auto& entry : controllers) {
      MidiControl::Binding binding;
      binding.controller = integerOf(entry, "controller", 0, 127, -1);
      binding.channel = integerOf(entry, "channel", 0, 16, 0);
      binding.parameter = textOf(entry, "parameter");
      binding.mode = textOf(entry, "mode") == "toggle" ? MidiControl::Mode::toggle : MidiControl::Mode::follow;
      if (binding.controller >= 0 && binding.parameter.isNotEmpty())
        state.bindings.push_back(binding);
    }
  state.isPreset = textOf(document, "kind") == "preset";
  state.program = integerOf(document, "program", -1, 1 << 20, state.isPreset ? -1 : 0);
  state.presetName = textOf(document, "preset");
  const auto& edited = member(document, "edited");
  state.isEdited = edited.is_boolean() && edited.get<bool>();
  const auto& editor = member(document, "editor");
  state.editorSize = {integerOf(editor, "width", 200, 10000, 0), integerOf(editor, "height", 100, 10000, 0)};
  return state;
}

} // namespace fxtrain
