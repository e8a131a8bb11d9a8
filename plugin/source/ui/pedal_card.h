// SPDX-License-Identifier: MIT
#pragma once

#include "capture_card.h"

namespace fxtrain::ui {

/** One of the two captures of a pedal before the amplifier: upright as a pedal on the floor, or half as high where
   there are two pedals. */
class PedalCard : public CaptureCard {
 public:
  /** @param pedal  0 or 1, in the order of the signal
      @param side  0: its A, 1: its B */
  PedalCard(PluginProcessor& processor, Browser& browser, int pedal, int side);

  bool isOn() const { return on_.isOn(); }
  std::function<void()> onSwitch;                     ///< it was switched on or off
  void takeKeyboard() { sides_.grabKeyboardFocus(); } ///< from the card of the other side

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  void switched();
  void addToMenu(juce::PopupMenu& menu) override;
  void shown() override { switched(); }
  bool isLow() const { return getHeight() < 400; }
  int numKnobs() const;
  int pedal_, side_;
  Segments sides_;
  Switch on_;
  Knob level_;
};

/** Adds a pedal where there is room for one: a plus on the wire, or behind the pedal that is there. A file can be
   dropped on it. */
class AddPedal : public PushButton, public juce::FileDragAndDropTarget {
 public:
  AddPedal(PluginProcessor& processor, Browser& browser);

  bool isInterestedInFileDrag(const juce::StringArray& files) override { return files.size() == 1; }
  void fileDragEnter(const juce::StringArray&, int, int) override { setLit(true); }
  void fileDragExit(const juce::StringArray&) override { setLit(false); }
  void filesDropped(const juce::StringArray& files, int, int) override;

 private:
  int freeSlot() const; ///< of a pedal that is not there yet
  void showMenu();
  PluginProcessor& processor_;
  Browser& browser_;
};

} // namespace fxtrain::ui
