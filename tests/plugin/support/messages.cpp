// SPDX-License-Identifier: MIT
#include "messages.h"

#include <juce_events/juce_events.h>

#include <chrono>
#include <thread>

// The step of JUCE's own loop: the public way to run it for a while, runDispatchLoopUntil(), is only there where modal
// loops are permitted, and the plugin does without.
#if JUCE_MAJOR_VERSION >= 8
namespace juce::detail {
bool dispatchNextMessageOnSystemQueue(bool returnIfNoPendingMessages);
}
using juce::detail::dispatchNextMessageOnSystemQueue;
#else
namespace juce {
bool dispatchNextMessageOnSystemQueue(bool returnIfNoPendingMessages);
}
using juce::dispatchNextMessageOnSystemQueue;
#endif

namespace test {
namespace {

using Clock = std::chrono::steady_clock;

void deliverPending() {
  for (int n = 0; n < 1000 && dispatchNextMessageOnSystemQueue(true); ++n) {
  }
}

} // namespace

void deliverMessages(int milliseconds) {
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  do {
    deliverPending();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (Clock::now() < end);
}

bool waitUntil(const std::function<bool()>& isSo, double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (!isSo()) {
    if (Clock::now() > end)
      return false;
    deliverMessages(2);
  }
  return true;
}

} // namespace test
