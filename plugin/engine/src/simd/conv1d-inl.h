// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/conv1d.h"
#include "simd/lanes-inl.h"

#include <cstddef>
#include <type_traits>

namespace fxengine::simd::FXENGINE_SIMD_ISA {

/** Vectors of frames in a tile of `outputs` channels: their sums, one vector of input each and a weight fill the
    registers. */
constexpr int convVectors(int outputs) {
#if defined(__AVX512F__) || defined(__aarch64__) || defined(_M_ARM64)
  return outputs == 4 ? 4 : outputs == 3 ? 6 : 8; // of 32
#else
  return outputs == 4 ? 3 : outputs == 3 ? 4 : outputs == 2 ? 5 : 8; // of 16
#endif
}

/** Adds weighted rows of channels to the sums of `outputs` channels. `knownChannels` is the number of `channels`, or 0
    where only the caller knows. */
template <class V, int outputs, int vectors, int knownChannels>
FXENGINE_INLINE void addRows(const float* row, std::ptrdiff_t stride, int channels, const float* weights,
                             V (&sums)[outputs][vectors]) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  if constexpr (knownChannels > 0)
    channels = knownChannels;
  FXENGINE_UNROLL(2)
  for (int channel = 0; channel < channels; ++channel, row += stride, weights += outputs) {
    // The fewer of both are kept in registers, the others are read one by one.
    if constexpr (outputs > vectors) {
      V in[vectors];
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        in[v] = V::load_unaligned(row + v * kLanes);
      FXENGINE_UNROLL(4)
      for (int o = 0; o < outputs; ++o) {
        const V weight(weights[o]);
        FXENGINE_UNROLL(8)
        for (int v = 0; v < vectors; ++v)
          sums[o][v] = multiplyAdd(weight, in[v], sums[o][v]);
      }
    } else {
      V weight[outputs];
      FXENGINE_UNROLL(4)
      for (int o = 0; o < outputs; ++o)
        weight[o] = V(weights[o]);
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v) {
        V in = V::load_unaligned(row + v * kLanes);
        settle(in); // one read
        FXENGINE_UNROLL(4)
        for (int o = 0; o < outputs; ++o)
          sums[o][v] = multiplyAdd(weight[o], in, sums[o][v]);
      }
    }
  }
}

/** Adds what one source gives to the sums of `outputs` channels from firstOutput on, of the frames from t on. */
template <class V, int outputs, int vectors>
FXENGINE_INLINE void addSource(const ConvSource& source, int firstOutput, int t, V (&sums)[outputs][vectors]) {
  const float* weights = source.weights + static_cast<std::ptrdiff_t>(firstOutput) * source.taps * source.channels;
  for (int tap = 0; tap < source.taps; ++tap, weights += source.channels * outputs)
    addRows<V, outputs, vectors, 0>(source.rows + source.offsets[tap] + t, source.stride, source.channels, weights,
                                    sums);
}

/** What sums of `outputs` channels from firstOutput on begin with, of the frames from t on. */
template <class V, int outputs, int vectors>
FXENGINE_INLINE void beginSums(const Conv1dBlock& block, int firstOutput, int t, V (&sums)[outputs][vectors]) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  FXENGINE_UNROLL(4)
  for (int o = 0; o < outputs; ++o) {
    const V bias(block.bias == nullptr ? 0.0f : block.bias[firstOutput + o]);
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[o][v] = bias;
  }
  if (block.add == nullptr)
    return;
  FXENGINE_UNROLL(4)
  for (int o = 0; o < outputs; ++o) {
    const float* row = block.add + static_cast<std::ptrdiff_t>(firstOutput + o) * block.addStride + t;
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[o][v] = sums[o][v] + V::load_unaligned(row + v * kLanes);
  }
}

/** Sums of `outputs` channels from firstOutput on, of the frames from t on. */
template <class V, int outputs, int vectors>
FXENGINE_INLINE void convSums(const Conv1dBlock& block, int firstOutput, int t, V (&sums)[outputs][vectors]) {
  beginSums(block, firstOutput, t, sums);
  for (int index = 0; index < block.numSources; ++index)
    addSource(block.sources[index], firstOutput, t, sums);
}

template <class V, int outputs, int vectors>
FXENGINE_INLINE void storeSums(const Conv1dBlock& block, int firstOutput, int t, const V (&sums)[outputs][vectors]) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  FXENGINE_UNROLL(4)
  for (int o = 0; o < outputs; ++o) {
    float* row = block.out + static_cast<std::ptrdiff_t>(firstOutput + o) * block.outStride + t;
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[o][v].store_unaligned(row + v * kLanes);
  }
}

template <class V, int outputs, int vectors>
FXENGINE_INLINE void convTile(const Conv1dBlock& block, int firstOutput, int t) {
  V sums[outputs][vectors];
  convSums(block, firstOutput, t, sums);
  storeSums(block, firstOutput, t, sums);
}

template <int most, class Tile> FXENGINE_INLINE void tileOf(int vectors, int t, Tile&& tile) {
  if (vectors == most)
    tile(std::integral_constant<int, most>(), t);
  else if constexpr (most > 1)
    tileOf<most - 1>(vectors, t, tile);
}

/** tile(vectors, t) for all frames in turn, `vectors` of them from frame t on. Tiles are as even as can be: in a small
   one the chains of sums lie bare. */
template <class V, int most, class Tile> FXENGINE_INLINE void forTiles(int numFrames, Tile&& tile) {
  constexpr int kLanes = static_cast<int>(V::size);
  const int all = (numFrames + kLanes - 1) / kLanes;
  int left = all;
  for (int tiles = (all + most - 1) / most; tiles > 0; --tiles) {
    const int vectors = (left + tiles - 1) / tiles;
    tileOf<most>(vectors, (all - left) * kLanes, tile);
    left -= vectors;
  }
}

template <class V, int outputs> void convRows(const Conv1dBlock& block, int firstOutput) {
  forTiles<V, convVectors(outputs)>(block.numFrames, [&](auto vectors, int t) FXENGINE_INLINE_LAMBDA {
    convTile<V, outputs, vectors>(block, firstOutput, t);
  });
}

template <class V> void conv1d(const Conv1dBlock& block) noexcept {
  int count = 0;
  for (int first = 0; first < block.outputs; first += count) {
    count = convTileSize(block.outputs - first);
    if (count == 4)
      convRows<V, 4>(block, first);
    else if (count == 3)
      convRows<V, 3>(block, first);
    else if (count == 2)
      convRows<V, 2>(block, first);
    else
      convRows<V, 1>(block, first);
  }
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
