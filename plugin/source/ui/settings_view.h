// SPDX-License-Identifier: MIT
#pragma once

#include "capture_card.h"
#include "knob.h"

#include <vector>

namespace fxtrain::ui {

/** What is set once and then left alone, in a drawer over the right side of the window. */
class SettingsView : public juce::Component {
 public:
  static constexpr int kWidth = 416;

  SettingsView(PluginProcessor& processor, Browser& browser);

  /** Shows what has changed elsewhere: MIDI controllers, folders, the backend. */
  void update();

  void paint(juce::Graphics& g) override;
  void resized() override;
  void mouseDown(const juce::MouseEvent& event) override;
  bool keyPressed(const juce::KeyPress& key) override;
  std::function<void()> onClose;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

 private:
  /** Everything but the heading, so that it can scroll. */
  class Page : public juce::Component {
   public:
    Page(PluginProcessor& processor, Browser& browser);
    void update();
    int layOut(int width); ///< @return height
    void paint(juce::Graphics& g) override;

   private:
    struct Text {
      juce::String text;
      juce::Rectangle<int> area;
      bool heading = false, secondary = false;
    };
    void chooseBackend();
    void chooseInterface();
    void updateInterface();
    void chooseFolder();

    PluginProcessor& processor_;
    Browser& browser_;
    Choice levels_, inputMode_, live_, offline_;
    Switch calibrate_;
    Fader interface_;
    PushButton knownInterfaces_, backend_, addFolder_;
    std::vector<juce::File> folders_;
    std::vector<std::unique_ptr<PushButton>> removeFolder_;
    std::vector<MidiControl::Binding> bindings_;
    std::vector<std::unique_ptr<PushButton>> forget_;
    std::vector<Text> texts_;
    juce::String backendName_;
  };

  PluginProcessor& processor_;
  PushButton close_;
  juce::Viewport viewport_;
  Page page_;
};

} // namespace fxtrain::ui
