// SPDX-License-Identifier: MIT
#pragma once

#include "formats/format.h"

namespace fxengine::detail {

/** JSON with a root key `stft`: networks on a short-time Fourier transform. docs/model-format.md. */
bool isStftJson(const Document& document);
ModelDescription readStftJson(const Document& document);

} // namespace fxengine::detail
