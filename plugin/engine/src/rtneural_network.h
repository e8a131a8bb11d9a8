// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"

#include <memory>
#include <string>
#include <string_view>

namespace fxengine::detail {

/** A network that RTNeural plays, read from the file's text by RTNeural's own parser.

    The text must have passed the engine's checks: RTNeural's parser trusts sizes. Throws ModelError. */
std::unique_ptr<Network> makeRtneuralNetwork(std::string_view text, const std::string& file, int inputSize);

} // namespace fxengine::detail
