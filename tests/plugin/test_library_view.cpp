// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"

#include <PluginEditor.h>
#include <shipped.h>

#include <ctime>

using namespace fxtrain;

namespace {

const juce::KeyPress kUp(juce::KeyPress::upKey), kDown(juce::KeyPress::downKey), kEnter(juce::KeyPress::returnKey),
    kEscape(juce::KeyPress::escapeKey);

/** A model without a title, so that it goes by its file's name. */
std::string gain(unsigned seed) {
  return R"({"in_shape": [null, null, 1], "samplerate": 48000, "layers": [{"type": "dense", "activation": "", )"
         R"("shape": [null, null, 1], "weights": [[[0.)" +
         std::to_string(seed) + R"(]], [0.0]]}]})";
}

/** A window, and three captures and a broken one in the player's folder. */
struct Window {
  Window() {
    clear();
    for (unsigned seed = 1; seed <= 3; ++seed)
      write(Rig::modelFolder().getChildFile("mine " + juce::String(seed) + ".json"), gain(seed));
    write(Rig::modelFolder().getChildFile("mine 2b.nam"), "{");
    const auto audio = test::cabinet(1)->bytes;
    write(Rig::cabinetFolder().getChildFile("mine.wav"),
          std::string(static_cast<const char*>(audio.getData()), audio.getSize()));
    editor.reset(dynamic_cast<PluginEditor*>(instance.plugin.createEditor()));
    editor->stopUpdates();
  }
  ~Window() {
    editor = nullptr;
    REQUIRE(test::waitUntil([&] { return !instance.plugin.library().isReading(); }));
    clear();
  }
  static void clear() {
    for (const auto& folder : {Rig::modelFolder(), Rig::cabinetFolder(), Presets::folder()})
      folder.deleteRecursively();
    Library::indexFile().deleteFile();
    Library::settingsFile().deleteFile();
  }
  static void write(const juce::File& file, const std::string& text) {
    REQUIRE(file.getParentDirectory().createDirectory());
    REQUIRE(file.replaceWithData(text.data(), text.size()));
  }

  ui::LibraryView& open(LibraryKind kind, int place = 0) {
    editor->showLibrary({kind, place});
    REQUIRE(test::waitUntil([&] { return !instance.plugin.library().isReading(); }));
    test::deliverMessages(20);
    REQUIRE(editor->libraryView() != nullptr);
    return *editor->libraryView();
  }
  /** Plays what is selected, and waits for it. */
  void settle() {
    REQUIRE(test::waitUntil([&] {
      if (auto* view = editor->libraryView())
        view->update();
      return !rig().isLoading();
    }));
    test::deliverMessages(50);
  }
  void press(const juce::KeyPress& key) {
    editor->libraryView()->keyPressed(key);
    settle();
  }
  juce::String inSlot(int slot) {
    const auto model = rig().contents().models[std::size_t(slot)];
    return model == nullptr ? juce::String() : model->name;
  }
  Rig& rig() { return instance.plugin.rig(); }
  History& history() { return instance.plugin.history(); }

  test::Instance instance;
  std::unique_ptr<PluginEditor> editor;
};

} // namespace

TEST_CASE("Library view: arrows play what they reach, Escape goes back and leaves no trace", "[library]") {
  Window w;
  w.instance.load(1, test::model(9));
  const auto before = w.rig().contents();
  w.instance.set(id::knob(1, 0), 83.0f);
  auto& view = w.open(LibraryKind::capture, 1);
  view.setSearch("mine");
  REQUIRE(view.numShown() == 4);
  w.press(kDown);
  CHECK(w.inSlot(1) == "mine 1");
  w.press(kDown);
  CHECK(w.inSlot(1) == "mine 2");
  w.press(kDown); // it does not play, and says so in the list
  CHECK(!view.fileAt(view.selectedRow())->plays());
  CHECK(w.inSlot(1) == "mine 2");
  w.press(kDown);
  w.press(kDown); // there is no other one below
  CHECK(w.inSlot(1) == "mine 3");
  CHECK(!w.history().canUndo());
  w.press(kEscape);
  CHECK(w.editor->libraryView() == nullptr);
  CHECK(w.rig().contents() == before);
  CHECK(w.instance.get(id::knob(1, 0)) == Approx(83.0f));
  CHECK(!w.history().canUndo());
  CHECK(w.instance.plugin.library().marks().recent.empty());
}

TEST_CASE("Library view: Enter keeps what plays, as one step of undo", "[library]") {
  Window w;
  w.instance.load(0, test::model(9));
  const auto before = w.rig().contents();
  auto& view = w.open(LibraryKind::capture);
  view.setSearch("mine");
  w.press(kDown);
  w.press(kDown);
  w.press(kEnter);
  CHECK(w.editor->libraryView() == nullptr);
  CHECK(w.inSlot(0) == "mine 2");
  REQUIRE(w.history().canUndo());
  w.history().undo();
  CHECK(w.rig().contents() == before);
  CHECK(!w.history().canUndo());
  w.history().redo();
  CHECK(w.inSlot(0) == "mine 2");
  CHECK(w.instance.plugin.library().marks().recent ==
        std::vector<std::string>{Rig::modelFolder().getChildFile("mine 2.json").getFullPathName().toStdString()});
  // It opens where it was left.
  auto& again = w.open(LibraryKind::capture);
  again.setShow(LibraryQuery::Show::recent);
  REQUIRE(again.numShown() == 1);
  CHECK(again.selectedRow() == 0);
  w.press(kEscape);
}

TEST_CASE("Library view: keys that come faster than loads are not queued, and Enter plays the last one", "[library]") {
  Window w;
  auto& view = w.open(LibraryKind::capture);
  view.setSearch("mine");
  for (const auto& key : {kDown, kDown, kDown, kDown, kUp, kUp, kEnter}) // mine 2b and 3 between
    view.keyPressed(key);
  w.settle();
  CHECK(w.inSlot(0) == "mine 2");
  w.history().undo();
  CHECK(w.inSlot(0).isEmpty());
  CHECK(!w.history().canUndo());
}

TEST_CASE("Library view: a project that is opened meanwhile stays", "[library]") {
  Window w;
  w.instance.load(0, test::model(9));
  const auto project = w.instance.save();
  w.instance.load(0, test::model(8));
  auto& view = w.open(LibraryKind::capture);
  view.setSearch("mine");
  w.press(kDown);
  REQUIRE(w.instance.restore(project) == "");
  w.press(kEscape);
  CHECK(w.rig().contents().models[0]->text == test::modelText(9));
  CHECK(!w.instance.plugin.isAuditioning());
}

TEST_CASE("Library view: shipped files, cabinets and presets are played by the same list", "[library]") {
  Window w;
  auto& plugin = w.instance.plugin;
  auto& view = w.open(LibraryKind::capture, Rig::pedalSlot(0));
  view.setTag("pedal", true);
  REQUIRE(view.numShown() > 0);
  const auto title = view.fileAt(0)->name;
  w.press(kDown);
  w.press(kEnter);
  CHECK(w.inSlot(Rig::pedalSlot(0)) == title);

  auto& cabinets = w.open(LibraryKind::cabinet);
  REQUIRE(cabinets.numShown() == 2);
  w.press(kDown);
  CHECK(w.rig().contents().cabinet != nullptr);
  cabinets.setSearch("mine");
  w.press(kDown);
  w.press(kEnter);
  CHECK(w.rig().contents().cabinet->name == "mine");

  const auto before = w.instance.save();
  const auto entry = plugin.presets().currentEntry();
  auto& presets = w.open(LibraryKind::preset);
  REQUIRE(presets.numShown() == Presets::numShipped());
  presets.setSearch("crunch");
  w.press(kDown);
  CHECK(plugin.presets().currentName() == presets.fileAt(presets.selectedRow())->name);
  w.press(kEscape);
  CHECK(plugin.presets().currentEntry() == entry);
  CHECK(w.instance.save() == before);
  w.open(LibraryKind::preset).setSearch("crunch");
  w.press(kDown);
  w.press(kEnter);
  CHECK(w.instance.save() != before);
  w.history().undo();
  CHECK(w.instance.save() == before);
}

TEST_CASE("Library view: a key is answered within 50 ms with 5000 files", "[library]") {
  Window w;
  for (int i = 0; i < 5000; ++i)
    Window::write(Rig::modelFolder().getChildFile("pack/capture " + juce::String(i) + ".json"), gain(1));
  auto& view = w.open(LibraryKind::capture);
  double worst = 0.0;
  for (const auto* text : {"c", "ca", "cap", "capture 4", "capture 49", "capture 499"}) {
    const auto start = std::clock(); // processor time: the machine may be busy
    view.setSearch(text);
    w.editor->createComponentSnapshot(w.editor->getLocalBounds()); // and drawn
    worst = std::max(worst, double(std::clock() - start) / CLOCKS_PER_SEC);
  }
  INFO("worst: " << 1e3 * worst << " ms");
  CHECK(view.numShown() == 15); // 499 to 4499, and 4990 to 4999
  CHECK(worst < 0.05);
}

namespace {

/** As the mouse clicks a row of the list, in its middle unless said. */
void click(ui::LibraryView& view, int row, int x = 300) {
  for (auto* child : view.getChildren())
    if (auto* list = dynamic_cast<juce::ListBox*>(child)) {
      auto* rows = list->getViewport()->getViewedComponent();
      auto* component = rows->getComponentAt(300, row * list->getRowHeight() + 10);
      REQUIRE(component != nullptr);
      REQUIRE(component != rows);
      const juce::Point<float> at(float(x), 10.0f);
      const juce::MouseEvent event(juce::Desktop::getInstance().getMainMouseSource(), at,
                                   juce::ModifierKeys::leftButtonModifier, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, component,
                                   component, juce::Time(), at, juce::Time(), 1, false);
      component->mouseDown(event);
      component->mouseUp(event);
    }
}

} // namespace

TEST_CASE("Library view: a click on a row plays it, a click on its star does not", "[library]") {
  Window w;
  auto& view = w.open(LibraryKind::capture);
  view.setSearch("mine");
  test::deliverMessages(50); // lays the rows out
  const auto key = Rig::modelFolder().getChildFile("mine 3.json").getFullPathName().toStdString();
  REQUIRE(view.fileAt(3)->name == "mine 3");
  click(view, 0);
  w.settle();
  CHECK(w.inSlot(0) == "mine 1");
  click(view, 3, 20);
  w.settle();
  CHECK(w.instance.plugin.library().marks().favourites.count(key) == 1);
  CHECK(w.inSlot(0) == "mine 1");
  CHECK(view.selectedRow() == 0);
  click(view, 3, 20); // off again
  click(view, 3);
  w.settle();
  CHECK(w.instance.plugin.library().marks().favourites.count(key) == 0);
  CHECK(w.inSlot(0) == "mine 3");
  w.press(kEscape);
}

TEST_CASE("Library view: a tag that finds no room is in a menu, and stands in the row once it is chosen", "[library]") {
  Window w;
  for (unsigned i = 0; i < 20; ++i) {
    const auto tag = "quite a long tone " + std::to_string(i);
    auto text = gain(1);
    text.insert(1, R"("metadata": {"tone_type": ")" + tag + R"("}, )");
    Window::write(Rig::modelFolder().getChildFile("toned " + juce::String(i) + ".json"), text);
  }
  auto& view = w.open(LibraryKind::capture);
  const auto buttonFor = [&](const juce::String& name) -> juce::Component* {
    for (auto* child : view.getChildren())
      if (child->getTitle() == name || child->getName() == name)
        return child;
    return nullptr;
  };
  const auto* more = buttonFor("More tags");
  REQUIRE(more != nullptr);
  CHECK(more->isVisible());
  juce::String hidden;
  int numShown = 0;
  for (int i = 0; i < 20; ++i) {
    const auto tag = "quite a long tone " + juce::String(i);
    const auto* button = buttonFor("Only files with the tag " + tag);
    REQUIRE(button != nullptr);
    if (!button->isVisible())
      hidden = tag;
    else
      ++numShown;
    CHECK((!button->isVisible() || button->getRight() <= more->getX()));
  }
  REQUIRE(hidden.isNotEmpty());
  view.setTag(hidden, true);
  CHECK(buttonFor("Only files with the tag " + hidden)->isVisible());
  CHECK(view.numShown() == 1);
  w.press(kEscape);
}

TEST_CASE("Library view: a star is kept, and closing the window keeps what plays", "[library]") {
  Window w;
  auto& view = w.open(LibraryKind::capture);
  view.setSearch("mine 3");
  w.press(kDown);
  view.keyPressed(juce::KeyPress('d', juce::ModifierKeys::commandModifier, 0));
  view.setSearch("");
  view.setShow(LibraryQuery::Show::favourites);
  REQUIRE(view.numShown() == 1);
  CHECK(view.fileAt(0)->name == "mine 3");
  w.editor = nullptr;
  w.editor.reset(dynamic_cast<PluginEditor*>(w.instance.plugin.createEditor()));
  w.settle();
  CHECK(w.inSlot(0) == "mine 3");
  CHECK(!w.instance.plugin.isAuditioning());
  CHECK(w.history().canUndo());
  w.instance.plugin.library().setFavourite(
      Rig::modelFolder().getChildFile("mine 3.json").getFullPathName().toStdString(), false);
}
