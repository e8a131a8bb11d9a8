// SPDX-License-Identifier: MIT
#include "fxengine/layers/recurrent.h"

#include "fxengine/layers/dense.h"
#include "simd/kernels.h"
#include "simd/recurrent_weights.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <utility>

namespace fxengine {

using simd::AlignedFloats;
using simd::RecurrentKernel;

namespace {

/** Greatest scaled sum that the activations take, with a factor of two to spare (simd/activations-inl.h). */
constexpr float kLargestArgument = 262144.0f;

/** Frames of a layer with several inputs whose input sides are worked out ahead; they stay in the cache meanwhile. */
constexpr int kProjectedFrames = 32;

constexpr int kMostStreams = 4; // of any kernel

} // namespace

struct RecurrentLayer::State {
  /** Weights as one kernel wants them. */
  struct Packed {
    const RecurrentKernel* kernel = nullptr;
    AlignedFloats weights;
  };

  simd::RecurrentWeights weights() const {
    return {cell, inputSize, hiddenSize, input.data(), recurrent.data(), bias.data()};
  }
  void pack(Packed& packed, int numStreams);
  void packInputs();
  void addKnobs() noexcept;
  float* stateOf(int stream) { return states.data() + static_cast<std::ptrdiff_t>(stream) * stateSize; }
  void run(const Packed& packed, const float* const* inputs, float* const* outputs, int stream, int numFrames) noexcept;

  simd::CellType cell;
  int inputSize;
  int hiddenSize;
  std::vector<float> input, recurrent, bias; // as in the file
  RecurrentOptions options;
  std::vector<float> startHidden, startCell; // empty is zero
  std::vector<float> head;                   // empty without one
  float headBias = 0.0f;
  int numKnobs = 0;
  std::vector<float> knobs;
  int outputStride = 0;

  const simd::Kernels* kernels;
  bool projected = false;
  Packed single, pair, quad; // for one stream, two and four
  simd::RecurrentLayout layout;
  std::vector<AlignedFloats> inputRows; // per input: [block][row][lane]
  AlignedFloats projection;             // the rows of the inputs that frames hold, one after the other
  AlignedFloats fixedBias, knobBias;    // [block][row][lane]; without and with what the knobs add
  AlignedFloats packedHead;
  float inputLimit = 0.0f;
  AlignedFloats projections; // of the streams of one call
  AlignedFloats states;
  AlignedFloats startState; // of one stream
  AlignedFloats atRest;     // of one stream
  std::ptrdiff_t stateSize = 0;
};

RecurrentLayer::RecurrentLayer(simd::CellType cell, int inputSize, int hiddenSize, std::vector<float> inputWeights,
                               std::vector<float> recurrentWeights, std::vector<float> bias, RecurrentOptions options)
    : Layer(inputSize, hiddenSize), state_(std::make_unique<State>()) {
  const auto row = static_cast<std::size_t>(simd::numSums(cell)) * static_cast<std::size_t>(hiddenSize);
  assert(inputWeights.size() == static_cast<std::size_t>(inputSize) * row);
  assert(recurrentWeights.size() == static_cast<std::size_t>(hiddenSize) * row);
  assert(bias.size() == (cell == simd::CellType::gru ? 2 * row : row));
  static_cast<void>(row);
  State& s = *state_;
  s.cell = cell;
  s.inputSize = inputSize;
  s.hiddenSize = hiddenSize;
  s.input = std::move(inputWeights);
  s.recurrent = std::move(recurrentWeights);
  s.bias = std::move(bias);
  s.options = options;
  s.kernels = &simd::kernelsInUse();
}

RecurrentLayer::~RecurrentLayer() = default;

bool RecurrentLayer::approximates(bool isFirst) const {
  const State& s = *state_;
  const auto& list = s.cell == simd::CellType::lstm ? s.kernels->lstm : s.kernels->gru;
  return s.options.fastActivations &&
         simd::findKernel(list, s.hiddenSize, 1, !isFirst && s.inputSize != 1, s.options.bfloat16, true)->fast;
}

void RecurrentLayer::takeHead(const Dense& head) {
  assert(head.inputSize() == outputSize() && head.outputSize() == 1 && head.activation() == ActivationType::none);
  state_->head = head.weights();
  state_->headBias = head.bias().front();
  setOutputSize(1);
}

bool RecurrentLayer::takeKnobs(int numKnobs) {
  if (inputSize() - numKnobs != 1)
    return false;
  state_->numKnobs = numKnobs;
  state_->knobs.assign(static_cast<std::size_t>(numKnobs), 0.0f);
  return true;
}

void RecurrentLayer::State::pack(Packed& packed, int numStreams) {
  const auto& list = cell == simd::CellType::lstm ? kernels->lstm : kernels->gru;
  const RecurrentKernel* kernel =
      simd::findKernel(list, hiddenSize, numStreams, projected, options.bfloat16, options.fastActivations);
  if (kernel == packed.kernel)
    return;
  packed.kernel = kernel;
  packed.weights = simd::packRecurrent(weights(), kernel->layout);
}

void RecurrentLayer::State::packInputs() {
  inputRows.clear();
  for (int k = 0; k < inputSize; ++k)
    inputRows.push_back(simd::packInput(weights(), layout, k));
  fixedBias = simd::packBias(weights(), layout);
  knobBias = fixedBias;
  packedHead = head.empty() ? AlignedFloats() : simd::packHead(head.data(), hiddenSize, layout);
  if (projected) {
    projection.clear();
    for (const AlignedFloats& rows : inputRows)
      projection.insert(projection.end(), rows.begin(), rows.end());
    projections.assign(kMostStreams * kProjectedFrames * fixedBias.size(), 0.0f);
  }
  float greatestWeight = 0.0f;
  for (const float weight : input)
    greatestWeight = std::max(greatestWeight, 2.8853901f * std::abs(weight));
  const float room = kLargestArgument - 2.8853901f * simd::greatestSum(weights());
  inputLimit = greatestWeight * 1e6f > room ? room / greatestWeight : 1e6f;
}

void RecurrentLayer::prepare(int numStreams) {
  State& s = *state_;
  if (s.head.empty() && s.hiddenSize == 1) // frames of one value have no room for a vector: one output is a head's
    s.head = {1.0f};
  s.projected = s.inputSize - s.numKnobs != 1;
  s.pack(s.single, 1);
  if (numStreams >= 2)
    s.pack(s.pair, 2);
  if (numStreams >= 4)
    s.pack(s.quad, 4);
  for ([[maybe_unused]] const State::Packed* packed :
       {&s.pair, &s.quad}) // else they could not take turns on a stream's state
    assert(packed->kernel == nullptr || packed->kernel->layout.lanes == s.single.kernel->layout.lanes);
  s.layout = s.single.kernel->layout;
  s.packInputs();
  s.addKnobs();
  s.outputStride = frameStride(s.hiddenSize);
  s.stateSize = 3 * s.layout.paddedSize(s.hiddenSize);
  s.states.assign(static_cast<std::size_t>(s.stateSize * numStreams), 0.0f);
  s.startState.assign(static_cast<std::size_t>(s.stateSize), 0.0f);
  std::copy(s.startHidden.begin(), s.startHidden.end(), s.startState.begin());
  std::transform(s.startCell.begin(), s.startCell.end(), s.startState.begin() + 2 * s.stateSize / 3,
                 [](float cell) { return simd::kCellScale * cell; });
  s.atRest = s.startState;
  for (int stream = 0; stream < numStreams; ++stream)
    reset(stream);
}

void RecurrentLayer::startFrom(std::vector<float> hidden, std::vector<float> cell) {
  assert(hidden.size() == static_cast<std::size_t>(state_->hiddenSize));
  state_->startHidden = std::move(hidden);
  state_->startCell = std::move(cell);
}

void RecurrentLayer::reset(int stream) noexcept {
  std::copy(state_->startState.begin(), state_->startState.end(), state_->stateOf(stream));
}

void RecurrentLayer::captureRest() { std::copy_n(state_->states.begin(), state_->stateSize, state_->atRest.begin()); }

void RecurrentLayer::rest(int stream) noexcept {
  std::copy_n(state_->atRest.begin(), state_->stateSize, state_->stateOf(stream));
}

void RecurrentLayer::setKnobs(const float* positions) noexcept {
  State& s = *state_;
  if (std::equal(s.knobs.begin(), s.knobs.end(), positions))
    return;
  std::copy_n(positions, s.knobs.size(), s.knobs.begin());
  s.addKnobs();
}

void RecurrentLayer::State::addKnobs() noexcept {
  std::copy(fixedBias.begin(), fixedBias.end(), knobBias.begin());
  for (std::size_t knob = 0; knob < knobs.size() && knob + 1 < inputRows.size(); ++knob) {
    const AlignedFloats& rows = inputRows[knob + 1];
    for (std::size_t k = 0; k < rows.size(); ++k)
      knobBias[k] += knobs[knob] * rows[k];
  }
}

void RecurrentLayer::State::run(const Packed& packed, const float* const* inputs, float* const* outputs, int stream,
                                int numFrames) noexcept {
  float* streamStates[kMostStreams] = {};
  for (int k = 0; k < packed.kernel->numStreams; ++k)
    streamStates[k] = stateOf(stream + k);
  simd::RecurrentRun run{packed.weights.data(),
                         inputRows.front().data(),
                         knobBias.data(),
                         inputLimit,
                         head.empty() ? nullptr : packedHead.data(),
                         headBias,
                         hiddenSize,
                         numFrames,
                         streamStates,
                         inputs,
                         outputs,
                         outputStride};
  if (!projected) {
    packed.kernel->run(run);
    return;
  }
  const auto columns = static_cast<std::ptrdiff_t>(fixedBias.size());
  const simd::Affine affine{projection.data(), knobBias.data(), inputSize, static_cast<int>(columns),
                            kLargestArgument / 2};
  const int inputStride = frameStride(inputSize);
  const int step = head.empty() ? outputStride : 1;
  for (int start = 0; start < numFrames; start += kProjectedFrames) {
    const int count = std::min(kProjectedFrames, numFrames - start);
    const float* rowsOf[kMostStreams];
    float* out[kMostStreams];
    for (int k = 0; k < packed.kernel->numStreams; ++k) {
      float* rows = projections.data() + k * kProjectedFrames * columns;
      kernels->affine(affine, inputs[k] + static_cast<std::ptrdiff_t>(start) * inputStride, inputStride, rows,
                      static_cast<int>(columns), count);
      rowsOf[k] = rows;
      out[k] = outputs[k] + static_cast<std::ptrdiff_t>(start) * step;
    }
    run.inputs = rowsOf;
    run.outputs = out;
    run.numFrames = count;
    packed.kernel->run(run);
  }
}

void RecurrentLayer::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  State& s = *state_;
  int stream = 0;
  for (const State::Packed* packed : {&s.quad, &s.pair, &s.single}) {
    if (packed->kernel == nullptr)
      continue;
    const int count = packed->kernel->numStreams;
    for (; stream + count <= numStreams; stream += count)
      s.run(*packed, input + stream, output + stream, stream, numFrames);
  }
}

} // namespace fxengine
