// SPDX-License-Identifier: MIT
// Included by the translation unit of each instruction set; see symmetric_fir.h.
#pragma once

#include "simd/symmetric_fir.h"

#include <xsimd/xsimd.hpp>

#include <cstddef>

namespace fxengine::simd {

/** `numVectors` vectors of neighbouring frames: the taps are read once for all, and their chains of sums overlap. */
template <class Arch, int numVectors>
inline void symmetricFirTile(const SymmetricFir& fir, const float* base, float* output) {
  using Vector = xsimd::batch<float, Arch>;
  constexpr std::ptrdiff_t kLanes = Vector::size;
  Vector sums[numVectors];
  for (int v = 0; v < numVectors; ++v)
    sums[v] = Vector(fir.centreTap) * Vector::load_unaligned(base + fir.centre + v * kLanes);
  for (std::int32_t j = 0; j < fir.numPairs; ++j) {
    const Vector tap(fir.taps[j]);
    const float* before = base + fir.before[j];
    const float* after = base + fir.after[j];
    for (int v = 0; v < numVectors; ++v) {
      const Vector pair = Vector::load_unaligned(before + v * kLanes) + Vector::load_unaligned(after + v * kLanes);
      sums[v] = xsimd::fma(tap, pair, sums[v]);
    }
  }
  for (int v = 0; v < numVectors; ++v)
    sums[v].store_unaligned(output + v * kLanes);
}

template <class Arch> void symmetricFir(const SymmetricFir& fir, const float* base, float* output, int numFrames) {
  constexpr int kLanes = static_cast<int>(xsimd::batch<float, Arch>::size);
  static_assert(kLanes <= kMostLanes);
  int t = 0;
  if constexpr (kLanes <= 8) { // no gain in longer vectors
    for (; t + 8 * kLanes <= numFrames; t += 8 * kLanes)
      symmetricFirTile<Arch, 8>(fir, base + t, output + t);
  }
  for (; t + 4 * kLanes <= numFrames; t += 4 * kLanes)
    symmetricFirTile<Arch, 4>(fir, base + t, output + t);
  for (; t + 2 * kLanes <= numFrames; t += 2 * kLanes)
    symmetricFirTile<Arch, 2>(fir, base + t, output + t);
  for (; t < numFrames; t += kLanes)
    symmetricFirTile<Arch, 1>(fir, base + t, output + t);
}

} // namespace fxengine::simd
