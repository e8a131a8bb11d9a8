// SPDX-License-Identifier: MIT
#include "slot_card.h"

#include <algorithm>

namespace fxtrain::ui {
namespace {

constexpr int kQualityCaption = 124; // where it ends

juce::String between() { return juce::String::fromUTF8("  \xc2\xb7  "); }

} // namespace

SlotCard::SlotCard(PluginProcessor& processor, Browser& browser, int slot)
    : CaptureCard(processor, browser, slot, {}, slot == 0 ? "slot A" : "slot B"),
      invite_("Load a capture", Icon::folder, "Browse", PushButton::Style::raised) {
  setTitle("Slot " + letter());
  setComponentID("slot_" + letter().toLowerCase());
  load_.setComponentID("load_" + letter().toLowerCase());
  invite_.onClick = [this] { browse(); };
  invite_.setTitle(invite_.getName() + ", slot " + letter());
  addAndMakeVisible(invite_);
  show(nullptr);
}

void SlotCard::show(std::shared_ptr<const ModelFile> file) {
  invite_.setVisible(file == nullptr);
  CaptureCard::show(std::move(file));
}

void SlotCard::setLive(bool live) {
  if (live_ == live)
    return;
  live_ = live;
  setKnobsActive(live, "Slot " + letter() + " is not heard. Choose it, or A + B, to hear this knob.");
  repaint();
}

void SlotCard::resized() {
  const int size = getWidth() < 360 ? 28 : 32;
  auto row = juce::Rectangle<int>(getWidth() - 12 - 4 * size, 30 - size / 2, 4 * size, size);
  for (auto* button : {&previous_, &next_, &load_, &clear_})
    button->setBounds(row.removeFromLeft(size));
  invite_.setBounds(getWidth() / 2 - 56, 152, 112, 36);
  const int height = Knob::heightFor(44), width = (getWidth() - 32) / int(knobs_.size());
  for (int k = 0; k < int(knobs_.size()); ++k)
    knobs_[std::size_t(k)]->setBounds(16 + k * width, getHeight() - 14 - height, width, height);
  quality_.setBounds(kQualityCaption, 134, getWidth() - kQualityCaption - 16, 28);
}

void SlotCard::paint(juce::Graphics& g) {
  Panel::paint(g);
  const auto bounds = getLocalBounds().toFloat();
  if (live_ && file_ != nullptr) {
    g.setColour(colour::accent.withAlpha(0.55f));
    g.drawRoundedRectangle(bounds.reduced(0.75f), 11.5f, 1.5f);
  }
  const auto badge = badgeArea().toFloat();
  g.setColour(live_ ? colour::accent : colour::raised);
  g.fillRoundedRectangle(badge, 7.0f);
  drawText(g, letter(), badge, font(15.0f, Weight::semiBold), live_ ? colour::onAccent : colour::secondary,
           juce::Justification::centred);

  auto line = juce::Rectangle<float>(badge.getRight() + 12.0f, badge.getY(),
                                     float(previous_.getX()) - badge.getRight() - 24.0f, badge.getHeight());
  const auto caption = font(13.0f, Weight::medium);
  if (loading_) {
    drawText(g, "Loading...", line, caption, colour::accent);
  } else if (file_ != nullptr) {
    drawText(g, gear_, line, caption, colour::secondary);
  } else {
    const juce::String whole = "Empty: the sound passes through";
    drawText(g, widthOf(caption, whole) <= line.getWidth() ? whole : "Empty", line, caption, colour::faint);
  }

  if (file_ == nullptr) {
    auto inner = bounds.reduced(16.0f).withTrimmedTop(44.0f);
    drawDropArea(g, inner);
    drawText(g, "Drop a capture here", {inner.getX(), 92.0f, inner.getWidth(), 24.0f}, font(16.0f, Weight::medium),
             colour::text, juce::Justification::centred);
    drawText(g, ".json, .aidax or .nam", {inner.getX(), 118.0f, inner.getWidth(), 18.0f}, font(13.0f), colour::faint,
             juce::Justification::centred);
    return;
  }

  const float left = 16.0f, width = bounds.getWidth() - 2.0f * left;
  // The capture's colour, then its name: a long one is set smaller, then in two lines, before it is cut.
  const bool hasKnobs = !file_->info.knobs.empty();
  const float indent = 14.0f, titleWidth = width - indent;
  float size = 22.0f;
  while (size > 16.0f && widthOf(font(size, Weight::semiBold), title_) > titleWidth)
    size -= 1.0f;
  const bool isLong = !hasKnobs && !hasSizes() && widthOf(font(size, Weight::semiBold), title_) > titleWidth;
  const float extra = isLong ? 16.0f : 0.0f;
  const juce::Rectangle<float> titleArea{left + indent, 56.0f, titleWidth, 28.0f + extra};
  g.setColour(colourOf(file_->toneType(), title_).withMultipliedAlpha(live_ ? 1.0f : 0.6f));
  g.fillRoundedRectangle({left, 60.0f, 4.0f, 20.0f + extra}, 2.0f);
  if (isLong)
    drawLines(g, title_, titleArea, font(size, Weight::semiBold), colour::text, 2);
  else
    drawText(g, title_, titleArea, font(size, Weight::semiBold), colour::text);
  if (hasKnobs) {
    const float lift = getHeight() < 232 ? 6.0f : 0.0f; // a low card: closer to the title
    drawText(g, author_.isNotEmpty() && device_.isNotEmpty() ? author_ + between() + device_ : author_ + device_,
             {left, 85.0f - lift, width, 18.0f}, font(13.5f), colour::secondary);
    juce::StringArray texts;
    if (const auto more = int(file_->info.knobs.size()) - int(knobs_.size()); more > 0)
      texts.add(juce::String(more) + (more == 1 ? " more knob at its default" : " more knobs at their defaults"));
    for (const auto& fact : facts_)
      texts.add(fact.value);
    drawText(g, texts.joinIntoString(between()), {left, 107.0f - lift, width, 18.0f}, font(12.5f), colour::faint);
    return;
  }
  float y = 86.0f + extra;
  if (device_.isNotEmpty()) {
    const int lines = !hasSizes() && widthOf(font(13.5f), device_) > width ? 2 : 1;
    drawLines(g, device_, {left, y, width, 18.0f * float(lines)}, font(13.5f), colour::secondary, lines);
    y += 18.0f * float(lines) + 3.0f;
  }
  drawText(g, author_, {left, y, width, 18.0f}, font(13.5f), colour::faint);
  if (hasSizes())
    drawText(g, sizeText(), {left, 134.0f, kQualityCaption - left, 28.0f}, font(13.0f), colour::secondary);
  // Columns as wide as a full card allows; a narrow one sets them closer, and then smaller.
  const auto columnOf = [](const Fact& fact, float valueSize, float least, float gap) {
    const float value = widthOf(font(valueSize, Weight::medium), fact.value),
                caption = widthOf(font(12.0f), fact.caption);
    return std::max(least, std::max(value, caption) + gap);
  };
  const auto fits = [&](float valueSize, float least, float gap) {
    float sum = -gap;
    for (const auto& fact : facts_)
      sum += columnOf(fact, valueSize, least, gap);
    return sum <= width;
  };
  float valueSize = 15.0f, least = 120.0f, gap = 24.0f;
  if (!fits(valueSize, least, gap))
    least = 0.0f, gap = 16.0f;
  while (valueSize > 11.5f && !fits(valueSize, least, gap))
    valueSize -= 0.5f;
  float x = left;
  for (const auto& fact : facts_) {
    const float column = columnOf(fact, valueSize, least, gap);
    drawText(g, fact.caption, {x, 168.0f, column, 16.0f}, font(12.0f), colour::faint);
    drawText(g, fact.value, {x, 186.0f, column, 20.0f}, font(valueSize, Weight::medium),
             fact.isOdd ? colour::danger : colour::text);
    x += column;
  }
}

void SlotCard::mouseUp(const juce::MouseEvent& event) {
  if (event.mods.isPopupMenu() || event.mouseWasDraggedSinceMouseDown())
    return;
  if (badgeArea().expanded(6).contains(event.getPosition())) { // on stage, the largest target is the best
    if (auto* parameter = processor_.parameters.getParameter(id::slot)) {
      parameter->beginChangeGesture();
      parameter->setValueNotifyingHost(parameter->convertTo0to1(float(slot_)));
      parameter->endChangeGesture();
    }
  }
}

void SlotCard::addToMenu(juce::PopupMenu& menu) {
  auto& rig = processor_.rig();
  const int from = slot_, to = 1 - slot_;
  menu.addItem(from == 0 ? "Copy to B" : "Copy to A", file_ != nullptr, false,
               [&rig, from, to] { rig.copyModel(from, to); });
  menu.addItem("Swap A and B", [&rig] { rig.swapModels(0, 1); });
}

} // namespace fxtrain::ui
