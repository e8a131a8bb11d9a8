// SPDX-License-Identifier: MIT
#include "parameters.h"

#include <fxengine/dsp/feedback_delay.h>
#include <fxengine/dsp/reverb.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace fxtrain {
namespace {

using Layout = juce::AudioProcessorValueTreeState::ParameterLayout;
using juce::String;

using fxengine::ChainSettings;

constexpr int kVersionHint = 1;
constexpr int kSecondVersionHint = 2; // Audio Units list later parameters behind the earlier ones
constexpr int kThirdVersionHint = 3;
constexpr int kFourthVersionHint = 4;

constexpr const char* kSlotLetters[ChainSettings::kNumSlots] = {"a", "b", "p", "pb", "q", "qb"}; // in ids

String withoutUnit(const String& text) {
  return text.trim().replaceCharacter(juce::juce_wchar{0x2212}, '-'); // a typographic minus, as we write it
}

/** @param decimals  shown after the point, 0 or 1 */
void addFloat(Layout& layout, const char* id, const String& name, const String& unit, float low, float high,
              float defaultValue, int decimals, int versionHint = kVersionHint) {
  // By hand: hosts ask for thousands of texts when they look at a plugin, and streams take their time.
  const auto toText = [decimals](float value, int) {
    const int scale = decimals == 0 ? 1 : 10;
    const auto number = std::lround(value * float(scale));
    const auto whole = std::abs(number) / scale, tenths = std::abs(number) % scale;
    const String text = decimals == 0 ? String(whole) : String(whole) + "." + String(tenths);
    return number < 0 ? "-" + text : text;
  };
  const auto fromText = [defaultValue](const String& text) {
    const float value = withoutUnit(text).getFloatValue();
    return std::isfinite(value) ? value : defaultValue; // "nan" can be typed
  };
  layout.add(std::make_unique<juce::AudioParameterFloat>(juce::ParameterID{id, versionHint}, name,
                                                         juce::NormalisableRange<float>(low, high), defaultValue,
                                                         juce::AudioParameterFloatAttributes()
                                                             .withLabel(unit)
                                                             .withStringFromValueFunction(toText)
                                                             .withValueFromStringFunction(fromText)));
}

/** Not an AudioParameterBool: that keeps any value between off and on that a host sets, until the state is recalled. */
void addSwitch(Layout& layout, const char* id, const String& name, bool isOn = false, int versionHint = kVersionHint) {
  const auto toText = [](float value, int) { return String(value >= 0.5f ? "On" : "Off"); };
  const auto fromText = [](const String& text) {
    const auto word = text.trim().toLowerCase();
    return word == "on" || word == "yes" || word == "true" || word.getFloatValue() >= 0.5f ? 1.0f : 0.0f;
  };
  layout.add(std::make_unique<juce::AudioProcessorValueTreeState::Parameter>(
      juce::ParameterID{id, versionHint}, name, juce::NormalisableRange<float>(0.0f, 1.0f, 1.0f), isOn ? 1.0f : 0.0f,
      juce::AudioProcessorValueTreeStateParameterAttributes()
          .withDiscrete(true)
          .withBoolean(true)
          .withStringFromValueFunction(toText)
          .withValueFromStringFunction(fromText)));
}

void addChoice(Layout& layout, const char* id, const String& name, const juce::StringArray& choices, int defaultChoice,
               bool automatable = true, int versionHint = kVersionHint) {
  layout.add(std::make_unique<juce::AudioParameterChoice>(
      juce::ParameterID{id, versionHint}, name, choices, defaultChoice,
      juce::AudioParameterChoiceAttributes().withAutomatable(automatable)));
}

/** Knobs and quality of the capture in a pedal. @param name  "Pedal 2 B" */
void addPedalCapture(Layout& layout, int slot, const String& name, int versionHint) {
  for (int k = 0; k < ChainSettings::kNumKnobs; ++k)
    addFloat(layout, id::knob(slot, k).toRawUTF8(), name + " knob " + String(k + 1), "%", 0.0f, 100.0f, 50.0f, 1,
             versionHint);
  addFloat(layout, id::quality(slot).toRawUTF8(), name + " quality", "%", 0.0f, 100.0f, 100.0f, 0, versionHint);
}

void addPedalLevel(Layout& layout, int slot, const String& name, int versionHint) {
  addFloat(layout, id::pedalLevel[slot - ChainSettings::kNumAmps], name + " level", "dB", -24.0f, 24.0f, 0.0f, 1,
           versionHint);
}

} // namespace

String id::knob(int slot, int index) { return String("knob_") + kSlotLetters[slot] + String(index + 1); }

String id::quality(int slot) { return String("quality_") + kSlotLetters[slot]; }

bool belongsToRoom(const String& parameter) {
  static const std::array<String, 7> room = {
      id::inputMode,           id::calibrate, id::interfaceLevel, id::oversamplingLive,
      id::oversamplingOffline, id::bypass,    id::tuner};
  return std::find(room.begin(), room.end(), parameter) != room.end();
}

Layout makeParameterLayout() {
  Layout layout;
  addFloat(layout, id::inputGain, "Input gain", "dB", -24.0f, 24.0f, 0.0f, 1);
  addSwitch(layout, id::gateOn, "Gate");
  addFloat(layout, id::gateThreshold, "Gate threshold", "dB", -90.0f, -20.0f, -60.0f, 1);
  addFloat(layout, id::gateRelease, "Gate release", "ms", 10.0f, 500.0f, 80.0f, 0);
  addChoice(layout, id::slot, "Slot", {"A", "B", "A + B"}, 0);
  addFloat(layout, id::blend, "Blend", "%", 0.0f, 100.0f, 50.0f, 0);
  addChoice(layout, id::levels, "Levels", {"As captured", "Match B to A", "Normalise"}, 1);
  for (int slot = 0; slot < ChainSettings::kNumAmps; ++slot)
    for (int k = 0; k < ChainSettings::kNumKnobs; ++k)
      addFloat(layout, id::knob(slot, k).toRawUTF8(), String(slot == 0 ? "Knob A" : "Knob B") + String(k + 1), "%",
               0.0f, 100.0f, 50.0f, 1);
  for (int slot = 0; slot < ChainSettings::kNumAmps; ++slot)
    addFloat(layout, id::quality(slot).toRawUTF8(), slot == 0 ? "Quality A" : "Quality B", "%", 0.0f, 100.0f, 100.0f,
             0);
  addSwitch(layout, id::toneOn, "Tone");
  addFloat(layout, id::bass, "Bass", "dB", -12.0f, 12.0f, 0.0f, 1);
  addFloat(layout, id::middle, "Middle", "dB", -12.0f, 12.0f, 0.0f, 1);
  addFloat(layout, id::treble, "Treble", "dB", -12.0f, 12.0f, 0.0f, 1);
  addSwitch(layout, id::cabinetOn, "Cabinet");
  addFloat(layout, id::cabinetLevel, "Cabinet level", "dB", -24.0f, 24.0f, 0.0f, 1);
  addFloat(layout, id::outputGain, "Output gain", "dB", -24.0f, 24.0f, 0.0f, 1);
  addFloat(layout, id::mix, "Mix", "%", 0.0f, 100.0f, 100.0f, 0);
  addSwitch(layout, id::bypass, "Bypass");
  addSwitch(layout, id::tuner, "Tuner");
  addChoice(layout, id::inputMode, "Input", {"Stereo", "Left", "Right", "Sum"}, 0);
  addSwitch(layout, id::calibrate, "Calibrate");
  addFloat(layout, id::interfaceLevel, "Interface level", "dBu", -10.0f, 30.0f, 12.0f, 1);
  // A change of these reloads the models and moves the latency: nothing to be done from an automation lane.
  addChoice(layout, id::oversamplingLive, "Oversampling", {"Off", "2x", "4x", "8x"}, 0, false);
  addChoice(layout, id::oversamplingOffline, "Oversampling offline", {"Off", "2x", "4x", "8x"}, 0, false);
  // Behind those of earlier versions, whose places hosts may have noted.
  constexpr auto slotOf = ChainSettings::pedalSlot;
  addSwitch(layout, id::pedalOn[0], "Pedal", true, kSecondVersionHint);
  addPedalLevel(layout, slotOf(0, 0), "Pedal", kSecondVersionHint);
  addPedalCapture(layout, slotOf(0, 0), "Pedal", kSecondVersionHint);
  addFloat(layout, id::cabinetBlend, "Cabinet blend", "%", 0.0f, 100.0f, 50.0f, 0, kSecondVersionHint);
  addFloat(layout, id::cabinetDelay, "Cabinet delay", "ms", 0.0f, float(fxengine::SignalChain::kMaxCabinetDelayMs),
           0.0f, 1, kSecondVersionHint);
  addSwitch(layout, id::cabinetInvert, "Cabinet invert", false, kSecondVersionHint);
  addFloat(layout, id::cabinetLowCut, "Cabinet low cut", "Hz", ChainSettings::kNoLowCutHz, 500.0f,
           ChainSettings::kNoLowCutHz, 0, kSecondVersionHint);
  addFloat(layout, id::cabinetHighCut, "Cabinet high cut", "Hz", 1000.0f, ChainSettings::kNoHighCutHz,
           ChainSettings::kNoHighCutHz, 0, kSecondVersionHint);
  addFloat(layout, id::reverb, "Reverb", "%", 0.0f, 100.0f, 0.0f, 0, kSecondVersionHint);
  addFloat(layout, id::reverbDecay, "Reverb decay", "s", float(fxengine::Reverb::kShortest),
           float(fxengine::Reverb::kLongest), 1.8f, 1, kSecondVersionHint);
  addSwitch(layout, id::preOn, "Pre-EQ", false, kThirdVersionHint);
  addFloat(layout, id::preBass, "Pre-EQ bass", "dB", -12.0f, 12.0f, 0.0f, 1, kThirdVersionHint);
  addFloat(layout, id::preMiddle, "Pre-EQ middle", "dB", -12.0f, 12.0f, 0.0f, 1, kThirdVersionHint);
  addFloat(layout, id::preTreble, "Pre-EQ treble", "dB", -12.0f, 12.0f, 0.0f, 1, kThirdVersionHint);
  addFloat(layout, id::doubler, "Doubler", "%", 0.0f, 100.0f, 0.0f, 0, kThirdVersionHint);
  addFloat(layout, id::delay, "Delay", "%", 0.0f, 100.0f, 0.0f, 0, kThirdVersionHint);
  addFloat(layout, id::delayTime, "Delay time", "ms", float(fxengine::FeedbackDelay::kShortestMs),
           float(fxengine::FeedbackDelay::kLongestMs), 400.0f, 0, kThirdVersionHint);
  addFloat(layout, id::delayFeedback, "Delay feedback", "%", 0.0f, 100.0f * fxengine::FeedbackDelay::kMostFeedback,
           35.0f, 0, kThirdVersionHint);
  addChoice(layout, id::delaySync, "Delay sync", {"Free", "1/4", "1/8 dotted", "1/8", "1/8 triplet", "1/16"}, 0, true,
            kThirdVersionHint);
  const juce::StringArray sides{"A", "B"};
  addChoice(layout, id::pedalSlot[0], "Pedal slot", sides, 0, true, kFourthVersionHint);
  addPedalLevel(layout, slotOf(0, 1), "Pedal B", kFourthVersionHint);
  addPedalCapture(layout, slotOf(0, 1), "Pedal B", kFourthVersionHint);
  addSwitch(layout, id::pedalOn[1], "Pedal 2", true, kFourthVersionHint);
  addChoice(layout, id::pedalSlot[1], "Pedal 2 slot", sides, 0, true, kFourthVersionHint);
  for (int side = 0; side < 2; ++side) {
    const String name = side == 0 ? "Pedal 2" : "Pedal 2 B";
    addPedalLevel(layout, slotOf(1, side), name, kFourthVersionHint);
    addPedalCapture(layout, slotOf(1, side), name, kFourthVersionHint);
  }
  return layout;
}

ParameterValues::ParameterValues(const juce::AudioProcessorValueTreeState& parameters)
    : oversamplingLive_(parameters.getRawParameterValue(id::oversamplingLive)),
      oversamplingOffline_(parameters.getRawParameterValue(id::oversamplingOffline)) {
  for (const auto& setting : fxengine::chainParameters()) {
    const auto* atomic = parameters.getRawParameterValue(setting.id);
    jassert(atomic != nullptr);
    values_.push_back({atomic, parameters.getParameter(setting.id)->getParameterIndex(), &setting});
  }
}

fxengine::ChainSettings ParameterValues::chainSettings(const float* overrides) const noexcept {
  fxengine::ChainSettings settings;
  for (const Value& value : values_) {
    const float other = overrides == nullptr ? NAN : overrides[value.index];
    value.setting->apply(settings, std::isnan(other) ? value.plain->load(std::memory_order_relaxed) : other);
  }
  return settings;
}

int ParameterValues::oversampling(bool offline) const noexcept {
  const auto* value = offline ? oversamplingOffline_ : oversamplingLive_;
  return 1 << int(value->load(std::memory_order_relaxed) + 0.5f);
}

} // namespace fxtrain
