// SPDX-License-Identifier: MIT
// Included once per instruction set: FXENGINE_SIMD_ISA is sse2, avx2, avx512 or neon, and the namespace of that name.
#pragma once

#include <xsimd/xsimd.hpp>

#include <cstdint>

#if defined(__GNUC__)
#define FXENGINE_INLINE __attribute__((always_inline)) inline
#define FXENGINE_INLINE_LAMBDA __attribute__((always_inline))
#define FXENGINE_PRAGMA(text) _Pragma(#text)
#define FXENGINE_UNROLL(n) FXENGINE_PRAGMA(GCC unroll n)
#else
#define FXENGINE_INLINE __forceinline
#define FXENGINE_INLINE_LAMBDA
#define FXENGINE_UNROLL(n)
#endif

/** What xsimd lacks, or names and does differently from version to version: rotations with a constant distance,
    rounding and division of one instruction each, fused multiply-add on every processor that has it, views of bits.

    `Narrow` is the vector that suits any size; `Wide` is wider where the processor has wider registers. */
namespace fxengine::simd::FXENGINE_SIMD_ISA {

#if defined(__AVX512F__)
using Narrow = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;
using Wide = xsimd::batch<float, xsimd::avx512dq>;
#elif defined(__AVX2__)
using Narrow = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;
using Wide = Narrow;
#elif defined(__aarch64__) || defined(_M_ARM64)
using Narrow = xsimd::batch<float, xsimd::neon64>;
using Wide = Narrow;
#else
using Narrow = xsimd::batch<float, xsimd::sse2>;
using Wide = Narrow;
#endif

template <class V> struct IntegersOf {
  using Type = xsimd::batch<std::int32_t, typename V::arch_type>;
};
template <class V> using Integers = typename IntegersOf<V>::Type;

template <class V> FXENGINE_INLINE V load(const float* from) { return V::load_aligned(from); }

/** Lane that rotation `r` of a vector of `lanes` lanes brings into lane l: neighbours turn within groups of four, and
    the groups change places. r and l run from 0 to lanes - 1; each lane is met once for each l. */
constexpr int rotatedLane(int lanes, int r, int l) {
  const int groups = lanes / 4;
  return (l / 4 + r / 4) % groups * 4 + (l + r) % 4;
}

// ---- 128 bits
#if defined(__aarch64__) || defined(_M_ARM64)
FXENGINE_INLINE Integers<Narrow> bitsOf(Narrow v) { return vreinterpretq_s32_f32(v); }
template <class V> FXENGINE_INLINE Narrow fromBits(Integers<Narrow> bits) { return vreinterpretq_f32_s32(bits); }
FXENGINE_INLINE Narrow divide(Narrow a, Narrow b) { return vdivq_f32(a, b); } // xsimd's / is an estimate, twice refined
FXENGINE_INLINE Narrow hold(Narrow v, float limit) {                          // NaN goes through these
  return vmaxq_f32(vminq_f32(v, vdupq_n_f32(limit)), vdupq_n_f32(-limit));
}
FXENGINE_INLINE float sumOfLanes(Narrow v) { return vaddvq_f32(v); }
FXENGINE_INLINE Narrow multiplyAdd(Narrow a, Narrow b, Narrow c) { return vfmaq_f32(c, a, b); }
FXENGINE_INLINE Narrow negativeMultiplyAdd(Narrow a, Narrow b, Narrow c) { return vfmsq_f32(c, a, b); }
FXENGINE_INLINE Narrow roundToNearest(Narrow v) { return vrndnq_f32(v); }
template <int groups> FXENGINE_INLINE Narrow rotateGroups(Narrow v) { return v; }
template <int steps> FXENGINE_INLINE Narrow rotateInGroups(Narrow v) { return vextq_f32(v, v, steps); }
#elif !defined(__AVX2__)
FXENGINE_INLINE Integers<Narrow> bitsOf(Narrow v) { return _mm_castps_si128(v); }
template <class V> FXENGINE_INLINE Narrow fromBits(Integers<Narrow> bits) { return _mm_castsi128_ps(bits); }
FXENGINE_INLINE Narrow divide(Narrow a, Narrow b) { return a / b; }
FXENGINE_INLINE Narrow hold(Narrow v, float limit) {
  return _mm_max_ps(_mm_set1_ps(-limit), _mm_min_ps(_mm_set1_ps(limit), v));
}
FXENGINE_INLINE float sumOfLanes(Narrow v) {
  const __m128 pairs = _mm_add_ps(v, _mm_movehl_ps(v, v));
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps(pairs, pairs, 1)));
}
FXENGINE_INLINE Narrow multiplyAdd(Narrow a, Narrow b, Narrow c) { return a * b + c; }
FXENGINE_INLINE Narrow negativeMultiplyAdd(Narrow a, Narrow b, Narrow c) { return c - a * b; }
FXENGINE_INLINE Narrow roundToNearest(Narrow v) { // for |v| < 2^22
  const Narrow magic(12582912.0f);
  return (v + magic) - magic;
}
template <int groups> FXENGINE_INLINE Narrow rotateGroups(Narrow v) { return v; }
template <int steps> FXENGINE_INLINE Narrow rotateInGroups(Narrow v) {
  return _mm_shuffle_ps(v, v, _MM_SHUFFLE((3 + steps) % 4, (2 + steps) % 4, (1 + steps) % 4, steps % 4));
}
#endif

// ---- 256 bits
#if defined(__AVX2__)
FXENGINE_INLINE Integers<Narrow> bitsOf(Narrow v) { return _mm256_castps_si256(v); }
template <class V> FXENGINE_INLINE Narrow fromBits(Integers<Narrow> bits) { return _mm256_castsi256_ps(bits); }
FXENGINE_INLINE Narrow divide(Narrow a, Narrow b) { return a / b; }
FXENGINE_INLINE Narrow hold(Narrow v, float limit) {
  return _mm256_max_ps(_mm256_set1_ps(-limit), _mm256_min_ps(_mm256_set1_ps(limit), v));
}
FXENGINE_INLINE float sumOfLanes(Narrow v) {
  const __m128 halves = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 pairs = _mm_add_ps(halves, _mm_movehl_ps(halves, halves));
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}
FXENGINE_INLINE Narrow multiplyAdd(Narrow a, Narrow b, Narrow c) { return _mm256_fmadd_ps(a, b, c); }
FXENGINE_INLINE Narrow negativeMultiplyAdd(Narrow a, Narrow b, Narrow c) { return _mm256_fnmadd_ps(a, b, c); }
FXENGINE_INLINE Narrow roundToNearest(Narrow v) {
  return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
template <int groups> FXENGINE_INLINE Narrow rotateGroups(Narrow v) {
  if constexpr (groups == 0)
    return v;
  else
    return _mm256_permute2f128_ps(v, v, 1);
}
template <int steps> FXENGINE_INLINE Narrow rotateInGroups(Narrow v) {
  return _mm256_permute_ps(v, _MM_SHUFFLE((3 + steps) % 4, (2 + steps) % 4, (1 + steps) % 4, steps % 4));
}
/** Element index mod 8 of a table of 8 that is held twice, as bits of floats. */
FXENGINE_INLINE Narrow lookUp(const std::int32_t* table, Integers<Narrow> index) {
  return _mm256_permutevar8x32_ps(fromBits<Narrow>(Integers<Narrow>::load_aligned(table)), index);
}
#endif

// ---- 512 bits
#if defined(__AVX512F__)
FXENGINE_INLINE Integers<Wide> bitsOf(Wide v) { return _mm512_castps_si512(v); }
template <class V> FXENGINE_INLINE Wide fromBits(Integers<Wide> bits) { return _mm512_castsi512_ps(bits); }
FXENGINE_INLINE Wide divide(Wide a, Wide b) { return a / b; }
FXENGINE_INLINE Wide reciprocal(Wide v) { // an estimate, once refined
  const Wide guess = _mm512_rcp14_ps(v);
  return _mm512_fmadd_ps(guess, _mm512_fnmadd_ps(v, guess, _mm512_set1_ps(1.0f)), guess);
}
FXENGINE_INLINE Wide hold(Wide v, float limit) {
  return _mm512_max_ps(_mm512_set1_ps(-limit), _mm512_min_ps(_mm512_set1_ps(limit), v));
}
FXENGINE_INLINE float sumOfLanes(Wide v) {
  return sumOfLanes(Narrow(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1))));
}
FXENGINE_INLINE Wide multiplyAdd(Wide a, Wide b, Wide c) { return _mm512_fmadd_ps(a, b, c); }
FXENGINE_INLINE Wide negativeMultiplyAdd(Wide a, Wide b, Wide c) { return _mm512_fnmadd_ps(a, b, c); }
FXENGINE_INLINE Wide roundToNearest(Wide v) {
  return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
template <int groups> FXENGINE_INLINE Wide rotateGroups(Wide v) {
  if constexpr (groups == 0)
    return v;
  else
    return _mm512_shuffle_f32x4(v, v, _MM_SHUFFLE((3 + groups) % 4, (2 + groups) % 4, (1 + groups) % 4, groups % 4));
}
template <int steps> FXENGINE_INLINE Wide rotateInGroups(Wide v) {
  return _mm512_permute_ps(v, _MM_SHUFFLE((3 + steps) % 4, (2 + steps) % 4, (1 + steps) % 4, steps % 4));
}
FXENGINE_INLINE Wide lookUp(const std::int32_t* table, Integers<Wide> index) {
  return _mm512_permutexvar_ps(index, fromBits<Wide>(Integers<Wide>::load_aligned(table)));
}
#endif

// hold(v, limit): v held to ±limit; NaN stays NaN.

/** 1 / v within 1 ULP, for 2^-126 <= |v| <= 2^126. */
FXENGINE_INLINE Narrow reciprocal(Narrow v) { return divide(Narrow(1.0f), v); }

/** lowest where value is below it, highest where it is above. */
template <class V, class A>
FXENGINE_INLINE Integers<V> clampInteger(xsimd::batch<std::int32_t, A> value, std::int32_t lowest,
                                         std::int32_t highest) {
  return xsimd::min(xsimd::max(value, Integers<V>(lowest)), Integers<V>(highest));
}
template <class V> FXENGINE_INLINE V clampFloat(V value, float lowest, float highest) {
  return xsimd::min(xsimd::max(value, V(lowest)), V(highest));
}

/** Has the value computed here and not later. GCC otherwise puts off sums to where they are used, and keeps all that
    they are made of on the stack meanwhile. */
template <class V> FXENGINE_INLINE void settle(V& value) {
#if defined(__GNUC__) && defined(__SSE2__)
  asm volatile("" : "+v"(value.data));
#elif defined(__GNUC__) && defined(__aarch64__)
  asm volatile("" : "+w"(value.data));
#endif
}

/** Keeps reads and writes before it from those after it. GCC otherwise reads weights once for two passes, and keeps
    them on the stack meanwhile. */
FXENGINE_INLINE void keepOrder() {
#if defined(__GNUC__)
  asm volatile("" : : : "memory");
#endif
}

// ---- Several vectors at once

/** `n` vectors that go through the same operations side by side, instruction by instruction. One chain of dependent
    operations leaves most of the processor idle, and its window for reordering is too small to find the next chain. */
template <class V, int n> struct Group {
  V parts[n];

  Group() = default;
  explicit FXENGINE_INLINE Group(float value) {
    FXENGINE_UNROLL(8)
    for (int k = 0; k < n; ++k)
      parts[k] = V(value);
  }
  /** f(k) for each part. */
  template <class F> static FXENGINE_INLINE Group make(F&& f) {
    Group group;
    FXENGINE_UNROLL(8)
    for (int k = 0; k < n; ++k)
      group.parts[k] = f(k);
    return group;
  }
  /** Vectors that lie one behind the other. */
  static FXENGINE_INLINE Group load(const float* from) {
    return make([from](int k)
                    FXENGINE_INLINE_LAMBDA { return V::load_unaligned(from + k * static_cast<int>(V::size)); });
  }
  FXENGINE_INLINE void store(float* to) const {
    FXENGINE_UNROLL(8)
    for (int k = 0; k < n; ++k)
      parts[k].store_unaligned(to + k * static_cast<int>(V::size));
  }
};

template <class V, int n> struct IntegerGroup {
  Integers<V> parts[n];

  IntegerGroup() = default;
  explicit FXENGINE_INLINE IntegerGroup(std::int32_t value) {
    FXENGINE_UNROLL(8)
    for (int k = 0; k < n; ++k)
      parts[k] = Integers<V>(value);
  }
  template <class F> static FXENGINE_INLINE IntegerGroup make(F&& f) {
    IntegerGroup group;
    FXENGINE_UNROLL(8)
    for (int k = 0; k < n; ++k)
      group.parts[k] = f(k);
    return group;
  }
};
template <class V, int n> struct IntegersOf<Group<V, n>> {
  using Type = IntegerGroup<V, n>;
};

template <class V, int n> FXENGINE_INLINE Group<V, n> operator+(const Group<V, n>& a, const Group<V, n>& b) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return a.parts[k] + b.parts[k]; });
}
template <class V, int n> FXENGINE_INLINE Group<V, n> operator-(const Group<V, n>& a, const Group<V, n>& b) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return a.parts[k] - b.parts[k]; });
}
template <class V, int n> FXENGINE_INLINE Group<V, n> operator*(const Group<V, n>& a, const Group<V, n>& b) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return a.parts[k] * b.parts[k]; });
}
template <class V, int n> FXENGINE_INLINE Group<V, n> divide(const Group<V, n>& a, const Group<V, n>& b) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return divide(a.parts[k], b.parts[k]); });
}
template <class V, int n>
FXENGINE_INLINE Group<V, n> multiplyAdd(const Group<V, n>& a, const Group<V, n>& b, const Group<V, n>& c) {
  return Group<V, n>::make([&](int k)
                               FXENGINE_INLINE_LAMBDA { return multiplyAdd(a.parts[k], b.parts[k], c.parts[k]); });
}
template <class V, int n>
FXENGINE_INLINE Group<V, n> negativeMultiplyAdd(const Group<V, n>& a, const Group<V, n>& b, const Group<V, n>& c) {
  return Group<V, n>::make(
      [&](int k) FXENGINE_INLINE_LAMBDA { return negativeMultiplyAdd(a.parts[k], b.parts[k], c.parts[k]); });
}
template <class V, int n> FXENGINE_INLINE Group<V, n> roundToNearest(const Group<V, n>& v) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return roundToNearest(v.parts[k]); });
}
template <class V, int n> FXENGINE_INLINE IntegerGroup<V, n> bitsOf(const Group<V, n>& v) {
  return IntegerGroup<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return bitsOf(v.parts[k]); });
}
template <class G, class V, int n> FXENGINE_INLINE G fromBits(const IntegerGroup<V, n>& bits) {
  return G::make([&](int k) FXENGINE_INLINE_LAMBDA { return fromBits<V>(bits.parts[k]); });
}
template <class V, int n>
FXENGINE_INLINE IntegerGroup<V, n> operator+(const IntegerGroup<V, n>& a, const IntegerGroup<V, n>& b) {
  return IntegerGroup<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return a.parts[k] + b.parts[k]; });
}
template <class V, int n>
FXENGINE_INLINE IntegerGroup<V, n> operator-(const IntegerGroup<V, n>& a, const IntegerGroup<V, n>& b) {
  return IntegerGroup<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return a.parts[k] - b.parts[k]; });
}
template <class V, int n> FXENGINE_INLINE IntegerGroup<V, n> operator<<(const IntegerGroup<V, n>& a, int places) {
  return IntegerGroup<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return a.parts[k] << places; });
}
template <class G, class V, int n>
FXENGINE_INLINE IntegerGroup<V, n> clampInteger(const IntegerGroup<V, n>& value, std::int32_t lowest,
                                                std::int32_t highest) {
  return IntegerGroup<V, n>::make(
      [&](int k) FXENGINE_INLINE_LAMBDA { return clampInteger<V>(value.parts[k], lowest, highest); });
}
template <class V, int n>
FXENGINE_INLINE Group<V, n> clampFloat(const Group<V, n>& value, float lowest, float highest) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return clampFloat(value.parts[k], lowest, highest); });
}
template <class V, int n> FXENGINE_INLINE Group<V, n> hold(const Group<V, n>& v, float limit) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return hold(v.parts[k], limit); });
}
#if defined(__AVX2__)
template <class V, int n>
FXENGINE_INLINE Group<V, n> lookUp(const std::int32_t* table, const IntegerGroup<V, n>& index) {
  return Group<V, n>::make([&](int k) FXENGINE_INLINE_LAMBDA { return lookUp(table, index.parts[k]); });
}
#endif

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
