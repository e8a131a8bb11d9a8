// SPDX-License-Identifier: MIT
#include "formats/nam.h"

#include "formats/nam_wavenet.h"
#include "formats/rtneural_layers.h"
#include "networks/wavenet.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr double kCustomaryRate = 48000.0; // where a file does not say
constexpr int kNewestMinor = 7;            // of version 0.x

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

void readMetadata(const JsonField& root, ModelInfo& info) {
  const auto metadata = root.optionalMember("metadata");
  if (!metadata || !metadata->value().is_object())
    return;
  info.metadata = metadata->value().dump();
  if (info.metadata.size() > ModelLimits::kMaxMetadataBytes)
    metadata->fail("at most " + std::to_string(ModelLimits::kMaxMetadataBytes >> 10) + " KiB",
                   std::to_string(info.metadata.size() >> 10) + " KiB");
  if (const auto name = metadata->optionalMember("name"); name && name->value().is_string())
    info.name = name->text();
  info.inputLevelDbu = level(*metadata, "input_level_dbu");
  info.outputLevelDbu = level(*metadata, "output_level_dbu");
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

/** The largest of a container's models, whose own container it may be in turn. */
JsonField modelOf(const JsonField& root, int depth = 0) {
  const JsonField architecture = root.member("architecture");
  if (architecture.text() != "SlimmableContainer")
    return root;
  const JsonField submodels = root.member("config").member("submodels");
  if (submodels.size() < 1 || submodels.size() > 64)
    submodels.fail("a list of 1 to 64 models");
  if (depth > 4)
    architecture.fail("containers in containers, four deep at most", "more");
  return modelOf(submodels.element(submodels.size() - 1).member("model"), depth + 1);
}

} // namespace

bool isNam(const Document& document) {
  const Json& root = document.root;
  return root.is_object() && root.contains("architecture") && root.contains("config") && root.contains("weights");
}

ModelDescription readNam(const Document& document) {
  const JsonField root(document.root, document.file);
  requireVersion(root);
  ModelDescription description;
  description.file = document.file;
  ModelInfo& info = description.info;
  info.name = std::filesystem::path(document.file).stem().string();
  const JsonField model = modelOf(root);
  readMetadata(model, info);
  if (model.path() != root.path())
    readMetadata(root, info);
  for (const JsonField& holder : {model, root})
    if (const auto rate = holder.optionalMember("sample_rate"); rate && !info.sampleRate)
      info.sampleRate = rate->number(1000.0, 1e6);
  if (!info.sampleRate)
    info.sampleRate = kCustomaryRate;
  const JsonField architecture = model.member("architecture");
  NamBudget budget;
  if (architecture.text() == "LSTM") {
    LayerList list = readLstm(model, budget);
    list.sampleRate = *info.sampleRate;
    info.architecture = "lstm";
    info.numWeights = numWeightsOf(list);
    for (const LayerData& layer : list.layers)
      info.layers.push_back(layer.info);
    description.build = [layers = std::make_shared<const LayerList>(std::move(list)), file = document.file](
                            const LoadOptions& options) { return buildNetwork(*layers, options, file); };
    return description;
  }
  if (architecture.text() != "WaveNet")
    architecture.fail("WaveNet, LSTM or SlimmableContainer, which fxtrain plays", describe(architecture.value()));
  auto data = std::make_shared<const WaveNetData>(readNamWaveNet(model, budget));
  if (data->numOutputs() != 1)
    model.member("config").fail("a network of one output", std::to_string(data->numOutputs()));
  info.architecture = "wavenet";
  info.numWeights = data->numWeights();
  description.build = [data, file = document.file](const LoadOptions& options) {
    if (options.backend != "fxengine")
      throw ModelError(file, "architecture", "a recurrent model with the backend " + options.backend, "a WaveNet",
                       "take the backend fxengine");
    return makeWaveNet(data);
  };
  return description;
}

} // namespace fxengine::detail
