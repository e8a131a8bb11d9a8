// SPDX-License-Identifier: MIT
#pragma once

#include "state.h"

#include <juce_audio_processors/juce_audio_processors.h>

#include <functional>
#include <vector>

namespace fxtrain {

/** Shipped presets and the player's own, which are .vstpreset files in the folder that hosts look in. Message thread.
 */
class Presets : public juce::ChangeBroadcaster {
 public:
  struct Entry {
    juce::String name;
    juce::File file;  ///< of the player's own; else none
    int shipped = -1; ///< index among the shipped ones; -1 for the player's own
    bool operator==(const Entry&) const = default;
  };

  /** Lists the shipped ones; refresh() finds the player's own.
      @param save  gives the plugin's state
      @param load  takes one; throws FileError and changes nothing where it cannot be used */
  Presets(std::function<State()> save, std::function<void(const State&)> load);

  void refresh();                                                         ///< looks at the folder again
  const std::vector<Entry>& entries() const noexcept { return entries_; } ///< the shipped ones first, then by name
  int current() const noexcept { return current_; } ///< index of the one loaded or saved last; -1: none of them
  juce::String currentName() const;                 ///< "" for none
  void setCurrent(int index); ///< the state came from elsewhere: a project, an undo. -1: from none

  /** Each returns "" or a sentence about what went wrong. */
  juce::String load(int index);
  juce::String loadFile(const juce::File& file);
  juce::String save(const juce::String& name); ///< writes or overwrites NAME.vstpreset
  juce::String remove(int index);

  static juce::File folder();

  // Any thread. The first is what the plugin opens with; their order never changes: hosts count on it.
  static int numShipped();
  static juce::String shippedName(int index); ///< "" where there is none
  static const State* shipped(int index);     ///< null where there is none

 private:
  int indexOf(const juce::File& file) const;

  std::function<State()> save_;
  std::function<void(const State&)> load_;
  std::vector<Entry> entries_;
  int current_ = -1;
};

} // namespace fxtrain
