// SPDX-License-Identifier: MIT
#pragma once

#include "midi_control.h"
#include "rig.h"

#include <map>
#include <vector>

namespace fxtrain {

/** All that a project or preset keeps: it plays without the files that it was made with.

    As bytes: "fxtrain-state\n", then a zlib stream (RFC 1950) of one JSON document, whose keys docs/plugin-state.md
    lists. A state is written as of the oldest version that holds all that is in it, so that older plugins open it
    too: version 2 came with the pedal and the second response, version 3 with the pedal's B and the second pedal. */
struct State {
  std::map<juce::String, float> parameters; ///< by id, in plain units: decibels, percent, 0 or 1, index of a choice
  RigContents contents;
  std::vector<MidiControl::Binding> bindings;
  bool isPreset = false;         ///< a sound alone: what belongs to the room, controllers and window stay as they are
  int program = 0;               ///< the shipped preset that it came from; -1: another
  juce::String presetName;       ///< of the player's own that it came from; "" for none
  bool isEdited = false;         ///< the player has changed the sound since
  juce::Point<int> editorSize{}; ///< zero: none

  static constexpr int kVersion = 3;                              ///< the newest
  static constexpr std::size_t kMaxBytes = std::size_t{96} << 20; ///< of the document, unpacked

  juce::MemoryBlock encode() const;

  /** Throws FileError for whatever it cannot use: nothing is taken halfway. What a document lacks is as by default,
      what it has beyond is ignored. */
  static State decode(const void* data, std::size_t size);
};

} // namespace fxtrain
