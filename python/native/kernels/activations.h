// SPDX-License-Identifier: MIT
/** Sigmoid and tanh by 2^z. Arguments come scaled, so that the scale can be folded into weights: kSigmoidScale * x for
   sigmoid(x), kTanhScale * x for tanh(x). Saturates beyond |z| = 120, where float32 has reached 0, 1 or -1 to 1e-36.

    For an exact z: sigmoid within 4.1 ULP and 1.1e-7, tanh within 3.5 ULP and 1.7e-7, on every instruction set. The
    coefficients are those that exp2_coefficients.py prints. */
#pragma once

#include "simd.h"

namespace fxtrain::kernels::FXTRAIN_ISA {

constexpr double kSigmoidScale = -1.4426950408889634; // -log2(e)
constexpr double kTanhScale = 2 * kSigmoidScale;
constexpr float kLargestExponent = 120.0f;

/** sigmoid(x) = 1 / (1 + 2^z). */
FXTRAIN_INLINE Vec sigmoid(Vec z) {
  Vec x, power;
  splitPowerOfTwo(clamp(z, kLargestExponent), x, power);
  Vec p = multiplyAdd(splat(0.00133335392f), x, splat(0.00966624543f));
  p = multiplyAdd(p, x, splat(0.0555050038f));
  p = multiplyAdd(p, x, splat(0.240223512f));
  p = multiplyAdd(p, x, splat(0.693147123f));
  p = multiplyAdd(p, x, splat(1.0f));
  return reciprocal(multiplyAdd(power, p, splat(1.0f)));
}

/** tanh(x) = (1 - 2^z) / (1 + 2^z). With 2^z = power * (1 + q), 1 - power is exact near 0 and nothing cancels. */
FXTRAIN_INLINE Vec tanh(Vec z) {
  Vec x, power;
  splitPowerOfTwo(clamp(z, kLargestExponent), x, power);
  Vec p = multiplyAdd(splat(0.000154035122f), x, splat(0.00133907353f));
  p = multiplyAdd(p, x, splat(0.00961823761f));
  p = multiplyAdd(p, x, splat(0.0555035733f));
  p = multiplyAdd(p, x, splat(0.240226492f));
  p = multiplyAdd(p, x, splat(0.693147182f));
  const Vec q = p * x;
  return negativeMultiplyAdd(power, q, 1.0f - power) * reciprocal(multiplyAdd(power, q, 1.0f + power));
}

} // namespace fxtrain::kernels::FXTRAIN_ISA
