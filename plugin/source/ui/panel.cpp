// SPDX-License-Identifier: MIT
#include "panel.h"

namespace fxtrain::ui {

Panel::Panel(const juce::String& heading) : heading_(heading) {
  setTitle(heading);
  setFocusContainerType(FocusContainerType::focusContainer);
}

juce::Rectangle<int> Panel::headingArea() const { return getLocalBounds().reduced(kPadding).removeFromTop(kHeading); }

juce::Rectangle<int> Panel::contentArea() const {
  return getLocalBounds().reduced(kPadding).withTrimmedTop(kHeading + 12);
}

void Panel::paint(juce::Graphics& g) {
  const auto bounds = getLocalBounds().toFloat();
  g.setColour(colour::panel);
  g.fillRoundedRectangle(bounds, 12.0f);
  g.setColour(colour::line);
  g.drawRoundedRectangle(bounds.reduced(0.5f), 11.5f, 1.0f);
  if (heading_.isNotEmpty())
    drawText(g, heading_, headingArea().toFloat(), font(13.5f, Weight::semiBold), colour::text);
}

void Panel::paintOverChildren(juce::Graphics& g) {
  if (dropHint_.isEmpty())
    return;
  const auto bounds = getLocalBounds().toFloat();
  g.setColour(colour::panel.withAlpha(0.92f));
  g.fillRoundedRectangle(bounds, 12.0f);
  g.setColour(colour::accent);
  g.drawRoundedRectangle(bounds.reduced(1.0f), 11.0f, 2.0f);
  drawText(g, dropHint_, bounds.reduced(16.0f), font(16.0f, Weight::semiBold), colour::accent,
           juce::Justification::centred);
}

void Panel::setDropHint(const juce::String& hint) {
  if (dropHint_ != hint) {
    dropHint_ = hint;
    repaint();
  }
}

std::unique_ptr<juce::AccessibilityHandler> Panel::createAccessibilityHandler() {
  return std::make_unique<juce::AccessibilityHandler>(*this, juce::AccessibilityRole::group);
}

} // namespace fxtrain::ui
