// SPDX-License-Identifier: MIT
#pragma once

#include "buttons.h"
#include "knob.h"
#include "panel.h"

#include "library_index.h"

#include <array>

namespace fxtrain::ui {

/** How the window asks for a file, once for a window: in the library, or in a file chooser, which needs to stay for as
    long as it is open. */
class Browser {
 public:
  /** Where a file of the library goes. */
  struct Target {
    LibraryKind kind = LibraryKind::capture;
    int place = 0; ///< slot of a capture; 0 or 1 of a cabinet's responses
  };
  std::function<void(const Target&)> showLibrary; ///< set by the window

  void open(const juce::String& title, const juce::File& start, const juce::String& pattern,
            std::function<void(const juce::File&)> then);
  void openFolder(const juce::String& title, const juce::File& start, std::function<void(const juce::File&)> then);

 private:
  void launch(int what, std::function<void(const juce::File&)> then);
  std::unique_ptr<juce::FileChooser> chooser_;
};

/** A slot for a capture: what is loaded, the capture's own knobs, and ways to load another. Dragged onto another card,
    the two change places. */
class CaptureCard : public Panel,
                    public juce::FileDragAndDropTarget,
                    public juce::DragAndDropTarget,
                    public juce::TooltipClient {
 public:
  /** Shows what the slot holds now. */
  void show(std::shared_ptr<const ModelFile> file);
  bool isLoaded() const noexcept { return file_ != nullptr; }
  void setHostRate(double hz);
  /** Whether a loudspeaker follows in the rig. */
  void setCabinetFollows(bool follows);
  /** While a load that this card asked for is under way. */
  void setLoading(bool loading);

  juce::String getTooltip() override;
  void mouseDown(const juce::MouseEvent& event) override;
  void mouseDrag(const juce::MouseEvent& event) override;
  bool isInterestedInFileDrag(const juce::StringArray& files) override { return files.size() == 1; }
  void fileDragEnter(const juce::StringArray&, int, int) override { setDropHint("Load into " + place_); }
  void fileDragExit(const juce::StringArray&) override { setDropHint({}); }
  void filesDropped(const juce::StringArray& files, int, int) override;
  bool isInterestedInDragSource(const SourceDetails& details) override;
  void itemDragEnter(const SourceDetails& details) override;
  void itemDragExit(const SourceDetails&) override { setDropHint({}); }
  void itemDropped(const SourceDetails& details) override;

 protected:
  struct Fact {
    juce::String caption, value;
    bool isOdd = false; ///< to be looked at
  };

  /** @param heading  shown; "" for none
      @param place  for sentences: "slot A" */
  CaptureCard(PluginProcessor& processor, Browser& browser, int slot, const juce::String& heading,
              const juce::String& place);

  bool hasSizes() const { return file_ != nullptr && file_->info.qualities.size() > 1; }
  juce::String sizeText() const; ///< which one plays
  /** Its sound is heard. @param whyNot  what the player reads who turns a knob while it is not */
  void setKnobsActive(bool live, const juce::String& whyNot = {});
  void browse();
  virtual void addToMenu(juce::PopupMenu&) {} ///< behind "Load..."
  virtual void shown() {}                     ///< another file, or none, is shown from now on

  PluginProcessor& processor_;
  Browser& browser_;
  int slot_;
  std::shared_ptr<const ModelFile> file_;
  juce::String title_, device_, author_, gear_; // of the file
  std::vector<Fact> facts_, details_;           // what a guitarist reads first, and the rest
  bool loading_ = false;
  PushButton previous_, next_, load_, clear_;
  std::array<std::unique_ptr<Knob>, fxengine::ChainSettings::kNumKnobs> knobs_;
  Fader quality_; ///< of captures with several sizes

 private:
  void showFacts(); ///< collects them, for eyes and screen readers
  void collectFacts();
  void showMenu();

  juce::String place_;
  bool asked_ = false;
  double hostRate_ = 0.0;
  bool cabinetFollows_ = false;
};

} // namespace fxtrain::ui
