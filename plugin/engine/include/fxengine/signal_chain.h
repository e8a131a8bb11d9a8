// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/convolver.h"
#include "fxengine/dsp/host_rate_model.h"
#include "fxengine/dsp/level_meter.h"
#include "fxengine/realtime/realtime.h"
#include "fxengine/realtime/sample_ring.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace fxengine {

/** What the player has set. Plain values: the chain smooths them itself. By default nothing is changed but by the
 * model. */
struct ChainSettings {
  static constexpr int kNumAmps = 2;   ///< slots of the amplifier: 0 is A, 1 is B
  static constexpr int kNumPedals = 2; ///< before it, one behind the other; each has slots A and B as well
  static constexpr int kNumSlots = 6;  ///< that hold a capture
  static constexpr int kNumKnobs = 4;  ///< of a model's own controls, in each slot
  /** @param pedal  0 or 1, in the order of the signal
      @param side  0: A, 1: B */
  static constexpr int pedalSlot(int pedal, int side = 0) noexcept { return kNumAmps + 2 * pedal + side; }

  /** How the levels of slots A and B are brought together, by the loudness of the models. */
  enum class Levels {
    asCaptured,
    matchBToA, ///< B as loud as A
    normalised ///< both at kNormalisedDb
  };
  /** What the model is fed of a stereo input. */
  enum class InputMode { stereo, left, right, sum };

  float inputGainDb = 0.0f;
  bool gateOn = false;
  float gateThresholdDb = -60.0f;
  float gateReleaseMs = 80.0f;
  bool preToneOn = false; ///< before the pedal
  float preBassDb = 0.0f, preMiddleDb = 0.0f, preTrebleDb = 0.0f;
  std::array<bool, kNumPedals> pedalOn{true, true}; ///< without a capture in its slot it is nothing
  std::array<float, kNumPedals> pedalBlend{};       ///< as `blend`, of each pedal
  std::array<float, 2 * kNumPedals> pedalLevelDb{}; ///< in the order of the slots
  float blend = 0.0f;                               ///< 0: slot A alone, 1: slot B alone
  Levels levels = Levels::matchBToA;
  /** Positions of the models' knobs in each slot, 0..1; those without a value stay where the model has them, at first
      at its defaults. */
  using Knobs = std::array<std::optional<float>, kNumKnobs>;
  std::array<Knobs, kNumSlots> knobs;
  /** Model::setQuality() in each slot; without a value it stays as the model has it. */
  std::array<std::optional<float>, kNumSlots> quality;
  bool toneOn = false;
  float bassDb = 0.0f, middleDb = 0.0f, trebleDb = 0.0f;
  bool cabinetOn = false;
  float cabinetLevelDb = 0.0f;
  float cabinetBlend = 0.5f;   ///< share of the second response, where there are two
  float cabinetDelayMs = 0.0f; ///< of the second response: a microphone further away
  bool cabinetInvert = false;  ///< the second response's polarity
  static constexpr float kNoLowCutHz = 20.0f, kNoHighCutHz = 20000.0f;
  float lowCutHz = kNoLowCutHz, highCutHz = kNoHighCutHz; ///< behind the cabinet; at these ends there is none
  float doubler = 0.0f;                                   ///< 0: none; 1: the second take furthest away
  float delay = 0.0f;                                     ///< 0: none; 1: the first echo as strong as the sound
  float delayMs = 400.0f;                                 ///< of the first echo, and between two
  float delayFeedback = 0.35f;                            ///< of an echo beside the one before it
  /** Length of a note that takes the place of delayMs. */
  enum class DelaySync { off, quarter, dottedEighth, eighth, eighthTriplet, sixteenth };
  DelaySync delaySync = DelaySync::off;
  float tempoBpm = 120.0f;  ///< quarter notes a minute, of the host
  float reverb = 0.0f;      ///< 0: none; 1: as strong as the sound itself
  float reverbDecay = 1.8f; ///< s, until it has fallen by 60 dB
  float outputGainDb = 0.0f;
  float mix = 1.0f; ///< 0: the input, 1: what became of it
  bool bypass = false;
  bool mute = false; ///< for the tuner
  InputMode inputMode = InputMode::stereo;
  bool calibrate = false; ///< bring the input to the level that the model was recorded at, where its file tells
  float interfaceLevelDbu = 12.0f; ///< analog level that is full scale at the input

  /** What delayMs or delaySync come to, in ms. */
  double delayTimeMs() const noexcept;
  /** Until doubler, delay and reverb have fallen by 60 dB. */
  double effectsTailSeconds() const noexcept;

  bool operator==(const ChainSettings&) const = default;
};

/** A model ready for a slot, or nothing, which passes the input on. Made and prepared on a loading thread. */
struct SlotContent {
  std::unique_ptr<HostRateModel> model;
  std::optional<double> loudnessDb; ///< RMS of its output for loudnessClip()
  std::optional<double> inputLevelDbu, outputLevelDbu;
  std::uint64_t faultsSeen = 0; ///< of the model's, by the chain

  SlotContent() = default;
  /** Measures the loudness where the file does not tell it. @param needsLoudness  a pedal's is of no use */
  explicit SlotContent(Model loaded, bool needsLoudness = true);
  int latencyFrames() const noexcept { return model ? model->latencyFrames() : 0; }
};

/** A guitar rig: what lies between a guitar and the speakers.

        input -> channels -> gain -> gate -> pre-EQ -> pedals -+-> slot A -> level -+-> tone -> cabinet -> doubler -+
          |                                                    +-> slot B -> level -+                               |
          |                                                        output <- mix <- gain <- reverb <- delay <-------+
          +---------------------- as late as the captures ----- dry, bypass --^

    Plays 1 or 2 inputs to 1 or 2 outputs: mono, mono to stereo, or two channels with state of their own. Models and
    cabinet are handed over while it plays, and crossfaded in kFadeMs. What is off is not computed. Each of two pedals
    and the amplifier have slots A and B, which come equally late, and so does the dry signal: latencyFrames(), 0 where
   the models have the host's rate and are not oversampled. A pedal that is switched off is as late as when it is on.

    With `calibrate`, a pedal is fed at the level that it was recorded at, and what it gives is brought back to the
    interface's level: by its own output level where its file tells it, else by undoing what was done before it.

    NaN or infinity, at the input or made on the way, is silence for the part of the block in hand (kMaxPart frames at
    most), counted by numFaults(); what it has reached is cleared, and the sound comes back.

    Threads: process() and reset() are for the audio thread; prepare() for another one while that stands still;
    setSlot(), setCabinet() and collect() for one loading thread at a time, while it runs; what only reads, for any. */
class SignalChain {
 public:
  static constexpr int kMaxPart = 256;               ///< longest part of a block that is run at once, in frames
  static constexpr std::size_t kTunerFrames = 32768; ///< that tunerRing() holds at least
  static constexpr double kMaxCabinetDelayMs = 10.0;
  static constexpr int kMaxLatency = 8192;       ///< frames; a model that is later is heard later than the dry signal
  static constexpr double kFadeMs = 20.0;        ///< of new models, switches, gains and knobs
  static constexpr int kKnobFrames = 32;         ///< a knob on its way moves in steps of as many frames
  static constexpr double kNormalisedDb = -18.0; ///< loudness of a normalised model

  SignalChain();
  ~SignalChain();

  /** Makes room, takes what was handed over, and clears all state; models are at rest. Allocates.
      @param numInputs, numOutputs  1 or 2 each; outputs at least inputs
      @param settings  those that playing will begin with: models are at rest with their knobs so */
  void prepare(double sampleRate, int numInputs, int numOutputs, const ChainSettings& settings = {});

  /** As after prepare(), with the settings given as if they had always been. */
  void reset(const ChainSettings& settings) noexcept FXENGINE_REALTIME;

  /** Plays one block of any length. `output[c]` may be `input[c]`, else they must not overlap. Does nothing before
      prepare(). The division into blocks does not change the output, where the settings change at the same frames. */
  void process(const float* const* input, float* const* output, int numFrames,
               const ChainSettings& settings) noexcept FXENGINE_REALTIME;

  /** Hands over what a slot is to play: 0 is A, 1 is B, ChainSettings::pedalSlot() a pedal's. Once the chain is
     prepared, the model is prepared and prewarmed here, with its knobs and quality as `settings` has them. */
  void setSlot(int slot, std::unique_ptr<SlotContent> content, const ChainSettings& settings = {});

  /** Hands over a cabinet's response for the present sample rate; null for none.
      @param index  0, or 1 for the second one, which is blended with it */
  void setCabinet(std::unique_ptr<Convolver> cabinet, int index = 0);

  /** Frees what is no longer played. */
  void collect();

  /** How much later than its input the output is, in frames, with all that was handed over. */
  int latencyFrames() const noexcept FXENGINE_REALTIME;
  double sampleRate() const noexcept; ///< 0 before prepare()
  int numInputs() const noexcept;
  int numOutputs() const noexcept;

  LevelMeter& inputMeter() noexcept; ///< after the input gain
  LevelMeter& outputMeter() noexcept;
  const SampleRing& tunerRing() const noexcept;      ///< written while muted
  float gateGain() const noexcept FXENGINE_REALTIME; ///< 1: open or off
  std::uint32_t numFaults() const noexcept FXENGINE_REALTIME;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace fxengine
