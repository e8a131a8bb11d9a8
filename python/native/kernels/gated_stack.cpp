// SPDX-License-Identifier: MIT
#include "gated_stack.h"

#include "dispatch.h"
#include "share_out.h"
#include "wave_rows.h"

#include <algorithm>

namespace fxtrain::kernels {
namespace {

/** Where a layer's parameters are, and from which frame on it is computed. */
struct Layer {
  int dilation = 1;
  std::size_t taps = 0, bias = 0, condition = 0, residual = 0, residualBias = 0;
  std::size_t skip = 0;        ///< [skips][channels] in the order of sums, see Plan::skips
  int inputFrom = 0, from = 0; ///< of its input, of its gates
  PackedConv forward, mix, onward, toSkips, backward, mixBackward, onwardBackward, toSkipsBackward;
};

/** Sizes and packed weights for sequences of one length. */
struct Plan {
  GatedStackShape shape;
  std::vector<float> parameters;
  std::vector<Layer> layers;
  int past = 0, lead = 0, total = 0, headFrom = 0, longest = 0, stride = 0;
  std::size_t skips = 0, skipBias = 0, numParameters = 0;
  std::size_t tapeFloats = 0, scratchFloats = 0;

  Plan(const GatedStackShape& given, const float* values, int frames);
  int numLayers() const noexcept { return static_cast<int>(layers.size()); }
};

Plan::Plan(const GatedStackShape& given, const float* values, int frames)
    : shape(given), parameters(values, values + given.numParameters()), past(given.past()), total(roundUp(frames)),
      numParameters(given.numParameters()) {
  const int channels = shape.channels, gates = 2 * channels, numAll = static_cast<int>(shape.dilations.size());
  lead = total - frames;
  headFrom = roundDown(lead + past);
  std::size_t next = 0;
  const auto take = [&](std::size_t count) {
    const std::size_t at = next;
    next += count;
    return at;
  };
  int seen = lead;
  for (const int dilation : shape.dilations) {
    Layer& layer = layers.emplace_back();
    layer.dilation = dilation;
    layer.taps = take(size(gates) * size(channels) * 2);
    layer.bias = take(size(gates));
    layer.condition = take(size(gates) * size(shape.condition));
    if (numLayers() < numAll) {
      layer.residual = take(size(channels) * size(channels));
      layer.residualBias = take(size(channels));
    }
    layer.inputFrom = roundDown(seen);
    seen += dilation;
    layer.from = roundDown(seen);
    longest = std::max(longest, dilation);
  }
  skips = take(size(shape.skips) * size(numAll * channels));
  skipBias = take(size(shape.skips));
  stride = strideFor(kEdge + total + longest + kEdge);
  // Ones, condition, of each layer what goes in and the gates' two halves, sums of the skips.
  tapeFloats = size(1 + shape.condition + numAll * (channels + gates) + shape.skips) * size(stride);
  // Gradients of the skips, of the condition and of what goes into the gates; blocks from layer to layer.
  scratchFloats = size(shape.skips + shape.condition + numAll * gates) * size(stride) +
                  4 * size(channels) * size(strideFor(kBackwardBlock + kEdge));

  for (int index = 0; index < numAll; ++index) {
    Layer& layer = layers[size(index)];
    layer.skip = skips + size(index) * size(shape.skips * channels);
    const auto taps = [&](int o, int i, int tap) { return values[layer.taps + size((o * channels + i) * 2 + tap)]; };
    const auto mix = [&](int o, int i, int) { return values[layer.condition + size(o * shape.condition + i)]; };
    const auto onward = [&](int o, int i, int) { return values[layer.residual + size(o * channels + i)]; };
    const auto skip = [&](int o, int i, int) { return values[skips + size((o * numAll + index) * channels + i)]; };
    layer.forward = PackedConv::forward(gates, channels, 2, layer.dilation, taps);
    layer.backward = PackedConv::backward(gates, channels, 2, layer.dilation, taps);
    layer.toSkips = PackedConv::forward(shape.skips, channels, 1, 1, skip);
    layer.toSkipsBackward = PackedConv::backward(shape.skips, channels, 1, 1, skip);
    if (shape.condition > 0) {
      layer.mix = PackedConv::forward(gates, shape.condition, 1, 1, mix);
      layer.mixBackward = PackedConv::backward(gates, shape.condition, 1, 1, mix);
    }
    if (index + 1 < numAll) {
      layer.onward = PackedConv::forward(channels, channels, 1, 1, onward);
      layer.onwardBackward = PackedConv::backward(channels, channels, 1, 1, onward);
    }
  }
}

/** The rows of one sequence on the tape. */
struct SequenceRows {
  Rows ones, condition, sums;
  struct OfLayer {
    Rows input, gates; ///< tanhs, then sigmoids
  };
  std::vector<OfLayer> layers;

  SequenceRows(const Plan& plan, float* memory) {
    RowTaker taker(memory, plan.stride);
    ones = taker.take(1);
    condition = taker.take(plan.shape.condition);
    for (int index = 0; index < plan.numLayers(); ++index) {
      OfLayer& rows = layers.emplace_back();
      rows.input = taker.take(plan.shape.channels);
      rows.gates = taker.take(2 * plan.shape.channels);
    }
    sums = taker.take(plan.shape.skips);
  }
};

/** Rows of a sequence, from what Python gives, with zeros before. */
void copyIn(const Plan& plan, const float* from, int numRows, Rows to) {
  const int frames = plan.total - plan.lead;
  clear(to, numRows, -kEdge, plan.lead);
  for (int row = 0; row < numRows; ++row)
    std::copy_n(from + size(row) * size(frames), frames, to.at(row, plan.lead));
}

void playSequence(const Plan& plan, const GatedStackInput& input, float* memory, float* output) {
  const simd::Kernels& kernels = simd::kernelsInUse();
  const WaveNetKernels& training = activeKernels().waveNet;
  const SequenceRows rows(plan, memory);
  const int channels = plan.shape.channels, gates = 2 * channels, numAll = plan.numLayers();
  const float* parameters = plan.parameters.data();
  std::fill(rows.ones.at(0, 0), rows.ones.at(0, plan.total), 1.0f);
  copyIn(plan, input.condition, plan.shape.condition, rows.condition);
  copyIn(plan, input.x, channels, rows.layers.front().input);
  for (int index = 1; index < numAll; ++index) {
    const int from = plan.layers[size(index)].inputFrom;
    clear(rows.layers[size(index)].input, channels, from - kEdge, from);
  }
  std::vector<float> biases(size(numAll) * size(gates));
  for (int index = 0; index < numAll; ++index)
    for (int row = 0; row < gates; ++row) {
      const std::size_t at = size(index * gates + row);
      biases[at] = parameters[plan.layers[size(index)].bias + size(row)] + (input.biases ? input.biases[at] : 0.0f);
    }
  constexpr int kPartStride = kPart + kEdge;
  std::vector<float> gated(size(channels) * size(kPartStride));

  for (int block = 0; block < plan.total; block += kForwardBlock) {
    const int end = std::min(block + kForwardBlock, plan.total);
    for (int index = 0; index < numAll; ++index) {
      const Layer& layer = plan.layers[size(index)];
      const SequenceRows::OfLayer& own = rows.layers[size(index)];
      for (int start = std::max(block, layer.from); start < end; start += kPart) {
        const int count = std::min(kPart, end - start);
        const Rows z{gated.data(), kPartStride};
        const simd::ConvSource sources[2] = {layer.forward.of(own.input.from(start)),
                                             layer.mix.of(rows.condition.from(start))};
        kernels.conv1d({biases.data() + size(index * gates), nullptr, 0, sources, plan.shape.condition > 0 ? 2 : 1,
                        own.gates.at(0, start), own.gates.stride, gates, count});
        for (int row = 0; row < channels; ++row)
          training.gate({own.gates.at(row, start), own.gates.at(channels + row, start), z.at(row, 0), count});
        if (index + 1 < numAll) {
          const simd::ConvSource source = layer.onward.of(z);
          const Rows next = rows.layers[size(index + 1)].input;
          kernels.conv1d({parameters + layer.residualBias, own.input.at(0, start), own.input.stride, &source, 1,
                          next.at(0, start), next.stride, channels, count});
        }
        const int first = std::max(start, plan.headFrom);
        if (first < start + count) {
          const simd::ConvSource source = layer.toSkips.of(z.from(first - start));
          float* sums = rows.sums.at(0, first);
          kernels.conv1d({index == 0 ? parameters + plan.skipBias : nullptr, index == 0 ? nullptr : sums,
                          rows.sums.stride, &source, 1, sums, rows.sums.stride, plan.shape.skips,
                          start + count - first});
        }
      }
    }
  }
  const int frames = plan.total - plan.lead - plan.past;
  for (int row = 0; row < plan.shape.skips; ++row)
    std::copy_n(rows.sums.at(row, plan.lead + plan.past), frames, output + size(row) * size(frames));
}

/** Gradients of one sequence.

    @param memory  scratchFloats, and numParameters sums
    @param gradients  of this sequence */
void playSequenceBackward(const Plan& plan, const float* tape, const float* outputGradient, float* memory,
                          const GatedStackGradients& gradients) {
  const WaveNetKernels& kernels = activeKernels().waveNet;
  const int channels = plan.shape.channels, gates = 2 * channels, numAll = plan.numLayers();
  const int condition = plan.shape.condition, skips = plan.shape.skips;
  const int frames = plan.total - plan.lead;
  float* const sums = memory + plan.scratchFloats; // convolutions as [tap][out][in], skips as [layer][out][in]
  std::fill_n(sums, plan.numParameters, 0.0f);
  const SequenceRows rows(plan, const_cast<float*>(tape)); // which is only read
  RowTaker taker(memory, plan.stride);
  const Rows skipGradient = taker.take(skips), conditionGradient = taker.take(condition);
  const int behind = plan.total + plan.longest + kEdge;
  std::vector<Rows> gateGradients;
  for (const Layer& layer : plan.layers) {
    const Rows own = gateGradients.emplace_back(taker.take(gates));
    clear(own, gates, layer.inputFrom, layer.from);
    clear(own, gates, plan.total, behind);
  }
  clear(skipGradient, skips, plan.headFrom - kEdge, plan.lead + plan.past);
  clear(skipGradient, skips, plan.total, plan.total + kEdge);
  for (int row = 0; row < skips; ++row)
    std::copy_n(outputGradient + size(row) * size(frames - plan.past), frames - plan.past,
                skipGradient.at(row, plan.lead + plan.past));
  clear(conditionGradient, condition, 0, plan.total);
  constexpr int kBlockStride = strideFor(kBackwardBlock + kEdge);
  float* const blocks = taker.rest();
  const auto correlate = [&](Rows a, int numRows, Rows b, int numColumns, int count, std::size_t parameter,
                             Rows ahead = {}) {
    kernels.correlate({a.data, a.stride, numRows, b.data, b.stride, numColumns, count, sums + parameter, ahead.data});
  };

  for (int start = (plan.total - 1) / kBackwardBlock * kBackwardBlock; start >= 0; start -= kBackwardBlock) {
    const int end = std::min(start + kBackwardBlock, plan.total);
    // Frame t of a block's row is at [t - start].
    const auto ofBlock = [&](int index) {
      return Rows{blocks + size(index) * size(channels) * size(kBlockStride) - start, kBlockStride};
    };
    Rows next = ofBlock(0), own = ofBlock(1);
    const Rows through = ofBlock(2), z = ofBlock(3);
    const int headFirst = std::max(start, plan.headFrom);
    if (headFirst < end)
      correlate(skipGradient.from(headFirst), skips, rows.ones.from(headFirst), 1, end - headFirst, plan.skipBias);
    for (int index = numAll - 1; index >= 0; --index) {
      const Layer& layer = plan.layers[size(index)];
      const SequenceRows::OfLayer& taped = rows.layers[size(index)];
      const Rows gradient = gateGradients[size(index)];
      const bool isLast = index + 1 == numAll;
      // The layer whose rows come from memory while this one's are at work.
      const SequenceRows::OfLayer* const following = index > 0 ? &rows.layers[size(index - 1)] : nullptr;
      const int first = std::max(start, layer.from);
      if (first < end) {
        const int count = end - first, skipFirst = std::min(std::max(first, plan.headFrom), end);
        if (isLast)
          clear(through, channels, first, skipFirst);
        else
          convolve(layer.onwardBackward, nullptr, {}, next, through, first, end);
        convolve(layer.toSkipsBackward, nullptr, isLast ? Rows{} : through, skipGradient, through, skipFirst, end);
        for (int row = 0; row < channels; ++row)
          kernels.gateGradient({through.at(row, first), taped.gates.at(row, first),
                                taped.gates.at(channels + row, first), gradient.at(row, first),
                                gradient.at(channels + row, first), z.at(row, first), count});
        if (!isLast) {
          correlate(next.from(first), channels, z.from(first), channels, count, layer.residual,
                    following ? following->gates.from(first) : Rows{});
          correlate(next.from(first), channels, rows.ones.from(first), 1, count, layer.residualBias);
        }
        if (skipFirst < end)
          correlate(skipGradient.from(skipFirst), skips, z.from(skipFirst), channels, end - skipFirst, layer.skip,
                    following ? Rows{following->gates.at(channels, skipFirst), plan.stride} : Rows{});
        for (int part = first; part < end; part += kCorrelatedPart) {
          const int partCount = std::min(kCorrelatedPart, end - part);
          for (int tap = 0; tap < 2; ++tap) {
            const int back = 1 - tap;
            Rows ahead;
            if (part + partCount < end)
              ahead = taped.input.from(part + partCount - back * layer.dilation);
            else if (following != nullptr)
              ahead = following->input.from(first - back * plan.layers[size(index - 1)].dilation);
            correlate(gradient.from(part), gates, taped.input.from(part - back * layer.dilation), channels, partCount,
                      layer.taps + size(tap * gates * channels), ahead);
          }
        }
        correlate(gradient.from(first), gates, rows.ones.from(first), 1, count, layer.bias);
        if (condition > 0) {
          correlate(gradient.from(first), gates, rows.condition.from(first), condition, count, layer.condition);
          if (gradients.condition != nullptr)
            convolve(layer.mixBackward, nullptr, conditionGradient, gradient, conditionGradient, first, end);
        }
      }
      const int inputFirst = std::max(start, layer.inputFrom);
      if (inputFirst >= end)
        continue;
      if (!isLast)
        clear(next, channels, inputFirst, std::min(first, end));
      convolve(layer.backward, nullptr, isLast ? Rows{} : next, gradient, own, inputFirst, end);
      std::swap(next, own);
    }
    const int given = std::max(start, plan.lead);
    for (int row = 0; row < channels && given < end; ++row)
      std::copy(next.at(row, given), next.at(row, end), gradients.x + size(row) * size(frames) + (given - plan.lead));
  }

  for (int row = 0; row < condition && gradients.condition != nullptr; ++row)
    std::copy_n(conditionGradient.at(row, plan.lead), frames, gradients.condition + size(row) * size(frames));
  std::copy_n(sums, plan.numParameters, gradients.parameters);
  for (int index = 0; index < numAll; ++index) {
    const Layer& layer = plan.layers[size(index)];
    for (int o = 0; o < gates; ++o)
      for (int i = 0; i < channels; ++i)
        for (int tap = 0; tap < 2; ++tap)
          gradients.parameters[layer.taps + size((o * channels + i) * 2 + tap)] =
              sums[layer.taps + size((tap * gates + o) * channels + i)];
    for (int o = 0; o < skips; ++o)
      std::copy_n(sums + layer.skip + size(o * channels), channels,
                  gradients.parameters + plan.skips + size((o * numAll + index) * channels));
    if (gradients.biases != nullptr)
      std::copy_n(sums + layer.bias, gates, gradients.biases + size(index * gates));
  }
}

} // namespace

int GatedStackShape::past() const noexcept {
  int frames = 0;
  for (const int dilation : dilations)
    frames += dilation;
  return frames;
}

std::size_t GatedStackShape::numParameters() const noexcept {
  const std::size_t layers = dilations.size(), wide = size(channels);
  return layers * 2 * wide * (2 * wide + 1 + size(condition)) + (layers - 1) * wide * (wide + 1) +
         size(skips) * (layers * wide + 1);
}

class GatedStackTape {
 public:
  GatedStackTape(const GatedStackShape& shape, const float* parameters, int numSequences, int frames)
      : plan(shape, parameters, frames), batch(numSequences), memory(takeBuffer(plan.tapeFloats * size(numSequences))) {
  }

  Plan plan;
  int batch;
  Buffer memory;
};

void GatedStackTapeDeleter::operator()(GatedStackTape* tape) const noexcept { delete tape; }

GatedStackTapePointer runGatedStack(const GatedStackShape& shape, const float* parameters, const GatedStackInput& input,
                                    int batch, int frames, float* output, int threads) {
  GatedStackTapePointer tape(new GatedStackTape(shape, parameters, batch, frames));
  const Plan& plan = tape->plan;
  const std::size_t ofBiases = shape.dilations.size() * 2 * size(shape.channels);
  shareOut(batch, std::clamp(threads, 1, batch), [&](int sequence, int) {
    const std::size_t index = size(sequence);
    const GatedStackInput own{input.x + index * size(shape.channels) * size(frames),
                              input.condition ? input.condition + index * size(shape.condition) * size(frames)
                                              : nullptr,
                              input.biases ? input.biases + index * ofBiases : nullptr};
    playSequence(plan, own, tape->memory.get() + index * plan.tapeFloats,
                 output + index * size(shape.skips) * size(frames - plan.past));
  });
  return tape;
}

void runGatedStackBackward(const GatedStackTape& tape, const float* outputGradient,
                           const GatedStackGradients& gradients, int threads) {
  const Plan& plan = tape.plan;
  const int workers = std::clamp(threads, 1, tape.batch);
  const std::size_t workerFloats = plan.scratchFloats + plan.numParameters;
  const Buffer scratch = takeBuffer(workerFloats * size(workers));
  const Buffer parts = takeBuffer(plan.numParameters * size(tape.batch));
  const std::size_t frames = size(plan.total - plan.lead), ofOutput = frames - size(plan.past);
  const std::size_t ofBiases = plan.layers.size() * 2 * size(plan.shape.channels);
  shareOut(tape.batch, workers, [&](int sequence, int worker) {
    const std::size_t index = size(sequence);
    const GatedStackGradients own{
        gradients.x + index * size(plan.shape.channels) * frames,
        gradients.condition ? gradients.condition + index * size(plan.shape.condition) * frames : nullptr,
        gradients.biases ? gradients.biases + index * ofBiases : nullptr, parts.get() + index * plan.numParameters};
    playSequenceBackward(plan, tape.memory.get() + index * plan.tapeFloats,
                         outputGradient + index * size(plan.shape.skips) * ofOutput,
                         scratch.get() + size(worker) * workerFloats, own);
  });
  for (std::size_t index = 0; index < plan.numParameters; ++index) {
    double sum = 0.0;
    for (int sequence = 0; sequence < tape.batch; ++sequence)
      sum += double{parts[size(sequence) * plan.numParameters + index]};
    gradients.parameters[index] = static_cast<float>(sum);
  }
}

} // namespace fxtrain::kernels
