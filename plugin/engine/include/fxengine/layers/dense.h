// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/activation.h"
#include "fxengine/layers/layer.h"

#include <memory>
#include <vector>

namespace fxengine {

/** Fully connected layer, y = activation(W^T x + b), the same for each frame. Stateless.

    Weights are [in][out], as in the file; the bias is [out]. Keras calls the same layer time-distributed-dense. */
class Dense final : public Layer {
 public:
  Dense(int inputSize, int outputSize, std::vector<float> weights, std::vector<float> bias, ActivationType activation);
  ~Dense() override;

  const std::vector<float>& weights() const noexcept { return weights_; }
  const std::vector<float>& bias() const noexcept { return bias_; }
  ActivationType activation() const noexcept { return activation_; }

  void prepare(int) override;
  void reset(int) noexcept FXENGINE_REALTIME override {}
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  std::vector<float> weights_;
  std::vector<float> bias_;
  ActivationType activation_;
  struct Packed;
  std::unique_ptr<const Packed> packed_; // from the first prepare() on
};

} // namespace fxengine
