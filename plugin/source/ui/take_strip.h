// SPDX-License-Identifier: MIT
#pragma once

#include "buttons.h"
#include "panel.h"
#include "slot_card.h"

namespace fxtrain::ui {

/** Plays a recorded dry take in place of the guitar: in the standalone program only. */
class TakeStrip : public Panel, public juce::FileDragAndDropTarget {
 public:
  TakeStrip(TakePlayer& player, Browser& browser);
  void update();

  void paint(juce::Graphics& g) override;
  void resized() override;
  bool isInterestedInFileDrag(const juce::StringArray& files) override { return files.size() == 1; }
  void fileDragEnter(const juce::StringArray&, int, int) override { setDropHint("Play this take"); }
  void fileDragExit(const juce::StringArray&) override { setDropHint({}); }
  void filesDropped(const juce::StringArray& files, int, int) override;

 private:
  /** Where the take is, to be dragged. */
  class Position : public Focusable {
   public:
    explicit Position(TakePlayer& player);
    void update();
    void paint(juce::Graphics& g) override;
    void mouseDown(const juce::MouseEvent& event) override { seek(event.position.x); }
    void mouseDrag(const juce::MouseEvent& event) override { seek(event.position.x); }
    bool keyPressed(const juce::KeyPress& key) override;
    std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

   private:
    void seek(float x);
    TakePlayer& player_;
    float shown_ = 0.0f; // 0 to 1
  };

  void browse();
  TakePlayer& player_;
  Browser& browser_;
  PushButton load_, play_, stop_, loop_;
  Position position_;
  juce::String name_, times_;
  bool playing_ = false;
};

} // namespace fxtrain::ui
