// SPDX-License-Identifier: MIT
#pragma once

namespace fxtrain::kernels {

/** What a generator does for each sample, one vector of channels after the other. */
struct WaveGeneratorKernels {
  /** out[c] = bias[c] + sum over k of inputs[k] * weights[k * columns + c]. `columns` is a multiple of 16; all but
      inputs are aligned to 64 bytes. */
  void (*multiply)(const float* weights, const float* bias, int numInputs, int columns, const float* inputs,
                   float* out) noexcept;
  /** out[c] = tanh(sums[c]) * sigmoid(sums[count + c]); `count` is a multiple of 16. */
  void (*gate)(const float* sums, int count, float* out) noexcept;
};

} // namespace fxtrain::kernels
