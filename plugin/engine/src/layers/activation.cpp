// SPDX-License-Identifier: MIT
#include "fxengine/layers/activation.h"

#include "simd/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace fxengine {
namespace {

using Named = std::pair<std::string_view, ActivationType>;
constexpr std::array<Named, 6> kNames{{{"", ActivationType::none},
                                       {"tanh", ActivationType::tanh},
                                       {"relu", ActivationType::relu},
                                       {"sigmoid", ActivationType::sigmoid},
                                       {"elu", ActivationType::elu},
                                       {"softmax", ActivationType::softmax}}};

void relu(float* values, int size) noexcept {
  for (int k = 0; k < size; ++k)
    values[k] = values[k] < 0.0f ? 0.0f : values[k];
}

void softmax(float* values, int size) noexcept {
  const float greatest = *std::max_element(values, values + size);
  float sum = 0.0f;
  for (int k = 0; k < size; ++k) {
    values[k] = std::exp(values[k] - greatest);
    sum += values[k];
  }
  for (int k = 0; k < size; ++k)
    values[k] /= sum;
}

} // namespace

std::optional<ActivationType> activationFromName(std::string_view name) noexcept {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Named& entry) { return entry.first == name; });
  return found == kNames.end() ? std::nullopt : std::optional(found->second);
}

const char* activationName(ActivationType type) noexcept {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Named& entry) { return entry.second == type; });
  return found->first.data();
}

ActivationFunction activationFunction(ActivationType type) {
  const simd::Kernels& kernels = simd::kernelsInUse();
  switch (type) {
  case ActivationType::none:
    break;
  case ActivationType::tanh:
    return kernels.tanh;
  case ActivationType::relu:
    return relu;
  case ActivationType::sigmoid:
    return kernels.sigmoid;
  case ActivationType::elu:
    return kernels.elu;
  case ActivationType::softmax:
    return softmax;
  }
  return nullptr;
}

void Activation::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const int stride = frameStride(outputSize());
  for (int stream = 0; stream < numStreams; ++stream) {
    float* y = output[stream];
    std::copy_n(input[stream], static_cast<std::ptrdiff_t>(numFrames) * stride, y);
    for (int frame = 0; apply_ != nullptr && frame < numFrames; ++frame, y += stride)
      apply_(y, outputSize());
  }
}

} // namespace fxengine
