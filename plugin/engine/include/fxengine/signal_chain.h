// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/convolver.h"
#include "fxengine/dsp/fading_delay.h"
#include "fxengine/dsp/host_rate_model.h"
#include "fxengine/dsp/level_meter.h"
#include "fxengine/dsp/noise_gate.h"
#include "fxengine/dsp/ramp.h"
#include "fxengine/dsp/tone_stack.h"
#include "fxengine/realtime/handover.h"
#include "fxengine/realtime/realtime.h"
#include "fxengine/realtime/sample_ring.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fxengine {

/** What the player has set. Plain values: the chain smooths them itself. By default nothing is changed but by the
 * model. */
struct ChainSettings {
  static constexpr int kNumKnobs = 4; ///< of a model's own controls, in each slot

  /** How the levels of the two slots are brought together, by the loudness of the models. */
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
  float blend = 0.0f; ///< 0: slot A alone, 1: slot B alone
  Levels levels = Levels::matchBToA;
  /** Positions of the models' knobs in each slot, 0..1; those without a value stay where the model has them, at first
      at its defaults. */
  using Knobs = std::array<std::optional<float>, kNumKnobs>;
  std::array<Knobs, 2> knobs;
  /** Model::setQuality() in each slot; without a value it stays as the model has it. */
  std::array<std::optional<float>, 2> quality;
  bool toneOn = false;
  float bassDb = 0.0f, middleDb = 0.0f, trebleDb = 0.0f;
  bool cabinetOn = false;
  float cabinetLevelDb = 0.0f;
  float outputGainDb = 0.0f;
  float mix = 1.0f; ///< 0: the input, 1: what became of it
  bool bypass = false;
  bool mute = false; ///< for the tuner
  InputMode inputMode = InputMode::stereo;
  bool calibrate = false; ///< bring the input to the level that the model was recorded at, where its file tells
  float interfaceLevelDbu = 12.0f; ///< analog level that is full scale at the input

  bool operator==(const ChainSettings&) const = default;
};

/** A model ready for a slot, or nothing, which passes the input on. Made and prepared on a loading thread. */
struct SlotContent {
  std::unique_ptr<HostRateModel> model;
  std::optional<double> loudnessDb; ///< RMS of its output for loudnessClip()
  std::optional<double> inputLevelDbu;
  std::uint64_t faultsSeen = 0; ///< of the model's, by the chain

  SlotContent() = default;
  /** Measures the loudness where the file does not tell it. */
  explicit SlotContent(Model loaded);
  int latencyFrames() const noexcept { return model ? model->latencyFrames() : 0; }
};

/** A guitar rig: what lies between a guitar and the speakers.

        input -> channels -> gain -> gate -+-> slot A -> level -+-> tone -> cabinet -> gain -> mix -> output
          |                                +-> slot B -> level -+                              ^
          +------------------- as late as the slots ------------------------------------ dry, bypass

    Plays 1 or 2 inputs to 1 or 2 outputs: mono, mono to stereo, or two channels with state of their own. Models and
    cabinet are handed over while it plays, and crossfaded in kFadeMs. What is off is not computed. Both slots, and the
    dry signal, come equally late: latencyFrames(), 0 where the models have the host's rate and are not oversampled.

    NaN or infinity, at the input or made on the way, is silence for the part of the block in hand (kMaxPart frames at
    most), counted by numFaults(); what it has reached is cleared, and the sound comes back.

    Threads: process() and reset() are for the audio thread; prepare() for another one while that stands still;
    setSlot(), setCabinet() and collect() for one loading thread at a time, while it runs; what only reads, for any. */
class SignalChain {
 public:
  static constexpr int kMaxPart = 256;               ///< longest part of a block that is run at once, in frames
  static constexpr std::size_t kTunerFrames = 32768; ///< that tunerRing() holds at least
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

  /** Hands over what a slot (0 or 1) is to play. Once the chain is prepared, the model is prepared and prewarmed here,
      with its knobs and quality as `settings` has them. */
  void setSlot(int slot, std::unique_ptr<SlotContent> content, const ChainSettings& settings = {});

  /** Hands over a cabinet for the present sample rate; null for none. */
  void setCabinet(std::unique_ptr<Convolver> cabinet);

  /** Frees what is no longer played. */
  void collect();

  /** How much later than its input the output is, in frames, with all that was handed over. */
  int latencyFrames() const noexcept FXENGINE_REALTIME;
  double sampleRate() const noexcept { return sampleRate_; } ///< 0 before prepare()
  int numInputs() const noexcept { return numInputs_; }
  int numOutputs() const noexcept { return numOutputs_; }

  LevelMeter& inputMeter() noexcept { return inputMeter_; } ///< after the input gain
  LevelMeter& outputMeter() noexcept { return outputMeter_; }
  const SampleRing& tunerRing() const noexcept { return tunerRing_; } ///< written while muted
  float gateGain() const noexcept FXENGINE_REALTIME;                  ///< 1: open or off
  std::uint32_t numFaults() const noexcept FXENGINE_REALTIME { return faults_.load(std::memory_order_relaxed); }

 private:
  /** A stage that can be left out: crossfaded in and out, not computed while it is out. */
  struct Switch {
    Ramp share;
    bool running = false;
    void set(bool on, bool atOnce) noexcept;
  };

  struct Slot {
    Handover<SlotContent> handover;
    std::unique_ptr<SlotContent> content, leaving;
    Ramp fade;   // share of content against leaving
    Ramp share;  // of this slot in the sum
    Ramp before; // calibration
    Ramp level;
    std::array<Ramp, ChainSettings::kNumKnobs> knobs; // positions, of those that are set
    FadingDelay pad;                                  // to the latency of the other slot
    bool running = false;
    std::atomic<int> latency{0}; // of what was handed over last

    void setKnob(int index, float position) noexcept {
      for (const SlotContent* each : {content.get(), leaving.get()})
        if (each && each->model)
          each->model->model().setKnob(index, position);
    }
    void setQuality(float quality) noexcept {
      for (const SlotContent* each : {content.get(), leaving.get()})
        if (each && each->model)
          each->model->model().setQuality(quality);
    }
  };

  struct Cabinet {
    std::unique_ptr<Convolver> convolver;
  };

  using Channels = std::array<float*, 2>;

  /** Places of two channels and kMaxPart frames each. */
  enum Buffer { kDry, kWork, kSum, kOne, kLeaving, kWithout, kGains, kNumBuffers };
  Channels buffer(int index) noexcept;

  void prepareModel(HostRateModel& model, std::size_t slot, const ChainSettings& settings);
  bool adopt(bool atOnce) noexcept; // whether something came in
  void setTargets(const ChainSettings& settings, bool atOnce) noexcept;
  int totalLatency() const noexcept;
  bool needsTwo() const noexcept; // a cabinet makes two channels of one
  void clearDelays() noexcept;
  void clearProcessors() noexcept;

  int partOf(int numFrames) const noexcept;
  void processPart(const float* const* input, float* const* output, int numFrames) noexcept;
  void mixInputs(const float* const* input, float* const* streams, int numStreams, int numFrames) noexcept;
  void processSlots(float* const* channels, int numStreams, int numFrames) noexcept;
  void processSlot(Slot& slot, const float* const* input, float* const* output, int numStreams, int numFrames) noexcept;
  void playModels(Slot& slot, float* const* output, float* const* leaving, int numStreams, int numFrames) noexcept;
  void processCabinet(float* const* channels, int numChannels, int numFrames) noexcept;
  void crossfade(Ramp& share, const float* const* from, float* const* to, int numChannels, int numFrames) noexcept;
  template <class Process>
  void insert(Switch& stage, float* const* channels, int numChannels, int numFrames, const Process& process) noexcept;

  double sampleRate_ = 0.0;
  int numInputs_ = 0, numOutputs_ = 0;
  bool pristine_ = true; // nothing was played since prepare() or reset()
  ChainSettings settings_;

  std::array<Slot, 2> slots_;
  Handover<Cabinet> cabinetHandover_;
  std::unique_ptr<Cabinet> cabinet_, leavingCabinet_;
  Ramp cabinetFade_;

  std::array<std::array<Ramp, 2>, 2> inputMatrix_; // [stream][input]
  Ramp secondStream_;                              // 0: the second output is a copy of the first
  Ramp inputGain_, cabinetLevel_, outputGain_, wet_, dry_, active_, sound_;
  Switch gateSwitch_, toneSwitch_, cabinetSwitch_;
  NoiseGate gate_;
  ToneStack tone_;
  FadingDelay delay_; // of the input
  LevelMeter inputMeter_, outputMeter_;
  SampleRing tunerRing_{1 << 15}; // an eighth of a second at 192 kHz and more, for PitchDetector
  std::atomic<std::uint32_t> faults_{0};
  std::atomic<float> gateGain_{1.0f};

  std::vector<float> memory_;
};

} // namespace fxengine
