// SPDX-License-Identifier: MIT
// Compiled once per instruction set: FXENGINE_SIMD_ISA names it.
#include "wavenet_kernels.h"

#include "simd/activations-inl.h"
#include "simd/lanes-inl.h"

#include <algorithm>
#include <cstddef>

namespace fxtrain::kernels::FXENGINE_SIMD_ISA {
namespace {

namespace lanes = fxengine::simd::FXENGINE_SIMD_ISA;
using V = lanes::Wide;
constexpr int kLanes = static_cast<int>(V::size);
constexpr std::ptrdiff_t kStep = kLanes;

// Sums of a tile, and the rows that meet in it, fill the registers.
#if defined(__AVX512F__) || defined(__aarch64__) || defined(_M_ARM64)
constexpr int kTileRows = 4, kTileColumns = 4;
#else
constexpr int kTileRows = 6, kTileColumns = 2;
#endif

// xsimd 8's haddp of 16 lanes gives wrong sums.
#if defined(__AVX512F__)
using Half = lanes::Narrow;
FXENGINE_INLINE Half folded(V v) {
  return Half(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}
#else
using Half = V;
FXENGINE_INLINE Half folded(V v) { return v; }
#endif

template <int rows, int columns> void correlateTile(const Correlation& c, int row, int column) {
  const float* a = c.a + static_cast<std::ptrdiff_t>(row) * c.aStride;
  const float* b = c.b + static_cast<std::ptrdiff_t>(column) * c.bStride;
  V sums[rows][columns];
  FXENGINE_UNROLL(6)
  for (int i = 0; i < rows; ++i)
    FXENGINE_UNROLL(6)
  for (int j = 0; j < columns; ++j)
    sums[i][j] = V(0.0f);
  for (std::ptrdiff_t t = 0; t < c.numFrames; t += kStep) {
    V right[columns];
    FXENGINE_UNROLL(6)
    for (int j = 0; j < columns; ++j)
      right[j] = V::load_unaligned(b + j * static_cast<std::ptrdiff_t>(c.bStride) + t);
    FXENGINE_UNROLL(6)
    for (int i = 0; i < rows; ++i) {
      V left = V::load_unaligned(a + i * static_cast<std::ptrdiff_t>(c.aStride) + t);
      lanes::settle(left); // read once, not again for each column
      FXENGINE_UNROLL(6)
      for (int j = 0; j < columns; ++j)
        sums[i][j] = lanes::multiplyAdd(left, right[j], sums[i][j]);
    }
  }
  // The lanes of as many sums as a vector has lanes are added up together.
  constexpr int kGroup = static_cast<int>(Half::size);
  constexpr int kNumSums = rows * columns, kNumGroups = (kNumSums + kGroup - 1) / kGroup;
  alignas(64) float found[kNumGroups * kGroup];
  for (int group = 0; group < kNumGroups; ++group) {
    Half own[kGroup];
    for (int index = 0; index < kGroup; ++index) {
      const int sum = group * kGroup + index;
      own[index] = sum < kNumSums ? folded(sums[sum / columns][sum % columns]) : Half(0.0f);
    }
    xsimd::haddp(own).store_aligned(found + group * kGroup);
  }
  for (int i = 0; i < rows; ++i) {
    float* to = c.sums + static_cast<std::ptrdiff_t>(row + i) * c.numColumns + column;
    for (int j = 0; j < columns; ++j)
      to[j] += found[i * columns + j];
  }
}

template <int rows, int columns> void correlateColumns(const Correlation& c, int row, int column) {
  if (column + columns <= c.numColumns)
    correlateTile<rows, columns>(c, row, column);
  else if constexpr (columns > 1)
    correlateColumns<rows, columns - 1>(c, row, column);
}

template <int rows> void correlateRows(const Correlation& c, int row, int column) {
  if (row + rows <= c.numRows)
    correlateColumns<rows, kTileColumns>(c, row, column);
  else if constexpr (rows > 1)
    correlateRows<rows - 1>(c, row, column);
}

/** Prefetches a share of the lines of a tile's rows: all at once, they would wait for each other. Always inlined, since
    GCC takes a function that only prefetches for one that does nothing. */
FXENGINE_INLINE void fetchAhead(const Correlation& c, int row, int column) {
  constexpr int kLine = 16; // floats
  const int numTiles = (c.numRows + kTileRows - 1) / kTileRows, tile = row / kTileRows;
  const int last = std::min(column + kTileColumns, c.numColumns);
  for (; column < last; ++column)
    for (int frame = tile * kLine; frame < c.numFrames; frame += numTiles * kLine)
      __builtin_prefetch(c.ahead + column * static_cast<std::ptrdiff_t>(c.bStride) + frame, 0, 2);
}

void correlatePart(const Correlation& c) {
  for (int column = 0; column < c.numColumns; column += kTileColumns)
    for (int row = 0; row < c.numRows; row += kTileRows) {
      if (c.ahead != nullptr)
        fetchAhead(c, row, column);
      correlateRows<kTileRows>(c, row, column);
    }
}

void correlate(const Correlation& all) noexcept {
  for (int part = 0; part < all.numFrames; part += kCorrelatedPart) {
    Correlation c = all;
    c.a += part;
    c.b += part;
    c.ahead = all.ahead == nullptr ? nullptr : all.ahead + part;
    c.numFrames = std::min(kCorrelatedPart, all.numFrames - part);
    correlatePart(c);
  }
}

void activationGradient(const ActivationGradient& g) noexcept {
  const V one(1.0f), slope(g.slope), zero(0.0f);
  for (std::ptrdiff_t t = 0; t < g.numFrames; t += kStep) {
    const V gradient = V::load_unaligned(g.gradient + t), a = V::load_unaligned(g.activation + t);
    const V passed = g.isTanh ? gradient * lanes::negativeMultiplyAdd(a, a, one)
                              : xsimd::select(a > zero, gradient, gradient * slope);
    passed.store_unaligned(g.out + t);
  }
}

void gate(const Gate& g) noexcept {
  for (std::ptrdiff_t t = 0; t < g.numFrames; t += kStep) {
    const V a = lanes::tanhOf(V::load_unaligned(g.tanhs + t) * V(-2.8853900817779268f));
    const V s = lanes::sigmoidOf(V::load_unaligned(g.sigmoids + t) * V(-1.4426950408889634f));
    a.store_unaligned(g.tanhs + t);
    s.store_unaligned(g.sigmoids + t);
    (a * s).store_unaligned(g.gated + t);
  }
}

void gateGradient(const GateGradient& g) noexcept {
  const V one(1.0f);
  for (std::ptrdiff_t t = 0; t < g.numFrames; t += kStep) {
    const V a = V::load_unaligned(g.tanhs + t), s = V::load_unaligned(g.sigmoids + t);
    const V gated = a * s, gradient = V::load_unaligned(g.gradient + t);
    (gradient * s * lanes::negativeMultiplyAdd(a, a, one)).store_unaligned(g.ofTanh + t);
    (gradient * gated * (one - s)).store_unaligned(g.ofSigmoid + t);
    gated.store_unaligned(g.gated + t);
  }
}

} // namespace

extern const WaveNetKernels kWaveNetKernels;
const WaveNetKernels kWaveNetKernels{&correlate, &activationGradient, &gate, &gateGradient};

} // namespace fxtrain::kernels::FXENGINE_SIMD_ISA
