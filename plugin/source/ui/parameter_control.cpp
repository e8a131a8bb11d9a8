// SPDX-License-Identifier: MIT
#include "parameter_control.h"

namespace fxtrain::ui {

void grabKeyboardFor(juce::Component& component, int attempts) {
  component.grabKeyboardFocus();
  if (component.hasKeyboardFocus(true) || attempts <= 0)
    return;
  juce::Timer::callAfterDelay(40, [safe = juce::Component::SafePointer<juce::Component>(&component), attempts] {
    if (safe != nullptr && safe->isShowing())
      grabKeyboardFor(*safe, attempts - 1);
  });
}

void Focusable::focusGained(FocusChangeType cause) {
  showsFocus_ = cause == focusChangedByTabKey;
  repaint();
}

void Focusable::focusLost(FocusChangeType) {
  showsFocus_ = false;
  repaint();
}

ParameterControl::ParameterControl(PluginProcessor& processor, const juce::String& id, const juce::String& help)
    : processor_(processor), parameter_(*processor.parameters.getParameter(id)), help_(help),
      attachment_(parameter_, [this](float) { valueChanged(); }) {
  setTitle(parameter_.getName(64));
  setHelpText(help);
  setComponentID(id);
  setWantsKeyboardFocus(true);
}

ParameterControl::~ParameterControl() { endGesture(); }

juce::String ParameterControl::getTooltip() {
  if (juce::ModifierKeys::currentModifiers.isAnyMouseButtonDown())
    return {};
  for (const auto& binding : processor_.midiControl().bindings())
    if (binding.parameter == getComponentID())
      return help_ + "\nMIDI controller " + juce::String(binding.controller) +
             (binding.channel > 0 ? ", channel " + juce::String(binding.channel) : juce::String());
  return help_;
}

juce::String ParameterControl::valueText() const {
  const auto unit = parameter_.getLabel();
  const bool signedUnit =
      unit == "dB" && parameter_.getNormalisableRange().start < 0.0f && parameter_.getNormalisableRange().end > 0.0f;
  const auto text = typographic(parameter_.getCurrentValueAsText(), signedUnit);
  return unit.isEmpty() ? text : text + " " + unit;
}

void ParameterControl::setFromText(const juce::String& text) {
  if (text.containsAnyOf("0123456789"))
    setNormalised(parameter_.getValueForText(text));
}

void ParameterControl::reset() { setNormalised(parameter_.getDefaultValue()); }

void ParameterControl::setNormalised(float value) {
  endGesture();
  attachment_.setValueAsCompleteGesture(parameter_.convertFrom0to1(juce::jlimit(0.0f, 1.0f, value)));
}

void ParameterControl::nudgeTo(float normalisedValue) {
  beginGesture();
  dragTo(normalisedValue);
  nudge_.startTimer(500);
}

void ParameterControl::beginGesture() {
  nudge_.stopTimer();
  if (!inGesture_)
    attachment_.beginGesture();
  inGesture_ = true;
}

void ParameterControl::dragTo(float normalisedValue) {
  attachment_.setValueAsPartOfGesture(parameter_.convertFrom0to1(juce::jlimit(0.0f, 1.0f, normalisedValue)));
}

void ParameterControl::endGesture() {
  nudge_.stopTimer();
  if (inGesture_)
    attachment_.endGesture();
  inGesture_ = false;
}

void ParameterControl::valueChanged() {
  repaint();
  if (auto* handler = getAccessibilityHandler())
    handler->notifyAccessibilityEvent(juce::AccessibilityEvent::valueChanged);
  if (onChange)
    onChange();
}

float ParameterControl::wheelSteps(const juce::MouseWheelDetails& wheel) {
  const float delta = std::abs(wheel.deltaY) >= std::abs(wheel.deltaX) ? wheel.deltaY : -wheel.deltaX;
  if (delta == 0.0f)
    return 0.0f;
  const float steps = wheel.isSmooth ? delta * 20.0f : (delta > 0.0f ? 1.0f : -1.0f);
  return wheel.isReversed ? -steps : steps;
}

void ParameterControl::showMenu() {
  using Mode = MidiControl::Mode;
  juce::PopupMenu menu;
  const juce::Component::SafePointer<ParameterControl> safe(this);
  const auto id = getComponentID();
  auto& midi = processor_.midiControl();

  menu.addSectionHeader(getTitle());
  if (canType())
    menu.addItem("Type a value...", [safe] {
      if (safe != nullptr)
        safe->startTyping();
    });
  menu.addItem("Reset", [safe] {
    if (safe != nullptr)
      safe->reset();
  });
  menu.addSeparator();
  if (midi.learning() == id) {
    menu.addItem("Stop MIDI learn", [&midi] { midi.cancelLearning(); });
  } else if (isSwitch()) {
    menu.addItem("MIDI learn: momentary foot switch", [&midi, id] { midi.learn(id, Mode::toggle); });
    menu.addItem("MIDI learn: latching foot switch", [&midi, id] { midi.learn(id, Mode::follow); });
  } else {
    menu.addItem("MIDI learn", [&midi, id] { midi.learn(id, Mode::follow); });
  }
  for (const auto& binding : midi.bindings())
    if (binding.parameter == id) {
      menu.addItem("Forget MIDI controller " + juce::String(binding.controller), [&midi, id] { midi.forget(id); });
      break;
    }

  if (auto* editor = findParentComponentOfClass<juce::AudioProcessorEditor>())
    if (auto* host = editor->getHostContext())
      if (const auto hostMenu = host->getContextMenuForParameter(&parameter_))
        if (const auto theirs = hostMenu->getEquivalentPopupMenu(); theirs.getNumItems() > 0) {
          menu.addSeparator();
          menu.addSubMenu("Host", theirs);
        }
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(this).withMousePosition());
}

namespace {

class Value : public juce::AccessibilityValueInterface {
 public:
  Value(ParameterControl& control, float step) : control_(control), step_(step) {}
  bool isReadOnly() const override { return false; }
  double getCurrentValue() const override {
    return control_.parameter().convertFrom0to1(control_.parameter().getValue());
  }
  juce::String getCurrentValueAsString() const override { return control_.valueText(); }
  void setValue(double value) override {
    auto& parameter = control_.parameter();
    parameter.beginChangeGesture();
    parameter.setValueNotifyingHost(parameter.convertTo0to1(float(value)));
    parameter.endChangeGesture();
  }
  void setValueAsString(const juce::String& text) override { control_.setFromText(text); }
  AccessibleValueRange getRange() const override {
    const auto& range = control_.parameter().getNormalisableRange();
    return {{double(range.start), double(range.end)}, double(step_)};
  }

 private:
  ParameterControl& control_;
  float step_;
};

} // namespace

std::unique_ptr<juce::AccessibilityValueInterface> accessibleValue(ParameterControl& control, float step) {
  return std::make_unique<Value>(control, step);
}

} // namespace fxtrain::ui
