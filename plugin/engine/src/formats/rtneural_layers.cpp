// SPDX-License-Identifier: MIT
#include "formats/rtneural_layers.h"

#include "fxengine/layers/recurrent.h"
#include "simd/recurrent_weights.h"

#include <cmath>
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

void requireSameSize(const JsonField& field, const LayerData& layer) {
  if (layer.info.outputSize != layer.info.inputSize) {
    field.member("shape").fail("the size of the layer before, " + std::to_string(layer.info.inputSize),
                               std::to_string(layer.info.outputSize));
  }
}

void readActivationLayer(const JsonField& field, LayerData& layer) {
  requireSameSize(field, layer);
  layer.activation = readActivation(field);
}

/** The function as rows of one channel take it; softmax goes over all channels of a frame and elu is none of those. */
std::optional<WaveActivation> rowActivationOf(ActivationType type) {
  switch (type) {
  case ActivationType::none:
    return WaveActivation::identity;
  case ActivationType::tanh:
    return WaveActivation::tanh;
  case ActivationType::relu:
    return WaveActivation::relu;
  case ActivationType::sigmoid:
    return WaveActivation::sigmoid;
  case ActivationType::elu:
  case ActivationType::softmax:
    break;
  }
  return std::nullopt;
}

/** A number that stands alone or in a list of one. */
int oneOf(const JsonField& layer, const char* key, int otherwise, int most) {
  const auto field = layer.optionalMember(key);
  if (!field)
    return otherwise;
  if (!field->value().is_array())
    return field->integer(1, most);
  if (field->size() != 1)
    field->fail("a list of 1 number");
  return field->element(0).integer(1, most);
}

/** A convolution as it declares itself, without weights. */
ConvData convShapeOf(const JsonField& field, const LayerInfo& info, int& groups) {
  constexpr int kLongestDilation = 1 << 16;
  ConvData conv;
  conv.inputs = info.inputSize;
  conv.outputs = info.outputSize;
  field.member("kernel_size");
  conv.kernel = oneOf(field, "kernel_size", 1, kMostTaps);
  conv.dilation = oneOf(field, "dilation", 1, kLongestDilation);
  groups = oneOf(field, "groups", 1, ModelLimits::kMaxLayerSize);
  if (conv.inputs % groups != 0 || conv.outputs % groups != 0)
    field.member("groups").fail("groups that divide " + std::to_string(conv.inputs) + " inputs and " +
                                    std::to_string(conv.outputs) + " outputs",
                                std::to_string(groups));
  return conv;
}

/** W[tap][input in its group][output], the oldest tap first, then b[output]. */
void readConv1d(const JsonField& field, LayerData& layer) {
  layer.activation = readActivation(field);
  const auto function = rowActivationOf(layer.activation);
  if (!function)
    field.member("activation").fail("tanh, relu, sigmoid or \"\" for a conv1d layer");
  layer.rowActivation.type = *function;
  int groups = 1;
  ConvData conv = convShapeOf(field, layer.info, groups);
  const auto size = [](int a, int b, int c) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c);
  };
  const int in = conv.inputs / groups, out = conv.outputs / groups;
  const JsonField arrays = weightsOf(field, 2, 2);
  const std::string reason = std::to_string(conv.kernel) + " taps of " + std::to_string(in) + " inputs and " +
                             std::to_string(conv.outputs) + " outputs";
  const JsonField taps = arrays.element(0);
  if (taps.size() != static_cast<std::size_t>(conv.kernel))
    taps.fail("a list of " + std::to_string(conv.kernel) + " (" + reason + ")");
  conv.weights.assign(size(conv.outputs, conv.inputs, conv.kernel), 0.0f);
  for (int tap = 0; tap < conv.kernel; ++tap) {
    const std::vector<float> matrix =
        taps.element(static_cast<std::size_t>(tap))
            .matrix(static_cast<std::size_t>(in), static_cast<std::size_t>(conv.outputs), reason);
    for (int input = 0; input < in; ++input)
      for (int output = 0; output < conv.outputs; ++output)
        conv.weights[size(output, conv.inputs, conv.kernel) +
                     static_cast<std::size_t>((output / out * in + input) * conv.kernel + tap)] =
            matrix[size(input, conv.outputs, 1) + static_cast<std::size_t>(output)];
  }
  conv.bias = arrays.element(1).floats(static_cast<std::size_t>(conv.outputs), reason);
  layer.conv = std::move(conv);
}

/** [[ [slopes] ]], one for all or one each. */
void readPrelu(const JsonField& field, LayerData& layer) {
  requireSameSize(field, layer);
  const JsonField array = weightsOf(field, 1, 1).element(0);
  if (array.size() != 1)
    array.fail("a list of 1 list of slopes");
  const JsonField slopes = array.element(0);
  const auto channels = static_cast<std::size_t>(layer.info.outputSize);
  layer.weights = slopes.floats(slopes.size() == 1 ? 1 : channels, "or 1: a slope for each channel");
  if (layer.weights.size() == 1)
    layer.weights.assign(channels, layer.weights.front());
}

/** [gamma, beta, mean, variance], or [mean, variance]; gamma (x - mean) / sqrt(variance + epsilon) + beta. */
void readBatchnorm(const JsonField& field, LayerData& layer) {
  requireSameSize(field, layer);
  const JsonField arrays = field.member("weights");
  const std::size_t count = arrays.size(), channels = static_cast<std::size_t>(layer.info.outputSize);
  if (count != 2 && count != 4)
    arrays.fail("a list of 2 or 4 weight arrays");
  const double epsilon = field.member("epsilon").number(0.0, 1e6);
  const auto array = [&](std::size_t index) { return arrays.element(index).floats(channels, "one for each channel"); };
  const std::vector<float> mean = array(count - 2), variance = array(count - 1);
  const std::vector<float> gamma = count == 4 ? array(0) : std::vector<float>(channels, 1.0f);
  layer.bias = count == 4 ? array(1) : std::vector<float>(channels, 0.0f);
  for (std::size_t k = 0; k < channels; ++k) {
    const double spread = std::sqrt(double{variance[k]} + epsilon);
    const double scale = double{gamma[k]} / spread, shift = double{layer.bias[k]} - scale * double{mean[k]};
    constexpr double kLargest = 1e30;
    if (!(std::abs(scale) < kLargest && std::abs(shift) < kLargest))
      arrays.element(count - 1).element(k).fail("a variance above 0 that the scale is moderate for");
    layer.weights.push_back(static_cast<float>(scale));
    layer.bias[k] = static_cast<float>(shift);
  }
}

std::optional<Kind> kindOf(const std::string& type) {
  if (type == "dense" || type == "time-distributed-dense")
    return Kind::dense;
  if (type == "lstm")
    return Kind::lstm;
  if (type == "gru")
    return Kind::gru;
  if (type == "conv1d")
    return Kind::conv1d;
  if (type == "prelu")
    return Kind::prelu;
  if (type == "batchnorm")
    return Kind::batchnorm;
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
  if (kind == Kind::prelu)
    return out;
  if (kind == Kind::batchnorm)
    return 2 * out;
  return kind == Kind::activation ? 0 : out * (in + 1);
}

/** Zeros between groups included. */
std::size_t numWeightsOf(const ConvData& conv) {
  return static_cast<std::size_t>(conv.outputs) *
         (static_cast<std::size_t>(conv.inputs) * static_cast<std::size_t>(conv.kernel) + 1);
}

LayerData readLayer(const JsonField& field, LayerInfo info, std::optional<Kind> kind) {
  if (!kind) {
    const JsonField type = field.member("type");
    type.fail("lstm, gru, dense, time-distributed-dense, conv1d, prelu, batchnorm or activation",
              describe(type.value()), "this engine does not play models with such layers");
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
  case Kind::conv1d:
    readConv1d(field, layer);
    break;
  case Kind::prelu:
    readPrelu(field, layer);
    break;
  case Kind::batchnorm:
    readBatchnorm(field, layer);
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
  std::size_t numWeights = 0, past = 0;
  int inputSize = numInputs;
  for (std::size_t index = 0; index < size; ++index) {
    const JsonField field = layers.element(index);
    LayerInfo info;
    info.type = field.member("type").text();
    info.inputSize = inputSize;
    info.outputSize = lastOfShape(field.member("shape"), ModelLimits::kMaxLayerSize);
    const std::optional<Kind> kind = kindOf(info.type);
    if (kind == Kind::conv1d) {
      int groups = 1;
      const ConvData conv = convShapeOf(field, info, groups);
      numWeights += numWeightsOf(conv);
      past += pastValuesOf(conv);
      if (past > ModelLimits::kMaxPastValues)
        field.fail("convolutions that look back at " + std::to_string(ModelLimits::kMaxPastValues) +
                       " values at most, all together",
                   "more");
    } else {
      numWeights += numWeightsOf(kind, info);
    }
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
    numWeights += layer.conv ? numWeightsOf(*layer.conv) : numWeightsOf(layer.kind, layer.info);
  return numWeights;
}

} // namespace fxengine::detail
