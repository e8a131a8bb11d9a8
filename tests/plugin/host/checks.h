// SPDX-License-Identifier: MIT
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <functional>
#include <memory>

namespace host {

/** What is checked: the plugin behind a format's interface, or its own code. */
struct Subject {
  std::function<std::unique_ptr<juce::AudioProcessor>()> open;
  /** Between what a host saves and the plugin's own bytes in it. */
  std::function<juce::MemoryBlock(const juce::MemoryBlock&)> unwrap;
  std::function<juce::MemoryBlock(const juce::MemoryBlock& saved, const juce::MemoryBlock& bytes)> wrap;
};

struct Options {
  unsigned seed = 1;
  double seconds = 5.0; ///< that each of the longer checks may take
};

/** Does what validators of plugins do, on the message thread, and prints a line per check.
    @return  number of checks that failed */
int runChecks(const Subject& subject, const Options& options);

/** `PROGRAM [PLUGIN] [--seed N] [--seconds N]`; throws std::runtime_error for anything else.
    @param plugin  where the plugin's path goes; null: none is expected */
Options parseArguments(int argc, char** argv, juce::String* plugin);

} // namespace host
