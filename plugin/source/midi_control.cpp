// SPDX-License-Identifier: MIT
#include "midi_control.h"

#include "parameters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fxtrain {
namespace {

constexpr int kPressed = 64;
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

bool isBankSelect(int controller) { return controller == 0 || controller == 32; }

} // namespace

MidiControl::Target::Target(juce::RangedAudioParameter* which, const std::atomic<float>* value)
    : parameter(which), plain(value) {
  const auto* choice = dynamic_cast<const juce::AudioParameterChoice*>(which);
  numChoices = choice == nullptr ? 0 : choice->choices.size();
  if (which->getParameterID() == id::slot) // A and B; both together is a sound of its own
    numChoices = 2;
}

/** A switch over, a choice to its next and from the last to the first, any other to the far end of its range. */
float MidiControl::Target::pressed(float value) const noexcept {
  if (numChoices == 0)
    return value >= 0.5f ? 0.0f : 1.0f;
  const int index = juce::roundToInt(parameter->convertFrom0to1(value));
  return parameter->convertTo0to1(float(index + 1 < numChoices ? index + 1 : 0));
}

float MidiControl::Target::followed(int value) const noexcept {
  const float normalised = float(value) / 127.0f;
  return numChoices == 2 ? parameter->convertTo0to1(value >= kPressed ? 1.0f : 0.0f) : normalised;
}

MidiControl::MidiControl(juce::AudioProcessorValueTreeState& parameters) : parameters_(parameters) {
  for (auto* parameter : parameters.processor.getParameters()) {
    auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(parameter);
    jassert(ranged != nullptr && ranged->getParameterIndex() == int(targets_.size()));
    targets_.emplace_back(ranged, parameters.getRawParameterValue(ranged->getParameterID()));
  }
  values_.assign(targets_.size(), kNone);
}

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
  publish();
}

void MidiControl::publish() {
  auto actions = std::make_unique<Actions>();
  for (const Binding& binding : bindings_)
    actions->push_back({binding.controller, binding.channel,
                        parameters_.getParameter(binding.parameter)->getParameterIndex(), binding.mode});
  handover_.offer(std::move(actions));
}

void MidiControl::learn(const juce::String& parameter, Mode mode) {
  const std::lock_guard lock(mutex_);
  fifo_.read(fifo_.getNumReady()); // of the last time
  learning_ = parameter;
  learningMode_ = mode;
  isLearning_ = true;
}

void MidiControl::cancelLearning() {
  const std::lock_guard lock(mutex_);
  learning_.clear();
  isLearning_ = false;
}

juce::String MidiControl::learning() const {
  const std::lock_guard lock(mutex_);
  return learning_;
}

void MidiControl::forget(const juce::String& parameter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(bindings_, [&](const Binding& binding) { return binding.parameter == parameter; });
  publish();
}

void MidiControl::beginBlock() noexcept {
  if (leaving_ == nullptr || handover_.giveBack(leaving_))
    if (auto actions = handover_.take()) {
      leaving_ = std::exchange(actions_, std::move(actions));
      if (leaving_ != nullptr)
        handover_.giveBack(leaving_); // else with the next block
    }
  if (dropsPending_.exchange(false, std::memory_order_acquire))
    std::fill(values_.begin(), values_.end(), kNone);
  for (std::size_t index = 0; index < targets_.size(); ++index) {
    if (std::isnan(values_[index]))
      continue;
    auto& target = targets_[index];
    const float plain = target.plain->load(std::memory_order_relaxed);
    const bool byCourier = plain == target.set.load(std::memory_order_relaxed);
    const bool byAnother = plain != target.plainBefore && !byCourier;
    if (byAnother)
      target.moved.store(false, std::memory_order_relaxed);
    if (byAnother || plain == values_[index])
      values_[index] = kNone;
  }
}

bool MidiControl::receive(const juce::MidiMessageMetadata& message) noexcept {
  const auto* bytes = message.data;
  if (message.numBytes < 2)
    return false;
  const int kind = bytes[0] & 0xf0;
  if (kind == 0xc0)
    program_.store(bytes[1] & 0x7f, std::memory_order_relaxed);
  if (kind != 0xb0 || message.numBytes < 3 || bytes[1] >= kNumControllers)
    return false;
  const Event event{std::uint8_t((bytes[0] & 0x0f) + 1), bytes[1], std::uint8_t(bytes[2] & 0x7f)};
  auto& last = lastValue_[event.channel][event.controller];
  const bool press = event.value >= kPressed && last < kPressed;
  last = event.value;
  if (isLearning_.load(std::memory_order_relaxed) && !isBankSelect(event.controller)) {
    const auto scope = fifo_.write(1);
    if (scope.blockSize1 == 1)
      events_[std::size_t(scope.startIndex1)] = event;
  }
  if (actions_ == nullptr)
    return false;
  bool moved = false;
  for (const Action& action : *actions_) {
    if (action.controller != event.controller || (action.channel != 0 && action.channel != event.channel))
      continue;
    auto& target = targets_[std::size_t(action.target)];
    auto& value = values_[std::size_t(action.target)];
    const bool isOurs = !std::isnan(value);
    float normalised = target.followed(event.value);
    if (action.mode == Mode::toggle) {
      if (!press)
        continue;
      normalised =
          target.pressed(isOurs ? target.wanted.load(std::memory_order_relaxed) : target.parameter->getValue());
    }
    if (!isOurs)
      target.plainBefore = target.plain->load(std::memory_order_relaxed);
    value = target.parameter->convertFrom0to1(normalised);
    target.wanted.store(normalised, std::memory_order_relaxed);
    target.moved.store(true, std::memory_order_release);
    moved = true;
  }
  return moved;
}

void MidiControl::teach(const Event& event) {
  juce::RangedAudioParameter* parameter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (learning_.isEmpty())
      return;
    const Binding binding{event.controller, event.channel, std::exchange(learning_, {}), learningMode_};
    isLearning_ = false;
    std::erase_if(bindings_, [&](const Binding& old) { return old.parameter == binding.parameter; });
    if (!isSensible(binding) || bindings_.size() >= kMaxBindings)
      return;
    bindings_.push_back(binding);
    publish();
    if (binding.mode == Mode::follow) // the press that teaches a switch does not turn it over as well
      parameter = parameters_.getParameter(binding.parameter);
  }
  if (parameter != nullptr) // without the lock: listeners may ask us
    parameter->setValueNotifyingHost(targets_[std::size_t(parameter->getParameterIndex())].followed(event.value));
}

void MidiControl::dropPending() {
  for (Target& target : targets_)
    target.moved.store(false, std::memory_order_relaxed);
  dropsPending_.store(true, std::memory_order_release);
}

int MidiControl::apply() {
  if (isLearning_ && fifo_.getNumReady() > 0) {
    Event event{};
    fifo_.read(1).forEach([&](int index) { event = events_[std::size_t(index)]; });
    teach(event);
  }
  for (Target& target : targets_) {
    if (!target.moved.exchange(false, std::memory_order_acquire))
      continue;
    const float value = target.wanted.load(std::memory_order_relaxed);
    target.set.store(target.parameter->convertFrom0to1(value), std::memory_order_relaxed);
    if (target.parameter->getValue() != value)
      target.parameter->setValueNotifyingHost(value);
  }
  return program_.exchange(-1, std::memory_order_relaxed);
}

void MidiControl::collect() {
  const std::lock_guard lock(mutex_);
  handover_.collect();
}

} // namespace fxtrain
