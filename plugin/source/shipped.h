// SPDX-License-Identifier: MIT
#pragma once

#include "model_file.h"

#include <memory>
#include <vector>

namespace fxtrain {

/** What the binary carries of models/, read once. Any thread but the audio thread. */
struct Shipped {
  std::vector<std::shared_ptr<const ModelFile>> models; ///< in the order of their folders' names
  std::shared_ptr<const CabinetFile> cabinet;           ///< null where there is none

  static const Shipped& get();

  /** The model of that title; null where there is none. */
  std::shared_ptr<const ModelFile> model(const juce::String& title) const;
};

} // namespace fxtrain
