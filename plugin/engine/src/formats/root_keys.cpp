// SPDX-License-Identifier: MIT
#include "formats/root_keys.h"

#include <cstdio>

namespace fxengine::detail {
namespace {

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

/** Whether the file says that its recurrent weights are bfloat16 numbers. */
bool readsBfloat16(const JsonField& storage) {
  const std::string name = storage.text();
  if (name != "float32" && name != "bfloat16" && name != "bf16") {
    storage.fail("float32 or bfloat16", describe(storage.value()),
                 "this engine does not know how such weights are meant");
  }
  return name != "float32";
}

void readMetadataObject(const JsonField& metadata, ModelInfo& info, MetadataFacts& facts) {
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
    facts.vectorsError = error->number(0.0, 0.01);
  if (const auto storage = metadata.optionalMember("weight_storage"))
    facts.bfloat16 = readsBfloat16(*storage);
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

} // namespace

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

void readGainsAndRate(const JsonField& root, ModelInfo& info) {
  if (const auto gain = root.optionalMember("in_gain"))
    info.inputGainDb = gain->number(-120.0, 120.0);
  if (const auto gain = root.optionalMember("out_gain"))
    info.outputGainDb = gain->number(-120.0, 120.0);
  info.sampleRate = readSampleRate(root.optionalMember("samplerate"));
}

MetadataFacts readMetadata(const JsonField& root, ModelInfo& info) {
  MetadataFacts facts;
  if (const auto metadata = root.optionalMember("metadata"))
    readMetadataObject(*metadata, info, facts);
  if (!info.sampleRate)
    info.notes.push_back("the file does not say its sample rate; 48000 Hz is customary");
  return facts;
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

} // namespace fxengine::detail
