// SPDX-License-Identifier: MIT
/** Vectors of the instruction set this file is compiled for, and the few operations the kernels need.

    Included once per instruction set, each time into a namespace of its own (FXTRAIN_ISA), so that no inline function
   compiled for a wide machine can be linked into the code for a narrow one. For the same reason the kernels use no
   standard library templates. All intrinsics live here; the rest is GCC/Clang vector arithmetic. */
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

#ifndef FXTRAIN_ISA
#error "FXTRAIN_ISA names the namespace of the instruction set: baseline, avx2 or avx512"
#endif

#define FXTRAIN_INLINE [[gnu::always_inline]] inline
#if defined(__clang__)
#define FXTRAIN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FXTRAIN_UNROLL _Pragma("GCC unroll 32")
#endif

namespace fxtrain::kernels::FXTRAIN_ISA {

#if defined(__AVX512F__)
constexpr int kVectorLanes = 16;
constexpr int kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kVectorLanes = 8;
constexpr int kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kVectorLanes = 4;
constexpr int kRegisters = 32;
#else
constexpr int kVectorLanes = 4;
constexpr int kRegisters = 16;
#endif

typedef float Vec __attribute__((vector_size(kVectorLanes * sizeof(float))));
typedef std::int32_t IntVec __attribute__((vector_size(kVectorLanes * sizeof(std::int32_t))));
typedef float Quad __attribute__((vector_size(16)));
typedef std::int32_t IntQuad __attribute__((vector_size(16)));
typedef float VecInMemory __attribute__((vector_size(kVectorLanes * sizeof(float)), may_alias));
typedef float QuadInMemory __attribute__((vector_size(16), aligned(4), may_alias));

/** `p` is aligned to the size of a vector. */
FXTRAIN_INLINE Vec load(const float* p) { return *reinterpret_cast<const VecInMemory*>(p); }
FXTRAIN_INLINE void store(float* p, Vec v) { *reinterpret_cast<VecInMemory*>(p) = v; }
FXTRAIN_INLINE Vec splat(float x) { return x - Vec{}; }

/** a * b + c, one rounding where the machine has a fused multiply-add (the files are compiled with -ffp-contract=fast).
 */
FXTRAIN_INLINE Vec multiplyAdd(Vec a, Vec b, Vec c) { return a * b + c; }
FXTRAIN_INLINE Vec multiplyAdd(float a, Vec b, Vec c) { return a * b + c; }
/** c - a * b */
FXTRAIN_INLINE Vec negativeMultiplyAdd(Vec a, Vec b, Vec c) { return c - a * b; }

/** Limits to [-limit, limit]; NaN stays NaN, so that a diverged model is seen as one. */
FXTRAIN_INLINE Vec clamp(Vec v, float limit) {
#if defined(__AVX512F__)
  return _mm512_max_ps(splat(-limit), _mm512_min_ps(splat(limit), v));
#elif defined(__AVX2__)
  return _mm256_max_ps(splat(-limit), _mm256_min_ps(splat(limit), v));
#elif defined(__SSE2__)
  return _mm_max_ps(splat(-limit), _mm_min_ps(splat(limit), v));
#else
  v = v > limit ? splat(limit) : v;
  return v < -limit ? splat(-limit) : v;
#endif
}

/** z = n + fraction with n an integer and |fraction| <= 1/2; power = 2^n. For |z| <= 126. */
FXTRAIN_INLINE void splitPowerOfTwo(Vec z, Vec& fraction, Vec& power) {
#if defined(__AVX512F__)
  const Vec n = _mm512_roundscale_ps(z, 0x08);
  fraction = z - n;
  power = _mm512_scalef_ps(splat(1.0f), n);
#else
  constexpr float kRounder = 12582912.0f; // 1.5 * 2^23: adding it leaves the integer in the low bits
  const Vec shifted = z + kRounder;
  fraction = z - (shifted - kRounder);
  power = reinterpret_cast<Vec>((reinterpret_cast<IntVec>(shifted) << 23) + 0x3f800000);
#endif
}

/** 1 / v for 2^-126 <= |v| <= 2^126, within 1 ULP. */
FXTRAIN_INLINE Vec reciprocal(Vec v) {
#if defined(__AVX512F__)
  const Vec guess = _mm512_rcp14_ps(v);
  return multiplyAdd(guess, negativeMultiplyAdd(v, guess, splat(1.0f)), guess);
#else
  return 1.0f / v;
#endif
}

FXTRAIN_INLINE void prefetch(const float* p) { __builtin_prefetch(p); }

/** Four lanes by number: 0 to 3 are those of `a`, 4 to 7 those of `b`. */
template <int i, int j, int k, int l> FXTRAIN_INLINE Quad shuffle(Quad a, Quad b) {
#if __has_builtin(__builtin_shufflevector)
  return __builtin_shufflevector(a, b, i, j, k, l);
#else // GCC before 12
  return __builtin_shuffle(a, b, IntQuad{i, j, k, l});
#endif
}

/** to[c][r] = from[r][c] for `rows` x `columns` floats; strides in floats. */
FXTRAIN_INLINE void transpose(const float* from, std::ptrdiff_t fromStride, float* to, std::ptrdiff_t toStride,
                              int rows, int columns) {
  const int wholeRows = rows & ~3;
  const int wholeColumns = columns & ~3;
  for (int r = 0; r < wholeRows; r += 4) {
    for (int c = 0; c < wholeColumns; c += 4) {
      const float* source = from + r * fromStride + c;
      float* target = to + c * toStride + r;
      const Quad row0 = *reinterpret_cast<const QuadInMemory*>(source);
      const Quad row1 = *reinterpret_cast<const QuadInMemory*>(source + fromStride);
      const Quad row2 = *reinterpret_cast<const QuadInMemory*>(source + 2 * fromStride);
      const Quad row3 = *reinterpret_cast<const QuadInMemory*>(source + 3 * fromStride);
      const Quad low01 = shuffle<0, 4, 1, 5>(row0, row1);
      const Quad high01 = shuffle<2, 6, 3, 7>(row0, row1);
      const Quad low23 = shuffle<0, 4, 1, 5>(row2, row3);
      const Quad high23 = shuffle<2, 6, 3, 7>(row2, row3);
      *reinterpret_cast<QuadInMemory*>(target) = shuffle<0, 1, 4, 5>(low01, low23);
      *reinterpret_cast<QuadInMemory*>(target + toStride) = shuffle<2, 3, 6, 7>(low01, low23);
      *reinterpret_cast<QuadInMemory*>(target + 2 * toStride) = shuffle<0, 1, 4, 5>(high01, high23);
      *reinterpret_cast<QuadInMemory*>(target + 3 * toStride) = shuffle<2, 3, 6, 7>(high01, high23);
    }
    for (int c = wholeColumns; c < columns; ++c)
      for (int i = r; i < r + 4; ++i)
        to[c * toStride + i] = from[i * fromStride + c];
  }
  for (int r = wholeRows; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      to[c * toStride + r] = from[r * fromStride + c];
}

/** Treats denormal numbers as zero while it lives. Gradients that fade out over thousands of frames would crawl
   otherwise; and every thread must round alike, whatever mode its caller was in. */
class FlushDenormals {
 public:
#if defined(__SSE2__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }
  ~FlushDenormals() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (std::uint64_t{1} << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }
#else
  FlushDenormals() : saved_(0) {}
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__aarch64__)
  std::uint64_t saved_;
#else
  unsigned saved_;
#endif
};

} // namespace fxtrain::kernels::FXTRAIN_ISA
