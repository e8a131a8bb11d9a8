// SPDX-License-Identifier: MIT
/** What tells one cell from another.

    Every cell is four rows per hidden unit of one matrix with the columns [h, x, 1]. Only the first kHiddenGates of
   them meet h. `gates` holds four saved values per unit; `activate` writes them and `differentiate` reads them. */
#pragma once

#include "lanes.h"
#include "recurrent.h"

namespace fxtrain::kernels::FXENGINE_SIMD_ISA {

constexpr int kGateRows = 4;
/** Of a state's gradient, back through time. In silence, zero state is a fixed point, and while a network learns it may
    be unstable: the gradient then grows with each frame, until infinity times the zeros there is NaN. In training,
    where losses are means over thousands of frames, other gradients of states stay below 1.

    Source: Graves, "Generating sequences with recurrent neural networks", 2013, section 2.1. */
constexpr float kLargestStateGradient = 1e4f;
constexpr int kVectors = kLanes / kVectorLanes; ///< vectors per row of kLanes floats

enum class Column { hidden, input, bias };

/** Not a number stays so: of two operands, x86 returns the second where one is none. */
FXENGINE_INLINE Vec held(Vec stateGradient) {
  return xsimd::min(Vec(kLargestStateGradient), xsimd::max(Vec(-kLargestStateGradient), stateGradient));
}

/** PyTorch's LSTM. Rows and saved values: i, f, g, o. */
struct LstmCell {
  static constexpr int kGates = 4;
  static constexpr int kHiddenGates = 4;
  static constexpr bool kHasCell = true;

  static double scale(int gate) { return gate == 2 ? kTanhScale : kSigmoidScale; }

  static float weight(const Parameters& parameters, const Shape& shape, int gate, int unit, Column kind, int column) {
    const std::ptrdiff_t row = gate * shape.hidden + unit;
    if (kind == Column::hidden)
      return parameters.recurrentWeight[row * shape.hidden + column];
    if (kind == Column::input)
      return parameters.inputWeight[row * shape.inputs + column];
    return parameters.inputBias[row];
  }

  static void setGradient(const Gradients& gradients, const Shape& shape, int gate, int unit, Column kind, int column,
                          float value) {
    const std::ptrdiff_t row = gate * shape.hidden + unit;
    if (kind == Column::hidden)
      gradients.recurrentWeight[row * shape.hidden + column] = value;
    else if (kind == Column::input)
      gradients.inputWeight[row * shape.inputs + column] = value;
    else
      gradients.inputBias[row] = value;
  }

  /** c' = f c + i g; returns h' = o tanh(c'). */
  FXENGINE_INLINE static Vec activate(Vec i, Vec f, Vec g, Vec o, float* gates, Vec, const float* cell,
                                      float* nextCell) {
    i = sigmoidOf(i);
    f = sigmoidOf(f);
    g = tanhOf(g);
    o = sigmoidOf(o);
    store(gates, i);
    store(gates + kLanes, f);
    store(gates + 2 * kLanes, g);
    store(gates + 3 * kLanes, o);
    const Vec c = multiplyAdd(f, load(cell), i * g);
    store(nextCell, c);
    return o * tanhOf(c * static_cast<float>(kTanhScale));
  }

  /** From dh, the gradient of `nextHidden`, to those of the four rows. `carry` holds dc. tanh(c') is h' / o. */
  FXENGINE_INLINE static void differentiate(Vec dh, const float* gates, Vec, Vec nextHidden, const float* cell,
                                            float* carry, Vec (&rows)[kGateRows]) {
    const Vec i = load(gates), f = load(gates + kLanes), g = load(gates + 2 * kLanes), o = load(gates + 3 * kLanes);
    const Vec tanhCell = nextHidden * reciprocal(o);
    const Vec dc = held(multiplyAdd(dh, negativeMultiplyAdd(nextHidden, tanhCell, o), load(carry)));
    const Vec toInput = dc * i;
    const Vec toInputGate = toInput * g;
    const Vec toCell = dc * f;
    const Vec toForgetGate = toCell * load(cell);
    const Vec toOutputGate = dh * nextHidden;
    store(carry, toCell);
    rows[0] = negativeMultiplyAdd(toInputGate, i, toInputGate);
    rows[1] = negativeMultiplyAdd(toForgetGate, f, toForgetGate);
    rows[2] = negativeMultiplyAdd(toInputGate, g, toInput);
    rows[3] = negativeMultiplyAdd(toOutputGate, o, toOutputGate);
  }
};

/** PyTorch's GRU. Rows: r, z, then the two parts of n = tanh(x_n + r h_n): h_n = W_hn h + b_hn and x_n = W_in x + b_in.
    Saved values: r, z, n, h_n. */
struct GruCell {
  static constexpr int kGates = 3;
  static constexpr int kHiddenGates = 3;
  static constexpr bool kHasCell = false;

  static double scale(int gate) { return gate >= 2 ? kTanhScale : kSigmoidScale; }

  static float weight(const Parameters& parameters, const Shape& shape, int gate, int unit, Column kind, int column) {
    const std::ptrdiff_t row = (gate < 3 ? gate : 2) * shape.hidden + unit;
    const bool fromHidden = gate != 3;
    const bool fromInput = gate != 2;
    if (kind == Column::hidden)
      return fromHidden ? parameters.recurrentWeight[row * shape.hidden + column] : 0.0f;
    if (kind == Column::input)
      return fromInput ? parameters.inputWeight[row * shape.inputs + column] : 0.0f;
    return (fromHidden ? parameters.recurrentBias[row] : 0.0f) + (fromInput ? parameters.inputBias[row] : 0.0f);
  }

  static void setGradient(const Gradients& gradients, const Shape& shape, int gate, int unit, Column kind, int column,
                          float value) {
    const std::ptrdiff_t row = (gate < 3 ? gate : 2) * shape.hidden + unit;
    const bool fromHidden = gate != 3;
    const bool fromInput = gate != 2;
    if (kind == Column::hidden && fromHidden)
      gradients.recurrentWeight[row * shape.hidden + column] = value;
    if (kind == Column::input && fromInput)
      gradients.inputWeight[row * shape.inputs + column] = value;
    if (kind == Column::bias && fromHidden)
      gradients.recurrentBias[row] = value;
    if (kind == Column::bias && fromInput)
      gradients.inputBias[row] = value;
  }

  /** Returns h' = n + z (h - n). */
  FXENGINE_INLINE static Vec activate(Vec r, Vec z, Vec hiddenPart, Vec inputPart, float* gates, Vec hidden,
                                      const float*, float*) {
    r = sigmoidOf(r);
    z = sigmoidOf(z);
    const Vec n = tanhOf(multiplyAdd(r, hiddenPart, inputPart));
    store(gates, r);
    store(gates + kLanes, z);
    store(gates + 2 * kLanes, n);
    store(gates + 3 * kLanes, hiddenPart * static_cast<float>(1 / kTanhScale));
    return multiplyAdd(z, hidden - n, n);
  }

  /** `carry` receives the part of dh that reaches the previous state past the gates. */
  FXENGINE_INLINE static void differentiate(Vec dh, const float* gates, Vec hidden, Vec, const float*, float* carry,
                                            Vec (&rows)[kGateRows]) {
    const Vec r = load(gates), z = load(gates + kLanes), n = load(gates + 2 * kLanes),
              hiddenPart = load(gates + 3 * kLanes);
    dh = held(dh);
    const Vec through = dh * z;
    const Vec toCandidate = dh - through;
    const Vec toUpdateGate = through * (hidden - n);
    const Vec toInputPart = negativeMultiplyAdd(toCandidate * n, n, toCandidate);
    const Vec toHiddenPart = toInputPart * r;
    const Vec toResetGate = toHiddenPart * hiddenPart;
    store(carry, through);
    rows[0] = negativeMultiplyAdd(toResetGate, r, toResetGate);
    rows[1] = negativeMultiplyAdd(toUpdateGate, z, toUpdateGate);
    rows[2] = toHiddenPart;
    rows[3] = toInputPart;
  }
};

} // namespace fxtrain::kernels::FXENGINE_SIMD_ISA
