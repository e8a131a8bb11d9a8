// SPDX-License-Identifier: MIT
#include "library_view.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace fxtrain::ui {
namespace {

constexpr int kRowHeight = 44, kPageRows = 8;
constexpr int kStarWidth = 44; // of a row, where a click is on the star
constexpr std::array<const char*, 4> kSortNames = {"Name", "Maker", "Device", "Newest"};

juce::String between() { return juce::String::fromUTF8("  \xc2\xb7  "); }

juce::String titleOf(const Browser::Target& target) {
  if (target.kind == LibraryKind::preset)
    return "Presets";
  if (target.kind == LibraryKind::cabinet)
    return target.place == 0 ? "Cabinets" : "Cabinets for the second response";
  return Rig::isPedal(target.place) ? "Pedals and captures before the amp"
         : target.place == 0        ? "Captures for slot A"
                                    : "Captures for slot B";
}

juce::String pluralOf(LibraryKind kind, int count) {
  static constexpr std::array<const char*, 3> kNames = {"capture", "cabinet", "preset"};
  return juce::String(count) + " " + kNames[std::size_t(kind)] + (count == 1 ? "" : "s");
}

} // namespace

LibraryView::LibraryView(PluginProcessor& processor, Browser& browser, const Browser::Target& target)
    : processor_(processor), browser_(browser), target_(target), all_("Show all files", {}, "All"),
      favourites_("Show favourites only", Icon::star, "Favourites"), recent_("Show what was loaded last", {}, "Recent"),
      sort_("Sort the list", {}, {}, PushButton::Style::raised),
      open_("Open a file that is not in the library", Icon::folder, "Open a file"),
      cancel_("Go back to what played before (Esc)", {}, "Cancel", PushButton::Style::raised),
      keep_("Keep what plays (Enter)", {}, "Keep", PushButton::Style::accent),
      moreTags_("More tags", {}, "More", PushButton::Style::raised) {
  setTitle(titleOf(target));
  setWantsKeyboardFocus(true);
  setFocusContainerType(FocusContainerType::keyboardFocusContainer);
  query_.kind = target.kind;

  search_.setTitle("Search");
  search_.setHelpText("Words of the name, the maker, the device, the tags or the folder.");
  search_.setTextToShowWhenEmpty("Search by name, maker, device or tag", colour::faint);
  search_.setFont(font(15.0f));
  search_.setIndents(38, 8);
  search_.setInputRestrictions(200);
  search_.setSelectAllWhenFocused(false);
  search_.addKeyListener(this);
  search_.onTextChange = [this] {
    query_.text = search_.getText();
    search_.applyFontToAllText(fontFor(query_.text, font(15.0f)));
    refresh();
  };
  addAndMakeVisible(search_);

  all_.onClick = [this] { setShow(LibraryQuery::Show::all); };
  favourites_.onClick = [this] { setShow(LibraryQuery::Show::favourites); };
  recent_.onClick = [this] { setShow(LibraryQuery::Show::recent); };
  moreTags_.setOpensMenu();
  moreTags_.onClick = [this] { openTagMenu(); };
  addChildComponent(moreTags_);
  sort_.setOpensMenu();
  sort_.onClick = [this] { openSortMenu(); };
  open_.onClick = [this] { chooseFile(); };
  cancel_.onClick = [this] { close(false); };
  keep_.onClick = [this] { close(true); };
  for (auto* button : {&all_, &favourites_, &recent_, &sort_, &open_, &cancel_, &keep_})
    addAndMakeVisible(button);

  list_.setModel(this);
  list_.setTitle("Files");
  list_.setRowHeight(kRowHeight);
  list_.setColour(juce::ListBox::backgroundColourId, colour::panel);
  list_.setWantsKeyboardFocus(false); // the search field has the keyboard, and passes the arrows on
  list_.getViewport()->setScrollBarThickness(10);
  addAndMakeVisible(list_);

  processor_.beginAudition();
  auto& library = processor_.library();
  library.addChangeListener(this);
  library.refresh();
  selected_ = playing();
  setSort(query_.sort);
  setShow(query_.show);
  changeListenerCallback(nullptr);
}

LibraryView::~LibraryView() {
  processor_.library().removeChangeListener(this);
  onClose = nullptr;
  close(true);
  search_.removeKeyListener(this);
}

void LibraryView::grabKeyboard() { grabKeyboardFor(search_); }

void LibraryView::close(bool keep) {
  if (closed_)
    return;
  closed_ = true;
  if (keep && wanted_)
    play(*wanted_);
  wanted_.reset();
  if (keep && !played_.empty())
    processor_.library().addRecent(played_);
  processor_.endAudition(keep);
  if (onClose)
    onClose();
}

void LibraryView::update() {
  previous_.reset();
  if (wanted_ && !processor_.rig().isLoading()) {
    const auto file = *wanted_;
    wanted_.reset();
    play(file);
    list_.repaint();
  }
}

void LibraryView::play(const LibraryFile& file) {
  auto& rig = processor_.rig();
  const bool shipped = file.path.isEmpty();
  const juce::File path = shipped ? juce::File() : juce::File::createFileWithoutCheckingPath(file.path);
  played_ = file.key();
  switch (file.kind) {
  case LibraryKind::capture:
    shipped ? rig.loadShipped(target_.place, file.name) : rig.loadModel(target_.place, path);
    break;
  case LibraryKind::cabinet:
    shipped ? rig.loadShippedCabinet(target_.place) : rig.loadCabinet(path, target_.place);
    break;
  case LibraryKind::preset: {
    auto& presets = processor_.presets();
    const auto& entries = presets.entries();
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Presets::Entry& each) {
      return shipped ? each.shipped >= 0 && each.name == file.name : each.shipped < 0 && each.file == path;
    });
    rig.setProblem(entry == entries.end() ? presets.loadFile(path) : presets.load(int(entry - entries.begin())));
    break;
  }
  }
}

std::string LibraryView::playing() const {
  LibraryFile file;
  file.kind = target_.kind;
  if (target_.kind == LibraryKind::preset) {
    const auto entry = processor_.presets().currentEntry();
    if (entry.name.isEmpty())
      return {};
    file.name = entry.name;
    file.path = entry.shipped >= 0 ? juce::String() : entry.file.getFullPathName();
    return file.key();
  }
  const auto contents = processor_.rig().contents();
  if (target_.kind == LibraryKind::capture) {
    const auto& model = contents.models[std::size_t(target_.place)];
    if (model == nullptr)
      return {};
    file.name = model->title();
    file.path = model->path;
  } else {
    const auto& cabinet = target_.place == 0 ? contents.cabinet : contents.secondCabinet;
    if (cabinet == nullptr)
      return {};
    file.name = cabinet->name;
    file.path = cabinet->path;
  }
  return file.key();
}

// What is shown

void LibraryView::changeListenerCallback(juce::ChangeBroadcaster*) {
  marks_ = processor_.library().marks();
  index_ = processor_.library().index();
  updateTags();
  refresh();
}

void LibraryView::refresh() {
  shown_ = index_->find(query_, marks_);
  refreshing_ = true;
  list_.updateContent();
  const int row = rowOf(selected_);
  if (row >= 0)
    list_.selectRow(row, false, true);
  else
    list_.deselectAllRows();
  refreshing_ = false;
  list_.repaint();
  repaint();
}

void LibraryView::updateTags() {
  auto names = index_->tags(target_.kind);
  for (const auto& tag : query_.tags) // a choice stays in sight
    names.addIfNotAlreadyThere(tag);
  if (names == tagNames_)
    return;
  tagNames_ = names;
  tags_.clear();
  for (const auto& tag : tagNames_) {
    auto button =
        std::make_unique<PushButton>("Only files with the tag " + tag, std::nullopt, tag, PushButton::Style::raised);
    button->onClick = [this, tag] { setTag(tag, !query_.tags.contains(tag)); };
    addChildComponent(*button);
    tags_.push_back(std::move(button));
  }
  resized();
}

void LibraryView::setSearch(const juce::String& text) {
  search_.setText(text, false);
  query_.text = text;
  refresh();
}

void LibraryView::setTag(const juce::String& tag, bool wanted) {
  if (wanted)
    query_.tags.addIfNotAlreadyThere(tag);
  else
    query_.tags.removeString(tag);
  resized();
  refresh();
}

void LibraryView::openTagMenu() {
  juce::PopupMenu menu;
  for (std::size_t i = 0; i < tags_.size(); ++i)
    if (const auto tag = tagNames_[int(i)]; !tags_[i]->isVisible())
      menu.addItem(tag, [safe = juce::Component::SafePointer<LibraryView>(this), tag] {
        if (safe != nullptr)
          safe->setTag(tag, true);
      });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(&moreTags_));
}

void LibraryView::setShow(LibraryQuery::Show show) {
  query_.show = show;
  all_.setLit(show == LibraryQuery::Show::all);
  favourites_.setLit(show == LibraryQuery::Show::favourites);
  recent_.setLit(show == LibraryQuery::Show::recent);
  sort_.setEnabled(show != LibraryQuery::Show::recent);
  if (index_ != nullptr)
    refresh();
}

void LibraryView::setSort(LibraryQuery::Sort sort) {
  query_.sort = sort;
  sort_.setText(juce::String("Sort: ") + juce::String(kSortNames[std::size_t(sort)]).toLowerCase());
  if (index_ != nullptr)
    refresh();
}

void LibraryView::openSortMenu() {
  juce::PopupMenu menu;
  for (std::size_t i = 0; i < kSortNames.size(); ++i)
    menu.addItem(kSortNames[i], true, query_.sort == LibraryQuery::Sort(i),
                 [safe = juce::Component::SafePointer<LibraryView>(this), i] {
                   if (safe != nullptr)
                     safe->setSort(LibraryQuery::Sort(i));
                 });
  menu.showMenuAsync(juce::PopupMenu::Options().withTargetComponent(&sort_));
}

const LibraryFile* LibraryView::fileAt(int row) const {
  return row >= 0 && row < numShown() ? &index_->files()[shown_[std::size_t(row)]] : nullptr;
}

int LibraryView::rowOf(const std::string& key) const {
  const auto index = index_->indexOf(key);
  const auto found = index ? std::find(shown_.begin(), shown_.end(), *index) : shown_.end();
  return found == shown_.end() ? -1 : int(found - shown_.begin());
}

void LibraryView::setFavourite(int row, bool favourite) {
  if (const auto* file = fileAt(row))
    processor_.library().setFavourite(file->key(), favourite);
  changeListenerCallback(nullptr);
}

// Mouse and keyboard

void LibraryView::selectedRowsChanged(int row) {
  if (refreshing_)
    return;
  if (const auto* file = fileAt(row)) {
    previous_ = Selection{selected_, wanted_};
    selected_ = file->key();
    wanted_ = file->plays() ? std::optional(*file) : std::nullopt;
  }
}

void LibraryView::listBoxItemClicked(int row, const juce::MouseEvent& event) {
  const auto* file = fileAt(row);
  if (file == nullptr || event.x >= kStarWidth)
    return;
  if (previous_ && selected_ == file->key()) { // the list has selected the row first: the star does not play it
    selected_ = previous_->key;
    wanted_ = previous_->wanted;
  }
  previous_.reset();
  setFavourite(row, !marks_.favourites.contains(file->key()));
}

void LibraryView::listBoxItemDoubleClicked(int row, const juce::MouseEvent& event) {
  if (const auto* file = fileAt(row); file != nullptr && file->plays() && event.x >= kStarWidth)
    close(true);
}

void LibraryView::step(int by) {
  if (numShown() == 0)
    return;
  const int row = list_.getSelectedRow();
  list_.selectRow(row < 0 ? (by > 0 ? 0 : numShown() - 1) : juce::jlimit(0, numShown() - 1, row + by));
}

bool LibraryView::keyPressed(const juce::KeyPress& key) {
  if (key == juce::KeyPress::escapeKey)
    close(false);
  else if (key == juce::KeyPress::returnKey)
    close(true);
  else if (key == juce::KeyPress::downKey)
    step(1);
  else if (key == juce::KeyPress::upKey)
    step(-1);
  else if (key == juce::KeyPress::pageDownKey)
    step(kPageRows);
  else if (key == juce::KeyPress::pageUpKey)
    step(-kPageRows);
  else if (key == juce::KeyPress('d', juce::ModifierKeys::commandModifier, 0)) {
    if (const auto* file = fileAt(selectedRow()))
      setFavourite(selectedRow(), !marks_.favourites.contains(file->key()));
  } else
    return false;
  return true;
}

void LibraryView::chooseFile() {
  const auto& kind = target_.kind;
  auto start = kind == LibraryKind::preset    ? Presets::folder()
               : kind == LibraryKind::cabinet ? Rig::cabinetFolder()
                                              : Rig::modelFolder();
  if (const auto key = playing(); juce::File::isAbsolutePath(juce::String::fromUTF8(key.c_str())))
    start = juce::File(juce::String::fromUTF8(key.c_str())).getParentDirectory();
  if (!start.isDirectory())
    start = juce::File::getSpecialLocation(juce::File::userHomeDirectory);
  browser_.open(titleOf(target_), start,
                kind == LibraryKind::preset    ? "*.vstpreset"
                : kind == LibraryKind::cabinet ? "*.wav;*.aif;*.aiff;*.flac"
                                               : "*.json;*.aidax;*.nam",
                [safe = juce::Component::SafePointer<LibraryView>(this)](const juce::File& chosen) {
                  if (safe == nullptr)
                    return;
                  LibraryFile file;
                  file.kind = safe->target_.kind;
                  file.path = chosen.getFullPathName();
                  safe->selected_ = file.key();
                  safe->wanted_ = file;
                  safe->refresh();
                });
}

// Drawing

juce::String LibraryView::countText() const {
  const auto bad =
      std::count_if(shown_.begin(), shown_.end(), [this](std::size_t i) { return !index_->files()[i].plays(); });
  auto text = pluralOf(target_.kind, numShown());
  if (bad > 0)
    text << ", " << int(bad) << (bad == 1 ? " does not play" : " do not play");
  if (processor_.library().isReading())
    text << between() << "reading new files...";
  if (const auto problem = processor_.library().problem(); problem.isNotEmpty())
    return problem;
  return text;
}

void LibraryView::paint(juce::Graphics& g) {
  g.fillAll(colour::window);
  const auto panel = getLocalBounds().reduced(24, 8).toFloat();
  g.setColour(colour::panel);
  g.fillRoundedRectangle(panel, 12.0f);
  g.setColour(colour::line);
  g.drawRoundedRectangle(panel.reduced(0.5f), 12.0f, 1.0f);
  drawText(g, getTitle(), {48.0f, 20.0f, 500.0f, 32.0f}, font(18.0f, Weight::semiBold), colour::text);
  drawText(g, countText(), {48.0f, float(keep_.getY()), 400.0f, float(keep_.getHeight())}, font(12.5f), colour::faint);
  drawText(g,
           juce::String::fromUTF8("\xe2\x86\x91 \xe2\x86\x93") + " listen" + between() + "Enter keeps" + between() +
               "Esc goes back",
           {460.0f, float(keep_.getY()), 340.0f, float(keep_.getHeight())}, font(12.5f), colour::faint,
           juce::Justification::centredRight);
  if (numShown() == 0) {
    const bool reading = processor_.library().isReading() && query_.text.isEmpty();
    const auto text = reading                                         ? juce::String("Reading the folders...")
                      : query_.show == LibraryQuery::Show::favourites ? "No favourite fits. Click a star in the list."
                      : query_.show == LibraryQuery::Show::recent     ? "Nothing that was loaded fits."
                                                                      : "No file fits. Take a word or a tag away.";
    drawText(g, text, list_.getBounds().toFloat(), font(15.0f), colour::secondary, juce::Justification::centred);
  }
}

void LibraryView::paintOverChildren(juce::Graphics& g) {
  drawIcon(g, Icon::search, search_.getBounds().toFloat().removeFromLeft(40.0f).withSizeKeepingCentre(16.0f, 16.0f),
           colour::secondary);
}

void LibraryView::paintListBoxItem(int row, juce::Graphics& g, int width, int height, bool selected) {
  const auto* file = fileAt(row);
  if (file == nullptr)
    return;
  auto area = juce::Rectangle<int>(width, height).toFloat();
  if (selected) {
    g.setColour(colour::hover);
    g.fillRoundedRectangle(area.reduced(2.0f, 1.0f), 6.0f);
  }
  const bool favourite = marks_.favourites.contains(file->key());
  drawIcon(g, favourite ? Icon::starred : Icon::star,
           area.removeFromLeft(float(kStarWidth)).withSizeKeepingCentre(16.0f, 16.0f),
           favourite ? colour::accent : colour::off);
  if (file->kind == LibraryKind::capture) {
    g.setColour(colourOf(file->tone, file->name).withMultipliedAlpha(file->plays() ? 1.0f : 0.3f));
    g.fillRoundedRectangle(area.removeFromLeft(4.0f).withSizeKeepingCentre(4.0f, 28.0f), 2.0f);
    area.removeFromLeft(12.0f);
  }
  area.removeFromRight(16.0f);
  const auto tags = file->plays() ? file->tags.joinIntoString(between()) : juce::String();
  const auto right = area.removeFromRight(
      juce::jlimit(96.0f, 0.5f * area.getWidth(), widthOf(font(12.5f), tags) + 4.0f)); // whole, where there is room
  area.removeFromRight(16.0f);
  if (file->plays()) {
    drawText(g, tags, right, font(12.5f), colour::secondary, juce::Justification::centredRight);
  } else {
    drawText(g, "Does not play", right, font(12.5f), colour::danger, juce::Justification::centredRight);
  }
  const bool plays = !played_.empty() && file->key() == played_;
  drawText(g, file->name, area.withHeight(22.0f).translated(0.0f, 3.0f), font(14.0f, Weight::medium),
           plays           ? colour::accent
           : file->plays() ? colour::text
                           : colour::secondary);
  juce::StringArray about;
  if (file->maker.isNotEmpty())
    about.add("by " + file->maker);
  about.add(file->device);
  about.removeEmptyStrings();
  drawText(g, file->plays() ? about.joinIntoString(between()) : file->problem,
           area.withTop(23.0f).withHeight(18.0f).withRight(file->plays() ? area.getRight() : right.getRight() - 96.0f),
           font(12.5f), colour::faint);
}

juce::String LibraryView::getNameForRow(int row) {
  const auto* file = fileAt(row);
  if (file == nullptr)
    return {};
  juce::StringArray texts{file->name, file->maker, file->device, file->tags.joinIntoString(", "), file->problem};
  if (marks_.favourites.contains(file->key()))
    texts.add("favourite");
  texts.removeEmptyStrings();
  return texts.joinIntoString(", ");
}

juce::String LibraryView::getTooltipForRow(int row) {
  const auto* file = fileAt(row);
  return file != nullptr ? file->problem : juce::String();
}

void LibraryView::resized() {
  auto area = getLocalBounds().reduced(24, 8).reduced(24, 12);
  auto top = area.removeFromTop(32);
  open_.setBounds(top.removeFromRight(128));
  area.removeFromTop(8);
  auto row = area.removeFromTop(36);
  search_.setBounds(row.removeFromLeft(440));
  row.removeFromLeft(16);
  all_.setBounds(row.removeFromLeft(48));
  favourites_.setBounds(row.removeFromLeft(120));
  recent_.setBounds(row.removeFromLeft(80));
  sort_.setBounds(row.removeFromRight(168));
  area.removeFromTop(8);
  auto chips = area.removeFromTop(28);
  // Those chosen first, so that they stay in sight; what finds no room is in the menu behind.
  constexpr int kBetween = 8, kMore = 80;
  const auto widthOfTag = [this](std::size_t i) {
    return int(widthOf(font(13.0f, Weight::medium), tagNames_[int(i)])) + 24;
  };
  std::vector<std::size_t> order(tags_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_partition(order.begin(), order.end(), [this](auto i) { return query_.tags.contains(tagNames_[int(i)]); });
  int all = -kBetween;
  for (const auto i : order)
    all += widthOfTag(i) + kBetween;
  moreTags_.setVisible(all > chips.getWidth());
  if (moreTags_.isVisible())
    moreTags_.setBounds(chips.removeFromRight(kMore));
  bool full = false;
  for (const auto i : order) {
    const int width = widthOfTag(i);
    full = full || width + (moreTags_.isVisible() ? kBetween : 0) > chips.getWidth();
    tags_[i]->setVisible(!full);
    tags_[i]->setLit(query_.tags.contains(tagNames_[int(i)]));
    if (!full)
      tags_[i]->setBounds(chips.removeFromLeft(width));
    chips.removeFromLeft(kBetween);
  }
  area.removeFromTop(8);
  auto foot = area.removeFromBottom(32);
  keep_.setBounds(foot.removeFromRight(96));
  foot.removeFromRight(8);
  cancel_.setBounds(foot.removeFromRight(96));
  area.removeFromBottom(8);
  list_.setBounds(area.withHeight(area.getHeight() / kRowHeight * kRowHeight)); // of whole rows
}

std::unique_ptr<juce::AccessibilityHandler> LibraryView::createAccessibilityHandler() {
  return std::make_unique<juce::AccessibilityHandler>(*this, juce::AccessibilityRole::group);
}

} // namespace fxtrain::ui
