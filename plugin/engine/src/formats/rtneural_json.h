// SPDX-License-Identifier: MIT
#pragma once

#include "formats/format.h"

namespace fxengine::detail {

/** RTNeural JSON, with or without AIDA-X's root keys and ours: docs/model-format.md. */
bool isRtneuralJson(const Document& document);
ModelDescription readRtneuralJson(const Document& document);

} // namespace fxengine::detail
