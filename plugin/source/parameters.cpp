// SPDX-License-Identifier: MIT
#include "parameters.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fxtrain {
namespace {

using Layout = juce::AudioProcessorValueTreeState::ParameterLayout;
using juce::String;

using fxengine::ChainSettings;

constexpr int kVersionHint = 1;
constexpr int kPedalVersionHint = 2; // Audio Units list later parameters behind the earlier ones

constexpr const char* kSlotLetters[ChainSettings::kNumSlots] = {"a", "b", "p"}; // in ids

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
               bool automatable = true) {
  layout.add(std::make_unique<juce::AudioParameterChoice>(
      juce::ParameterID{id, kVersionHint}, name, choices, defaultChoice,
      juce::AudioParameterChoiceAttributes().withAutomatable(automatable)));
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
  constexpr int kPedal = ChainSettings::kPedal;
  addSwitch(layout, id::pedalOn, "Pedal", true, kPedalVersionHint);
  addFloat(layout, id::pedalLevel, "Pedal level", "dB", -24.0f, 24.0f, 0.0f, 1, kPedalVersionHint);
  for (int k = 0; k < ChainSettings::kNumKnobs; ++k)
    addFloat(layout, id::knob(kPedal, k).toRawUTF8(), "Pedal knob " + String(k + 1), "%", 0.0f, 100.0f, 50.0f, 1,
             kPedalVersionHint);
  addFloat(layout, id::quality(kPedal).toRawUTF8(), "Pedal quality", "%", 0.0f, 100.0f, 100.0f, 0, kPedalVersionHint);
  return layout;
}

ParameterValues::ParameterValues(const juce::AudioProcessorValueTreeState& parameters) {
  const auto value = [&](const String& name) {
    const auto* atomic = parameters.getRawParameterValue(name);
    jassert(atomic != nullptr);
    return Value{atomic, parameters.getParameter(name)->getParameterIndex()};
  };
  inputGain_ = value(id::inputGain);
  gateOn_ = value(id::gateOn);
  gateThreshold_ = value(id::gateThreshold);
  gateRelease_ = value(id::gateRelease);
  slot_ = value(id::slot);
  blend_ = value(id::blend);
  levels_ = value(id::levels);
  toneOn_ = value(id::toneOn);
  bass_ = value(id::bass);
  middle_ = value(id::middle);
  treble_ = value(id::treble);
  cabinetOn_ = value(id::cabinetOn);
  cabinetLevel_ = value(id::cabinetLevel);
  outputGain_ = value(id::outputGain);
  mix_ = value(id::mix);
  bypass_ = value(id::bypass);
  tuner_ = value(id::tuner);
  inputMode_ = value(id::inputMode);
  calibrate_ = value(id::calibrate);
  interfaceLevel_ = value(id::interfaceLevel);
  oversamplingLive_ = value(id::oversamplingLive);
  oversamplingOffline_ = value(id::oversamplingOffline);
  pedalOn_ = value(id::pedalOn);
  pedalLevel_ = value(id::pedalLevel);
  for (int slot = 0; slot < ChainSettings::kNumSlots; ++slot) {
    for (int k = 0; k < ChainSettings::kNumKnobs; ++k)
      knobs_[std::size_t(slot)][std::size_t(k)] = value(id::knob(slot, k));
    quality_[std::size_t(slot)] = value(id::quality(slot));
  }
}

fxengine::ChainSettings ParameterValues::chainSettings(const float* overrides) const noexcept {
  const auto number = [overrides](Value value) {
    const float other = overrides == nullptr ? NAN : overrides[value.index];
    return std::isnan(other) ? value.plain->load(std::memory_order_relaxed) : other;
  };
  const auto on = [&](Value value) { return number(value) >= 0.5f; };
  const auto choice = [&](Value value) { return int(number(value) + 0.5f); };
  fxengine::ChainSettings settings;
  settings.inputGainDb = number(inputGain_);
  settings.gateOn = on(gateOn_);
  settings.gateThresholdDb = number(gateThreshold_);
  settings.gateReleaseMs = number(gateRelease_);
  const int slot = choice(slot_);
  settings.blend = slot == 0 ? 0.0f : slot == 1 ? 1.0f : 0.01f * number(blend_);
  settings.levels = fxengine::ChainSettings::Levels(choice(levels_));
  settings.toneOn = on(toneOn_);
  settings.bassDb = number(bass_);
  settings.middleDb = number(middle_);
  settings.trebleDb = number(treble_);
  settings.cabinetOn = on(cabinetOn_);
  settings.cabinetLevelDb = number(cabinetLevel_);
  settings.outputGainDb = number(outputGain_);
  settings.mix = 0.01f * number(mix_);
  settings.bypass = on(bypass_);
  settings.mute = on(tuner_);
  settings.inputMode = fxengine::ChainSettings::InputMode(choice(inputMode_));
  settings.calibrate = on(calibrate_);
  settings.interfaceLevelDbu = number(interfaceLevel_);
  settings.pedalOn = on(pedalOn_);
  settings.pedalLevelDb = number(pedalLevel_);
  for (std::size_t s = 0; s < knobs_.size(); ++s) {
    for (std::size_t k = 0; k < knobs_[s].size(); ++k)
      settings.knobs[s][k] = 0.01f * number(knobs_[s][k]);
    settings.quality[s] = 0.01f * number(quality_[s]);
  }
  return settings;
}

int ParameterValues::oversampling(bool offline) const noexcept {
  const Value value = offline ? oversamplingOffline_ : oversamplingLive_;
  return 1 << int(value.plain->load(std::memory_order_relaxed) + 0.5f);
}

} // namespace fxtrain
