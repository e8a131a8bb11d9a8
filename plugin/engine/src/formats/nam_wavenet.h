// SPDX-License-Identifier: MIT
#pragma once

#include "formats/nam_fields.h"
#include "networks/wavenet.h"

namespace fxengine::detail {

/** Reads `config` and `weights` of a .nam file whose architecture is WaveNet. Throws ModelError. */
WaveNetData readNamWaveNet(const JsonField& model, NamBudget& budget);

} // namespace fxengine::detail
