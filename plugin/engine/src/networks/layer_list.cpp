// SPDX-License-Identifier: MIT
#include "networks/layer_list.h"

#include "fxengine/dsp/envelope_follower.h"
#include "fxengine/layers/dense.h"
#include "fxengine/layers/gru.h"
#include "fxengine/layers/lstm.h"
#include "fxengine/simd/isa.h"
#include "layers/channelwise.h"
#include "layers/conv1d.h"
#include "networks/layer_stack.h"
#include "networks/residual.h"
#include "networks/weight_storage.h"

#if FXENGINE_WITH_RTNEURAL
#include "networks/rtneural_network.h"
#endif

#include <algorithm>
#include <utility>

namespace fxengine::detail {
namespace {

template <class Recurrent>
std::unique_ptr<RecurrentLayer> makeRecurrent(const LayerData& layer, std::vector<float> recurrentWeights,
                                              RecurrentOptions options) {
  auto made = std::make_unique<Recurrent>(layer.info.inputSize, layer.info.outputSize, layer.weights,
                                          std::move(recurrentWeights), layer.bias, options);
  if (!layer.startHidden.empty())
    made->startFrom(layer.startHidden, layer.startCell);
  return made;
}

std::unique_ptr<Layer> makeOther(const LayerData& layer) {
  if (layer.kind == LayerData::Kind::activation)
    return std::make_unique<Activation>(layer.activation, layer.info.outputSize);
  if (layer.kind == LayerData::Kind::conv1d)
    return std::make_unique<Conv1d>(*layer.conv, layer.rowActivation);
  if (layer.kind == LayerData::Kind::prelu)
    return std::make_unique<Prelu>(layer.weights);
  if (layer.kind == LayerData::Kind::batchnorm)
    return std::make_unique<ScaleAndShift>(layer.weights, layer.bias);
  return std::make_unique<Dense>(layer.info.inputSize, layer.info.outputSize, layer.weights, layer.bias,
                                 layer.activation);
}

std::unique_ptr<Network> buildLayerStack(const LayerList& list, const LoadOptions& options) {
  NetworkSummary summary;
  summary.backend = "fxengine";
  summary.isa = simd::isaName(simd::isaInUse());
  StorageChoice storage(options.weightStorage, list.bfloat16Declared);
  std::vector<std::unique_ptr<Layer>> layers;
  bool fast = false;
  for (const LayerData& layer : list.layers) {
    if (!layer.isRecurrent()) {
      layers.push_back(makeOther(layer));
      continue;
    }
    std::vector<float> weights = layer.recurrentWeights;
    const bool bfloat16 = storage.decide(weights, layer.info.outputSize) == WeightStorage::bfloat16;
    const RecurrentOptions how{bfloat16, options.activations == Activations::fast};
    auto recurrent = layer.kind == LayerData::Kind::lstm ? makeRecurrent<Lstm>(layer, std::move(weights), how)
                                                         : makeRecurrent<Gru>(layer, std::move(weights), how);
    fast = fast || recurrent->approximates(layers.empty() && list.envelopes.empty());
    layers.push_back(std::move(recurrent));
  }
  if (storage.anyBfloat16())
    summary.weightStorage = "bfloat16";
  if (fast)
    summary.activations = "fast";
  if (storage.rounded())
    summary.approximation = "the recurrent weights are rounded to bfloat16";
  else if (fast)
    summary.approximation = "activations are approximated";
  std::vector<EnvelopeFollower> envelopes;
  for (const EnvelopeInfo& envelope : list.envelopes)
    envelopes.emplace_back(envelope.attackMs, envelope.releaseMs, list.sampleRate);
  return std::make_unique<LayerStack>(std::move(layers), std::move(summary), std::move(envelopes));
}

} // namespace

std::string architectureOf(const LayerList& list) {
  const auto has = [&](LayerData::Kind kind) {
    return std::any_of(list.layers.begin(), list.layers.end(),
                       [&](const LayerData& layer) { return layer.kind == kind; });
  };
  if (has(LayerData::Kind::lstm))
    return has(LayerData::Kind::gru) ? "lstm+gru" : "lstm";
  if (has(LayerData::Kind::gru))
    return "gru";
  return has(LayerData::Kind::conv1d) ? "conv" : "dense";
}

std::vector<std::unique_ptr<Layer>> buildLayers(const LayerList& list, const LoadOptions& options) {
  const RecurrentOptions how{false, options.activations == Activations::fast};
  std::vector<std::unique_ptr<Layer>> layers;
  for (const LayerData& layer : list.layers) {
    if (!layer.isRecurrent())
      layers.push_back(makeOther(layer));
    else if (layer.kind == LayerData::Kind::lstm)
      layers.push_back(makeRecurrent<Lstm>(layer, layer.recurrentWeights, how));
    else
      layers.push_back(makeRecurrent<Gru>(layer, layer.recurrentWeights, how));
  }
  return layers;
}

std::unique_ptr<Network> buildNetwork(const LayerList& list, const LoadOptions& options,
                                      [[maybe_unused]] const std::string& file) {
  std::unique_ptr<Network> network;
#if FXENGINE_WITH_RTNEURAL
  const auto isSet = [](float value) { return value != 0.0f; };
  const bool starts = std::any_of(list.layers.begin(), list.layers.end(), [&](const LayerData& layer) {
    return std::any_of(layer.startHidden.begin(), layer.startHidden.end(), isSet) ||
           std::any_of(layer.startCell.begin(), layer.startCell.end(), isSet);
  });
  if (options.backend == "rtneural" && starts)
    throw ModelError(file, "weights", "a zero start state with the backend rtneural", "another one",
                     "take the backend fxengine");
  if (options.backend == "rtneural" && !list.envelopes.empty())
    throw ModelError(file, "envelopes", "no envelopes with the backend rtneural", "some", "take the backend fxengine");
  if (options.backend == "rtneural")
    network = makeRtneuralNetwork(list, file);
#endif
  if (network == nullptr)
    network = buildLayerStack(list, options);
  if (list.residual)
    network = std::make_unique<Residual>(std::move(network));
  return network;
}

} // namespace fxengine::detail
