// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"

#include <memory>
#include <vector>

namespace fxengine::detail {

/** y[t] = bias + sum over k of taps[k] x[t - k], of any length. */
std::unique_ptr<Network> makeLinearNetwork(std::vector<float> taps, float bias);

} // namespace fxengine::detail
