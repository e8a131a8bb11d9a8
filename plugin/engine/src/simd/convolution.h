// SPDX-License-Identifier: MIT
#pragma once

namespace fxengine::simd {

/** output[t] += sum over j of taps[j] * input[t - j]. Reads and writes up to kMostLanes - 1 frames beyond numFrames;
    what is there does not matter. A frame's value does not depend on numFrames or on where in the block it is. */
using FirFunction = void (*)(const float* taps, int numTaps, const float* input, float* output, int numFrames) noexcept;

/** Bins of a spectrum that lie together: so many real parts, then as many imaginary ones. */
inline constexpr int kTileBins = 32;
inline constexpr int kTileFloats = 2 * kTileBins;

/** sum += a[0] b[0] + a[1] b[1] + ..., complex products of tiles, one after the other. All aligned to 64 bytes. */
using MultiplyTilesFunction = void (*)(const float* a, const float* b, float* sum, int numTiles) noexcept;

} // namespace fxengine::simd
