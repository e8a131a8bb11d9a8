// SPDX-License-Identifier: MIT
#include "tuner_view.h"

#include <array>
#include <cmath>

namespace fxtrain::ui {
namespace {

constexpr double kLeastClarity = 0.8;
constexpr int kHold = 30; // updates that a note stays after it has faded

juce::String nameOf(int note) {
  static constexpr std::array<const char*, 12> kNames = {"C", "C", "D", "D", "E", "F", "F", "G", "G", "A", "A", "B"};
  return kNames[std::size_t((note % 12 + 12) % 12)];
}

bool isSharp(int note) {
  const int pitch = (note % 12 + 12) % 12;
  return pitch == 1 || pitch == 3 || pitch == 6 || pitch == 8 || pitch == 10;
}

} // namespace

TunerView::TunerView(PluginProcessor& processor)
    : processor_(processor), close_("Close the tuner", Icon::close, "Close", PushButton::Style::raised) {
  setTitle("Tuner");
  setOpaque(true);
  setWantsKeyboardFocus(true);
  setFocusContainerType(FocusContainerType::keyboardFocusContainer);
  close_.onClick = [this] {
    if (onClose)
      onClose();
  };
  addAndMakeVisible(close_);
}

void TunerView::update() {
  auto& chain = processor_.rig().chain();
  const double rate = chain.sampleRate();
  if (rate <= 0.0)
    return;
  if (detector_ == nullptr || rate != sampleRate_) {
    detector_ = std::make_unique<fxengine::PitchDetector>(rate);
    sampleRate_ = rate;
    window_.assign(std::size_t(detector_->windowFrames()), 0.0f);
  }
  if (!chain.tunerRing().read(window_))
    return;
  // Where no audio comes in any more, what came last is no news.
  const auto written = std::exchange(written_, chain.tunerRing().numWritten());
  const auto pitch = written_ != written ? detector_->detect(window_) : std::nullopt;
  if (pitch && pitch->clarity >= kLeastClarity) {
    silentFor_ = 0;
    show(pitch->hz);
  } else if (++silentFor_ > kHold && hz_) {
    show(std::nullopt);
  }
}

void TunerView::show(std::optional<double> hz) {
  hz_ = hz;
  if (hz) {
    const double place = 69.0 + 12.0 * std::log2(*hz / kReferenceHz);
    const int note = int(std::lround(place));
    const float cents = float(100.0 * (place - note));
    cents_ = note == note_ ? cents_ + 0.4f * (cents - cents_) : cents;
    note_ = note;
    setDescription(nameOf(note) + (isSharp(note) ? " sharp " : " ") + juce::String(juce::roundToInt(cents_)) +
                   " cents");
  } else {
    setDescription("no note");
  }
  repaint(getLocalBounds().withTrimmedBottom(80));
}

void TunerView::paint(juce::Graphics& g) {
  g.fillAll(colour::window);
  const auto bounds = getLocalBounds().toFloat();
  const float middle = bounds.getCentreX();
  const bool heard = hz_.has_value();
  const bool inTune = heard && std::abs(cents_) <= kInTuneCents;
  const auto tint = inTune ? colour::accent : colour::text;

  // Note
  const auto big = font(208.0f, Weight::semiBold);
  const auto name = heard ? nameOf(note_) : juce::String::charToString(juce::juce_wchar{0x2013});
  const float width = widthOf(big, name);
  const juce::Rectangle<float> noteArea{middle - 0.5f * width - 20.0f, 40.0f, width + 40.0f, 216.0f};
  drawText(g, name, noteArea, big, heard ? tint : colour::track, juce::Justification::centred);
  if (heard) {
    const float right = middle + 0.5f * width + 12.0f;
    if (isSharp(note_))
      drawText(g, "#", {right, 64.0f, 80.0f, 80.0f}, font(80.0f, Weight::semiBold), tint);
    drawText(g, juce::String(note_ / 12 - 1), {right + 4.0f, 180.0f, 60.0f, 48.0f}, font(44.0f, Weight::medium),
             colour::secondary);
  }

  // Strip: 50 cents to either side
  const juce::Rectangle<float> strip{middle - 400.0f, 304.0f, 800.0f, 72.0f};
  const auto xOf = [&](float cents) { return middle + 0.5f * strip.getWidth() * cents / kRangeCents; };
  g.setColour(colour::panel);
  g.fillRoundedRectangle(strip.expanded(16.0f, 0.0f), 12.0f);
  const float zone = xOf(kInTuneCents) - middle;
  g.setColour(inTune ? colour::accent.withAlpha(0.30f) : colour::raised);
  g.fillRect(middle - zone, strip.getY(), 2.0f * zone, strip.getHeight());
  for (int cents = -50; cents <= 50; cents += 5) {
    const bool large = cents % 25 == 0;
    const float height = cents == 0 ? 72.0f : large ? 36.0f : 18.0f;
    g.setColour(large ? colour::secondary : colour::track);
    g.fillRect(xOf(float(cents)) - (large ? 1.0f : 0.75f), strip.getCentreY() - 0.5f * height, large ? 2.0f : 1.5f,
               height);
  }
  for (const int cents : {-50, -25, 0, 25, 50})
    drawText(g, typographic(juce::String(cents), true),
             {xOf(float(cents)) - 40.0f, strip.getBottom() + 8.0f, 80.0f, 20.0f}, font(14.0f), colour::faint,
             juce::Justification::centred);
  if (heard) {
    const float x = xOf(juce::jlimit(-kRangeCents, kRangeCents, cents_));
    g.setColour(inTune ? colour::accent : colour::text);
    g.fillRoundedRectangle(juce::Rectangle<float>(10.0f, 96.0f).withCentre({x, strip.getCentreY()}), 5.0f);
  }

  // What to do, in words: colour alone does not tell everybody
  const auto number = typographic(juce::String(cents_, 1), true);
  const auto advice = !heard          ? juce::String("Play one string")
                      : inTune        ? juce::String("In tune")
                      : cents_ < 0.0f ? number + " cents: tune up"
                                      : number + " cents: tune down";
  drawText(g, advice, {middle - 300.0f, 428.0f, 600.0f, 40.0f}, font(28.0f, Weight::semiBold),
           inTune  ? colour::accent
           : heard ? colour::text
                   : colour::secondary,
           juce::Justification::centred);
  if (heard)
    drawText(g, juce::String(*hz_, 1) + " Hz", {middle - 300.0f, 470.0f, 600.0f, 28.0f}, font(20.0f), colour::secondary,
             juce::Justification::centred);
  drawText(g, "Output muted. A4 = 440 Hz", {24.0f, bounds.getBottom() - 56.0f, 400.0f, 32.0f}, font(13.0f),
           colour::faint);
}

void TunerView::resized() { close_.setBounds(getWidth() - 24 - 104, getHeight() - 56, 104, 32); }

bool TunerView::keyPressed(const juce::KeyPress& key) {
  if (key != juce::KeyPress::escapeKey)
    return false;
  if (onClose)
    onClose();
  return true;
}

std::unique_ptr<juce::AccessibilityHandler> TunerView::createAccessibilityHandler() {
  struct Value : juce::AccessibilityTextValueInterface {
    explicit Value(TunerView& v) : view(v) {}
    bool isReadOnly() const override { return true; }
    juce::String getCurrentValueAsString() const override { return view.getDescription(); }
    void setValueAsString(const juce::String&) override {}
    TunerView& view;
  };
  return std::make_unique<juce::AccessibilityHandler>(
      *this, juce::AccessibilityRole::group, juce::AccessibilityActions(),
      juce::AccessibilityHandler::Interfaces{std::make_unique<Value>(*this)});
}

} // namespace fxtrain::ui
