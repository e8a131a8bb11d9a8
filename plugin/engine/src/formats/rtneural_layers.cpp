// SPDX-License-Identifier: MIT
#include "formats/rtneural_layers.h"

#include "fxengine/layers/recurrent.h"
#include "simd/recurrent_weights.h"

#include <cstdio>
#include <utility>

namespace fxengine::detail {
namespace {

using Kind = LayerData::Kind;

ActivationType readActivation(const JsonField& layer) {
  const auto field = layer.optionalMember("activation");
  if (!field)
    return ActivationType::none;
  const auto activation = activationFromName(field->text());
  if (!activation)
    field->fail("tanh, relu, sigmoid, elu, softmax or \"\"");
  return *activation;
}

JsonField weightsOf(const JsonField& layer, std::size_t least, std::size_t most) {
  JsonField weights = layer.member("weights");
  const std::size_t size = weights.size();
  if (size < least || size > most) {
    weights.fail("a list of " + std::to_string(least) + (most > least ? " or " + std::to_string(most) : "") +
                 " weight arrays");
  }
  return weights;
}

void readDense(const JsonField& field, LayerData& layer) {
  layer.activation = readActivation(field);
  const JsonField arrays = weightsOf(field, 1, 2);
  const std::string reason = std::to_string(layer.info.inputSize) + " inputs and, by " + field.path() + ".shape, " +
                             std::to_string(layer.info.outputSize) + " outputs";
  const auto in = static_cast<std::size_t>(layer.info.inputSize);
  const auto out = static_cast<std::size_t>(layer.info.outputSize);
  layer.weights = arrays.element(0).matrix(in, out, reason);
  layer.bias = arrays.size() == 2 ? arrays.element(1).floats(out, reason) : std::vector<float>(out, 0.0f);
}

/** Fails for a recurrent layer with other activations than the fixed ones, which would be ignored. */
void requireDefaultActivation(const JsonField& layer) {
  const auto field = layer.optionalMember("activation");
  if (field && !field->text().empty() && field->text() != "tanh")
    field->fail("tanh or \"\" for a recurrent layer");
}

/** An LSTM (4 gates, one bias) or a GRU (3 gates, two biases). */
void readRecurrent(const JsonField& field, LayerData& layer, int numGates, int numBiases) {
  requireDefaultActivation(field);
  const JsonField arrays = weightsOf(field, 3, 3);
  const std::string reason = std::to_string(layer.info.inputSize) + " inputs and " + std::to_string(numGates) +
                             " gates of the " + std::to_string(layer.info.outputSize) + " units that " + field.path() +
                             ".shape declares";
  const auto hidden = static_cast<std::size_t>(layer.info.outputSize);
  const std::size_t row = static_cast<std::size_t>(numGates) * hidden;
  layer.weights = arrays.element(0).matrix(static_cast<std::size_t>(layer.info.inputSize), row, reason);
  layer.recurrentWeights = arrays.element(1).matrix(hidden, row, reason);
  const JsonField biases = arrays.element(2);
  layer.bias = numBiases == 1 ? biases.floats(row, reason) : biases.matrix(2, row, reason);
  requireModerate(arrays, layer);
}

void readActivationLayer(const JsonField& field, LayerData& layer) {
  if (layer.info.outputSize != layer.info.inputSize) {
    field.member("shape").fail("the size of the layer before, " + std::to_string(layer.info.inputSize),
                               std::to_string(layer.info.outputSize));
  }
  layer.activation = readActivation(field);
}

std::optional<Kind> kindOf(const std::string& type) {
  if (type == "dense" || type == "time-distributed-dense")
    return Kind::dense;
  if (type == "lstm")
    return Kind::lstm;
  if (type == "gru")
    return Kind::gru;
  return type == "activation" ? std::optional(Kind::activation) : std::nullopt;
}

/** Of a layer as it declares itself. What is not played counts as dense: there is a limit on it too. */
std::size_t numWeightsOf(std::optional<Kind> kind, const LayerInfo& info) {
  const auto in = static_cast<std::size_t>(info.inputSize);
  const auto out = static_cast<std::size_t>(info.outputSize);
  if (kind == Kind::lstm)
    return 4 * out * (in + out + 1);
  if (kind == Kind::gru)
    return 3 * out * (in + out + 2);
  return kind == Kind::activation ? 0 : out * (in + 1);
}

LayerData readLayer(const JsonField& field, LayerInfo info, std::optional<Kind> kind) {
  if (!kind) {
    const JsonField type = field.member("type");
    type.fail("lstm, gru, dense, time-distributed-dense or activation", describe(type.value()),
              "this engine does not play models with such layers");
  }
  LayerData layer;
  layer.kind = *kind;
  layer.info = std::move(info);
  switch (*kind) {
  case Kind::dense:
    readDense(field, layer);
    break;
  case Kind::lstm:
    readRecurrent(field, layer, 4, 1);
    break;
  case Kind::gru:
    readRecurrent(field, layer, 3, 2);
    break;
  case Kind::activation:
    readActivationLayer(field, layer);
    break;
  }
  layer.info.activation = activationName(layer.activation);
  return layer;
}

} // namespace

void requireModerate(const JsonField& weights, const LayerData& layer) {
  const auto cell = layer.kind == Kind::lstm ? simd::CellType::lstm : simd::CellType::gru;
  const float sum = simd::greatestSum({cell, layer.info.inputSize, layer.info.outputSize, layer.weights.data(),
                                       layer.recurrentWeights.data(), layer.bias.data()});
  if (sum <= RecurrentLayer::kGreatestSum)
    return;
  char expected[96], found[48];
  std::snprintf(expected, sizeof expected, "weights and biases whose magnitudes come to at most %.0f in each gate",
                double{RecurrentLayer::kGreatestSum});
  std::snprintf(found, sizeof found, "a gate where it is %.3g", double{sum});
  weights.fail(expected, found);
}

int lastOfShape(const JsonField& shape, int maximum) {
  const std::size_t size = shape.size();
  if (size == 0)
    shape.fail("a list whose last entry is a size");
  return shape.element(size - 1).integer(1, maximum);
}

LayerList readRtneuralLayers(const JsonField& layers, int numInputs, int numOutputs) {
  const std::size_t size = layers.size();
  if (size == 0 || size > ModelLimits::kMaxLayers) {
    layers.fail("a list of 1 to " + std::to_string(ModelLimits::kMaxLayers) + " layers");
  }
  LayerList list;
  std::size_t numWeights = 0;
  int inputSize = numInputs;
  for (std::size_t index = 0; index < size; ++index) {
    const JsonField field = layers.element(index);
    LayerInfo info;
    info.type = field.member("type").text();
    info.inputSize = inputSize;
    info.outputSize = lastOfShape(field.member("shape"), ModelLimits::kMaxLayerSize);
    const std::optional<Kind> kind = kindOf(info.type);
    numWeights += numWeightsOf(kind, info);
    if (numWeights > ModelLimits::kMaxWeights) { // before they are read
      field.fail("at most " + std::to_string(ModelLimits::kMaxWeights) + " weights in all", "more");
    }
    inputSize = info.outputSize;
    list.layers.push_back(readLayer(field, std::move(info), kind));
  }
  if (inputSize != numOutputs) {
    layers.element(size - 1).member("shape").fail(
        std::to_string(numOutputs) + (numOutputs == 1 ? " output" : " outputs") + " from the last layer",
        std::to_string(inputSize));
  }
  return list;
}

std::size_t numWeightsOf(const LayerList& list) {
  std::size_t numWeights = 0;
  for (const LayerData& layer : list.layers)
    numWeights += numWeightsOf(layer.kind, layer.info);
  return numWeights;
}

} // namespace fxengine::detail
