// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/realtime/handover.h>
#include <fxengine/realtime/realtime.h>

#include <juce_audio_processors/juce_audio_processors.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace fxtrain {

/** MIDI controllers bound to parameters, and program changes to presets: for foot switches and expression pedals. */
class MidiControl {
 public:
  enum class Mode {
    follow, ///< the parameter follows the controller's value: a switch is on from 64 on, the amplifier's slot is B
    toggle  ///< a press (64 and more after less) turns a switch over, or a choice to its next; the slot from A to B
  };
  struct Binding {
    int controller = 0; ///< 0..119; what comes after are messages about modes
    int channel = 0;    ///< 1..16; 0: any
    juce::String parameter;
    Mode mode = Mode::follow;
    bool operator==(const Binding&) const = default;
  };

  static constexpr int kNumControllers = 120;
  static constexpr std::size_t kMaxBindings = 256;

  explicit MidiControl(juce::AudioProcessorValueTreeState& parameters);

  // Not for the audio thread.
  std::vector<Binding> bindings() const;
  /** Bindings that make no sense, and those beyond kMaxBindings, are left out. */
  void setBindings(std::vector<Binding> bindings);
  /** The next controller that moves is bound to the parameter, on the channel that it moves on, in place of what the
      parameter was bound to. Bank selects are no such controllers: foot switches send them with program changes. */
  void learn(const juce::String& parameter, Mode mode);
  void cancelLearning();
  juce::String learning() const; ///< the parameter that waits; "" for none
  void forget(const juce::String& parameter);

  // Audio thread. A controller counts from the frame of its message on, so that a bounce comes out the same each time;
  // the parameter, and with it window and host, follows when the courier comes by.
  void beginBlock() noexcept FXENGINE_REALTIME; ///< takes new bindings; what the host has moved since is the host's
  /** Whether the message moved something: values() is another from here on. */
  bool receive(const juce::MidiMessageMetadata& message) noexcept FXENGINE_REALTIME;
  /** By the index of a parameter, in plain units: what controllers have set and the parameter does not have yet; NaN
     for all others. */
  const float* values() const noexcept FXENGINE_REALTIME { return values_.data(); }

  /** What controllers have set and the parameters do not have yet is dropped: the sound is another now. */
  void dropPending();

  /** Courier: moves the parameters. Returns the last program that was asked for, or -1. */
  int apply();
  /** Courier: frees what the audio thread has let go. */
  void collect();

 private:
  struct Event {
    std::uint8_t channel, controller, value; // channel 1..16
  };
  /** A parameter, and who set it last. */
  struct Target {
    juce::RangedAudioParameter* parameter;
    const std::atomic<float>* plain; // as the parameter has it
    int numChoices;                  // that a foot switch goes through; 0: the parameter is no choice
    float plainBefore = 0.0f;        // when a controller moved it: audio thread
    std::atomic<float> wanted{0.0f}; // normalised
    std::atomic<bool> moved{false};  // since the courier was here
    std::atomic<float> set{0.0f};    // by the courier, in plain units

    Target(juce::RangedAudioParameter* which, const std::atomic<float>* value);
    /** Where a press takes it from a value; and where a controller's value does. All but the last normalised. */
    float pressed(float value) const noexcept;
    float followed(int value) const noexcept;
  };
  struct Action {
    int controller, channel, target;
    Mode mode;
  };
  using Actions = std::vector<Action>;

  bool isSensible(const Binding& binding) const;
  void publish(); // under the lock
  void teach(const Event& event);

  juce::AudioProcessorValueTreeState& parameters_;
  std::deque<Target> targets_; // by the index of the parameter; atomics do not move
  mutable std::mutex mutex_;   // bindings_, learning_, learningMode_, offers; never taken by the audio thread
  std::vector<Binding> bindings_;
  juce::String learning_;
  Mode learningMode_ = Mode::follow;

  fxengine::Handover<Actions> handover_;
  std::unique_ptr<Actions> actions_, leaving_;                            // audio thread, as the next two
  std::array<std::array<std::uint8_t, kNumControllers>, 17> lastValue_{}; // [channel][controller]
  std::vector<float> values_;

  std::atomic<bool> dropsPending_{false};
  std::atomic<int> program_{-1};
  std::atomic<bool> isLearning_{false};
  static constexpr int kMaxEvents = 33; // for learning; one place of the ring stays free
  juce::AbstractFifo fifo_{kMaxEvents};
  std::array<Event, kMaxEvents> events_{};
};

} // namespace fxtrain
