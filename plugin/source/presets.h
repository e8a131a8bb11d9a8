// SPDX-License-Identifier: MIT
#pragma once

#include "state.h"

#include <juce_audio_processors/juce_audio_processors.h>

#include <functional>
#include <vector>

namespace fxtrain {

/** Shipped presets and the player's own, which are .vstpreset files in the folder that hosts look in. Message thread.

    Each has a number for MIDI program changes that it keeps: the shipped ones from 0, the player's own from
    kFirstOwnNumber, in the order in which they were first seen. A file beside them (kNumbersFile) holds those. */
class Presets : public juce::ChangeBroadcaster {
 public:
  struct Entry {
    juce::String name;
    juce::File file;  ///< of the player's own; else none
    int shipped = -1; ///< index among the shipped ones; -1 for the player's own
    int number = -1;  ///< of the program change that loads it; -1: there is none left for it
    bool operator==(const Entry&) const = default;
  };

  static constexpr int kFirstOwnNumber = 32;
  static constexpr int kNumNumbers = 128;
  static constexpr auto kNumbersFile = "program-numbers.json";

  /** Lists the shipped ones; refresh() finds the player's own.
      @param save  gives the sound that is set
      @param load  takes one, and where it came from; throws FileError and changes nothing where it cannot be used */
  Presets(std::function<State()> save, std::function<void(const State&, const Entry&)> load);

  void refresh();                                                         ///< looks at the folder again
  const std::vector<Entry>& entries() const noexcept { return entries_; } ///< the shipped ones first, then by name
  int current() const noexcept { return current_; }  ///< index of the one loaded or saved last; -1: none of them
  Entry currentEntry() const;                        ///< without a name for none
  juce::String currentName() const;                  ///< "" for none
  void setCurrent(int index, bool isEdited = false); ///< -1: none
  /** The sound came from elsewhere: a project, an undo. One not listed: none. */
  void setCurrent(const Entry& entry, bool isEdited = false);
  bool isEdited() const noexcept { return isEdited_; } ///< the sound is no longer that of the current one
  void setEdited(bool isEdited);

  /** Called whenever one is loaded, saved or made the current one. */
  std::function<void(const Entry&)> onCurrent;

  /** Each returns "" or a sentence about what went wrong. */
  juce::String load(int index);
  juce::String loadNumber(int number); ///< of a program change
  /** The next (1) or previous (-1) one that plays. The sentence names those passed over. */
  juce::String loadNeighbour(int step);
  juce::String loadFile(const juce::File& file);
  juce::String save(const juce::String& name); ///< writes or overwrites NAME.vstpreset
  juce::String remove(const Entry& entry);

  static juce::File folder();
  static juce::File fileOf(const juce::String& name); ///< of one of the player's own

  // Any thread. Their order never changes: hosts count on it.
  static constexpr int kFirst = 1; ///< what the plugin opens with: an amplifier with its loudspeaker
  static int numShipped();
  static juce::String shippedName(int index); ///< "" where there is none
  static const State* shipped(int index);     ///< null where there is none

 private:
  int placeOf(const Entry& entry) const; ///< -1: it is not listed
  int indexOf(const juce::File& file) const;
  void setCurrentFile(const juce::File& file);

  std::function<State()> save_;
  std::function<void(const State&, const Entry&)> load_;
  std::vector<Entry> entries_;
  int current_ = -1;
  bool isEdited_ = false;
};

} // namespace fxtrain
