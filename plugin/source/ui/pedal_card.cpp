// SPDX-License-Identifier: MIT
#include "pedal_card.h"

#include "shipped.h"

namespace fxtrain::ui {
namespace {

constexpr int kButton = 28, kKnob = 44, kLevel = 56;
constexpr int kTitleLines = 3, kLine = 20;

juce::String placeOf(int pedal, int side) {
  return juce::String(pedal == 0 ? "the pedal" : "the second pedal") + (side == 0 ? ", slot A" : ", slot B");
}

} // namespace

PedalCard::PedalCard(PluginProcessor& processor, Browser& browser, int pedal, int side)
    : CaptureCard(processor, browser, Rig::pedalSlot(pedal, side), {}, placeOf(pedal, side)), pedal_(pedal),
      side_(side), sides_(processor, id::pedalSlot[pedal],
                          "Which of two captures plays as this pedal: load one into each, and compare them."),
      on_(processor, id::pedalOn[pedal], "Plays the guitar through this pedal before it enters the amp."),
      level_(processor, id::pedalLevel[2 * pedal + side], "Level",
             "Level after the pedal: how hard it drives what follows.", kLevel) {
  setTitle(pedal == 0 ? "Pedal" : "Second pedal");
  const auto name = juce::String(pedal == 0 ? "pedal" : "pedal2") + (side == 0 ? "" : "_b");
  setComponentID(name);
  load_.setComponentID("load_" + name);
  on_.onChange = [this] { switched(); };
  addAndMakeVisible(sides_);
  addAndMakeVisible(on_);
  addAndMakeVisible(level_);
  switched();
}

void PedalCard::switched() {
  const juce::String whyNot = "The pedal is off. Turn it on to hear this knob.";
  setKnobsActive(on_.isOn(), whyNot);
  const bool isEmpty = file_ == nullptr;
  level_.setActive(on_.isOn() && !isEmpty,
                   isEmpty ? "There is no capture in this slot of the pedal, so it has no level." : whyNot);
  if (onSwitch)
    onSwitch();
  repaint();
}

void PedalCard::addToMenu(juce::PopupMenu& menu) {
  const int other = Rig::pedalSlot(pedal_, 1 - side_), elsewhere = Rig::pedalSlot(1 - pedal_);
  menu.addItem(side_ == 0 ? "Copy to B" : "Copy to A", file_ != nullptr, false,
               [&rig = processor_.rig(), from = slot_, other] { rig.copyModel(from, other); });
  menu.addItem(pedal_ == 0 ? "Move behind the other pedal" : "Move before the other pedal", file_ != nullptr, false,
               [&processor = processor_, from = slot_, elsewhere] { processor.exchange(from, elsewhere); });
}

int PedalCard::numKnobs() const {
  return file_ != nullptr ? std::min(int(file_->info.knobs.size()), int(knobs_.size())) : 0;
}

void PedalCard::resized() {
  const bool low = isLow();
  sides_.setBounds(12, low ? 12 : 14, 64, 24);
  on_.setBounds(getWidth() - kPadding - 34, low ? 14 : 16, 38, kHeading);
  auto row = juce::Rectangle<int>(getWidth() / 2 - 2 * kButton, low ? 42 : 50, 4 * kButton, kButton);
  for (auto* button : {&previous_, &next_, &load_, &clear_})
    button->setBounds(row.removeFromLeft(kButton));
  if (low && numKnobs() > 0) { // level and knobs in rows of three
    const int rows = numKnobs() > 2 ? 2 : 1, dial = rows == 2 ? 32 : 40;
    const int width = (getWidth() - 8) / 3, height = Knob::heightFor(dial);
    const int top = getHeight() - 8 - rows * height - (rows - 1) * 4;
    const auto place = [&](Knob& knob, int index) {
      knob.setDialSize(dial);
      knob.setBounds(4 + index % 3 * width, top + index / 3 * (height + 4), width, height);
    };
    place(level_, 0);
    for (int k = 0; k < int(knobs_.size()); ++k)
      place(*knobs_[std::size_t(k)], k + 1);
    quality_.setBounds(12, top - 30, getWidth() - 24, 28);
    return;
  }
  auto area = getLocalBounds().reduced(kPadding - 4, low ? 12 : kPadding);
  level_.setDialSize(kLevel);
  level_.setBounds(area.removeFromBottom(Knob::heightFor(kLevel)));
  area.removeFromBottom(low ? 4 : 20);
  const int height = Knob::heightFor(kKnob), width = area.getWidth() / 2;
  auto knobs = area.removeFromBottom((numKnobs() + 1) / 2 * (height + 8));
  for (int k = 0; k < int(knobs_.size()); ++k) {
    knobs_[std::size_t(k)]->setDialSize(kKnob);
    knobs_[std::size_t(k)]->setBounds(knobs.getX() + k % 2 * width, knobs.getY() + k / 2 * (height + 8), width, height);
  }
  quality_.setBounds(area.removeFromBottom(28).reduced(4, 0));
}

void PedalCard::paint(juce::Graphics& g) {
  Panel::paint(g);
  const auto bounds = getLocalBounds().toFloat();
  if (on_.isOn() && file_ != nullptr) {
    g.setColour(colour::accent.withAlpha(0.55f));
    g.drawRoundedRectangle(bounds.reduced(0.75f), 11.5f, 1.5f);
  }
  const bool low = isLow();
  auto area = getLocalBounds().reduced(kPadding, 0).withTrimmedTop(low ? 74 : 92);
  if (loading_) {
    drawText(g, "Loading...", area.removeFromTop(kLine).toFloat(), font(13.0f, Weight::medium), colour::accent);
    return;
  }
  if (file_ == nullptr) {
    drawText(g, "Empty", area.removeFromTop(kLine).toFloat(), font(16.0f, Weight::semiBold), colour::secondary);
    for (const auto* text : {"Drop a file here", "The sound passes"})
      drawText(g, text, area.removeFromTop(18).toFloat(), font(12.5f), colour::faint);
    return;
  }
  g.setColour(colourOf(file_->toneType(), title_).withMultipliedAlpha(on_.isOn() ? 1.0f : 0.6f));
  g.fillRoundedRectangle(area.withHeight(4).withWidth(32).translated(0, -1).toFloat(), 2.0f);
  area.removeFromTop(6);
  // Texts that would come too close to what is below them are left out.
  const int end = (hasSizes() ? quality_.getY() - 22 : numKnobs() > 0 ? knobs_[0]->getY() : level_.getY()) - 2;
  const auto type = font(low ? 15.0f : 16.0f, Weight::semiBold);
  g.setColour(on_.isOn() ? colour::text : colour::secondary);
  g.setFont(fontFor(title_, type));
  const int mostLines = juce::jlimit(1, kTitleLines, (end - area.getY()) / kLine);
  const int numLines = juce::jlimit(1, mostLines, 1 + int(widthOf(type, title_) / (0.85f * float(area.getWidth()))));
  g.drawFittedText(title_, area.removeFromTop(numLines * kLine), juce::Justification::topLeft, numLines, 0.85f);
  area.removeFromTop(low ? 0 : 4);
  for (const auto& text : {gear_, author_})
    if (text.isNotEmpty() && area.getY() + 18 <= end)
      drawText(g, text, area.removeFromTop(18).toFloat(), font(12.5f), colour::faint);
  if (hasSizes())
    drawText(g, sizeText(), quality_.getBounds().translated(0, -22).withHeight(20).toFloat(), font(12.5f),
             colour::secondary);
}

AddPedal::AddPedal(PluginProcessor& processor, Browser& browser)
    : PushButton("Add a pedal before the amp", Icon::plus, {}, Style::raised), processor_(processor),
      browser_(browser) {
  setComponentID("add_pedal");
  onClick = [this] { showMenu(); };
}

int AddPedal::freeSlot() const {
  const auto contents = processor_.rig().contents();
  int free = 0;
  while (free < Rig::kNumPedals - 1 && (contents.models[std::size_t(Rig::pedalSlot(free, 0))] != nullptr ||
                                        contents.models[std::size_t(Rig::pedalSlot(free, 1))] != nullptr))
    ++free;
  return Rig::pedalSlot(free,
                        juce::roundToInt(processor_.parameters.getRawParameterValue(id::pedalSlot[free])->load()));
}

void AddPedal::showMenu() {
  juce::PopupMenu menu;
  auto& rig = processor_.rig();
  const int slot = freeSlot();
  menu.addSectionHeader("A pedal before the amp");
  for (const auto& model : Shipped::get().models)
    if (model->gearType() == "pedal")
      menu.addItem(model->title(), [&rig, slot, title = model->title()] { rig.loadShipped(slot, title); });
  menu.addItem("Browse...", [slot, safe = juce::Component::SafePointer<AddPedal>(this)] {
    if (safe != nullptr)
      safe->browser_.showLibrary({LibraryKind::capture, slot});
  });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(this));
}

void AddPedal::filesDropped(const juce::StringArray& files, int, int) {
  setLit(false);
  processor_.rig().loadModel(freeSlot(), juce::File(files[0]));
}

} // namespace fxtrain::ui
