// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/layer.h"

#include <memory>
#include <vector>

namespace fxengine {

class Dense;

namespace simd {
enum class CellType;
}

struct RecurrentOptions {
  bool bfloat16 = false;        ///< keeps the recurrent matrix as bfloat16: exact where its values are such numbers
  bool fastActivations = false; ///< approximates tanh and sigmoid, see simd/activations-inl.h
};

/** What Lstm and Gru have in common: weights packed for a kernel, which is chosen for the layer's size, the processor
    and the number of streams. State is carried from call to call and zero at the start.

    Streams run in pairs (of 8 units, in fours), which share a pass over the weights or fill each other's waiting times.
    The blocks never change the order of the sums; the number of streams may, and with it the last bits. */
class RecurrentLayer : public Layer {
 public:
  /** A bound on the magnitudes of a gate's weights and bias, without those of the first input, added up. Beyond it the
      activations lose their accuracy; real models stay below 1000. */
  static constexpr float kGreatestSum = 40000.0f;

  ~RecurrentLayer() override;

  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override { return std::nullopt; }
  void prepare(int numStreams) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override;
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  bool takeKnobs(int numKnobs) override;
  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override;
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

  /** Has reset() and prepare() begin with this state instead of zero: of an LSTM hidden and cell, hiddenSize each. */
  void startFrom(std::vector<float> hidden, std::vector<float> cell);

  /** Runs a dense layer of one output and no activation in the same pass; outputSize() is 1 from then on. */
  void takeHead(const Dense& head);

  /** Whether fast activations were asked for and there is a kernel with them for this size. The inputs of the first
      layer of a network, beside the audio, come from setKnobs(). */
  bool approximates(bool isFirst) const;

 protected:
  RecurrentLayer(simd::CellType cell, int inputSize, int hiddenSize, std::vector<float> inputWeights,
                 std::vector<float> recurrentWeights, std::vector<float> bias, RecurrentOptions options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace fxengine
