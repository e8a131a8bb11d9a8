// SPDX-License-Identifier: MIT
#pragma once

#include "json_field.h"

#include <string>

namespace fxengine::detail {

/** What a parsed JSON file is, in a few words; "" where it is none of the known model formats. */
std::string describeJson(const Json& root);

/** Whether it has the two keys of RTNeural's format, which are all that tells it from other JSON. */
bool isRtneuralJson(const Json& root);

/** What a file that is not JSON is, by its first bytes; "" where they tell nothing. */
std::string describeBinary(std::string_view content);

} // namespace fxengine::detail
