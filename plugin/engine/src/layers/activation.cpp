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

void applyActivation(ActivationType type, float* values, int size) noexcept {
  // Chosen once for all: what is so short is not worth a choice per model.
  static const simd::Kernels& kernels = simd::kernelsInUse();
  switch (type) {
  case ActivationType::none:
    break;
  case ActivationType::tanh:
    kernels.tanh(values, size);
    break;
  case ActivationType::relu:
    for (int k = 0; k < size; ++k)
      values[k] = values[k] < 0.0f ? 0.0f : values[k];
    break;
  case ActivationType::sigmoid:
    kernels.sigmoid(values, size);
    break;
  case ActivationType::elu:
    kernels.elu(values, size);
    break;
  case ActivationType::softmax:
    softmax(values, size);
    break;
  }
}

void Activation::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const int size = outputSize();
  for (int stream = 0; stream < numStreams; ++stream) {
    std::copy_n(input[stream], static_cast<std::ptrdiff_t>(numFrames) * frameStride(size), output[stream]);
    for (int frame = 0; frame < numFrames; ++frame)
      applyActivation(type_, output[stream] + static_cast<std::ptrdiff_t>(frame) * frameStride(size), size);
  }
}

} // namespace fxengine
