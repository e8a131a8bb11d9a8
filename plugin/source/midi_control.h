// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/realtime/realtime.h>

#include <juce_audio_processors/juce_audio_processors.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

namespace fxtrain {

/** MIDI controllers bound to parameters, and program changes to presets: for foot switches and expression pedals. */
class MidiControl {
 public:
  enum class Mode {
    follow, ///< the parameter follows the controller's value
    toggle  ///< a press (64 and more after less) turns a switch over, or a choice to its next
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

  /** Audio thread: notes what concerns us. What comes faster than apply() fetches it, 256 events ahead, is lost. */
  void receive(const juce::MidiBuffer& midi) noexcept FXENGINE_REALTIME;
  /** Courier: moves the parameters. Returns the last program that was asked for, or -1. */
  int apply();

 private:
  struct Event {
    std::uint8_t channel, controller, value; // channel 1..16; controller 255: a program change
  };
  void write(Event event) noexcept;
  bool isSensible(const Binding& binding) const;

  juce::AudioProcessorValueTreeState& parameters_;
  mutable std::mutex mutex_; // bindings_, learning_, learningMode_, lastValue_; never taken by the audio thread
  std::vector<Binding> bindings_;
  juce::String learning_;
  Mode learningMode_ = Mode::follow;
  std::array<std::array<std::uint8_t, kNumControllers>, 17> lastValue_{}; // [channel][controller]

  static constexpr int kMaxEvents = 257; // one place of the ring stays free
  juce::AbstractFifo fifo_{kMaxEvents};
  std::array<Event, kMaxEvents> events_{};
};

} // namespace fxtrain
