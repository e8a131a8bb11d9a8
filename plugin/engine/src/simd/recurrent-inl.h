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
  bool fast = false;      ///< approximate activations
  bool projected = false; ///< see RecurrentRun::inputs
  bool pipelined = false; ///< the sums of a pass are taken together with the cells of the pass before, all unrolled
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
    cell = divide(numerator, f * ig);
    // h <- tanh(c) / o
    V power, fraction;
    splitExp2(cell, power, fraction);
    const V po = power * o;
    return divide(negativeMultiplyAdd(power, fraction, V(1.0f) - power), multiplyAdd(fraction, po, o + po));
  }
};

/** sums: z, r, candidate; `input` is what the input adds to the candidate. */
struct GruCell {
  static constexpr CellType kType = CellType::gru;

  template <class V> static FXENGINE_INLINE V step(const V (&sums)[kNumRows], V input, V h, V&) {
    const V r = onePlusExp2(sums[1]);
    const V z = onePlusExp2(sums[0]);
    V numerator, denominator;
    tanhRatio(input + divide(sums[2], r), numerator, denominator);
    // h <- n + (h - n) / z = (n0 (z - 1) + h n1) / (n1 z)
    return divide(multiplyAdd(h, denominator, numerator * (z - V(1.0f))), denominator * z);
  }
};

/** LstmCell with fastTanhRatio(): a sigmoid is (1 + numerator / denominator) / 2. */
struct FastLstmCell {
  static constexpr CellType kType = CellType::lstm;

  template <class V> static FXENGINE_INLINE V step(const V (&sums)[kNumRows], V, V, V& cell) {
    V i0, i1, f0, f1, g0, g1, o0, o1, c0, c1;
    fastTanhRatio(sums[0], i0, i1);
    fastTanhRatio(sums[1], f0, f1);
    fastTanhRatio(sums[2], g0, g1);
    fastTanhRatio(sums[3], o0, o1);
    // c <- (f1 + f0) / 2 f1 c + (i1 + i0) / 2 i1 g0 / g1
    const V ig = i1 * g1;
    const V numerator = multiplyAdd((f1 + f0) * cell, ig, ((i1 + i0) * g0) * (V(-2.8853900817779268f) * f1));
    cell = divide(numerator, (f1 + f1) * ig);
    fastTanhRatio(cell, c0, c1);
    return divide((o1 + o0) * c0, (o1 + o1) * c1);
  }
};

/** GruCell with fastTanhRatio(). */
struct FastGruCell {
  static constexpr CellType kType = CellType::gru;

  template <class V> static FXENGINE_INLINE V step(const V (&sums)[kNumRows], V input, V h, V&) {
    V z0, z1, r0, r1, n0, n1;
    fastTanhRatio(sums[1], r0, r1);
    fastTanhRatio(sums[0], z0, z1);
    fastTanhRatio(input + divide((r1 + r0) * sums[2], r1 + r1), n0, n1);
    // h <- n + (z1 + z0) / 2 z1 (h - n)
    const V twice = z1 + z1;
    return divide(multiplyAdd(z1 + z0, h * n1 - n0, n0 * twice), twice * n1);
  }
};

/** Calls f(std::integral_constant<int, 0>{}) to n - 1. */
template <int n, class F> FXENGINE_INLINE void unrolled(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>)
      FXENGINE_INLINE_LAMBDA { (f(std::integral_constant<int, i>{}), ...); }(std::make_integer_sequence<int, n>{});
}

template <class Cell, class V, Shape S> class Recurrent {
 public:
  static constexpr int kLanes = static_cast<int>(V::size);
  static constexpr RecurrentLayout kLayout{kLanes, S.blocksPerPass, S.rotated, S.bfloat16};

  static void run(const RecurrentRun& run) noexcept {
    Recurrent player(run);
    if constexpr (S.pipelined && kPasses * kGroups > 1)
      player.runPipelined();
    else
      player.runInOrder();
    player.keepState();
  }

 private:
  static constexpr int kSums = numSums(Cell::kType);
  static constexpr int kRow = kNumRows * kLanes; // floats of input weights per block
  static constexpr int kGroups = S.numStreams / S.sharedStreams;
  static constexpr int kFixedBlocks = S.hiddenSize > 0 ? kLayout.numBlocks(S.hiddenSize) : 0;
  static constexpr int kPasses = (kFixedBlocks + S.blocksPerPass - 1) / S.blocksPerPass; // 0: known at run time
  static constexpr bool kSinglePass = kPasses == 1;

  /** The arguments as values of its own, which stores of floats cannot change. */
  explicit FXENGINE_INLINE Recurrent(const RecurrentRun& run) noexcept
      : run_(run), blocks_(kFixedBlocks > 0 ? kFixedBlocks : kLayout.numBlocks(run.hiddenSize)),
        steps_(kLayout.numSteps(kFixedBlocks > 0 ? S.hiddenSize : run.hiddenSize)),
        padded_(static_cast<std::ptrdiff_t>(blocks_) * kLanes) {
    FXENGINE_UNROLL(4)
    for (int s = 0; s < S.numStreams; ++s) {
      states_[s] = run.states[s];
      inputs_[s] = run.inputs[s];
      outputs_[s] = run.outputs[s];
    }
  }

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
  FXENGINE_INLINE void multiply(const float* weights, const float* (&h)[S.sharedStreams], Sums<blocks>& sums) const {
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
      if constexpr (kFixedBlocks > 0 && (S.pipelined || kFixedBlocks <= 3))
        unrolled<kFixedBlocks>([&](auto b) FXENGINE_INLINE_LAMBDA { block(b); });
      else
        for (int b = 0; b < blocks_; ++b)
          block(b);
    } else {
      constexpr int kFixedSteps = kFixedBlocks > 0 ? kLayout.numSteps(S.hiddenSize) : 0;
      constexpr int kStepsAtOnce = S.split > kStepsPerVector ? S.split : kStepsPerVector;
      static_assert(kFixedSteps % kStepsAtOnce == 0);
      const auto steps = [&](int j) FXENGINE_INLINE_LAMBDA {
        unrolled<kStepsAtOnce / kStepsPerVector>([&](auto k) FXENGINE_INLINE_LAMBDA {
          accumulate<blocks, k * kStepsPerVector>(weights + (j / kStepsPerVector + k) * kStride, sums,
                                                  [&](int s, auto step)
                                                      FXENGINE_INLINE_LAMBDA { return V::broadcast(h[s][j + step]); });
        });
      };
      if constexpr (S.pipelined) {
        unrolled<kFixedSteps / kStepsAtOnce>([&](auto j) FXENGINE_INLINE_LAMBDA { steps(j * kStepsAtOnce); });
      } else {
        FXENGINE_UNROLL(4)
        for (int j = 0; j < steps_; j += kStepsAtOnce)
          steps(j);
      }
    }
  }

  /** The old state in frame t, and the new one. Passes of one frame all read the old state; a single pass reads it
      whole before it writes. */
  FXENGINE_INLINE std::ptrdiff_t oldState(int t) const { return kSinglePass || t % 2 == 0 ? 0 : padded_; }
  FXENGINE_INLINE std::ptrdiff_t newState(int t) const { return kSinglePass || t % 2 != 0 ? 0 : padded_; }

  /** What a pass has come to before its cells: all blocks and streams side by side. */
  template <int blocks> struct Pass {
    static constexpr int kParts = blocks * S.sharedStreams;
    Group<V, kParts> sums[kNumRows];
    Group<V, kParts> input; // what the input adds to a GRU's candidate
  };

  /** Sums of `blocks` blocks from `first` on, for the streams from `stream` on. */
  template <int blocks> FXENGINE_INLINE Pass<blocks> sum(int t, int stream, int first) const {
    using Parts = Group<V, Pass<blocks>::kParts>;
    V x[S.sharedStreams];
    const float* h[S.sharedStreams];
    FXENGINE_UNROLL(4)
    for (int s = 0; s < S.sharedStreams; ++s) {
      h[s] = states_[stream + s] + oldState(t);
      if constexpr (!S.projected)
        x[s] = clampFloat(V::broadcast(inputs_[stream + s][t]), -run_.inputLimit, run_.inputLimit);
    }
    const auto inputRow = [&](int s, int u, int row) FXENGINE_INLINE_LAMBDA {
      const std::ptrdiff_t at = (first + u) * kRow + row * kLanes;
      if constexpr (S.projected)
        return load<V>(inputs_[stream + s] + t * padded_ * kNumRows + at);
      else
        return multiplyAdd(load<V>(run_.inputWeights + at), x[s], load<V>(run_.bias + at));
    };
    Sums<blocks> sums;
    forEachSum<blocks>([&](int u, int g, int s, int part) FXENGINE_INLINE_LAMBDA {
      if (part > 0)
        sums[u][g][s][part] = V(0.0f);
      else if (Cell::kType == CellType::gru && g == 2)
        sums[u][g][s][part] = load<V>(run_.bias + (first + u) * kRow + g * kLanes);
      else
        sums[u][g][s][part] = inputRow(s, u, g);
    });
    const std::ptrdiff_t perBlock = static_cast<std::ptrdiff_t>(steps_ / kStepsPerVector) * kSums * kLanes;
    multiply<blocks>(run_.weights + first * perBlock, h, sums);
    forEachSum<blocks>([&](int u, int g, int s, int part) FXENGINE_INLINE_LAMBDA { settle(sums[u][g][s][part]); });
    if constexpr (S.pipelined)
      keepOrder();

    Pass<blocks> pass;
    FXENGINE_UNROLL(4)
    for (int g = 0; g < kSums; ++g)
      pass.sums[g] = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA {
        auto& parts = sums[k / S.sharedStreams][g][k % S.sharedStreams];
        V total = parts[0];
        if constexpr (S.split == 2)
          total = parts[0] + parts[1];
        if constexpr (S.split == 4)
          total = (parts[0] + parts[1]) + (parts[2] + parts[3]);
        if constexpr (S.bfloat16) // weights of 16 bits have no room for the scale
          total = total * V(argumentScale(g));
        return total;
      });
    if constexpr (Cell::kType == CellType::gru)
      pass.input = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA {
        const V row = inputRow(k % S.sharedStreams, k / S.sharedStreams, 3);
        return S.bfloat16 ? row * V(argumentScale(2)) : row;
      });
    return pass;
  }

  /** f(block, sum, stream, part) for all sums of a pass. */
  template <int blocks, class F> static FXENGINE_INLINE void forEachSum(F&& f) {
    FXENGINE_UNROLL(8)
    for (int u = 0; u < blocks; ++u) {
      FXENGINE_UNROLL(4)
      for (int g = 0; g < kSums; ++g) {
        FXENGINE_UNROLL(4)
        for (int s = 0; s < S.sharedStreams; ++s) {
          FXENGINE_UNROLL(4)
          for (int part = 0; part < S.split; ++part)
            f(u, g, s, part);
        }
      }
    }
  }

  /** From the sums to the new state. */
  template <int blocks> FXENGINE_INLINE void finish(const Pass<blocks>& pass, int t, int stream, int first) {
    constexpr int kParts = Pass<blocks>::kParts;
    using Parts = Group<V, kParts>;
    const auto stateOf = [&](int k) FXENGINE_INLINE_LAMBDA {
      return states_[stream + k % S.sharedStreams] + static_cast<std::ptrdiff_t>(first + k / S.sharedStreams) * kLanes;
    };
    Parts old, cell;
    if constexpr (Cell::kType == CellType::gru)
      old = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA { return load<V>(stateOf(k) + oldState(t)); });
    else
      cell = Parts::make([&](int k) FXENGINE_INLINE_LAMBDA { return load<V>(stateOf(k) + 2 * padded_); });
    const Parts next = Cell::step(pass.sums, pass.input, old, cell);
    V headSum[S.sharedStreams];
    FXENGINE_UNROLL(8)
    for (int k = 0; k < kParts; ++k) {
      float* state = stateOf(k);
      next.parts[k].store_aligned(state + newState(t));
      if constexpr (Cell::kType == CellType::lstm)
        cell.parts[k].store_aligned(state + 2 * padded_);
      if constexpr (kSinglePass) {
        const int s = k % S.sharedStreams;
        if (run_.head != nullptr) {
          const V weighted = next.parts[k] * load<V>(run_.head + k / S.sharedStreams * kLanes);
          headSum[s] = k < S.sharedStreams
                           ? weighted
                           : multiplyAdd(next.parts[k], load<V>(run_.head + k / S.sharedStreams * kLanes), headSum[s]);
        }
      }
    }
    if constexpr (kSinglePass)
      putOut(t, stream, headSum);
  }

  /** Output of a frame whose state is complete; `headSum` is there for a single pass only. */
  FXENGINE_INLINE void putOut(int t, int stream, V (&headSum)[S.sharedStreams]) {
    FXENGINE_UNROLL(4)
    for (int s = 0; s < S.sharedStreams; ++s) {
      const float* h = states_[stream + s] + newState(t);
      if (run_.head == nullptr) {
        float* output = outputs_[stream + s] + static_cast<std::ptrdiff_t>(t) * run_.outputStride;
        for (std::ptrdiff_t at = 0; at < padded_; at += kLanes)
          load<V>(h + at).store_aligned(output + at);
        continue;
      }
      if constexpr (!kSinglePass) {
        headSum[s] = load<V>(h) * load<V>(run_.head);
        for (std::ptrdiff_t at = kLanes; at < padded_; at += kLanes)
          headSum[s] = multiplyAdd(load<V>(h + at), load<V>(run_.head + at), headSum[s]);
      }
      outputs_[stream + s][t] = sumOfLanes(headSum[s]) + run_.headBias;
    }
  }

  /** Blocks in pass `index`, where that is known at compile time. */
  static constexpr int blocksIn(int index) {
    const int rest = kFixedBlocks - index * S.blocksPerPass;
    return rest < S.blocksPerPass ? rest : S.blocksPerPass;
  }

  /** One pass after the other, the sums and then the cells. */
  FXENGINE_INLINE void runInOrder() {
    const int fullPasses = blocks_ / S.blocksPerPass;
    const int numPasses = (blocks_ + S.blocksPerPass - 1) / S.blocksPerPass;
    for (int t = 0; t < run_.numFrames; ++t) {
      FXENGINE_UNROLL(4)
      for (int stream = 0; stream < S.numStreams; stream += S.sharedStreams) {
        if constexpr (kSinglePass) {
          finish<kFixedBlocks>(sum<kFixedBlocks>(t, stream, 0), t, stream, 0);
        } else {
          const bool backwards = S.zigzag && t % 2 != 0;
          for (int p = 0; p < numPasses; ++p) {
            const int index = backwards ? numPasses - 1 - p : p;
            const int first = index * S.blocksPerPass;
            if (index < fullPasses) {
              finish<S.blocksPerPass>(sum<S.blocksPerPass>(t, stream, first), t, stream, first);
            } else if constexpr (kFixedBlocks > 0) {
              constexpr int kRest = blocksIn(kPasses - 1);
              finish<kRest>(sum<kRest>(t, stream, first), t, stream, first);
            } else {
              withBlocks<S.blocksPerPass - 1>(blocks_ - first, [&](auto blocks) FXENGINE_INLINE_LAMBDA {
                finish<blocks>(sum<blocks>(t, stream, first), t, stream, first);
              });
            }
          }
          V headSum[S.sharedStreams];
          putOut(t, stream, headSum);
        }
      }
    }
  }

  /** f(std::integral_constant<int, blocks>{}) for a number that is known at run time. */
  template <int most, class F> static FXENGINE_INLINE void withBlocks(int blocks, F&& f) {
    unrolled<most>([&](auto index) FXENGINE_INLINE_LAMBDA {
      if (blocks == index + 1)
        f(std::integral_constant<int, index + 1>{});
    });
  }

  // A turn is one pass of one group of streams; a frame has kPasses * kGroups of them.
  static constexpr int kTurnsOfGroup = kPasses > 0 ? kPasses : 1;
  static constexpr int kTurns = kTurnsOfGroup * kGroups;
  static constexpr int streamOf(int turn) { return turn / kTurnsOfGroup * S.sharedStreams; }
  static constexpr int firstOf(int turn) { return turn % kTurnsOfGroup * S.blocksPerPass; }
  template <int turn> using TurnPass = Pass<blocksIn(turn % kTurnsOfGroup)>;

  template <int turn> FXENGINE_INLINE TurnPass<turn> sumTurn(int t) const {
    return sum<blocksIn(turn % kTurnsOfGroup)>(t, streamOf(turn), firstOf(turn));
  }
  template <int turn> FXENGINE_INLINE void finishTurn(const TurnPass<turn>& pass, int t) {
    finish<blocksIn(turn % kTurnsOfGroup)>(pass, t, streamOf(turn), firstOf(turn));
    if constexpr (!kSinglePass && turn % kTurnsOfGroup == kTurnsOfGroup - 1) {
      V headSum[S.sharedStreams];
      putOut(t, streamOf(turn), headSum);
    }
  }

  /** Turns `turn` to the last of frame t, given the sums of the turn before; returns the sums of the last. */
  template <int turn> FXENGINE_INLINE TurnPass<kTurns - 1> restOfFrame(const TurnPass<turn - 1>& before, int t) {
    const TurnPass<turn> sums = sumTurn<turn>(t);
    finishTurn<turn - 1>(before, t);
    if constexpr (turn + 1 < kTurns)
      return restOfFrame<turn + 1>(sums, t);
    else
      return sums;
  }

  /** The sums of a turn need nothing of the turn before (another stream, or other units of the same frame), so the
     cells of that one, a long chain of dependent operations, are worked out beside them. Only with a single stream does
      the first turn of a frame need the last of the frame before. */
  FXENGINE_INLINE void runPipelined() {
    const int last = run_.numFrames - 1;
    if (last < 0)
      return;
    TurnPass<0> first = sumTurn<0>(0);
    for (int t = 0; t <= last; ++t) {
      const TurnPass<kTurns - 1> sums = restOfFrame<1>(first, t);
      const int next = t < last ? t + 1 : t; // after the last frame, sums that nobody asks for
      if constexpr (kGroups == 1) {
        finishTurn<kTurns - 1>(sums, t);
        first = sumTurn<0>(next);
      } else {
        first = sumTurn<0>(next);
        finishTurn<kTurns - 1>(sums, t);
      }
    }
  }

  /** The next call looks for the state in the first place. */
  FXENGINE_INLINE void keepState() {
    if (kSinglePass || run_.numFrames % 2 == 0)
      return;
    for (int s = 0; s < S.numStreams; ++s)
      for (std::ptrdiff_t at = 0; at < padded_; at += kLanes)
        load<V>(states_[s] + padded_ + at).store_aligned(states_[s] + at);
  }

  const RecurrentRun run_;
  const int blocks_;
  const int steps_;
  const std::ptrdiff_t padded_;
  float* states_[S.numStreams];
  const float* inputs_[S.numStreams];
  float* outputs_[S.numStreams];
};

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
