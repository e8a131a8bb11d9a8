// SPDX-License-Identifier: MIT
// Compiled once per instruction set: FXENGINE_SIMD_ISA names it.
#include "wave_generator_kernels.h"

#include "simd/activations-inl.h"

#include <cstddef>

namespace fxtrain::kernels::FXENGINE_SIMD_ISA {
namespace {

namespace lanes = fxengine::simd::FXENGINE_SIMD_ISA;
using V = lanes::Wide;
constexpr int kLanes = static_cast<int>(V::size);
constexpr int kMostVectors = 8; // sums that wait for one another less than a multiplication takes

template <int vectors>
void multiplyColumns(const float* weights, const float* bias, int numInputs, int columns, const float* inputs,
                     float* out) {
  V sums[vectors];
  FXENGINE_UNROLL(8)
  for (int v = 0; v < vectors; ++v)
    sums[v] = V::load_aligned(bias + v * kLanes);
  for (int k = 0; k < numInputs; ++k, weights += columns) {
    const V x(inputs[k]);
    FXENGINE_UNROLL(8)
    for (int v = 0; v < vectors; ++v)
      sums[v] = lanes::multiplyAdd(x, V::load_aligned(weights + v * kLanes), sums[v]);
  }
  FXENGINE_UNROLL(8)
  for (int v = 0; v < vectors; ++v)
    sums[v].store_aligned(out + v * kLanes);
}

/** As many vectors of columns at a time as there are, then half as many. */
template <int vectors>
void multiplyFrom(int column, const float* weights, const float* bias, int numInputs, int columns, const float* inputs,
                  float* out) {
  for (; column + vectors * kLanes <= columns; column += vectors * kLanes)
    multiplyColumns<vectors>(weights + column, bias + column, numInputs, columns, inputs, out + column);
  if constexpr (vectors > 1)
    if (column < columns)
      multiplyFrom<vectors / 2>(column, weights, bias, numInputs, columns, inputs, out);
}

void multiply(const float* weights, const float* bias, int numInputs, int columns, const float* inputs,
              float* out) noexcept {
  multiplyFrom<kMostVectors>(0, weights, bias, numInputs, columns, inputs, out);
}

void gate(const float* sums, int count, float* out) noexcept {
  const V toTanh(-2.8853900817779268f), toSigmoid(-1.4426950408889634f);
  for (std::ptrdiff_t c = 0; c < count; c += kLanes) {
    const V filtered = lanes::tanhOf(V::load_aligned(sums + c) * toTanh);
    const V opened = lanes::sigmoidOf(V::load_aligned(sums + count + c) * toSigmoid);
    (filtered * opened).store_aligned(out + c);
  }
}

} // namespace

extern const WaveGeneratorKernels kWaveGeneratorKernels;
const WaveGeneratorKernels kWaveGeneratorKernels{&multiply, &gate};

} // namespace fxtrain::kernels::FXENGINE_SIMD_ISA
