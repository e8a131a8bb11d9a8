// SPDX-License-Identifier: MIT
#define CATCH_CONFIG_RUNNER
#include "catch.h"

#include "support/instance.h"

#include <juce_events/juce_events.h>

#include <cstdlib>

int main(int argc, char** argv) {
  // A home of its own: presets are written, and the models that lie in the player's are none of ours.
  const test::Folder home;
  for (const auto* variable : {"HOME", "XDG_DATA_HOME"})
    ::setenv(variable, home.file({}).getFullPathName().toRawUTF8(), 1);
  const juce::ScopedJuceInitialiser_GUI juce; // this thread is the message thread
  return Catch::Session().run(argc, argv);
}
