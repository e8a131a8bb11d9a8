// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/lanes-inl.h"

/** Sigmoid and tanh by powers of two, float32-exact: a few ULP, stated at each function and tested with these numbers.

    Arguments come scaled, so that the scale can stand in the weights: z = -log2(e) x for sigmoid(x), z = -2 log2(e) x
    for tanh(x). Then sigmoid(x) = 1 / (1 + 2^z) and tanh(x) = (1 - 2^z) / (1 + 2^z). A cell merges the divisions of
    several gates into one, so the functions give numerators and denominators.

    2^z saturates at 2^±40: sigmoid at about 1e-12 and 1, tanh at ±1; three denominators multiplied stay below 2^121.
   |z| must stay below kLargestArgument, where its fraction is lost: the weights are checked for that at load. NaN gives
    some number.

    The coefficients are minimax, from python/native/kernels/exp2_coefficients.py. */
namespace fxengine::simd::FXENGINE_SIMD_ISA {

constexpr std::int32_t kExponentBias = 0x3f800000; // bits of 1.0f
constexpr std::int32_t kLargestExponent = 40;

/** (2^x - 1) / x for |x| <= 0.5, lowest power first: so tanh keeps its relative accuracy near zero. */
constexpr float kSlope[] = {0.693147182f, 0.240226492f, 0.0555035733f, 0.00961823761f, 0.00133907353f, 0.000154035122f};

/** z = n + x with n whole and x in [-0.5, 0.5]; `exponent` is n, held to ±40. */
template <class V> FXENGINE_INLINE void splitExponent(V z, V& x, Integers<V>& exponent) {
  // 1.5 * 2^23 + z holds n in the lowest bits.
  const V magic(12582912.0f);
#if defined(__AVX2__) || defined(__aarch64__) || defined(_M_ARM64)
  x = z - roundToNearest(z); // takes less time than the detour by the magic number
  exponent = clampInteger<V>(bitsOf(z + magic), 0x4b400000 - kLargestExponent, 0x4b400000 + kLargestExponent);
#else
  z = clampFloat(z, -static_cast<float>(kLargestExponent), static_cast<float>(kLargestExponent));
  const V shifted = z + magic;
  x = z - (shifted - magic);
  exponent = bitsOf(shifted);
#endif
}

/** 1 + 2^z, the denominator of a sigmoid: sigmoid(x) = 1 / onePlusExp2(-log2(e) x) within 2 ULP. */
template <class V> FXENGINE_INLINE V onePlusExp2(V z) {
#if defined(__AVX2__)
  // 2^z = 2^(n/8) 2^x with |x| <= 1/16: the eighth comes from a table, x takes three terms.
  const V magic(1572864.0f); // 1.5 * 2^20: n in the lowest bits
  const V shifted = z + magic;
  const V x = z - (shifted - magic);
  const Integers<V> n =
      clampInteger<V>(bitsOf(shifted), 0x49c00000 - 8 * kLargestExponent, 0x49c00000 + 8 * kLargestExponent + 7);
  // Bits of 2^(k/8) less k << 20, so that n << 20 adds the exponent and nothing else.
  alignas(64) static constexpr std::int32_t kEighths[16] = {
      0x3f800000 - 0x000000, 0x3f8b95c2 - 0x100000, 0x3f9837f0 - 0x200000, 0x3fa5fed7 - 0x300000,
      0x3fb504f3 - 0x400000, 0x3fc5672a - 0x500000, 0x3fd744fd - 0x600000, 0x3feac0c7 - 0x700000,
      0x3f800000 - 0x000000, 0x3f8b95c2 - 0x100000, 0x3f9837f0 - 0x200000, 0x3fa5fed7 - 0x300000,
      0x3fb504f3 - 0x400000, 0x3fc5672a - 0x500000, 0x3fd744fd - 0x600000, 0x3feac0c7 - 0x700000};
  const V eighth = lookUp(kEighths, n);
  const V power = fromBits<V>(bitsOf(eighth) + (n << 20));
  const V p =
      multiplyAdd(multiplyAdd(x, V(0.0554962233f), V(0.240257636f)), x * x, multiplyAdd(x, V(0.693147242f), V(1.0f)));
  return multiplyAdd(power, p, V(1.0f));
#else
  V x;
  Integers<V> n;
  splitExponent(z, x, n);
  const V square = x * x;
  const V a = multiplyAdd(x, V(0.693147004f), V(1.0f));
  const V b = multiplyAdd(x, V(0.0555073358f), V(0.240222424f));
  const V c = multiplyAdd(x, V(0.00132647273f), V(0.00967151299f));
  const V p = multiplyAdd(multiplyAdd(c, square, b), square, a);
  return V(1.0f) + fromBits<V>(bitsOf(p) + (n << 23));
#endif
}

/** 2^z = power * (1 + fraction): 1 - power is exact where 2^z is near 1, so nothing cancels in 1 - 2^z. */
template <class V> FXENGINE_INLINE void splitExp2(V z, V& power, V& fraction) {
  V x;
  Integers<V> n;
  splitExponent(z, x, n);
  power = fromBits<V>((n << 23) + Integers<V>(kExponentBias));
  const V square = x * x;
  const V a = x * V(kSlope[0]);
  const V b = multiplyAdd(x, V(kSlope[2]), V(kSlope[1]));
  const V c = multiplyAdd(square, V(kSlope[5]), multiplyAdd(x, V(kSlope[4]), V(kSlope[3])));
  fraction = multiplyAdd(c, square * square, multiplyAdd(b, square, a));
}

/** tanh(x) = numerator / denominator within 3 ULP, for z = -2 log2(e) x. */
template <class V> FXENGINE_INLINE void tanhRatio(V z, V& numerator, V& denominator) {
  V power, fraction;
  splitExp2(z, power, fraction);
  numerator = negativeMultiplyAdd(power, fraction, V(1.0f) - power);
  denominator = multiplyAdd(power, fraction, V(1.0f) + power);
}

// ---- Whole functions, for code that keeps what each gate gives: training

/** Arguments of sigmoidOf() and tanhOf() are held to ± this. */
constexpr float kHeldArgument = static_cast<float>(kLargestExponent);

/** 2^z = power + rest * slope, or 2^-z, with nothing lost where that is near 1. NaN stays NaN. In one chain, as that is
    the least work: a Group of vectors fills its waits. */
template <class V, bool isNegated> struct HeldExp2 {
  V power, rest, slope;

  explicit FXENGINE_INLINE HeldExp2(V z) {
    const V magic(12582912.0f);
    const V held = hold(z, kHeldArgument);
    const V shifted = held + magic;
    const V whole = shifted - magic;
    const V x = isNegated ? whole - held : held - whole;
    slope = multiplyAdd(x, V(kSlope[5]), V(kSlope[4]));
    const Integers<V> exponent = bitsOf(shifted) << 23;
    power = fromBits<V>(isNegated ? Integers<V>(kExponentBias) - exponent : exponent + Integers<V>(kExponentBias));
    slope = multiplyAdd(slope, x, V(kSlope[3]));
    slope = multiplyAdd(slope, x, V(kSlope[2]));
    slope = multiplyAdd(slope, x, V(kSlope[1]));
    slope = multiplyAdd(slope, x, V(kSlope[0]));
    rest = power * x;
  }
};

/** sigmoid(x) for z = -log2(e) x of any size; NaN stays NaN. Within 4.1 ULP for an exact z, and 9e-13 at least. */
template <class V> FXENGINE_INLINE V sigmoidOf(V z) {
  const HeldExp2<V, false> exp2(z);
  return reciprocal(multiplyAdd(exp2.rest, exp2.slope, exp2.power + V(1.0f)));
}

/** tanh(x) for z = -2 log2(e) x of any size; NaN stays NaN. Within 3.5 ULP for an exact z. Constants are added, never
    subtracted from: compilers then read them where they are used, and have registers left. */
template <class V> FXENGINE_INLINE V tanhOf(V z) {
  const HeldExp2<V, true> exp2(z);
  const V less = multiplyAdd(exp2.rest, exp2.slope, exp2.power + V(-1.0f)); // 2^-z - 1
  return divide(less, less + V(2.0f));
}

/** tanh(x) = numerator / denominator within 6e-5, not to float32 rounding, for z = -2 log2(e) x; for z = -log2(e) x it
    is tanh(x / 2) = 2 sigmoid(x) - 1. A minimax fraction; beyond |x| = 5.3 it is 1 but for 5e-5. */
template <class V> FXENGINE_INLINE void fastTanhRatio(V z, V& numerator, V& denominator) {
  const V held = clampFloat(z, -15.29257f, 15.29257f);
  const V square = held * held;
  numerator = held * multiplyAdd(multiplyAdd(square, V(-3.1305226e-06f), V(-0.00419198605f)), square, V(-0.34648383f));
  denominator = multiplyAdd(multiplyAdd(square, V(0.000178035208f), V(0.0520463621f)), square, V(1.0f));
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
