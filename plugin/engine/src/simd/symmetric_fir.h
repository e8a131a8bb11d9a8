// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace fxengine::simd {

/** Longest vector of any instruction set, in floats: buffers leave this much room after a block. */
inline constexpr int kMostLanes = 16;

/** A filter whose taps are equal in pairs: output[t] = centreTap * base[centre + t]
    + sum over j of taps[j] * (base[before[j] + t] + base[after[j] + t]).
    The offsets are free, so that one filter may read several phases of a signal. */
struct SymmetricFir {
  const float* taps;
  const std::int32_t* before;
  const std::int32_t* after;
  std::int32_t numPairs;
  std::int32_t centre;
  float centreTap;
};

/** Runs t from 0 to numFrames - 1. Reads and writes up to kMostLanes - 1 frames more; what is there does not matter.
    A frame's value does not depend on numFrames or on where in the block it is. */
using SymmetricFirFunction = void (*)(const SymmetricFir& fir, const float* base, float* output, int numFrames);

} // namespace fxengine::simd
