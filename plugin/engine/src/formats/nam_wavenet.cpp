// SPDX-License-Identifier: MIT
#include "formats/nam_wavenet.h"

#include "fxengine/model_loader.h"

#include <string>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr int kMostArrays = 16, kMostLayers = 64;

/** Element `index` of a list with one for each layer, or the one value for all. */
JsonField ofLayer(const JsonField& field, std::size_t index, std::size_t numLayers) {
  if (!field.value().is_array())
    return field;
  if (field.size() != numLayers)
    field.fail("a list of " + std::to_string(numLayers) + ", one for each dilation");
  return field.element(index);
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
  return FilmData{weights.takeConv(condition, outputs, 1, 1, true, groups), shift};
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
  if (!shape.hasLayer1x1 && shape.bottleneck != shape.channels)
    array.member("bottleneck")
        .fail("as many as channels, " + std::to_string(shape.channels) + ", without layer1x1",
              std::to_string(shape.bottleneck));
  layer.activation = readNamActivation(ofLayer(array.member("activation"), index, numLayers), shape.bottleneck);
  layer.secondary.type = WaveActivation::sigmoid;
  if (const auto secondary = array.optionalMember("secondary_activation"); secondary && layer.gating != Gating::none)
    layer.secondary = readNamActivation(ofLayer(*secondary, index, numLayers), shape.bottleneck);
  const JsonField sizes =
      array.value().contains("kernel_sizes") ? array.member("kernel_sizes") : array.member("kernel_size");
  const int kernel = ofLayer(sizes, index, numLayers).integer(1, kMostTaps);
  const int rows = layer.gating == Gating::none ? shape.bottleneck : 2 * shape.bottleneck;
  requireGroups(array, shape.groups, shape.channels, rows);
  requireGroups(array, shape.mixinGroups, shape.condition, rows);
  layer.conv = weights.takeConv(shape.channels, rows, kernel, dilation, true, shape.groups);
  layer.mixin = weights.takeConv(shape.condition, rows, 1, 1, false, shape.mixinGroups);
  if (shape.hasLayer1x1) {
    requireGroups(array, shape.layer1x1Groups, shape.bottleneck, shape.channels);
    layer.layer1x1 = weights.takeConv(shape.bottleneck, shape.channels, 1, 1, true, shape.layer1x1Groups);
  }
  if (shape.hasHead1x1) {
    requireGroups(array, shape.head1x1Groups, shape.bottleneck, shape.head1x1Outputs);
    layer.head1x1 = weights.takeConv(shape.bottleneck, shape.head1x1Outputs, 1, 1, true, shape.head1x1Groups);
  }
  const auto film = [&](const char* key, int size) { return takeFilm(array, key, weights, shape.condition, size); };
  layer.convPre = film("conv_pre_film", shape.channels);
  layer.convPost = film("conv_post_film", rows);
  layer.mixinPre = film("input_mixin_pre_film", shape.condition);
  layer.mixinPost = film("input_mixin_post_film", rows);
  layer.activationPre = film("activation_pre_film", rows);
  layer.activationPost = film("activation_post_film", shape.bottleneck);
  layer.layer1x1Post = film("layer1x1_post_film", shape.channels);
  layer.head1x1Post = film("head1x1_post_film", shape.head1x1Outputs);
  if (layer.layer1x1Post && !shape.hasLayer1x1)
    array.member("layer1x1_post_film").fail("layer1x1 where this is active", "none");
  if (layer.head1x1Post && !shape.hasHead1x1)
    array.member("head1x1_post_film").fail("head1x1 where this is active", "none");
  if (layer.gating != Gating::blended)
    layer.layer1x1Post.reset(); // it has weights in every mode, but NeuralAmpModelerCore plays it in this one alone
  return layer;
}

WaveArrayData takeArray(const JsonField& array, const ArrayShape& shape, NamWeights& weights) {
  WaveArrayData data;
  data.rechannel = weights.takeConv(shape.inputs, shape.channels, 1, 1, false);
  const JsonField dilations = array.member("dilations");
  const std::size_t numLayers = dilations.size();
  if (numLayers < 1 || numLayers > kMostLayers)
    dilations.fail("a list of 1 to " + std::to_string(kMostLayers) + " dilations");
  weights.spendLayers(dilations);
  for (std::size_t index = 0; index < numLayers; ++index)
    data.layers.push_back(
        takeLayer(array, shape, weights, index, numLayers, dilations.element(index).integer(1, kLongestDilation)));
  data.head =
      weights.takeConv(shape.headInputs(), shape.headOutputs, shape.headKernel, shape.headDilation, shape.headBias);
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
    stage.activation = readNamActivation(head.member("activation"), inputs);
    stage.conv = weights.takeConv(inputs, size, kernels.element(index).integer(1, kMostTaps), 1, true);
    data.stages.push_back(std::move(stage));
    inputs = size;
  }
}

} // namespace

WaveNetData readNamWaveNet(const JsonField& model, NamBudget& budget) {
  const JsonField config = model.member("config");
  const JsonField arrays = config.member("layers");
  if (arrays.size() < 1 || arrays.size() > kMostArrays)
    arrays.fail("a list of 1 to " + std::to_string(kMostArrays) + " layer arrays");
  NamWeights weights(model, budget);
  WaveNetData data;
  int condition = 0;
  if (const auto nested = config.optionalMember("condition_dsp")) {
    if (const JsonField architecture = nested->member("architecture"); architecture.text() != "WaveNet")
      architecture.fail("WaveNet, the only kind that fxtrain plays as a condition");
    data.condition = std::make_shared<const WaveNetData>(readNamWaveNet(*nested, budget));
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
  return data;
}

} // namespace fxengine::detail
