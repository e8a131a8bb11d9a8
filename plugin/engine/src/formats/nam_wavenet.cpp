// SPDX-License-Identifier: MIT
#include "formats/nam_wavenet.h"

#include "fxengine/model_loader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr int kMostArrays = 16, kMostLayers = 64, kMostChannels = 256, kLongestDilation = 1 << 16;
constexpr int kMostRings = 1 << 22; // floats of all rings together

constexpr std::array<std::pair<const char*, WaveActivation>, 13> kActivations{
    {{"Identity", WaveActivation::identity},
     {"Tanh", WaveActivation::tanh},
     {"Fasttanh", WaveActivation::fastTanh},
     {"Hardtanh", WaveActivation::hardTanh},
     {"LeakyHardtanh", WaveActivation::leakyHardTanh},
     {"LeakyHardTanh", WaveActivation::leakyHardTanh},
     {"ReLU", WaveActivation::relu},
     {"LeakyReLU", WaveActivation::leakyRelu},
     {"PReLU", WaveActivation::prelu},
     {"Sigmoid", WaveActivation::sigmoid},
     {"SiLU", WaveActivation::silu},
     {"Hardswish", WaveActivation::hardSwish},
     {"Softsign", WaveActivation::softSign}}};

WaveActivationData readActivation(const JsonField& field) {
  constexpr double kLargest = 1e6;
  const bool isObject = field.value().is_object();
  const JsonField type = isObject ? field.member("type") : field;
  const std::string name = type.text();
  const auto found =
      std::find_if(kActivations.begin(), kActivations.end(), [&](const auto& entry) { return name == entry.first; });
  if (found == kActivations.end())
    type.fail("an activation of Neural Amp Modeler, such as Tanh, ReLU, LeakyReLU, Sigmoid or SiLU");
  WaveActivationData activation;
  activation.type = found->second;
  if (activation.type == WaveActivation::leakyRelu || activation.type == WaveActivation::prelu)
    activation.slopes = {0.01f};
  if (!isObject)
    return activation;
  const auto number = [&](const char* key, float& value) {
    if (const auto member = field.optionalMember(key))
      value = static_cast<float>(member->number(-kLargest, kLargest));
  };
  if (const auto slopes = field.optionalMember("negative_slopes")) {
    if (slopes->size() < 1 || slopes->size() > kMostChannels)
      slopes->fail("a list of 1 to " + std::to_string(kMostChannels) + " numbers");
    activation.slopes = slopes->floats(slopes->size());
  } else if (!activation.slopes.empty()) {
    number("negative_slope", activation.slopes.front());
  }
  number("min_val", activation.minimum);
  number("max_val", activation.maximum);
  number("min_slope", activation.minSlope);
  number("max_slope", activation.maxSlope);
  return activation;
}

/** Element `index` of a list with one for each layer, or the one value for all. */
JsonField ofLayer(const JsonField& field, std::size_t index, std::size_t numLayers) {
  if (!field.value().is_array())
    return field;
  if (field.size() != numLayers)
    field.fail("a list of " + std::to_string(numLayers) + ", one for each dilation");
  return field.element(index);
}

int optionalInteger(const JsonField& object, const char* key, int otherwise, int least, int most) {
  const auto field = object.optionalMember(key);
  return field ? field->integer(least, most) : otherwise;
}

bool optionalFlag(const JsonField& object, const char* key, bool otherwise) {
  const auto field = object.optionalMember(key);
  if (!field)
    return otherwise;
  if (!field->value().is_boolean())
    field->fail("true or false");
  return field->value().get<bool>();
}

void requireGroups(const JsonField& field, int groups, int inputs, int outputs) {
  if (inputs % groups != 0 || outputs % groups != 0)
    field.fail("groups that divide " + std::to_string(inputs) + " inputs and " + std::to_string(outputs) + " outputs",
               std::to_string(groups));
}

/** A convolution, its weights stored group by group as [output][input][tap], then its bias. */
ConvData takeConv(NamWeights& weights, int inputs, int outputs, int kernel, int dilation, bool bias, int groups = 1) {
  ConvData conv{inputs, outputs, kernel, dilation, {}, {}};
  const auto size = [](int a, int b, int c) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c);
  };
  const int in = inputs / groups, out = outputs / groups;
  const std::vector<float> stored = weights.take(size(outputs, in, kernel));
  conv.weights.assign(size(outputs, inputs, kernel), 0.0f);
  std::size_t next = 0;
  for (int output = 0; output < outputs; ++output)
    for (int input = 0; input < in; ++input)
      for (int tap = 0; tap < kernel; ++tap)
        conv.weights[size(output, inputs, kernel) +
                     static_cast<std::size_t>((output / out * in + input) * kernel + tap)] = stored[next++];
  if (bias)
    conv.bias = weights.take(static_cast<std::size_t>(outputs));
  return conv;
}

std::optional<FilmData> takeFilm(const JsonField& array, const char* key, NamWeights& weights, int condition,
                                 int rows) {
  const auto field = array.optionalMember(key);
  if (!field || field->value() == false || !optionalFlag(*field, "active", true))
    return std::nullopt;
  const bool shift = optionalFlag(*field, "shift", true);
  const int outputs = shift ? 2 * rows : rows;
  const int groups = optionalInteger(*field, "groups", 1, 1, kMostChannels);
  requireGroups(*field, groups, condition, outputs);
  return FilmData{takeConv(weights, condition, outputs, 1, 1, true, groups), shift};
}

Gating readGating(const JsonField& array, std::size_t index, std::size_t numLayers) {
  const auto mode = array.optionalMember("gating_mode");
  if (!mode)
    return optionalFlag(array, "gated", false) ? Gating::gated : Gating::none;
  const JsonField field = ofLayer(*mode, index, numLayers);
  const std::string name = field.text();
  if (name == "gated")
    return Gating::gated;
  if (name == "blended")
    return Gating::blended;
  if (name != "none")
    field.fail("none, gated or blended");
  return Gating::none;
}

struct ArrayShape {
  int inputs, condition, channels, bottleneck, groups, mixinGroups;
  bool hasLayer1x1, hasHead1x1;
  int layer1x1Groups = 1, head1x1Groups = 1, head1x1Outputs = 0;
  int headOutputs, headKernel, headDilation;
  bool headBias;

  int headInputs() const { return hasHead1x1 ? head1x1Outputs : bottleneck; }
};

ArrayShape readShape(const JsonField& array) {
  ArrayShape shape{};
  const auto channels = [&](const char* key) { return array.member(key).integer(1, kMostChannels); };
  shape.inputs = channels("input_size");
  shape.condition = channels("condition_size");
  shape.channels = channels("channels");
  shape.bottleneck = optionalInteger(array, "bottleneck", shape.channels, 1, kMostChannels);
  shape.groups = optionalInteger(array, "groups_input", 1, 1, kMostChannels);
  shape.mixinGroups = optionalInteger(array, "groups_input_mixin", 1, 1, kMostChannels);
  shape.hasLayer1x1 = true;
  if (const auto field = array.optionalMember("layer1x1")) {
    shape.hasLayer1x1 = optionalFlag(*field, "active", true);
    shape.layer1x1Groups = optionalInteger(*field, "groups", 1, 1, kMostChannels);
  }
  if (const auto field = array.optionalMember("head1x1"); field && optionalFlag(*field, "active", false)) {
    shape.hasHead1x1 = true;
    shape.head1x1Outputs = optionalInteger(*field, "out_channels", shape.channels, 1, kMostChannels);
    shape.head1x1Groups = optionalInteger(*field, "groups", 1, 1, kMostChannels);
  }
  if (const auto head = array.optionalMember("head")) {
    shape.headOutputs = head->member("out_channels").integer(1, kMostChannels);
    shape.headKernel = head->member("kernel_size").integer(1, kMostTaps);
    shape.headDilation = optionalInteger(*head, "head_dilation", 1, 1, kLongestDilation);
    shape.headBias = optionalFlag(*head, "bias", true);
  } else {
    shape.headOutputs = channels("head_size");
    shape.headKernel = shape.headDilation = 1;
    shape.headBias = optionalFlag(array, "head_bias", false);
  }
  return shape;
}

WaveLayerData takeLayer(const JsonField& array, const ArrayShape& shape, NamWeights& weights, std::size_t index,
                        std::size_t numLayers, int dilation) {
  WaveLayerData layer;
  layer.gating = readGating(array, index, numLayers);
  layer.activation = readActivation(ofLayer(array.member("activation"), index, numLayers));
  layer.secondary.type = WaveActivation::sigmoid;
  if (const auto secondary = array.optionalMember("secondary_activation"); secondary && layer.gating != Gating::none)
    layer.secondary = readActivation(ofLayer(*secondary, index, numLayers));
  const JsonField sizes =
      array.value().contains("kernel_sizes") ? array.member("kernel_sizes") : array.member("kernel_size");
  const int kernel = ofLayer(sizes, index, numLayers).integer(1, kMostTaps);
  const int rows = layer.gating == Gating::none ? shape.bottleneck : 2 * shape.bottleneck;
  requireGroups(array, shape.groups, shape.channels, rows);
  requireGroups(array, shape.mixinGroups, shape.condition, rows);
  layer.conv = takeConv(weights, shape.channels, rows, kernel, dilation, true, shape.groups);
  layer.mixin = takeConv(weights, shape.condition, rows, 1, 1, false, shape.mixinGroups);
  if (shape.hasLayer1x1) {
    requireGroups(array, shape.layer1x1Groups, shape.bottleneck, shape.channels);
    layer.layer1x1 = takeConv(weights, shape.bottleneck, shape.channels, 1, 1, true, shape.layer1x1Groups);
  }
  if (shape.hasHead1x1) {
    requireGroups(array, shape.head1x1Groups, shape.bottleneck, shape.head1x1Outputs);
    layer.head1x1 = takeConv(weights, shape.bottleneck, shape.head1x1Outputs, 1, 1, true, shape.head1x1Groups);
  }
  const auto film = [&](const char* key, int size) { return takeFilm(array, key, weights, shape.condition, size); };
  layer.convPre = film("conv_pre_film", shape.channels);
  layer.convPost = film("conv_post_film", rows);
  layer.mixinPre = film("input_mixin_pre_film", shape.condition);
  layer.mixinPost = film("input_mixin_post_film", rows);
  layer.activationPre = film("activation_pre_film", rows);
  layer.activationPost = film("activation_post_film", shape.bottleneck);
  if (shape.hasLayer1x1)
    layer.layer1x1Post = film("layer1x1_post_film", shape.channels);
  if (shape.hasHead1x1)
    layer.head1x1Post = film("head1x1_post_film", shape.head1x1Outputs);
  return layer;
}

WaveArrayData takeArray(const JsonField& array, const ArrayShape& shape, NamWeights& weights) {
  WaveArrayData data;
  data.rechannel = takeConv(weights, shape.inputs, shape.channels, 1, 1, false);
  const JsonField dilations = array.member("dilations");
  const std::size_t numLayers = dilations.size();
  if (numLayers < 1 || numLayers > kMostLayers)
    dilations.fail("a list of 1 to " + std::to_string(kMostLayers) + " dilations");
  for (std::size_t index = 0; index < numLayers; ++index)
    data.layers.push_back(
        takeLayer(array, shape, weights, index, numLayers, dilations.element(index).integer(1, kLongestDilation)));
  data.head =
      takeConv(weights, shape.headInputs(), shape.headOutputs, shape.headKernel, shape.headDilation, shape.headBias);
  return data;
}

/** The convolutions behind the last array, which Neural Amp Modeler calls the head of the whole. */
void takeStages(const JsonField& head, NamWeights& weights, WaveNetData& data) {
  const JsonField kernels = head.member("kernel_sizes");
  if (kernels.size() < 1 || kernels.size() > kMostArrays)
    kernels.fail("a list of 1 to " + std::to_string(kMostArrays) + " sizes");
  const int channels = head.member("channels").integer(1, kMostChannels);
  const int outputs = optionalInteger(head, "out_channels", 1, 1, kMostChannels);
  int inputs = data.arrays.back().head.outputs;
  for (std::size_t index = 0; index < kernels.size(); ++index) {
    const int size = index + 1 == kernels.size() ? outputs : channels;
    WaveNetData::Stage stage;
    stage.activation = readActivation(head.member("activation"));
    stage.conv = takeConv(weights, inputs, size, kernels.element(index).integer(1, kMostTaps), 1, true);
    data.stages.push_back(std::move(stage));
    inputs = size;
  }
}

void requireAffordable(const JsonField& config, const WaveNetData& data) {
  double floats = 0.0;
  for (const WaveArrayData& array : data.arrays) {
    for (const WaveLayerData& layer : array.layers)
      floats += static_cast<double>(layer.conv.inputs) * layer.conv.reach();
    floats += static_cast<double>(array.head.inputs) * array.head.reach();
  }
  if (floats > kMostRings)
    config.fail("layers that look back at " + std::to_string(kMostRings) + " values at most, all together", "more");
}

} // namespace

NamWeights::NamWeights(const JsonField& weights) : field_(weights) {
  const std::size_t size = weights.size();
  if (size > ModelLimits::kMaxWeights)
    weights.fail("at most " + std::to_string(ModelLimits::kMaxWeights) + " weights", std::to_string(size));
  values_ = weights.floats(size);
}

std::vector<float> NamWeights::take(std::size_t count) {
  if (count > values_.size() - next_) {
    field_.fail("more numbers: the layers need at least " + std::to_string(next_ + count),
                std::to_string(values_.size()), "the file is damaged: export it again");
  }
  const auto start = values_.begin() + static_cast<std::ptrdiff_t>(next_);
  next_ += count;
  return {start, start + static_cast<std::ptrdiff_t>(count)};
}

void NamWeights::requireEnd() const {
  if (next_ != values_.size()) {
    field_.fail(std::to_string(next_) + " numbers, which is what the layers need", std::to_string(values_.size()),
                "the file is damaged: export it again");
  }
}

WaveNetData readNamWaveNet(const JsonField& model) {
  const JsonField config = model.member("config");
  const JsonField arrays = config.member("layers");
  if (arrays.size() < 1 || arrays.size() > kMostArrays)
    arrays.fail("a list of 1 to " + std::to_string(kMostArrays) + " layer arrays");
  NamWeights weights(model.member("weights"));
  WaveNetData data;
  int condition = 0;
  if (const auto nested = config.optionalMember("condition_dsp")) {
    if (const JsonField architecture = nested->member("architecture"); architecture.text() != "WaveNet")
      architecture.fail("WaveNet, the only kind that fxtrain plays as a condition");
    data.condition = std::make_shared<const WaveNetData>(readNamWaveNet(*nested));
    condition = data.condition->numOutputs();
  }
  for (std::size_t index = 0; index < arrays.size(); ++index) {
    const JsonField array = arrays.element(index);
    const ArrayShape shape = readShape(array);
    const auto require = [&](const char* key, int found, int expected) {
      if (found != expected)
        array.member(key).fail(std::to_string(expected), std::to_string(found));
    };
    if (index == 0) {
      require("input_size", shape.inputs, optionalInteger(config, "in_channels", 1, 1, 1));
      if (condition == 0)
        condition = shape.inputs;
    } else {
      const WaveArrayData& before = data.arrays.back();
      require("input_size", shape.inputs, before.layers.back().conv.inputs);
      if (before.head.outputs != shape.headInputs()) {
        array.fail(std::to_string(before.head.outputs) + " rows for the head, as the array before gives",
                   std::to_string(shape.headInputs()));
      }
    }
    require("condition_size", shape.condition, condition);
    data.arrays.push_back(takeArray(array, shape, weights));
  }
  if (const auto head = config.optionalMember("head"))
    takeStages(*head, weights, data);
  data.headScale = weights.take(1).front(); // goes before head_scale of the config
  weights.requireEnd();
  requireAffordable(config, data);
  return data;
}

} // namespace fxengine::detail
