// SPDX-License-Identifier: MIT
// Compiled once per instruction set and cell: FXENGINE_SIMD_ISA and FXENGINE_SIMD_CELL (Lstm or Gru) name them.
#include "simd/recurrent-inl.h"

#include <array>
#include <span>
#include <type_traits>

namespace fxengine::simd::FXENGINE_SIMD_ISA {
namespace {

#define FXENGINE_JOIN(a, b) FXENGINE_JOIN_AGAIN(a, b)
#define FXENGINE_JOIN_AGAIN(a, b) a##b

using Cell = FXENGINE_JOIN(FXENGINE_SIMD_CELL, Cell);
using FastCell = FXENGINE_JOIN(FXENGINE_JOIN(Fast, FXENGINE_SIMD_CELL), Cell);

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
  const bool small = !exceedsCache(hiddenSize, bfloat16);
  Shape shape;
  shape.hiddenSize = hiddenSize;
  shape.numStreams = numStreams;
  shape.bfloat16 = bfloat16;
  shape.rotated = bfloat16 || hiddenSize % lanes == 0;
  shape.zigzag = !small;
  const int room = kRegisters - kScratch;
  // Streams share weights where there are registers for it, or where weights come from a slow cache.
  if (numStreams > 1 && (!small || kSums * blocks * numStreams <= room || kRegisters == 32))
    shape.sharedStreams = numStreams;
  else if (numStreams == 4)
    shape.sharedStreams = 2;
  const int most = room / (kSums * shape.sharedStreams);
  if (small) {
    const int passes = (blocks + most - 1) / most;
    shape.blocksPerPass = (blocks + passes - 1) / passes;
  } else if (numStreams > 1) {
    shape.blocksPerPass = kRegisters == 32 ? 2 : 1;
  } else { // long runs of weights for few units: the prefetcher's best case
    shape.blocksPerPass = kRegisters < 32 && hiddenSize <= 64 && !bfloat16 ? 2 : 1;
  }
  shape.pipelined = numStreams == 4 && shape.sharedStreams == 2;
  // A chain of additions takes four cycles a link, and two can be done in each cycle.
  if (kSums * shape.blocksPerPass * shape.sharedStreams < 8)
    shape.split = 2;
  return shape;
}

/** The same with approximate activations. */
constexpr Shape fastShapeFor(int hiddenSize, int numStreams, int lanes) {
  Shape shape = shapeFor(hiddenSize, numStreams, lanes, false);
  shape.fast = true;
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
  shape.pipelined = false;
  shape.zigzag = true;
  return shape;
}

template <class V, Shape S> constexpr RecurrentKernel kernel() {
  using K = Recurrent<std::conditional_t<S.fast, FastCell, Cell>, V, S>;
  return {S.hiddenSize, S.numStreams, S.projected, S.fast, K::kLayout, &K::run};
}

template <int hiddenSize, int numStreams, bool bfloat16> constexpr RecurrentKernel fixedKernel() {
  using V = std::conditional_t<isWide(hiddenSize), Wide, Narrow>;
  return kernel<V, shapeFor(hiddenSize, numStreams, static_cast<int>(V::size), bfloat16)>();
}

template <int hiddenSize, int numStreams> constexpr RecurrentKernel fastKernel() {
  using V = std::conditional_t<isWide(hiddenSize), Wide, Narrow>;
  return kernel<V, fastShapeFor(hiddenSize, numStreams, static_cast<int>(V::size))>();
}

template <int numStreams, bool projected, bool bfloat16> constexpr RecurrentKernel anyKernel() {
  return kernel<Narrow, anyShape(numStreams, projected, bfloat16, static_cast<int>(Narrow::size))>();
}

#if FXENGINE_FEW_KERNELS // enough to see all of the code run, where compiling is slow
constexpr std::array kList{
    fixedKernel<8, 1, false>(),   fixedKernel<8, 2, false>(),  fixedKernel<8, 4, false>(),
    fixedKernel<20, 1, false>(),  fixedKernel<40, 1, false>(), fixedKernel<40, 2, false>(),
    fixedKernel<64, 1, true>(),   fastKernel<8, 1>(),          anyKernel<1, false, false>(),
    anyKernel<2, false, false>(), anyKernel<1, true, false>(), anyKernel<2, true, false>(),
    anyKernel<1, false, true>(),  anyKernel<2, false, true>(), anyKernel<1, true, true>(),
    anyKernel<2, true, true>(),
};
#else
constexpr std::array kList{
    fixedKernel<8, 4, false>(),  fixedKernel<8, 1, false>(),   fixedKernel<8, 2, false>(),
    fixedKernel<12, 1, false>(), fixedKernel<12, 2, false>(),  fixedKernel<16, 1, false>(),
    fixedKernel<16, 2, false>(), fixedKernel<20, 1, false>(),  fixedKernel<20, 2, false>(),
    fixedKernel<24, 1, false>(), fixedKernel<24, 2, false>(),  fixedKernel<32, 1, false>(),
    fixedKernel<32, 2, false>(), fixedKernel<40, 1, false>(),  fixedKernel<40, 2, false>(),
    fixedKernel<48, 1, false>(), fixedKernel<48, 2, false>(),  fixedKernel<64, 1, false>(),
    fixedKernel<64, 2, false>(), fixedKernel<80, 1, false>(),  fixedKernel<80, 2, false>(),
    fixedKernel<96, 1, false>(), fixedKernel<96, 2, false>(),  fixedKernel<64, 1, true>(),
    fixedKernel<64, 2, true>(),  fixedKernel<80, 1, true>(),   fixedKernel<80, 2, true>(),
    fixedKernel<96, 1, true>(),  fixedKernel<96, 2, true>(),   fastKernel<8, 1>(),
    fastKernel<8, 2>(),          fastKernel<12, 1>(),          fastKernel<12, 2>(),
    fastKernel<16, 1>(),         fastKernel<16, 2>(),          fastKernel<20, 1>(),
    fastKernel<20, 2>(),         fastKernel<24, 1>(),          fastKernel<24, 2>(),
    fastKernel<32, 1>(),         fastKernel<32, 2>(),          fastKernel<40, 1>(),
    fastKernel<40, 2>(),         anyKernel<1, false, false>(), anyKernel<2, false, false>(),
    anyKernel<1, false, true>(), anyKernel<2, false, true>(),  anyKernel<1, true, false>(),
    anyKernel<2, true, false>(), anyKernel<1, true, true>(),   anyKernel<2, true, true>(),
};
#endif

} // namespace

extern const std::span<const RecurrentKernel> FXENGINE_JOIN(k, FXENGINE_SIMD_CELL);
const std::span<const RecurrentKernel> FXENGINE_JOIN(k, FXENGINE_SIMD_CELL){kList};

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
