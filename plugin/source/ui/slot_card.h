// SPDX-License-Identifier: MIT
#pragma once

#include "capture_card.h"

namespace fxtrain::ui {

/** Slot A or B. */
class SlotCard : public CaptureCard {
 public:
  SlotCard(PluginProcessor& processor, Browser& browser, int slot);

  void show(std::shared_ptr<const ModelFile> file);
  void setLive(bool live); ///< its sound is heard

  void paint(juce::Graphics& g) override;
  void resized() override;
  void mouseUp(const juce::MouseEvent& event) override;

 private:
  void addToMenu(juce::PopupMenu& menu) override;
  juce::Rectangle<int> badgeArea() const { return {16, 16, 28, 28}; }
  juce::String letter() const { return slot_ == 0 ? "A" : "B"; }

  bool live_ = false;
  PushButton invite_;
};

} // namespace fxtrain::ui
