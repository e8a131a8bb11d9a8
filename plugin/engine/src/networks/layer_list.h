// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/activation.h"
#include "fxengine/layers/layer.h"
#include "fxengine/model_loader.h"
#include "fxengine/network.h"
#include "layers/conv_rows.h"
#include "layers/row_activation.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fxengine::detail {

/** A layer as data, whatever file it came from. Weights are laid out as Lstm, Gru and Dense take them. */
struct LayerData {
  enum class Kind { dense, lstm, gru, activation, conv1d, prelu, batchnorm };

  Kind kind = Kind::dense;
  LayerInfo info;
  ActivationType activation = ActivationType::none; ///< of dense and activation layers
  std::vector<float> weights;                       ///< of the inputs; the slopes of prelu, the scale of batchnorm
  std::vector<float> recurrentWeights;              ///< of lstm and gru
  std::vector<float> bias;                          ///< and the shift of batchnorm
  std::vector<float> startHidden, startCell;        ///< of lstm, where the file has a state to start from; else empty

  std::optional<ConvData> conv;     ///< of conv1d
  WaveActivationData rowActivation; ///< of conv1d

  bool isRecurrent() const noexcept { return kind == Kind::lstm || kind == Kind::gru; }
};

/** A network as data: layers in a row, whose sizes fit one another. */
struct LayerList {
  std::vector<LayerData> layers;
  std::vector<EnvelopeInfo> envelopes; ///< inputs of the first layer behind audio and knobs
  double sampleRate = 0.0;             ///< Hz, of the envelopes
  bool residual = false;               ///< the input is added to the output
  bool bfloat16Declared = false;       ///< the file says that its recurrent matrices are bfloat16 numbers

  int numInputs() const { return layers.front().info.inputSize; }
};

/** "lstm", "gru", "lstm+gru", "conv" or "dense". */
std::string architectureOf(const LayerList& list);

/** The layers alone, for networks of which they are a part: float32, activations as the options say. */
std::vector<std::unique_ptr<Layer>> buildLayers(const LayerList& list, const LoadOptions& options);

/** Builds what plays it. The backend must be one of availableBackends().
    @param file  as messages name it */
std::unique_ptr<Network> buildNetwork(const LayerList& list, const LoadOptions& options, const std::string& file);

} // namespace fxengine::detail
