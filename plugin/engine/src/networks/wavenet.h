// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"
#include "layers/conv_rows.h"
#include "layers/row_activation.h"

#include <memory>
#include <optional>
#include <vector>

namespace fxengine::detail {

/** What scales, and perhaps shifts, rows by a function of the condition. */
struct FilmData {
  ConvData conv; ///< of the condition: to the scales, then to the shifts
  bool shift = true;
};

enum class Gating { none, gated, blended };

struct WaveLayerData {
  ConvData conv, mixin;
  Gating gating = Gating::none;
  WaveActivationData activation, secondary; ///< of the second half of the rows, if they gate
  std::optional<ConvData> layer1x1, head1x1;
  std::optional<FilmData> convPre, convPost, mixinPre, mixinPost, activationPre, activationPost, layer1x1Post,
      head1x1Post;

  /** Rows that leave the activation. */
  int bottleneck() const noexcept { return gating == Gating::none ? conv.outputs : conv.outputs / 2; }
  int headRows() const noexcept { return head1x1 ? head1x1->outputs : bottleneck(); }
};

struct WaveArrayData {
  ConvData rechannel;
  std::vector<WaveLayerData> layers;
  ConvData head;
};

/** A chain of layer arrays. Each sums its layers' contributions to the head, starting from the head output of the array
    before it. The condition is the input, or the output of another network. */
struct WaveNetData {
  std::vector<WaveArrayData> arrays;
  struct Stage {
    WaveActivationData activation;
    ConvData conv;
  };
  std::vector<Stage> stages; ///< behind the last array
  float headScale = 1.0f;
  std::shared_ptr<const WaveNetData> condition; ///< null: the input itself

  int numInputs() const noexcept { return arrays.front().rechannel.inputs; }
  int numOutputs() const noexcept { return stages.empty() ? arrays.back().head.outputs : stages.back().conv.outputs; }
  int receptiveFrames() const noexcept;
  std::size_t numWeights() const noexcept;
};

/** Builds what plays it. It must have one input and one output, and its sizes must fit one another. */
std::unique_ptr<Network> makeWaveNet(std::shared_ptr<const WaveNetData> data);

} // namespace fxengine::detail
