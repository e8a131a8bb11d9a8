// SPDX-License-Identifier: MIT
#pragma once

#include "formats/format.h"

namespace fxengine::detail {

/** Neural Amp Modeler's files, .nam, of versions 0.5 to 0.7. */
bool isNam(const Document& document);
ModelDescription readNam(const Document& document);

} // namespace fxengine::detail
