// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/signal_chain.h"

#include <functional>
#include <string>
#include <vector>

namespace fxengine {

/** A setting of a SignalChain under the id that states and presets of the plugin hold it under. */
struct ChainParameter {
  std::string id;
  /** @param value  in plain units: decibels, percent, milliseconds, 0 or 1, the index of a choice */
  std::function<void(ChainSettings& settings, float value)> apply;
};

/** All of them, in an order in which they may be applied to settings one after the other: `slot` comes behind `blend`,
    which counts for A + B alone. Ranges are the plugin's: docs/plugin.md. Allocates at the first call. */
const std::vector<ChainParameter>& chainParameters();

} // namespace fxengine
