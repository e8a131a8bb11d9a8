// SPDX-License-Identifier: MIT
#include "slot_card.h"

#include <cmath>

namespace fxtrain::ui {
namespace {

constexpr int kQualityCaption = 124; // where it ends

juce::String between() { return juce::String::fromUTF8("  \xc2\xb7  "); }

/** Two significant digits. */
juce::String percentText(double percent) {
  return numberText(percent, juce::jlimit(0, 6, 1 - int(std::floor(std::log10(percent))))) + " %";
}

} // namespace

void Browser::open(const juce::String& title, const juce::File& start, const juce::String& pattern,
                   std::function<void(const juce::File&)> then) {
  chooser_ = std::make_unique<juce::FileChooser>(title, start, pattern);
  chooser_->launchAsync(juce::FileBrowserComponent::openMode | juce::FileBrowserComponent::canSelectFiles,
                        [then = std::move(then)](const juce::FileChooser& chooser) {
                          if (const auto file = chooser.getResult(); file != juce::File())
                            then(file);
                        });
}

SlotCard::SlotCard(PluginProcessor& processor, Browser& browser, int slot)
    : Panel({}), processor_(processor), browser_(browser), slot_(slot),
      previous_("Previous capture in the folder", Icon::previous), next_("Next capture in the folder", Icon::next),
      load_("Load a capture", Icon::folder), clear_("Take the capture out", Icon::close),
      invite_("Load a capture", Icon::folder, "Browse", PushButton::Style::raised),
      quality_(processor, id::quality(slot),
               "Which of the capture's networks plays: the larger, the closer to the device; the smaller, the less CPU "
               "load.",
               64) {
  setTitle("Slot " + letter());
  setComponentID("slot_" + letter().toLowerCase());
  auto& rig = processor.rig();
  previous_.onClick = [this, &rig] {
    asked_ = true;
    rig.loadNeighbour(slot_, -1);
  };
  next_.onClick = [this, &rig] {
    asked_ = true;
    rig.loadNeighbour(slot_, 1);
  };
  load_.onClick = invite_.onClick = [this] { browse(); };
  clear_.onClick = [this, &rig] { rig.clearModel(slot_); };
  for (auto* button : {&previous_, &next_, &load_, &clear_, &invite_}) {
    button->setTitle(button->getName() + ", slot " + letter());
    addAndMakeVisible(button);
  }
  load_.setComponentID("load_" + letter().toLowerCase());
  for (int k = 0; k < int(knobs_.size()); ++k) {
    knobs_[std::size_t(k)] =
        std::make_unique<Knob>(processor, id::knob(slot, k), juce::String(),
                               "A control of the captured device, as far as the capture knows it.", 44);
    knobs_[std::size_t(k)]->setActive(false);
    addChildComponent(*knobs_[std::size_t(k)]);
  }
  quality_.setActive(false);
  quality_.onChange = [this] {
    if (hasSizes())
      showFacts();
  };
  addChildComponent(quality_);
  show(nullptr);
}

void SlotCard::show(std::shared_ptr<const ModelFile> file) {
  file_ = std::move(file);
  const bool loaded = file_ != nullptr;
  clear_.setEnabled(loaded);
  invite_.setVisible(!loaded);
  for (std::size_t k = 0; k < knobs_.size(); ++k) {
    const bool used = loaded && k < file_->info.knobs.size();
    if (used)
      knobs_[k]->setKnobInfo(file_->info.knobs[k]);
    knobs_[k]->setVisible(used);
  }
  quality_.setVisible(hasSizes());
  showFacts();
  resized();
}

void SlotCard::showFacts() {
  collectFacts();
  auto description = file_ != nullptr ? title_ : juce::String("empty");
  for (const auto* list : {&facts_, &details_})
    for (const auto& fact : *list)
      description << ", " << fact.caption << " " << fact.value;
  if (hasSizes())
    description << ", " << sizeText();
  setDescription(description);
  repaint();
}

juce::String SlotCard::sizeText() const {
  const auto& sizes = file_->info.qualities;
  const float percent = processor_.parameters.getRawParameterValue(id::quality(slot_))->load();
  return "Quality, " + juce::String(int(fxengine::indexForQuality(sizes, 0.01f * percent)) + 1) + " of " +
         juce::String(int(sizes.size()));
}

void SlotCard::setLive(bool live) {
  if (live_ == live)
    return;
  live_ = live;
  for (auto& knob : knobs_)
    knob->setActive(live);
  quality_.setActive(live);
  repaint();
}

void SlotCard::setHostRate(double hz) {
  if (hostRate_ != hz) {
    hostRate_ = hz;
    collectFacts();
    repaint();
  }
}

void SlotCard::setLoading(bool loading) {
  const bool shown = loading && asked_;
  if (!loading)
    asked_ = false;
  if (loading_ != shown) {
    loading_ = shown;
    repaint();
  }
}

void SlotCard::load(const juce::File& file) {
  asked_ = true;
  processor_.rig().loadModel(slot_, file);
}

void SlotCard::browse() {
  auto start =
      file_ != nullptr && file_->path.isNotEmpty() ? juce::File(file_->path).getParentDirectory() : juce::File();
  if (!start.isDirectory())
    start = Rig::modelFolder();
  if (!start.isDirectory())
    start = juce::File::getSpecialLocation(juce::File::userHomeDirectory);
  const juce::Component::SafePointer<SlotCard> safe(this);
  browser_.open("Load a capture into slot " + letter(), start, "*.json;*.aidax;*.nam", [safe](const juce::File& file) {
    if (safe != nullptr)
      safe->load(file);
  });
}

void SlotCard::collectFacts() {
  facts_.clear();
  title_ = device_ = author_ = gear_ = {};
  if (file_ == nullptr)
    return;
  title_ = file_->title();
  const auto gear = file_->gearType();
  gear_ = gear.isEmpty() ? "Capture" : gear.substring(0, 1).toUpperCase() + gear.substring(1);
  if (const auto device = file_->device(); device != title_)
    device_ = device.substring(0, 1).toUpperCase() + device.substring(1);
  if (const auto author = file_->author(); author.isNotEmpty())
    author_ = "by " + author;
  const auto& info = file_->info;
  if (const auto tone = file_->toneType(); tone.isNotEmpty())
    facts_.push_back({"Tone", tone.substring(0, 1).toUpperCase() + tone.substring(1)});
  if (file_->needsCabinet())
    facts_.push_back({"Loudspeaker", "Not captured"});
  else if (gear.contains("cabinet") || info.numLinearTaps > 0)
    facts_.push_back({"Loudspeaker", "In the capture"});
  if (const auto rate = info.sampleRate) {
    const bool resampled = hostRate_ > 0.0 && std::abs(*rate - hostRate_) > 1e-6 * hostRate_;
    facts_.push_back(
        {"Sample rate", rateText(*rate) + (file_->assumedRate ? ", assumed" : "") + (resampled ? ", resampled" : "")});
  } else {
    facts_.push_back({"Sample rate", "The host's"});
  }
  details_.clear();
  if (const auto esr = file_->esr())
    details_.push_back({"Error (ESR)", percentText(100.0 * *esr)});
  auto network = juce::String::fromUTF8(info.architecture.c_str());
  network = network == "dense" ? "Dense" : network.toUpperCase();
  for (const auto& layer : info.layers)
    if (layer.type == "lstm" || layer.type == "gru") {
      network << " " << layer.outputSize;
      break;
    }
  details_.push_back({"Network", network});
}

juce::Rectangle<int> SlotCard::badgeArea() const { return {16, 16, 28, 28}; }

void SlotCard::resized() {
  auto row = juce::Rectangle<int>(getWidth() - 12 - 4 * 32, 14, 4 * 32, 32);
  for (auto* button : {&previous_, &next_, &load_, &clear_})
    button->setBounds(row.removeFromLeft(32));
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
    drawText(g, "Empty: the sound passes through", line, caption, colour::faint);
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
  float size = 22.0f; // long names are set smaller before they are cut
  while (size > 16.0f && widthOf(font(size, Weight::semiBold), title_) > width)
    size -= 1.0f;
  drawText(g, title_, {left, 56.0f, width, 28.0f}, font(size, Weight::semiBold), colour::text);
  if (!file_->info.knobs.empty()) {
    drawText(g, author_.isNotEmpty() && device_.isNotEmpty() ? author_ + between() + device_ : author_ + device_,
             {left, 85.0f, width, 18.0f}, font(13.5f), colour::secondary);
    juce::StringArray texts;
    if (const auto more = int(file_->info.knobs.size()) - int(knobs_.size()); more > 0)
      texts.add(juce::String(more) + (more == 1 ? " more knob at its default" : " more knobs at their defaults"));
    for (const auto& fact : facts_)
      texts.add(fact.value);
    drawText(g, texts.joinIntoString(between()), {left, 107.0f, width, 18.0f}, font(12.5f), colour::faint);
    return;
  }
  drawText(g, device_, {left, 86.0f, width, 18.0f}, font(13.5f), colour::secondary);
  drawText(g, author_, {left, device_.isEmpty() ? 86.0f : 107.0f, width, 18.0f}, font(13.5f), colour::faint);
  if (hasSizes())
    drawText(g, sizeText(), {left, 134.0f, kQualityCaption - left, 28.0f}, font(13.0f), colour::secondary);
  float x = left;
  const auto type = font(15.0f, Weight::medium);
  for (const auto& fact : facts_) {
    const float column = std::max(120.0f, widthOf(type, fact.value) + 24.0f);
    drawText(g, fact.caption, {x, 168.0f, column, 16.0f}, font(12.0f), colour::faint);
    drawText(g, fact.value, {x, 186.0f, column, 20.0f}, type, colour::text);
    x += column;
  }
}

juce::String SlotCard::getTooltip() {
  if (file_ == nullptr)
    return {};
  juce::StringArray lines{title_, device_, author_};
  lines.removeEmptyStrings();
  for (const auto& fact : details_)
    lines.add(fact.caption + ": " + fact.value);
  return lines.joinIntoString("\n");
}

void SlotCard::mouseDown(const juce::MouseEvent& event) {
  if (event.mods.isPopupMenu())
    showMenu();
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

void SlotCard::showMenu() {
  juce::PopupMenu menu;
  auto& rig = processor_.rig();
  const juce::String other = slot_ == 0 ? "B" : "A";
  const int from = slot_, to = 1 - slot_;
  menu.addItem("Load...", [safe = juce::Component::SafePointer<SlotCard>(this)] {
    if (safe != nullptr)
      safe->browse();
  });
  menu.addItem("Copy to " + other, file_ != nullptr, false, [&rig, from, to] { rig.copyModel(from, to); });
  menu.addItem("Swap A and B", [&rig] { rig.swapModels(); });
  menu.addItem("Take out", file_ != nullptr, false, [&rig, from] { rig.clearModel(from); });
  if (file_ != nullptr && !file_->statesRate()) {
    juce::PopupMenu rates;
    const auto add = [&](const juce::String& text, std::optional<double> rate) {
      rates.addItem(text, true, file_->assumedRate == rate, [&rig, from, rate] { rig.setAssumedRate(from, rate); });
    };
    for (const double rate : {44100.0, 48000.0, 88200.0, 96000.0})
      add(rateText(rate), rate);
    add("The host's", std::nullopt);
    menu.addSubMenu("Sample rate (the file states none)", rates);
  }
  if (file_ != nullptr) {
    menu.addSeparator();
    menu.addSectionHeader("Details");
    for (const auto& fact : details_)
      menu.addItem(fact.caption + ": " + fact.value, false, false, nullptr);
  }
  if (file_ != nullptr && juce::File(file_->path).existsAsFile()) {
    menu.addSeparator();
    menu.addItem("Show in folder", [file = juce::File(file_->path)] { file.revealToUser(); });
  }
  if (file_ != nullptr && !file_->info.notes.empty()) {
    menu.addSeparator();
    for (const auto& note : file_->info.notes)
      menu.addItem(juce::String::fromUTF8(note.c_str()), false, false, nullptr);
  }
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(this).withMousePosition());
}

bool SlotCard::isInterestedInFileDrag(const juce::StringArray& files) { return files.size() == 1; }
void SlotCard::fileDragEnter(const juce::StringArray&, int, int) { setDropHint("Load into slot " + letter()); }
void SlotCard::fileDragExit(const juce::StringArray&) { setDropHint({}); }
void SlotCard::filesDropped(const juce::StringArray& files, int, int) {
  setDropHint({});
  load(juce::File(files[0]));
}

} // namespace fxtrain::ui
