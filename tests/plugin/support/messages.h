// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

namespace test {

/** Delivers JUCE's messages on this thread, the message thread, for a while. */
void deliverMessages(int milliseconds);

/** Delivers messages until something is so. Returns false where that takes longer than `seconds`. */
bool waitUntil(const std::function<bool()>& isSo, double seconds = 20.0);

} // namespace test
