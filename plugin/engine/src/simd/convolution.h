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

/** Sums that multiplySlidingTiles() works out at once. */
inline constexpr int kSlidingSums = 4;

/** sums[j] += a[0] b[j] + a[1] b[j + 1] + ... for every j below kSlidingSums: what is read once serves them all. `b`
   has numTiles + kSlidingSums - 1 tiles. All aligned to 64 bytes. */
using MultiplySlidingTilesFunction = void (*)(const float* a, const float* b, float* sums, int numTiles) noexcept;

} // namespace fxengine::simd
