// SPDX-License-Identifier: MIT
#include "history.h"

namespace fxtrain {
namespace {

constexpr int kUnitsPerStep = 10;

} // namespace

class History::ParameterStep : public juce::UndoableAction {
 public:
  ParameterStep(juce::AudioProcessorParameter& parameter, float before, float after)
      : parameter_(parameter), before_(before), after_(after) {}

  bool perform() override { return set(after_); }
  bool undo() override { return set(before_); }
  int getSizeInUnits() override { return kUnitsPerStep; }

  juce::UndoableAction* createCoalescedAction(juce::UndoableAction* next) override {
    const auto* step = dynamic_cast<ParameterStep*>(next);
    if (step == nullptr || &step->parameter_ != &parameter_)
      return nullptr;
    return new ParameterStep(parameter_, before_, step->after_);
  }

 private:
  bool set(float value) {
    if (parameter_.getValue() != value) {
      parameter_.beginChangeGesture();
      parameter_.setValueNotifyingHost(value);
      parameter_.endChangeGesture();
    }
    return true;
  }

  juce::AudioProcessorParameter& parameter_;
  float before_, after_;
};

/** What was done by the time it is entered: performed only from the second time on. */
class History::DoneStep : public juce::UndoableAction {
 public:
  DoneStep(std::function<void()> redo, std::function<void()> undo) : redo_(std::move(redo)), undo_(std::move(undo)) {}

  bool perform() override {
    if (entered_)
      redo_();
    entered_ = true;
    return true;
  }
  bool undo() override {
    undo_();
    return true;
  }
  int getSizeInUnits() override { return kUnitsPerStep; }

 private:
  std::function<void()> redo_, undo_;
  bool entered_ = false;
};

History::History(juce::AudioProcessor& processor, Clock clock)
    : processor_(processor), clock_(std::move(clock)), manager_(kMaxSteps * kUnitsPerStep, 1) {
  processor_.addListener(this);
}

History::~History() { processor_.removeListener(this); }

void History::undo() {
  lastParameter_ = -1;
  if (manager_.undo() && onStep)
    onStep();
}

void History::redo() {
  lastParameter_ = -1;
  if (manager_.redo() && onStep)
    onStep();
}

void History::add(const juce::String& text, std::function<void()> redo, std::function<void()> undo) {
  if (manager_.isPerformingUndoRedo())
    return;
  lastParameter_ = -1;
  manager_.beginNewTransaction(text);
  manager_.perform(new DoneStep(std::move(redo), std::move(undo)));
  if (onStep)
    onStep();
}

void History::clear() {
  lastParameter_ = -1;
  before_.clear();
  manager_.clearUndoHistory();
}

void History::audioProcessorParameterChangeGestureBegin(juce::AudioProcessor*, int index) {
  if (!juce::MessageManager::existsAndIsCurrentThread() || manager_.isPerformingUndoRedo())
    return;
  if (const auto* parameter = processor_.getParameters()[index])
    before_.emplace(index, parameter->getValue());
}

void History::audioProcessorParameterChangeGestureEnd(juce::AudioProcessor*, int index) {
  if (!juce::MessageManager::existsAndIsCurrentThread() || manager_.isPerformingUndoRedo())
    return;
  auto* parameter = processor_.getParameters()[index];
  const auto begun = before_.find(index);
  if (parameter == nullptr || begun == before_.end())
    return;
  const float before = begun->second;
  const float after = parameter->getValue();
  before_.erase(begun);
  if (before == after)
    return;
  const auto now = clock_();
  const bool joins = index == lastParameter_ && now - lastTime_ < kJoinMs && !parameter->isDiscrete();
  if (!joins)
    manager_.beginNewTransaction(parameter->getName(100));
  lastParameter_ = index;
  lastTime_ = now;
  manager_.perform(new ParameterStep(*parameter, before, after));
  if (onStep)
    onStep();
}

} // namespace fxtrain
