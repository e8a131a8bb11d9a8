// SPDX-License-Identifier: MIT
/** The engine's vectors as the training kernels use them: as wide as the processor has them, one lane per sequence.

    Included once per instruction set, each time into a namespace of its own (FXENGINE_SIMD_ISA), so that no inline
    function compiled for a wide machine can be linked into the code for a narrow one. For the same reason the kernels
    use no standard library templates. */
#pragma once

#include "simd/activations-inl.h"
#include "simd/transpose-inl.h"

namespace fxtrain::kernels::FXENGINE_SIMD_ISA {

namespace simd = fxengine::simd::FXENGINE_SIMD_ISA;
using Vec = simd::Wide;

constexpr int kVectorLanes = static_cast<int>(Vec::size);
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

using simd::multiplyAdd;
using simd::negativeMultiplyAdd;
using simd::reciprocal;
using simd::sigmoidOf;
using simd::tanhOf;
using simd::transpose;

FXENGINE_INLINE Vec load(const float* p) { return simd::load<Vec>(p); }
FXENGINE_INLINE void store(float* p, Vec v) { v.store_aligned(p); }
FXENGINE_INLINE Vec multiplyAdd(float a, Vec b, Vec c) { return simd::multiplyAdd(Vec(a), b, c); }
FXENGINE_INLINE void prefetch(const float* p) { __builtin_prefetch(p); }

constexpr double kSigmoidScale = -1.4426950408889634; // -log2(e)
constexpr double kTanhScale = 2 * kSigmoidScale;

} // namespace fxtrain::kernels::FXENGINE_SIMD_ISA
