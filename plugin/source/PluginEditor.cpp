// SPDX-License-Identifier: MIT
#include "PluginEditor.h"

#include <cmath>

namespace fxtrain {
namespace {

constexpr int kFramesPerSecond = 30;

// Of the wires: where the signal leaves one column of panels and enters the next.
constexpr float kUpper = 180.0f, kLower = 476.0f;

} // namespace

PluginEditor::PluginEditor(PluginProcessor& owner)
    : AudioProcessorEditor(owner), processor_(owner), header_(owner, browser_), input_(owner), gate_(owner),
      slotA_(owner, browser_, 0), slotB_(owner, browser_, 1), slots_(owner), tone_(owner), cabinet_(owner, browser_),
      output_(owner), slotWatch_(*owner.parameters.getParameter(id::slot), [this](float) { routingChanged(); }),
      bypassWatch_(*owner.parameters.getParameter(id::bypass), [this](float) { routingChanged(); }),
      tunerWatch_(*owner.parameters.getParameter(id::tuner), [this](float) { updateTuner(); }) {
  setOpaque(true);
  setWantsKeyboardFocus(true);
  setTitle("fxtrain");
  addAndMakeVisible(content_);
  content_.setFocusContainerType(FocusContainerType::keyboardFocusContainer);
  for (auto* child : std::initializer_list<juce::Component*>{&header_, &input_, &gate_, &slotA_, &slots_, &slotB_,
                                                             &tone_, &cabinet_, &output_})
    content_.addAndMakeVisible(child);
  if (owner.isStandalone()) {
    take_ = std::make_unique<ui::TakeStrip>(owner.takePlayer(), browser_);
    content_.addAndMakeVisible(*take_);
  }
  content_.addAndMakeVisible(status_);
  // The keyboard goes the way of the signal.
  int order = 0;
  for (auto* child : std::initializer_list<juce::Component*>{&header_, &input_, &gate_, &slotA_, &slots_, &slotB_,
                                                             &tone_, &cabinet_, &output_, take_.get(), &status_})
    if (child != nullptr)
      child->setExplicitFocusOrder(++order);
  content_.addChildComponent(veil_);

  auto& rig = owner.rig();
  header_.onSettings = [this] { showSettings(settings_ == nullptr); };
  header_.onProblem = [&rig](const juce::String& sentence) { rig.setProblem(sentence); };
  header_.onAsk = [this](const juce::String& question, const juce::String& action, std::function<void()> then) {
    status_.ask(question, action, std::move(then));
  };
  status_.onDismissProblem = [this] {
    processor_.rig().clearProblem();
    dismissed_ = processor_.takePlayer().problem();
    status_.setProblem({});
  };
  status_.onStopWaiting = [this] { processor_.midiControl().cancelLearning(); };
  rig.addChangeListener(this);
  content_.addMouseListener(this, true);

  layOut();
  showContents();
  routingChanged();
  updateTuner();
  update(0.0);

  const float aspect = float(kWidth) / float(logicalHeight());
  const int width = juce::jlimit(kLeastWidth, kGreatestWidth, owner.editorSize().x);
  setResizable(true, true);
  getConstrainer()->setFixedAspectRatio(double(aspect));
  setResizeLimits(kLeastWidth, juce::roundToInt(kLeastWidth / aspect), kGreatestWidth,
                  juce::roundToInt(kGreatestWidth / aspect));
  setSize(width, juce::roundToInt(float(width) / aspect));
  startTimerHz(kFramesPerSecond);
}

PluginEditor::~PluginEditor() {
  stopTimer();
  content_.removeMouseListener(this);
  processor_.rig().removeChangeListener(this);
}

int PluginEditor::logicalHeight() const { return kHeight + (take_ != nullptr ? kTakeStripHeight : 0); }

bool PluginEditor::isOn(const char* parameter) const {
  return processor_.parameters.getRawParameterValue(parameter)->load() >= 0.5f;
}

void PluginEditor::set(const char* parameter, float plainValue) {
  auto* target = processor_.parameters.getParameter(parameter);
  target->beginChangeGesture();
  target->setValueNotifyingHost(target->convertTo0to1(plainValue));
  target->endChangeGesture();
}

void PluginEditor::layOut() {
  content_.setSize(kWidth, logicalHeight());
  header_.setBounds(0, 0, kWidth, 56);
  input_.setBounds(24, 64, 168, 272);
  gate_.setBounds(24, 360, 168, 232);
  slotA_.setBounds(216, 64, 424, 232);
  slots_.setBounds(216, 304, 424, 48);
  slotB_.setBounds(216, 360, 424, 232);
  tone_.setBounds(664, 64, 232, 272);
  cabinet_.setBounds(664, 360, 232, 232);
  output_.setBounds(920, 64, 136, 528);
  veil_.setBounds(0, 56, kWidth, 544);
  int y = 600;
  if (take_ != nullptr) {
    take_->setBounds(24, y + 4, kWidth - 48, 44);
    y += kTakeStripHeight;
  }
  status_.setBounds(24, y, kWidth - 48, 32);
}

void PluginEditor::resized() {
  content_.setTransform(juce::AffineTransform::scale(float(getWidth()) / float(kWidth)));
  processor_.setEditorSize({getWidth(), getHeight()});
}

void PluginEditor::paint(juce::Graphics& g) { g.fillAll(ui::colour::window); }

void PluginEditor::paintContent(juce::Graphics& g) {
  g.fillAll(ui::colour::window);
  paintWires(g);
}

void PluginEditor::paintWires(juce::Graphics& g) {
  const bool bypassed = isOn(id::bypass);
  const int shown = slots_.index();
  const auto wire = [&](bool live, std::initializer_list<juce::Point<float>> points) {
    juce::Path path;
    bool first = true;
    for (const auto point : points) {
      if (first)
        path.startNewSubPath(point);
      else
        path.lineTo(point);
      first = false;
    }
    g.setColour(live && !bypassed ? ui::colour::accent : ui::colour::track);
    g.strokePath(path.createPathWithRoundedCorners(6.0f),
                 juce::PathStrokeType(2.0f, juce::PathStrokeType::curved, juce::PathStrokeType::rounded));
  };
  const bool a = shown != 1, b = shown != 0;
  const float split = 204.0f, join = 652.0f;
  const auto toA = [&](bool live) {
    wire(live, {{192.0f, kLower}, {split, kLower}, {split, kUpper}, {216.0f, kUpper}});
    wire(live, {{640.0f, kUpper}, {664.0f, kUpper}});
  };
  const auto toB = [&](bool live) {
    wire(live, {{192.0f, kLower}, {216.0f, kLower}});
    wire(live, {{640.0f, kLower}, {join, kLower}, {join, kUpper}, {664.0f, kUpper}});
  };
  // What carries sound lies over what does not.
  if (a) {
    toB(b);
    toA(true);
  } else {
    toA(false);
    toB(true);
  }
  wire(true, {{108.0f, 336.0f}, {108.0f, 360.0f}});
  wire(true, {{780.0f, 336.0f}, {780.0f, 360.0f}});
  wire(true, {{896.0f, kLower}, {920.0f, kLower}});
}

// While it loads, the rig may be held for as long as a model takes to prepare; it tells us again when it is done.
void PluginEditor::changeListenerCallback(juce::ChangeBroadcaster*) {
  if (!processor_.rig().isLoading())
    showContents();
}

void PluginEditor::showContents() {
  const auto contents = processor_.rig().contents();
  slotA_.show(contents.models[0]);
  slotB_.show(contents.models[1]);
  cabinet_.show(contents.cabinet);
  status_.setProblem(processor_.rig().problem());
  if (settings_ != nullptr)
    settings_->update();
}

void PluginEditor::routingChanged() {
  const int shown = slots_.index();
  slotA_.setLive(shown != 1);
  slotB_.setLive(shown != 0);
  const bool bypassed = isOn(id::bypass);
  veil_.setVisible(bypassed);
  content_.repaint();
}

void PluginEditor::showSettings(bool shown) {
  if (shown == (settings_ != nullptr))
    return;
  if (!shown) {
    settings_ = nullptr;
    return;
  }
  settings_ = std::make_unique<ui::SettingsView>(processor_);
  settings_->onClose = [this] {
    juce::MessageManager::callAsync([safe = juce::Component::SafePointer<PluginEditor>(this)] {
      if (safe != nullptr)
        safe->showSettings(false);
    });
  };
  content_.addAndMakeVisible(*settings_);
  settings_->setBounds(0, 56, kWidth, content_.getHeight() - 56);
  if (isShowing())
    ui::grabKeyboardFor(*settings_);
}

void PluginEditor::updateTuner() {
  const bool shown = isOn(id::tuner);
  if (shown == (tuner_ != nullptr))
    return;
  if (!shown) {
    tuner_ = nullptr;
    return;
  }
  tuner_ = std::make_unique<ui::TunerView>(processor_);
  tuner_->onClose = [this] { set(id::tuner, 0.0f); };
  content_.addAndMakeVisible(*tuner_);
  tuner_->setBounds(0, 56, kWidth, content_.getHeight() - 56);
  if (isShowing())
    ui::grabKeyboardFor(*tuner_);
}

void PluginEditor::timerCallback() { update(juce::Time::getMillisecondCounterHiRes() * 1e-3); }

void PluginEditor::update(double seconds) {
  auto& chain = processor_.rig().chain();
  input_.meter.update(seconds);
  output_.meter.update(seconds);
  output_.update(chain.numFaults());
  gate_.update(chain.gateGain());
  input_.meter.setMarker(gate_.threshold());
  if (tuner_ != nullptr && tick_ % 2 == 0)
    tuner_->update();
  if (take_ != nullptr)
    take_->update();
  if (tick_ % 6 == 0) {
    const bool loading = processor_.rig().isLoading();
    slotA_.setLoading(loading);
    slotB_.setLoading(loading);
    if (!loading) {
      auto problem = processor_.rig().problem();
      if (const auto theirs = processor_.takePlayer().problem(); problem.isEmpty() && theirs != dismissed_)
        problem = theirs;
      else if (theirs.isEmpty())
        dismissed_ = {};
      status_.setProblem(problem);
      if (settings_ != nullptr)
        settings_->update();
    }
    const auto learning = processor_.midiControl().learning();
    const auto* parameter = processor_.parameters.getParameter(learning);
    status_.setWaiting(parameter == nullptr
                           ? juce::String()
                           : "Move the MIDI controller that is to set " + parameter->getName(64) + ".");
    if (const double rate = processor_.getSampleRate(); rate != hostRate_) {
      hostRate_ = rate;
      slotA_.setHostRate(rate);
      slotB_.setHostRate(rate);
      status_.setQuiet(rate > 0.0 ? "Plays at " + ui::rateText(rate) : juce::String());
    }
  }
  if (tick_ % 10 == 0)
    header_.update();
  ++tick_;
}

// Buttons leave the keyboard where it is, so that the space bar is not theirs: what was being typed is done with, and
// Ctrl + Z comes here.
void PluginEditor::mouseDown(const juce::MouseEvent& event) {
  const auto* clicked = event.eventComponent;
  const bool inText = dynamic_cast<const juce::TextEditor*>(clicked) != nullptr ||
                      clicked->findParentComponentOfClass<juce::TextEditor>() != nullptr;
  if (!inText && dynamic_cast<const ui::RangeControl*>(clicked) == nullptr && settings_ == nullptr && tuner_ == nullptr)
    grabKeyboardFocus();
}

bool PluginEditor::keyPressed(const juce::KeyPress& key) {
  auto& history = processor_.history();
  const auto command = juce::ModifierKeys::commandModifier, shift = juce::ModifierKeys::shiftModifier;
  if (key == juce::KeyPress('z', command, 0)) {
    history.undo();
    return true;
  }
  if (key == juce::KeyPress('z', command | shift, 0) || key == juce::KeyPress('y', command, 0)) {
    history.redo();
    return true;
  }
  if (key == juce::KeyPress::tabKey && hasKeyboardFocus(false)) {
    // The window itself had the keyboard: on to the first control.
    if (auto traverser = content_.createKeyboardFocusTraverser())
      if (auto* first = traverser->getDefaultComponent(&content_)) {
        first->grabKeyboardFocus();
        return true;
      }
  }
  return false;
}

} // namespace fxtrain
