// SPDX-License-Identifier: MIT
// Compiled once per instruction set and cell: FXENGINE_SIMD_ISA and FXENGINE_SIMD_CELL (Lstm or Gru) name them.
#include "simd/recurrent-inl.h"

#include <array>

namespace fxengine::simd::FXENGINE_SIMD_ISA {
namespace {

#define FXENGINE_JOIN(a, b) FXENGINE_JOIN_AGAIN(a, b)
#define FXENGINE_JOIN_AGAIN(a, b) a##b

using Cell = FXENGINE_JOIN(FXENGINE_SIMD_CELL, Cell);

#if defined(__AVX512F__) || defined(__aarch64__) || defined(_M_ARM64)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

/** From this size on the float32 weights leave no room in a first-level cache of 32 KiB. */
constexpr bool exceedsCache(int hiddenSize, bool bfloat16) {
  return hiddenSize * hiddenSize * numSums(Cell::kType) * (bfloat16 ? 2 : 4) > 30000;
}

/** Whether 512-bit registers suit a size. */
constexpr bool isWide(int hiddenSize) { return hiddenSize >= 32 && hiddenSize % 16 == 0; }

/** The shape that was fastest; docs/decisions/engine-kernels.md tells how that was found. */
constexpr Shape shapeFor(int hiddenSize, int numStreams, int lanes, bool bfloat16) {
  constexpr int kSums = numSums(Cell::kType);
  constexpr int kScratch = 4; // registers for a weight, the state and the activations' constants
  const int blocks = (hiddenSize + lanes - 1) / lanes;
  Shape shape;
  shape.hiddenSize = hiddenSize;
  shape.numStreams = numStreams;
  shape.bfloat16 = bfloat16;
  shape.rotated = bfloat16 || hiddenSize % lanes == 0;
  shape.zigzag = exceedsCache(hiddenSize, bfloat16);
  const bool shared = numStreams == 2 && (shape.zigzag || blocks == 1);
  shape.sharedStreams = shared ? 2 : 1;
  const int most = (kRegisters - kScratch) / (kSums * shape.sharedStreams);
  if (shape.zigzag) { // long runs of weights for few units: the prefetcher's best case
    shape.blocksPerPass = hiddenSize <= 64 && !shared ? 2 : 1;
  } else {
    const int passes = (blocks + most - 1) / most;
    shape.blocksPerPass = (blocks + passes - 1) / passes;
  }
  // A chain of additions takes four cycles a link, and two can be done in each cycle.
  if (kSums * shape.blocksPerPass * shape.sharedStreams < 8)
    shape.split = 2;
  return shape;
}

constexpr Shape anyShape(int numStreams, bool projected, bool bfloat16, int lanes) {
  Shape shape = shapeFor(3 * lanes, numStreams, lanes, bfloat16);
  shape.hiddenSize = 0;
  shape.sharedStreams = 1;
  shape.blocksPerPass = 2;
  shape.split = 1;
  shape.projected = projected;
  shape.rotated = true;
  shape.zigzag = true;
  return shape;
}

template <class V, Shape S> constexpr RecurrentKernel kernel() {
  using K = Recurrent<Cell, V, S>;
  return {Cell::kType, S.hiddenSize, S.numStreams, S.projected, false, K::kLayout, &K::run};
}

template <int hiddenSize, int numStreams, bool bfloat16> constexpr RecurrentKernel fixedKernel() {
  using V = std::conditional_t<isWide(hiddenSize), Wide, Narrow>;
  return kernel<V, shapeFor(hiddenSize, numStreams, static_cast<int>(V::size), bfloat16)>();
}

template <int numStreams, bool projected, bool bfloat16> constexpr RecurrentKernel anyKernel() {
  return kernel<Narrow, anyShape(numStreams, projected, bfloat16, static_cast<int>(Narrow::size))>();
}

constexpr std::array kList{
    fixedKernel<8, 1, false>(),   fixedKernel<8, 2, false>(),   fixedKernel<12, 1, false>(),
    fixedKernel<12, 2, false>(),  fixedKernel<16, 1, false>(),  fixedKernel<16, 2, false>(),
    fixedKernel<20, 1, false>(),  fixedKernel<20, 2, false>(),  fixedKernel<24, 1, false>(),
    fixedKernel<24, 2, false>(),  fixedKernel<32, 1, false>(),  fixedKernel<32, 2, false>(),
    fixedKernel<40, 1, false>(),  fixedKernel<40, 2, false>(),  fixedKernel<48, 1, false>(),
    fixedKernel<48, 2, false>(),  fixedKernel<64, 1, false>(),  fixedKernel<64, 2, false>(),
    fixedKernel<80, 1, false>(),  fixedKernel<80, 2, false>(),  fixedKernel<96, 1, false>(),
    fixedKernel<96, 2, false>(),  fixedKernel<48, 1, true>(),   fixedKernel<48, 2, true>(),
    fixedKernel<64, 1, true>(),   fixedKernel<64, 2, true>(),   fixedKernel<80, 1, true>(),
    fixedKernel<80, 2, true>(),   fixedKernel<96, 1, true>(),   fixedKernel<96, 2, true>(),
    anyKernel<1, false, false>(), anyKernel<2, false, false>(), anyKernel<1, true, false>(),
    anyKernel<2, true, false>(),  anyKernel<1, false, true>(),  anyKernel<2, false, true>(),
    anyKernel<1, true, true>(),   anyKernel<2, true, true>(),
};

} // namespace

extern const std::span<const RecurrentKernel> FXENGINE_JOIN(k, FXENGINE_SIMD_CELL);
const std::span<const RecurrentKernel> FXENGINE_JOIN(k, FXENGINE_SIMD_CELL){kList};

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
