// SPDX-License-Identifier: MIT
#pragma once

#include "style.h"

#include "PluginProcessor.h"

#include <functional>

namespace fxtrain::ui {

/** Gives it the keyboard: on Linux a window gets it only a moment after it asked for it, for instance when a menu has
    just been closed. */
void grabKeyboardFor(juce::Component& component, int attempts = 8);

/** Keeps track of whether what has the keyboard got it by the keyboard: only then is a ring drawn. */
class Focusable : public juce::Component {
 public:
  void focusGained(FocusChangeType cause) override;
  void focusLost(FocusChangeType) override;

 protected:
  bool showsFocus() const noexcept { return showsFocus_; }

 private:
  bool showsFocus_ = false;
};

/** What a control for a parameter has, whatever it looks like: the attachment with its gestures, a menu with reset,
    typing, MIDI and the host's own entries, texts for tooltips and screen readers. */
class ParameterControl : public Focusable, public juce::TooltipClient {
 public:
  /** @param help  what it does to the sound, in a sentence or two */
  ParameterControl(PluginProcessor& processor, const juce::String& id, const juce::String& help);
  ~ParameterControl() override;

  juce::String getTooltip() override;
  juce::RangedAudioParameter& parameter() const noexcept { return parameter_; }

  /** As text with its unit. */
  virtual juce::String valueText() const;
  /** Takes what was typed, with or without unit. */
  virtual void setFromText(const juce::String& text);
  virtual void reset();

  std::function<void()> onChange; ///< told of every change, whoever made it

 protected:
  float normalised() const { return parameter_.getValue(); }
  float value() const { return parameter_.convertFrom0to1(parameter_.getValue()); }
  void setNormalised(float value); ///< as a gesture of its own
  /** As part of a gesture that ends a moment after the last such call: wheel, arrow keys. */
  void nudgeTo(float normalisedValue);
  void beginGesture();
  void dragTo(float normalisedValue);
  void endGesture();

  void showMenu();
  virtual void startTyping() {} ///< offered in the menu where canType()
  virtual bool canType() const { return false; }
  virtual bool isSwitch() const { return false; }
  virtual void valueChanged();

  /** Rolls the wheel and arrow keys together: steps of `1` up or down; true if used. */
  static float wheelSteps(const juce::MouseWheelDetails& wheel);

  PluginProcessor& processor_;

 private:
  struct Nudge : juce::Timer {
    explicit Nudge(ParameterControl& c) : control(c) {}
    void timerCallback() override {
      stopTimer();
      control.endGesture();
    }
    ParameterControl& control;
  };

  juce::RangedAudioParameter& parameter_;
  juce::String help_;
  bool inGesture_ = false;
  juce::ParameterAttachment attachment_;
  Nudge nudge_{*this};
};

/** A value interface for screen readers. */
std::unique_ptr<juce::AccessibilityValueInterface> accessibleValue(ParameterControl& control, float step);

} // namespace fxtrain::ui
