// SPDX-License-Identifier: MIT
#pragma once

namespace fxengine::simd {

enum class CellType { lstm, gru };

/** Sums per unit over the recurrent matrix: four gates of an LSTM; update, reset and candidate of a GRU. */
constexpr int numSums(CellType cell) { return cell == CellType::lstm ? 4 : 3; }

/** Rows of input weights and biases per unit. A GRU's fourth is what the input adds to the candidate, outside the reset
    gate. */
inline constexpr int kNumRows = 4;

/** What a sum is multiplied by before it enters its activation: -log2(e) for a sigmoid, twice that for a tanh. Stands
    in the weights, but for those of 16 bits. */
constexpr float argumentScale(int sum) { return sum == 2 ? -2.8853900817779268f : -1.4426950408889634f; }

/** How a kernel wants the recurrent matrix in memory.

    Units stand in blocks of `lanes`; a pass computes `blocksPerPass` blocks (the last maybe fewer) with all their sums
    in registers. For each pass, for each step over the state, for each block, for each sum: one vector of weights.
    A step takes one unit of the state, the same in all lanes (`rotated` false), or each lane another unit, in the order
    of rotatedLane() (`rotated` true; the state is then padded to whole vectors). With `bfloat16`, one 32-bit lane holds
    two steps: the earlier in the upper half. */
struct RecurrentLayout {
  int lanes = 0;
  int blocksPerPass = 0;
  bool rotated = false;
  bool bfloat16 = false;

  constexpr int numBlocks(int hiddenSize) const { return (hiddenSize + lanes - 1) / lanes; }
  /** hiddenSize, rounded up to whole vectors. */
  constexpr int paddedSize(int hiddenSize) const { return numBlocks(hiddenSize) * lanes; }
  /** Steps over the state. */
  constexpr int numSteps(int hiddenSize) const {
    const int steps = rotated ? paddedSize(hiddenSize) : hiddenSize;
    return bfloat16 ? (steps + 1) / 2 * 2 : steps;
  }
};

/** An LSTM's cell is kept times -2 log2(e), as its tanh wants it. */
inline constexpr float kCellScale = -2.8853900817779268f;

/** One call of a kernel: some streams of one layer over one block. Frames of a stream follow one another without gap.
 */
struct RecurrentRun {
  const float* weights;      ///< recurrent matrix in the kernel's layout
  const float* inputWeights; ///< [block][kNumRows][lane]; for kernels with one input value a frame
  const float* bias;         ///< the same shape
  float inputLimit;          ///< inputs are held to ± this, so that the activations' arguments stay in range
  const float* head;         ///< dense layer to one output, [block][lane]; null to put out the state
  float headBias;
  int hiddenSize;
  int numFrames;
  float* const* states;       ///< per stream: h, a second h, and for an LSTM c times kCellScale, each [paddedSize]
  const float* const* inputs; ///< per stream: one value a frame, or [block][kNumRows][lane] with the bias in it
  float* const* outputs;      ///< per stream: one value a frame, or frames of `outputStride` values
  int outputStride;           ///< at least paddedSize
};

using RecurrentFunction = void (*)(const RecurrentRun& run) noexcept;

struct RecurrentKernel {
  int hiddenSize; ///< 0: any
  int numStreams; ///< in one call
  bool projected; ///< inputs hold the sums of the input weights (several inputs), not one value a frame
  bool fast;      ///< approximate activations
  RecurrentLayout layout;
  RecurrentFunction run;
};

} // namespace fxengine::simd
