// SPDX-License-Identifier: MIT
#pragma once

#include "formats/format.h"

namespace fxengine::detail {

/** JSON of PyTorch's weights, as Automated-GuitarAmpModelling writes it for Proteus, NeuralPi and their relatives. */
bool isProteus(const Document& document);
ModelDescription readProteus(const Document& document);

} // namespace fxengine::detail
