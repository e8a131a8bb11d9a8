// SPDX-License-Identifier: MIT
// Compiled once per instruction set: FXENGINE_SIMD_ISA names it.
#include "simd/kernels.h"

#include "simd/affine-inl.h"
#include "simd/conv1d-inl.h"
#include "simd/convolution-inl.h"
#include "simd/elementwise-inl.h"
#include "simd/polyphase-inl.h"
#include "simd/symmetric_fir-inl.h"
#include "simd/wave_layer-inl.h"

namespace fxengine::simd::FXENGINE_SIMD_ISA {

extern const std::span<const RecurrentKernel> kLstm;
extern const std::span<const RecurrentKernel> kGru;

const Kernels& kernels() {
  static const Kernels all{Isa::FXENGINE_SIMD_ISA,
                           kLstm,
                           kGru,
                           &affine<Wide>,
                           &dot<Narrow>,
                           &tanhOf<Wide>,
                           &sigmoidOf<Narrow>,
                           &eluOf<Narrow>,
                           &symmetricFir<Wide::arch_type>,
                           &polyphase<Narrow>,
                           &fir<Wide>,
                           &multiplyTiles<Wide>,
                           &multiplySlidingTiles<Wide>,
                           &conv1d<Wide>,
                           &waveLayer<Wide>,
                           &add<Wide>,
                           &multiply<Wide>,
                           &scaleAndShift<Wide>,
                           &leakyRelu<Wide>};
  return all;
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
