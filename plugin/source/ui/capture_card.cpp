// SPDX-License-Identifier: MIT
#include "capture_card.h"

#include <cmath>

namespace fxtrain::ui {
namespace {

/** Two significant digits. */
juce::String percentText(double percent) {
  return numberText(percent, juce::jlimit(0, 6, 1 - int(std::floor(std::log10(percent))))) + " %";
}

} // namespace

void Browser::open(const juce::String& title, const juce::File& start, const juce::String& pattern,
                   std::function<void(const juce::File&)> then) {
  chooser_ = std::make_unique<juce::FileChooser>(title, start, pattern);
  launch(juce::FileBrowserComponent::canSelectFiles, std::move(then));
}

void Browser::openFolder(const juce::String& title, const juce::File& start,
                         std::function<void(const juce::File&)> then) {
  chooser_ = std::make_unique<juce::FileChooser>(title, start);
  launch(juce::FileBrowserComponent::canSelectDirectories, std::move(then));
}

void Browser::launch(int what, std::function<void(const juce::File&)> then) {
  chooser_->launchAsync(juce::FileBrowserComponent::openMode | what,
                        [then = std::move(then)](const juce::FileChooser& chooser) {
                          if (const auto file = chooser.getResult(); file != juce::File())
                            then(file);
                        });
}

CaptureCard::CaptureCard(PluginProcessor& processor, Browser& browser, int slot, const juce::String& heading,
                         const juce::String& place)
    : Panel(heading), processor_(processor), browser_(browser), slot_(slot),
      previous_("Previous capture in the folder", Icon::previous), next_("Next capture in the folder", Icon::next),
      load_("Load a capture", Icon::folder), clear_("Take the capture out", Icon::close),
      quality_(processor, id::quality(slot),
               "Which of the capture's networks plays: the larger, the closer to the device; the smaller, the less CPU "
               "load.",
               64),
      place_(place) {
  auto& rig = processor.rig();
  previous_.onClick = [this, &rig] {
    asked_ = true;
    rig.loadNeighbour(slot_, -1);
  };
  next_.onClick = [this, &rig] {
    asked_ = true;
    rig.loadNeighbour(slot_, 1);
  };
  load_.onClick = [this] { browse(); };
  clear_.onClick = [this, &rig] { rig.clearModel(slot_); };
  for (auto* button : {&previous_, &next_, &load_, &clear_}) {
    button->setTitle(button->getName() + ", " + place_);
    addAndMakeVisible(button);
  }
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
}

void CaptureCard::show(std::shared_ptr<const ModelFile> file) {
  file_ = std::move(file);
  const bool loaded = file_ != nullptr;
  clear_.setEnabled(loaded);
  for (std::size_t k = 0; k < knobs_.size(); ++k) {
    const bool used = loaded && k < file_->info.knobs.size();
    if (used)
      knobs_[k]->setKnobInfo(file_->info.knobs[k]);
    knobs_[k]->setVisible(used);
  }
  quality_.setVisible(hasSizes());
  shown();
  showFacts();
  resized();
}

void CaptureCard::showFacts() {
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

juce::String CaptureCard::sizeText() const {
  const auto& sizes = file_->info.qualities;
  const float percent = processor_.parameters.getRawParameterValue(id::quality(slot_))->load();
  return "Quality, " + juce::String(int(fxengine::indexForQuality(sizes, 0.01f * percent)) + 1) + " of " +
         juce::String(int(sizes.size()));
}

void CaptureCard::setKnobsActive(bool live, const juce::String& whyNot) {
  for (auto& knob : knobs_)
    knob->setActive(live, whyNot);
  quality_.setActive(live, whyNot);
}

void CaptureCard::setHostRate(double hz) {
  if (hostRate_ != hz) {
    hostRate_ = hz;
    collectFacts();
    repaint();
  }
}

void CaptureCard::setCabinetFollows(bool follows) {
  if (cabinetFollows_ != follows) {
    cabinetFollows_ = follows;
    showFacts();
  }
}

void CaptureCard::setLoading(bool loading) {
  const bool shown = loading && asked_;
  if (!loading)
    asked_ = false;
  if (loading_ != shown) {
    loading_ = shown;
    repaint();
  }
}

void CaptureCard::browse() { browser_.showLibrary({LibraryKind::capture, slot_}); }

void CaptureCard::collectFacts() {
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
  const bool isAmp = !Rig::isPedal(slot_);
  if (file_->needsCabinet())
    facts_.push_back({"Loudspeaker", isAmp && !cabinetFollows_ ? "None" : "Not captured", isAmp && !cabinetFollows_});
  else if (file_->hasCabinet())
    facts_.push_back({"Loudspeaker", isAmp && cabinetFollows_ ? "Twice" : "In the capture", isAmp && cabinetFollows_});
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

juce::String CaptureCard::getTooltip() {
  if (file_ == nullptr)
    return "A capture is a file that plays like the amplifier or pedal it was recorded from.";
  juce::StringArray lines{title_, device_, author_};
  for (const auto& fact : facts_)
    if (fact.isOdd)
      lines.add(cabinetFollows_
                    ? "The capture has a loudspeaker, and the cabinet adds another one: switch the cabinet off."
                    : "The capture has no loudspeaker: switch the cabinet on.");
  lines.removeEmptyStrings();
  for (const auto& fact : details_)
    lines.add(fact.caption + ": " + fact.value);
  return lines.joinIntoString("\n");
}

void CaptureCard::mouseDown(const juce::MouseEvent& event) {
  if (event.mods.isPopupMenu())
    showMenu();
}

void CaptureCard::mouseDrag(const juce::MouseEvent& event) {
  constexpr int kFarEnough = 8;
  auto* container = juce::DragAndDropContainer::findParentDragContainerFor(this);
  if (container == nullptr || container->isDragAndDropActive() || file_ == nullptr || event.mods.isPopupMenu() ||
      event.getDistanceFromDragStart() < kFarEnough)
    return;
  auto picture = createComponentSnapshot(getLocalBounds(), true, getApproximateScaleFactorForComponent(this));
  picture.multiplyAllAlphas(0.6f);
  container->startDragging(slot_, this, juce::ScaledImage(picture));
}

bool CaptureCard::isInterestedInDragSource(const SourceDetails& details) {
  return dynamic_cast<CaptureCard*>(details.sourceComponent.get()) != nullptr && int(details.description) != slot_;
}

void CaptureCard::itemDragEnter(const SourceDetails& details) {
  const bool pedals = Rig::isPedal(slot_) && Rig::isPedal(int(details.description));
  setDropHint(pedals ? "Change order" : file_ == nullptr ? "Move here" : "Swap");
}

void CaptureCard::itemDropped(const SourceDetails& details) {
  setDropHint({});
  processor_.exchange(int(details.description), slot_);
}

void CaptureCard::showMenu() {
  juce::PopupMenu menu;
  auto& rig = processor_.rig();
  const int slot = slot_;
  menu.addItem("Load...", [safe = juce::Component::SafePointer<CaptureCard>(this)] {
    if (safe != nullptr)
      safe->browse();
  });
  addToMenu(menu);
  menu.addItem("Take out", file_ != nullptr, false, [&rig, slot] { rig.clearModel(slot); });
  if (file_ != nullptr && !file_->statesRate()) {
    juce::PopupMenu rates;
    const auto add = [&](const juce::String& text, std::optional<double> rate) {
      rates.addItem(text, true, file_->assumedRate == rate, [&rig, slot, rate] { rig.setAssumedRate(slot, rate); });
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

void CaptureCard::filesDropped(const juce::StringArray& files, int, int) {
  setDropHint({});
  asked_ = true;
  processor_.rig().loadModel(slot_, juce::File(files[0]));
}

} // namespace fxtrain::ui
