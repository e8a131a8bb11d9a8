// SPDX-License-Identifier: MIT
#pragma once

#include "simd/conv1d.h"

namespace fxengine::simd {

/** Activations that a fused layer knows. */
enum class WaveFunction { tanh, leakyRelu };

/** Whether channels fall into tiles of one size, which a fused layer needs. */
constexpr bool isEvenlyTiled(int channels) { return channels <= 2 || channels % 4 == 0 || channels % 3 == 0; }

/** A layer of a WaveNet without gates and modulation, a few frames at a time from the convolution to the next layer's
    input, so that all that lies between stays in the first-level cache:

    a = f(conv), sums += a, next = residual convolution of a

    `conv` writes a to its output if it isKept, and else may; `next` has rows of it as its one source. Both have the
   same number of outputs, which isEvenlyTiled(). Frames as in Conv1dBlock. */
struct WaveLayerBlock {
  Conv1dBlock conv;
  WaveFunction function = WaveFunction::tanh;
  float slope = 0.0f;                ///< of leakyRelu, from 0 to 1
  const float* sumsBefore = nullptr; ///< what the sums begin with, [channel * sumsBeforeStride + t], or null for 0
  int sumsBeforeStride = 0;
  float* sums = nullptr; ///< may be sumsBefore
  int sumsStride = 0;
  const Conv1dBlock* next = nullptr; ///< null where no layer follows
  bool isKept = false;               ///< whether a is wanted afterwards
};
using WaveLayerFunction = void (*)(const WaveLayerBlock& block) noexcept;

} // namespace fxengine::simd
