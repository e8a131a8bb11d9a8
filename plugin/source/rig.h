// SPDX-License-Identifier: MIT
#pragma once

#include "background.h"
#include "model_file.h"

#include <fxengine/signal_chain.h>

#include <juce_events/juce_events.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace fxtrain {

/** What is loaded: models and one or two responses of cabinets. */
struct RigContents {
  /** By slot: A and B, then those of the pedals before them, as in ChainSettings. Null: the slot is empty. */
  std::array<std::shared_ptr<const ModelFile>, fxengine::ChainSettings::kNumSlots> models;
  std::shared_ptr<const CabinetFile> cabinet, secondCabinet; ///< the second one is blended with the first
  juce::String backend = "fxengine";                         ///< what plays the models

  bool operator==(const RigContents&) const = default;
};

/** Loads models and cabinets into a signal chain without the sound noticing.

    A load is read, checked, prepared and prewarmed on a background thread, then handed over; what cannot be used leaves
    everything as it was, and problem() says why. Listeners (ChangeBroadcaster) are told on the message thread of every
    change. Methods are for any thread but the audio thread. */
class Rig : public juce::ChangeBroadcaster {
 public:
  static constexpr int kNumSlots = fxengine::ChainSettings::kNumSlots;
  static constexpr int kNumPedals = fxengine::ChainSettings::kNumPedals;
  /** Slots 0 and 1 are A and B. @param side  0: the pedal's A, 1: its B */
  static constexpr int pedalSlot(int pedal, int side = 0) noexcept {
    return fxengine::ChainSettings::pedalSlot(pedal, side);
  }
  static constexpr bool isPedal(int slot) noexcept { return slot >= fxengine::ChainSettings::kNumAmps; }
  static constexpr int pedalOf(int slot) noexcept { return (slot - fxengine::ChainSettings::kNumAmps) / 2; }

  Rig();
  ~Rig() override;

  fxengine::SignalChain& chain() noexcept { return chain_; }

  /** Allocates; the audio thread must stand still. */
  void prepare(double sampleRate, int numInputs, int numOutputs, int oversampling);
  int oversampling() const; ///< how much the models are oversampled

  /** Plays the models as much oversampled as `wanted` says, from now on; nothing to do where they are already.
      Throws FileError where a model cannot be. */
  void updateOversampling(const std::function<int()>& wanted);

  // What the player does: returns at once, the rest in the background.
  void loadModel(int slot, const juce::File& file);
  /** The next (1) or previous (-1) model of the same folder, or of the shipped ones, that plays; problem() names those
      passed over. */
  void loadNeighbour(int slot, int step);
  void loadShipped(int slot, const juce::String& title);
  void clearModel(int slot);
  /** The sample rate of a model whose file states none, in Hz; nothing: it plays at the host's. */
  void setAssumedRate(int slot, std::optional<double> rate);
  void swapModels(int first, int second);
  void copyModel(int from, int to);
  // Of a cabinet's responses: 0, or 1 for the second one.
  void loadCabinet(const juce::File& file, int index = 0);
  void loadShippedCabinet(int index = 0);
  void loadCabinetNeighbour(int step, int index = 0);
  void clearCabinet(int index = 0);             ///< the second one takes the first one's place
  void setBackend(const juce::String& backend); ///< one of fxengine::availableBackends()

  void load(const RigContents& contents); ///< all at once, in the background
  /** Runs a function on the loader thread once the loads asked for so far are done. */
  void afterLoads(std::function<void()> then);

  /** Waits for the load under way and drops those behind it: for an owner whose callbacks end before the rig does. */
  void cancelLoads();

  /** All at once, before it returns: for projects and presets. What was asked for before and is still on its way is
      dropped. Throws FileError where a model does not play, and then nothing has changed. */
  void setContents(const RigContents& contents);
  /** How often setContents() has worked. */
  int numReplaced() const noexcept { return numReplaced_.load(); }
  RigContents contents() const;

  /** How long the rig sounds on when its input has ended: what its cabinet and its models look back at. */
  double tailSeconds() const noexcept { return tailSeconds_.load(); }

  bool isLoading() const noexcept { return pending_.load() > 0; } ///< something is under way
  /** The sentence about the last load that failed; "" once another one works or clearProblem() was called. */
  juce::String problem() const;
  void setProblem(const juce::String& sentence);
  void clearProblem() { setProblem({}); }

  /** Called after a load by the player that worked, on the loader thread: for undo.
      @param numReplaced  numReplaced() at the time of the request; if it has changed, so have the contents */
  std::function<void(const RigContents& before, const RigContents& after, int numReplaced)> onPlayerChange;
  /** What the player has set, from any thread: models come to rest with knobs and quality so. */
  std::function<fxengine::ChainSettings()> settings = [] { return fxengine::ChainSettings{}; };
  /** Called on any thread but the audio thread when the latency may have changed. */
  std::function<void()> onLatency;

  /** Frees what the audio thread has let go. From the courier. */
  void collect();

  static juce::File modelFolder(); ///< where `fxtrain install` puts models and the browser opens first
  static juce::File cabinetFolder();

 private:
  /** On the loader thread; throws FileError. Returns what the player is told although it worked; "" for nothing. */
  using Change = std::function<juce::String(RigContents&)>;

  void change(Change change);                          // queues it
  void perform(const Change& change, int numReplaced); // loader thread
  void apply(RigContents contents);
  using Slots = std::array<std::unique_ptr<fxengine::SlotContent>, kNumSlots>;
  Slots buildAll(int oversampling) const; ///< throws FileError
  std::unique_ptr<fxengine::SlotContent> build(std::size_t slot, const std::shared_ptr<const ModelFile>& file,
                                               const juce::String& backend, int oversampling) const;
  std::unique_ptr<fxengine::Convolver> build(const std::shared_ptr<const CabinetFile>& file) const;

  mutable std::mutex mutex_; // all below, and who may load; never taken by the audio thread
  RigContents contents_;
  juce::String problem_;
  int oversampling_ = 1;
  int refusedOversampling_ = 0; // a factor that a model does not go with; 0: none
  std::atomic<int> pending_{0};
  std::atomic<int> numReplaced_{0}; // changes under the lock
  std::atomic<double> tailSeconds_{0.0};
  fxengine::SignalChain chain_;
  juce::SharedResourcePointer<Background> background_;
};

} // namespace fxtrain
