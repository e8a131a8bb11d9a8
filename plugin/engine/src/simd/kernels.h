// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/activation.h"
#include "fxengine/simd/isa.h"
#include "simd/conv1d.h"
#include "simd/convolution.h"
#include "simd/elementwise.h"
#include "simd/polyphase.h"
#include "simd/recurrent.h"
#include "simd/symmetric_fir.h"
#include "simd/wave_layer.h"

#include <span>

namespace fxengine::simd {

/** outputs[t][column] = bias[column] + sum over k of inputs[t][k] * weights[k][column], for `numColumns` columns, a
    multiple of kMostLanes. All but inputs are aligned to 64 bytes, and so is each row. */
struct Affine {
  const float* weights;
  const float* bias;
  int numInputs;
  int numColumns;
  float limit; ///< outputs are held to ± this
};
using AffineFunction = void (*)(const Affine& affine, const float* inputs, int inputStride, float* outputs,
                                int outputStride, int numFrames) noexcept;

/** outputs[t] = bias + sum over k of inputs[t][k] * weights[k]. */
using DotFunction = void (*)(const float* weights, float bias, int size, const float* inputs, int inputStride,
                             float* outputs, int numFrames) noexcept;

/** All kernels of one instruction set. */
struct Kernels {
  Isa isa;
  std::span<const RecurrentKernel> lstm;
  std::span<const RecurrentKernel> gru;
  AffineFunction affine;
  DotFunction dot;
  ActivationFunction tanh;
  ActivationFunction sigmoid;
  ActivationFunction elu;
  SymmetricFirFunction symmetricFir;
  PolyphaseFunction polyphase;
  FirFunction fir;
  MultiplyTilesFunction multiplyTiles;
  MultiplySlidingTilesFunction multiplySlidingTiles;
  Conv1dFunction conv1d;
  WaveLayerFunction waveLayer;
  AddFunction add;
  MultiplyFunction multiply;
  ScaleAndShiftFunction scaleAndShift;
  LeakyReluFunction leakyRelu;
};

/** Those of an instruction set that availableIsas() lists. */
const Kernels& kernelsOf(Isa isa);

/** kernelsOf(isaInUse()). */
const Kernels& kernelsInUse();

/** The kernel for a layer: of its own size if there is one, else the one for any size. There is always one for one
    stream and one for two; for four only where it is better than two and two, else null. */
const RecurrentKernel* findKernel(std::span<const RecurrentKernel> kernels, int hiddenSize, int numStreams,
                                  bool projected, bool bfloat16, bool fast);

} // namespace fxengine::simd
