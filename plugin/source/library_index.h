// SPDX-License-Identifier: MIT
#pragma once

#include <juce_core/juce_core.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace fxtrain {

enum class LibraryKind { capture, cabinet, preset };

/** One capture, cabinet or preset of the library. */
struct LibraryFile {
  LibraryKind kind = LibraryKind::capture;
  juce::String path;         ///< "" for one that comes with the plugin
  std::int64_t modified = 0; ///< milliseconds since 1970
  std::int64_t size = 0;     ///< bytes
  juce::String name;         ///< the title that the file states, else the file's name without suffix
  juce::String maker;        ///< "" where the file does not say, as for the rest
  juce::String device;       ///< what was captured; of a preset, its captures
  juce::String gear;         ///< in plain words: "pedal", "amp with cabinet"
  juce::String tone;         ///< in plain words: "clean", "high gain"
  juce::String loudspeaker;  ///< "no loudspeaker", "with loudspeaker"
  juce::StringArray tags;    ///< gear, tone and loudspeaker; of a cabinet, its channels
  juce::String problem;      ///< a sentence about why it does not play; "": it plays

  bool plays() const { return problem.isEmpty(); }
  /** What favourites and recent files are kept by: the path, or kind and name of one that is shipped. */
  std::string key() const;
  bool operator==(const LibraryFile&) const = default;
};

/** What the player has marked. */
struct LibraryMarks {
  std::unordered_set<std::string> favourites; ///< keys
  std::vector<std::string> recent;            ///< keys, the latest first
  bool operator==(const LibraryMarks&) const = default;
};

struct LibraryQuery {
  enum class Sort { name, maker, device, newest };
  enum class Show { all, favourites, recent }; ///< recent ones are sorted by when they were loaded

  LibraryKind kind = LibraryKind::capture;
  juce::String text; ///< words, all of which occur in name, maker, device, tags or the names of file and folder
  juce::StringArray tags;
  Sort sort = Sort::name;
  Show show = Show::all;
};

/** All files of the library, ready to be searched. Immutable once made; shared between threads.

    To make one of 5000 files takes a tenth of a second or so, to search it about a millisecond: names are sorted and
    letters are folded beforehand. */
class LibraryIndex {
 public:
  LibraryIndex() = default;
  explicit LibraryIndex(std::vector<LibraryFile> files);

  const std::vector<LibraryFile>& files() const noexcept { return files_; } ///< sorted by name

  /** Indices into files(), in the order to be shown. Files that do not play are among them. */
  std::vector<std::size_t> find(const LibraryQuery& query, const LibraryMarks& marks = {}) const;

  /** Tags of a kind, the most frequent first. */
  const juce::StringArray& tags(LibraryKind kind) const { return tags_[std::size_t(kind)]; }

  /** Index into files(); nothing where there is no such file. */
  std::optional<std::size_t> indexOf(const std::string& key) const;

  /** The JSON that the index is kept as; shipped files are left out.
      @param version  of what read the files: another version may play more */
  static std::string encode(const std::vector<LibraryFile>& files, const juce::String& version);
  /** Nothing where the text is no index, or one of another version. Damaged entries are passed over. */
  static std::optional<std::vector<LibraryFile>> decode(const std::string& text, const juce::String& version);

 private:
  static constexpr std::size_t kNumSorts = 4;
  std::vector<LibraryFile> files_;
  std::vector<std::string> keys_, searched_;               ///< by file; what is searched, in lower case
  std::array<std::vector<std::size_t>, kNumSorts> orders_; ///< by LibraryQuery::Sort
  std::unordered_map<std::string, std::size_t> byKey_;
  std::array<juce::StringArray, 3> tags_; // by kind
};

} // namespace fxtrain
