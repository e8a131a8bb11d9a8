// SPDX-License-Identifier: MIT
#include "fxengine/chain_parameters.h"

#include <cmath>

namespace fxengine {
namespace {

bool isOn(float value) noexcept { return value >= 0.5f; }
int choiceOf(float value) noexcept { return int(std::lround(value)); }
float shareOf(float percent) noexcept { return 0.01f * percent; }

std::vector<ChainParameter> makeParameters() {
  using Settings = ChainSettings;
  std::vector<ChainParameter> all = {
      {"input_gain", [](Settings& s, float value) { s.inputGainDb = value; }},
      {"gate_on", [](Settings& s, float value) { s.gateOn = isOn(value); }},
      {"gate_threshold", [](Settings& s, float value) { s.gateThresholdDb = value; }},
      {"gate_release", [](Settings& s, float value) { s.gateReleaseMs = value; }},
      {"blend", [](Settings& s, float value) { s.blend = shareOf(value); }},
      {"slot",
       [](Settings& s, float value) {
         if (const int slot = choiceOf(value); slot < 2) // else both, in the proportion of `blend`
           s.blend = float(slot);
       }},
      {"levels", [](Settings& s, float value) { s.levels = Settings::Levels(choiceOf(value)); }},
      {"tone_on", [](Settings& s, float value) { s.toneOn = isOn(value); }},
      {"bass", [](Settings& s, float value) { s.bassDb = value; }},
      {"middle", [](Settings& s, float value) { s.middleDb = value; }},
      {"treble", [](Settings& s, float value) { s.trebleDb = value; }},
      {"cabinet_on", [](Settings& s, float value) { s.cabinetOn = isOn(value); }},
      {"cabinet_level", [](Settings& s, float value) { s.cabinetLevelDb = value; }},
      {"cabinet_blend", [](Settings& s, float value) { s.cabinetBlend = shareOf(value); }},
      {"cabinet_delay", [](Settings& s, float value) { s.cabinetDelayMs = value; }},
      {"cabinet_invert", [](Settings& s, float value) { s.cabinetInvert = isOn(value); }},
      {"cabinet_low_cut", [](Settings& s, float value) { s.lowCutHz = value; }},
      {"cabinet_high_cut", [](Settings& s, float value) { s.highCutHz = value; }},
      {"pre_on", [](Settings& s, float value) { s.preToneOn = isOn(value); }},
      {"pre_bass", [](Settings& s, float value) { s.preBassDb = value; }},
      {"pre_middle", [](Settings& s, float value) { s.preMiddleDb = value; }},
      {"pre_treble", [](Settings& s, float value) { s.preTrebleDb = value; }},
      {"doubler", [](Settings& s, float value) { s.doubler = shareOf(value); }},
      {"delay", [](Settings& s, float value) { s.delay = shareOf(value); }},
      {"delay_time", [](Settings& s, float value) { s.delayMs = value; }},
      {"delay_feedback", [](Settings& s, float value) { s.delayFeedback = shareOf(value); }},
      {"delay_sync", [](Settings& s, float value) { s.delaySync = Settings::DelaySync(choiceOf(value)); }},
      {"reverb", [](Settings& s, float value) { s.reverb = shareOf(value); }},
      {"reverb_decay", [](Settings& s, float value) { s.reverbDecay = value; }},
      {"output_gain", [](Settings& s, float value) { s.outputGainDb = value; }},
      {"mix", [](Settings& s, float value) { s.mix = shareOf(value); }},
      {"bypass", [](Settings& s, float value) { s.bypass = isOn(value); }},
      {"tuner", [](Settings& s, float value) { s.mute = isOn(value); }},
      {"input_mode", [](Settings& s, float value) { s.inputMode = Settings::InputMode(choiceOf(value)); }},
      {"calibrate", [](Settings& s, float value) { s.calibrate = isOn(value); }},
      {"interface_level", [](Settings& s, float value) { s.interfaceLevelDbu = value; }},
  };
  const std::string pedals[Settings::kNumPedals] = {"pedal", "pedal2"};
  for (std::size_t pedal = 0; pedal < Settings::kNumPedals; ++pedal) {
    all.push_back({pedals[pedal] + "_on", [pedal](Settings& s, float value) { s.pedalOn[pedal] = isOn(value); }});
    all.push_back({pedals[pedal] + "_slot",
                   [pedal](Settings& s, float value) { s.pedalBlend[pedal] = isOn(value) ? 1.0f : 0.0f; }});
    for (std::size_t side = 0; side < 2; ++side)
      all.push_back({pedals[pedal] + (side == 0 ? "_level" : "_level_b"),
                     [pedal, side](Settings& s, float value) { s.pedalLevelDb[2 * pedal + side] = value; }});
  }
  const std::string letters[Settings::kNumSlots] = {"a", "b", "p", "pb", "q", "qb"};
  for (std::size_t slot = 0; slot < Settings::kNumSlots; ++slot) {
    for (std::size_t k = 0; k < Settings::kNumKnobs; ++k)
      all.push_back({"knob_" + letters[slot] + std::to_string(k + 1),
                     [slot, k](Settings& s, float value) { s.knobs[slot][k] = shareOf(value); }});
    all.push_back({"quality_" + letters[slot], [slot](Settings& s, float value) { s.quality[slot] = shareOf(value); }});
  }
  return all;
}

} // namespace

const std::vector<ChainParameter>& chainParameters() {
  static const std::vector<ChainParameter> all = makeParameters();
  return all;
}

} // namespace fxengine
