// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/activations-inl.h"
#include "simd/kernels.h"

#include <cstddef>

/** Dense layers and the input side of recurrent ones: frames do not wait for one another here. */
namespace fxengine::simd::FXENGINE_SIMD_ISA {

template <class V, int frames>
FXENGINE_INLINE void affineTile(const Affine& affine, const float* inputs, int inputStride, float* outputs,
                                int outputStride, int column) {
  constexpr int kVectors = kMostLanes / static_cast<int>(V::size) < 2 ? 1 : 2;
  constexpr int kLanes = static_cast<int>(V::size);
  for (int at = column; at < column + kMostLanes; at += kVectors * kLanes) {
    V sums[frames][kVectors];
    FXENGINE_UNROLL(4)
    for (int t = 0; t < frames; ++t)
      FXENGINE_UNROLL(2)
    for (int v = 0; v < kVectors; ++v)
      sums[t][v] = load<V>(affine.bias + at + v * kLanes);
    const float* weights = affine.weights + at;
    for (int k = 0; k < affine.numInputs; ++k, weights += affine.numColumns) {
      FXENGINE_UNROLL(4)
      for (int t = 0; t < frames; ++t) {
        const V x = V::broadcast(inputs[static_cast<std::ptrdiff_t>(t) * inputStride + k]);
        FXENGINE_UNROLL(2)
        for (int v = 0; v < kVectors; ++v)
          sums[t][v] = multiplyAdd(x, load<V>(weights + v * kLanes), sums[t][v]);
      }
    }
    FXENGINE_UNROLL(4)
    for (int t = 0; t < frames; ++t)
      FXENGINE_UNROLL(2)
    for (int v = 0; v < kVectors; ++v)
      clampFloat(sums[t][v], -affine.limit, affine.limit)
          .store_aligned(outputs + static_cast<std::ptrdiff_t>(t) * outputStride + at + v * kLanes);
  }
}

template <class V>
void affine(const Affine& affine, const float* inputs, int inputStride, float* outputs, int outputStride,
            int numFrames) noexcept {
  for (int column = 0; column < affine.numColumns; column += kMostLanes) {
    int t = 0;
    for (; t + 4 <= numFrames; t += 4)
      affineTile<V, 4>(affine, inputs + static_cast<std::ptrdiff_t>(t) * inputStride, inputStride,
                       outputs + static_cast<std::ptrdiff_t>(t) * outputStride, outputStride, column);
    for (; t < numFrames; ++t)
      affineTile<V, 1>(affine, inputs + static_cast<std::ptrdiff_t>(t) * inputStride, inputStride,
                       outputs + static_cast<std::ptrdiff_t>(t) * outputStride, outputStride, column);
  }
}

template <class V>
void dot(const float* weights, float bias, int size, const float* inputs, int inputStride, float* outputs,
         int numFrames) noexcept {
  constexpr int kLanes = static_cast<int>(V::size);
  for (int t = 0; t < numFrames; ++t, inputs += inputStride) {
    V sum(0.0f);
    int k = 0;
    for (; k + kLanes <= size; k += kLanes)
      sum = multiplyAdd(V::load_unaligned(inputs + k), V::load_unaligned(weights + k), sum);
    float rest = bias;
    for (; k < size; ++k)
      rest += inputs[k] * weights[k];
    outputs[t] = rest + (size >= kLanes ? sumOfLanes(sum) : 0.0f);
  }
}

/** f on all values, whole vectors at a time. */
template <class V, class F> FXENGINE_INLINE void forEachVector(float* values, int size, F&& f) {
  constexpr int kLanes = static_cast<int>(V::size);
  int k = 0;
  for (; k + kLanes <= size; k += kLanes)
    f(V::load_unaligned(values + k)).store_unaligned(values + k);
  if (k < size) {
    alignas(64) float rest[kLanes] = {};
    for (int j = k; j < size; ++j)
      rest[j - k] = values[j];
    f(load<V>(rest)).store_aligned(rest);
    for (int j = k; j < size; ++j)
      values[j] = rest[j - k];
  }
}

/** NaN stays NaN here, unlike in the cells. */
template <class V> FXENGINE_INLINE V keepNan(V x, V result) { return xsimd::select(x == x, result, x); }

template <class V> void tanhOf(float* values, int size) noexcept {
  using Vectors = Group<V, 4>;
  constexpr int kSize = 4 * static_cast<int>(V::size);
  for (; size >= kSize; size -= kSize, values += kSize)
    tanhOf(Vectors::load(values) * Vectors(-2.8853900817779268f)).store(values);
  forEachVector<V>(values, size, [](V x) FXENGINE_INLINE_LAMBDA { return tanhOf(x * V(-2.8853900817779268f)); });
}

template <class V> void sigmoidOf(float* values, int size) noexcept {
  forEachVector<V>(values, size, [](V x) FXENGINE_INLINE_LAMBDA {
    // exp(-x) = 2^n exp(r), the whole part taken off before the scale rounds its argument.
    const V held = clampFloat(x, -27.7f, 27.7f);
    const V n = roundToNearest(held * V(-1.4426950408889634f));
    const V r = multiplyAdd(n, V(1.428606765330187e-06f), multiplyAdd(n, V(0.693145751953125f), held));
    V one, fraction;
    splitExp2(r * V(-1.4426950408889634f), one, fraction);
    const V power = fromBits<V>((bitsOf(n + V(12582912.0f)) << 23) + bitsOf(one));
    return keepNan(x, divide(V(1.0f), V(1.0f) + multiplyAdd(power, fraction, power)));
  });
}

/** x above 0, else exp(x) - 1. */
template <class V> void eluOf(float* values, int size) noexcept {
  forEachVector<V>(values, size, [](V x) FXENGINE_INLINE_LAMBDA {
    V power, fraction;
    splitExp2(clampFloat(x, -40.0f, 0.0f) * V(1.4426950408889634f), power, fraction);
    const V below = multiplyAdd(power, fraction, power - V(1.0f));
    return keepNan(x, xsimd::select(x < V(0.0f), below, x));
  });
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
