// SPDX-License-Identifier: MIT
#include "simd/recurrent_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fxengine::simd {
namespace {

/** Same as in lanes-inl.h, where it cannot be included from. */
int rotatedLane(int lanes, int r, int l) { return (l / 4 + r / 4) % (lanes / 4) * 4 + (l + r) % 4; }

float scaled(float value, const RecurrentLayout& layout, int sum) {
  if (layout.bfloat16)
    return value;
  return static_cast<float>(double{value} * (sum == 2 ? -2.8853900817779268 : -1.4426950408889634));
}

/** Calls f(row, sum, unit, index of that unit in its row of the packed array). */
template <class F> void forEachUnit(const RecurrentWeights& weights, const RecurrentLayout& layout, F&& f) {
  for (int unit = 0; unit < weights.hiddenSize; ++unit) {
    const std::size_t block = static_cast<std::size_t>(unit / layout.lanes) * kNumRows;
    for (int sum = 0; sum < numSums(weights.cell); ++sum) {
      // What the input adds to a GRU's candidate stands apart from what the state adds.
      const int row = weights.cell == CellType::gru && sum == 2 ? 3 : sum;
      f(sum, unit, (block + static_cast<std::size_t>(row)) * layout.lanes + unit % layout.lanes);
    }
  }
}

AlignedFloats emptyRows(const RecurrentWeights& weights, const RecurrentLayout& layout) {
  return AlignedFloats(static_cast<std::size_t>(layout.paddedSize(weights.hiddenSize)) * kNumRows, 0.0f);
}

} // namespace

AlignedFloats packRecurrent(const RecurrentWeights& weights, const RecurrentLayout& layout) {
  const int size = weights.hiddenSize;
  const int sums = numSums(weights.cell);
  const int blocks = layout.numBlocks(size);
  const int steps = layout.numSteps(size);
  const int perVector = layout.bfloat16 ? 2 : 1;
  AlignedFloats packed(static_cast<std::size_t>(blocks) * (steps / perVector) * sums * layout.lanes, 0.0f);
  std::size_t at = 0;
  for (int first = 0; first < blocks; first += layout.blocksPerPass) {
    const int last = std::min(first + layout.blocksPerPass, blocks);
    for (int step = 0; step < steps; step += perVector) {
      for (int block = first; block < last; ++block) {
        for (int sum = 0; sum < sums; ++sum) {
          for (int lane = 0; lane < layout.lanes; ++lane, ++at) {
            const int unit = block * layout.lanes + lane;
            std::uint32_t bits = 0;
            for (int k = 0; k < perVector; ++k) {
              const int s = step + k;
              const int from = layout.rotated
                                   ? s / layout.lanes * layout.lanes + rotatedLane(layout.lanes, s % layout.lanes, lane)
                                   : s;
              if (unit >= size || from >= size)
                continue;
              const auto index = (static_cast<std::size_t>(from) * sums + sum) * size + unit;
              const auto value = std::bit_cast<std::uint32_t>(scaled(weights.recurrent[index], layout, sum));
              bits |= k == 0 ? value : value >> 16;
            }
            packed[at] = std::bit_cast<float>(bits);
          }
        }
      }
    }
  }
  return packed;
}

AlignedFloats packInput(const RecurrentWeights& weights, const RecurrentLayout& layout, int input) {
  AlignedFloats packed = emptyRows(weights, layout);
  const float* row = weights.input + static_cast<std::size_t>(input) * numSums(weights.cell) * weights.hiddenSize;
  forEachUnit(weights, layout, [&](int sum, int unit, std::size_t at) {
    packed[at] = scaled(row[sum * weights.hiddenSize + unit], layout, sum);
  });
  return packed;
}

AlignedFloats packBias(const RecurrentWeights& weights, const RecurrentLayout& layout) {
  AlignedFloats packed = emptyRows(weights, layout);
  const bool gru = weights.cell == CellType::gru;
  const int size = weights.hiddenSize;
  const float* second = weights.bias + 3 * size; // a GRU's bias of the state
  forEachUnit(weights, layout, [&](int sum, int unit, std::size_t at) {
    const double value = weights.bias[sum * size + unit];
    const double other = gru ? double{second[sum * size + unit]} : 0.0;
    const float both = static_cast<float>(gru && sum == 2 ? value : value + other);
    packed[at] = scaled(both, layout, sum);
    if (gru && sum == 2)
      packed[at - static_cast<std::size_t>(layout.lanes)] = scaled(static_cast<float>(other), layout, sum);
  });
  return packed;
}

AlignedFloats packHead(const float* head, int hiddenSize, const RecurrentLayout& layout) {
  AlignedFloats packed(static_cast<std::size_t>(layout.paddedSize(hiddenSize)), 0.0f);
  std::copy_n(head, hiddenSize, packed.begin());
  return packed;
}

float greatestSum(const RecurrentWeights& weights) {
  const int size = weights.hiddenSize;
  const int row = numSums(weights.cell) * size;
  double greatest = 0.0;
  for (int column = 0; column < row; ++column) {
    double sum = std::abs(double{weights.bias[column]});
    if (weights.cell == CellType::gru)
      sum += std::abs(double{weights.bias[row + column]});
    for (int from = 0; from < size; ++from)
      sum += std::abs(double{weights.recurrent[static_cast<std::size_t>(from) * row + column]});
    for (int k = 1; k < weights.inputSize; ++k)
      sum += std::abs(double{weights.input[static_cast<std::size_t>(k) * row + column]});
    greatest = std::max(greatest, sum);
  }
  return static_cast<float>(std::min(greatest, double{std::numeric_limits<float>::max()}));
}

} // namespace fxengine::simd
