// SPDX-License-Identifier: MIT
#pragma once

#include "buttons.h"

#include <fxengine/dsp/pitch_detector.h>

#include <vector>

namespace fxtrain::ui {

/** The note being played and how far it is off, large enough for the far side of a stage. */
class TunerView : public juce::Component {
 public:
  static constexpr double kReferenceHz = 440.0; ///< A4
  static constexpr float kInTuneCents = 3.0f;
  static constexpr float kRangeCents = 50.0f;

  explicit TunerView(PluginProcessor& processor);

  /** Listens to what was played last. */
  void update();
  /** As if it had been heard. */
  void show(std::optional<double> hz);

  void paint(juce::Graphics& g) override;
  void resized() override;
  void mouseDown(const juce::MouseEvent&) override {}
  bool keyPressed(const juce::KeyPress& key) override;
  std::function<void()> onClose;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

 private:
  PluginProcessor& processor_;
  std::unique_ptr<fxengine::PitchDetector> detector_;
  double sampleRate_ = 0.0;
  std::vector<float> window_;
  std::optional<double> hz_;
  float cents_ = 0.0f; // as shown: follows what is heard
  int note_ = -1;      // MIDI number
  std::uint64_t written_ = 0;
  int silentFor_ = 0; // updates without a pitch
  PushButton close_;
};

} // namespace fxtrain::ui
