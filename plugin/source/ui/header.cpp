// SPDX-License-Identifier: MIT
#include "header.h"

namespace fxtrain::ui {

Header::Header(PluginProcessor& processor, Browser& browser)
    : processor_(processor), browser_(browser), previous_("Previous preset", Icon::previous),
      next_("Next preset", Icon::next), preset_("Presets", {}, {}, PushButton::Style::raised),
      save_("Save preset", Icon::save), undo_("Undo", Icon::undo), redo_("Redo", Icon::redo),
      settings_("Settings", Icon::settings),
      tuner_(processor, id::tuner, "Shows the tuner and mutes the output.", Icon::tuner, "Tuner"),
      bypass_(processor, id::bypass, "Lit while the plugin works; off, the input passes through, equally late.",
              Icon::power, {}, true) {
  setTitle("Header");
  setFocusContainerType(FocusContainerType::focusContainer);
  previous_.onClick = [this] { step(-1); };
  next_.onClick = [this] { step(1); };
  preset_.onClick = [this] { openMenu(); };
  save_.onClick = [this] { save(); };
  undo_.onClick = [this] { processor_.history().undo(); };
  redo_.onClick = [this] { processor_.history().redo(); };
  settings_.onClick = [this] {
    if (onSettings)
      onSettings();
  };
  preset_.setOpensMenu();
  preset_.setComponentID("presets");
  settings_.setComponentID("settings");
  bypass_.onChange = [this] { repaint(); };
  for (auto* child : std::initializer_list<juce::Component*>{&previous_, &preset_, &next_, &save_, &undo_, &redo_,
                                                             &tuner_, &settings_, &bypass_})
    addAndMakeVisible(child);
  processor_.presets().refresh(); // the arrows step through the player's own too
  processor_.presets().addChangeListener(this);
  processor_.history().broadcaster().addChangeListener(this);
  changeListenerCallback(nullptr);
  update();
}

Header::~Header() {
  processor_.presets().removeChangeListener(this);
  processor_.history().broadcaster().removeChangeListener(this);
}

void Header::changeListenerCallback(juce::ChangeBroadcaster*) {
  auto& history = processor_.history();
  const auto name = [](const juce::String& verb, const juce::String& what) {
    return what.isEmpty() ? verb : verb + ": " + what;
  };
  undo_.setEnabled(history.canUndo());
  undo_.setTooltip(name("Undo", history.canUndo() ? history.undoText() : juce::String()));
  redo_.setEnabled(history.canRedo());
  redo_.setTooltip(name("Redo", history.canRedo() ? history.redoText() : juce::String()));
  const auto current = processor_.presets().currentName();
  const bool isEdited = processor_.presets().isEdited();
  preset_.setDescription(isEdited ? current + ", edited" : current);
  preset_.setText(current.isEmpty() ? "Presets" : isEdited ? current + " *" : current);
}

void Header::update() {
  const auto load = juce::String(juce::roundToInt(100.0 * juce::jlimit(0.0, 9.99, processor_.cpuLoad()))) + " %";
  const int frames = processor_.getLatencySamples();
  const double rate = processor_.getSampleRate();
  const auto latency = rate > 0.0 ? numberText(1000.0 * frames / rate, frames > 0 ? 2 : 0) + " ms" : juce::String("-");
  const auto inFrames = juce::String(frames) + (frames == 1 ? " frame" : " frames");
  if (load == load_ && latency == latency_ && inFrames == frames_)
    return;
  load_ = load;
  latency_ = latency;
  frames_ = inFrames;
  repaint(numbersArea());
}

void Header::step(int by) {
  const auto problem = processor_.presets().loadNeighbour(by);
  if (onProblem)
    onProblem(problem);
}

void Header::save() {
  auto& presets = processor_.presets();
  const int current = presets.current();
  if (current < 0 || presets.entries()[std::size_t(current)].shipped >= 0) {
    saveAs(); // there is nothing of the player's own to write over
  } else if (onProblem) {
    onProblem(presets.save(presets.currentName()));
  }
}

void Header::saveAs() {
  naming_ = std::make_unique<juce::TextEditor>();
  naming_->setFont(font(13.5f, Weight::medium));
  naming_->setJustification(juce::Justification::centred);
  naming_->setTextToShowWhenEmpty("Name of the preset", colour::faint);
  naming_->setText(processor_.presets().currentName(), false);
  naming_->selectAll();
  naming_->setTitle("Name of the preset");
  naming_->setInputRestrictions(64);
  addAndMakeVisible(*naming_);
  naming_->setBounds(preset_.getBounds());
  const juce::Component::SafePointer<Header> safe(this);
  const auto finish = [safe](bool take) {
    juce::MessageManager::callAsync([safe, take] {
      if (safe != nullptr)
        safe->finishNaming(take);
    });
  };
  naming_->onTextChange = [safe] {
    if (safe != nullptr && safe->naming_ != nullptr)
      safe->naming_->applyFontToAllText(fontFor(safe->naming_->getText(), font(13.5f, Weight::medium)));
  };
  naming_->onReturnKey = [finish] { finish(true); };
  naming_->onEscapeKey = naming_->onFocusLost = [finish] { finish(false); };
  grabKeyboardFor(*naming_);
}

void Header::finishNaming(bool take) {
  if (naming_ == nullptr)
    return;
  const auto name = naming_->getText().trim();
  naming_ = nullptr;
  if (!take || name.isEmpty())
    return;
  const auto write = [this, name] {
    if (const auto problem = processor_.presets().save(name); onProblem)
      onProblem(problem);
  };
  for (const auto& entry : processor_.presets().entries())
    if (entry.shipped < 0 && entry.name.equalsIgnoreCase(name) && name != processor_.presets().currentName() && onAsk) {
      onAsk("There is a preset " + entry.name + " already.", "Replace", write);
      return;
    }
  write();
}

void Header::openMenu() {
  auto& presets = processor_.presets();
  presets.refresh();
  const auto& entries = presets.entries();
  juce::PopupMenu menu;
  const juce::Component::SafePointer<Header> safe(this);
  const auto report = [safe](const juce::String& problem) {
    if (safe != nullptr && safe->onProblem)
      safe->onProblem(problem);
  };
  bool own = false;
  menu.addSectionHeader("Shipped, with MIDI program numbers");
  for (int i = 0; i < int(entries.size()); ++i) {
    const auto& entry = entries[std::size_t(i)];
    if (entry.shipped < 0 && !own) {
      own = true;
      menu.addSeparator();
      menu.addSectionHeader("Your own");
    }
    juce::PopupMenu::Item item(entry.name);
    item.shortcutKeyDescription = entry.number < 0 ? juce::String() : juce::String(entry.number); // of MIDI
    item.isTicked = i == presets.current();
    item.action = [&presets, i, report] { report(presets.load(i)); };
    menu.addItem(std::move(item));
  }
  menu.addSeparator();
  const int current = presets.current();
  const bool isOwn = current >= 0 && entries[std::size_t(current)].shipped < 0;
  menu.addItem("Save", isOwn, false, [safe] {
    if (safe != nullptr)
      safe->save();
  });
  menu.addItem("Save as...", [safe] {
    if (safe != nullptr)
      safe->saveAs();
  });
  menu.addItem(isOwn ? "Delete " + presets.currentName() : juce::String("Delete"), isOwn, false,
               [safe, report, &presets, entry = presets.currentEntry()] {
                 if (safe != nullptr && safe->onAsk)
                   safe->onAsk("Delete the preset " + entry.name + " for good?", "Delete",
                               [report, &presets, entry] { report(presets.remove(entry)); });
               });
  menu.addItem("Browse...", [safe] {
    if (safe != nullptr)
      safe->browser_.showLibrary({LibraryKind::preset});
  });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(&preset_).withMinimumWidth(preset_.getWidth()));
}

juce::Rectangle<int> Header::numbersArea() const { return {664, 8, 176, 40}; }

void Header::resized() {
  // The columns of the panels below: 24, 216, 664, 920.
  const auto at = [](int x, int width) { return juce::Rectangle<int>(x, 12, width, 32); };
  previous_.setBounds(at(216, 32));
  preset_.setBounds(at(252, 220));
  next_.setBounds(at(476, 32));
  save_.setBounds(at(516, 32));
  undo_.setBounds(at(572, 32));
  redo_.setBounds(at(608, 32));
  tuner_.setBounds(at(984, 96));
  settings_.setBounds(at(1096, 32));
  bypass_.setBounds(at(1144, 32));
  if (naming_ != nullptr)
    naming_->setBounds(preset_.getBounds());
}

void Header::paint(juce::Graphics& g) {
  const bool bypassed = bypass_.isOn();
  // A sine driven into saturation: what all of this is about.
  juce::Path wave;
  const juce::Rectangle<float> mark{24.0f, 18.0f, 24.0f, 20.0f};
  for (int i = 0; i <= 48; ++i) {
    const float x = float(i) / 48.0f;
    const float y = std::tanh(3.0f * std::sin(juce::MathConstants<float>::twoPi * x)) / std::tanh(3.0f);
    const juce::Point<float> point{mark.getX() + x * mark.getWidth(), mark.getCentreY() - 0.4f * mark.getHeight() * y};
    i == 0 ? wave.startNewSubPath(point) : wave.lineTo(point);
  }
  g.setColour(bypassed ? colour::faint : colour::accent);
  g.strokePath(wave, juce::PathStrokeType(2.5f, juce::PathStrokeType::curved, juce::PathStrokeType::rounded));
  drawText(g, "fxtrain", {58.0f, 12.0f, 120.0f, 32.0f}, font(19.0f, Weight::semiBold), colour::text);

  if (bypassed) {
    const juce::Rectangle<float> pill{134.0f, 17.0f, 70.0f, 22.0f};
    g.setColour(colour::raised);
    g.fillRoundedRectangle(pill, 11.0f);
    drawText(g, "Bypassed", pill, font(12.0f, Weight::medium), colour::text, juce::Justification::centred);
  }
  const auto numbers = numbersArea().toFloat();
  const auto number = [&](float x, float width, const juce::String& caption, const juce::String& value,
                          const juce::String& more) {
    drawText(g, caption, {x, numbers.getY() + 3.0f, width, 15.0f}, font(11.5f), colour::faint);
    const auto type = font(13.0f, Weight::medium);
    drawText(g, value, {x, numbers.getY() + 19.0f, width, 16.0f}, type, colour::text);
    if (more.isNotEmpty())
      drawText(g, more, {x + widthOf(type, value) + 6.0f, numbers.getY() + 19.0f, width, 16.0f}, font(12.0f),
               colour::faint);
  };
  number(numbers.getX(), 48.0f, "CPU", load_, {});
  number(numbers.getX() + 56.0f, 128.0f, "Latency", latency_, frames_);
}

} // namespace fxtrain::ui
