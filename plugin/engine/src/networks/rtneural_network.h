// SPDX-License-Identifier: MIT
#pragma once

#include "networks/layer_list.h"

#include <memory>
#include <string>

namespace fxengine::detail {

/** A network that RTNeural plays, read by RTNeural's own parser from the layout that it knows. Throws ModelError. */
std::unique_ptr<Network> makeRtneuralNetwork(const LayerList& list, const std::string& file);

} // namespace fxengine::detail
