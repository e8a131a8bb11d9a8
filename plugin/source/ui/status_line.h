// SPDX-License-Identifier: MIT
#pragma once

#include "buttons.h"

namespace fxtrain::ui {

/** The line at the foot of the window: what went wrong, or a question, with a way to put it away. Nothing pops up. */
class StatusLine : public juce::Component {
 public:
  StatusLine();

  /** A problem of the rig; "" for none. */
  void setProblem(const juce::String& sentence);
  /** "" for nothing. @param action  caption of a button that does `then`; "" for none */
  void ask(const juce::String& question, const juce::String& action, std::function<void()> then);
  /** What is waited for, until it is called with "": no button but the one to stop. */
  void setWaiting(const juce::String& sentence);
  void setQuiet(const juce::String& text); ///< shown when there is nothing else

  std::function<void()> onDismissProblem, onStopWaiting;

  void paint(juce::Graphics& g) override;
  void resized() override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

 private:
  void update();
  juce::String problem_, question_, waiting_, quiet_;
  std::function<void()> then_;
  PushButton action_, dismiss_;
};

} // namespace fxtrain::ui
