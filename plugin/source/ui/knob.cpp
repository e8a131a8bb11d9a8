// SPDX-License-Identifier: MIT
#include "knob.h"

#include <cmath>

namespace fxtrain::ui {
namespace {

constexpr float kSmallestCaption = 0.87f; // of its size, where it would not fit otherwise

} // namespace

void RangeControl::setActive(bool active, const juce::String& whyNot) {
  if (active && !active_ && whyNot_.isNotEmpty() && processor_.rig().problem() == whyNot_)
    processor_.rig().clearProblem();
  whyNot_ = whyNot;
  if (active_ != active) {
    active_ = active;
    repaint();
  }
}

void RangeControl::setKnobInfo(const fxengine::KnobInfo& info) {
  info_ = info;
  setTitle(juce::String::fromUTF8(info.name.c_str()));
  repaint();
}

float RangeControl::defaultValue() const {
  if (info_ && info_->maximum > info_->minimum)
    return info_->defaultPosition();
  return parameter().getDefaultValue();
}

juce::String RangeControl::valueText() const {
  if (!info_)
    return ParameterControl::valueText();
  const double span = info_->maximum - info_->minimum;
  const auto number = numberText(info_->minimum + span * double(normalised()), std::abs(span) > 20.0 ? 0 : 1);
  const auto unit = juce::String::fromUTF8(info_->unit.c_str());
  return typographic(number) + (unit.isEmpty() ? juce::String() : " " + unit);
}

void RangeControl::setFromText(const juce::String& text) {
  if (!info_) {
    ParameterControl::setFromText(text);
  } else if (text.containsAnyOf("0123456789")) {
    const double number = text.trim().replaceCharacter(juce::juce_wchar{0x2212}, '-').getDoubleValue();
    setNormalised(float((number - info_->minimum) / (info_->maximum - info_->minimum)));
  }
}

void RangeControl::reset() { setNormalised(defaultValue()); }

RangeControl::Step RangeControl::step() const {
  const auto& range = parameter().getNormalisableRange();
  const float span = range.end - range.start;
  const auto unit = parameter().getLabel();
  const float fine = unit == "dB" || unit == "dBu" ? 0.1f : 1.0f;
  const float coarse = unit == "ms" ? 5.0f : unit == "%" ? 1.0f : 0.5f;
  return {(info_ ? 0.1f : fine) / span, coarse / span};
}

float RangeControl::onGrid(float normalisedValue) const {
  const float fine = step().fine;
  return juce::jlimit(0.0f, 1.0f, std::round(normalisedValue / fine) * fine);
}

void RangeControl::mouseDown(const juce::MouseEvent& event) {
  dragged_ = false;
  typing_ = false;
  if (event.mods.isPopupMenu()) {
    showMenu();
    return;
  }
  position_ = normalised();
  last_ = event.position;
}

void RangeControl::mouseDrag(const juce::MouseEvent& event) {
  if (event.mods.isPopupMenu() || editor_ != nullptr)
    return;
  if (!dragged_) {
    if (event.getDistanceFromDragStart() < 2)
      return;
    dragged_ = true;
    tellWhyNot();
    beginGesture();
  }
  const auto moved = event.position - last_;
  last_ = event.position;
  position_ =
      juce::jlimit(0.0f, 1.0f, position_ + dragDistance(moved.x, moved.y) * (event.mods.isShiftDown() ? 0.1f : 1.0f));
  dragTo(onGrid(position_));
}

void RangeControl::mouseUp(const juce::MouseEvent& event) {
  if (dragged_)
    endGesture();
  else if (!event.mods.isPopupMenu() && event.getNumberOfClicks() == 1 && valueArea().contains(event.getPosition()))
    startTyping();
  dragged_ = false;
}

void RangeControl::mouseDoubleClick(const juce::MouseEvent& event) {
  if (!event.mods.isPopupMenu() && !valueArea().contains(event.getPosition()))
    reset();
}

void RangeControl::mouseWheelMove(const juce::MouseEvent& event, const juce::MouseWheelDetails& wheel) {
  if (dragged_ || editor_ != nullptr)
    return;
  const float steps = wheelSteps(wheel);
  if (steps == 0.0f)
    return;
  tellWhyNot();
  nudgeTo(onGrid(normalised() + steps * (event.mods.isShiftDown() ? step().fine : step().coarse)));
}

void RangeControl::tellWhyNot() {
  if (!active_ && whyNot_.isNotEmpty())
    processor_.rig().setProblem(whyNot_);
}

bool RangeControl::keyPressed(const juce::KeyPress& key) {
  const auto by = [this](float change) {
    tellWhyNot();
    nudgeTo(onGrid(normalised() + change));
    return true;
  };
  const auto mods = key.getModifiers();
  if (mods.isCommandDown() || mods.isAltDown())
    return false;
  const float small = mods.isShiftDown() ? step().fine : step().coarse;
  const int code = key.getKeyCode();
  if (code == juce::KeyPress::upKey || code == juce::KeyPress::rightKey)
    return by(small);
  if (code == juce::KeyPress::downKey || code == juce::KeyPress::leftKey)
    return by(-small);
  if (code == juce::KeyPress::pageUpKey)
    return by(10.0f * step().coarse);
  if (code == juce::KeyPress::pageDownKey)
    return by(-10.0f * step().coarse);
  if (code == juce::KeyPress::homeKey)
    return by(-1.0f);
  if (code == juce::KeyPress::endKey)
    return by(1.0f);
  if (code == juce::KeyPress::deleteKey || code == juce::KeyPress::backspaceKey) {
    reset();
    return true;
  }
  if (code == juce::KeyPress::returnKey) {
    startTyping();
    return true;
  }
  return false;
}

void RangeControl::startTyping() {
  editor_ = std::make_unique<juce::TextEditor>();
  editor_->setFont(font(12.5f, Weight::medium));
  editor_->setJustification(juce::Justification::centred);
  editor_->setIndents(2, 0);
  editor_->setBorder(juce::BorderSize<int>(0));
  editor_->setText(valueText(), false);
  editor_->selectAll();
  editor_->setTitle(getTitle());
  addAndMakeVisible(*editor_);
  resized();
  const juce::Component::SafePointer<RangeControl> safe(this);
  const auto close = [safe](bool take) {
    // The editor calls us: it may go only once it has returned.
    juce::MessageManager::callAsync([safe, take] {
      if (safe == nullptr || safe->editor_ == nullptr)
        return;
      const auto editor = std::move(safe->editor_);
      const bool hadFocus = editor->hasKeyboardFocus(true);
      if (take && editor->getText() != safe->valueText())
        safe->setFromText(editor->getText());
      if (hadFocus)
        safe->grabKeyboardFocus();
      safe->repaint();
    });
  };
  editor_->onReturnKey = [close] { close(true); };
  editor_->onEscapeKey = [close] { close(false); };
  editor_->onFocusLost = [close] { close(true); };
  grabKeyboardFor(*editor_);
  repaint();
}

void RangeControl::resized() {
  if (editor_ != nullptr)
    editor_->setBounds(valueArea());
}

std::unique_ptr<juce::AccessibilityHandler> RangeControl::createAccessibilityHandler() {
  const float range = parameter().getNormalisableRange().end - parameter().getNormalisableRange().start;
  return std::make_unique<juce::AccessibilityHandler>(
      *this, juce::AccessibilityRole::slider,
      juce::AccessibilityActions().addAction(juce::AccessibilityActionType::showMenu, [this] { showMenu(); }),
      juce::AccessibilityHandler::Interfaces{accessibleValue(*this, step().coarse * range)});
}

Knob::Knob(PluginProcessor& processor, const juce::String& id, const juce::String& caption, const juce::String& help,
           int dialSize)
    : RangeControl(processor, id, help), caption_(caption), dialSize_(dialSize) {}

void Knob::setDialSize(int size) {
  dialSize_ = size;
  repaint();
}

juce::String Knob::shownCaption() const { return caption_.isEmpty() ? caption() : caption_; }

juce::Rectangle<int> Knob::valueArea() const { return getLocalBounds().removeFromBottom(18); }

float Knob::origin() const {
  const auto& range = parameter().getNormalisableRange();
  return range.start < 0.0f && range.end > 0.0f ? range.convertTo0to1(0.0f) : 0.0f;
}

void Knob::paint(juce::Graphics& g) {
  const auto bounds = getLocalBounds().toFloat();
  const float smaller = getWidth() < 50 ? 1.75f : 0.0f; // where they stand close
  const auto captionFont = font(12.0f - smaller, Weight::medium);
  const float room = bounds.getWidth() / std::max(1.0f, widthOf(captionFont, shownCaption()));
  drawText(g, shownCaption(), bounds.withHeight(16.0f),
           captionFont.withHeight(captionFont.getHeight() * juce::jlimit(kSmallestCaption, 1.0f, room)),
           active() ? colour::secondary : colour::faint, juce::Justification::centred);

  const float size = float(dialSize_);
  const auto dial = juce::Rectangle<float>(bounds.getCentreX() - 0.5f * size, 18.0f, size, size);
  const auto centre = dial.getCentre();
  const float width = dialSize_ >= 56 ? 3.5f : 3.0f;
  const float radius = 0.5f * size - 0.5f * width - 1.0f;
  constexpr float kEnd = 0.75f * juce::MathConstants<float>::pi;
  const auto angleOf = [](float position) { return kEnd * (2.0f * position - 1.0f); };
  const auto arc = [&](float from, float to) {
    juce::Path path;
    path.addCentredArc(centre.x, centre.y, radius, radius, 0.0f, angleOf(from), angleOf(to), true);
    g.strokePath(path, juce::PathStrokeType(width, juce::PathStrokeType::curved, juce::PathStrokeType::rounded));
  };

  const float position = normalised(), start = origin();
  g.setColour(colour::track);
  arc(0.0f, 1.0f);
  if (std::abs(position - start) > 1e-4f) {
    g.setColour(active() ? colour::accent : colour::faint);
    arc(std::min(start, position), std::max(start, position));
  }

  const float cap = radius - width - 1.5f;
  const auto disc = juce::Rectangle<float>(2.0f * cap, 2.0f * cap).withCentre(centre);
  const bool over = isMouseOverOrDragging();
  g.setGradientFill(juce::ColourGradient((over ? colour::track : juce::Colour(0xff31363e)), centre.x, disc.getY(),
                                         over ? colour::hover : colour::raised, centre.x, disc.getBottom(), false));
  g.fillEllipse(disc);
  const float angle = angleOf(position);
  juce::Path pointer;
  pointer.startNewSubPath(0.0f, -cap + 3.0f);
  pointer.lineTo(0.0f, -cap * 0.45f);
  g.setColour(active() ? colour::text : colour::secondary);
  g.strokePath(pointer, juce::PathStrokeType(2.25f, juce::PathStrokeType::curved, juce::PathStrokeType::rounded),
               juce::AffineTransform::rotation(angle).translated(centre));

  drawText(g, valueText(), valueArea().toFloat(), font(12.5f - smaller, Weight::medium),
           active() ? colour::text : colour::secondary, juce::Justification::centred);
  if (showsFocus())
    drawFocusRing(g, bounds, 8.0f);
}

Fader::Fader(PluginProcessor& processor, const juce::String& id, const juce::String& help, int valueWidth)
    : RangeControl(processor, id, help), valueWidth_(valueWidth) {}

juce::Rectangle<int> Fader::valueArea() const { return getLocalBounds().removeFromRight(valueWidth_).reduced(0, 4); }

juce::Rectangle<float> Fader::track() const {
  return getLocalBounds().toFloat().withTrimmedRight(float(valueWidth_) + 8.0f).reduced(10.0f, 0.0f);
}

float Fader::dragDistance(float dx, float) const { return dx / std::max(1.0f, track().getWidth()); }

void Fader::paint(juce::Graphics& g) {
  const auto line = track().withSizeKeepingCentre(track().getWidth(), 3.0f);
  g.setColour(colour::track);
  g.fillRoundedRectangle(line, 1.5f);
  const float x = line.getX() + normalised() * line.getWidth();
  g.setColour(active() ? colour::accent : colour::faint);
  g.fillRoundedRectangle(line.withRight(x), 1.5f);
  const auto thumb = juce::Rectangle<float>(14.0f, 14.0f).withCentre({x, line.getCentreY()});
  g.setColour(active() ? colour::text : colour::secondary);
  g.fillEllipse(thumb);
  drawText(g, valueText(), valueArea().toFloat(), font(12.5f, Weight::medium),
           active() ? colour::text : colour::secondary, juce::Justification::centredRight);
  if (showsFocus())
    drawFocusRing(g, getLocalBounds().toFloat(), 6.0f);
}

} // namespace fxtrain::ui
