// SPDX-License-Identifier: MIT
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <functional>
#include <map>

namespace fxtrain {

/** Undo and redo of what the player does: gestures on parameters, loads, presets. What a host automates, and what MIDI
    moves, is not undone. Turning one continuous parameter again within kJoinMs, as a mouse wheel does, is one step.
    Message thread; gestures on other threads are not the player's. */
class History : private juce::AudioProcessorListener {
 public:
  static constexpr juce::uint32 kJoinMs = 1000;
  static constexpr int kMaxSteps = 100;
  using Clock = std::function<juce::uint32()>; ///< milliseconds

  explicit History(juce::AudioProcessor& processor, Clock clock = juce::Time::getMillisecondCounter);
  ~History() override;

  bool canUndo() const { return manager_.canUndo(); }
  bool canRedo() const { return manager_.canRedo(); }
  void undo();
  void redo();
  juce::String undoText() const { return manager_.getUndoDescription(); } ///< "Bass", "Load Plexi into A"
  juce::String redoText() const { return manager_.getRedoDescription(); }

  /** Enters something that was just done. Ignored within an undo or redo. */
  void add(const juce::String& text, std::function<void()> redo, std::function<void()> undo);

  /** Forgets all steps: the host has loaded another state. */
  void clear();

  /** Called after every step, undo and redo. */
  std::function<void()> onStep;

  /** Told of every change to what can be undone. */
  juce::ChangeBroadcaster& broadcaster() { return manager_; }

 private:
  class ParameterStep;
  class DoneStep;

  void audioProcessorParameterChanged(juce::AudioProcessor*, int, float) override {}
  void audioProcessorChanged(juce::AudioProcessor*, const ChangeDetails&) override {}
  void audioProcessorParameterChangeGestureBegin(juce::AudioProcessor*, int index) override;
  void audioProcessorParameterChangeGestureEnd(juce::AudioProcessor*, int index) override;

  juce::AudioProcessor& processor_;
  Clock clock_;
  juce::UndoManager manager_;
  std::map<int, float> before_; // of gestures under way
  int lastParameter_ = -1;      // whose step the next gesture may join; -1: none
  juce::uint32 lastTime_ = 0;
};

} // namespace fxtrain
