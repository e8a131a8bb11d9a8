// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/conv1d.h"
#include "simd/lanes-inl.h"

#include <cstddef>

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

template <class V, int outputs, int vectors>
FXENGINE_INLINE void convTile(const Conv1dBlock& block, int firstOutput, std::size_t firstWeight, int t) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  V sums[outputs][vectors];
  FXENGINE_UNROLL(4)
  for (int o = 0; o < outputs; ++o) {
    const V bias(block.bias == nullptr ? 0.0f : block.bias[firstOutput + o]);
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[o][v] = bias;
  }
  if (block.add != nullptr) {
    FXENGINE_UNROLL(4)
    for (int o = 0; o < outputs; ++o) {
      const float* row = block.add + static_cast<std::ptrdiff_t>(firstOutput + o) * block.addStride + t;
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        sums[o][v] = sums[o][v] + V::load_unaligned(row + v * kLanes);
    }
  }
  for (int index = 0; index < block.numSources; ++index) {
    const ConvSource& source = block.sources[index];
    const float* weights = source.weights + firstWeight * static_cast<std::size_t>(source.taps) *
                                                static_cast<std::size_t>(source.channels);
    for (int tap = 0; tap < source.taps; ++tap) {
      const float* row = source.rows + source.offsets[tap] + t;
      FXENGINE_UNROLL(2)
      for (int channel = 0; channel < source.channels; ++channel, row += source.stride, weights += outputs) {
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
      }
    }
  }
  FXENGINE_UNROLL(4)
  for (int o = 0; o < outputs; ++o) {
    float* row = block.out + static_cast<std::ptrdiff_t>(firstOutput + o) * block.outStride + t;
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[o][v].store_unaligned(row + v * kLanes);
  }
}

template <class V, int outputs, int vectors>
void convRest(const Conv1dBlock& block, int firstOutput, std::size_t firstWeight, int t, int left) {
  if (left == vectors)
    convTile<V, outputs, vectors>(block, firstOutput, firstWeight, t);
  else if constexpr (vectors > 1)
    convRest<V, outputs, vectors - 1>(block, firstOutput, firstWeight, t, left);
}

template <class V, int outputs> void convRows(const Conv1dBlock& block, int firstOutput, std::size_t firstWeight) {
  constexpr int kLanes = static_cast<int>(V::size);
  constexpr int kVectors = convVectors(outputs);
  int left = (block.numFrames + kLanes - 1) / kLanes;
  int t = 0;
  // A single vector left over would leave the chains of sums bare: the last two tiles share.
  while (left > kVectors + 1 || left == kVectors) {
    convTile<V, outputs, kVectors>(block, firstOutput, firstWeight, t);
    t += kVectors * kLanes;
    left -= kVectors;
  }
  if (left == kVectors + 1 && kVectors > 2) {
    convTile<V, outputs, kVectors - 1>(block, firstOutput, firstWeight, t);
    t += (kVectors - 1) * kLanes;
    left = 2;
  }
  if (left > 0)
    convRest<V, outputs, kVectors>(block, firstOutput, firstWeight, t, left);
}

template <class V> void conv1d(const Conv1dBlock& block) noexcept {
  int count = 0;
  for (int first = 0; first < block.outputs; first += count) {
    count = convTileSize(block.outputs - first);
    const auto weight = static_cast<std::size_t>(first); // weights of a tap and channel before this tile
    if (count == 4)
      convRows<V, 4>(block, first, weight);
    else if (count == 3)
      convRows<V, 3>(block, first, weight);
    else if (count == 2)
      convRows<V, 2>(block, first, weight);
    else
      convRows<V, 1>(block, first, weight);
  }
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
