// SPDX-License-Identifier: MIT
#include "layers/row_activation.h"

#include <algorithm>
#include <cmath>

namespace fxengine::detail {

void apply(const simd::Kernels& kernels, const WaveActivationData& activation, Rows rows, int count,
           int numFrames) noexcept {
  const auto each = [&](auto&& function) {
    for (int channel = 0; channel < count; ++channel) {
      float* row = rows.row(channel);
      for (int t = 0; t < numFrames; ++t)
        row[t] = function(row[t], channel);
    }
  };
  switch (activation.type) {
  case WaveActivation::identity:
    return;
  case WaveActivation::tanh:
    for (int channel = 0; channel < count; ++channel)
      kernels.tanh(rows.row(channel), numFrames);
    return;
  case WaveActivation::fastTanh: // the function that the file names, not an approximation of ours
    return each([](float x, int) {
      const float a = std::abs(x), square = x * x;
      return x * (2.45550750702956f + 2.45550750702956f * a + (0.893229853513558f + 0.821226666969744f * a) * square) /
             (2.44506634652299f + (2.44506634652299f + square) * std::abs(x + 0.814642734961073f * x * a));
    });
  case WaveActivation::hardTanh:
    return each([](float x, int) { return std::clamp(x, -1.0f, 1.0f); });
  case WaveActivation::leakyHardTanh:
    return each([&](float x, int) {
      if (x < activation.minimum)
        return (x - activation.minimum) * activation.minSlope + activation.minimum;
      return x > activation.maximum ? (x - activation.maximum) * activation.maxSlope + activation.maximum : x;
    });
  case WaveActivation::relu:
    for (int channel = 0; channel < count; ++channel)
      kernels.leakyRelu(rows.row(channel), 0.0f, numFrames);
    return;
  case WaveActivation::leakyRelu:
  case WaveActivation::prelu:
    for (int channel = 0; channel < count; ++channel)
      kernels.leakyRelu(rows.row(channel),
                        activation.slopes[static_cast<std::size_t>(channel) % activation.slopes.size()], numFrames);
    return;
  case WaveActivation::sigmoid:
    for (int channel = 0; channel < count; ++channel)
      kernels.sigmoid(rows.row(channel), numFrames);
    return;
  case WaveActivation::silu:
    for (int channel = 0; channel < count; ++channel) {
      float copy[kPart];
      std::copy_n(rows.row(channel), numFrames, copy);
      kernels.sigmoid(rows.row(channel), numFrames);
      kernels.multiply(rows.row(channel), copy, numFrames);
    }
    return;
  case WaveActivation::hardSwish:
    return each([](float x, int) { return x * std::clamp(x + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f); });
  case WaveActivation::softSign:
    return each([](float x, int) { return x / (1.0f + std::abs(x)); });
  }
}

} // namespace fxengine::detail
