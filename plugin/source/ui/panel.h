// SPDX-License-Identifier: MIT
#pragma once

#include "style.h"

namespace fxtrain::ui {

/** A rounded surface with a heading, that groups controls, for screen readers too. */
class Panel : public juce::Component {
 public:
  static constexpr int kPadding = 16;
  static constexpr int kHeading = 20; ///< height of the line that the heading and its switch are on

  explicit Panel(const juce::String& heading);
  void paint(juce::Graphics& g) override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

  /** A file is held above it: what dropping it would do; "" for nothing. */
  void setDropHint(const juce::String& hint);

 protected:
  void paintOverChildren(juce::Graphics& g) override;
  juce::Rectangle<int> headingArea() const;
  juce::Rectangle<int> contentArea() const;

 private:
  juce::String heading_, dropHint_;
};

} // namespace fxtrain::ui
