// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/lanes-inl.h"
#include "simd/polyphase.h"

namespace fxengine::simd::FXENGINE_SIMD_ISA {

template <class V>
void polyphase(const Polyphase& filter, int row, const float* window, float* output, int numFrames) noexcept {
  constexpr int kLanes = static_cast<int>(V::size);
  static_assert(kPolyphaseLanes % kLanes == 0);
  const float* taps = filter.taps + static_cast<std::ptrdiff_t>(row) * filter.numTaps;
  for (int t = 0; t < numFrames; ++t) {
    V even(0.0f), odd(0.0f);
    int i = 0;
    for (; i + 2 * kLanes <= filter.numTaps; i += 2 * kLanes) {
      even = multiplyAdd(V::load_unaligned(window + i), load<V>(taps + i), even);
      odd = multiplyAdd(V::load_unaligned(window + i + kLanes), load<V>(taps + i + kLanes), odd);
    }
    if (i < filter.numTaps)
      even = multiplyAdd(V::load_unaligned(window + i), load<V>(taps + i), even);
    output[t] = sumOfLanes(even + odd);
    window += filter.steps[row];
    taps += filter.numTaps;
    if (++row == filter.numRows) {
      row = 0;
      taps = filter.taps;
    }
  }
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
