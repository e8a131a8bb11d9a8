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
template <class V, int outputs, int vectors, WaveFunction function, int knownChannels, int knownTaps>
FXENGINE_INLINE void waveTile(const WaveLayerBlock& block, int t) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  const Conv1dBlock& conv = block.conv;
  const int channels = knownChannels > 0 ? knownChannels : conv.outputs;
  for (int first = 0; first < channels; first += outputs)
    convTile<V, outputs, vectors, knownChannels, knownTaps>(conv, first, t);
  const V slope(block.slope);
  // Without sums to begin with, what is read in their place counts nothing: no branch in the loop.
  const V isCounted(block.sumsBefore == nullptr ? 0.0f : 1.0f);
  float* row = conv.out + t;
  float* sums = block.sums + t;
  const float* before = (block.sumsBefore == nullptr ? conv.out : block.sumsBefore) + t;
  for (int channel = 0; channel < channels; ++channel) {
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
    for (int first = 0; first < channels; first += outputs)
      convTile<V, outputs, vectors, knownChannels, knownChannels == 0 ? 0 : 1>(*block.next, first, t);
}

template <class V, int outputs, WaveFunction function, int knownChannels = 0, int knownTaps = 0>
void waveTiles(const WaveLayerBlock& block) {
  forTiles<V, convVectors(outputs)>(block.conv.numFrames, [&](auto vectors, int t) FXENGINE_INLINE_LAMBDA {
    waveTile<V, outputs, vectors, function, knownChannels, knownTaps>(block, t);
  });
}

/** Layers of the sizes that captures have, which the compiler then knows. @return  whether this is one */
template <class V, WaveFunction function, int taps, int channels, int... others>
bool waveTilesOfKnownSize(const WaveLayerBlock& block) {
  if (block.conv.sources[0].taps == taps && block.conv.outputs == channels) {
    waveTiles<V, convTileSize(channels), function, channels, taps>(block);
    return true;
  }
  if constexpr (sizeof...(others) > 0)
    return waveTilesOfKnownSize<V, function, taps, others...>(block);
  else
    return false;
}

template <class V, WaveFunction function> void waveLayer(const WaveLayerBlock& block) {
  const Conv1dBlock& conv = block.conv;
  if (conv.numSources == 2 && conv.sources[1].channels == 1 && conv.sources[1].taps == 1) {
    if constexpr (function == WaveFunction::tanh) {
#if defined(__AVX512F__) // wider layers are no faster, and 16 channels slower
      if (waveTilesOfKnownSize<V, function, 3, 4, 2>(block))
        return;
#else
      if (waveTilesOfKnownSize<V, function, 3, 16, 8, 12, 6, 4, 2>(block))
        return;
#endif
    } else if (waveTilesOfKnownSize<V, function, 6, 8>(block) || waveTilesOfKnownSize<V, function, 15, 8>(block)) {
      return; // with 3 channels, an odd number, the compiler does worse where it knows them
    }
  }
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
