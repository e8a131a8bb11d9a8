// SPDX-License-Identifier: MIT
// fxtrain_direct_checks [--seed N] [--seconds N]: the host's checks on the plugin's own code, for sanitizers.
#include "checks.h"
#include "support/instance.h"

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  try {
    const auto options = host::parseArguments(argc, argv, nullptr);
    const test::Folder home;
    for (const auto* variable : {"HOME", "XDG_DATA_HOME"})
      ::setenv(variable, home.file({}).getFullPathName().toRawUTF8(), 1);
    const juce::ScopedJuceInitialiser_GUI juce;
    host::Subject subject;
    subject.open = [] { return std::make_unique<fxtrain::PluginProcessor>(); };
    subject.unwrap = [](const juce::MemoryBlock& bytes) { return bytes; };
    subject.wrap = [](const juce::MemoryBlock&, const juce::MemoryBlock& bytes) { return bytes; };
    return host::runChecks(subject, options) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fxtrain_direct_checks: %s\n", error.what());
    return 2;
  }
}
