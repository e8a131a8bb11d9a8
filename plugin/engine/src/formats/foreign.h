// SPDX-License-Identifier: MIT
#pragma once

#include "formats/json_field.h"

#include <string>
#include <string_view>

namespace fxengine::detail {

/** What a JSON file of a format of others is, in a few words; "" for anything else. */
std::string describeForeign(const Json& root);

/** What a file that is not JSON is, by its first bytes; "" if they are not known. */
std::string describeBinary(std::string_view content);

} // namespace fxengine::detail
