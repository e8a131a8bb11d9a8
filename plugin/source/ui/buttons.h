// SPDX-License-Identifier: MIT
#pragma once

#include "parameter_control.h"

#include <optional>

namespace fxtrain::ui {

/** An icon, a text, or both, that does something when pressed. */
class PushButton : public juce::Button {
 public:
  enum class Style { plain, raised, accent };

  /** @param name  for screen readers, and the tooltip unless another is set */
  PushButton(const juce::String& name, std::optional<Icon> icon, const juce::String& label = {},
             Style style = Style::plain);
  void setText(const juce::String& label);
  void setLit(bool lit);                     ///< shown as on
  void setOpensMenu() { opensMenu_ = true; } ///< an arrow says so
  void paintButton(juce::Graphics& g, bool isOver, bool isDown) override;
  bool keyPressed(const juce::KeyPress& key) override;
  void focusGained(FocusChangeType cause) override;
  void focusLost(FocusChangeType cause) override;

 private:
  std::optional<Icon> icon_;
  juce::String text_;
  Style style_;
  bool lit_ = false, showsFocus_ = false, opensMenu_ = false;
};

/** A parameter that is on or off, as a sliding switch; or as an icon, lit while it is on. */
class Switch : public ParameterControl {
 public:
  Switch(PluginProcessor& processor, const juce::String& id, const juce::String& help, std::optional<Icon> icon = {},
         const juce::String& text = {}, bool litWhenOff = false);
  bool isOn() const { return normalised() >= 0.5f; }
  void toggle() { setNormalised(isOn() ? 0.0f : 1.0f); }

  juce::String valueText() const override { return isOn() ? "on" : "off"; }
  void paint(juce::Graphics& g) override;
  void mouseDown(const juce::MouseEvent& event) override;
  void mouseEnter(const juce::MouseEvent&) override { repaint(); }
  void mouseExit(const juce::MouseEvent&) override { repaint(); }
  bool keyPressed(const juce::KeyPress& key) override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

 protected:
  bool isSwitch() const override { return true; }

 private:
  std::optional<Icon> icon_;
  juce::String text_;
  bool litWhenOff_;
};

/** A choice of few, side by side. */
class Segments : public ParameterControl {
 public:
  Segments(PluginProcessor& processor, const juce::String& id, const juce::String& help);
  int index() const { return juce::roundToInt(value()); }

  void paint(juce::Graphics& g) override;
  void mouseDown(const juce::MouseEvent& event) override;
  bool keyPressed(const juce::KeyPress& key) override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

 protected:
  bool isSwitch() const override { return true; }

 private:
  void choose(int index);
  juce::Rectangle<float> segment(int index) const;
  juce::StringArray choices_;
};

/** A choice that opens a menu. */
class Choice : public ParameterControl {
 public:
  enum class Style { framed, plain, centred }; ///< a field; text with an arrow at the right, or in the middle
  Choice(PluginProcessor& processor, const juce::String& id, const juce::String& help, Style style);

  void paint(juce::Graphics& g) override;
  void mouseDown(const juce::MouseEvent& event) override;
  void mouseEnter(const juce::MouseEvent&) override { repaint(); }
  void mouseExit(const juce::MouseEvent&) override { repaint(); }
  bool keyPressed(const juce::KeyPress& key) override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

 protected:
  bool isSwitch() const override { return true; }

 private:
  void choose(int index);
  void open();
  int index() const { return juce::roundToInt(value()); }
  juce::StringArray choices_;
  Style style_;
};

} // namespace fxtrain::ui
