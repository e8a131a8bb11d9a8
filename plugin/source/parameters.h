// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/chain_parameters.h>

#include <juce_audio_processors/juce_audio_processors.h>

#include <atomic>
#include <vector>

namespace fxtrain {

/** What the player can set and a host can automate. Ids never change; docs/plugin.md lists them with ranges. */
namespace id {
inline constexpr auto inputGain = "input_gain";
inline constexpr auto gateOn = "gate_on";
inline constexpr auto gateThreshold = "gate_threshold";
inline constexpr auto gateRelease = "gate_release";
inline constexpr auto slot = "slot";
inline constexpr auto blend = "blend";
inline constexpr auto levels = "levels";
inline constexpr auto toneOn = "tone_on";
inline constexpr auto bass = "bass";
inline constexpr auto middle = "middle";
inline constexpr auto treble = "treble";
inline constexpr auto cabinetOn = "cabinet_on";
inline constexpr auto cabinetLevel = "cabinet_level";
inline constexpr auto outputGain = "output_gain";
inline constexpr auto mix = "mix";
inline constexpr auto bypass = "bypass";
inline constexpr auto tuner = "tuner";
inline constexpr auto inputMode = "input_mode";
inline constexpr auto calibrate = "calibrate";
inline constexpr auto interfaceLevel = "interface_level";
inline constexpr auto oversamplingLive = "oversampling_live";
inline constexpr auto oversamplingOffline = "oversampling_offline";
inline constexpr const char* pedalOn[] = {"pedal_on", "pedal2_on"};
inline constexpr const char* pedalSlot[] = {"pedal_slot", "pedal2_slot"};
/** By the captures of both pedals, A and B of each. */
inline constexpr const char* pedalLevel[] = {"pedal_level", "pedal_level_b", "pedal2_level", "pedal2_level_b"};
inline constexpr auto cabinetBlend = "cabinet_blend";
inline constexpr auto cabinetDelay = "cabinet_delay";
inline constexpr auto cabinetInvert = "cabinet_invert";
inline constexpr auto cabinetLowCut = "cabinet_low_cut";
inline constexpr auto cabinetHighCut = "cabinet_high_cut";
inline constexpr auto preOn = "pre_on";
inline constexpr auto preBass = "pre_bass";
inline constexpr auto preMiddle = "pre_middle";
inline constexpr auto preTreble = "pre_treble";
inline constexpr auto doubler = "doubler";
inline constexpr auto delay = "delay";
inline constexpr auto delayTime = "delay_time";
inline constexpr auto delayFeedback = "delay_feedback";
inline constexpr auto delaySync = "delay_sync";
inline constexpr auto reverb = "reverb";
inline constexpr auto reverbDecay = "reverb_decay";
/** Of a model's own controls: "knob_a1" to "knob_a4", "knob_b1"; the pedals' are "knob_p1", "knob_pb1", "knob_q1",
    "knob_qb1". */
juce::String knob(int slot, int index);
/** Of a model that holds networks of several sizes: "quality_a", "quality_b", "quality_p" and so on. */
juce::String quality(int slot);
} // namespace id

juce::AudioProcessorValueTreeState::ParameterLayout makeParameterLayout();

/** Whether a parameter is of the room that is played in (interface, input, computer) or of the moment (tuner, bypass),
    and not of the sound: presets and programs leave it as it is, projects keep it. */
bool belongsToRoom(const juce::String& parameter);

/** The values that the audio thread reads, looked up once. What each does to the chain: fxengine/chain_parameters.h. */
class ParameterValues {
 public:
  explicit ParameterValues(const juce::AudioProcessorValueTreeState& parameters);

  /** What the signal chain is to do now.
      @param overrides  values by the index of a parameter that count in place of its own; NaN for none. Null: none */
  fxengine::ChainSettings chainSettings(const float* overrides = nullptr) const noexcept;

  /** 1, 2, 4 or 8. */
  int oversampling(bool offline) const noexcept;

 private:
  struct Value {
    const std::atomic<float>* plain;
    int index; // of the parameter
    const fxengine::ChainParameter* setting;
  };
  std::vector<Value> values_; // in the order in which they are applied
  const std::atomic<float>* oversamplingLive_;
  const std::atomic<float>* oversamplingOffline_;
};

} // namespace fxtrain
