// SPDX-License-Identifier: MIT
#pragma once

#include "parameter_control.h"

#include <fxengine/model.h>

#include <optional>

namespace fxtrain::ui {

/** A control over a range, that is dragged: the knob, and as a base the fader. */
class RangeControl : public ParameterControl {
 public:
  using ParameterControl::ParameterControl;

  /** Shows what it does as live, or as out of use (it still works).
      @param whyNot  what the player reads who moves it while it does nothing; "" for nothing */
  void setActive(bool active, const juce::String& whyNot = {});
  /** Shows a percentage as a model's own control: its name, its unit, its default. */
  void setKnobInfo(const fxengine::KnobInfo& info);

  juce::String valueText() const override;
  void setFromText(const juce::String& text) override;
  void reset() override;

  void mouseDown(const juce::MouseEvent& event) override;
  void mouseDrag(const juce::MouseEvent& event) override;
  void mouseUp(const juce::MouseEvent& event) override;
  void mouseDoubleClick(const juce::MouseEvent& event) override;
  void mouseWheelMove(const juce::MouseEvent& event, const juce::MouseWheelDetails& wheel) override;
  bool keyPressed(const juce::KeyPress& key) override;
  void resized() override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

 protected:
  bool canType() const override { return true; }
  void startTyping() override;
  virtual juce::Rectangle<int> valueArea() const = 0;
  /** Change in 0..1 for a movement of the mouse in logical pixels. */
  virtual float dragDistance(float dx, float dy) const = 0;

  bool active() const noexcept { return active_; }
  juce::String caption() const { return getTitle(); }
  float defaultValue() const; ///< 0..1

 private:
  struct Step {
    float fine, coarse; ///< in 0..1
  };
  Step step() const;
  float onGrid(float normalisedValue) const;

  void tellWhyNot();

  bool active_ = true;
  juce::String whyNot_;
  std::optional<fxengine::KnobInfo> info_;
  bool typing_ = false, dragged_ = false;
  float position_ = 0.0f; // of the drag, finer than the grid
  juce::Point<float> last_;
  std::unique_ptr<juce::TextEditor> editor_;
};

/** Caption above, dial, value below. */
class Knob : public RangeControl {
 public:
  /** @param caption  shown, where the parameter's name says what the panel says already */
  Knob(PluginProcessor& processor, const juce::String& id, const juce::String& caption, const juce::String& help,
       int dialSize);

  void setDialSize(int size);
  void paint(juce::Graphics& g) override;
  static constexpr int heightFor(int dialSize) { return 18 + dialSize + 18; }

 protected:
  juce::Rectangle<int> valueArea() const override;
  float dragDistance(float dx, float dy) const override { return (dx - dy) / 200.0f; }
  /** Where the arc begins, in 0..1: the middle of what is set by its distance from there, else the low end. */
  virtual float origin() const;

 private:
  juce::String shownCaption() const;
  juce::String caption_;
  int dialSize_;
};

/** A horizontal fader with its value to the right. */
class Fader : public RangeControl {
 public:
  Fader(PluginProcessor& processor, const juce::String& id, const juce::String& help, int valueWidth);
  void paint(juce::Graphics& g) override;

 protected:
  juce::Rectangle<int> valueArea() const override;
  float dragDistance(float dx, float) const override;

 private:
  juce::Rectangle<float> track() const;
  int valueWidth_;
};

} // namespace fxtrain::ui
