// SPDX-License-Identifier: MIT
#include "midi_control.h"

#include <algorithm>
#include <utility>

namespace fxtrain {
namespace {

constexpr std::uint8_t kProgramChange = 255;
constexpr int kPressed = 64;

bool isBankSelect(int controller) { return controller == 0 || controller == 32; }

/** Where a press takes a parameter: a switch over, a choice to its next and from the last to the first, any other to
    the far end of its range. Normalised values. */
float pressed(const juce::RangedAudioParameter& parameter, float value) {
  if (const auto* choice = dynamic_cast<const juce::AudioParameterChoice*>(&parameter)) {
    const int index = juce::roundToInt(choice->convertFrom0to1(value));
    return choice->convertTo0to1(float((index + 1) % choice->choices.size()));
  }
  return value >= 0.5f ? 0.0f : 1.0f;
}

} // namespace

MidiControl::MidiControl(juce::AudioProcessorValueTreeState& parameters) : parameters_(parameters) {}

std::vector<MidiControl::Binding> MidiControl::bindings() const {
  const std::lock_guard lock(mutex_);
  return bindings_;
}

bool MidiControl::isSensible(const Binding& binding) const {
  return binding.controller >= 0 && binding.controller < kNumControllers && binding.channel >= 0 &&
         binding.channel <= 16 && parameters_.getParameter(binding.parameter) != nullptr;
}

void MidiControl::setBindings(std::vector<Binding> bindings) {
  std::erase_if(bindings, [this](const Binding& binding) { return !isSensible(binding); });
  if (bindings.size() > kMaxBindings)
    bindings.resize(kMaxBindings);
  const std::lock_guard lock(mutex_);
  bindings_ = std::move(bindings);
}

void MidiControl::learn(const juce::String& parameter, Mode mode) {
  const std::lock_guard lock(mutex_);
  learning_ = parameter;
  learningMode_ = mode;
}

void MidiControl::cancelLearning() {
  const std::lock_guard lock(mutex_);
  learning_.clear();
}

juce::String MidiControl::learning() const {
  const std::lock_guard lock(mutex_);
  return learning_;
}

void MidiControl::forget(const juce::String& parameter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(bindings_, [&](const Binding& binding) { return binding.parameter == parameter; });
}

void MidiControl::write(Event event) noexcept {
  const auto scope = fifo_.write(1);
  if (scope.blockSize1 == 1)
    events_[std::size_t(scope.startIndex1)] = event;
}

void MidiControl::receive(const juce::MidiBuffer& midi) noexcept FXENGINE_REALTIME {
  for (const auto metadata : midi) {
    const auto* bytes = metadata.data;
    if (metadata.numBytes < 2)
      continue;
    const auto channel = std::uint8_t((bytes[0] & 0x0f) + 1);
    const int kind = bytes[0] & 0xf0;
    if (kind == 0xb0 && metadata.numBytes >= 3 && bytes[1] < kNumControllers)
      write({channel, bytes[1], std::uint8_t(bytes[2] & 0x7f)});
    else if (kind == 0xc0)
      write({channel, kProgramChange, std::uint8_t(bytes[1] & 0x7f)});
  }
}

int MidiControl::apply() {
  if (fifo_.getNumReady() == 0)
    return -1;
  int program = -1;
  std::vector<std::pair<juce::RangedAudioParameter*, float>> moves; // done without the lock: listeners may ask us
  const auto moveOf = [&moves](juce::RangedAudioParameter* parameter) {
    return std::find_if(moves.begin(), moves.end(), [&](const auto& move) { return move.first == parameter; });
  };
  {
    const std::lock_guard lock(mutex_);
    while (fifo_.getNumReady() > 0) {
      Event event{};
      fifo_.read(1).forEach([&](int index) { event = events_[std::size_t(index)]; });
      if (event.controller == kProgramChange) {
        program = event.value;
        continue;
      }
      bool taught = false;
      if (learning_.isNotEmpty() && !isBankSelect(event.controller)) {
        const Binding binding{event.controller, event.channel, std::exchange(learning_, {}), learningMode_};
        std::erase_if(bindings_, [&](const Binding& old) { return old.parameter == binding.parameter; });
        if (isSensible(binding) && bindings_.size() < kMaxBindings)
          bindings_.push_back(binding);
        taught = true;
      }
      auto& last = lastValue_[event.channel][event.controller];
      const bool press = event.value >= kPressed && last < kPressed;
      last = event.value;
      for (const Binding& binding : bindings_) {
        if (binding.controller != event.controller || (binding.channel != 0 && binding.channel != event.channel))
          continue;
        auto* parameter = parameters_.getParameter(binding.parameter);
        auto move = moveOf(parameter);
        float value = move != moves.end() ? move->second : parameter->getValue();
        if (binding.mode == Mode::follow)
          value = float(event.value) / 127.0f;
        else if (press && !taught) // the press that teaches does not turn over as well
          value = pressed(*parameter, value);
        else
          continue;
        if (move == moves.end())
          moves.emplace_back(parameter, value);
        else
          move->second = value;
      }
    }
  }
  for (const auto& [parameter, value] : moves) {
    if (parameter->getValue() != value)
      parameter->setValueNotifyingHost(value);
  }
  return program;
}

} // namespace fxtrain
