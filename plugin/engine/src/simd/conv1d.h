// SPDX-License-Identifier: MIT
#pragma once

namespace fxengine::simd {

/** Output channels whose sums a tile keeps in registers, at most. */
inline constexpr int kConvTile = 4;

/** Channels in a tile that begins with `left` of them to go: tiles of one size where that is possible, as even ones are
    fastest. */
constexpr int convTileSize(int left) {
  if (left % 4 == 0)
    return 4;
  if (left % 3 == 0)
    return 3;
  return left > 4 ? 4 : left;
}

/** Part of a sum: rows of channels, taken once or at several places in time. */
struct ConvSource {
  const float* rows = nullptr; ///< channel c of frame t at [c * stride + t], for the tap of offset 0
  int stride = 0;              ///< from channel to channel
  int channels = 0;
  const int* offsets = nullptr; ///< one for each tap, added to rows
  int taps = 0;
  const float* weights = nullptr; ///< [tile of outputs][tap][channel][output in tile]
};

/** out[o][t] = start[o][t] + sum over sources, taps and channels of weight * row[t].

    Lanes are frames. Reads and writes up to kMostLanes - 1 frames beyond numFrames; what is there does not matter. A
    frame's value depends neither on numFrames nor on where in the block it is. */
struct Conv1dBlock {
  const float* bias = nullptr; ///< [outputs], or null for 0
  const float* add = nullptr;  ///< what sums begin with beside the bias, [output * addStride + t], or null
  int addStride = 0;
  const ConvSource* sources = nullptr;
  int numSources = 0;
  float* out = nullptr;
  int outStride = 0;
  int outputs = 0;
  int numFrames = 0;
};
using Conv1dFunction = void (*)(const Conv1dBlock& block) noexcept;

} // namespace fxengine::simd
