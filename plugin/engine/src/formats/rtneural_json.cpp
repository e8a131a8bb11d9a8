// SPDX-License-Identifier: MIT
#include "formats/rtneural_json.h"

#include "formats/rtneural_layers.h"
#include "networks/weight_storage.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr double kCustomaryRate = 48000.0; // where a file does not say

/** A rate in Hz; published files store it as text, "48000". */
std::optional<double> readSampleRate(const std::optional<JsonField>& field) {
  constexpr double kLowest = 1000.0;
  constexpr double kHighest = 1e6;
  if (!field)
    return std::nullopt;
  if (!field->value().is_string())
    return field->number(kLowest, kHighest);
  const std::string text = field->text();
  const Json number = text.size() <= 16 ? Json::parse(text, nullptr, false) : Json();
  if (!number.is_number() || !(number.get<double>() >= kLowest && number.get<double>() <= kHighest)) {
    field->fail("a sample rate in Hz");
  }
  return number.get<double>();
}

/** A level in dB or dBu of the metadata, a number or numeric text. One that cannot be meant is noted, since the model
    plays without it. */
std::optional<double> readLevel(const JsonField& metadata, const char* key, double least, double most,
                                std::vector<std::string>& notes) {
  const auto field = metadata.optionalMember(key);
  if (!field)
    return std::nullopt;
  Json number = field->value();
  if (number.is_string()) {
    const std::string& text = number.get_ref<const std::string&>();
    number = text.size() <= 32 ? Json::parse(text, nullptr, false) : Json();
  }
  if (number.is_number() && number.get<double>() >= least && number.get<double>() <= most)
    return number.get<double>();
  char range[64];
  std::snprintf(range, sizeof range, "a number from %g to %g", least, most);
  notes.push_back("metadata." + std::string(key) + " is not used: expected " + range + ", found " +
                  describe(field->value()));
  return std::nullopt;
}

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

/** Whether the file says that its recurrent weights are bfloat16 numbers. */
bool readsBfloat16(const JsonField& storage) {
  const std::string name = storage.text();
  if (name != "float32" && name != "bfloat16" && name != "bf16") {
    storage.fail("float32 or bfloat16", describe(storage.value()),
                 "this engine does not know how such weights are meant");
  }
  return name != "float32";
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
  if (const auto gain = root.optionalMember("in_gain"))
    info.inputGainDb = gain->number(-120.0, 120.0);
  if (const auto gain = root.optionalMember("out_gain"))
    info.outputGainDb = gain->number(-120.0, 120.0);
  info.sampleRate = readSampleRate(root.optionalMember("samplerate"));
}

/** @param vectorsError, bfloat16  stay as they are if the metadata do not tell */
void readMetadata(const JsonField& metadata, ModelInfo& info, double& vectorsError, bool& bfloat16) {
  constexpr int kMostFrames = 10'000'000;
  info.metadata = metadata.value().dump();
  if (info.metadata.size() > ModelLimits::kMaxMetadataBytes) {
    metadata.fail("at most " + std::to_string(ModelLimits::kMaxMetadataBytes >> 10) + " KiB",
                  std::to_string(info.metadata.size() >> 10) + " KiB");
  }
  if (const auto title = metadata.optionalMember("name"); title && title->value().is_string())
    info.name = title->text();
  if (const auto lag = metadata.optionalMember("lag_samples"))
    info.lagFrames = lag->integer(-kMostFrames, kMostFrames);
  if (const auto latency = metadata.optionalMember("latency_samples"))
    info.latencyFrames = latency->integer(0, kMostFrames);
  if (const auto error = metadata.optionalMember("vectors_error"))
    vectorsError = error->number(0.0, 0.01);
  if (const auto storage = metadata.optionalMember("weight_storage"))
    bfloat16 = readsBfloat16(*storage);
  info.loudnessDb = readLevel(metadata, "loudness_db", -200.0, 100.0, info.notes);
  info.inputLevelDbu = readLevel(metadata, "input_level_dbu", -100.0, 100.0, info.notes);
  info.outputLevelDbu = readLevel(metadata, "output_level_dbu", -100.0, 100.0, info.notes);
  const auto rate = readSampleRate(metadata.optionalMember("samplerate"));
  if (rate && info.sampleRate && *rate != *info.sampleRate)
    info.notes.push_back("metadata.samplerate differs from samplerate, which is used");
  if (!info.sampleRate)
    info.sampleRate = rate;
}

/** Frames of [audio, knobs ...]. A list of plain numbers is audio with all knobs at 0. */
std::vector<float> readInputBatch(const JsonField& batch, std::size_t numInputs) {
  const std::size_t numFrames = batch.size();
  if (numFrames > 0 && batch.value()[0].is_array())
    return batch.matrix(numFrames, numInputs, "one per input");
  const std::vector<float> audio = batch.floats(numFrames);
  std::vector<float> frames(numFrames * numInputs, 0.0f);
  for (std::size_t frame = 0; frame < numFrames; ++frame)
    frames[frame * numInputs] = audio[frame];
  return frames;
}

std::optional<TestVectors> readVectors(const JsonField& root, int numInputs, double error) {
  const auto input = root.optionalMember("input_batch");
  const auto output = root.optionalMember("output_batch");
  if (!input && !output)
    return std::nullopt;
  if (!output)
    root.member("output_batch").fail("the output for input_batch");
  if (!input)
    root.member("input_batch").fail("the input for output_batch");
  TestVectors vectors;
  vectors.input = readInputBatch(*input, static_cast<std::size_t>(numInputs));
  vectors.output = output->floats(input->size(), "as many as in input_batch");
  vectors.outputField = output->path();
  vectors.error = error;
  return vectors;
}

} // namespace

bool isRtneuralJson(const Document& document) {
  return document.root.is_object() && document.root.contains("layers") && document.root.contains("in_shape");
}

ModelDescription readRtneuralJson(const Document& document) {
  const JsonField root(document.root, document.file);
  if (document.root.contains("stft"))
    root.member("stft").fail(kPlayable, "an STFT-domain model");

  ModelDescription description;
  description.file = document.file;
  ModelInfo& info = description.info;
  info.name = std::filesystem::path(document.file).stem().string();
  readRoot(root, info);
  double vectorsError = 0.0;
  bool bfloat16 = false;
  if (const auto metadata = root.optionalMember("metadata"))
    readMetadata(*metadata, info, vectorsError, bfloat16);
  if (!info.sampleRate)
    info.notes.push_back("the file does not say its sample rate; 48000 Hz is customary");
  description.linearTaps = readLinearStage(root, info);
  info.numLinearTaps = static_cast<int>(description.linearTaps.size());

  LayerList list = readRtneuralLayers(root.member("layers"), info.numInputs + static_cast<int>(info.envelopes.size()));
  list.residual = info.residual;
  list.envelopes = info.envelopes;
  list.sampleRate = info.sampleRate.value_or(kCustomaryRate);
  list.bfloat16Declared = bfloat16;
  const bool contradicted = bfloat16 && std::any_of(list.layers.begin(), list.layers.end(), [](const LayerData& layer) {
                              return !areBfloat16(layer.recurrentWeights);
                            });
  if (contradicted)
    info.notes.push_back("metadata.weight_storage is bfloat16, but not all recurrent weights are such numbers");
  info.architecture = architectureOf(list);
  info.numWeights = numWeightsOf(list);
  for (const LayerData& layer : list.layers)
    info.layers.push_back(layer.info);
  description.vectors = readVectors(root, info.numInputs, vectorsError);
  description.build = [layers = std::make_shared<const LayerList>(std::move(list)), file = document.file](
                          const LoadOptions& options) { return buildNetwork(*layers, options, file); };
  return description;
}

} // namespace fxengine::detail
