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

/** Applies a function to one frame of `size` values, in place. */
using ActivationFunction = void (*)(float* values, int size) noexcept;

/** The function, as it is best worked out on this processor; null for `none`. Chosen on the loading thread, called on
    any.

    NaN stays NaN in each of them, so that a fault cannot hide. tanh and elu (alpha 1) are within 3 ULP everywhere;
    sigmoid, 1 / (1 + exp(-x)), within 3 ULP above -27, and from there on it stays at 9e-13. Softmax subtracts the
    greatest value first, so that it cannot overflow; its exp is the C library's. */
ActivationFunction activationFunction(ActivationType type);

/** An activation function as a layer of its own. Stateless. */
class Activation final : public Layer {
 public:
  Activation(ActivationType type, int size) : Layer(size, size), apply_(activationFunction(type)) {}

  void prepare(int) override {}
  void reset(int) noexcept FXENGINE_REALTIME override {}
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  ActivationFunction apply_;
};

} // namespace fxengine
