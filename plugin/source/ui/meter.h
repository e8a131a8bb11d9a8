// SPDX-License-Identifier: MIT
#pragma once

#include "style.h"

#include <fxengine/dsp/level_meter.h>

#include <optional>

namespace fxtrain::ui {

/** A light that stays on until it is clicked, with a word beside it where there is room. */
class Light : public juce::Button {
 public:
  Light(const juce::String& name, const juce::String& label);
  void setLit(bool lit);
  bool isLit() const noexcept { return lit_; }
  void paintButton(juce::Graphics& g, bool isOver, bool isDown) override;
  void clicked() override { setLit(false); }

 private:
  juce::String text_;
  bool lit_ = false;
};

/** A vertical level meter with a scale in dB: the RMS as a solid bar, the peak above it, paler, falling back at
    kFallDbPerSecond; a line at the highest peak of the last kHoldSeconds; a light for samples beyond full scale. */
class Meter : public juce::Component, public juce::SettableTooltipClient {
 public:
  static constexpr float kLowestDb = -60.0f, kHighestDb = 6.0f;
  static constexpr float kFallDbPerSecond = 24.0f;
  static constexpr double kHoldSeconds = 1.5;

  Meter(const juce::String& name, fxengine::LevelMeter& source);

  /** A level worth seeing on the scale, such as a gate's threshold; nothing for none. */
  void setMarker(std::optional<float> db);

  /** Reads the meter and repaints what changed. */
  void update(double seconds);

  void paint(juce::Graphics& g) override;
  void resized() override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;
  float peakDb() const noexcept { return peak_; }

 private:
  /** The part that moves. Opaque, so that nothing behind it is painted again. */
  struct Bar : juce::Component {
    explicit Bar(Meter& m) : meter(m) {
      setOpaque(true);
      setInterceptsMouseClicks(false, false);
      setAccessible(false);
    }
    void paint(juce::Graphics& g) override;
    Meter& meter;
  };
  float yOf(float db) const; ///< in the bar

  fxengine::LevelMeter& source_;
  float peak_ = kLowestDb, rms_ = kLowestDb, hold_ = kLowestDb;
  double lastTime_ = 0.0, holdUntil_ = 0.0;
  std::uint32_t numClips_ = 0;
  std::optional<float> marker_;
  Bar bar_{*this};
  Light light_;
};

} // namespace fxtrain::ui
