// SPDX-License-Identifier: MIT
/** What the kernels of every instruction set have in common: plain structures and a table of functions, no inline code.
 */
#pragma once

#include <cstddef>

#include "wave_generator_kernels.h"
#include "wavenet_kernels.h"

namespace fxtrain::kernels {

/** Sequences that one call handles, one SIMD lane each. Fixed, so that results do not depend on how work is shared out.
 */
constexpr int kLanes = 16;
constexpr int kLargestHiddenSize = 256;
constexpr int kLargestInputSize = 256;

struct Shape {
  int hidden;
  int inputs;
};

/** PyTorch's parameters, row-major. `outputWeight` is null for a layer without a head. */
struct Parameters {
  const float* inputWeight;     ///< (gates * hidden, inputs)
  const float* recurrentWeight; ///< (gates * hidden, hidden)
  const float* inputBias;       ///< (gates * hidden); for LSTM the sum of both biases
  const float* recurrentBias;   ///< GRU only
  const float* outputWeight;    ///< (hidden)
  const float* outputBias;      ///< (1)
};

/** The gradients of one group, shaped as Parameters. */
struct Gradients {
  float* inputWeight;
  float* recurrentWeight;
  float* inputBias;
  float* recurrentBias;
  float* outputWeight;
  float* outputBias;
};

/** Up to kLanes sequences, forward. Pointers are to the first sequence of the group, rows follow each other without
 * gaps. */
struct ForwardGroup {
  int sequences;
  int frames;
  const float* weights;  ///< from pack()
  const float* input;    ///< (sequences, frames, inputs)
  const float* hidden0;  ///< (sequences, hidden), null for zeros
  const float* cell0;    ///< likewise, LSTM only
  float* output;         ///< (sequences, frames), the head's output, or null
  float* hiddenSequence; ///< (sequences, frames, hidden), or null
  float* hiddenN;        ///< (sequences, hidden)
  float* cellN;          ///< likewise, LSTM only
  float* tape;           ///< frames + 1 records to be kept for backward(), or null
  float* scratch;        ///< forwardScratch() floats
};

/** The same group backward. The tape is only read. Null gradients of outputs count as zero. */
struct BackwardGroup {
  int sequences;
  int frames;
  const float* weights;
  const float* tape;
  const float* outputGradient;         ///< (sequences, frames)
  const float* hiddenSequenceGradient; ///< (sequences, frames, hidden)
  const float* hiddenNGradient;        ///< (sequences, hidden)
  const float* cellNGradient;          ///< likewise, LSTM only
  float* inputGradient;                ///< (sequences, frames, inputs), or null if not wanted
  float* hidden0Gradient;              ///< (sequences, hidden), or null
  float* cell0Gradient;                ///< likewise, LSTM only
  Gradients gradients;
  float* scratch; ///< backwardScratch() floats
};

/** One kind of cell. Buffers are aligned to 64 bytes; sizes are in floats and multiples of 16. */
struct CellKernel {
  int gates; ///< rows of a weight matrix per hidden unit: 4 or 3
  bool hasCell;
  std::size_t (*weightFloats)(const Shape&);
  std::size_t (*recordFloats)(const Shape&);
  std::size_t (*forwardScratch)(const Shape&);
  std::size_t (*backwardScratch)(const Shape&);
  void (*pack)(const Shape&, const Parameters&, float* weights);
  void (*forward)(const Shape&, const ForwardGroup&);
  void (*backward)(const Shape&, const BackwardGroup&);
};

struct Kernels {
  const char* isa;
  CellKernel lstm;
  CellKernel gru;
  const WaveNetKernels& waveNet;
  const WaveGeneratorKernels& waveGenerator;
};

namespace sse2 {
const Kernels& kernels();
}
namespace avx2 {
const Kernels& kernels();
}
namespace avx512 {
const Kernels& kernels();
}
namespace neon {
const Kernels& kernels();
}

} // namespace fxtrain::kernels
