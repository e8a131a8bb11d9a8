// SPDX-License-Identifier: MIT
#include "formats/rtneural_json.h"

#include "formats/root_keys.h"
#include "formats/rtneural_layers.h"
#include "networks/weight_storage.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace fxengine::detail {
namespace {

bool readFlag(const std::optional<JsonField>& field) {
  if (!field)
    return false;
  return field->value().is_boolean() ? field->value().get<bool>() : field->integer(0, 1) != 0;
}

std::vector<KnobInfo> readKnobs(const JsonField& root, int numKnobs) {
  constexpr double kLargest = 1e9;
  std::vector<KnobInfo> knobs(static_cast<std::size_t>(numKnobs));
  for (std::size_t index = 0; index < knobs.size(); ++index)
    knobs[index].name = "knob " + std::to_string(index + 1);
  const auto list = root.optionalMember("knobs");
  if (!list)
    return knobs;
  if (list->size() != knobs.size()) {
    list->fail("a list of " + std::to_string(numKnobs) + ", one for each input of in_shape beside the audio");
  }
  for (std::size_t index = 0; index < knobs.size(); ++index) {
    const JsonField entry = list->element(index);
    KnobInfo& knob = knobs[index];
    knob.name = entry.member("name").text();
    if (const auto unit = entry.optionalMember("unit"))
      knob.unit = unit->text();
    if (const auto minimum = entry.optionalMember("min"))
      knob.minimum = minimum->number(-kLargest, kLargest);
    if (const auto maximum = entry.optionalMember("max"))
      knob.maximum = maximum->number(-kLargest, kLargest);
    if (!(knob.minimum < knob.maximum))
      entry.fail("min below max", "min not below max");
    knob.defaultValue = 0.5 * (knob.minimum + knob.maximum);
    if (const auto value = entry.optionalMember("default"))
      knob.defaultValue = value->number(knob.minimum, knob.maximum);
  }
  return knobs;
}

std::vector<EnvelopeInfo> readEnvelopes(const JsonField& root) {
  constexpr double kShortestMs = 0.01, kLongestMs = 60000.0;
  std::vector<EnvelopeInfo> envelopes;
  const auto list = root.optionalMember("envelopes");
  if (!list)
    return envelopes;
  if (list->size() >= static_cast<std::size_t>(ModelLimits::kMaxInputs))
    list->fail("a list of fewer than " + std::to_string(ModelLimits::kMaxInputs));
  for (std::size_t index = 0; index < list->size(); ++index) {
    const JsonField entry = list->element(index);
    envelopes.push_back({entry.member("attack_ms").number(kShortestMs, kLongestMs),
                         entry.member("release_ms").number(kShortestMs, kLongestMs)});
  }
  return envelopes;
}

/** The filter after the network. It is played at the network's rate, so it must be of that. */
std::vector<float> readLinearStage(const JsonField& root, const ModelInfo& info) {
  const auto stage = root.optionalMember("fir");
  if (!stage)
    return {};
  const JsonField taps = stage->member("taps");
  if (taps.size() < 1 || taps.size() > ModelLimits::kMaxLinearTaps)
    taps.fail("a list of 1 to " + std::to_string(ModelLimits::kMaxLinearTaps) + " numbers");
  if (const auto rate = readSampleRate(stage->optionalMember("sample_rate"));
      rate && info.sampleRate && *rate != *info.sampleRate) {
    char expected[64];
    std::snprintf(expected, sizeof expected, "the model's own rate, %g Hz", *info.sampleRate);
    stage->member("sample_rate").fail(expected);
  }
  return taps.floats(taps.size());
}

/** What the keys beside the layers say. */
void readRoot(const JsonField& root, ModelInfo& info) {
  info.envelopes = readEnvelopes(root);
  info.numInputs =
      lastOfShape(root.member("in_shape"), ModelLimits::kMaxInputs) - static_cast<int>(info.envelopes.size());
  if (info.numInputs < 1)
    root.member("in_shape")
        .fail("an input for the audio beside the " + std::to_string(info.envelopes.size()) + " envelopes");
  info.knobs = readKnobs(root, info.numInputs - 1);
  info.residual = readFlag(root.optionalMember("in_skip"));
  readGainsAndRate(root, info);
}

} // namespace

bool isRtneuralJson(const Document& document) {
  return document.root.is_object() && document.root.contains("layers") && !document.root.contains("stft") &&
         document.root.contains("in_shape");
}

ModelDescription readRtneuralJson(const Document& document) {
  const JsonField root(document.root, document.file);
  ModelDescription description;
  description.file = document.file;
  ModelInfo& info = description.info;
  info.name = std::filesystem::path(document.file).stem().string();
  readRoot(root, info);
  const MetadataFacts facts = readMetadata(root, info);
  description.linearTaps = readLinearStage(root, info);
  info.numLinearTaps = static_cast<int>(description.linearTaps.size());

  LayerList list = readRtneuralLayers(root.member("layers"), info.numInputs + static_cast<int>(info.envelopes.size()));
  list.residual = info.residual;
  list.envelopes = info.envelopes;
  list.sampleRate = info.sampleRate.value_or(kCustomaryRate);
  list.bfloat16Declared = facts.bfloat16;
  const bool contradicted =
      facts.bfloat16 && std::any_of(list.layers.begin(), list.layers.end(),
                                    [](const LayerData& layer) { return !areBfloat16(layer.recurrentWeights); });
  if (contradicted)
    info.notes.push_back("metadata.weight_storage is bfloat16, but not all recurrent weights are such numbers");
  info.architecture = architectureOf(list);
  info.numWeights = numWeightsOf(list);
  for (const LayerData& layer : list.layers)
    info.layers.push_back(layer.info);
  description.vectors = readVectors(root, info.numInputs, facts.vectorsError);
  description.build = [layers = std::make_shared<const LayerList>(std::move(list)), file = document.file](
                          const LoadOptions& options) { return buildNetwork(*layers, options, file); };
  return description;
}

} // namespace fxengine::detail
