// SPDX-License-Identifier: MIT
#include "formats/nam.h"

#include "formats/nam_wavenet.h"
#include "formats/root_keys.h"
#include "formats/rtneural_layers.h"
#include "networks/container.h"
#include "networks/linear_network.h"
#include "networks/sequence.h"
#include "networks/wavenet.h"

#include <algorithm>
#include <cmath>
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
  int numWaveNetLayers = 0;
  std::size_t numWeights = 0;
  std::vector<QualityInfo> qualities;
  std::function<std::unique_ptr<Network>(const LoadOptions& options)> build;
};

/** What is known of the file while its models are read. */
struct NamFile {
  std::string name;
  NamBudget budget;
  std::optional<double> sampleRate;
  int numModels = 0;
  bool isInContainer = false; ///< what is read
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

void requireMono(const JsonField& config) {
  for (const char* key : {"in_channels", "out_channels"})
    optionalInteger(config, key, 1, 1, 1);
}

/** Makes trained batch normalisation part of a convolution: mean, variance, gamma, beta, then epsilon are stored. */
void normalise(ConvData& conv, NamWeights& weights, const JsonField& field) {
  constexpr double kLargest = 1e30;
  const auto channels = static_cast<std::size_t>(conv.outputs);
  const std::vector<float> mean = weights.take(channels), variance = weights.take(channels);
  const std::vector<float> gamma = weights.take(channels);
  conv.bias = weights.take(channels);
  const double epsilon = double{weights.take(1).front()};
  const std::size_t row = conv.weights.size() / channels;
  for (std::size_t output = 0; output < channels; ++output) {
    const double scale = double{gamma[output]} / std::sqrt(double{variance[output]} + epsilon);
    const double shift = double{conv.bias[output]} - scale * double{mean[output]};
    bool isModerate = std::abs(shift) < kLargest;
    for (std::size_t index = output * row; index < (output + 1) * row; ++index)
      isModerate = isModerate && std::abs(double{conv.weights[index]} * scale) < kLargest;
    if (!isModerate)
      field.fail("batch normalisation with variances above 0", "one that gives no moderate weights");
    for (std::size_t index = output * row; index < (output + 1) * row; ++index)
      conv.weights[index] = static_cast<float>(double{conv.weights[index]} * scale);
    conv.bias[output] = static_cast<float>(shift);
  }
}

NamNetwork readWaveNet(const JsonField& model, NamFile& file) {
  auto data = std::make_shared<const WaveNetData>(readNamWaveNet(model, file.budget));
  if (data->numOutputs() != 1)
    model.member("config").fail("a network of one output", std::to_string(data->numOutputs()));
  NamNetwork network;
  network.architecture = "wavenet";
  network.numWeights = data->numWeights();
  for (const WaveNetData* part = data.get(); part != nullptr; part = part->condition.get())
    for (const WaveArrayData& array : part->arrays)
      network.numWaveNetLayers += static_cast<int>(array.layers.size());
  network.build = [data, name = file.name](const LoadOptions& options) {
    requireFxengine(options, name, "a WaveNet");
    return makeWaveNet(data);
  };
  return network;
}

/** Convolutions of two taps, each with batch normalisation or a bias and a function, then a matrix. */
NamNetwork readConvNet(const JsonField& model, NamFile& file) {
  constexpr int kKernel = 2;
  const JsonField config = model.member("config");
  requireMono(config);
  const int channels = config.member("channels").integer(1, kMostChannels);
  const JsonField batchnorm = config.member("batchnorm");
  if (!batchnorm.value().is_boolean())
    batchnorm.fail("true or false");
  const bool isNormalised = batchnorm.value().get<bool>();
  const int groups = optionalInteger(config, "groups", 1, 1, kMostChannels);
  const JsonField dilations = config.member("dilations");
  if (dilations.size() < 1 || dilations.size() > ModelLimits::kMaxLayers)
    dilations.fail("a list of 1 to " + std::to_string(ModelLimits::kMaxLayers) + " dilations");
  NamWeights weights(model, file.budget);
  LayerList list;
  for (std::size_t index = 0; index < dilations.size(); ++index) {
    const int inputs = index == 0 ? 1 : channels;
    requireGroups(config, groups, inputs, channels);
    LayerData layer;
    layer.kind = LayerData::Kind::conv1d;
    layer.info = {"conv1d", inputs, channels, ""};
    layer.rowActivation = readNamActivation(config.member("activation"), channels);
    ConvData conv = weights.takeConv(inputs, channels, kKernel, dilations.element(index).integer(1, kLongestDilation),
                                     !isNormalised, groups);
    if (isNormalised)
      normalise(conv, weights, model.member("weights"));
    layer.conv = std::move(conv);
    list.layers.push_back(std::move(layer));
  }
  LayerData head;
  head.info = {"dense", channels, 1, ""};
  head.weights = weights.take(static_cast<std::size_t>(channels));
  head.bias = weights.take(1);
  list.layers.push_back(std::move(head));
  weights.requireEnd();
  NamNetwork network = ofLayers(std::move(list), file);
  network.architecture = "convnet";
  network.build = [build = std::move(network.build), name = file.name](const LoadOptions& options) {
    requireFxengine(options, name, "a ConvNet");
    return build(options);
  };
  return network;
}

/** An impulse response, and perhaps a level that is added. */
NamNetwork readLinear(const JsonField& model, NamFile& file) {
  const JsonField config = model.member("config");
  requireMono(config);
  const int length = config.member("receptive_field").integer(1, static_cast<int>(ModelLimits::kMaxLinearTaps));
  NamWeights weights(model, file.budget);
  std::vector<float> taps = weights.take(static_cast<std::size_t>(length));
  const float bias = optionalFlag(config, "bias", false) ? weights.take(1).front() : 0.0f;
  weights.requireEnd();
  NamNetwork network;
  network.architecture = "linear";
  network.numWeights = taps.size() + 1;
  network.build = [taps = std::move(taps), bias, name = file.name](const LoadOptions& options) {
    requireFxengine(options, name, "a linear model");
    return makeLinearNetwork(taps, bias);
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
  if (file.isInContainer)
    return readNetwork(submodels.element(submodels.size() - 1).member("model"), file, depth + 1);
  std::vector<QualityInfo> qualities;
  std::vector<NamNetwork> networks;
  file.isInContainer = true;
  for (std::size_t index = 0; index < submodels.size(); ++index) {
    const JsonField entry = submodels.element(index);
    const JsonField value = entry.member("max_value");
    const double maxValue = value.number(-1e6, 1e6);
    if (!qualities.empty() && maxValue <= qualities.back().maxValue)
      value.fail("values that ascend from model to model");
    networks.push_back(readNetwork(entry.member("model"), file, depth + 1));
    qualities.push_back({maxValue, networks.back().architecture, networks.back().numWeights});
  }
  file.isInContainer = false;
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

/** Models in a row. */
NamNetwork readSequential(const JsonField& model, NamFile& file, int depth) {
  const JsonField models = listOf(model.member("config"), "models");
  std::vector<NamNetwork> networks;
  NamNetwork whole;
  for (std::size_t index = 0; index < models.size(); ++index) {
    networks.push_back(readNetwork(models.element(index), file, depth + 1));
    const NamNetwork& network = networks.back();
    whole.architecture += (index == 0 ? "" : " > ") + network.architecture;
    whole.layers.insert(whole.layers.end(), network.layers.begin(), network.layers.end());
    whole.numWeights += network.numWeights;
    whole.numWaveNetLayers += network.numWaveNetLayers;
    if (whole.qualities.empty())
      whole.qualities = network.qualities;
  }
  whole.build = [networks = std::move(networks)](const LoadOptions& options) {
    std::vector<std::unique_ptr<Network>> built;
    for (const NamNetwork& network : networks)
      built.push_back(network.build(options));
    return std::make_unique<Sequence>(std::move(built));
  };
  return whole;
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
  if (++file.numModels > 2 * kMostModels)
    architecture.fail("a file of at most " + std::to_string(2 * kMostModels) + " models", "more");
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
  if (name == "ConvNet")
    return readConvNet(model, file);
  if (name == "Linear")
    return readLinear(model, file);
  if (name == "Sequential")
    return readSequential(model, file, depth);
  architecture.fail("WaveNet, LSTM, ConvNet, Linear, SlimmableContainer or Sequential, which fxtrain plays",
                    describe(architecture.value()));
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
  NamFile file;
  file.name = document.file;
  NamNetwork network = readNetwork(root, file, 0);
  readAllMetadata(root, info);
  info.sampleRate = file.sampleRate.value_or(kCustomaryRate);
  info.startsAtRest = true;
  info.architecture = std::move(network.architecture);
  info.layers = std::move(network.layers);
  info.numWeights = network.numWeights;
  info.numWaveNetLayers = network.numWaveNetLayers;
  info.qualities = std::move(network.qualities);
  description.build = std::move(network.build);
  return description;
}

} // namespace fxengine::detail
