// SPDX-License-Identifier: MIT
#pragma once

#include <juce_core/juce_core.h>

namespace fxtrain {

/** Two threads for all instances of the plugin in a process: one that loads, and a courier that looks in on each
    instance every few milliseconds, so that nothing has to wake a thread from the audio thread. */
struct Background {
  Background() : courier("fxtrain courier") { courier.startThread(); }
  ~Background() { courier.stopThread(2000); }

  juce::ThreadPool loader{1};
  juce::TimeSliceThread courier;
};

} // namespace fxtrain
