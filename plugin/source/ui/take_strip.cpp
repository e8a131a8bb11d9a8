// SPDX-License-Identifier: MIT
#include "take_strip.h"

#include <cmath>

namespace fxtrain::ui {
namespace {

juce::String timeText(double seconds) {
  const int whole = int(seconds);
  return juce::String(whole / 60) + ":" + juce::String(whole % 60).paddedLeft('0', 2);
}

} // namespace

TakeStrip::Position::Position(TakePlayer& player) : player_(player) {
  setTitle("Position");
  setWantsKeyboardFocus(true);
}

void TakeStrip::Position::update() {
  const double length = player_.length();
  const float now = length > 0.0 ? float(player_.position() / length) : 0.0f;
  if (std::abs(now - shown_) * float(getWidth()) < 0.5f)
    return;
  shown_ = now;
  repaint();
}

void TakeStrip::Position::paint(juce::Graphics& g) {
  const auto bounds = getLocalBounds().toFloat();
  const auto line = bounds.reduced(7.0f, 0.0f).withSizeKeepingCentre(bounds.getWidth() - 14.0f, 3.0f);
  g.setColour(colour::track);
  g.fillRoundedRectangle(line, 1.5f);
  if (player_.length() > 0.0) {
    const float x = line.getX() + juce::jlimit(0.0f, 1.0f, shown_) * line.getWidth();
    g.setColour(colour::accent);
    g.fillRoundedRectangle(line.withRight(x), 1.5f);
    g.setColour(colour::text);
    g.fillEllipse(juce::Rectangle<float>(12.0f, 12.0f).withCentre({x, line.getCentreY()}));
  }
  if (showsFocus())
    drawFocusRing(g, bounds, 6.0f);
}

void TakeStrip::Position::seek(float x) {
  player_.setPosition(player_.length() * double(juce::jlimit(0.0f, 1.0f, (x - 7.0f) / (float(getWidth()) - 14.0f))));
  update();
}

bool TakeStrip::Position::keyPressed(const juce::KeyPress& key) {
  const double step = key == juce::KeyPress::rightKey || key == juce::KeyPress::upKey    ? 1.0
                      : key == juce::KeyPress::leftKey || key == juce::KeyPress::downKey ? -1.0
                                                                                         : 0.0;
  if (step == 0.0)
    return false;
  player_.setPosition(juce::jlimit(0.0, player_.length(), player_.position() + step));
  return true;
}

std::unique_ptr<juce::AccessibilityHandler> TakeStrip::Position::createAccessibilityHandler() {
  struct Seconds : juce::AccessibilityValueInterface {
    explicit Seconds(TakePlayer& p) : player(p) {}
    bool isReadOnly() const override { return false; }
    double getCurrentValue() const override { return player.position(); }
    juce::String getCurrentValueAsString() const override { return timeText(player.position()); }
    void setValue(double value) override { player.setPosition(value); }
    void setValueAsString(const juce::String& text) override { player.setPosition(text.getDoubleValue()); }
    AccessibleValueRange getRange() const override { return {{0.0, std::max(1.0, player.length())}, 1.0}; }
    TakePlayer& player;
  };
  return std::make_unique<juce::AccessibilityHandler>(
      *this, juce::AccessibilityRole::slider, juce::AccessibilityActions(),
      juce::AccessibilityHandler::Interfaces{std::make_unique<Seconds>(player_)});
}

TakeStrip::TakeStrip(TakePlayer& player, Browser& browser)
    : Panel({}), player_(player), browser_(browser), load_("Load a dry take", Icon::folder),
      play_("Play the take in place of the guitar", Icon::play), stop_("Stop: the guitar is heard again", Icon::stop),
      loop_("Repeat", Icon::loop), position_(player) {
  setTitle("Dry take");
  load_.onClick = [this] { browse(); };
  play_.onClick = [this] { player_.setPlaying(true); };
  stop_.onClick = [this] { player_.setPlaying(false); };
  loop_.onClick = [this] { player_.setLooping(!player_.isLooping()); };
  for (auto* child : std::initializer_list<juce::Component*>{&load_, &play_, &stop_, &loop_, &position_})
    addAndMakeVisible(child);
  stop_.setVisible(false);
  update();
}

void TakeStrip::browse() {
  browser_.open("Load a dry take", juce::File::getSpecialLocation(juce::File::userMusicDirectory),
                "*.wav;*.aif;*.aiff;*.flac", [&player = player_](const juce::File& file) { player.load(file); });
}

void TakeStrip::filesDropped(const juce::StringArray& files, int, int) {
  setDropHint({});
  player_.load(juce::File(files[0]));
}

void TakeStrip::update() {
  const bool loaded = player_.length() > 0.0;
  const bool playing = player_.isPlaying();
  if (playing != playing_) {
    playing_ = playing;
    play_.setVisible(!playing);
    stop_.setVisible(playing);
    stop_.setLit(true);
  }
  play_.setEnabled(loaded);
  loop_.setLit(player_.isLooping());
  loop_.setEnabled(loaded);
  const auto name =
      loaded ? player_.name() : juce::String("Drop a dry recording here to play it in place of the guitar");
  const auto times = loaded ? timeText(player_.position()) + " / " + timeText(player_.length()) : juce::String();
  if (name != name_ || times != times_) {
    const bool newName = name != name_;
    name_ = name;
    times_ = times;
    if (newName) {
      position_.setVisible(loaded);
      repaint();
    } else {
      repaint(getLocalBounds().removeFromRight(116));
    }
  }
  position_.update();
}

void TakeStrip::resized() {
  auto area = getLocalBounds().reduced(8, 4);
  const auto square = [&] { return area.removeFromLeft(36).withSizeKeepingCentre(32, 32); };
  load_.setBounds(square());
  play_.setBounds(square());
  stop_.setBounds(play_.getBounds());
  loop_.setBounds(square());
  area.removeFromLeft(12 + 240 + 12);
  area.removeFromRight(104);
  position_.setBounds(area);
}

void TakeStrip::paint(juce::Graphics& g) {
  Panel::paint(g);
  const bool loaded = player_.length() > 0.0;
  const float left = float(loop_.getRight()) + 16.0f;
  drawText(g, name_, {left, 0.0f, loaded ? 232.0f : 600.0f, float(getHeight())}, font(13.5f, Weight::medium),
           loaded ? colour::text : colour::faint);
  drawText(g, times_, getLocalBounds().removeFromRight(112).withTrimmedRight(16).toFloat(), font(12.5f),
           colour::secondary, juce::Justification::centredRight);
}

} // namespace fxtrain::ui
