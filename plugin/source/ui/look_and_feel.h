// SPDX-License-Identifier: MIT
#pragma once

#include "style.h"

namespace fxtrain::ui {

/** Draws JUCE's own menus, dialogs, text fields, scroll bars and tooltips as the rest of the window. */
class LookAndFeel : public juce::LookAndFeel_V4 {
 public:
  LookAndFeel();

  juce::Font getPopupMenuFont() override;
  void drawPopupMenuBackgroundWithOptions(juce::Graphics& g, int width, int height,
                                          const juce::PopupMenu::Options& options) override;
  void drawPopupMenuItem(juce::Graphics& g, const juce::Rectangle<int>& area, bool isSeparator, bool isActive,
                         bool isHighlighted, bool isTicked, bool hasSubMenu, const juce::String& text,
                         const juce::String& shortcut, const juce::Drawable* icon,
                         const juce::Colour* textColour) override;
  void getIdealPopupMenuItemSize(const juce::String& text, bool isSeparator, int standardHeight, int& width,
                                 int& height) override;
  void drawPopupMenuSectionHeader(juce::Graphics& g, const juce::Rectangle<int>& area,
                                  const juce::String& text) override;
  int getPopupMenuBorderSize() override { return 6; }

  void drawCornerResizer(juce::Graphics& g, int width, int height, bool isMouseOver, bool isMouseDragging) override;
  juce::Rectangle<int> getTooltipBounds(const juce::String& text, juce::Point<int> position,
                                        juce::Rectangle<int> parentArea) override;
  void drawTooltip(juce::Graphics& g, const juce::String& text, int width, int height) override;

  void fillTextEditorBackground(juce::Graphics& g, int width, int height, juce::TextEditor& editor) override;
  void drawTextEditorOutline(juce::Graphics& g, int width, int height, juce::TextEditor& editor) override;
  void drawScrollbar(juce::Graphics& g, juce::ScrollBar& bar, int x, int y, int width, int height, bool isVertical,
                     int thumbStart, int thumbSize, bool isMouseOver, bool isMouseDown) override;

 private:
  juce::SharedResourcePointer<Typefaces> typefaces_;
  juce::SharedResourcePointer<IconOutlines> icons_;
};

/** Our looks for all that JUCE opens by itself, such as its file browser, as long as one of our windows is there. */
struct DefaultLook {
  DefaultLook() { juce::LookAndFeel::setDefaultLookAndFeel(&look); }
  ~DefaultLook() {
    if (&juce::LookAndFeel::getDefaultLookAndFeel() == &look)
      juce::LookAndFeel::setDefaultLookAndFeel(nullptr);
  }
  LookAndFeel look;
};

} // namespace fxtrain::ui
