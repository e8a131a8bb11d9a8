// SPDX-License-Identifier: MIT
#include "wavenet.h"

#include "dispatch.h"
#include "share_out.h"
#include "wave_rows.h"

#include <algorithm>
#include <cstring>

namespace fxtrain::kernels {
namespace {

/** Where a layer's parameters are, and from which frame on it is computed. */
struct Layer {
  WaveLayerShape shape;
  std::size_t conv = 0, bias = 0, mixin = 0, matrix = 0, matrixBias = 0;
  int inputFrom = 0, from = 0; ///< of its input, of its activation
  PackedConv forward, mix, residual, backward, residualBackward;
};

struct Array {
  WaveArrayShape shape;
  std::size_t rechannel = 0, head = 0, headBias = 0;
  int headFrom = 0;
  std::vector<Layer> layers;
  PackedConv rechannelForward, rechannelBackward, headForward, headBackward;
};

/** A network's sizes and packed weights for sequences of one length. */
struct Plan {
  std::vector<Array> arrays;
  std::vector<float> parameters;
  float headScale = 1.0f;
  int past = 0, lead = 0, total = 0, longest = 0, stride = 0;
  std::size_t numParameters = 0;
  std::size_t tapeFloats = 0, scratchFloats = 0;
  int widest = 1;

  Plan(const WaveNetShape& shape, const float* values, int frames);
};

Plan::Plan(const WaveNetShape& shape, const float* values, int frames)
    : parameters(values, values + shape.numParameters()), headScale(shape.headScale), past(shape.receptiveFrames() - 1),
      total(roundUp(frames)), numParameters(shape.numParameters()) {
  lead = total - frames;
  int seen = lead;
  std::size_t next = 0;
  const auto take = [&](std::size_t count) {
    const std::size_t at = next;
    next += count;
    return at;
  };
  int numRows = 2, numLayerRows = 0; // the input and ones
  for (const WaveArrayShape& given : shape.arrays) {
    Array array;
    array.shape = given;
    const int channels = given.channels;
    widest = std::max({widest, channels, given.headOutputs, given.inputs});
    array.rechannel = take(size(channels * given.inputs));
    for (const WaveLayerShape& layerShape : given.layers) {
      Layer layer;
      layer.shape = layerShape;
      const std::size_t square = size(channels) * size(channels);
      layer.conv = take(square * size(layerShape.kernel));
      layer.bias = take(size(channels));
      layer.mixin = take(size(channels));
      layer.matrix = take(square);
      layer.matrixBias = take(size(channels));
      layer.inputFrom = roundDown(seen);
      seen += layerShape.reach();
      layer.from = roundDown(seen);
      longest = std::max(longest, layerShape.reach());
      numRows += 2 * channels;
      numLayerRows += channels;
      array.layers.push_back(std::move(layer));
    }
    array.head = take(size(given.headOutputs * channels * given.headKernel));
    array.headBias = given.headBias ? take(size(given.headOutputs)) : 0;
    seen += given.headReach();
    array.headFrom = roundDown(seen);
    longest = std::max(longest, given.headReach());
    numRows += 2 * channels + given.headOutputs; // sums, the last layer's output, the head's
    arrays.push_back(std::move(array));
  }
  stride = strideFor(kEdge + total + longest + kEdge);
  tapeFloats = size(numRows) * size(stride);
  // Gradients of all layers' convolutions and of the last head; blocks for what goes from layer to layer.
  scratchFloats = size(numLayerRows + 1) * size(stride) + 5 * size(widest) * size(strideFor(kBackwardBlock + kEdge));

  for (Array& array : arrays) {
    const int channels = array.shape.channels;
    const auto rechannel = [&](int o, int i, int) {
      return values[array.rechannel + size(o * array.shape.inputs + i)];
    };
    array.rechannelForward = PackedConv::forward(channels, array.shape.inputs, 1, 1, rechannel);
    array.rechannelBackward = PackedConv::backward(channels, array.shape.inputs, 1, 1, rechannel);
    const auto head = [&](int o, int i, int tap) {
      return values[array.head + size((o * channels + i) * array.shape.headKernel + tap)];
    };
    array.headForward = PackedConv::forward(array.shape.headOutputs, channels, array.shape.headKernel, 1, head);
    array.headBackward = PackedConv::backward(array.shape.headOutputs, channels, array.shape.headKernel, 1, head);
    for (Layer& layer : array.layers) {
      const int kernel = layer.shape.kernel, dilation = layer.shape.dilation;
      const auto conv = [&](int o, int i, int tap) {
        return values[layer.conv + size((o * channels + i) * kernel + tap)];
      };
      const auto matrix = [&](int o, int i, int) { return values[layer.matrix + size(o * channels + i)]; };
      layer.forward = PackedConv::forward(channels, channels, kernel, dilation, conv);
      layer.backward = PackedConv::backward(channels, channels, kernel, dilation, conv);
      layer.mix =
          PackedConv::forward(channels, 1, 1, 1, [&](int o, int, int) { return values[layer.mixin + size(o)]; });
      layer.residual = PackedConv::forward(channels, channels, 1, 1, matrix);
      layer.residualBackward = PackedConv::backward(channels, channels, 1, 1, matrix);
    }
  }
}

/** The rows of one sequence on the tape. */
struct SequenceRows {
  Rows input; ///< and a row of ones
  struct OfLayer {
    Rows input, activation;
  };
  struct OfArray {
    std::vector<OfLayer> layers;
    Rows sums, last, head;
  };
  std::vector<OfArray> arrays;

  SequenceRows(const Plan& plan, float* memory) {
    RowTaker taker(memory, plan.stride);
    input = taker.take(2);
    for (const Array& array : plan.arrays) {
      OfArray& rows = arrays.emplace_back();
      for (std::size_t index = 0; index < array.layers.size(); ++index)
        rows.layers.push_back({taker.take(array.shape.channels), taker.take(array.shape.channels)});
      rows.sums = taker.take(array.shape.channels);
      rows.last = taker.take(array.shape.channels);
      rows.head = taker.take(array.shape.headOutputs);
    }
  }
};

constexpr int kForwardPart = 128; // frames that a layer plays while memory brings the rows of the next ones

void playSequence(const Plan& plan, const float* input, float* memory, float* output) {
  static const simd::Kernels& kernels = simd::kernelsInUse();
  const SequenceRows rows(plan, memory);
  const float* parameters = plan.parameters.data();
  const int frames = plan.total - plan.lead;
  clear(rows.input, 1, -kEdge, plan.lead);
  std::copy_n(input, frames, rows.input.at(0, plan.lead));
  std::fill(rows.input.at(1, 0), rows.input.at(1, plan.total), 1.0f);
  for (std::size_t index = 0; index < plan.arrays.size(); ++index) {
    const Array& array = plan.arrays[index];
    for (std::size_t number = 0; number < array.layers.size(); ++number) {
      const Layer& layer = array.layers[number];
      clear(rows.arrays[index].layers[number].input, array.shape.channels, layer.inputFrom - kEdge, layer.inputFrom);
    }
    // The head looks back to frames that not all layers have added to; the output does not depend on these.
    clear(rows.arrays[index].sums, array.shape.channels, array.layers.front().inputFrom - kEdge,
          array.layers.front().from);
  }
  for (int block = 0; block < plan.total; block += kForwardBlock) {
    const int end = std::min(block + kForwardBlock, plan.total);
    for (std::size_t index = 0; index < plan.arrays.size(); ++index) {
      const Array& array = plan.arrays[index];
      const SequenceRows::OfArray& own = rows.arrays[index];
      const bool isLast = index + 1 == plan.arrays.size();
      const int channels = array.shape.channels;
      const Rows before = index == 0 ? rows.input : rows.arrays[index - 1].last;
      convolve(array.rechannelForward, nullptr, {}, before, own.layers.front().input,
               std::max(block, array.layers.front().inputFrom), end);
      for (std::size_t number = 0; number < array.layers.size(); ++number) {
        const Layer& layer = array.layers[number];
        const bool isEnd = number + 1 == array.layers.size();
        const int first = std::max(block, layer.from);
        if (first >= end)
          break;
        const Rows toNext = isEnd ? own.last : own.layers[number + 1].input;
        for (int part = first; part < end; part += kForwardPart) {
          const int count = std::min(kForwardPart, end - part);
          const int ahead = std::min(part + 2 * kForwardPart, plan.total);
          fetch(own.layers[number].activation, channels, part + kForwardPart, ahead);
          fetch(toNext, channels, part + kForwardPart, ahead);
          const Rows in = own.layers[number].input.from(part), a = own.layers[number].activation.from(part);
          const Rows sums = own.sums.from(part);
          const Rows summed = number > 0 ? sums : index > 0 ? rows.arrays[index - 1].head.from(part) : Rows{};
          const Rows next = toNext.from(part);
          const simd::ConvSource sources[2] = {layer.forward.of(in), layer.mix.of(rows.input.from(part))};
          const simd::ConvSource answer = layer.residual.of(a);
          const simd::Conv1dBlock residual{
              parameters + layer.matrixBias, in.data, in.stride, &answer, 1, next.data, next.stride, channels, count};
          kernels.waveLayer({{parameters + layer.bias, nullptr, 0, sources, 2, a.data, a.stride, channels, count},
                             layer.shape.isTanh ? simd::WaveFunction::tanh : simd::WaveFunction::leakyRelu,
                             layer.shape.slope,
                             summed.data,
                             summed.stride,
                             sums.data,
                             sums.stride,
                             isEnd && isLast ? nullptr : &residual,
                             true});
        }
      }
      convolve(array.headForward, array.shape.headBias ? parameters + array.headBias : nullptr, {}, own.sums, own.head,
               std::max(block, array.headFrom), end);
    }
  }
  const float* played = rows.arrays.back().head.at(0, plan.lead + plan.past);
  for (int frame = 0; frame < frames - plan.past; ++frame)
    output[frame] = plan.headScale * played[frame];
}

/** Gradients of one sequence.

    @param memory  scratchFloats, and numParameters sums */
void playSequenceBackward(const Plan& plan, const float* tape, const float* outputGradient, float* memory,
                          float* gradients) {
  const WaveNetKernels& kernels = activeKernels().waveNet;
  // In the order of the parameters, but convolutions [tap][out][in], and bias and mixin of a layer by channel.
  float* const sums = memory + plan.scratchFloats;
  std::fill_n(sums, plan.numParameters, 0.0f);
  const SequenceRows rows(plan, const_cast<float*>(tape)); // which is only read
  const int frames = plan.total - plan.lead;
  RowTaker taker(memory, plan.stride);
  const Rows headGradient = taker.take(1);
  std::vector<std::vector<Rows>> z(plan.arrays.size()); // gradients of what goes into the activations
  const int behind = plan.total + plan.longest + kEdge;
  clear(headGradient, 1, -kEdge, plan.lead + plan.past);
  for (int frame = 0; frame < frames - plan.past; ++frame)
    *headGradient.at(0, plan.lead + plan.past + frame) = plan.headScale * outputGradient[frame];
  clear(headGradient, 1, plan.total, behind);
  for (std::size_t index = 0; index < plan.arrays.size(); ++index) {
    for (const Layer& layer : plan.arrays[index].layers) {
      const Rows own = taker.take(plan.arrays[index].shape.channels);
      clear(own, plan.arrays[index].shape.channels, layer.inputFrom, layer.from);
      clear(own, plan.arrays[index].shape.channels, plan.total, behind);
      z[index].push_back(own);
    }
  }
  constexpr int kBlockStride = strideFor(kBackwardBlock + kEdge);
  float* blocks = taker.rest();
  const auto block = [&](int index) {
    return Rows{blocks + size(index) * size(plan.widest) * size(kBlockStride), kBlockStride};
  };

  const auto correlate = [&](Rows a, int numRows, Rows b, int numColumns, int count, std::size_t parameter,
                             Rows ahead = {}) {
    kernels.correlate({a.data, a.stride, numRows, b.data, b.stride, numColumns, count, sums + parameter, ahead.data});
  };
  for (int start = roundDown(plan.total - 1) / kBackwardBlock * kBackwardBlock; start >= 0; start -= kBackwardBlock) {
    const int end = std::min(start + kBackwardBlock, plan.total);
    // Frame t of a block's row is at [t - start].
    const auto ofBlock = [&](int index) { return Rows{block(index).data - start, kBlockStride}; };
    Rows next = ofBlock(0), own = ofBlock(1);
    const Rows summed = ofBlock(2), other = ofBlock(3), activation = ofBlock(4);
    bool hasNext = false;
    Rows head = headGradient; // of the head's output; of an array before the last, what the sums behind it get
    for (std::size_t index = plan.arrays.size(); index-- > 0;) {
      const Array& array = plan.arrays[index];
      const SequenceRows::OfArray& taped = rows.arrays[index];
      const int channels = array.shape.channels;
      const int headFirst = std::max(start, array.headFrom);
      if (headFirst < end) {
        for (int tap = 0; tap < array.shape.headKernel; ++tap)
          correlate(head.from(headFirst), array.shape.headOutputs,
                    taped.sums.from(headFirst - (array.shape.headKernel - 1 - tap)), channels, end - headFirst,
                    array.head + size(tap * array.shape.headOutputs * channels));
        if (array.shape.headBias)
          correlate(head.from(headFirst), array.shape.headOutputs, {rows.input.at(1, headFirst), plan.stride}, 1,
                    end - headFirst, array.headBias);
      }
      const Rows sumsGradient = head.data == summed.data ? other : summed;
      const int sumsFirst = std::max(start, array.layers.front().from);
      clear(sumsGradient, channels, start, std::min(sumsFirst, end));
      convolve(array.headBackward, nullptr, {}, head, sumsGradient, sumsFirst, end);
      for (std::size_t number = array.layers.size(); number-- > 0;) {
        const Layer& layer = array.layers[number];
        const SequenceRows::OfLayer& layerRows = taped.layers[number];
        const Rows gradient = z[index][number];
        const bool hasAhead = number > 0; // a layer whose rows come from memory while this one's are at work
        const int first = std::max(start, layer.from);
        if (first < end) {
          const int numFrames = end - first;
          Rows through = sumsGradient;
          if (hasNext) {
            correlate(next.from(first), channels, layerRows.activation.from(first), channels, numFrames, layer.matrix,
                      hasAhead ? taped.layers[number - 1].activation.from(first) : Rows{});
            correlate(next.from(first), channels, {rows.input.at(1, first), plan.stride}, 1, numFrames,
                      layer.matrixBias);
            convolve(layer.residualBackward, nullptr, sumsGradient, next, activation, first, end);
            through = activation;
          }
          for (int channel = 0; channel < channels; ++channel)
            kernels.activationGradient({layer.shape.isTanh, layer.shape.slope, through.at(channel, first),
                                        layerRows.activation.at(channel, first), gradient.at(channel, first),
                                        numFrames});
          for (int part = first; part < end; part += kCorrelatedPart) {
            const int count = std::min(kCorrelatedPart, end - part);
            for (int tap = 0; tap < layer.shape.kernel; ++tap) {
              const int back = layer.shape.kernel - 1 - tap;
              Rows ahead;
              if (part + count < end)
                ahead = layerRows.input.from(part + count - back * layer.shape.dilation);
              else if (hasAhead)
                ahead = taped.layers[number - 1].input.from(first - back * array.layers[number - 1].shape.dilation);
              correlate(gradient.from(part), channels, layerRows.input.from(part - back * layer.shape.dilation),
                        channels, count, layer.conv + size(tap * channels * channels), ahead);
            }
          }
          // Of bias and mixin together, channel by channel: the mixin's, then the bias's.
          correlate(gradient.from(first), channels, rows.input.from(first), 2, numFrames, layer.bias);
        }
        const int inputFirst = std::max(start, layer.inputFrom);
        if (inputFirst >= end)
          continue;
        if (hasNext)
          clear(next, channels, inputFirst, std::min(first, end));
        convolve(layer.backward, nullptr, hasNext ? next : Rows{}, gradient, own, inputFirst, end);
        std::swap(next, own);
        hasNext = true;
      }
      const int inputFirst = std::max(start, array.layers.front().inputFrom);
      if (inputFirst < end) {
        const Rows before = index == 0 ? rows.input : rows.arrays[index - 1].last;
        correlate(next.from(inputFirst), channels, before.from(inputFirst), array.shape.inputs, end - inputFirst,
                  array.rechannel);
        if (index > 0) {
          convolve(array.rechannelBackward, nullptr, {}, next, own, inputFirst, end);
          std::swap(next, own);
        }
      }
      head = sumsGradient;
    }
  }

  std::copy_n(sums, plan.numParameters, gradients);
  const auto transpose = [&](std::size_t at, int outputs, int inputs, int kernel) {
    for (int tap = 0; tap < kernel; ++tap)
      for (int o = 0; o < outputs; ++o)
        for (int i = 0; i < inputs; ++i)
          gradients[at + size((o * inputs + i) * kernel + tap)] = sums[at + size((tap * outputs + o) * inputs + i)];
  };
  for (const Array& array : plan.arrays) {
    for (const Layer& layer : array.layers) {
      transpose(layer.conv, array.shape.channels, array.shape.channels, layer.shape.kernel);
      for (std::size_t channel = 0; channel < size(array.shape.channels); ++channel) {
        gradients[layer.mixin + channel] = sums[layer.bias + 2 * channel];
        gradients[layer.bias + channel] = sums[layer.bias + 2 * channel + 1];
      }
    }
    transpose(array.head, array.shape.headOutputs, array.shape.channels, array.shape.headKernel);
  }
}

} // namespace

int WaveNetShape::receptiveFrames() const noexcept {
  int frames = 1;
  for (const WaveArrayShape& array : arrays) {
    for (const WaveLayerShape& layer : array.layers)
      frames += layer.reach();
    frames += array.headReach();
  }
  return frames;
}

std::size_t WaveNetShape::numParameters() const noexcept {
  int count = 0;
  for (const WaveArrayShape& array : arrays) {
    count += array.channels * array.inputs + array.headOutputs * (array.channels * array.headKernel + array.headBias);
    for (const WaveLayerShape& layer : array.layers)
      count += array.channels * (array.channels * (layer.kernel + 1) + 3);
  }
  return size(count);
}

class WaveNetTape {
 public:
  WaveNetTape(const WaveNetShape& shape, const float* parameters, int numSequences, int frames)
      : plan(shape, parameters, frames), batch(numSequences), memory(takeBuffer(plan.tapeFloats * size(numSequences))) {
  }

  Plan plan;
  int batch;
  Buffer memory;
};

void WaveNetTapeDeleter::operator()(WaveNetTape* tape) const noexcept { delete tape; }

WaveNetTapePointer runWaveNet(const WaveNetShape& shape, const float* parameters, const float* input, int batch,
                              int frames, float* output, int threads) {
  WaveNetTapePointer tape(new WaveNetTape(shape, parameters, batch, frames));
  const Plan& plan = tape->plan;
  shareOut(batch, std::clamp(threads, 1, batch), [&](int sequence, int) {
    playSequence(plan, input + size(sequence) * size(frames), tape->memory.get() + size(sequence) * plan.tapeFloats,
                 output + size(sequence) * size(frames - plan.past));
  });
  return tape;
}

void copyTails(const WaveNetTape& tape, const std::vector<float*>& tails) {
  const Plan& plan = tape.plan;
  for (int sequence = 0; sequence < tape.batch; ++sequence) {
    const SequenceRows rows(plan, tape.memory.get() + size(sequence) * plan.tapeFloats);
    std::size_t next = 0;
    const auto copy = [&](Rows from, int channels, int reach) {
      float* to = tails[next++];
      for (int channel = 0; channel < channels; ++channel)
        std::copy_n(from.at(channel, plan.total - reach), reach,
                    to + size(channel * tape.batch + sequence) * size(reach));
    };
    for (std::size_t index = 0; index < plan.arrays.size(); ++index) {
      const Array& array = plan.arrays[index];
      for (std::size_t number = 0; number < array.layers.size(); ++number)
        copy(rows.arrays[index].layers[number].input, array.shape.channels, array.layers[number].shape.reach());
      copy(rows.arrays[index].sums, array.shape.channels, array.shape.headReach());
    }
  }
}

void runWaveNetBackward(const WaveNetTape& tape, const float* outputGradient, float* gradients, int threads) {
  const Plan& plan = tape.plan;
  const int workers = std::clamp(threads, 1, tape.batch);
  const std::size_t workerFloats = plan.scratchFloats + plan.numParameters;
  const Buffer scratch = takeBuffer(workerFloats * size(workers));
  const Buffer parts = takeBuffer(plan.numParameters * size(tape.batch));
  const std::size_t frames = size(plan.total - plan.lead - plan.past);
  shareOut(tape.batch, workers, [&](int sequence, int worker) {
    playSequenceBackward(plan, tape.memory.get() + size(sequence) * plan.tapeFloats,
                         outputGradient + size(sequence) * frames, scratch.get() + size(worker) * workerFloats,
                         parts.get() + size(sequence) * plan.numParameters);
  });
  for (std::size_t index = 0; index < plan.numParameters; ++index) {
    double sum = 0.0;
    for (int sequence = 0; sequence < tape.batch; ++sequence)
      sum += double{parts[size(sequence) * plan.numParameters + index]};
    gradients[index] = static_cast<float>(sum);
  }
}

} // namespace fxtrain::kernels
