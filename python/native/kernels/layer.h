// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "buffer_pool.h"
#include "recurrent.h"

namespace fxtrain::kernels {

struct Dimensions {
  int batch;
  int frames;
  Shape shape;
};

/** Whole batches, as ForwardGroup and BackwardGroup have them for one group. */
struct ForwardArguments {
  Parameters parameters;
  const float* input = nullptr;
  const float* hidden0 = nullptr;
  const float* cell0 = nullptr;
  float* output = nullptr;
  float* hiddenSequence = nullptr;
  float* hiddenN = nullptr;
  float* cellN = nullptr;
};

struct BackwardArguments {
  const float* outputGradient = nullptr;
  const float* hiddenSequenceGradient = nullptr;
  const float* hiddenNGradient = nullptr;
  const float* cellNGradient = nullptr;
  float* inputGradient = nullptr;
  float* hidden0Gradient = nullptr;
  float* cell0Gradient = nullptr;
  Gradients gradients;
};

/** What a forward pass leaves for the backward pass: the packed weights and the state of every frame. */
struct Tape {
  const CellKernel* cell;
  Dimensions dimensions;
  Buffer weights;
  Buffer records;
};

/** Runs a layer over a batch with up to `threads` threads. Results do not depend on their number: work is shared out in
   groups of kLanes sequences, and weight gradients are added up in the order of the groups, in double.

    @return null unless `keepTape`. Without a tape the memory needed does not grow with the number of frames. */
std::unique_ptr<Tape> runForward(const CellKernel& cell, const Dimensions& dimensions,
                                 const ForwardArguments& arguments, bool keepTape, int threads);

/** The tape is not changed: the same call may be repeated. */
void runBackward(const Tape& tape, const BackwardArguments& arguments, int threads);

} // namespace fxtrain::kernels
