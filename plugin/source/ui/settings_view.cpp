// SPDX-License-Identifier: MIT
#include "settings_view.h"

#include "interface_levels.h"

#include <fxengine/model_loader.h>

namespace fxtrain::ui {
namespace {

#if JUCE_MAJOR_VERSION >= 8
constexpr auto kLicence =
    "The source code is under the MIT licence. This program contains JUCE and is as a whole under "
    "the GNU Affero General Public License, version 3. It comes without any warranty. Typeface: "
    "Inter, SIL Open Font License 1.1. Icons: Lucide, ISC licence.";
#else
constexpr auto kLicence =
    "The source code is under the MIT licence. This program contains JUCE and is as a whole under "
    "the GNU General Public License, version 3. It comes without any warranty. Typeface: Inter, "
    "SIL Open Font License 1.1. Icons: Lucide, ISC licence.";
#endif

juce::String describe(const MidiControl::Binding& binding) {
  return "Controller " + juce::String(binding.controller) +
         (binding.channel > 0 ? ", channel " + juce::String(binding.channel) : juce::String(", any channel"));
}

} // namespace

SettingsView::Page::Page(PluginProcessor& processor, Browser& browser)
    : processor_(processor), browser_(browser),
      levels_(processor, id::levels,
              "How the loudness of the captures is brought together: left as captured, B made as loud as A, or both to "
              "the same level.",
              Choice::Style::framed),
      inputMode_(processor, id::inputMode,
                 "Which channels of a stereo input are played: both, one of them, or their sum.",
                 Choice::Style::framed),
      live_(processor, id::oversamplingLive,
            "Plays the captures at a multiple of their sample rate: less aliasing, more CPU load, some latency.",
            Choice::Style::framed),
      offline_(processor, id::oversamplingOffline, "The same while the host bounces or freezes.",
               Choice::Style::framed),
      calibrate_(processor, id::calibrate,
                 "Brings the guitar to the level that a capture was recorded at, where its file tells."),
      interface_(processor, id::interfaceLevel,
                 "The analog level that is full scale at the input of your audio interface: its data sheet has it.",
                 72),
      knownInterfaces_("Common interfaces", {}, "Choose yours", PushButton::Style::raised),
      backend_("Backend", {}, {}, PushButton::Style::raised),
      addFolder_("Add a folder to the library", Icon::plus, "Add a folder", PushButton::Style::raised) {
  for (auto* child :
       std::initializer_list<juce::Component*>{&levels_, &inputMode_, &calibrate_, &interface_, &live_, &offline_})
    addAndMakeVisible(child);
  knownInterfaces_.setOpensMenu();
  knownInterfaces_.setTooltip("Sets the interface level to what the maker states, for the least input gain.");
  knownInterfaces_.onClick = [this] { chooseInterface(); };
  addAndMakeVisible(knownInterfaces_);
  backend_.setOpensMenu();
  backend_.setTooltip("What plays the captures.");
  backend_.onClick = [this] { chooseBackend(); };
  addChildComponent(backend_);
  addFolder_.onClick = [this] { chooseFolder(); };
  addAndMakeVisible(addFolder_);
  calibrate_.onChange = [this] { updateInterface(); };
  updateInterface();
  setTitle("Settings");
}

void SettingsView::Page::updateInterface() {
  interface_.setActive(calibrate_.isOn(), "Calibrate is off. Turn it on to use the level of your interface.");
  knownInterfaces_.setEnabled(calibrate_.isOn());
}

void SettingsView::Page::chooseInterface() {
  juce::PopupMenu menu;
  auto* level = processor_.parameters.getParameter(id::interfaceLevel);
  // Without ticks: several have one level, and which of them is yours is not known.
  for (const auto& [name, dbu] : kInterfaceLevels)
    menu.addItem(juce::String(name) + ": " + juce::String(dbu, 1) + " dBu", [level, dbu = dbu] {
      level->beginChangeGesture();
      level->setValueNotifyingHost(level->convertTo0to1(dbu));
      level->endChangeGesture();
    });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(&knownInterfaces_));
}

void SettingsView::Page::chooseBackend() {
  juce::PopupMenu menu;
  for (const auto& name : fxengine::availableBackends())
    menu.addItem(name, true, juce::String(name) == backendName_, [&rig = processor_.rig(), name] {
      auto contents = rig.contents();
      contents.backend = name;
      try {
        rig.setContents(contents);
      } catch (const std::exception& error) {
        rig.setProblem(juce::String::fromUTF8(error.what()));
      }
    });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(&backend_));
}

void SettingsView::Page::chooseFolder() {
  browser_.openFolder("Add a folder to the library", juce::File::getSpecialLocation(juce::File::userHomeDirectory),
                      [safe = juce::Component::SafePointer<Page>(this)](const juce::File& folder) {
                        if (safe != nullptr) {
                          safe->processor_.library().addFolder(folder);
                          safe->update();
                        }
                      });
}

void SettingsView::Page::update() {
  const auto backend = processor_.rig().contents().backend;
  auto bindings = processor_.midiControl().bindings();
  auto folders = processor_.library().folders();
  if (backend == backendName_ && bindings == bindings_ && folders == folders_)
    return;
  folders_ = std::move(folders);
  removeFolder_.clear();
  for (const auto& folder : folders_) {
    auto button = std::make_unique<PushButton>("Take " + folder.getFullPathName() + " out of the library", Icon::close);
    button->onClick = [this, folder] {
      // The list, and with it this button, changes: afterwards.
      juce::MessageManager::callAsync([safe = juce::Component::SafePointer<Page>(this), folder] {
        if (safe != nullptr) {
          safe->processor_.library().removeFolder(folder);
          safe->update();
        }
      });
    };
    addAndMakeVisible(*button);
    removeFolder_.push_back(std::move(button));
  }
  backendName_ = backend;
  backend_.setText(backend);
  bindings_ = std::move(bindings);
  forget_.clear();
  for (const auto& binding : bindings_) {
    auto button = std::make_unique<PushButton>("Forget " + describe(binding), Icon::close);
    button->onClick = [this, parameter = binding.parameter] {
      // The list, and with it this button, changes: afterwards.
      juce::MessageManager::callAsync([safe = juce::Component::SafePointer<Page>(this), parameter] {
        if (safe != nullptr) {
          safe->processor_.midiControl().forget(parameter);
          safe->update();
        }
      });
    };
    addAndMakeVisible(*button);
    forget_.push_back(std::move(button));
  }
  if (getWidth() > 0)
    setSize(getWidth(), layOut(getWidth()));
}

int SettingsView::Page::layOut(int width) {
  texts_.clear();
  int y = 8;
  const int left = 24, right = width - 24;
  const auto heading = [&](const juce::String& text) {
    y += texts_.empty() ? 0 : 20;
    texts_.push_back({text, {left, y, right - left, 20}, true, false});
    y += 28;
  };
  const auto row = [&](const juce::String& caption, juce::Component& control, int controlWidth) {
    texts_.push_back({caption, {left, y, right - left - controlWidth - 16, 32}, false, false});
    control.setBounds(right - controlWidth, y, controlWidth, 32);
    y += 40;
  };
  const auto paragraph = [&](const juce::String& text, int height) {
    texts_.push_back({text, {left, y, right - left, height}, false, true});
    y += height + 4;
  };

  heading("Levels");
  row("Captures", levels_, 160);
  row("Input", inputMode_, 160);
  row("Calibrate the input", calibrate_, 38);
  row("Interface level", interface_, 208);
  row("Common interfaces", knownInterfaces_, 160);
  paragraph("What your interface's instrument input takes as full scale with its gain turned down: its data sheet says "
            "so. Captures whose files tell their level are then driven as the device was.",
            52);

  heading("Quality");
  row("Oversampling", live_, 104);
  row("Oversampling offline", offline_, 104);
  backend_.setVisible(fxengine::availableBackends().size() > 1);
  if (backend_.isVisible())
    row("Played by", backend_, 160);

  heading("MIDI");
  if (bindings_.empty())
    paragraph("No controller is bound. Right-click a control and choose MIDI learn; program changes load presets.", 36);
  for (std::size_t i = 0; i < bindings_.size(); ++i) {
    const auto* parameter = processor_.parameters.getParameter(bindings_[i].parameter);
    const auto name = parameter != nullptr ? parameter->getName(64) : bindings_[i].parameter;
    texts_.push_back({name, {left, y, 150, 32}, false, false});
    texts_.push_back({describe(bindings_[i]), {left + 150, y, right - left - 190, 32}, false, true});
    forget_[i]->setBounds(right - 32, y, 32, 32);
    y += 36;
  }

  heading("Library");
  if (folders_.empty())
    paragraph("The library lists what lies in fxtrain's own folders. Add the folders that you keep other captures and "
              "impulse responses in; their subfolders belong to them.",
              52);
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    texts_.push_back({folders_[i].getFullPathName(), {left, y, right - left - 40, 32}, false, false});
    removeFolder_[i]->setBounds(right - 32, y, 32, 32);
    y += 36;
  }
  addFolder_.setBounds(left, y, 144, 32);
  y += 36;

  heading("About");
  paragraph("fxtrain " FXTRAIN_VERSION, 18);
  paragraph(kLicence, 88);
  return y + 8;
}

void SettingsView::Page::paint(juce::Graphics& g) {
  for (const auto& text : texts_) {
    if (text.heading) {
      drawText(g, text.text, text.area.toFloat(), font(13.5f, Weight::semiBold), colour::text);
    } else if (text.secondary) {
      juce::AttributedString lines;
      lines.append(text.text, font(12.5f), colour::faint);
      lines.setJustification(text.area.getHeight() == 32 ? juce::Justification::centredLeft
                                                         : juce::Justification::topLeft);
      lines.draw(g, text.area.toFloat());
    } else {
      drawText(g, text.text, text.area.toFloat(), font(13.0f), colour::secondary);
    }
  }
}

SettingsView::SettingsView(PluginProcessor& processor, Browser& browser)
    : processor_(processor), close_("Close the settings", Icon::close), page_(processor, browser) {
  setTitle("Settings");
  setWantsKeyboardFocus(true);
  setFocusContainerType(FocusContainerType::keyboardFocusContainer);
  close_.onClick = [this] {
    if (onClose)
      onClose();
  };
  addAndMakeVisible(close_);
  viewport_.setViewedComponent(&page_, false);
  viewport_.setWantsKeyboardFocus(false);
  viewport_.setScrollBarsShown(true, false);
  viewport_.setScrollBarThickness(10);
  addAndMakeVisible(viewport_);
  processor_.library().open();
  update();
}

void SettingsView::update() { page_.update(); }

void SettingsView::resized() {
  auto drawer = getLocalBounds().removeFromRight(kWidth);
  auto heading = drawer.removeFromTop(64);
  close_.setBounds(heading.removeFromRight(56).withSizeKeepingCentre(32, 32));
  viewport_.setBounds(drawer.withTrimmedBottom(8));
  page_.setSize(kWidth, page_.layOut(kWidth));
}

void SettingsView::paint(juce::Graphics& g) {
  g.fillAll(colour::window.withAlpha(0.6f));
  const auto drawer = getLocalBounds().removeFromRight(kWidth).toFloat();
  g.setColour(colour::panel);
  g.fillRect(drawer);
  g.setColour(colour::line);
  g.fillRect(drawer.withWidth(1.0f));
  drawText(g, "Settings", drawer.withHeight(64.0f).withTrimmedLeft(24.0f), font(18.0f, Weight::semiBold), colour::text);
}

void SettingsView::mouseDown(const juce::MouseEvent& event) {
  if (event.x < getWidth() - kWidth && onClose)
    onClose();
}

bool SettingsView::keyPressed(const juce::KeyPress& key) {
  if (key != juce::KeyPress::escapeKey)
    return false;
  if (onClose)
    onClose();
  return true;
}

std::unique_ptr<juce::AccessibilityHandler> SettingsView::createAccessibilityHandler() {
  return std::make_unique<juce::AccessibilityHandler>(*this, juce::AccessibilityRole::group);
}

} // namespace fxtrain::ui
