// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/elementwise.h"
#include "simd/lanes-inl.h"

namespace fxengine::simd::FXENGINE_SIMD_ISA {

/** f(k, one vector) for whole vectors, then f(k, one value) for what is left. */
template <class V, class Vectors, class Values>
FXENGINE_INLINE void forVectors(int size, Vectors&& vectors, Values&& values) {
  constexpr int kLanes = static_cast<int>(V::size);
  int k = 0;
  for (; k + kLanes <= size; k += kLanes)
    vectors(k);
  for (; k < size; ++k)
    values(k);
}

template <class V> void add(float* to, const float* from, int size) noexcept {
  forVectors<V>(
      size,
      [&](int k)
          FXENGINE_INLINE_LAMBDA { (V::load_unaligned(to + k) + V::load_unaligned(from + k)).store_unaligned(to + k); },
      [&](int k) FXENGINE_INLINE_LAMBDA { to[k] += from[k]; });
}

template <class V> void multiply(float* to, const float* from, int size) noexcept {
  forVectors<V>(
      size,
      [&](int k)
          FXENGINE_INLINE_LAMBDA { (V::load_unaligned(to + k) * V::load_unaligned(from + k)).store_unaligned(to + k); },
      [&](int k) FXENGINE_INLINE_LAMBDA { to[k] *= from[k]; });
}

template <class V> void scaleAndShift(float* values, const float* scale, const float* shift, int size) noexcept {
  forVectors<V>(
      size,
      [&](int k) FXENGINE_INLINE_LAMBDA {
        V value = V::load_unaligned(values + k) * V::load_unaligned(scale + k);
        if (shift != nullptr)
          value = value + V::load_unaligned(shift + k);
        value.store_unaligned(values + k);
      },
      [&](int k) FXENGINE_INLINE_LAMBDA {
        const float scaled = values[k] * scale[k]; // no fused multiply-add, as in the vectors
        values[k] = shift != nullptr ? scaled + shift[k] : scaled;
      });
}

template <class V> void leakyRelu(float* values, float slope, int size) noexcept {
  forVectors<V>(
      size,
      [&](int k) FXENGINE_INLINE_LAMBDA {
        const V x = V::load_unaligned(values + k);
        xsimd::select(x < V(0.0f), x * V(slope), x).store_unaligned(values + k);
      },
      [&](int k) FXENGINE_INLINE_LAMBDA { values[k] = values[k] < 0.0f ? values[k] * slope : values[k]; });
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
