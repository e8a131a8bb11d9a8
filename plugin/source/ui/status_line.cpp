// SPDX-License-Identifier: MIT
#include "status_line.h"

namespace fxtrain::ui {

StatusLine::StatusLine() : action_("Action", {}, "Do it", PushButton::Style::raised), dismiss_("Dismiss", Icon::close) {
  setComponentID("status");
  action_.onClick = [this] {
    const auto then = std::exchange(then_, nullptr);
    question_ = {};
    update();
    if (then)
      then();
  };
  dismiss_.onClick = [this] {
    if (question_.isNotEmpty()) {
      question_ = {};
      then_ = nullptr;
      update();
    } else if (waiting_.isNotEmpty()) {
      if (onStopWaiting)
        onStopWaiting();
    } else if (onDismissProblem) {
      onDismissProblem();
    }
  };
  addChildComponent(action_);
  addChildComponent(dismiss_);
}

void StatusLine::setProblem(const juce::String& sentence) {
  if (problem_ == sentence)
    return;
  problem_ = sentence;
  update();
  if (sentence.isNotEmpty())
    juce::AccessibilityHandler::postAnnouncement(sentence, juce::AccessibilityHandler::AnnouncementPriority::high);
}

void StatusLine::ask(const juce::String& question, const juce::String& action, std::function<void()> then) {
  question_ = question;
  then_ = std::move(then);
  action_.setText(action);
  action_.setTitle(action);
  action_.setTooltip({});
  update();
  juce::AccessibilityHandler::postAnnouncement(question, juce::AccessibilityHandler::AnnouncementPriority::high);
}

void StatusLine::setWaiting(const juce::String& sentence) {
  if (waiting_ != sentence) {
    waiting_ = sentence;
    update();
  }
}

void StatusLine::setQuiet(const juce::String& text) {
  if (quiet_ != text) {
    quiet_ = text;
    update();
  }
}

void StatusLine::update() {
  action_.setVisible(question_.isNotEmpty());
  dismiss_.setVisible(question_.isNotEmpty() || waiting_.isNotEmpty() || problem_.isNotEmpty());
  dismiss_.setTooltip(question_.isNotEmpty() ? "Leave it as it is" : waiting_.isNotEmpty() ? "Stop" : "Dismiss");
  resized();
  repaint();
}

void StatusLine::resized() {
  auto area = getLocalBounds();
  dismiss_.setBounds(area.removeFromRight(28).withSizeKeepingCentre(28, 28));
  action_.setBounds(area.removeFromRight(92).withSizeKeepingCentre(84, 28));
}

void StatusLine::paint(juce::Graphics& g) {
  auto area = getLocalBounds().toFloat();
  const bool problem = question_.isEmpty() && waiting_.isEmpty() && problem_.isNotEmpty();
  const auto text = question_.isNotEmpty() ? question_ : waiting_.isNotEmpty() ? waiting_ : problem ? problem_ : quiet_;
  const bool quiet = question_.isEmpty() && waiting_.isEmpty() && !problem;
  if (!quiet) {
    g.setColour(problem ? colour::danger.withAlpha(0.14f) : colour::raised);
    g.fillRoundedRectangle(area, 8.0f);
    area.removeFromLeft(12.0f);
    if (problem)
      drawIcon(g, Icon::warning, area.removeFromLeft(16.0f).withSizeKeepingCentre(16.0f, 16.0f), colour::danger);
    else
      drawIcon(g, waiting_.isNotEmpty() && question_.isEmpty() ? Icon::loop : Icon::warning,
               area.removeFromLeft(16.0f).withSizeKeepingCentre(16.0f, 16.0f), colour::accent);
    area.removeFromLeft(10.0f);
    area.removeFromRight(question_.isNotEmpty() ? 128.0f : 36.0f);
  }
  if (quiet) {
    drawText(g, text, area, font(12.0f), colour::faint);
    return;
  }
  g.setColour(colour::text);
  g.setFont(fontFor(text, font(13.0f)));
  g.drawFittedText(text, area.toNearestInt(), juce::Justification::centredLeft, 2, 0.9f);
}

std::unique_ptr<juce::AccessibilityHandler> StatusLine::createAccessibilityHandler() {
  struct Handler : juce::AccessibilityHandler {
    explicit Handler(StatusLine& l) : AccessibilityHandler(l, juce::AccessibilityRole::group), line(l) {}
    juce::String getTitle() const override {
      return line.question_.isNotEmpty()  ? line.question_
             : line.waiting_.isNotEmpty() ? line.waiting_
             : line.problem_.isNotEmpty() ? line.problem_
                                          : line.quiet_;
    }
    StatusLine& line;
  };
  return std::make_unique<Handler>(*this);
}

} // namespace fxtrain::ui
