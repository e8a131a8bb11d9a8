// SPDX-License-Identifier: MIT
#pragma once

#include "capture_card.h"

namespace fxtrain::ui {

/** The pedal before the amplifier, upright as one on the floor. Shown while there is one. */
class PedalCard : public CaptureCard {
 public:
  PedalCard(PluginProcessor& processor, Browser& browser);

  bool isOn() const { return on_.isOn(); }
  std::function<void()> onSwitch; ///< it was switched on or off

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  void switched();
  Switch on_;
  Knob level_;
};

/** The plus on the wire, where a pedal would be. A file can be dropped on it. */
class AddPedal : public PushButton, public juce::FileDragAndDropTarget {
 public:
  AddPedal(PluginProcessor& processor, Browser& browser);

  bool isInterestedInFileDrag(const juce::StringArray& files) override { return files.size() == 1; }
  void fileDragEnter(const juce::StringArray&, int, int) override { setLit(true); }
  void fileDragExit(const juce::StringArray&) override { setLit(false); }
  void filesDropped(const juce::StringArray& files, int, int) override;

 private:
  void showMenu();
  PluginProcessor& processor_;
  Browser& browser_;
};

} // namespace fxtrain::ui
