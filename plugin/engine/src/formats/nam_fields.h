// SPDX-License-Identifier: MIT
#pragma once

#include "formats/json_field.h"
#include "fxengine/model_loader.h"
#include "layers/conv_rows.h"
#include "layers/row_activation.h"

#include <cstddef>
#include <vector>

// What the networks of .nam files have in common.
namespace fxengine::detail {

inline constexpr int kMostChannels = 256, kLongestDilation = 1 << 16;

/** What all networks of a file may take together. */
struct NamBudget {
  std::size_t waveNetLayers = 256;                      ///< each takes time, however few weights it has
  std::size_t weights = ModelLimits::kMaxWeights;       ///< zeros between groups included
  std::size_t pastValues = ModelLimits::kMaxPastValues; ///< that convolutions look back at
};

/** The numbers of a model, taken in the order in which they are stored. Throws ModelError. */
class NamWeights {
 public:
  NamWeights(const JsonField& model, NamBudget& budget);

  /** The next `count` numbers. */
  std::vector<float> take(std::size_t count);
  /** A convolution, its weights stored group by group as [output][input][tap], then its bias. */
  ConvData takeConv(int inputs, int outputs, int kernel, int dilation, bool bias, int groups = 1);
  /** Counts layers of a WaveNet, and fails if there are too many. */
  void spendLayers(const JsonField& dilations);
  /** Fails if any number is left. */
  void requireEnd() const;

 private:
  void spendWeights(std::size_t count);

  JsonField model_, field_;
  NamBudget* budget_;
  std::vector<float> values_;
  std::size_t next_ = 0;
};

/** @param channels  that it is applied to */
WaveActivationData readNamActivation(const JsonField& field, int channels);

int optionalInteger(const JsonField& object, const char* key, int otherwise, int least, int most);
bool optionalFlag(const JsonField& object, const char* key, bool otherwise);

void requireGroups(const JsonField& field, int groups, int inputs, int outputs);

} // namespace fxengine::detail
