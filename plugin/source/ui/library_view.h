// SPDX-License-Identifier: MIT
#pragma once

#include "capture_card.h"

#include <memory>
#include <optional>
#include <vector>

namespace fxtrain::ui {

/** The library over the panels: search, tags, favourites, and a list whose files play as they are stepped through.

    Enter keeps what plays, and so does whatever closes the view from outside; Escape goes back to what played before.
 */
class LibraryView : public juce::Component,
                    private juce::KeyListener,
                    private juce::ListBoxModel,
                    private juce::ChangeListener {
 public:
  LibraryView(PluginProcessor& processor, Browser& browser, const Browser::Target& target);
  ~LibraryView() override;

  /** Plays what is selected as soon as the load before is done: a held arrow key must not queue loads. */
  void update();
  void grabKeyboard();
  void close(bool keep);
  std::function<void()> onClose;

  bool keyPressed(const juce::KeyPress& key) override;
  void paint(juce::Graphics& g) override;
  void paintOverChildren(juce::Graphics& g) override;
  void resized() override;
  std::unique_ptr<juce::AccessibilityHandler> createAccessibilityHandler() override;

  // What it shows, for tests as well.
  void setSearch(const juce::String& text);
  void setTag(const juce::String& tag, bool wanted);
  void setShow(LibraryQuery::Show show);
  void setSort(LibraryQuery::Sort sort);
  int numShown() const { return int(shown_.size()); }
  const LibraryFile* fileAt(int row) const; ///< null where there is none
  int selectedRow() const { return list_.getSelectedRow(); }
  void setFavourite(int row, bool favourite);

 private:
  bool keyPressed(const juce::KeyPress& key, juce::Component*) override { return keyPressed(key); }
  int getNumRows() override { return numShown(); }
  void paintListBoxItem(int row, juce::Graphics& g, int width, int height, bool selected) override;
  void listBoxItemClicked(int row, const juce::MouseEvent& event) override;
  void listBoxItemDoubleClicked(int row, const juce::MouseEvent& event) override;
  void selectedRowsChanged(int row) override;
  juce::String getNameForRow(int row) override;
  juce::String getTooltipForRow(int row) override; ///< the whole reason where a file does not play
  void changeListenerCallback(juce::ChangeBroadcaster*) override;

  void refresh(); ///< searches again; what was selected stays so
  void updateTags();
  void openTagMenu();
  void step(int by);
  void play(const LibraryFile& file);
  std::string playing() const; ///< key of what the target holds; "" for none of the library
  void openSortMenu();
  void chooseFile();
  juce::String countText() const;
  int rowOf(const std::string& key) const;

  PluginProcessor& processor_;
  Browser& browser_;
  Browser::Target target_;
  std::shared_ptr<const LibraryIndex> index_;
  LibraryMarks marks_;
  LibraryQuery query_;
  std::vector<std::size_t> shown_; // indices into index_
  std::string selected_;           // key
  std::string played_;             // key of what was played last; "": nothing yet
  std::optional<LibraryFile> wanted_;
  struct Selection {
    std::string key;
    std::optional<LibraryFile> wanted;
  };
  std::optional<Selection> previous_; // before a click that has selected a row
  bool refreshing_ = false, closed_ = false;

  juce::TextEditor search_;
  PushButton all_, favourites_, recent_, sort_, open_, cancel_, keep_;
  std::vector<std::unique_ptr<PushButton>> tags_;
  PushButton moreTags_; ///< where not all of them find room
  juce::StringArray tagNames_;
  juce::ListBox list_;
};

} // namespace fxtrain::ui
