// SPDX-License-Identifier: MIT
#include "library.h"

#include "model_file.h"
#include "presets.h"
#include "rig.h"
#include "shipped.h"
#include "state.h"
#include "vst_preset.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace fxtrain {
namespace {

constexpr juce::uint32 kPublishMs = 300;                    // at least, between two publications while files are read
constexpr juce::uint32 kReadPerPublish = 5;                 // times as long is spent on reading as on publishing
constexpr int kLongestWaitMs = 2000;                        // for another process that writes the settings
constexpr std::int64_t kMostBytes = std::int64_t{64} << 20; // of the index and the settings

void addTag(LibraryFile& file, const juce::String& tag) {
  if (tag.isNotEmpty())
    file.tags.addIfNotAlreadyThere(tag);
}

void describe(LibraryFile& file, const ModelFile& model) {
  file.name = model.title();
  file.maker = model.author();
  file.device = model.device();
  file.gear = model.gearType();
  file.tone = model.toneType();
  file.loudspeaker = model.needsCabinet() ? "no loudspeaker" : model.hasCabinet() ? "with loudspeaker" : juce::String();
  for (const auto& tag : {file.gear, file.tone, file.loudspeaker})
    addTag(file, tag);
}

void describe(LibraryFile& file, const CabinetFile& cabinet) {
  file.name = cabinet.name;
  const auto& channels = cabinet.response.channels;
  file.device =
      juce::String(juce::roundToInt(1e3 * double(channels.front().size()) / cabinet.response.sampleRate)) + " ms";
  addTag(file, channels.size() == 1 ? "mono" : "stereo");
}

void describe(LibraryFile& file, const State& preset) {
  juce::StringArray captures;
  bool hasPedal = false;
  const auto& models = preset.contents.models;
  for (std::size_t i = 0; i < models.size(); ++i) { // the way of the signal: pedals first
    const auto slot = (i + std::size_t(Rig::pedalSlot(0))) % models.size();
    if (models[slot] == nullptr)
      continue;
    captures.add(models[slot]->title());
    addTag(file, models[slot]->toneType());
    hasPedal = hasPedal || Rig::isPedal(int(slot));
  }
  file.device = captures.joinIntoString(", ");
  if (hasPedal)
    addTag(file, "with pedal");
  file.loudspeaker = preset.contents.cabinet != nullptr ? "with loudspeaker" : "";
  addTag(file, file.loudspeaker);
}

struct Kind {
  LibraryKind kind;
  const char* suffixes;
};

constexpr Kind kKinds[] = {{LibraryKind::capture, ".json;.aidax;.nam"},
                           {LibraryKind::cabinet, ".wav;.flac;.aif;.aiff"},
                           {LibraryKind::preset, vst_preset::kSuffix}};

/** What a file may be, by its name. */
std::optional<LibraryKind> kindOf(const juce::File& file) {
  for (const auto& each : kKinds)
    if (file.hasFileExtension(each.suffixes))
      return each.kind;
  return std::nullopt;
}

/** Opens a file and says what it is, or why it does not play. */
void read(LibraryFile& entry) {
  const auto file = juce::File::createFileWithoutCheckingPath(entry.path);
  entry.name = file.getFileNameWithoutExtension();
  try {
    switch (entry.kind) {
    case LibraryKind::capture:
      describe(entry, *ModelFile::read(file));
      if (entry.name == "model") // as `fit` calls every model: the folder tells more
        entry.name = file.getParentDirectory().getFileName();
      break;
    case LibraryKind::cabinet:
      describe(entry, *CabinetFile::read(file));
      break;
    case LibraryKind::preset: {
      const auto bytes = vst_preset::read(file);
      describe(entry, State::decode(bytes.getData(), bytes.getSize()));
      break;
    }
    }
  } catch (const std::exception& error) {
    entry.problem = juce::String::fromUTF8(error.what());
  }
}

/** What comes with the plugin. */
const std::vector<LibraryFile>& shippedFiles() {
  static const std::vector<LibraryFile> all = [] {
    std::vector<LibraryFile> files;
    const auto& shipped = Shipped::get();
    for (const auto& model : shipped.models)
      describe(files.emplace_back(), *model);
    if (shipped.cabinet != nullptr) {
      files.emplace_back().kind = LibraryKind::cabinet;
      describe(files.back(), *shipped.cabinet);
    }
    for (int i = 0; i < Presets::numShipped(); ++i) {
      files.emplace_back().kind = LibraryKind::preset;
      describe(files.back(), *Presets::shipped(i));
      files.back().name = Presets::shippedName(i);
    }
    for (auto& file : files)
      addTag(file, "shipped");
    return files;
  }();
  return all;
}

juce::String readText(const juce::File& file) {
  return isRegularFile(file) && file.getSize() <= kMostBytes ? file.loadFileAsString() : juce::String();
}

} // namespace

juce::File Library::indexFile() { return Rig::modelFolder().getSiblingFile("library.json"); }
juce::File Library::settingsFile() { return Rig::modelFolder().getSiblingFile("library-settings.json"); }

Library::~Library() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void Library::start() {
  if (!thread_.joinable())
    thread_ = std::thread([this] { run(); });
  wake_.notify_all();
}

void Library::open() {
  const std::lock_guard lock(mutex_);
  start();
}

void Library::refresh() {
  const std::lock_guard lock(mutex_);
  wantsRefresh_ = true;
  reading_ = true;
  start();
}

std::shared_ptr<const LibraryIndex> Library::index() const {
  const std::lock_guard lock(mutex_);
  return index_;
}

LibraryMarks Library::marks() const {
  const std::lock_guard lock(mutex_);
  return settings_.marks;
}

std::vector<juce::File> Library::folders() const {
  const std::lock_guard lock(mutex_);
  return settings_.folders;
}

juce::String Library::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Library::edit(Edit edit) {
  {
    const std::lock_guard lock(mutex_);
    edit(settings_);
    edits_.push_back(std::move(edit));
    wantsWrite_ = true;
    start();
  }
  sendChangeMessage();
}

void Library::setFavourite(const std::string& key, bool favourite) {
  edit([key, favourite](Settings& settings) {
    if (favourite)
      settings.marks.favourites.insert(key);
    else
      settings.marks.favourites.erase(key);
  });
}

void Library::addRecent(const std::string& key) {
  edit([key](Settings& settings) {
    auto& recent = settings.marks.recent;
    std::erase(recent, key);
    recent.insert(recent.begin(), key);
    if (recent.size() > kMostRecent)
      recent.resize(kMostRecent);
  });
}

void Library::addFolder(const juce::File& folder) {
  edit([folder](Settings& settings) {
    auto& folders = settings.folders;
    if (std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(folder);
  });
  refresh();
}

void Library::removeFolder(const juce::File& folder) {
  edit([folder](Settings& settings) { std::erase(settings.folders, folder); });
  refresh();
}

bool Library::isEnding() const {
  const std::lock_guard lock(mutex_);
  return ending_;
}

void Library::run() {
  juce::Thread::setCurrentThreadName("fxtrain library");
  takeSettings();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || wantsRefresh_ || wantsWrite_; });
    if (wantsWrite_) {
      wantsWrite_ = false;
      lock.unlock();
      writeSettings();
      lock.lock();
    }
    if (ending_)
      return;
    if (wantsRefresh_) {
      wantsRefresh_ = false;
      lock.unlock();
      takeSettings();
      readFolders();
      lock.lock();
      reading_ = wantsRefresh_;
      sendChangeMessage();
    }
  }
}

Library::Settings Library::readSettings() {
  const auto document = nlohmann::json::parse(readText(settingsFile()).toStdString(), nullptr, false);
  const auto texts = [&document](const char* key) {
    std::vector<std::string> all;
    if (document.is_object())
      if (const auto found = document.find(key); found != document.end() && found->is_array())
        for (const auto& each : *found)
          if (each.is_string())
            all.push_back(each.get<std::string>());
    return all;
  };
  Settings settings;
  auto& [marks, folders] = settings;
  for (const auto& path : texts("folders"))
    if (const auto text = juce::String::fromUTF8(path.c_str()); juce::File::isAbsolutePath(text))
      if (const juce::File folder(text); std::find(folders.begin(), folders.end(), folder) == folders.end())
        folders.push_back(folder);
  for (const auto& key : texts("favourites"))
    marks.favourites.insert(key);
  for (const auto& key : texts("recent"))
    if (marks.recent.size() < kMostRecent &&
        std::find(marks.recent.begin(), marks.recent.end(), key) == marks.recent.end())
      marks.recent.push_back(key);
  return settings;
}

void Library::takeSettings() {
  auto settings = readSettings();
  const std::lock_guard lock(mutex_);
  for (const auto& edit : edits_) // what the player has done meanwhile stays
    edit(settings);
  settings_ = std::move(settings);
}

void Library::writeSettings() {
  std::vector<Edit> edits;
  {
    const std::lock_guard lock(mutex_);
    edits = edits_;
  }
  juce::InterProcessLock others("fxtrain library settings"); // a host and the application, for example
  others.enter(kLongestWaitMs);
  auto settings = readSettings();
  for (const auto& edit : edits)
    edit(settings);
  nlohmann::json document = {{"folders", nlohmann::json::array()}};
  for (const auto& folder : settings.folders)
    document["folders"].push_back(folder.getFullPathName().toStdString());
  document["favourites"] = std::set<std::string>(settings.marks.favourites.begin(), settings.marks.favourites.end());
  document["recent"] = settings.marks.recent;
  settingsFile().getParentDirectory().createDirectory();
  const bool kept = settingsFile().replaceWithText(
      juce::String::fromUTF8(document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace).c_str()) + "\n",
      false, false, "\n");
  const std::lock_guard lock(mutex_);
  if (kept) { // else the next change tries again
    edits_.erase(edits_.begin(), edits_.begin() + std::ptrdiff_t(edits.size()));
    problem_ = {};
  } else {
    problem_ = "Favourites and folders are lost when the plugin closes: " + settingsFile().getFullPathName() +
               " cannot be written.";
  }
}

void Library::publish(std::vector<LibraryFile> files) {
  const auto& shipped = shippedFiles();
  files.insert(files.end(), shipped.begin(), shipped.end());
  auto index = std::make_shared<const LibraryIndex>(std::move(files));
  {
    const std::lock_guard lock(mutex_);
    index_ = std::move(index);
  }
  sendChangeMessage();
}

void Library::readFolders() {
  std::map<juce::String, LibraryFile> known;
  if (auto files = LibraryIndex::decode(readText(indexFile()).toStdString(), FXTRAIN_VERSION))
    for (auto& file : *files)
      known.emplace(file.path, std::move(file));

  // In fxtrain's own folders a file is what the folder is for; a .json among the presets is not a capture.
  struct Place {
    juce::File folder;
    std::optional<LibraryKind> kind;
  };
  std::vector<Place> places = {{Rig::modelFolder(), LibraryKind::capture},
                               {Rig::cabinetFolder(), LibraryKind::cabinet},
                               {Presets::folder(), LibraryKind::preset}};
  for (const auto& folder : folders())
    places.push_back({folder, std::nullopt});
  std::vector<LibraryFile> files;
  std::vector<LibraryFile> unread;
  std::set<juce::String> seen;
  for (const auto& place : places) {
    if (!place.folder.isDirectory())
      continue;
    for (const auto& each :
         juce::RangedDirectoryIterator(place.folder, true, "*", juce::File::findFiles | juce::File::ignoreHiddenFiles,
                                       juce::File::FollowSymlinks::noCycles)) {
      const auto kind = kindOf(each.getFile());
      if (!kind || (place.kind && *kind != *place.kind) || !seen.insert(each.getFile().getFullPathName()).second)
        continue;
      LibraryFile file;
      file.kind = *kind;
      file.path = each.getFile().getFullPathName();
      file.modified = each.getModificationTime().toMilliseconds();
      file.size = each.getFileSize();
      const auto before = known.find(file.path);
      if (before != known.end() && before->second.kind == file.kind && before->second.modified == file.modified &&
          before->second.size == file.size)
        files.push_back(before->second);
      else
        unread.push_back(std::move(file));
      if (isEnding())
        return;
    }
  }
  publish(files);
  auto last = juce::Time::getMillisecondCounter();
  auto interval = kPublishMs;
  for (auto& file : unread) {
    read(file);
    ++numRead_;
    files.push_back(std::move(file));
    if (isEnding())
      break; // what has been read is kept
    if (const auto now = juce::Time::getMillisecondCounter(); now - last > interval) {
      publish(files);
      last = juce::Time::getMillisecondCounter();
      interval = std::max(kPublishMs, kReadPerPublish * (last - now));
    }
  }
  if (!unread.empty() || files.size() != known.size()) {
    indexFile().getParentDirectory().createDirectory();
    const auto text = LibraryIndex::encode(files, FXTRAIN_VERSION);
    indexFile().replaceWithData(text.data(), text.size()); // without it, all files are read again next time
  }
  if (!unread.empty())
    publish(std::move(files));
}

} // namespace fxtrain
