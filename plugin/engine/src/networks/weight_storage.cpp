// SPDX-License-Identifier: MIT
#include "networks/weight_storage.h"

#include "fxengine/simd/isa.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace fxengine::detail {
namespace {

/** From here on 16 bits pay. A smaller layer's matrix stays in the first-level cache as float32; with 256-bit registers
    the work of taking the halves apart weighs more. */
int leastUnits() { return simd::isaInUse() == simd::Isa::avx2 ? 72 : 60; }

} // namespace

float roundToBfloat16(float value) noexcept {
  if (!std::isfinite(value))
    return value;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t half = 0x7fffu + ((bits >> 16) & 1u); // a tie goes up where the last bit kept is odd
  const float rounded = std::bit_cast<float>((bits + half) & 0xffff0000u);
  return std::isfinite(rounded) ? rounded : std::bit_cast<float>(bits & 0xffff0000u);
}

bool areBfloat16(const std::vector<float>& values) noexcept {
  return std::all_of(values.begin(), values.end(), [](float value) { return roundToBfloat16(value) == value; });
}

WeightStorage StorageChoice::decide(std::vector<float>& recurrentWeights, int hiddenSize) {
  const bool exact = areBfloat16(recurrentWeights);
  const bool byName = asked_ == WeightStorage::bfloat16;
  const bool pays = asked_ == WeightStorage::automatic && declared_ && exact && hiddenSize >= leastUnits();
  if (!byName && !pays)
    return WeightStorage::float32;
  if (!exact) {
    std::transform(recurrentWeights.begin(), recurrentWeights.end(), recurrentWeights.begin(), roundToBfloat16);
    rounded_ = true;
  }
  anyBfloat16_ = true;
  return WeightStorage::bfloat16;
}

} // namespace fxengine::detail
