// SPDX-License-Identifier: MIT
#pragma once

#include "library_index.h"

#include <juce_events/juce_events.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace fxtrain {

/** The captures, cabinets and presets on this computer: one for all instances of the plugin in a process.

    A thread of its own looks through the folders and reads what is new or has changed; the rest comes from the index, a
    file beside the folders (indexFile()), which `fxtrain models --installed` reads and renews too. Listeners
    (ChangeBroadcaster) are told on the message thread of every change, several times a second while files are read.
    Methods are for any thread but the audio thread; none waits for a file. */
class Library : public juce::ChangeBroadcaster {
 public:
  Library() = default;
  ~Library() override; ///< waits for the file under way

  /** Reads the settings, unless that has happened already. Returns at once. */
  void open();
  /** Looks through the folders, again if that has happened already. Returns at once. */
  void refresh();
  bool isReading() const noexcept { return reading_.load(); } ///< refresh() is under way

  std::shared_ptr<const LibraryIndex> index() const; ///< as far as it is known
  LibraryMarks marks() const;
  void setFavourite(const std::string& key, bool favourite);
  void addRecent(const std::string& key); ///< it was loaded

  /** Folders beside those of fxtrain itself; all kinds of files in them and below are listed. */
  std::vector<juce::File> folders() const;
  void addFolder(const juce::File& folder);
  void removeFolder(const juce::File& folder);

  /** A sentence if favourites and folders cannot be saved; "" if they can. */
  juce::String problem() const;

  /** Files that were opened since this was made: those that the index did not know. */
  int numRead() const noexcept { return numRead_.load(); }

  static juce::File indexFile();
  static juce::File settingsFile(); ///< folders, favourites and recent files
  static constexpr std::size_t kMostRecent = 50;

 private:
  struct Settings {
    LibraryMarks marks;
    std::vector<juce::File> folders;
  };
  using Edit = std::function<void(Settings&)>;

  void run();
  void edit(Edit edit);
  static Settings readSettings();
  void takeSettings();  ///< those that others have written, with the edits that are not written yet
  void writeSettings(); ///< the edits, into what others have written meanwhile
  void readFolders();
  void publish(std::vector<LibraryFile> files);
  void start(); ///< with the lock
  bool isEnding() const;

  mutable std::mutex mutex_; // all below that is not atomic; held for moments only
  std::condition_variable wake_;
  std::shared_ptr<const LibraryIndex> index_ = std::make_shared<const LibraryIndex>();
  Settings settings_;
  std::vector<Edit> edits_; // those that are not in the file
  juce::String problem_;
  bool wantsRefresh_ = false, wantsWrite_ = false, ending_ = false;
  std::atomic<bool> reading_{false};
  std::atomic<int> numRead_{0};
  std::thread thread_;
};

} // namespace fxtrain
