// SPDX-License-Identifier: MIT
#include "layer.h"

#include "share_out.h"

#include <algorithm>
#include <array>

namespace fxtrain::kernels {
namespace {

int groupsOf(const Dimensions& dimensions) { return (dimensions.batch + kLanes - 1) / kLanes; }

int workersFor(const Dimensions& dimensions, int threads) {
  // Below this many multiplications a second thread costs more than it saves.
  constexpr double kWorthThread = 2e5;
  const double columns = dimensions.shape.hidden + dimensions.shape.inputs + 1;
  const double work = 4.0 * dimensions.batch * dimensions.frames * dimensions.shape.hidden * columns;
  const int most = work < kWorthThread ? 1 : threads;
  return std::clamp(most, 1, groupsOf(dimensions));
}

/** `base` moved to the first sequence of a group; null stays null. */
template <class T> T* rowsOf(T* base, int sequence, std::size_t floatsPerSequence) {
  return base == nullptr ? nullptr : base + static_cast<std::size_t>(sequence) * floatsPerSequence;
}

/** Parts of one gradient, each a run of floats, in the order of Gradients. */
std::array<std::size_t, 6> gradientSizes(const CellKernel& cell, const Shape& shape, bool head) {
  const std::size_t rows = static_cast<std::size_t>(cell.gates) * shape.hidden;
  const bool twoBiases = !cell.hasCell;
  return {rows * shape.inputs,
          rows * shape.hidden,
          rows,
          twoBiases ? rows : 0,
          head ? static_cast<std::size_t>(shape.hidden) : 0u,
          head ? 1u : 0u};
}

} // namespace

std::unique_ptr<Tape> runForward(const CellKernel& cell, const Dimensions& dimensions,
                                 const ForwardArguments& arguments, bool keepTape, int threads) {
  const Shape& shape = dimensions.shape;
  const int workers = workersFor(dimensions, threads);
  const std::size_t scratchSize = cell.forwardScratch(shape);
  const std::size_t tapeSize = cell.recordFloats(shape) * (static_cast<std::size_t>(dimensions.frames) + 1);
  auto tape = std::make_unique<Tape>(&cell, dimensions, takeBuffer(cell.weightFloats(shape)), Buffer());
  if (keepTape)
    tape->records = takeBuffer(tapeSize * groupsOf(dimensions));
  const Buffer scratch = takeBuffer(scratchSize * workers);
  cell.pack(shape, arguments.parameters, tape->weights.get());

  shareOut(groupsOf(dimensions), workers, [&](int group, int worker) {
    const int first = group * kLanes;
    const std::size_t frames = dimensions.frames;
    cell.forward(shape, {.sequences = std::min(kLanes, dimensions.batch - first),
                         .frames = dimensions.frames,
                         .weights = tape->weights.get(),
                         .input = rowsOf(arguments.input, first, frames * shape.inputs),
                         .hidden0 = rowsOf(arguments.hidden0, first, shape.hidden),
                         .cell0 = rowsOf(arguments.cell0, first, shape.hidden),
                         .output = rowsOf(arguments.output, first, frames),
                         .hiddenSequence = rowsOf(arguments.hiddenSequence, first, frames * shape.hidden),
                         .hiddenN = rowsOf(arguments.hiddenN, first, shape.hidden),
                         .cellN = rowsOf(arguments.cellN, first, shape.hidden),
                         .tape = keepTape ? tape->records.get() + group * tapeSize : nullptr,
                         .scratch = scratch.get() + worker * scratchSize});
  });
  return keepTape ? std::move(tape) : nullptr;
}

void runBackward(const Tape& tape, const BackwardArguments& arguments, int threads) {
  const CellKernel& cell = *tape.cell;
  const Dimensions& dimensions = tape.dimensions;
  const Shape& shape = dimensions.shape;
  const int groups = groupsOf(dimensions);
  const int workers = workersFor(dimensions, threads);
  const std::size_t scratchSize = cell.backwardScratch(shape);
  const std::size_t tapeSize = cell.recordFloats(shape) * (static_cast<std::size_t>(dimensions.frames) + 1);
  const auto sizes = gradientSizes(cell, shape, arguments.gradients.outputWeight != nullptr);
  std::size_t gradientSize = 0;
  for (const std::size_t size : sizes)
    gradientSize += size;
  const Buffer scratch = takeBuffer(scratchSize * workers);
  const Buffer groupGradients = takeBuffer(gradientSize * groups);

  shareOut(groups, workers, [&](int group, int worker) {
    const int first = group * kLanes;
    const std::size_t frames = dimensions.frames;
    float* part = groupGradients.get() + group * gradientSize;
    const auto take = [&part](std::size_t size) {
      float* taken = size == 0 ? nullptr : part;
      part += size;
      return taken;
    };
    const Gradients gradients{take(sizes[0]), take(sizes[1]), take(sizes[2]),
                              take(sizes[3]), take(sizes[4]), take(sizes[5])};
    cell.backward(shape,
                  {.sequences = std::min(kLanes, dimensions.batch - first),
                   .frames = dimensions.frames,
                   .weights = tape.weights.get(),
                   .tape = tape.records.get() + group * tapeSize,
                   .outputGradient = rowsOf(arguments.outputGradient, first, frames),
                   .hiddenSequenceGradient = rowsOf(arguments.hiddenSequenceGradient, first, frames * shape.hidden),
                   .hiddenNGradient = rowsOf(arguments.hiddenNGradient, first, shape.hidden),
                   .cellNGradient = rowsOf(arguments.cellNGradient, first, shape.hidden),
                   .inputGradient = rowsOf(arguments.inputGradient, first, frames * shape.inputs),
                   .hidden0Gradient = rowsOf(arguments.hidden0Gradient, first, shape.hidden),
                   .cell0Gradient = rowsOf(arguments.cell0Gradient, first, shape.hidden),
                   .gradients = gradients,
                   .scratch = scratch.get() + worker * scratchSize});
  });

  const Gradients& target = arguments.gradients;
  const std::array<float*, 6> targets{target.inputWeight,   target.recurrentWeight, target.inputBias,
                                      target.recurrentBias, target.outputWeight,    target.outputBias};
  std::size_t at = 0;
  for (std::size_t part = 0; part < targets.size(); ++part)
    for (std::size_t i = 0; i < sizes[part]; ++i, ++at) {
      double sum = 0;
      for (int group = 0; group < groups; ++group)
        sum += groupGradients[group * gradientSize + at];
      targets[part][i] = static_cast<float>(sum);
    }
}

} // namespace fxtrain::kernels
