// SPDX-License-Identifier: MIT
#include "formats/proteus.h"

#include "formats/root_keys.h"
#include "formats/rtneural_layers.h"
#include "networks/layer_list.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr double kTrainingRate = 44100.0; // of all these projects, where a file does not say

/** Where gate `gate` of our layout stands in PyTorch's: LSTM i, f, g, o in both; GRU z, r, n here and r, z, n there. */
int storedGate(LayerData::Kind kind, int gate) { return kind == LayerData::Kind::lstm || gate == 2 ? gate : 1 - gate; }

/** [4H or 3H][columns] as it is stored, to [columns][4H or 3H] with our order of gates. */
std::vector<float> transposed(LayerData::Kind kind, const std::vector<float>& rows, int columns, int hidden) {
  const int numGates = kind == LayerData::Kind::lstm ? 4 : 3;
  const auto at = [](int row, int width, int column) {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column);
  };
  std::vector<float> result(rows.size());
  for (int gate = 0; gate < numGates; ++gate)
    for (int unit = 0; unit < hidden; ++unit)
      for (int column = 0; column < columns; ++column)
        result[at(column, numGates * hidden, gate * hidden + unit)] =
            rows[at(storedGate(kind, gate) * hidden + unit, columns, column)];
  return result;
}

/** One layer of `rec`, the recurrent part. */
LayerData readRecurrent(const JsonField& state, LayerData::Kind kind, int index, int inputs, int hidden, bool hasBias) {
  const int numGates = kind == LayerData::Kind::lstm ? 4 : 3;
  const std::string suffix = "_l" + std::to_string(index);
  const std::string reason = std::to_string(numGates) + " gates of hidden_size " + std::to_string(hidden);
  const auto rows = static_cast<std::size_t>(numGates * hidden);
  LayerData layer;
  layer.kind = kind;
  layer.info = {kind == LayerData::Kind::lstm ? "lstm" : "gru", inputs, hidden, ""};
  const auto matrix = [&](const std::string& name, int columns) {
    return transposed(kind,
                      state.member((name + suffix).c_str()).matrix(rows, static_cast<std::size_t>(columns), reason),
                      columns, hidden);
  };
  layer.weights = matrix("rec.weight_ih", inputs);
  layer.recurrentWeights = matrix("rec.weight_hh", hidden);
  const auto bias = [&](const std::string& name) {
    if (!hasBias)
      return std::vector<float>(rows, 0.0f);
    return transposed(kind, state.member((name + suffix).c_str()).floats(rows, reason), 1, hidden);
  };
  layer.bias = bias("rec.bias_ih");
  const std::vector<float> recurrentBias = bias("rec.bias_hh");
  if (kind == LayerData::Kind::gru) {
    layer.bias.insert(layer.bias.end(), recurrentBias.begin(), recurrentBias.end());
  } else {
    for (std::size_t row = 0; row < rows; ++row)
      layer.bias[row] += recurrentBias[row];
  }
  requireModerate(state, layer);
  return layer;
}

LayerData::Kind kindOf(const JsonField& unit) {
  const std::string name = unit.text();
  if (name != "LSTM" && name != "GRU")
    unit.fail("LSTM or GRU, which fxtrain plays");
  return name == "LSTM" ? LayerData::Kind::lstm : LayerData::Kind::gru;
}

bool hasBias(const JsonField& data) {
  const auto field = data.optionalMember("bias_fl");
  if (field && !field->value().is_boolean())
    field->fail("true or false");
  return !field || field->value().get<bool>();
}

} // namespace

bool isProteus(const Document& document) {
  const Json& root = document.root;
  return root.is_object() && root.contains("model_data") && root.contains("state_dict");
}

ModelDescription readProteus(const Document& document) {
  constexpr int kMostLayers = 16, kMostInputs = 3;
  const JsonField root(document.root, document.file);
  const JsonField data = root.member("model_data"), state = root.member("state_dict");
  if (const auto model = data.optionalMember("model"); model && model->text() != "SimpleRNN")
    model->fail("SimpleRNN, the only kind that fxtrain plays");
  const LayerData::Kind kind = kindOf(data.member("unit_type"));
  const int numInputs = data.member("input_size").integer(1, kMostInputs);
  const int hidden = data.member("hidden_size").integer(1, ModelLimits::kMaxLayerSize);
  const auto layerField = data.optionalMember("num_layers");
  const int numLayers = layerField ? layerField->integer(1, kMostLayers) : 1;
  if (const auto outputs = data.optionalMember("output_size"))
    outputs->integer(1, 1);

  ModelDescription description;
  description.file = document.file;
  ModelInfo& info = description.info;
  info.name = std::filesystem::path(document.file).stem().string();
  LayerList list;
  for (int index = 0; index < numLayers; ++index)
    list.layers.push_back(readRecurrent(state, kind, index, index == 0 ? numInputs : hidden, hidden, hasBias(data)));
  LayerData head;
  const auto columns = static_cast<std::size_t>(hidden);
  head.info = {"dense", hidden, 1, ""};
  head.weights = state.member("lin.weight").matrix(1, columns, "one for each unit");
  const auto headBias = state.optionalMember("lin.bias");
  head.bias = headBias ? headBias->floats(1) : std::vector<float>(1, 0.0f);
  list.layers.push_back(std::move(head));

  // The number of inputs that are added to the output: the audio, or nothing.
  const auto skip = data.optionalMember("skip");
  info.residual = !skip || skip->integer(0, 1) == 1;
  info.numInputs = numInputs;
  info.sampleRate = readSampleRate(data.optionalMember("sample_rate")).value_or(kTrainingRate);
  readMetadata(root, info); // which fxtrain adds
  info.knobs.resize(static_cast<std::size_t>(numInputs - 1));
  for (std::size_t index = 0; index < info.knobs.size(); ++index)
    info.knobs[index].name = "knob " + std::to_string(index + 1);
  list.residual = info.residual;
  list.sampleRate = *info.sampleRate;
  info.architecture = architectureOf(list);
  info.numWeights = numWeightsOf(list);
  for (const LayerData& layer : list.layers)
    info.layers.push_back(layer.info);
  description.build = [layers = std::make_shared<const LayerList>(std::move(list)), file = document.file](
                          const LoadOptions& options) { return buildNetwork(*layers, options, file); };
  return description;
}

} // namespace fxengine::detail
