// SPDX-License-Identifier: MIT
#include "look_and_feel.h"

namespace fxtrain::ui {
namespace {

constexpr float kTooltipWidth = 280.0f;

juce::TextLayout tooltipLayout(const juce::String& text) {
  juce::AttributedString string;
  string.setJustification(juce::Justification::centredLeft);
  string.append(text, fontFor(text, font(12.5f)), colour::text);
  juce::TextLayout layout;
  layout.createLayout(string, kTooltipWidth);
  return layout;
}

} // namespace

LookAndFeel::LookAndFeel()
    : LookAndFeel_V4({colour::panel, colour::raised, colour::raised, colour::track, colour::text, colour::track,
                      colour::text, colour::track, colour::text}) {
  setDefaultSansSerifTypeface(font(13.0f).getTypefacePtr());
  setColour(juce::PopupMenu::backgroundColourId, colour::raised);
  setColour(juce::PopupMenu::textColourId, colour::text);
  setColour(juce::TextEditor::backgroundColourId, colour::window);
  setColour(juce::TextEditor::textColourId, colour::text);
  setColour(juce::TextEditor::highlightColourId, colour::accent.withAlpha(0.35f));
  setColour(juce::TextEditor::highlightedTextColourId, colour::text);
  setColour(juce::CaretComponent::caretColourId, colour::accent);
  setColour(juce::ResizableWindow::backgroundColourId, colour::window);
  setColour(juce::AlertWindow::backgroundColourId, colour::panel);
}

juce::Font LookAndFeel::getPopupMenuFont() { return font(13.5f); }

void LookAndFeel::drawPopupMenuBackgroundWithOptions(juce::Graphics& g, int width, int height,
                                                     const juce::PopupMenu::Options&) {
  const auto area = juce::Rectangle<int>(width, height).toFloat();
  g.fillAll(colour::raised);
  g.setColour(colour::track);
  g.drawRect(area, 1.0f);
}

void LookAndFeel::getIdealPopupMenuItemSize(const juce::String& text, bool isSeparator, int, int& width, int& height) {
  width = int(widthOf(getPopupMenuFont(), text)) + 72;
  height = isSeparator ? 9 : 28;
}

void LookAndFeel::drawPopupMenuItem(juce::Graphics& g, const juce::Rectangle<int>& area, bool isSeparator,
                                    bool isActive, bool isHighlighted, bool isTicked, bool hasSubMenu,
                                    const juce::String& text, const juce::String& shortcut, const juce::Drawable*,
                                    const juce::Colour*) {
  auto row = area.toFloat();
  if (isSeparator) {
    g.setColour(colour::track);
    g.fillRect(row.withSizeKeepingCentre(row.getWidth() - 16.0f, 1.0f));
    return;
  }
  if (isHighlighted && isActive) {
    g.setColour(colour::track);
    g.fillRoundedRectangle(row.reduced(6.0f, 1.0f), 4.0f);
  }
  row.removeFromLeft(14.0f);
  const auto mark = row.removeFromLeft(22.0f);
  if (isTicked)
    drawIcon(g, Icon::check, mark.withSizeKeepingCentre(14.0f, 14.0f), colour::accent);
  row.removeFromRight(14.0f);
  if (hasSubMenu)
    drawIcon(g, Icon::next, row.removeFromRight(14.0f).withSizeKeepingCentre(12.0f, 12.0f), colour::secondary);
  drawText(g, shortcut, row, font(12.0f), colour::faint, juce::Justification::centredRight);
  drawText(g, text, row, getPopupMenuFont(), isActive ? colour::text : colour::faint);
}

void LookAndFeel::drawPopupMenuSectionHeader(juce::Graphics& g, const juce::Rectangle<int>& area,
                                             const juce::String& text) {
  drawText(g, text, area.toFloat().withTrimmedLeft(14.0f), font(11.5f, Weight::medium), colour::faint);
}

void LookAndFeel::drawCornerResizer(juce::Graphics& g, int width, int height, bool isMouseOver, bool) {
  g.setColour(isMouseOver ? colour::secondary : colour::track);
  const auto size = float(std::min(width, height));
  for (const float inset : {0.35f, 0.65f})
    g.drawLine(size * inset, size * 0.9f, size * 0.9f, size * inset, size * 0.08f);
}

juce::Rectangle<int> LookAndFeel::getTooltipBounds(const juce::String& text, juce::Point<int> position,
                                                   juce::Rectangle<int> parentArea) {
  const auto layout = tooltipLayout(text);
  const int width = int(std::ceil(layout.getWidth())) + 21, height = int(std::ceil(layout.getHeight())) + 14;
  return juce::Rectangle<int>(position.x > parentArea.getCentreX() ? position.x - width - 8 : position.x + 16,
                              position.y > parentArea.getCentreY() ? position.y - height - 8 : position.y + 16, width,
                              height)
      .constrainedWithin(parentArea);
}

void LookAndFeel::drawTooltip(juce::Graphics& g, const juce::String& text, int width, int height) {
  const auto area = juce::Rectangle<int>(width, height).toFloat();
  g.fillAll(colour::hover);
  g.setColour(colour::track);
  g.drawRect(area, 1.0f);
  tooltipLayout(text).draw(g, area.reduced(10.0f, 7.0f));
}

void LookAndFeel::fillTextEditorBackground(juce::Graphics& g, int width, int height, juce::TextEditor&) {
  g.setColour(colour::window);
  g.fillRoundedRectangle(juce::Rectangle<int>(width, height).toFloat(), 4.0f);
}

void LookAndFeel::drawTextEditorOutline(juce::Graphics& g, int width, int height, juce::TextEditor&) {
  g.setColour(colour::accent);
  g.drawRoundedRectangle(juce::Rectangle<int>(width, height).toFloat().reduced(0.75f), 4.0f, 1.5f);
}

void LookAndFeel::drawScrollbar(juce::Graphics& g, juce::ScrollBar&, int x, int y, int width, int height,
                                bool isVertical, int thumbStart, int thumbSize, bool isMouseOver, bool) {
  const auto thumb = isVertical ? juce::Rectangle<int>(x, thumbStart, width, thumbSize)
                                : juce::Rectangle<int>(thumbStart, y, thumbSize, height);
  g.setColour(isMouseOver ? colour::faint : colour::track);
  g.fillRoundedRectangle(thumb.toFloat().reduced(2.0f), 3.0f);
}

} // namespace fxtrain::ui
