// SPDX-License-Identifier: MIT
#include "formats/nam.h"

#include "formats/nam_wavenet.h"
#include "formats/root_keys.h"
#include "formats/rtneural_layers.h"
#include "networks/container.h"
#include "networks/wavenet.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fxengine::detail {
namespace {

constexpr int kNewestMinor = 7; // of version 0.x

void requireVersion(const JsonField& root) {
  const JsonField version = root.member("version");
  const std::string text = version.text();
  char* end = nullptr;
  const long major = std::strtol(text.c_str(), &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : -1;
  if (major != 0 || minor < 5 || minor > kNewestMinor)
    version.fail("a version from 0.5 to 0." + std::to_string(kNewestMinor), describe(version.value()),
                 "a newer fxtrain may know it");
}

/** A number of the metadata that the model plays without. */
std::optional<double> level(const JsonField& metadata, const char* key) {
  const auto field = metadata.optionalMember(key);
  if (!field || !field->value().is_number())
    return std::nullopt;
  const double number = field->value().get<double>();
  return number > -1000.0 && number < 1000.0 ? std::optional(number) : std::nullopt;
}

void readNamMetadata(const JsonField& root, ModelInfo& info) {
  const auto metadata = root.optionalMember("metadata");
  if (!metadata || !metadata->value().is_object())
    return;
  info.metadata = metadata->value().dump();
  if (info.metadata.size() > ModelLimits::kMaxMetadataBytes)
    metadata->fail("at most " + std::to_string(ModelLimits::kMaxMetadataBytes >> 10) + " KiB",
                   std::to_string(info.metadata.size() >> 10) + " KiB");
  if (const auto name = metadata->optionalMember("name"); name && name->value().is_string())
    info.name = name->text();
  // Two keys of ours, which NAM's own files lack: their loudness is that of another clip.
  if (const auto found = level(*metadata, "loudness_db"))
    info.loudnessDb = found;
  if (const auto lag = metadata->optionalMember("lag_samples"))
    info.lagFrames = lag->integer(-kMostFrames, kMostFrames);
  if (const auto found = level(*metadata, "input_level_dbu"))
    info.inputLevelDbu = found;
  if (const auto found = level(*metadata, "output_level_dbu"))
    info.outputLevelDbu = found;
}

/** Rows of [inputs, state] for each gate, their bias, and the state to start from; layer by layer, then the head. */
LayerList readLstm(const JsonField& model, NamBudget& budget) {
  constexpr int kMostLayers = 16;
  const JsonField config = model.member("config");
  config.member("input_size").integer(1, 1);
  const int hidden = config.member("hidden_size").integer(1, ModelLimits::kMaxLayerSize);
  const int numLayers = config.member("num_layers").integer(1, kMostLayers);
  NamWeights weights(model, budget);
  const auto size = [](int a, int b = 1) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); };
  LayerList list;
  for (int index = 0; index < numLayers; ++index) {
    LayerData layer;
    layer.kind = LayerData::Kind::lstm;
    const int inputs = index == 0 ? 1 : hidden;
    layer.info = {"lstm", inputs, hidden, ""};
    const std::vector<float> matrix = weights.take(size(4 * hidden, inputs + hidden));
    layer.weights.resize(size(inputs, 4 * hidden));
    layer.recurrentWeights.resize(size(hidden, 4 * hidden));
    for (int row = 0; row < 4 * hidden; ++row) {
      const float* from = matrix.data() + size(row, inputs + hidden);
      for (int input = 0; input < inputs; ++input)
        layer.weights[size(input, 4 * hidden) + size(row)] = from[input];
      for (int unit = 0; unit < hidden; ++unit)
        layer.recurrentWeights[size(unit, 4 * hidden) + size(row)] = from[inputs + unit];
    }
    layer.bias = weights.take(size(4 * hidden));
    layer.startHidden = weights.take(size(hidden));
    layer.startCell = weights.take(size(hidden));
    requireModerate(model.member("weights"), layer);
    list.layers.push_back(std::move(layer));
  }
  LayerData head;
  head.info = {"dense", hidden, 1, ""};
  head.weights = weights.take(size(hidden));
  head.bias = weights.take(1);
  list.layers.push_back(std::move(head));
  weights.requireEnd();
  return list;
}

/** A network of the file, in whatever way it is made. */
struct NamNetwork {
  std::string architecture;
  std::vector<LayerInfo> layers;
  std::size_t numWeights = 0;
  std::vector<QualityInfo> qualities;
  std::function<std::unique_ptr<Network>(const LoadOptions& options)> build;
};

/** What is known of the file while its models are read. */
struct NamFile {
  std::string name;
  NamBudget budget;
  std::optional<double> sampleRate;
};

NamNetwork ofLayers(LayerList list, const NamFile& file) {
  NamNetwork network;
  network.architecture = architectureOf(list);
  network.numWeights = numWeightsOf(list);
  for (const LayerData& layer : list.layers)
    network.layers.push_back(layer.info);
  network.build = [layers = std::make_shared<const LayerList>(std::move(list)),
                   name = file.name](const LoadOptions& options) { return buildNetwork(*layers, options, name); };
  return network;
}

void requireFxengine(const LoadOptions& options, const std::string& file, const char* architecture) {
  if (options.backend != "fxengine")
    throw ModelError(file, "architecture", "a recurrent model with the backend " + options.backend, architecture,
                     "take the backend fxengine");
}

NamNetwork readWaveNet(const JsonField& model, NamFile& file) {
  auto data = std::make_shared<const WaveNetData>(readNamWaveNet(model, file.budget));
  if (data->numOutputs() != 1)
    model.member("config").fail("a network of one output", std::to_string(data->numOutputs()));
  NamNetwork network;
  network.architecture = "wavenet";
  network.numWeights = data->numWeights();
  network.build = [data, name = file.name](const LoadOptions& options) {
    requireFxengine(options, name, "a WaveNet");
    return makeWaveNet(data);
  };
  return network;
}

NamNetwork readNetwork(const JsonField& model, NamFile& file, int depth);

constexpr int kMostModels = 64, kDeepest = 4; // of models in models

JsonField listOf(const JsonField& config, const char* key) {
  const JsonField models = config.member(key);
  if (models.size() < 1 || models.size() > kMostModels)
    models.fail("a list of 1 to " + std::to_string(kMostModels) + " models");
  return models;
}

/** Models of several sizes. One that is a container itself is played by its largest, as Neural Amp Modeler does. */
NamNetwork readContainer(const JsonField& model, NamFile& file, int depth) {
  const JsonField submodels = listOf(model.member("config"), "submodels");
  if (depth > 0)
    return readNetwork(submodels.element(submodels.size() - 1).member("model"), file, depth + 1);
  std::vector<QualityInfo> qualities;
  std::vector<NamNetwork> networks;
  for (std::size_t index = 0; index < submodels.size(); ++index) {
    const JsonField entry = submodels.element(index);
    const JsonField value = entry.member("max_value");
    const double maxValue = value.number(-1e6, 1e6);
    if (!qualities.empty() && maxValue <= qualities.back().maxValue)
      value.fail("values that ascend from model to model");
    networks.push_back(readNetwork(entry.member("model"), file, depth + 1));
    qualities.push_back({maxValue, networks.back().architecture, networks.back().numWeights});
  }
  if (qualities.back().maxValue < 1.0)
    submodels.element(submodels.size() - 1).member("max_value").fail("1 or more of the last model");
  NamNetwork network = networks.back();
  network.qualities = qualities;
  network.build = [networks = std::move(networks), qualities](const LoadOptions& options) {
    std::vector<Container::Choice> choices;
    for (std::size_t index = 0; index < networks.size(); ++index)
      choices.push_back({networks[index].build(options), qualities[index].maxValue});
    return std::make_unique<Container>(std::move(choices));
  };
  return network;
}

/** A rate that all models of a file have. */
void readRate(const JsonField& model, NamFile& file) {
  const auto field = model.optionalMember("sample_rate");
  if (!field)
    return;
  const double rate = field->number(1000.0, 1e6);
  if (file.sampleRate && rate != *file.sampleRate) {
    char expected[64];
    std::snprintf(expected, sizeof expected, "%g, the rate of the rest of the file", *file.sampleRate);
    field->fail(expected);
  }
  file.sampleRate = rate;
}

NamNetwork readNetwork(const JsonField& model, NamFile& file, int depth) {
  const JsonField architecture = model.member("architecture");
  if (depth > kDeepest)
    architecture.fail("models in models, " + std::to_string(kDeepest) + " deep at most", "more");
  if (depth == 0 || model.optionalMember("version"))
    requireVersion(model);
  readRate(model, file);
  const std::string name = architecture.text();
  if (name == "LSTM")
    return ofLayers(readLstm(model, file.budget), file);
  if (name == "WaveNet")
    return readWaveNet(model, file);
  if (name == "SlimmableContainer")
    return readContainer(model, file, depth);
  architecture.fail("WaveNet, LSTM or SlimmableContainer, which fxtrain plays", describe(architecture.value()));
}

/** Metadata of the largest model, then those of what it is in. */
void readAllMetadata(const JsonField& model, ModelInfo& info) {
  const auto submodels = model.member("config").optionalMember("submodels");
  if (submodels && submodels->value().is_array() && !submodels->value().empty())
    readAllMetadata(submodels->element(submodels->size() - 1).member("model"), info);
  readNamMetadata(model, info);
}

} // namespace

bool isNam(const Document& document) {
  const Json& root = document.root;
  return root.is_object() && root.contains("architecture") && root.contains("config") && root.contains("weights");
}

ModelDescription readNam(const Document& document) {
  const JsonField root(document.root, document.file);
  ModelDescription description;
  description.file = document.file;
  ModelInfo& info = description.info;
  info.name = std::filesystem::path(document.file).stem().string();
  NamFile file{document.file, {}, {}};
  NamNetwork network = readNetwork(root, file, 0);
  readAllMetadata(root, info);
  info.sampleRate = file.sampleRate.value_or(kCustomaryRate);
  info.architecture = std::move(network.architecture);
  info.layers = std::move(network.layers);
  info.numWeights = network.numWeights;
  info.qualities = std::move(network.qualities);
  description.build = std::move(network.build);
  return description;
}

} // namespace fxengine::detail
