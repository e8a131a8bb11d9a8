// SPDX-License-Identifier: MIT
#pragma once

#include "buttons.h"
#include "knob.h"
#include "panel.h"

#include <array>

namespace fxtrain::ui {

/** What a file chooser needs to stay for, once for a window. */
class Browser {
 public:
  void open(const juce::String& title, const juce::File& start, const juce::String& pattern,
            std::function<void(const juce::File&)> then);

 private:
  std::unique_ptr<juce::FileChooser> chooser_;
};

/** One of the two slots: what is loaded, its own knobs, and ways to load another. */
class SlotCard : public Panel, public juce::FileDragAndDropTarget, public juce::TooltipClient {
 public:
  SlotCard(PluginProcessor& processor, Browser& browser, int slot);

  /** Shows what the slot holds now. */
  void show(std::shared_ptr<const ModelFile> file);
  void setLive(bool live); ///< its sound is heard
  void setHostRate(double hz);
  /** While a load that this card asked for is under way. */
  void setLoading(bool loading);
  void browse();

  void paint(juce::Graphics& g) override;
  void resized() override;
  juce::String getTooltip() override;
  void mouseDown(const juce::MouseEvent& event) override;
  void mouseUp(const juce::MouseEvent& event) override;
  bool isInterestedInFileDrag(const juce::StringArray& files) override;
  void fileDragEnter(const juce::StringArray&, int, int) override;
  void fileDragExit(const juce::StringArray&) override;
  void filesDropped(const juce::StringArray& files, int, int) override;

 private:
  struct Fact {
    juce::String caption, value;
  };
  bool hasSizes() const { return file_ != nullptr && file_->info.qualities.size() > 1; }
  juce::String sizeText() const; ///< which one plays
  void showFacts();              ///< collects them, for eyes and screen readers
  void collectFacts();
  juce::Rectangle<int> badgeArea() const;
  void load(const juce::File& file);
  void showMenu();
  juce::String letter() const { return slot_ == 0 ? "A" : "B"; }

  PluginProcessor& processor_;
  Browser& browser_;
  int slot_;
  std::shared_ptr<const ModelFile> file_;
  juce::String title_, device_, author_, gear_; // of the file
  std::vector<Fact> facts_, details_;           // what a guitarist reads first, and the rest
  bool live_ = false, loading_ = false, asked_ = false;
  double hostRate_ = 0.0;
  PushButton previous_, next_, load_, clear_, invite_;
  std::array<std::unique_ptr<Knob>, fxengine::ChainSettings::kNumKnobs> knobs_;
  Fader quality_; ///< of captures with several sizes
};

} // namespace fxtrain::ui
