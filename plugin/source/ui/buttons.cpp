// SPDX-License-Identifier: MIT
#include "buttons.h"

namespace fxtrain::ui {

PushButton::PushButton(const juce::String& name, std::optional<Icon> icon, const juce::String& label, Style style)
    : juce::Button(name), icon_(icon), text_(label), style_(style) {
  setTitle(name);
  setTooltip(name);
  setMouseClickGrabsKeyboardFocus(false); // the space bar belongs to the host until the player goes here by key
}

void PushButton::setText(const juce::String& label) {
  if (text_ != label) {
    text_ = label;
    repaint();
  }
}

void PushButton::setLit(bool lit) {
  if (lit_ != lit) {
    lit_ = lit;
    repaint();
  }
}

bool PushButton::keyPressed(const juce::KeyPress& key) {
  if (isEnabled() && key == juce::KeyPress::spaceKey) {
    triggerClick();
    return true;
  }
  return juce::Button::keyPressed(key);
}

void PushButton::focusGained(FocusChangeType cause) {
  showsFocus_ = cause == focusChangedByTabKey;
  juce::Button::focusGained(cause);
}

void PushButton::focusLost(FocusChangeType cause) {
  showsFocus_ = false;
  juce::Button::focusLost(cause);
}

void PushButton::paintButton(juce::Graphics& g, bool isOver, bool isDown) {
  const auto bounds = getLocalBounds().toFloat();
  const bool usable = isEnabled();
  auto content = colour::secondary;
  if (style_ == Style::accent) {
    g.setColour(isDown ? colour::accent.darker(0.1f) : isOver ? colour::accent.brighter(0.15f) : colour::accent);
    g.fillRoundedRectangle(bounds, 6.0f);
    content = colour::onAccent;
  } else {
    if (style_ == Style::raised || (usable && (isOver || isDown))) {
      g.setColour(usable && isDown ? colour::track : usable && isOver ? colour::hover : colour::raised);
      g.fillRoundedRectangle(bounds, 6.0f);
    }
    if (usable && (isOver || style_ == Style::raised))
      content = colour::text;
    if (lit_)
      content = colour::accent;
    if (!usable)
      content = colour::track.brighter(0.25f);
  }

  auto area = bounds;
  const auto type = font(13.0f, Weight::medium);
  if (icon_) {
    if (text_.isNotEmpty()) {
      const float width = 16.0f + 8.0f + widthOf(type, text_);
      area = area.withSizeKeepingCentre(std::min(width + 2.0f, area.getWidth()), area.getHeight());
    }
    const auto square = text_.isEmpty() ? area : area.removeFromLeft(16.0f);
    drawIcon(g, *icon_, square.withSizeKeepingCentre(16.0f, 16.0f), content);
    area.removeFromLeft(8.0f);
  }
  if (opensMenu_) {
    area = area.reduced(28.0f, 0.0f);
    drawIcon(g, Icon::down, bounds.withTrimmedLeft(bounds.getWidth() - 28.0f).withSizeKeepingCentre(14.0f, 14.0f),
             colour::secondary);
  }
  if (text_.isNotEmpty())
    drawText(g, text_, area, type, content, icon_ ? juce::Justification::centredLeft : juce::Justification::centred);
  if (showsFocus_)
    drawFocusRing(g, bounds, 6.0f);
}

Switch::Switch(PluginProcessor& processor, const juce::String& id, const juce::String& help, std::optional<Icon> icon,
               const juce::String& text, bool litWhenOff)
    : ParameterControl(processor, id, help), icon_(icon), text_(text), litWhenOff_(litWhenOff) {
  setMouseClickGrabsKeyboardFocus(false);
}

void Switch::paint(juce::Graphics& g) {
  const auto bounds = getLocalBounds().toFloat();
  const bool over = isMouseOver();
  if (icon_) {
    const bool lit = isOn() != litWhenOff_;
    if (over || text_.isNotEmpty()) {
      g.setColour(over ? colour::hover : colour::raised);
      g.fillRoundedRectangle(bounds, 6.0f);
    }
    const auto tint = lit ? colour::accent : over ? colour::text : colour::secondary;
    auto area = bounds;
    if (text_.isNotEmpty()) {
      const auto type = font(13.0f, Weight::medium);
      area = area.withSizeKeepingCentre(26.0f + widthOf(type, text_), area.getHeight());
      const auto square = area.removeFromLeft(16.0f);
      area.removeFromLeft(8.0f);
      drawText(g, text_, area, type, lit ? colour::accent : colour::text);
      area = square;
    }
    drawIcon(g, *icon_, area.withSizeKeepingCentre(16.0f, 16.0f), tint);
    if (showsFocus())
      drawFocusRing(g, bounds, 6.0f);
    return;
  }
  const auto pill = bounds.withSizeKeepingCentre(30.0f, 16.0f);
  g.setColour(isOn() ? colour::accent : over ? colour::off.brighter(0.1f) : colour::off);
  g.fillRoundedRectangle(pill, 8.0f);
  const auto thumb = juce::Rectangle<float>(12.0f, 12.0f)
                         .withCentre({isOn() ? pill.getRight() - 8.0f : pill.getX() + 8.0f, pill.getCentreY()});
  g.setColour(isOn() ? colour::onAccent : colour::text);
  g.fillEllipse(thumb);
  if (showsFocus())
    drawFocusRing(g, bounds, 8.0f);
}

void Switch::mouseDown(const juce::MouseEvent& event) {
  if (event.mods.isPopupMenu())
    showMenu();
  else
    toggle();
}

bool Switch::keyPressed(const juce::KeyPress& key) {
  if (key != juce::KeyPress::spaceKey && key != juce::KeyPress::returnKey)
    return false;
  toggle();
  return true;
}

std::unique_ptr<juce::AccessibilityHandler> Switch::createAccessibilityHandler() {
  struct Handler : juce::AccessibilityHandler {
    explicit Handler(Switch& s)
        : AccessibilityHandler(s, juce::AccessibilityRole::toggleButton,
                               juce::AccessibilityActions()
                                   .addAction(juce::AccessibilityActionType::press, [&s] { s.toggle(); })
                                   .addAction(juce::AccessibilityActionType::toggle, [&s] { s.toggle(); })
                                   .addAction(juce::AccessibilityActionType::showMenu, [&s] { s.showMenu(); })),
          control(s) {}
    juce::AccessibleState getCurrentState() const override {
      const auto state = AccessibilityHandler::getCurrentState().withCheckable();
      return control.isOn() ? state.withChecked() : state;
    }
    Switch& control;
  };
  return std::make_unique<Handler>(*this);
}

Segments::Segments(PluginProcessor& processor, const juce::String& id, const juce::String& help)
    : ParameterControl(processor, id, help), choices_(parameter().getAllValueStrings()) {
  setMouseClickGrabsKeyboardFocus(false);
}

juce::Rectangle<float> Segments::segment(int index) const {
  // Wide texts take a wider part.
  float total = 0.0f, before = 0.0f, own = 0.0f;
  for (int i = 0; i < choices_.size(); ++i) {
    const float width = 30.0f + widthOf(font(13.0f, Weight::semiBold), choices_[i]);
    if (i < index)
      before += width;
    if (i == index)
      own = width;
    total += width;
  }
  const auto area = getLocalBounds().toFloat().reduced(2.0f);
  return area.withX(area.getX() + area.getWidth() * before / total).withWidth(area.getWidth() * own / total);
}

void Segments::paint(juce::Graphics& g) {
  const auto bounds = getLocalBounds().toFloat();
  g.setColour(colour::raised);
  g.fillRoundedRectangle(bounds, 8.0f);
  for (int i = 0; i < choices_.size(); ++i) {
    const auto area = segment(i);
    const bool chosen = i == index();
    if (chosen) {
      g.setColour(colour::accent);
      g.fillRoundedRectangle(area, 6.0f);
    }
    drawText(g, choices_[i], area, font(13.0f, Weight::semiBold), chosen ? colour::onAccent : colour::secondary,
             juce::Justification::centred);
  }
  if (showsFocus())
    drawFocusRing(g, bounds, 8.0f);
}

void Segments::choose(int index) {
  const int last = choices_.size() - 1;
  setNormalised(float(juce::jlimit(0, last, index)) / float(std::max(1, last)));
}

void Segments::mouseDown(const juce::MouseEvent& event) {
  if (event.mods.isPopupMenu()) {
    showMenu();
    return;
  }
  for (int i = 0; i < choices_.size(); ++i)
    if (segment(i).contains(event.position) && i != index())
      choose(i);
}

bool Segments::keyPressed(const juce::KeyPress& key) {
  if (key == juce::KeyPress::rightKey || key == juce::KeyPress::downKey)
    choose(index() + 1);
  else if (key == juce::KeyPress::leftKey || key == juce::KeyPress::upKey)
    choose(index() - 1);
  else if (key == juce::KeyPress::spaceKey)
    choose((index() + 1) % choices_.size());
  else
    return false;
  return true;
}

std::unique_ptr<juce::AccessibilityHandler> Segments::createAccessibilityHandler() {
  return std::make_unique<juce::AccessibilityHandler>(
      *this, juce::AccessibilityRole::comboBox,
      juce::AccessibilityActions()
          .addAction(juce::AccessibilityActionType::press, [this] { choose((index() + 1) % choices_.size()); })
          .addAction(juce::AccessibilityActionType::showMenu, [this] { showMenu(); }),
      juce::AccessibilityHandler::Interfaces{accessibleValue(*this, 1.0f)});
}

Choice::Choice(PluginProcessor& processor, const juce::String& id, const juce::String& help, Style style)
    : ParameterControl(processor, id, help), choices_(parameter().getAllValueStrings()), style_(style) {
  setMouseClickGrabsKeyboardFocus(false);
}

void Choice::paint(juce::Graphics& g) {
  auto bounds = getLocalBounds().toFloat();
  const bool over = isMouseOver(), framed = style_ == Style::framed;
  if (framed || over) {
    g.setColour(over ? colour::hover : colour::raised);
    g.fillRoundedRectangle(bounds, 6.0f);
  }
  if (showsFocus())
    drawFocusRing(g, bounds, 6.0f);
  bounds = bounds.reduced(framed ? 12.0f : 6.0f, 0.0f);
  if (style_ == Style::centred) {
    const float needed = widthOf(font(13.0f, Weight::medium), choices_[index()]) + 20.0f;
    bounds = bounds.withSizeKeepingCentre(std::min(bounds.getWidth(), needed), bounds.getHeight());
  }
  drawIcon(g, Icon::down, bounds.removeFromRight(14.0f).withSizeKeepingCentre(14.0f, 14.0f), colour::secondary);
  drawText(g, choices_[index()], bounds.withTrimmedRight(4.0f), font(13.0f, Weight::medium),
           framed || over ? colour::text : colour::secondary,
           framed ? juce::Justification::centredLeft : juce::Justification::centredRight);
}

void Choice::choose(int index) {
  const int last = choices_.size() - 1;
  setNormalised(float(juce::jlimit(0, last, index)) / float(std::max(1, last)));
}

void Choice::open() {
  juce::PopupMenu menu;
  const juce::Component::SafePointer<Choice> safe(this);
  for (int i = 0; i < choices_.size(); ++i)
    menu.addItem(choices_[i], true, i == index(), [safe, i] {
      if (safe != nullptr)
        safe->choose(i);
    });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(this).withMinimumWidth(getWidth()));
}

void Choice::mouseDown(const juce::MouseEvent& event) {
  if (event.mods.isPopupMenu())
    showMenu();
  else
    open();
}

bool Choice::keyPressed(const juce::KeyPress& key) {
  if (key == juce::KeyPress::downKey || key == juce::KeyPress::rightKey)
    choose(index() + 1);
  else if (key == juce::KeyPress::upKey || key == juce::KeyPress::leftKey)
    choose(index() - 1);
  else if (key == juce::KeyPress::spaceKey || key == juce::KeyPress::returnKey)
    open();
  else
    return false;
  return true;
}

std::unique_ptr<juce::AccessibilityHandler> Choice::createAccessibilityHandler() {
  return std::make_unique<juce::AccessibilityHandler>(
      *this, juce::AccessibilityRole::comboBox,
      juce::AccessibilityActions()
          .addAction(juce::AccessibilityActionType::press, [this] { open(); })
          .addAction(juce::AccessibilityActionType::showMenu, [this] { open(); }),
      juce::AccessibilityHandler::Interfaces{accessibleValue(*this, 1.0f)});
}

} // namespace fxtrain::ui
