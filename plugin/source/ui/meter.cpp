// SPDX-License-Identifier: MIT
#include "meter.h"

#include <juce_audio_basics/juce_audio_basics.h>

#include <cmath>

namespace fxtrain::ui {

Light::Light(const juce::String& name, const juce::String& label) : juce::Button(name), text_(label) {
  setTitle(name);
  setMouseClickGrabsKeyboardFocus(false);
}

void Light::setLit(bool lit) {
  if (lit_ == lit)
    return;
  lit_ = lit;
  repaint();
  if (auto* handler = getAccessibilityHandler())
    handler->notifyAccessibilityEvent(juce::AccessibilityEvent::valueChanged);
  setDescription(lit ? "lit; press to clear" : "dark");
}

void Light::paintButton(juce::Graphics& g, bool, bool) {
  auto area = getLocalBounds().toFloat();
  if (text_.isEmpty()) {
    g.setColour(lit_ ? colour::danger : colour::track);
    g.fillRoundedRectangle(area, 2.0f);
  } else {
    g.setColour(lit_ ? colour::danger : colour::track);
    g.fillEllipse(area.removeFromLeft(8.0f).withSizeKeepingCentre(8.0f, 8.0f));
    drawText(g, text_, area.withTrimmedLeft(8.0f), font(12.0f, Weight::medium), lit_ ? colour::danger : colour::faint);
  }
  if (hasKeyboardFocus(false))
    drawFocusRing(g, getLocalBounds().toFloat(), 2.0f);
}

Meter::Meter(const juce::String& name, fxengine::LevelMeter& source)
    : source_(source), numClips_(source.numClips()), light_(name + " clipped", {}) {
  setTitle(name);
  addAndMakeVisible(bar_);
  addAndMakeVisible(light_);
  light_.setTooltip("Lights when the signal goes beyond full scale. Click to clear.");
}

float Meter::yOf(float db) const {
  const float position = (juce::jlimit(kLowestDb, kHighestDb, db) - kLowestDb) / (kHighestDb - kLowestDb);
  return float(bar_.getHeight()) * (1.0f - position);
}

void Meter::setMarker(std::optional<float> db) {
  if (marker_ != db) {
    marker_ = db;
    repaint();
  }
}

void Meter::update(double seconds) {
  const auto decibels = [](float gain) { return juce::Decibels::gainToDecibels(gain, kLowestDb); };
  const float elapsed = lastTime_ > 0.0 ? float(juce::jlimit(0.0, 1.0, seconds - lastTime_)) : 0.0f;
  lastTime_ = seconds;
  const float peakNow = decibels(source_.takePeak());
  const float peak = std::max(peakNow, std::max(kLowestDb, peak_ - kFallDbPerSecond * elapsed));
  const float rms = std::min(decibels(source_.rms()), peak);
  float hold = hold_;
  if (peakNow >= hold_) {
    hold = peakNow;
    holdUntil_ = seconds + kHoldSeconds;
  } else if (seconds > holdUntil_) {
    hold = peak;
  }
  if (const auto clips = source_.numClips(); clips != numClips_) {
    numClips_ = clips;
    light_.setLit(true);
  }

  // Half a pixel at 200 % is the least that can be seen.
  const auto moved = [this](float from, float to) { return std::abs(yOf(from) - yOf(to)) >= 0.25f; };
  if (moved(peak_, peak) || moved(rms_, rms) || moved(hold_, hold)) {
    const float top = yOf(std::max({peak_, peak, hold_, hold})) - 2.0f;
    const float bottom = yOf(std::min({rms_, rms, peak_, peak})) + 2.0f;
    bar_.repaint(0, int(top), bar_.getWidth(), int(std::ceil(bottom)) - int(top) + 1);
  } else if (peak > kLowestDb) {
    return; // what is shown stays, so that slow movement adds up
  }
  peak_ = peak;
  rms_ = rms;
  hold_ = hold;
}

void Meter::Bar::paint(juce::Graphics& g) {
  const auto bounds = getLocalBounds().toFloat();
  g.fillAll(colour::raised);
  const float width = bounds.getWidth(), height = bounds.getHeight();
  const float full = meter.yOf(0.0f);
  // Brighter towards full scale, so that a glance tells loud from quiet.
  const juce::ColourGradient body(colour::accent, 0.0f, full, colour::accent.interpolatedWith(colour::raised, 0.35f),
                                  0.0f, height, false);
  const auto fill = [&](float db, float alpha) {
    const float y = meter.yOf(db);
    if (y < full) {
      g.setColour(colour::danger.withAlpha(alpha));
      g.fillRect(0.0f, y, width, full - y);
    }
    g.setGradientFill(body);
    g.setOpacity(alpha);
    g.fillRect(0.0f, std::max(y, full), width, height - std::max(y, full));
    g.setOpacity(1.0f);
  };
  fill(meter.peak_, 0.4f);
  fill(meter.rms_, 1.0f);
  if (meter.hold_ > kLowestDb) {
    g.setColour(meter.hold_ > 0.0f ? colour::danger : colour::text);
    g.fillRect(0.0f, meter.yOf(meter.hold_) - 0.75f, width, 1.5f);
  }
}

void Meter::resized() {
  light_.setBounds(0, 0, 14, 6);
  bar_.setBounds(0, 10, 14, getHeight() - 10);
}

void Meter::paint(juce::Graphics& g) {
  for (const int db : {0, -6, -12, -18, -24, -36, -48, -60}) {
    if (db > -60 && getHeight() < 240 && db % 12 != 0)
      continue;
    const float y = float(bar_.getY()) + yOf(float(db));
    g.setColour(colour::track);
    if (db > -60)
      g.fillRect(17.0f, y - 0.5f, 4.0f, 1.0f);
    if (db > -60)
      drawText(g, juce::String(std::abs(db)), {23.0f, y - 7.0f, float(getWidth()) - 23.0f, 14.0f}, font(11.0f),
               db == 0 ? colour::secondary : colour::faint);
  }
  if (marker_) {
    const float y = std::min(float(bar_.getY()) + yOf(*marker_), float(getHeight()) - 4.0f);
    juce::Path triangle;
    triangle.addTriangle(15.0f, y, 21.0f, y - 4.0f, 21.0f, y + 4.0f);
    g.setColour(colour::accent);
    g.fillPath(triangle);
  }
}

std::unique_ptr<juce::AccessibilityHandler> Meter::createAccessibilityHandler() {
  struct Value : juce::AccessibilityValueInterface {
    explicit Value(Meter& m) : meter(m) {}
    bool isReadOnly() const override { return true; }
    double getCurrentValue() const override { return double(meter.peak_); }
    juce::String getCurrentValueAsString() const override {
      return juce::String(juce::roundToInt(meter.peak_)) + " decibels";
    }
    void setValue(double) override {}
    void setValueAsString(const juce::String&) override {}
    AccessibleValueRange getRange() const override { return {{double(kLowestDb), double(kHighestDb)}, 1.0}; }
    Meter& meter;
  };
  return std::make_unique<juce::AccessibilityHandler>(
      *this, juce::AccessibilityRole::progressBar, juce::AccessibilityActions(),
      juce::AccessibilityHandler::Interfaces{std::make_unique<Value>(*this)});
}

} // namespace fxtrain::ui
