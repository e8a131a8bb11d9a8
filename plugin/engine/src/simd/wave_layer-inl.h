// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/activations-inl.h"
#include "simd/conv1d-inl.h"
#include "simd/wave_layer.h"

#include <cstddef>

namespace fxengine::simd::FXENGINE_SIMD_ISA {

/** f of a vector; NaN stays NaN. */
template <class V, WaveFunction function> FXENGINE_INLINE V activated(V x, V slope) {
  if constexpr (function == WaveFunction::leakyRelu)
    return xsimd::max(x * slope, x);
  else
    return tanhOf(x * V(-2.8853900817779268f));
}

/** All channels of some frames: `outputs` at a time. */
template <class V, int outputs, int vectors, WaveFunction function>
FXENGINE_INLINE void waveTile(const WaveLayerBlock& block, int t) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  const Conv1dBlock& conv = block.conv;
  for (int first = 0; first < conv.outputs; first += outputs)
    convTile<V, outputs, vectors>(conv, first, t);
  const V slope(block.slope);
  // Without sums to begin with, what is read in their place counts nothing: no branch in the loop.
  const V isCounted(block.sumsBefore == nullptr ? 0.0f : 1.0f);
  float* row = conv.out + t;
  float* sums = block.sums + t;
  const float* before = (block.sumsBefore == nullptr ? conv.out : block.sumsBefore) + t;
  for (int channel = 0; channel < conv.outputs; ++channel) {
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v) {
      const V sum = V::load_unaligned(before + v * kLanes) * isCounted;
      const V value = activated<V, function>(V::load_unaligned(row + v * kLanes), slope);
      value.store_unaligned(row + v * kLanes);
      (value + sum).store_unaligned(sums + v * kLanes);
    }
    row += conv.outStride;
    sums += block.sumsStride;
    before += block.sumsBeforeStride;
  }
  if (block.next != nullptr)
    for (int first = 0; first < conv.outputs; first += outputs)
      convTile<V, outputs, vectors>(*block.next, first, t);
}

template <class V, int outputs, WaveFunction function> void waveTiles(const WaveLayerBlock& block) {
  forTiles<V, convVectors(outputs)>(block.conv.numFrames, [&](auto vectors, int t) FXENGINE_INLINE_LAMBDA {
    waveTile<V, outputs, vectors, function>(block, t);
  });
}

template <class V, WaveFunction function> void waveLayer(const WaveLayerBlock& block) {
  switch (convTileSize(block.conv.outputs)) {
  case 4:
    return waveTiles<V, 4, function>(block);
  case 3:
    return waveTiles<V, 3, function>(block);
  case 2:
    return waveTiles<V, 2, function>(block);
  default:
    return waveTiles<V, 1, function>(block);
  }
}

template <class V> void waveLayer(const WaveLayerBlock& block) noexcept {
  if (block.function == WaveFunction::tanh)
    waveLayer<V, WaveFunction::tanh>(block);
  else
    waveLayer<V, WaveFunction::leakyRelu>(block);
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
