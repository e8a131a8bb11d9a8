// SPDX-License-Identifier: MIT
#pragma once

#include "chain/capture_pair.h"
#include "chain/exchanged.h"
#include "chain/stage.h"

#include "fxengine/dsp/convolver.h"
#include "fxengine/dsp/cut_filter.h"
#include "fxengine/dsp/doubler.h"
#include "fxengine/dsp/fading_delay.h"
#include "fxengine/dsp/feedback_delay.h"
#include "fxengine/dsp/noise_gate.h"
#include "fxengine/dsp/reverb.h"
#include "fxengine/dsp/tone_stack.h"

#include <array>
#include <memory>

/** The stages of a SignalChain, in the order of the signal. */
namespace fxengine::detail {

class GateStage final : public Stage {
 public:
  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void clear() noexcept override { gate_.reset(); }
  float gain() const noexcept { return isHeard() ? gate_.gain() : 1.0f; } ///< audio thread

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override { return settings.gateOn; }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  NoiseGate gate_;
};

/** A pedal before the amplifier: one of two captures. While it is off it is as late as while it is on. */
class PedalStage final : public Stage {
 public:
  /** @param pedal  0 or 1, in the order of the signal */
  explicit PedalStage(int pedal) : pedal_(std::size_t(pedal)), captures_(ChainSettings::pedalSlot(pedal)) {}

  CapturePair& captures() noexcept { return captures_; }

  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void collect() override { captures_.collect(); }
  bool adopt(bool heard) noexcept override { return captures_.adopt(heard && isHeard()); }
  void clear() noexcept override;
  void rest() noexcept override;
  int framesToSwitch() const noexcept override;
  int latencyFrames() const noexcept override { return captures_.latencyFrames(); }
  std::uint32_t takeFaults() noexcept override { return captures_.takeFaults(); }

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override { return settings.pedalOn[pedal_]; }
  bool isEmpty() const noexcept override { return captures_.isEmpty(); }
  bool isLate() const noexcept override { return !around_.isIdle(); }
  void passBy(float* const* channels, int numChannels, int numFrames) noexcept override;
  void start() noexcept override { captures_.clear(); }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  std::size_t pedal_;
  CapturePair captures_;
  FadingDelay around_; // of what passes by
};

/** Slots A and B. Always on. */
class AmpStage final : public Stage {
 public:
  CapturePair& captures() noexcept { return captures_; }

  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void collect() override { captures_.collect(); }
  bool adopt(bool heard) noexcept override { return captures_.adopt(heard); }
  void clear() noexcept override { captures_.clear(); }
  void rest() noexcept override { captures_.rest(); }
  int framesToSwitch() const noexcept override { return std::min(Stage::framesToSwitch(), captures_.framesToSwitch()); }
  int latencyFrames() const noexcept override { return captures_.latencyFrames(); }
  std::uint32_t takeFaults() noexcept override { return captures_.takeFaults(); }

 protected:
  bool isOn(const ChainSettings&) const noexcept override { return true; }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  CapturePair captures_{0};
};

/** A tone stack of the player's, at one of two places. */
class ToneStage final : public Stage {
 public:
  enum class Place { beforePedal, afterAmp };
  explicit ToneStage(Place place) : place_(place) {}

  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void clear() noexcept override { tone_.reset(); }

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override {
    return place_ == Place::beforePedal ? settings.preToneOn : settings.toneOn;
  }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  Place place_;
  ToneStack tone_;
};

/** One impulse response, or a blend of two, the second of which may be late or inverted. */
class CabinetStage final : public Stage {
 public:
  /** Loading thread. @param convolver  null: none @param index  0 or 1 */
  void offer(std::unique_ptr<Convolver> convolver, int index);

  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void collect() override;
  bool adopt(bool heard) noexcept override;
  void clear() noexcept override;
  void clearSecond() noexcept override;
  void rest() noexcept override;
  bool makesTwo() const noexcept override;

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override { return settings.cabinetOn; }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  /** Handed over even where there is no convolver: that is what plays then. */
  struct Cabinet {
    std::unique_ptr<Convolver> convolver;
  };
  static Convolver* convolverOf(const Cabinet* cabinet) noexcept {
    return cabinet ? cabinet->convolver.get() : nullptr;
  }
  template <class Visit> void eachConvolver(const Visit& visit) const noexcept {
    for (const auto* response : {&first_, &second_})
      for (const Cabinet* each : {response->current(), response->leaving()})
        if (Convolver* convolver = convolverOf(each))
          visit(*convolver);
  }
  bool playsSecond() const noexcept;

  ChainFormat format_;
  Exchanged<Cabinet> first_, second_;
  Ramp level_, firstGain_, secondGain_; // the gain of the second is negative where it is inverted
  FadingDelay delay_;                   // of the second
  PartBuffer branch_;
  bool playedSecond_ = false;
};

/** A low cut or a high cut behind the cabinet. */
class CutStage final : public Stage {
 public:
  explicit CutStage(CutFilter::Kind kind) : kind_(kind), filter_(kind) {}

  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void clear() noexcept override { filter_.reset(); }

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override;
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  CutFilter::Kind kind_;
  CutFilter filter_;
  int numChannels_ = 0; // that were played last
};

/** A second take on the right of the first: makes two channels of one. Nothing where there is one output. */
class DoublerStage final : public Stage {
 public:
  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void clear() noexcept override { doubler_.reset(); }
  bool makesTwo() const noexcept override { return true; }

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override {
    return numOutputs_ == 2 && settings.doubler > 0.0f;
  }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  Doubler doubler_;
  int numOutputs_ = 0;
};

/** Adds echoes to the sound. Once it has heard two channels it goes on with two: their echoes differ. */
class DelayStage final : public Stage {
 public:
  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void clear() noexcept override;
  bool makesTwo() const noexcept override { return heardTwo_; }

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override { return settings.delay > 0.0f; }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  FeedbackDelay delay_;
  Ramp wet_;
  PartBuffer echoes_;
  bool heardTwo_ = false; // since it was cleared
};

/** Adds a room to the sound, and makes two channels of one. */
class ReverbStage final : public Stage {
 public:
  void prepare(const ChainFormat& format, const ChainSettings& settings) override;
  void clear() noexcept override { reverb_.reset(); }
  bool makesTwo() const noexcept override { return true; }

 protected:
  bool isOn(const ChainSettings& settings) const noexcept override { return settings.reverb > 0.0f; }
  void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept override;
  void run(float* const* channels, int numChannels, int numFrames) noexcept override;

 private:
  Reverb reverb_;
  Ramp wet_;
  PartBuffer room_;
};

} // namespace fxengine::detail
