// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/activations-inl.h"
#include "simd/conv1d-inl.h"
#include "simd/kernels.h"
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
  const int channels = conv.outputs;
  for (int first = 0; first < channels; first += outputs)
    convTile<V, outputs, vectors>(conv, first, t);
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
      convTile<V, outputs, vectors>(*block.next, first, t);
}

template <class V, int outputs, WaveFunction function> void waveTiles(const WaveLayerBlock& block) {
  forTiles<V, convVectors(outputs)>(block.conv.numFrames, [&](auto vectors, int t) FXENGINE_INLINE_LAMBDA {
    waveTile<V, outputs, vectors, function>(block, t);
  });
}

/** A layer whose size the compiler knows: what a tile needs, by value, as a compiler has to read everything again that
   a vector stored in between might have changed. */
template <int taps> struct KnownWaveLayer {
  const float *bias, *weights, *mix, *condition, *matrix, *matrixBias, *input, *sumsBefore;
  float *sums, *next, *kept;
  std::ptrdiff_t stride, sumsBeforeStride, sumsStride, inputStride, nextStride, keptStride;
  const float* rows[taps]; ///< of the first channel
  float slope;
};

/** waveTile() of such a layer. Activations lie side by side in the first-level cache. */
template <class V, int vectors, WaveFunction function, int channels, int taps>
FXENGINE_INLINE void waveTileOfKnownSize(const KnownWaveLayer<taps>& layer, int t) {
  constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  constexpr int outputs = convTileSize(channels);
  using Vectors = Group<V, vectors>;
  alignas(64) float answers[static_cast<std::size_t>(channels) * vectors * kLanes];
  alignas(64) static constexpr float kSilence[8 * kMostLanes] = {};
  const V slope(layer.slope);
  const float* before = layer.sumsBefore == nullptr ? kSilence : layer.sumsBefore + t;
  float* summed = layer.sums + t;
  for (int first = 0; first < channels; first += outputs) {
    V sums[outputs][vectors];
    FXENGINE_UNROLL(4)
    for (int o = 0; o < outputs; ++o) {
      const V bias(layer.bias[first + o]);
      const V mix(layer.mix[first + o]);
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        sums[o][v] = multiplyAdd(mix, V::load_unaligned(layer.condition + t + v * kLanes), bias);
    }
    const float* weights = layer.weights + static_cast<std::ptrdiff_t>(first) * taps * channels;
    for (int tap = 0; tap < taps; ++tap, weights += channels * outputs)
      addRows<V, outputs, vectors, channels>(layer.rows[tap] + t, layer.stride, channels, weights, sums);
    FXENGINE_UNROLL(4)
    for (int o = 0; o < outputs; ++o) {
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v) {
        if constexpr (function == WaveFunction::leakyRelu) {
          sums[o][v] = activated<V, function>(sums[o][v], slope);
          (sums[o][v] + V::load_unaligned(before + v * kLanes)).store_unaligned(summed + v * kLanes);
        }
        sums[o][v].store_aligned(answers + ((first + o) * vectors + v) * kLanes);
      }
      if constexpr (function == WaveFunction::leakyRelu) {
        before += layer.sumsBeforeStride;
        summed += layer.sumsStride;
      }
    }
  }
  if constexpr (function == WaveFunction::tanh) {
    for (int channel = 0; channel < channels; ++channel) {
      float* row = answers + channel * vectors * kLanes;
      const Vectors values = activated<Vectors, function>(Vectors::load(row), Vectors(layer.slope));
      values.store(row);
      (values + Vectors::load(before)).store(summed);
      before += layer.sumsBeforeStride;
      summed += layer.sumsStride;
    }
  }
  if (layer.kept != nullptr) {
    for (int channel = 0; channel < channels; ++channel) {
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        V::load_aligned(answers + (channel * vectors + v) * kLanes)
            .store_unaligned(layer.kept + channel * layer.keptStride + t + v * kLanes);
    }
  }
  if (layer.next == nullptr)
    return;
  const float* input = layer.input + t;
  float* next = layer.next + t;
  for (int first = 0; first < channels; first += outputs) {
    V sums[outputs][vectors];
    FXENGINE_UNROLL(4)
    for (int o = 0; o < outputs; ++o, input += layer.inputStride) {
      const V bias(layer.matrixBias[first + o]);
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        sums[o][v] = bias + V::load_unaligned(input + v * kLanes);
    }
    addRows<V, outputs, vectors, channels>(answers, vectors * kLanes, channels,
                                           layer.matrix + static_cast<std::ptrdiff_t>(first) * channels, sums);
    FXENGINE_UNROLL(4)
    for (int o = 0; o < outputs; ++o, next += layer.nextStride) {
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        sums[o][v].store_unaligned(next + v * kLanes);
    }
  }
}

template <class V, WaveFunction function, int channels, int taps>
void waveTilesOfKnownSize(const WaveLayerBlock& block) {
  const Conv1dBlock& conv = block.conv;
  const ConvSource& own = conv.sources[0];
  const ConvSource& mix = conv.sources[1];
  KnownWaveLayer<taps> layer{};
  layer.bias = conv.bias;
  layer.weights = own.weights;
  layer.stride = own.stride;
  for (int tap = 0; tap < taps; ++tap)
    layer.rows[tap] = own.rows + own.offsets[tap];
  layer.mix = mix.weights;
  layer.condition = mix.rows + mix.offsets[0];
  layer.slope = block.slope;
  layer.sumsBefore = block.sumsBefore;
  layer.sumsBeforeStride = block.sumsBefore == nullptr ? 0 : block.sumsBeforeStride;
  layer.sums = block.sums;
  layer.sumsStride = block.sumsStride;
  if (block.isKept) {
    layer.kept = conv.out;
    layer.keptStride = conv.outStride;
  }
  if (block.next != nullptr) {
    layer.matrix = block.next->sources[0].weights;
    layer.matrixBias = block.next->bias;
    layer.input = block.next->add;
    layer.inputStride = block.next->addStride;
    layer.next = block.next->out;
    layer.nextStride = block.next->outStride;
  }
  forTiles<V, convVectors(convTileSize(channels))>(conv.numFrames, [layer](auto vectors, int t) FXENGINE_INLINE_LAMBDA {
    waveTileOfKnownSize<V, vectors, function, channels, taps>(layer, t);
  });
}

/** Layers of the sizes that captures have, which the compiler then knows. @return  whether this is one */
template <class V, WaveFunction function, int taps, int channels, int... others>
bool waveLayerIfKnown(const WaveLayerBlock& block) {
  if (block.conv.sources[0].taps == taps && block.conv.outputs == channels) {
    waveTilesOfKnownSize<V, function, channels, taps>(block);
    return true;
  }
  if constexpr (sizeof...(others) > 0)
    return waveLayerIfKnown<V, function, taps, others...>(block);
  else
    return false;
}

template <class V, WaveFunction function> void waveLayer(const WaveLayerBlock& block) {
  const Conv1dBlock& conv = block.conv;
  const bool isPlain = conv.numSources == 2 && conv.sources[1].channels == 1 && conv.sources[1].taps == 1 &&
                       conv.bias != nullptr && conv.add == nullptr &&
                       (block.next == nullptr || (block.next->bias != nullptr && block.next->add != nullptr));
  if (isPlain) {
    if constexpr (function == WaveFunction::tanh) {
      if (waveLayerIfKnown<V, function, 3, 16, 8, 12, 6, 4, 2>(block))
        return;
    } else if (waveLayerIfKnown<V, function, 6, 8, 3>(block) || waveLayerIfKnown<V, function, 15, 8, 3>(block)) {
      return;
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
