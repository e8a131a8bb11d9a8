// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace fxtrain::kernels {

/** Frames of a correlation that are taken at a time, so that rows which meet in many tiles stay in first-level cache.
 */
inline constexpr int kCorrelatedPart = 256;

/** sums[i * numColumns + j] += sum over t of a[i][t] * b[j][t]: the gradient of a matrix that takes rows b to rows a.
    Rows are channels, `aStride` and `bStride` floats apart. numFrames is a multiple of 16. */
struct Correlation {
  const float* a = nullptr;
  int aStride = 0;
  int numRows = 0;
  const float* b = nullptr;
  int bStride = 0;
  int numColumns = 0;
  int numFrames = 0;
  float* sums = nullptr;
  const float* ahead = nullptr; ///< rows like b that will be read next, and come from memory meanwhile
};

/** Backward through an activation, from what it gave: out = gradient * f'(z). */
struct ActivationGradient {
  bool isTanh = false;
  float slope = 0.0f; ///< below zero, of what is no tanh
  const float* gradient = nullptr;
  const float* activation = nullptr;
  float* out = nullptr;
  int numFrames = 0; ///< a multiple of 16
};

/** Of one channel: tanhs = tanh(tanhs), sigmoids = sigmoid(sigmoids), gated = their product. numFrames is a multiple
    of 16. */
struct Gate {
  float* tanhs = nullptr;
  float* sigmoids = nullptr;
  float* gated = nullptr;
  int numFrames = 0;
};

/** Backward through it, from what it gave: gradients of what went into the tanh and the sigmoid, and `gated` anew. */
struct GateGradient {
  const float* gradient = nullptr; ///< of gated
  const float* tanhs = nullptr;
  const float* sigmoids = nullptr;
  float* ofTanh = nullptr;
  float* ofSigmoid = nullptr;
  float* gated = nullptr;
  int numFrames = 0; ///< a multiple of 16
};

/** What training needs beside the engine's own kernels. */
struct WaveNetKernels {
  void (*correlate)(const Correlation&) noexcept;
  void (*activationGradient)(const ActivationGradient&) noexcept;
  void (*gate)(const Gate&) noexcept;
  void (*gateGradient)(const GateGradient&) noexcept;
};

} // namespace fxtrain::kernels
