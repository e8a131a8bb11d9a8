// SPDX-License-Identifier: MIT
#pragma once

namespace fxengine::detail {

/** y += W^T x with W [inputSize][outputSize]. Four rows at a time, so that y travels to memory once per four; all loops
    run over contiguous memory, and the order of the sums depends on the sizes alone. */
inline void accumulate(const float* __restrict weights, const float* __restrict x, int inputSize, float* __restrict y,
                       int outputSize) noexcept {
  int i = 0;
  for (; i + 4 <= inputSize; i += 4) {
    const float x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
    const float* __restrict w0 = weights + static_cast<long>(i) * outputSize;
    const float* __restrict w1 = w0 + outputSize;
    const float* __restrict w2 = w1 + outputSize;
    const float* __restrict w3 = w2 + outputSize;
    for (int k = 0; k < outputSize; ++k)
      y[k] += (x0 * w0[k] + x1 * w1[k]) + (x2 * w2[k] + x3 * w3[k]);
  }
  for (; i < inputSize; ++i) {
    const float x0 = x[i];
    const float* __restrict w0 = weights + static_cast<long>(i) * outputSize;
    for (int k = 0; k < outputSize; ++k)
      y[k] += x0 * w0[k];
  }
}

} // namespace fxengine::detail
