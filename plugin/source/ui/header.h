// SPDX-License-Identifier: MIT
#pragma once

#include "buttons.h"
#include "slot_card.h"

namespace fxtrain::ui {

/** The top of the window: name, presets, undo, tuner, load and latency, settings, bypass. */
class Header : public juce::Component, private juce::ChangeListener {
 public:
  Header(PluginProcessor& processor, Browser& browser);
  ~Header() override;

  /** Reads CPU load and latency. */
  void update();
  void paint(juce::Graphics& g) override;
  void resized() override;

  std::function<void()> onSettings;
  /** Told what went wrong, or "". */
  std::function<void(const juce::String&)> onProblem;
  /** Asks before something that cannot be undone. */
  std::function<void(const juce::String& question, const juce::String& action, std::function<void()>)> onAsk;
  void saveAs();

 private:
  void changeListenerCallback(juce::ChangeBroadcaster*) override;
  void openMenu();
  void step(int by);
  void save();
  void finishNaming(bool take);
  juce::Rectangle<int> numbersArea() const;

  PluginProcessor& processor_;
  Browser& browser_;
  PushButton previous_, next_, preset_, save_, undo_, redo_, settings_;
  Switch tuner_, bypass_;
  std::unique_ptr<juce::TextEditor> naming_;
  juce::String load_, latency_, frames_;
};

} // namespace fxtrain::ui
