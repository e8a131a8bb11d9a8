// SPDX-License-Identifier: MIT
#include "PluginEditor.h"

#include <cmath>

namespace fxtrain {
namespace {

constexpr int kFramesPerSecond = 30;

} // namespace

PluginEditor::PluginEditor(PluginProcessor& owner)
    : AudioProcessorEditor(owner), processor_(owner), header_(owner, browser_), input_(owner), gate_(owner),
      preTone_(owner), addPedal_(owner, browser_), slotA_(owner, browser_, 0), slotB_(owner, browser_, 1),
      slots_(owner), tone_(owner), cabinet_(owner, browser_), space_(owner), output_(owner),
      slotWatch_(*owner.parameters.getParameter(id::slot), [this](float) { routingChanged(); }),
      bypassWatch_(*owner.parameters.getParameter(id::bypass), [this](float) { routingChanged(); }),
      tunerWatch_(*owner.parameters.getParameter(id::tuner), [this](float) { updateTuner(); }),
      pedalWatch_(*owner.parameters.getParameter(id::pedalSlot[0]), [this](float) { showPedals(); }),
      secondPedalWatch_(*owner.parameters.getParameter(id::pedalSlot[1]), [this](float) { showPedals(); }) {
  setOpaque(true);
  setWantsKeyboardFocus(true);
  setTitle("fxtrain");
  addAndMakeVisible(content_);
  content_.setFocusContainerType(FocusContainerType::keyboardFocusContainer);
  for (auto* child : std::initializer_list<juce::Component*>{&header_, &input_, &gate_, &preTone_, &slotA_, &slots_,
                                                             &slotB_, &tone_, &cabinet_, &space_, &output_, &addPedal_})
    content_.addAndMakeVisible(child);
  for (int slot = Rig::pedalSlot(0); slot < Rig::kNumSlots; ++slot) {
    auto& card = pedals_[std::size_t(slot - Rig::pedalSlot(0))];
    card = std::make_unique<ui::PedalCard>(owner, browser_, Rig::pedalOf(slot), slot % 2);
    card->onSwitch = [this] { routingChanged(); };
    content_.addChildComponent(*card);
  }
  if (owner.isStandalone()) {
    take_ = std::make_unique<ui::TakeStrip>(owner.takePlayer(), browser_);
    content_.addAndMakeVisible(*take_);
  }
  content_.addAndMakeVisible(status_);
  // The keyboard goes the way of the signal.
  int order = 0;
  for (auto* child : std::initializer_list<juce::Component*>{
           &header_, &input_, &gate_, &preTone_, &addPedal_, pedals_[0].get(), pedals_[1].get(), pedals_[2].get(),
           pedals_[3].get(), &slotA_, &slots_, &slotB_, &tone_, &cabinet_, &space_, &output_, take_.get(), &status_})
    if (child != nullptr)
      child->setExplicitFocusOrder(++order);
  content_.addChildComponent(veil_);

  auto& rig = owner.rig();
  header_.onSettings = [this] { showSettings(settings_ == nullptr); };
  header_.onProblem = [&rig](const juce::String& sentence) { rig.setProblem(sentence); };
  header_.onAsk = [this](const juce::String& question, const juce::String& action, std::function<void()> then) {
    status_.ask(question, action, std::move(then));
  };
  browser_.showLibrary = [this](const ui::Browser::Target& target) { showLibrary(target); };
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
  library_ = nullptr; // keeps what plays
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
  // Columns from left to right. With a pedal all of them move together.
  ui::PedalCard *const first = shownPedal(0), *const second = shownPedal(1);
  const bool withPedal = first != nullptr || second != nullptr, both = first != nullptr && second != nullptr;
  const int gap = withPedal ? 16 : 24, right = withPedal ? 208 : 232;
  constexpr int kTop = 64, kBottom = 592, kMargin = 24, kInput = 168, kPedal = 148, kSpace = 96, kOutput = 136;
  int x = kMargin;
  constexpr int kInputHeight = 176, kGateHeight = 160, kBelow = 16;
  input_.setBounds(x, kTop, kInput, kInputHeight);
  gate_.setBounds(x, input_.getBottom() + kBelow, kInput, kGateHeight);
  preTone_.setBounds(x, gate_.getBottom() + kBelow, kInput, kBottom - gate_.getBottom() - kBelow);
  x += kInput + gap;
  constexpr int kPlus = 24, kAddHeight = 32;
  if (withPedal) {
    if (both) {
      const int height = (kBottom - kTop - kBelow) / 2;
      first->setBounds(x, kTop, kPedal, height);
      second->setBounds(x, kBottom - height, kPedal, height);
    } else {
      (first != nullptr ? first : second)->setBounds(x, kTop, kPedal, kBottom - kTop - kAddHeight - 8);
      addPedal_.setBounds(x, kBottom - kAddHeight, kPedal, kAddHeight);
    }
    x += kPedal + gap;
  }
  const int slots = kWidth - kMargin - kOutput - gap - kSpace - gap - right - gap - x;
  const int switchHeight = withPedal ? 76 : 48; // two rows: the slots are narrow
  const int card = (kBottom - kTop - switchHeight - 2 * 8) / 2;
  slotA_.setBounds(x, kTop, slots, card);
  slots_.setBounds(x, kTop + card + 8, slots, switchHeight);
  slotB_.setBounds(x, kBottom - card, slots, card);
  x += slots + gap;
  tone_.setBounds(x, kTop, right, 232);
  cabinet_.setBounds(x, 320, right, kBottom - 320);
  x += right + gap;
  space_.setBounds(x, kTop, kSpace, kBottom - kTop);
  x += kSpace + gap;
  output_.setBounds(x, kTop, kOutput, kBottom - kTop);
  if (!withPedal)
    addPedal_.setBounds(input_.getRight() + (gap - kPlus) / 2, slotB_.getBounds().getCentreY() - kPlus / 2, kPlus,
                        kPlus);
  addPedal_.setText(withPedal ? "Pedal" : "");
  addPedal_.setVisible(!both);
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
  const auto edges = [](const juce::Component& panel) { return panel.getBounds().toFloat(); };
  const auto *const first = shownPedal(0), *const second = shownPedal(1);
  const auto* last = second != nullptr ? second : first;
  const auto from = edges(last != nullptr ? static_cast<const juce::Component&>(*last) : preTone_), in = edges(slotA_),
             out = edges(tone_);
  const float upper = in.getCentreY(), lower = edges(slotB_).getCentreY();
  const float split = 0.5f * (from.getRight() + in.getX()), join = 0.5f * (in.getRight() + out.getX());
  const auto down = [&](const juce::Component& upperPanel, const juce::Component& lowerPanel) {
    const auto above = edges(upperPanel);
    wire(true, {{above.getCentreX(), above.getBottom()}, {above.getCentreX(), edges(lowerPanel).getY()}});
  };
  if (last != nullptr) {
    const auto before = edges(preTone_), entered = edges(first != nullptr ? *first : *second);
    const float middle = 0.5f * (before.getRight() + entered.getX());
    const float entry = first != nullptr && second != nullptr ? entered.getCentreY() : lower;
    wire(true, {{before.getRight(), lower}, {middle, lower}, {middle, entry}, {entered.getX(), entry}});
    if (first != nullptr && second != nullptr)
      down(*first, *second);
  }
  const auto toA = [&](bool live) {
    wire(live, {{from.getRight(), lower}, {split, lower}, {split, upper}, {in.getX(), upper}});
    wire(live, {{in.getRight(), upper}, {out.getX(), upper}});
  };
  const auto toB = [&](bool live) {
    wire(live, {{from.getRight(), lower}, {in.getX(), lower}});
    wire(live, {{in.getRight(), lower}, {join, lower}, {join, upper}, {out.getX(), upper}});
  };
  // What carries sound lies over what does not.
  if (a) {
    toB(b);
    toA(true);
  } else {
    toA(false);
    toB(true);
  }
  down(input_, gate_);
  down(gate_, preTone_);
  down(tone_, cabinet_);
  wire(true, {{edges(cabinet_).getRight(), lower}, {edges(space_).getX(), lower}});
  wire(true, {{edges(space_).getRight(), lower}, {edges(output_).getX(), lower}});
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
  for (std::size_t i = 0; i < pedals_.size(); ++i)
    pedals_[i]->show(contents.models[std::size_t(Rig::pedalSlot(0)) + i]);
  showPedals();
  cabinet_.show(contents.cabinet, contents.secondCabinet);
  hasCabinet_ = contents.cabinet != nullptr;
  status_.setProblem(processor_.rig().problem());
  if (settings_ != nullptr)
    settings_->update();
}

/** Of each pedal the card of the capture that it plays, unless both its slots are empty. */
void PluginEditor::showPedals() {
  bool changed = false;
  for (int pedal = 0; pedal < Rig::kNumPedals; ++pedal) {
    const auto first = std::size_t(2 * pedal);
    const bool isThere = pedals_[first]->isLoaded() || pedals_[first + 1]->isLoaded();
    const bool playsB = isOn(id::pedalSlot[pedal]);
    auto &hidden = *pedals_[first + (playsB ? 0 : 1)], &shown = *pedals_[first + (playsB ? 1 : 0)];
    const bool hadKeyboard = hidden.hasKeyboardFocus(true);
    for (std::size_t side = 0; side < 2; ++side) {
      const bool visible = isThere && (side == 1) == playsB;
      changed = changed || pedals_[first + side]->isVisible() != visible;
      pedals_[first + side]->setVisible(visible);
    }
    if (hadKeyboard && shown.isVisible())
      shown.takeKeyboard();
  }
  if (changed) {
    layOut();
    content_.repaint();
  }
}

ui::PedalCard* PluginEditor::shownPedal(int pedal) const {
  for (const int side : {0, 1})
    if (auto* card = pedals_[std::size_t(2 * pedal + side)].get(); card->isVisible())
      return card;
  return nullptr;
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
  library_ = nullptr;
  settings_ = std::make_unique<ui::SettingsView>(processor_, browser_);
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

void PluginEditor::showLibrary(const ui::Browser::Target& target) {
  showSettings(false);
  library_ = nullptr;
  library_ = std::make_unique<ui::LibraryView>(processor_, browser_, target);
  library_->onClose = [this] {
    juce::MessageManager::callAsync([safe = juce::Component::SafePointer<PluginEditor>(this)] {
      if (safe != nullptr)
        safe->library_ = nullptr;
    });
  };
  content_.addAndMakeVisible(*library_);
  const int bottom = status_.getY(); // its sentences stay in sight
  library_->setBounds(0, 56, kWidth, bottom - 56);
  if (isShowing())
    library_->grabKeyboard();
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
  output_.setNumChannels(processor_.getMainBusNumOutputChannels());
  gate_.update(chain.gateGain());
  input_.meter.setMarker(gate_.threshold());
  if (tuner_ != nullptr && tick_ % 2 == 0)
    tuner_->update();
  if (take_ != nullptr)
    take_->update();
  if (library_ != nullptr)
    library_->update();
  if (tick_ % 6 == 0) {
    const bool loading = processor_.rig().isLoading();
    const bool hasLoudspeaker = isOn(id::cabinetOn) && hasCabinet_;
    for (auto* card : {&slotA_, &slotB_}) {
      card->setLoading(loading);
      card->setCabinetFollows(hasLoudspeaker);
    }
    for (auto& card : pedals_)
      card->setLoading(loading);
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
      for (auto& card : pedals_)
        card->setHostRate(rate);
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
  if (!inText && dynamic_cast<const ui::RangeControl*>(clicked) == nullptr && settings_ == nullptr &&
      tuner_ == nullptr && library_ == nullptr)
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
  if (key == juce::KeyPress('l', command, 0) && library_ == nullptr) {
    showLibrary({LibraryKind::capture, slots_.index() == 1 ? 1 : 0});
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
