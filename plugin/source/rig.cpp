// SPDX-License-Identifier: MIT
#include "rig.h"

#include "shipped.h"

namespace fxtrain {
namespace {

juce::File dataFolder() {
#if JUCE_LINUX || JUCE_BSD
  const auto folder = juce::SystemStats::getEnvironmentVariable("XDG_DATA_HOME", {});
  const auto base = juce::File::isAbsolutePath(folder) ? juce::File(folder) : juce::File("~/.local/share");
#elif JUCE_MAC
  const auto base = juce::File("~/Library/Application Support");
#else
  const auto base = juce::File::getSpecialLocation(juce::File::userApplicationDataDirectory);
#endif
  return base.getChildFile("fxtrain");
}

/** Files of a folder that match, in the order a browser shows them. */
juce::Array<juce::File> filesOf(const juce::File& folder, const juce::String& pattern) {
  auto files = folder.findChildFiles(juce::File::findFiles, false, pattern);
  std::sort(files.begin(), files.end(), [](const juce::File& a, const juce::File& b) {
    return a.getFileName().compareNatural(b.getFileName()) < 0;
  });
  return files;
}

/** The next model or cabinet that plays, in steps of `step`: among its folder's files, or, for one that is shipped,
   lies at home or whose folder is gone, among the shipped ones and those at home.
    @param current  null: none; becomes the neighbour
    @return  a sentence about those passed over; "" where there are none
    @throws FileError  where none can be used; `current` stays */
template <class T>
juce::String toNeighbour(std::shared_ptr<const T>& current, const std::vector<std::shared_ptr<const T>>& shipped,
                         const juce::File& home, const juce::String& pattern, int step) {
  const auto file = current != nullptr && current->path.isNotEmpty()
                        ? juce::File::createFileWithoutCheckingPath(current->path)
                        : juce::File();
  const bool elsewhere =
      file != juce::File() && file.getParentDirectory() != home && file.getParentDirectory().isDirectory();
  const auto files = filesOf(elsewhere ? file.getParentDirectory() : home, pattern);
  const int numShipped = elsewhere ? 0 : int(shipped.size());
  const int count = numShipped + files.size();
  if (count == 0)
    throw FileError("There is nothing to play in " + (elsewhere ? file.getParentDirectory() : home).getFullPathName() +
                    ": load a file with the folder button.");
  int at = -1;
  for (int i = 0; i < numShipped && current != nullptr; ++i)
    if (current->path.isEmpty() && shipped[std::size_t(i)]->sha256 == current->sha256)
      at = i;
  if (file != juce::File() && files.contains(file))
    at = numShipped + files.indexOf(file);
  int next = at < 0 ? (step > 0 ? 0 : count - 1) : ((at + step) % count + count) % count;
  juce::StringArray passed;
  for (int tried = 0; tried < count && next != at; ++tried) {
    if (next < numShipped) {
      current = shipped[std::size_t(next)];
      break;
    }
    try {
      current = T::read(files[next - numShipped]);
      break;
    } catch (const FileError& error) {
      passed.add(juce::String::fromUTF8(error.what()));
    }
    next = ((next + step) % count + count) % count;
    if (tried == count - 1 || next == at)
      throw FileError("No other file here can be played: " + passed[0]);
  }
  if (passed.isEmpty())
    return {};
  return (passed.size() == 1 ? juce::String("Skipped a file: ")
                             : "Skipped " + juce::String(passed.size()) + " files, the first: ") +
         passed[0];
}

double tailOf(const RigContents& contents) {
  const auto secondsOf = [](const std::shared_ptr<const ModelFile>& model) {
    return model == nullptr ? 0.0 : double(model->info.numLinearTaps) / model->info.sampleRate.value_or(48000.0);
  };
  double seconds = 0.0;
  for (std::size_t slot = 0; slot < contents.models.size(); slot += 2) // two side by side
    seconds += std::max(secondsOf(contents.models[slot]), secondsOf(contents.models[slot + 1]));
  double cabinetSeconds = 0.0;
  for (const auto& cabinet : {contents.cabinet, contents.secondCabinet})
    if (cabinet != nullptr)
      cabinetSeconds =
          std::max(cabinetSeconds, double(cabinet->response.channels.front().size()) / cabinet->response.sampleRate);
  return seconds + cabinetSeconds;
}

} // namespace

juce::File Rig::modelFolder() { return dataFolder().getChildFile("models"); }
juce::File Rig::cabinetFolder() { return dataFolder().getChildFile("cabinets"); }

Rig::Rig() = default;

Rig::~Rig() { cancelLoads(); }

void Rig::cancelLoads() { background_->loader.cancel(this); }

void Rig::prepare(double sampleRate, int numInputs, int numOutputs, int oversampling) {
  const std::lock_guard lock(mutex_);
  const bool rebuildCabinet =
      sampleRate != chain_.sampleRate() && (contents_.cabinet != nullptr || contents_.secondCabinet != nullptr);
  const bool rebuildModels = oversampling != oversampling_;
  chain_.prepare(sampleRate, numInputs, numOutputs, settings());
  if (!rebuildCabinet && !rebuildModels)
    return;
  const auto attempt = [this](const std::function<void()>& rebuild) { // where one fails, the other works
    try {
      rebuild();
    } catch (const std::exception& error) {
      problem_ = juce::String::fromUTF8(error.what());
    }
  };
  if (rebuildModels)
    attempt([&] {
      auto built = buildAll(oversampling);
      oversampling_ = oversampling;
      for (int slot = 0; slot < kNumSlots; ++slot)
        chain_.setSlot(slot, std::move(built[std::size_t(slot)]), settings());
    });
  if (rebuildCabinet)
    attempt([&] {
      chain_.setCabinet(build(contents_.cabinet));
      chain_.setCabinet(build(contents_.secondCabinet), 1);
    });
  chain_.prepare(sampleRate, numInputs, numOutputs, settings()); // takes what has just been handed over
}

void Rig::updateOversampling(const std::function<int()>& wanted) {
  {
    const std::lock_guard lock(mutex_);
    const int factor = wanted(); // under the lock: prepare() may have just come in between
    if (factor == oversampling_ || factor == refusedOversampling_)
      return;
    refusedOversampling_ = factor; // once is enough: the models would be built every few milliseconds
    auto built = buildAll(factor);
    refusedOversampling_ = 0;
    oversampling_ = factor;
    for (int slot = 0; slot < kNumSlots; ++slot)
      chain_.setSlot(slot, std::move(built[std::size_t(slot)]), settings());
  }
  sendChangeMessage();
  if (onLatency)
    onLatency();
}

int Rig::oversampling() const {
  const std::lock_guard lock(mutex_);
  return oversampling_;
}

Rig::Slots Rig::buildAll(int oversampling) const {
  Slots built;
  for (std::size_t slot = 0; slot < built.size(); ++slot)
    built[slot] = build(slot, contents_.models[slot], contents_.backend, oversampling);
  return built;
}

std::unique_ptr<fxengine::SlotContent> Rig::build(std::size_t slot, const std::shared_ptr<const ModelFile>& file,
                                                  const juce::String& backend, int oversampling) const {
  if (file == nullptr)
    return std::make_unique<fxengine::SlotContent>();
  fxengine::LoadOptions options;
  options.backend = backend.toStdString();
  options.selfTest = false; // was played when the file was read
  options.oversampling = oversampling;
  try {
    return std::make_unique<fxengine::SlotContent>(fxengine::buildModel(file->description, options),
                                                   !isPedal(int(slot)));
  } catch (const std::exception& error) {
    throw FileError(juce::String::fromUTF8(error.what()));
  }
}

std::unique_ptr<fxengine::Convolver> Rig::build(const std::shared_ptr<const CabinetFile>& file) const {
  if (file == nullptr || chain_.sampleRate() <= 0.0)
    return nullptr;
  return std::make_unique<fxengine::Convolver>(file->response, chain_.sampleRate());
}

void Rig::apply(RigContents contents) {
  // What is there already plays on.
  const auto keep = [](auto& wanted, const auto& present) {
    if (wanted && present && wanted->sha256 == present->sha256 && wanted->name == present->name &&
        wanted->path == present->path)
      wanted = present;
  };
  for (std::size_t slot = 0; slot < contents.models.size(); ++slot) {
    const auto &wanted = contents.models[slot], &present = contents_.models[slot];
    if (wanted && present && wanted->assumedRate == present->assumedRate)
      keep(contents.models[slot], present);
  }
  keep(contents.cabinet, contents_.cabinet);
  keep(contents.secondCabinet, contents_.secondCabinet);
  // First all that can fail, then all that cannot.
  Slots built;
  const bool all = contents.backend != contents_.backend;
  for (std::size_t slot = 0; slot < built.size(); ++slot)
    if (all || contents.models[slot] != contents_.models[slot])
      built[slot] = build(slot, contents.models[slot], contents.backend, oversampling_);
  std::unique_ptr<fxengine::Convolver> cabinet, secondCabinet;
  if (contents.cabinet != contents_.cabinet)
    cabinet = build(contents.cabinet);
  if (contents.secondCabinet != contents_.secondCabinet)
    secondCabinet = build(contents.secondCabinet);
  for (std::size_t slot = 0; slot < built.size(); ++slot)
    if (built[slot])
      chain_.setSlot(int(slot), std::move(built[slot]), settings());
  if (contents.cabinet != contents_.cabinet)
    chain_.setCabinet(std::move(cabinet));
  if (contents.secondCabinet != contents_.secondCabinet)
    chain_.setCabinet(std::move(secondCabinet), 1);
  contents_ = contents;
  refusedOversampling_ = 0;
  tailSeconds_ = tailOf(contents_);
}

void Rig::setContents(const RigContents& contents) {
  {
    const std::lock_guard lock(mutex_);
    apply(contents);
    ++numReplaced_;
    problem_ = {};
  }
  sendChangeMessage();
  if (onLatency)
    onLatency();
}

RigContents Rig::contents() const {
  const std::lock_guard lock(mutex_);
  return contents_;
}

void Rig::perform(const Change& change, int numReplaced) {
  const auto isWanted = [&] { return numReplaced == numReplaced_; }; // else it was meant for what was there before
  RigContents before, after;
  bool changed = false;
  try {
    before = after = contents();
    const auto told = isWanted() ? change(after) : juce::String(); // reads files: not under the lock
    const std::lock_guard lock(mutex_);
    if (isWanted()) {
      // Whatever happened meanwhile to the other parts stays.
      auto merged = contents_;
      for (std::size_t slot = 0; slot < merged.models.size(); ++slot)
        if (after.models[slot] != before.models[slot])
          merged.models[slot] = after.models[slot];
      if (after.cabinet != before.cabinet)
        merged.cabinet = after.cabinet;
      if (after.secondCabinet != before.secondCabinet)
        merged.secondCabinet = after.secondCabinet;
      merged.backend = after.backend;
      before = contents_;
      apply(merged);
      after = merged;
      problem_ = told;
      changed = !(before == after);
    }
  } catch (const std::exception& error) {
    if (isWanted())
      setProblem(juce::String::fromUTF8(error.what()));
  }
  --pending_;
  sendChangeMessage();
  if (!changed)
    return;
  if (onLatency)
    onLatency();
  if (onPlayerChange)
    onPlayerChange(before, after, numReplaced);
}

void Rig::change(Change change) {
  ++pending_;
  sendChangeMessage();
  background_->loader.add(
      this, [this, change = std::move(change), numReplaced = numReplaced_.load()] { perform(change, numReplaced); });
}

void Rig::loadModel(int slot, const juce::File& file) {
  change([=](RigContents& contents) {
    contents.models[std::size_t(slot)] = ModelFile::read(file);
    return juce::String();
  });
}

void Rig::loadNeighbour(int slot, int step) {
  change([=](RigContents& contents) {
    return toNeighbour(contents.models[std::size_t(slot)], Shipped::get().models, modelFolder(), "*.json;*.aidax;*.nam",
                       step);
  });
}

void Rig::loadShipped(int slot, const juce::String& title) {
  change([=](RigContents& contents) {
    if (auto model = Shipped::get().model(title))
      contents.models[std::size_t(slot)] = std::move(model);
    return juce::String();
  });
}

void Rig::clearModel(int slot) {
  change([=](RigContents& contents) {
    contents.models[std::size_t(slot)] = nullptr;
    return juce::String();
  });
}

void Rig::setAssumedRate(int slot, std::optional<double> rate) {
  change([=](RigContents& contents) {
    auto& model = contents.models[std::size_t(slot)];
    if (model != nullptr && !model->statesRate())
      model = ModelFile::parse(model->text, model->name, model->path, rate);
    return juce::String();
  });
}

void Rig::swapModels(int first, int second) {
  change([=](RigContents& contents) {
    std::swap(contents.models[std::size_t(first)], contents.models[std::size_t(second)]);
    return juce::String();
  });
}

void Rig::copyModel(int from, int to) {
  change([=](RigContents& contents) {
    contents.models[std::size_t(to)] = contents.models[std::size_t(from)];
    return juce::String();
  });
}

void Rig::setBackend(const juce::String& backend) {
  change([=](RigContents& contents) {
    contents.backend = backend;
    return juce::String();
  });
}

void Rig::loadCabinet(const juce::File& file, int index) {
  change([=](RigContents& contents) {
    (index == 0 ? contents.cabinet : contents.secondCabinet) = CabinetFile::read(file);
    return juce::String();
  });
}

void Rig::loadShippedCabinet(int index) {
  change([=](RigContents& contents) {
    if (const auto& cabinet = Shipped::get().cabinet)
      (index == 0 ? contents.cabinet : contents.secondCabinet) = cabinet;
    return juce::String();
  });
}

void Rig::load(const RigContents& wanted) {
  change([wanted](RigContents& contents) {
    contents = wanted;
    return juce::String();
  });
}

void Rig::afterLoads(std::function<void()> then) { background_->loader.add(this, std::move(then)); }

void Rig::loadCabinetNeighbour(int step, int index) {
  change([=](RigContents& contents) {
    std::vector<std::shared_ptr<const CabinetFile>> shipped;
    if (Shipped::get().cabinet)
      shipped.push_back(Shipped::get().cabinet);
    return toNeighbour(index == 0 ? contents.cabinet : contents.secondCabinet, shipped, cabinetFolder(),
                       "*.wav;*.flac;*.aif;*.aiff", step);
  });
}

void Rig::clearCabinet(int index) {
  change([=](RigContents& contents) {
    if (index == 0)
      contents.cabinet = contents.secondCabinet;
    contents.secondCabinet = nullptr;
    return juce::String();
  });
}

juce::String Rig::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Rig::setProblem(const juce::String& sentence) {
  {
    const std::lock_guard lock(mutex_);
    problem_ = sentence;
  }
  sendChangeMessage();
}

void Rig::collect() {
  if (const std::unique_lock lock(mutex_, std::try_to_lock); lock)
    chain_.collect();
}

} // namespace fxtrain
