// SPDX-License-Identifier: MIT
#include "pedal_card.h"

#include "shipped.h"

namespace fxtrain::ui {
namespace {

constexpr int kButton = 28, kKnob = 44, kLevel = 56;
constexpr int kTitleTop = 92, kTitleLines = 3, kLine = 20;

} // namespace

PedalCard::PedalCard(PluginProcessor& processor, Browser& browser)
    : CaptureCard(processor, browser, Rig::kPedal, "Pedal", "the pedal"),
      on_(processor, id::pedalOn, "Plays the guitar through this capture before it enters the amp."),
      level_(processor, id::pedalLevel, "Level", "Level after the pedal: how hard it drives the amp.", kLevel) {
  setComponentID("pedal");
  load_.setComponentID("load_pedal");
  on_.onChange = [this] { switched(); };
  addAndMakeVisible(on_);
  addAndMakeVisible(level_);
  switched();
}

void PedalCard::switched() {
  const juce::String whyNot = "The pedal is off. Turn it on to hear this knob.";
  setKnobsActive(on_.isOn(), whyNot);
  level_.setActive(on_.isOn(), whyNot);
  if (onSwitch)
    onSwitch();
  repaint();
}

void PedalCard::resized() {
  on_.setBounds(headingArea().removeFromRight(38).translated(4, 0));
  auto row = juce::Rectangle<int>(getWidth() / 2 - 2 * kButton, 50, 4 * kButton, kButton);
  for (auto* button : {&previous_, &next_, &load_, &clear_})
    button->setBounds(row.removeFromLeft(kButton));
  auto area = getLocalBounds().reduced(kPadding - 4, kPadding);
  level_.setBounds(area.removeFromBottom(Knob::heightFor(kLevel)));
  area.removeFromBottom(20);
  const int height = Knob::heightFor(kKnob), width = area.getWidth() / 2;
  const int numKnobs = file_ != nullptr ? std::min(int(file_->info.knobs.size()), int(knobs_.size())) : 0;
  auto knobs = area.removeFromBottom((numKnobs + 1) / 2 * (height + 8));
  for (int k = 0; k < int(knobs_.size()); ++k)
    knobs_[std::size_t(k)]->setBounds(knobs.getX() + k % 2 * width, knobs.getY() + k / 2 * (height + 8), width, height);
  quality_.setBounds(area.removeFromBottom(28).reduced(4, 0));
}

void PedalCard::paint(juce::Graphics& g) {
  Panel::paint(g);
  const auto bounds = getLocalBounds().toFloat();
  if (on_.isOn() && file_ != nullptr) {
    g.setColour(colour::accent.withAlpha(0.55f));
    g.drawRoundedRectangle(bounds.reduced(0.75f), 11.5f, 1.5f);
  }
  auto area = getLocalBounds().reduced(kPadding, 0).withTrimmedTop(kTitleTop);
  if (loading_) {
    drawText(g, "Loading...", area.removeFromTop(kLine).toFloat(), font(13.0f, Weight::medium), colour::accent);
    return;
  }
  if (file_ == nullptr)
    return;
  const auto type = font(16.0f, Weight::semiBold);
  g.setColour(on_.isOn() ? colour::text : colour::secondary);
  g.setFont(fontFor(title_, type));
  const int numLines = juce::jlimit(1, kTitleLines, 1 + int(widthOf(type, title_) / (0.85f * float(area.getWidth()))));
  g.drawFittedText(title_, area.removeFromTop(numLines * kLine), juce::Justification::topLeft, numLines, 0.9f);
  area.removeFromTop(4);
  for (const auto& text : {gear_, author_})
    if (text.isNotEmpty())
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

void AddPedal::showMenu() {
  juce::PopupMenu menu;
  auto& rig = processor_.rig();
  menu.addSectionHeader("A pedal before the amp");
  for (const auto& model : Shipped::get().models)
    if (model->gearType() == "pedal")
      menu.addItem(model->title(), [&rig, title = model->title()] { rig.loadShipped(Rig::kPedal, title); });
  menu.addItem("Browse...", [safe = juce::Component::SafePointer<AddPedal>(this)] {
    if (safe != nullptr)
      safe->browser_.showLibrary({LibraryKind::capture, Rig::kPedal});
  });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(this));
}

void AddPedal::filesDropped(const juce::StringArray& files, int, int) {
  setLit(false);
  processor_.rig().loadModel(Rig::kPedal, juce::File(files[0]));
}

} // namespace fxtrain::ui
