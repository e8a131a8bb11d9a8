// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/activations-inl.h"
#include "simd/conv1d-inl.h"
#include "simd/kernels.h"
#include "simd/wave_layer.h"

#include <cstddef>
#include <utility>

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

/** Whether the next tile's convolution runs before a tile's last step: measured to be faster with AVX-512 and slower
   with AVX2. */
#if defined(__AVX512F__)
constexpr bool kTilesOverlap = true;
#else
constexpr bool kTilesOverlap = false;
#endif

/** The three steps of a tile of such a layer. Its activations lie side by side in the first-level cache. */
template <class V, WaveFunction function, int channels, int taps> struct KnownWaveTile {
  static constexpr std::ptrdiff_t kLanes = static_cast<std::ptrdiff_t>(V::size);
  static constexpr int kOutputs = convTileSize(channels);
  static constexpr int kMostVectors = convVectors(kOutputs);

  struct alignas(64) Answers {
    float values[static_cast<std::size_t>(channels) * kMostVectors * kLanes];
  };

  static FXENGINE_INLINE const float* sumsBefore(const KnownWaveLayer<taps>& layer, int t) {
    alignas(64) static constexpr float kSilence[8 * kMostLanes] = {};
    return layer.sumsBefore == nullptr ? kSilence : layer.sumsBefore + t;
  }

  /** The convolution; with an activation that is worked out in registers, also the sums for the head. */
  template <int vectors>
  static FXENGINE_INLINE void convolve(const KnownWaveLayer<taps>& layer, int t, float* answers) {
    const V slope(layer.slope);
    const float* before = sumsBefore(layer, t);
    float* summed = layer.sums + t;
    for (int first = 0; first < channels; first += kOutputs) {
      V sums[kOutputs][vectors];
      FXENGINE_UNROLL(4)
      for (int o = 0; o < kOutputs; ++o) {
        const V bias(layer.bias[first + o]);
        const V mix(layer.mix[first + o]);
        FXENGINE_UNROLL(8)
        for (int v = 0; v < vectors; ++v)
          sums[o][v] = multiplyAdd(mix, V::load_unaligned(layer.condition + t + v * kLanes), bias);
      }
      const float* weights = layer.weights + static_cast<std::ptrdiff_t>(first) * taps * channels;
      for (int tap = 0; tap < taps; ++tap, weights += channels * kOutputs)
        addRows<V, kOutputs, vectors, channels>(layer.rows[tap] + t, layer.stride, channels, weights, sums);
      FXENGINE_UNROLL(4)
      for (int o = 0; o < kOutputs; ++o) {
        FXENGINE_UNROLL(8)
        for (int v = 0; v < vectors; ++v) {
          if constexpr (function == WaveFunction::leakyRelu) {
            sums[o][v] = activated<V, function>(sums[o][v], slope);
            (sums[o][v] + V::load_unaligned(before + v * kLanes)).store_unaligned(summed + v * kLanes);
          }
          sums[o][v].store_aligned(answers + ((first + o) * vectors + v) * kLanes);
        }
        before += layer.sumsBeforeStride;
        summed += layer.sumsStride;
      }
    }
  }

  /** Other activations, and the sums for the head. */
  template <int vectors> static FXENGINE_INLINE void answer(const KnownWaveLayer<taps>& layer, int t, float* answers) {
    if constexpr (function != WaveFunction::leakyRelu) {
      using Vectors = Group<V, vectors>;
      const float* before = sumsBefore(layer, t);
      float* summed = layer.sums + t;
      for (int channel = 0; channel < channels; ++channel) {
        float* row = answers + channel * vectors * kLanes;
        const Vectors values = activated<Vectors, function>(Vectors::load(row), Vectors(layer.slope));
        values.store(row);
        (values + Vectors::load(before)).store(summed);
        before += layer.sumsBeforeStride;
        summed += layer.sumsStride;
      }
    }
    if (layer.kept == nullptr)
      return;
    for (int channel = 0; channel < channels; ++channel) {
      FXENGINE_UNROLL(8)
      for (int v = 0; v < vectors; ++v)
        V::load_aligned(answers + (channel * vectors + v) * kLanes)
            .store_unaligned(layer.kept + channel * layer.keptStride + t + v * kLanes);
    }
  }

  /** The next layer's input. */
  template <int vectors>
  static FXENGINE_INLINE void pass(const KnownWaveLayer<taps>& layer, int t, const float* answers) {
    if (layer.next == nullptr)
      return;
    const float* input = layer.input + t;
    float* next = layer.next + t;
    for (int first = 0; first < channels; first += kOutputs) {
      V sums[kOutputs][vectors];
      FXENGINE_UNROLL(4)
      for (int o = 0; o < kOutputs; ++o, input += layer.inputStride) {
        const V bias(layer.matrixBias[first + o]);
        FXENGINE_UNROLL(8)
        for (int v = 0; v < vectors; ++v)
          sums[o][v] = bias + V::load_unaligned(input + v * kLanes);
      }
      addRows<V, kOutputs, vectors, channels>(answers, vectors * kLanes, channels,
                                              layer.matrix + static_cast<std::ptrdiff_t>(first) * channels, sums);
      FXENGINE_UNROLL(4)
      for (int o = 0; o < kOutputs; ++o, next += layer.nextStride) {
        FXENGINE_UNROLL(8)
        for (int v = 0; v < vectors; ++v)
          sums[o][v].store_unaligned(next + v * kLanes);
      }
    }
  }
};

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
  using Tile = KnownWaveTile<V, function, channels, taps>;
  constexpr int kMost = Tile::kMostVectors;
  typename Tile::Answers answers[2];
  float *now = answers[0].values, *held = answers[1].values;
  int heldVectors = 0, heldStart = 0;
  const auto passHeld = [&](auto vectors, int t)
                            FXENGINE_INLINE_LAMBDA { Tile::template pass<vectors>(layer, t, held); };
  forTiles<V, kMost>(conv.numFrames, [&](auto vectors, int t) FXENGINE_INLINE_LAMBDA {
    Tile::template convolve<vectors>(layer, t, now);
    if constexpr (kTilesOverlap) {
      if (heldVectors != 0)
        tileOf<kMost>(heldVectors, heldStart, passHeld);
    }
    Tile::template answer<vectors>(layer, t, now);
    if constexpr (!kTilesOverlap) {
      Tile::template pass<vectors>(layer, t, now);
      return;
    }
    std::swap(now, held);
    heldVectors = vectors;
    heldStart = t;
  });
  if constexpr (kTilesOverlap)
    tileOf<kMost>(heldVectors, heldStart, passHeld);
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
