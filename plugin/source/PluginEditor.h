// SPDX-License-Identifier: MIT
#pragma once

#include "PluginProcessor.h"
#include "ui/header.h"
#include "ui/library_view.h"
#include "ui/look_and_feel.h"
#include "ui/pedal_card.h"
#include "ui/settings_view.h"
#include "ui/signal_panels.h"
#include "ui/slot_card.h"
#include "ui/status_line.h"
#include "ui/take_strip.h"
#include "ui/tuner_view.h"

namespace fxtrain {

/** The window. Laid out once, in logical pixels, and scaled as a whole:

        header
        input         A      tone      output
          |   pedals (A|B)     |         |        the signal goes from left to right, through both slots side by side
        gate          B      cabinet     |
        notices                                   standalone: the take player above them

    Without pedals the slots take their room, and a plus on the wire stands for them.
*/
class PluginEditor : public juce::AudioProcessorEditor,
                     public juce::DragAndDropContainer,
                     private juce::ChangeListener,
                     private juce::Timer {
 public:
  static constexpr int kWidth = 1200, kHeight = 640;
  static constexpr int kTakeStripHeight = 56;
  static constexpr int kLeastWidth = 960, kGreatestWidth = 2400;

  explicit PluginEditor(PluginProcessor& owner);
  ~PluginEditor() override;

  void paint(juce::Graphics& g) override;
  void resized() override;
  bool keyPressed(const juce::KeyPress& key) override;
  void mouseDown(const juce::MouseEvent& event) override; ///< anywhere in the window

  /** Brings everything that moves up to date, as the timer does. @param seconds  a clock's time */
  void update(double seconds);
  void stopUpdates() { stopTimer(); } ///< for pictures that are to be the same every time
  void showSettings(bool shown);
  void showLibrary(const ui::Browser::Target& target);
  ui::LibraryView* libraryView() noexcept { return library_.get(); } ///< null while it is not shown
  ui::TunerView* tunerView() noexcept { return tuner_.get(); }       ///< null while it is not shown

 private:
  /** All that the scale applies to. */
  struct Content : juce::Component {
    explicit Content(PluginEditor& e) : editor(e) { setOpaque(true); }
    void paint(juce::Graphics& g) override { editor.paintContent(g); }
    PluginEditor& editor;
  };
  /** Dims what does nothing while bypassed. */
  struct Veil : juce::Component {
    Veil() {
      setInterceptsMouseClicks(false, false);
      setAccessible(false);
    }
    void paint(juce::Graphics& g) override { g.fillAll(ui::colour::window.withAlpha(0.5f)); }
  };

  void changeListenerCallback(juce::ChangeBroadcaster*) override;
  void timerCallback() override;
  void layOut();
  void paintContent(juce::Graphics& g);
  void paintWires(juce::Graphics& g);
  void showContents();
  void showPedals();
  ui::PedalCard* shownPedal(int pedal) const; ///< its card, if it is there
  void routingChanged();
  void updateTuner();
  bool isOn(const char* parameter) const;
  void set(const char* parameter, float plainValue);
  int logicalHeight() const;

  PluginProcessor& processor_;
  juce::SharedResourcePointer<ui::DefaultLook> look_;
  ui::Browser browser_;
  Content content_{*this};
  ui::Header header_;
  ui::InputPanel input_;
  ui::GatePanel gate_;
  ui::PreTonePanel preTone_;
  ui::AddPedal addPedal_;
  std::array<std::unique_ptr<ui::PedalCard>, 2 * Rig::kNumPedals> pedals_; // in the order of their slots
  ui::SlotCard slotA_, slotB_;
  ui::SlotSwitch slots_;
  ui::TonePanel tone_;
  ui::CabinetPanel cabinet_;
  ui::SpacePanel space_;
  ui::OutputPanel output_;
  Veil veil_;
  ui::StatusLine status_;
  std::unique_ptr<ui::TakeStrip> take_;
  std::unique_ptr<ui::TunerView> tuner_;
  std::unique_ptr<ui::SettingsView> settings_;
  std::unique_ptr<ui::LibraryView> library_;
  juce::ParameterAttachment slotWatch_, bypassWatch_, tunerWatch_, pedalWatch_, secondPedalWatch_;
  juce::TooltipWindow tooltips_{&content_, 600};
  int tick_ = 0;
  juce::String dismissed_; // what the take player said and was put away
  double hostRate_ = -1.0;
  bool hasCabinet_ = false;

  JUCE_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(PluginEditor)
};

} // namespace fxtrain
