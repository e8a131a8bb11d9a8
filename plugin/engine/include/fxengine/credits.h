// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/model.h"

#include <optional>
#include <string>

namespace fxengine {

/** What a model file's metadata says of the capture, whatever the format calls it; "" where it does not say. */
struct Credits {
  std::string title;
  std::string author;
  std::string device; ///< what was captured, else make and model
  std::string gear;   ///< in plain words: "pedal", "amp with cabinet"
  std::string tone;   ///< in plain words: "clean", "high gain"
  /** "no loudspeaker" of an amplifier that was captured without it, "with loudspeaker" where it is in the capture. */
  std::string loudspeaker;
  std::optional<double> esr;
};

/** Reads the metadata. Allocates; never throws for content. */
Credits creditsOf(const ModelInfo& info);

} // namespace fxengine
