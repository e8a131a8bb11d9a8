// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/convolution.h"
#include "simd/lanes-inl.h"

#include <cstddef>

namespace fxengine::simd::FXENGINE_SIMD_ISA {

/** `vectors` vectors of neighbouring frames: a tap is read once for all, and their chains of sums overlap. The smallest
    taps first, and no chain longer than kChain, for the rounding error. */
template <class V, int vectors>
FXENGINE_INLINE void firTile(const float* taps, int numTaps, const float* input, float* output) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  constexpr int kChain = 64;
  for (int last = numTaps; last > 0; last -= kChain) {
    V sums[vectors];
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[v] = V(0.0f);
    for (int j = last - 1; j >= 0 && j >= last - kChain; --j) {
      const V tap(taps[j]);
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        sums[v] = multiplyAdd(tap, V::load_unaligned(input - j + v * kLanes), sums[v]);
    }
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      (V::load_unaligned(output + v * kLanes) + sums[v]).store_unaligned(output + v * kLanes);
  }
}

template <class V> void fir(const float* taps, int numTaps, const float* input, float* output, int numFrames) noexcept {
  constexpr int kLanes = static_cast<int>(V::size);
  int t = 0;
  for (; t + 8 * kLanes <= numFrames; t += 8 * kLanes)
    firTile<V, 8>(taps, numTaps, input + t, output + t);
  for (; t + 4 * kLanes <= numFrames; t += 4 * kLanes)
    firTile<V, 4>(taps, numTaps, input + t, output + t);
  for (; t + 2 * kLanes <= numFrames; t += 2 * kLanes)
    firTile<V, 2>(taps, numTaps, input + t, output + t);
  for (; t < numFrames; t += kLanes)
    firTile<V, 1>(taps, numTaps, input + t, output + t);
}

template <class V> void multiplyTiles(const float* a, const float* b, float* sum, int numTiles) noexcept {
  constexpr int kLanes = static_cast<int>(V::size);
  constexpr int kVectors = kTileBins / kLanes < 4 ? kTileBins / kLanes : 4; // with their sums all in registers
  for (int bin = 0; bin < kTileBins; bin += kVectors * kLanes) {
    V real[kVectors], imaginary[kVectors];
    FXENGINE_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      real[v] = load<V>(sum + bin + v * kLanes);
      imaginary[v] = load<V>(sum + kTileBins + bin + v * kLanes);
    }
    const float* x = a + bin;
    const float* y = b + bin;
    for (int tile = 0; tile < numTiles; ++tile, x += kTileFloats, y += kTileFloats) {
      FXENGINE_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) {
        const V xr = load<V>(x + v * kLanes), xi = load<V>(x + kTileBins + v * kLanes);
        const V yr = load<V>(y + v * kLanes), yi = load<V>(y + kTileBins + v * kLanes);
        real[v] = negativeMultiplyAdd(xi, yi, multiplyAdd(xr, yr, real[v]));
        imaginary[v] = multiplyAdd(xi, yr, multiplyAdd(xr, yi, imaginary[v]));
      }
    }
    FXENGINE_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      real[v].store_aligned(sum + bin + v * kLanes);
      imaginary[v].store_aligned(sum + kTileBins + bin + v * kLanes);
    }
  }
}

template <class V> void multiplySlidingTiles(const float* a, const float* b, float* sums, int numTiles) noexcept {
  constexpr int kLanes = static_cast<int>(V::size);
  for (int bin = 0; bin < kTileBins; bin += kLanes) {
    V real[kSlidingSums], imaginary[kSlidingSums];
    FXENGINE_UNROLL(4)
    for (int j = 0; j < kSlidingSums; ++j) {
      real[j] = load<V>(sums + j * kTileFloats + bin);
      imaginary[j] = load<V>(sums + j * kTileFloats + kTileBins + bin);
    }
    const float* x = a + bin;
    const float* y = b + bin;
    for (int tile = 0; tile < numTiles; ++tile, x += kTileFloats, y += kTileFloats) {
      const V xr = load<V>(x), xi = load<V>(x + kTileBins);
      FXENGINE_UNROLL(4)
      for (int j = 0; j < kSlidingSums; ++j) {
        const V yr = load<V>(y + j * kTileFloats), yi = load<V>(y + j * kTileFloats + kTileBins);
        real[j] = negativeMultiplyAdd(xi, yi, multiplyAdd(xr, yr, real[j]));
        imaginary[j] = multiplyAdd(xi, yr, multiplyAdd(xr, yi, imaginary[j]));
      }
    }
    FXENGINE_UNROLL(4)
    for (int j = 0; j < kSlidingSums; ++j) {
      real[j].store_aligned(sums + j * kTileFloats + bin);
      imaginary[j].store_aligned(sums + j * kTileFloats + kTileBins + bin);
    }
  }
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
