// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/activations-inl.h"
#include "simd/recurrent.h"

#include <type_traits>
#include <utility>

/** Recurrent layers, frame by frame: a product of matrix and state, then the cell.

    A block of units is a vector; all its sums stay in registers from the first weight to the new state. The order of
    the additions depends on layout.lanes, layout.rotated and `split` alone, so that the same model gives the same bits
    with any number of streams. */
namespace fxengine::simd::FXENGINE_SIMD_ISA {

/** How a kernel is made; see RecurrentLayout for what the weights have to do with it. */
struct Shape {
  int hiddenSize = 0; ///< 0: known at run time only
  int blocksPerPass = 1;
  int split = 1;         ///< partial sums per sum, taken up in turn: shorter chains of additions for small layers
  int sharedStreams = 1; ///< streams that use a weight while it is in a register
  int numStreams = 1;    ///< streams that take turns within a frame, to fill each other's waiting times
  bool rotated = false;
  bool bfloat16 = false;
  bool projected = false; ///< see RecurrentRun::inputs
  bool zigzag = false;    ///< passes in alternating order: what a frame read last is still in the cache for the next
};

/** sums: i, f, g, o, scaled as activations-inl.h says. */
struct LstmCell {
  static constexpr CellType kType = CellType::lstm;

  /** Takes the cell to its next value, kept times -2 log2(e) as its tanh wants it, and returns h. */
  template <class V> static FXENGINE_INLINE V step(const V (&sums)[kNumRows], V, V, V& cell) {
    const V i = onePlusExp2(sums[0]);
    const V f = onePlusExp2(sums[1]);
    const V o = onePlusExp2(sums[3]);
    V gNumerator, gDenominator;
    tanhRatio(sums[2], gNumerator, gDenominator);
    // c <- c / f + g / i, one division: (c i g1 + g0 f) / (f i g1)
    const V ig = i * gDenominator;
    const V numerator = multiplyAdd(cell, ig, gNumerator * (V(-2.8853900817779268f) * f));
    cell = numerator / (f * ig);
    // h <- tanh(c) / o
    V power, fraction;
    splitExp2(cell, power, fraction);
    const V po = power * o;
    return negativeMultiplyAdd(power, fraction, V(1.0f) - power) / multiplyAdd(fraction, po, o + po);
  }
};

/** sums: z, r, candidate; `input` is what the input adds to the candidate. */
struct GruCell {
  static constexpr CellType kType = CellType::gru;

  template <class V> static FXENGINE_INLINE V step(const V (&sums)[kNumRows], V input, V h, V&) {
    const V r = onePlusExp2(sums[1]);
    const V z = onePlusExp2(sums[0]);
    V numerator, denominator;
    tanhRatio(input + sums[2] / r, numerator, denominator);
    // h <- n + (h - n) / z = (n0 (z - 1) + h n1) / (n1 z)
    return multiplyAdd(h, denominator, numerator * (z - V(1.0f))) / (denominator * z);
  }
};

/** Calls f(std::integral_constant<int, 0>{}) to n - 1. */
template <int n, class F> FXENGINE_INLINE void unrolled(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>)
      FXENGINE_INLINE_LAMBDA { (f(std::integral_constant<int, i>{}), ...); }(std::make_integer_sequence<int, n>{});
}

template <class Cell, class V, Shape S> struct Recurrent {
  static constexpr int kLanes = static_cast<int>(V::size);
  static constexpr int kSums = numSums(Cell::kType);
  static constexpr int kRow = kNumRows * kLanes; // floats of input weights per block
  static constexpr RecurrentLayout kLayout{kLanes, S.blocksPerPass, S.rotated, S.bfloat16};
  static constexpr int kFixedBlocks = S.hiddenSize > 0 ? kLayout.numBlocks(S.hiddenSize) : 0;
  static constexpr bool kSinglePass = kFixedBlocks > 0 && kFixedBlocks <= S.blocksPerPass;

  struct Sizes {
    int blocks, steps;
    explicit Sizes(int hiddenSize) : blocks(kLayout.numBlocks(hiddenSize)), steps(kLayout.numSteps(hiddenSize)) {}
  };

  /** One or two weights per lane, for one step or two. */
  static FXENGINE_INLINE void readWeights(const float* from, V& earlier, V& later) {
    const Integers<V> both = bitsOf(load<V>(from));
    earlier = fromBits<V>(both & Integers<V>(static_cast<std::int32_t>(0xffff0000u)));
    later = fromBits<V>(both << 16);
  }

  template <int blocks> using Sums = V[blocks][kSums][S.sharedStreams][S.split];

  /** Adds one step (two with bfloat16) to all sums of a pass; `state` gives a stream's state for it. */
  template <int blocks, int step, class State>
  static FXENGINE_INLINE void accumulate(const float* weights, Sums<blocks>& sums, State&& state) {
    if constexpr (S.bfloat16) {
      V earlier[S.sharedStreams], later[S.sharedStreams];
      FXENGINE_UNROLL(4)
      for (int s = 0; s < S.sharedStreams; ++s) {
        earlier[s] = state(s, std::integral_constant<int, step>{});
        later[s] = state(s, std::integral_constant<int, step + 1>{});
      }
      FXENGINE_UNROLL(8)
      for (int u = 0; u < blocks; ++u)
        FXENGINE_UNROLL(4)
      for (int g = 0; g < kSums; ++g) {
        V first, second;
        readWeights(weights + (u * kSums + g) * kLanes, first, second);
        FXENGINE_UNROLL(4)
        for (int s = 0; s < S.sharedStreams; ++s) {
          V& even = sums[u][g][s][step % S.split];
          even = multiplyAdd(first, earlier[s], even);
          V& odd = sums[u][g][s][(step + 1) % S.split];
          odd = multiplyAdd(second, later[s], odd);
        }
      }
    } else {
      V h[S.sharedStreams];
      FXENGINE_UNROLL(4)
      for (int s = 0; s < S.sharedStreams; ++s)
        h[s] = state(s, std::integral_constant<int, step>{});
      FXENGINE_UNROLL(8)
      for (int u = 0; u < blocks; ++u)
        FXENGINE_UNROLL(4)
      for (int g = 0; g < kSums; ++g) {
        const V w = load<V>(weights + (u * kSums + g) * kLanes);
        FXENGINE_UNROLL(4)
        for (int s = 0; s < S.sharedStreams; ++s)
          sums[u][g][s][step % S.split] = multiplyAdd(w, h[s], sums[u][g][s][step % S.split]);
      }
    }
  }

  static constexpr int kStepsPerVector = S.bfloat16 ? 2 : 1;

  /** weights^T h for the blocks of one pass. */
  template <int blocks>
  static FXENGINE_INLINE void multiply(const float* weights, const float* (&h)[S.sharedStreams], Sizes sizes,
                                       Sums<blocks>& sums) {
    constexpr int kStride = blocks * kSums * kLanes; // floats of weights per step, or per two
    if constexpr (S.rotated) {
      const auto block = [&](int b) FXENGINE_INLINE_LAMBDA {
        const float* w = weights + static_cast<std::ptrdiff_t>(b) * (kLanes / kStepsPerVector) * kStride;
        unrolled<kLanes / 4>([&](auto group) FXENGINE_INLINE_LAMBDA {
          V turned[S.sharedStreams];
          FXENGINE_UNROLL(4)
          for (int s = 0; s < S.sharedStreams; ++s)
            turned[s] = rotateGroups<group>(load<V>(h[s] + b * kLanes));
          unrolled<4 / kStepsPerVector>([&](auto k) FXENGINE_INLINE_LAMBDA {
            accumulate<blocks, k * kStepsPerVector>(
                w + (group * (4 / kStepsPerVector) + k) * kStride, sums,
                [&](int s, auto step) FXENGINE_INLINE_LAMBDA { return rotateInGroups<step>(turned[s]); });
          });
        });
      };
      if constexpr (kFixedBlocks > 0 && kFixedBlocks <= 3)
        unrolled<kFixedBlocks>([&](auto b) FXENGINE_INLINE_LAMBDA { block(b); });
      else
        for (int b = 0; b < (kFixedBlocks > 0 ? kFixedBlocks : sizes.blocks); ++b)
          block(b);
    } else {
      constexpr int kFixedSteps = S.hiddenSize > 0 ? kLayout.numSteps(S.hiddenSize) : 0;
      constexpr int kStepsAtOnce = S.split > kStepsPerVector ? S.split : kStepsPerVector;
      static_assert(kFixedSteps % kStepsAtOnce == 0);
      const int steps = kFixedSteps > 0 ? kFixedSteps : sizes.steps;
      const float* w = weights;
      FXENGINE_UNROLL(4)
      for (int j = 0; j < steps; j += kStepsAtOnce) {
        unrolled<kStepsAtOnce / kStepsPerVector>([&](auto k) FXENGINE_INLINE_LAMBDA {
          accumulate<blocks, k * kStepsPerVector>(
              w, sums, [&](int s, auto step) FXENGINE_INLINE_LAMBDA { return V::broadcast(h[s][j + step]); });
          w += kStride;
        });
      }
    }
  }

  /** New state of `blocks` blocks from `first` on, for the streams from `stream` on. */
  template <int blocks>
  static FXENGINE_INLINE void pass(const RecurrentRun& run, Sizes sizes, int t, int stream, int first,
                                   std::ptrdiff_t oldState, std::ptrdiff_t newState, V (&headSum)[S.sharedStreams]) {
    Sums<blocks> sums;
    V x[S.sharedStreams];
    const float* h[S.sharedStreams];
    FXENGINE_UNROLL(4)
    for (int s = 0; s < S.sharedStreams; ++s) {
      h[s] = run.states[stream + s] + oldState;
      if constexpr (!S.projected) {
        const V limit(run.inputLimit);
        x[s] = xsimd::min(xsimd::max(V::broadcast(run.inputs[stream + s][t]), -limit), limit);
      }
    }
    const auto inputRow = [&](int s, int u, int row) FXENGINE_INLINE_LAMBDA {
      const std::ptrdiff_t at = (first + u) * kRow + row * kLanes;
      if constexpr (S.projected)
        return load<V>(run.inputs[stream + s] + static_cast<std::ptrdiff_t>(t) * sizes.blocks * kRow + at);
      else
        return multiplyAdd(load<V>(run.inputWeights + at), x[s], load<V>(run.bias + at));
    };
    FXENGINE_UNROLL(8)
    for (int u = 0; u < blocks; ++u)
      FXENGINE_UNROLL(4)
    for (int g = 0; g < kSums; ++g)
      FXENGINE_UNROLL(4)
    for (int s = 0; s < S.sharedStreams; ++s) {
      sums[u][g][s][0] = Cell::kType == CellType::gru && g == 2 ? load<V>(run.bias + (first + u) * kRow + g * kLanes)
                                                                : inputRow(s, u, g);
      FXENGINE_UNROLL(4)
      for (int part = 1; part < S.split; ++part)
        sums[u][g][s][part] = V(0.0f);
    }

    const std::ptrdiff_t perBlock = static_cast<std::ptrdiff_t>(sizes.steps / kStepsPerVector) * kSums * kLanes;
    multiply<blocks>(run.weights + first * perBlock, h, sizes, sums);

    FXENGINE_UNROLL(8)
    for (int u = 0; u < blocks; ++u)
      FXENGINE_UNROLL(4)
    for (int g = 0; g < kSums; ++g)
      FXENGINE_UNROLL(4)
    for (int s = 0; s < S.sharedStreams; ++s)
      FXENGINE_UNROLL(4)
    for (int part = 0; part < S.split; ++part)
      settle(sums[u][g][s][part]);

    // All blocks and streams of the pass side by side.
    constexpr int kParts = blocks * S.sharedStreams;
    using Parts = Group<V, kParts>;
    Parts z[kNumRows];
    FXENGINE_UNROLL(4)
    for (int g = 0; g < kSums; ++g)
      z[g] = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA {
        auto& parts = sums[k / S.sharedStreams][g][k % S.sharedStreams];
        V sum = parts[0];
        if constexpr (S.split == 2)
          sum = parts[0] + parts[1];
        if constexpr (S.split == 4)
          sum = (parts[0] + parts[1]) + (parts[2] + parts[3]);
        if constexpr (S.bfloat16) // weights of 16 bits have no room for the scale
          sum = sum * V(argumentScale(g));
        return sum;
      });
    const auto unitsOf = [&](int k) FXENGINE_INLINE_LAMBDA {
      return static_cast<std::ptrdiff_t>(first + k / S.sharedStreams) * kLanes;
    };
    const std::ptrdiff_t cellState = 2 * static_cast<std::ptrdiff_t>(sizes.blocks) * kLanes;
    Parts input, old, cell;
    if constexpr (Cell::kType == CellType::gru) {
      input = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA {
        const V row = inputRow(k % S.sharedStreams, k / S.sharedStreams, 3);
        return S.bfloat16 ? row * V(argumentScale(2)) : row;
      });
      old = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA { return load<V>(h[k % S.sharedStreams] + unitsOf(k)); });
    } else {
      cell = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA {
        return load<V>(run.states[stream + k % S.sharedStreams] + cellState + unitsOf(k));
      });
    }
    const Parts next = Cell::step(z, input, old, cell);
    FXENGINE_UNROLL(8)
    for (int k = 0; k < kParts; ++k) {
      const int s = k % S.sharedStreams;
      float* state = run.states[stream + s];
      next.parts[k].store_aligned(state + newState + unitsOf(k));
      if constexpr (Cell::kType == CellType::lstm)
        cell.parts[k].store_aligned(state + cellState + unitsOf(k));
      if constexpr (kSinglePass)
        if (run.head != nullptr)
          headSum[s] = multiplyAdd(next.parts[k], load<V>(run.head + unitsOf(k)), headSum[s]);
    }
  }

  /** Run-time number of blocks in the last pass. */
  template <int most, class F> static FXENGINE_INLINE void withBlocks(int blocks, F&& f) {
    unrolled<most>([&](auto index) FXENGINE_INLINE_LAMBDA {
      if (blocks == index + 1)
        f(std::integral_constant<int, index + 1>{});
    });
  }

  static void run(const RecurrentRun& run) noexcept {
    const Sizes sizes(S.hiddenSize > 0 ? S.hiddenSize : run.hiddenSize);
    const std::ptrdiff_t padded = static_cast<std::ptrdiff_t>(sizes.blocks) * kLanes;
    const int fullPasses = sizes.blocks / S.blocksPerPass;
    const int numPasses = (sizes.blocks + S.blocksPerPass - 1) / S.blocksPerPass;
    constexpr int kFixedRest = kFixedBlocks % S.blocksPerPass;
    std::ptrdiff_t oldState = 0;
    std::ptrdiff_t newState = kSinglePass ? 0 : padded;
    for (int t = 0; t < run.numFrames; ++t) {
      FXENGINE_UNROLL(4)
      for (int stream = 0; stream < S.numStreams; stream += S.sharedStreams) {
        V headSum[S.sharedStreams];
        FXENGINE_UNROLL(4)
        for (int s = 0; s < S.sharedStreams; ++s)
          headSum[s] = V(0.0f);
        if constexpr (kSinglePass) {
          pass<kFixedBlocks>(run, sizes, t, stream, 0, oldState, newState, headSum);
        } else {
          const bool backwards = S.zigzag && t % 2 != 0;
          for (int p = 0; p < numPasses; ++p) {
            const int at = backwards ? numPasses - 1 - p : p;
            const int first = at * S.blocksPerPass;
            if (at < fullPasses)
              pass<S.blocksPerPass>(run, sizes, t, stream, first, oldState, newState, headSum);
            else if constexpr (kFixedBlocks > 0)
              pass<(kFixedRest > 0 ? kFixedRest : 1)>(run, sizes, t, stream, first, oldState, newState, headSum);
            else
              withBlocks<S.blocksPerPass - 1>(sizes.blocks - first, [&](auto blocks) FXENGINE_INLINE_LAMBDA {
                pass<blocks>(run, sizes, t, stream, first, oldState, newState, headSum);
              });
          }
        }
        putOut(run, sizes, t, stream, newState, headSum);
      }
      if constexpr (!kSinglePass)
        std::swap(oldState, newState);
    }
    if (oldState != 0) { // the next call looks for the state in the first place
      for (int s = 0; s < S.numStreams; ++s)
        for (std::ptrdiff_t at = 0; at < padded; at += kLanes)
          load<V>(run.states[s] + oldState + at).store_aligned(run.states[s] + at);
    }
  }

  static FXENGINE_INLINE void putOut(const RecurrentRun& run, Sizes sizes, int t, int stream, std::ptrdiff_t newState,
                                     V (&headSum)[S.sharedStreams]) {
    FXENGINE_UNROLL(4)
    for (int s = 0; s < S.sharedStreams; ++s) {
      const float* h = run.states[stream + s] + newState;
      if (run.head == nullptr) {
        float* output = run.outputs[stream + s] + static_cast<std::ptrdiff_t>(t) * run.outputStride;
        for (int at = 0; at < sizes.blocks * kLanes; at += kLanes)
          load<V>(h + at).store_aligned(output + at);
        continue;
      }
      if constexpr (!kSinglePass)
        for (int at = 0; at < sizes.blocks * kLanes; at += kLanes)
          headSum[s] = multiplyAdd(load<V>(h + at), load<V>(run.head + at), headSum[s]);
      run.outputs[stream + s][t] = sumOfLanes(headSum[s]) + run.headBias;
    }
  }
};

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
