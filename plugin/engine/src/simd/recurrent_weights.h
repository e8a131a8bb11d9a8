// SPDX-License-Identifier: MIT
#pragma once

#include "simd/aligned.h"
#include "simd/recurrent.h"

namespace fxengine::simd {

/** Weights of a recurrent layer as model files have them: rows [inputSize] and [hiddenSize] of gates side by side. */
struct RecurrentWeights {
  CellType cell;
  int inputSize;
  int hiddenSize;
  const float* input;     ///< [inputSize][numSums * hiddenSize]
  const float* recurrent; ///< [hiddenSize][numSums * hiddenSize]
  const float* bias;      ///< LSTM: [4 * hiddenSize]; GRU: [2][3 * hiddenSize]
};

/** The recurrent matrix in a kernel's layout. */
AlignedFloats packRecurrent(const RecurrentWeights& weights, const RecurrentLayout& layout);

/** What one input adds to the rows of each unit: [block][kNumRows][lane]. */
AlignedFloats packInput(const RecurrentWeights& weights, const RecurrentLayout& layout, int input);

/** The bias in the same shape. */
AlignedFloats packBias(const RecurrentWeights& weights, const RecurrentLayout& layout);

/** A dense layer to one output: [block][lane], zero beyond hiddenSize. */
AlignedFloats packHead(const float* head, int hiddenSize, const RecurrentLayout& layout);

/** Greatest sum of magnitudes over the recurrent weights, the bias and the weights of all inputs but the first, of any
    unit's gate: what its argument stays below when state and knobs are within ±1 and the audio is silent. */
float greatestSum(const RecurrentWeights& weights);

} // namespace fxengine::simd
