// SPDX-License-Identifier: MIT
#pragma once

#include "formats/json_field.h"
#include "networks/wavenet.h"

#include <vector>

namespace fxengine::detail {

/** Reads `config` and `weights` of a .nam file whose architecture is WaveNet. Throws ModelError. */
WaveNetData readNamWaveNet(const JsonField& model);

/** The numbers of a .nam file, taken in the order in which they are stored. */
class NamWeights {
 public:
  explicit NamWeights(const JsonField& weights);

  /** The next `count` numbers. Throws ModelError if there are too few. */
  std::vector<float> take(std::size_t count);
  /** Throws ModelError if any is left. */
  void requireEnd() const;

 private:
  JsonField field_;
  std::vector<float> values_;
  std::size_t next_ = 0;
};

} // namespace fxengine::detail
