// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/model_loader.h"

#include <vector>

namespace fxengine::detail {

/** The nearest bfloat16 number (the upper half of a float32), ties to even. What is finite stays finite. */
float roundToBfloat16(float value) noexcept;

/** Whether rounding changes none of them. */
bool areBfloat16(const std::vector<float>& values) noexcept;

/** Decides, layer by layer, how the recurrent matrices of a file are kept, and remembers what that did. */
class StorageChoice {
 public:
  /** @param asked     of the loader
      @param declared  the file says that its recurrent matrices are bfloat16 numbers */
  StorageChoice(WeightStorage asked, bool declared) noexcept : asked_(asked), declared_(declared) {}

  /** float32 or bfloat16, for one layer. The values are rounded where bfloat16 was asked for by name; else they stay.
   */
  WeightStorage decide(std::vector<float>& recurrentWeights, int hiddenSize);

  /** Whether a layer is kept as bfloat16. */
  bool anyBfloat16() const noexcept { return anyBfloat16_; }
  /** Whether rounding changed a value. */
  bool rounded() const noexcept { return rounded_; }

 private:
  WeightStorage asked_;
  bool declared_;
  bool anyBfloat16_ = false;
  bool rounded_ = false;
};

} // namespace fxengine::detail
