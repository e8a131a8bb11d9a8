// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace fxengine::simd {

/** Rows of taps are whole numbers of this many. */
inline constexpr int kPolyphaseLanes = 8;

/** A filter for a change of sample rate: one row of taps for each of the places between two input frames that output
    frames fall on, in the order in which they come up, over and over. */
struct Polyphase {
  const float* taps;         ///< [row][numTaps], the tap of the oldest frame first; aligned to 64 bytes
  const std::int32_t* steps; ///< per row: input frames to move on before the next row
  std::int32_t numTaps;      ///< a multiple of kPolyphaseLanes
  std::int32_t numRows;
};

/** output[t] = sum over i of taps[row][i] * window[i], then the next row, its window further by the step.
    A frame's value does not depend on numFrames. */
using PolyphaseFunction = void (*)(const Polyphase& filter, int row, const float* window, float* output,
                                   int numFrames) noexcept;

} // namespace fxengine::simd
