// SPDX-License-Identifier: MIT
#include "library_index.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <numeric>

namespace fxtrain {
namespace {

constexpr int kFormatVersion = 1;
constexpr std::array<const char*, 3> kKindNames = {"capture", "cabinet", "preset"};

const char* nameOf(LibraryKind kind) { return kKindNames[std::size_t(kind)]; }

/** The texts of an entry by their keys in JSON. */
constexpr std::pair<const char*, juce::String LibraryFile::*> kTexts[] = {{"path", &LibraryFile::path},
                                                                          {"name", &LibraryFile::name},
                                                                          {"maker", &LibraryFile::maker},
                                                                          {"device", &LibraryFile::device},
                                                                          {"gear", &LibraryFile::gear},
                                                                          {"tone", &LibraryFile::tone},
                                                                          {"loudspeaker", &LibraryFile::loudspeaker},
                                                                          {"problem", &LibraryFile::problem}};

/** The names of a file and its folder, which are searched too. */
juce::String namesIn(const juce::String& path) {
  if (path.isEmpty())
    return {};
  const auto file = juce::File::createFileWithoutCheckingPath(path);
  return file.getFileName() + "\n" + file.getParentDirectory().getFileName();
}

/** In lower case: Latin, Greek and Cyrillic. What JUCE and C have depends on the locale, which is the host's. */
std::string folded(const juce::String& text) {
  juce::String lower;
  lower.preallocateBytes(text.getNumBytesAsUTF8());
  for (auto at = text.getCharPointer(); !at.isEmpty(); ++at) {
    auto letter = *at;
    const auto isIn = [letter](juce::juce_wchar first, juce::juce_wchar last) {
      return letter >= first && letter <= last;
    };
    if (isIn('A', 'Z') || (isIn(0xc0, 0xde) && letter != 0xd7) || isIn(0x391, 0x3a9) || isIn(0x410, 0x42f))
      letter += 0x20;
    else if (isIn(0x400, 0x40f))
      letter += 0x50;
    else if ((isIn(0x100, 0x12f) || isIn(0x132, 0x137) || isIn(0x14a, 0x177)) && letter % 2 == 0)
      letter += 1;
    else if ((isIn(0x139, 0x148) || isIn(0x179, 0x17e)) && letter % 2 == 1)
      letter += 1;
    lower += letter;
  }
  return lower.toStdString();
}

/** Those of a kind, the most frequent first. */
juce::StringArray tagsOf(const std::vector<LibraryFile>& files, LibraryKind kind) {
  std::map<juce::String, int> counts;
  for (const auto& file : files)
    if (file.kind == kind)
      for (const auto& tag : file.tags)
        ++counts[tag];
  std::vector<std::pair<juce::String, int>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  juce::StringArray tags;
  for (const auto& [tag, count] : sorted)
    tags.add(tag);
  return tags;
}

/** Nothing where a field is missing or of another type. */
std::optional<LibraryFile> decodeFile(const nlohmann::json& entry) {
  if (!entry.is_object())
    return std::nullopt;
  LibraryFile file;
  for (const auto& [key, member] : kTexts) {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_string())
      return std::nullopt;
    file.*member = juce::String::fromUTF8(found->get_ref<const std::string&>().c_str());
  }
  const auto number = [&entry](const char* key) -> std::optional<std::int64_t> {
    const auto found = entry.find(key);
    return found != entry.end() && found->is_number_integer() ? std::optional(found->get<std::int64_t>())
                                                              : std::nullopt;
  };
  const auto modified = number("modified"), size = number("size");
  const auto kind = entry.find("kind"), tags = entry.find("tags");
  if (!modified || !size || kind == entry.end() || !kind->is_string() || tags == entry.end() || !tags->is_array())
    return std::nullopt;
  file.modified = *modified;
  file.size = *size;
  const auto known = std::find(kKindNames.begin(), kKindNames.end(), kind->get_ref<const std::string&>());
  if (known == kKindNames.end() || file.path.isEmpty())
    return std::nullopt;
  file.kind = LibraryKind(known - kKindNames.begin());
  for (const auto& tag : *tags)
    if (tag.is_string())
      file.tags.add(juce::String::fromUTF8(tag.get_ref<const std::string&>().c_str()));
  return file;
}

} // namespace

std::string LibraryFile::key() const {
  return path.isNotEmpty() ? path.toStdString() : std::string(nameOf(kind)) + ":" + name.toStdString();
}

LibraryIndex::LibraryIndex(std::vector<LibraryFile> files) : files_(std::move(files)) {
  std::stable_sort(files_.begin(), files_.end(), [](const LibraryFile& a, const LibraryFile& b) {
    const int order = a.name.compareNatural(b.name);
    return order != 0 ? order < 0 : a.path < b.path;
  });
  keys_.reserve(files_.size());
  searched_.reserve(files_.size());
  for (const auto& file : files_) {
    byKey_.emplace(file.key(), keys_.size());
    keys_.push_back(file.key());
    juce::StringArray texts{file.name, file.maker, file.device, namesIn(file.path)};
    texts.addArray(file.tags);
    searched_.push_back(folded(texts.joinIntoString("\n")));
  }
  for (auto& order : orders_) {
    order.resize(files_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
  }
  // What says nothing comes last.
  const auto sortBy = [this](LibraryQuery::Sort sort, juce::String LibraryFile::*member) {
    std::stable_sort(orders_[std::size_t(sort)].begin(), orders_[std::size_t(sort)].end(),
                     [&](std::size_t a, std::size_t b) {
                       const auto &first = files_[a].*member, &second = files_[b].*member;
                       if (first.isEmpty() != second.isEmpty())
                         return second.isEmpty();
                       return first.compareIgnoreCase(second) < 0;
                     });
  };
  sortBy(LibraryQuery::Sort::maker, &LibraryFile::maker);
  sortBy(LibraryQuery::Sort::device, &LibraryFile::device);
  auto& newest = orders_[std::size_t(LibraryQuery::Sort::newest)];
  std::stable_sort(newest.begin(), newest.end(),
                   [this](std::size_t a, std::size_t b) { return files_[a].modified > files_[b].modified; });
  for (std::size_t kind = 0; kind < tags_.size(); ++kind)
    tags_[kind] = tagsOf(files_, LibraryKind(kind));
}

std::vector<std::size_t> LibraryIndex::find(const LibraryQuery& query, const LibraryMarks& marks) const {
  std::vector<std::string> words;
  for (const auto& word : juce::StringArray::fromTokens(query.text, " \t\n", ""))
    if (word.isNotEmpty())
      words.push_back(folded(word));
  const auto matches = [&](std::size_t i) {
    const auto& file = files_[i];
    return file.kind == query.kind &&
           std::all_of(words.begin(), words.end(),
                       [&](const std::string& word) { return searched_[i].find(word) != std::string::npos; }) &&
           std::all_of(query.tags.begin(), query.tags.end(),
                       [&](const juce::String& tag) { return file.tags.contains(tag); }) &&
           (query.show != LibraryQuery::Show::favourites || marks.favourites.contains(keys_[i]));
  };
  std::vector<std::size_t> found;
  if (query.show == LibraryQuery::Show::recent) {
    for (const auto& key : marks.recent)
      if (const auto known = byKey_.find(key); known != byKey_.end() && matches(known->second))
        found.push_back(known->second);
    return found;
  }
  const auto& order = orders_[std::size_t(query.sort)];
  std::copy_if(order.begin(), order.end(), std::back_inserter(found), matches);
  return found;
}

std::optional<std::size_t> LibraryIndex::indexOf(const std::string& key) const {
  const auto found = byKey_.find(key);
  return found == byKey_.end() ? std::nullopt : std::optional(found->second);
}

std::string LibraryIndex::encode(const std::vector<LibraryFile>& files, const juce::String& version) {
  auto entries = nlohmann::json::array();
  for (const auto& file : files) {
    if (file.path.isEmpty())
      continue;
    nlohmann::json entry = {{"kind", nameOf(file.kind)}, {"modified", file.modified}, {"size", file.size}};
    for (const auto& [key, member] : kTexts)
      entry[key] = (file.*member).toStdString();
    entry["tags"] = nlohmann::json::array();
    for (const auto& tag : file.tags)
      entry["tags"].push_back(tag.toStdString());
    entries.push_back(std::move(entry));
  }
  const nlohmann::json document = {
      {"format", kFormatVersion}, {"version", version.toStdString()}, {"files", std::move(entries)}};
  return document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<std::vector<LibraryFile>> LibraryIndex::decode(const std::string& text, const juce::String& version) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object() || document.value("format", nlohmann::json()) != kFormatVersion ||
      document.value("version", nlohmann::json()) != version.toStdString() || !document.contains("files") ||
      !document["files"].is_array())
    return std::nullopt;
  std::vector<LibraryFile> files;
  for (const auto& entry : document["files"])
    if (auto file = decodeFile(entry))
      files.push_back(std::move(*file));
  return files;
}

} // namespace fxtrain
