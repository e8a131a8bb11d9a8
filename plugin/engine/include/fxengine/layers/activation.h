// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/layer.h"

#include <optional>
#include <string_view>

namespace fxengine {

enum class ActivationType { none, tanh, relu, sigmoid, elu, softmax };

/** The function of that name in a model file; "" is `none`, an unknown name gives nothing. */
std::optional<ActivationType> activationFromName(std::string_view name) noexcept;

/** The name in a model file; `none` is "". */
const char* activationName(ActivationType type) noexcept;

/** Applies the function to one frame of `size` values, in place.

    NaN stays NaN in each of them, so that a fault cannot hide. Accuracy is the C library's float32: within 2 ULP for
    tanh and elu (alpha 1), within 2.5 for sigmoid, 1 / (1 + exp(-x)). Softmax subtracts the greatest value first, so
    that it cannot overflow. */
void applyActivation(ActivationType type, float* values, int size) noexcept FXENGINE_REALTIME;

/** An activation function as a layer of its own. Stateless. */
class Activation final : public Layer {
 public:
  Activation(ActivationType type, int size) noexcept : Layer(size, size), type_(type) {}

  void prepare(int) override {}
  void reset(int) noexcept FXENGINE_REALTIME override {}
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  ActivationType type_;
};

} // namespace fxengine
