// SPDX-License-Identifier: MIT
#include "PluginProcessor.h"

#include "PluginEditor.h"
#include "state.h"

#include <fxengine/realtime/realtime_scope.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace fxtrain {
namespace {

constexpr int kCourierMs = 8;

/** Id of the level of a pedal's slot. */
const char* levelOf(std::size_t slot) { return id::pedalLevel[slot - fxengine::ChainSettings::kNumAmps]; }

/** Where a knob of a model stands by default, in percent: where its file says, else in the middle. */
float defaultKnob(const ModelFile* model, int index) {
  if (model == nullptr || std::size_t(index) >= model->info.knobs.size())
    return 50.0f;
  return 100.0f * model->info.knobs[std::size_t(index)].defaultPosition();
}

/** What a load did: "Load Plexi into A". */
juce::String textOf(const RigContents& before, const RigContents& after) {
  static constexpr const char* kPlaces[Rig::kNumSlots] = {"A",       "B",          "the pedal", "the pedal's B",
                                                          "pedal 2", "pedal 2's B"};
  std::vector<std::size_t> slots;
  for (std::size_t slot = 0; slot < after.models.size(); ++slot)
    if (before.models[slot] != after.models[slot])
      slots.push_back(slot);
  const bool cabinet = before.cabinet != after.cabinet || before.secondCabinet != after.secondCabinet;
  if (slots.size() == 2 && before.models[slots[0]] == after.models[slots[1]])
    return "Swap captures";
  if (slots.size() == 1 && !cabinet) {
    const juce::String place = kPlaces[slots[0]];
    const auto& model = after.models[slots[0]];
    return model == nullptr ? "Empty " + place : "Load " + model->title() + " into " + place;
  }
  if (slots.empty() && cabinet) {
    const auto& file = before.cabinet != after.cabinet ? after.cabinet : after.secondCabinet;
    return file == nullptr ? juce::String("Take a cabinet out") : "Load the cabinet " + file->name;
  }
  return "Load";
}

/** Whether two sounds are the same, whichever copies of its files they hold. */
bool isSame(const State& one, const State& other) {
  const auto same = [](const auto& first, const auto& second) {
    return first == second || (first != nullptr && second != nullptr && first->sha256 == second->sha256);
  };
  const auto &mine = one.contents, &theirs = other.contents;
  for (std::size_t slot = 0; slot < mine.models.size(); ++slot) {
    const auto &first = mine.models[slot], &second = theirs.models[slot];
    if (!same(first, second) || (first != nullptr && first->assumedRate != second->assumedRate))
      return false;
  }
  return same(mine.cabinet, theirs.cabinet) && same(mine.secondCabinet, theirs.secondCabinet) &&
         mine.backend == theirs.backend && one.parameters == other.parameters;
}

} // namespace

PluginProcessor::PluginProcessor()
    : AudioProcessor(BusesProperties()
                         .withInput("Input", juce::AudioChannelSet::stereo())
                         .withOutput("Output", juce::AudioChannelSet::stereo())),
      parameters(*this, nullptr, "parameters", makeParameterLayout()), values_(parameters), history_(*this),
      presets_([this] { return preset(); },
               [this](const State& preset, const Presets::Entry& entry) { loadPreset(preset, entry); }),
      midiControl_(parameters) {
  rig_.settings = [this] { return values_.chainSettings(); };
  rig_.onLatency = [this] { updateLatency(); };
  rig_.onPlayerChange = [this](const RigContents& before, const RigContents& after, int numReplaced) {
    juce::MessageManager::callAsync([weak = juce::WeakReference(this), before, after, numReplaced] {
      if (weak != nullptr && numReplaced == weak->rig_.numReplaced()) // else a preset or project has come since
        weak->rememberLoad(before, after);
    });
  };
  history_.onStep = [this] { markEdits(); };
  if (const auto* first = Presets::shipped(Presets::kFirst)) {
    apply(*first);
    origin_.program = Presets::kFirst;
  }
  presetSound_ = preset();
  presets_.onCurrent = [this](const Presets::Entry& entry) {
    presetSound_ = preset();
    setOrigin({entry.shipped, entry.shipped < 0 ? entry.name : juce::String(), presets_.isEdited()});
  };
  const juce::WeakReference first(this); // is made once: not when two threads ask for it
  background_->courier.addTimeSliceClient(this);
}

PluginProcessor::~PluginProcessor() {
  background_->courier.removeTimeSliceClient(this);
  rig_.cancelLoads();
  masterReference.clear();
}

double PluginProcessor::getTailLengthSeconds() const {
  auto settings = values_.chainSettings();
  settings.tempoBpm = tempoBpm_.load(std::memory_order_relaxed);
  return rig_.tailSeconds() + settings.effectsTailSeconds();
}

bool PluginProcessor::isBusesLayoutSupported(const BusesLayout& layouts) const {
  const auto mono = juce::AudioChannelSet::mono(), stereo = juce::AudioChannelSet::stereo();
  const auto in = layouts.getMainInputChannelSet(), out = layouts.getMainOutputChannelSet();
  return (in == mono && out == mono) || (in == mono && out == stereo) || (in == stereo && out == stereo);
}

void PluginProcessor::prepareToPlay(double sampleRate, int maximumBlockSize) {
  rig_.prepare(sampleRate, getMainBusNumInputChannels(), getMainBusNumOutputChannels(),
               values_.oversampling(isNonRealtime()));
  takePlayer_.prepare(sampleRate);
  load_.reset(sampleRate, maximumBlockSize);
  updateLatency();
  announceLatency(getLatencySamples());
}

void PluginProcessor::reset() { rig_.chain().reset(values_.chainSettings()); }

// Some hosts say so from within the first block of a bounce. The courier would follow some milliseconds later, and each
// bounce would begin otherwise.
void PluginProcessor::setNonRealtime(bool isOffline) noexcept {
  const bool begins = isOffline && !isNonRealtime();
  AudioProcessor::setNonRealtime(isOffline);
  if (!begins) // hosts say so with every block
    return;
  const juce::ScopedLock lock(getCallbackLock()); // no block is under way
  const auto& chain = rig_.chain();
  try {
    if (chain.sampleRate() <= 0.0 || rig_.oversampling() == values_.oversampling(true))
      return;
    rig_.prepare(chain.sampleRate(), chain.numInputs(), chain.numOutputs(), values_.oversampling(true));
    updateLatency();
    announceLatency(getLatencySamples());
  } catch (const std::exception&) { // there is no memory: it plays as it did
  }
}

void PluginProcessor::processBlock(juce::AudioBuffer<float>& buffer, juce::MidiBuffer& midi) {
  process(buffer, midi, false);
}

void PluginProcessor::processBlockBypassed(juce::AudioBuffer<float>& buffer, juce::MidiBuffer& midi) {
  process(buffer, midi, true);
}

void PluginProcessor::process(juce::AudioBuffer<float>& buffer, juce::MidiBuffer& midi, bool bypassed) {
  const fxengine::RealtimeScope realtime;
  midiControl_.beginBlock();
  const int numFrames = buffer.getNumSamples();
  if (numFrames == 0) { // a host passes parameters on
    for (const auto message : midi)
      midiControl_.receive(message);
    return;
  }
  const juce::AudioProcessLoadMeasurer::ScopedTimer timer(load_, numFrames);
  auto& chain = rig_.chain();
  if (chain.sampleRate() <= 0.0 || buffer.getNumChannels() < chain.numOutputs()) { // not prepared for it
    buffer.clear();
    return;
  }
  takePlayer_.process(buffer, chain.numInputs());
  if (const auto* playHead = getPlayHead())
    if (const auto position = playHead->getPosition())
      if (const auto bpm = position->getBpm(); bpm.hasValue() && *bpm > 0.0)
        tempoBpm_.store(float(*bpm), std::memory_order_relaxed);
  auto settings = values_.chainSettings(midiControl_.values());
  int from = 0;
  const auto playTo = [&](int to) {
    settings.bypass = settings.bypass || bypassed;
    settings.mute = settings.mute && !isNonRealtime(); // a bounce with the tuner left on
    settings.tempoBpm = tempoBpm_.load(std::memory_order_relaxed);
    std::array<float*, 2> channels{};
    for (int c = 0; c < chain.numOutputs(); ++c)
      channels[std::size_t(c)] = buffer.getWritePointer(c) + from;
    if (to > from)
      chain.process(channels.data(), channels.data(), to - from, settings);
    from = to;
  };
  for (const auto message : midi)
    if (midiControl_.receive(message)) {
      playTo(juce::jlimit(from, numFrames, message.samplePosition));
      settings = values_.chainSettings(midiControl_.values());
    }
  playTo(numFrames);
  for (int c = chain.numOutputs(); c < buffer.getNumChannels(); ++c)
    buffer.clear(c, 0, numFrames);
}

juce::AudioProcessorParameter* PluginProcessor::getBypassParameter() const {
  return parameters.getParameter(id::bypass);
}

void PluginProcessor::updateLatency() {
  const std::lock_guard lock(latencyMutex_);
  setLatencySamples(rig_.chain().latencyFrames());
}

// Every few milliseconds: what the audio thread left to be done.
int PluginProcessor::useTimeSlice() {
  rig_.collect();
  midiControl_.collect();
  takePlayer_.collect();
  try {
    rig_.updateOversampling([this] { return values_.oversampling(isNonRealtime()); });
  } catch (const std::exception& error) {
    rig_.setProblem(juce::String::fromUTF8(error.what()));
  }
  if (const int program = midiControl_.apply(); program >= 0)
    loadProgram(program);
  return kCourierMs;
}

juce::AudioProcessorEditor* PluginProcessor::createEditor() { return new PluginEditor(*this); }

// Programs are the shipped presets: hosts want a fixed number. One more stands for any other sound, and for one that
// the player has changed, so that a host never shows a program that does not play; LV2 makes a preset of each, and has
// no current one.

bool PluginProcessor::namesOtherSounds() const { return wrapperType != wrapperType_LV2; }

int PluginProcessor::getNumPrograms() { return juce::jmax(1, Presets::numShipped() + (namesOtherSounds() ? 1 : 0)); }

int PluginProcessor::getCurrentProgram() {
  const std::lock_guard lock(originMutex_);
  return origin_.program >= 0 && !origin_.isEdited ? origin_.program : getNumPrograms() - 1;
}

const juce::String PluginProcessor::getProgramName(int index) {
  return index == Presets::numShipped() ? juce::String("Your own") : Presets::shippedName(index);
}

void PluginProcessor::setCurrentProgram(int index) {
  if (namesOtherSounds() && index == getCurrentProgram()) // hosts repeat themselves
    return;
  if (index >= Presets::numShipped()) {
    setOrigin({-1, {}}); // the sound stays
    return;
  }
  {
    const std::lock_guard lock(originMutex_);
    origin_ = {index, {}}; // hosts look at once
  }
  loadProgram(index);
}

void PluginProcessor::loadProgram(int number) {
  const auto load = [weak = juce::WeakReference(this), number, generation = stateGeneration_.load()] {
    if (weak == nullptr || generation != weak->stateGeneration_) // a project was loaded since
      return;
    const auto problem = weak->presets_.loadNumber(number);
    if (problem.isNotEmpty())
      weak->setCurrentPreset(weak->currentPreset()); // is still the one that plays
    weak->rig_.setProblem(problem);
  };
  if (juce::MessageManager::existsAndIsCurrentThread())
    load(); // a host that saves or renders at once gets the program's sound
  else
    juce::MessageManager::callAsync(load);
}

void PluginProcessor::setCurrentPreset(const PresetSound& preset) {
  presets_.setCurrent(preset.entry, !preset.sound || !isSame(*preset.sound, this->preset()));
  presetSound_ = preset.sound;
}

void PluginProcessor::markEdits() {
  if (audition_ != nullptr) // its end is one step
    return;
  presets_.setEdited(!presetSound_ || !isSame(*presetSound_, preset()));
  Origin origin;
  {
    const std::lock_guard lock(originMutex_);
    origin = origin_;
  }
  origin.isEdited = presets_.isEdited();
  setOrigin(origin);
}

void PluginProcessor::setOrigin(const Origin& origin) {
  {
    const std::lock_guard lock(originMutex_);
    if (origin == origin_)
      return;
    origin_ = origin;
  }
  updateHostDisplay(ChangeDetails().withProgramChanged(true));
}

// State

State PluginProcessor::state() const {
  State state;
  for (auto* parameter : getParameters())
    if (const auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(parameter))
      state.parameters[ranged->getParameterID()] = ranged->convertFrom0to1(ranged->getValue());
  state.contents = rig_.contents();
  state.bindings = midiControl_.bindings();
  state.editorSize = editorSize_;
  const std::lock_guard lock(originMutex_);
  state.program = origin_.program;
  state.presetName = origin_.presetName;
  state.isEdited = origin_.isEdited;
  return state;
}

State PluginProcessor::preset() const {
  auto sound = state();
  sound.isPreset = true;
  std::erase_if(sound.parameters, [](const auto& value) { return belongsToRoom(value.first); });
  sound.bindings.clear();
  sound.editorSize = {};
  sound.program = -1;
  sound.presetName = {};
  sound.isEdited = false;
  return sound;
}

void PluginProcessor::apply(const State& state) {
  rig_.setContents(state.contents); // throws before anything has changed
  midiControl_.dropPending();
  auto values = state.parameters;
  for (int slot = 0; slot < Rig::kNumSlots; ++slot)
    for (int k = 0; k < fxengine::ChainSettings::kNumKnobs; ++k)
      values.try_emplace(id::knob(slot, k), defaultKnob(state.contents.models[std::size_t(slot)].get(), k));
  for (auto* parameter : getParameters())
    if (auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(parameter)) {
      if (state.isPreset && belongsToRoom(ranged->getParameterID()))
        continue;
      const auto found = values.find(ranged->getParameterID());
      ranged->setValueNotifyingHost(found == values.end() ? ranged->getDefaultValue()
                                                          : ranged->convertTo0to1(found->second));
    }
}

void PluginProcessor::getStateInformation(juce::MemoryBlock& destination) { destination = state().encode(); }

void PluginProcessor::setStateInformation(const void* data, int size) {
  try {
    const auto saved = State::decode(data, std::size_t(juce::jmax(0, size)));
    ++stateGeneration_;
    apply(saved);
    if (!saved.isPreset) {
      midiControl_.setBindings(saved.bindings);
      if (!saved.editorSize.isOrigin())
        editorSize_ = saved.editorSize;
    }
    const Origin origin{saved.program, saved.presetName, saved.isEdited};
    setOrigin(origin);
    announceLatency(getLatencySamples());
    const auto follow = [weak = juce::WeakReference(this), origin, generation = stateGeneration_.load()] {
      if (weak == nullptr || generation != weak->stateGeneration_)
        return;
      weak->audition_ = nullptr;
      weak->history_.clear(); // its steps lead back into what was open before
      weak->showOrigin(origin);
    };
    if (juce::MessageManager::existsAndIsCurrentThread())
      follow();
    else
      juce::MessageManager::callAsync(follow);
  } catch (const std::exception& error) {
    rig_.setProblem(juce::String::fromUTF8(error.what()));
  }
}

/** Undo and redo: what can no longer be done says why. */
void PluginProcessor::attempt(const std::function<void()>& step) {
  try {
    step();
  } catch (const std::exception& error) {
    rig_.setProblem(juce::String::fromUTF8(error.what()));
  }
}

void PluginProcessor::showOrigin(const Origin& origin) {
  const auto& [program, presetName, isEdited] = origin;
  if (presetName.isNotEmpty())
    presets_.refresh();
  const auto entry = program >= 0 ? Presets::Entry{Presets::shippedName(program), {}, program}
                                  : Presets::Entry{presetName, Presets::fileOf(presetName), -1};
  setCurrentPreset({entry, isEdited ? std::nullopt : std::optional(preset())});
}

void PluginProcessor::loadPreset(const State& after, const Presets::Entry& entry) {
  auto before = preset();
  auto presetBefore = currentPreset();
  apply(after);
  setCurrentPreset({entry, preset()});
  if (audition_ != nullptr && audition_->ending) { // what was tried is no longer wanted, or is kept and replaced
    if (!audition_->keeps)
      std::tie(before, presetBefore) = std::tie(audition_->sound, audition_->preset);
    audition_ = nullptr;
  }
  if (audition_ != nullptr)
    audition_->loadedPreset = true;
  else
    addSoundStep("Load preset", before, presetBefore, after, {entry, presetSound_});
}

void PluginProcessor::exchange(int slot, int otherSlot) {
  if (Rig::isPedal(slot) && Rig::isPedal(otherSlot) && Rig::pedalOf(slot) != Rig::pedalOf(otherSlot))
    swapPedals();
  else if (slot != otherSlot)
    rig_.swapModels(slot, otherSlot);
}

void PluginProcessor::swapPedals() {
  const auto before = preset();
  auto after = before;
  const auto swapValues = [&](const juce::String& first, const juce::String& second) {
    std::swap(after.parameters.at(first), after.parameters.at(second));
  };
  swapValues(id::pedalOn[0], id::pedalOn[1]);
  swapValues(id::pedalSlot[0], id::pedalSlot[1]);
  for (int side = 0; side < 2; ++side) {
    const int first = Rig::pedalSlot(0, side), second = Rig::pedalSlot(1, side);
    std::swap(after.contents.models[std::size_t(first)], after.contents.models[std::size_t(second)]);
    swapValues(id::pedalLevel[side], id::pedalLevel[2 + side]);
    swapValues(id::quality(first), id::quality(second));
    for (int k = 0; k < fxengine::ChainSettings::kNumKnobs; ++k)
      swapValues(id::knob(first, k), id::knob(second, k));
  }
  attempt([&] {
    apply(after);
    if (audition_ == nullptr)
      addSoundStep("Swap pedals", before, currentPreset(), after, currentPreset());
  });
}

void PluginProcessor::addSoundStep(const juce::String& text, const State& before, const PresetSound& presetBefore,
                                   const State& after, const PresetSound& presetAfter) {
  const auto restore = [this](const State& sound, const PresetSound& preset) {
    attempt([&] {
      apply(sound);
      setCurrentPreset(preset);
    });
  };
  history_.add(
      text, [=] { restore(after, presetAfter); }, [=] { restore(before, presetBefore); });
}

void PluginProcessor::rememberLoad(const RigContents& before, const RigContents& after) {
  const auto controlsBefore = controls();
  auto controlsAfter = controlsBefore;
  for (std::size_t slot = 0; slot < controlsAfter.size(); ++slot) {
    const auto& model = after.models[slot];
    if (model == before.models[slot])
      continue;
    if (const auto from = std::find(before.models.begin(), before.models.end(), model);
        model != nullptr && from != before.models.end()) { // swapped or copied: as they stood there
      const float levelDb = controlsAfter[slot].levelDb;
      controlsAfter[slot] = controlsBefore[std::size_t(from - before.models.begin())];
      if (!Rig::isPedal(int(from - before.models.begin()))) // it has none
        controlsAfter[slot].levelDb = levelDb;
      continue;
    }
    auto& knobs = controlsAfter[slot].knobs; // the quality stays: a player who saves processor time goes on doing so
    for (std::size_t k = 0; k < knobs.size(); ++k)
      knobs[k] = defaultKnob(model.get(), int(k));
  }
  setControls(controlsAfter);
  if (audition_ == nullptr)
    addLoadStep(before, controlsBefore, after, controlsAfter);
}

void PluginProcessor::addLoadStep(const RigContents& before, const Controls& controlsBefore, const RigContents& after,
                                  const Controls& controlsAfter) {
  const auto restore = [this](const RigContents& contents, const Controls& positions) {
    attempt([&] {
      rig_.setContents(contents);
      setControls(positions);
    });
  };
  history_.add(
      textOf(before, after), [=] { restore(after, controlsAfter); }, [=] { restore(before, controlsBefore); });
}

void PluginProcessor::beginAudition() {
  if (audition_ != nullptr && audition_->ending && audition_->keeps)
    finishAudition();
  if (audition_ == nullptr)
    audition_ = std::make_shared<Audition>(Audition{rig_.contents(), controls(), preset(), currentPreset()});
  else // what was before comes back as soon as the loads are done, and is where this one starts too
    audition_ = std::make_shared<Audition>(
        Audition{audition_->contents, audition_->controls, audition_->sound, audition_->preset});
}

void PluginProcessor::endAudition(bool keep) {
  if (audition_ == nullptr || audition_->ending)
    return;
  audition_->ending = true;
  audition_->keeps = keep;
  if (!keep && !audition_->loadedPreset)
    rig_.load(audition_->contents);
  rig_.afterLoads([weak = juce::WeakReference(this), ended = audition_] {
    juce::MessageManager::callAsync([weak, ended] {
      if (weak != nullptr && weak->audition_ == ended)
        weak->finishAudition();
    });
  });
}

void PluginProcessor::finishAudition() {
  const auto audition = std::move(audition_);
  audition_ = nullptr;
  if (audition->loadedPreset) {
    if (audition->keeps)
      addSoundStep("Load preset", audition->sound, audition->preset, preset(), currentPreset());
    else
      attempt([&] {
        apply(audition->sound);
        setCurrentPreset(audition->preset);
      });
  } else if (!audition->keeps) {
    setControls(audition->controls);
  } else if (const auto contents = rig_.contents(); !(contents == audition->contents)) {
    addLoadStep(audition->contents, audition->controls, contents, controls());
  }
}

PluginProcessor::Controls PluginProcessor::controls() const {
  Controls values;
  for (std::size_t slot = 0; slot < values.size(); ++slot) {
    for (std::size_t k = 0; k < values[slot].knobs.size(); ++k)
      values[slot].knobs[k] = parameters.getRawParameterValue(id::knob(int(slot), int(k)))->load();
    values[slot].quality = parameters.getRawParameterValue(id::quality(int(slot)))->load();
    if (Rig::isPedal(int(slot)))
      values[slot].levelDb = parameters.getRawParameterValue(levelOf(slot))->load();
  }
  return values;
}

void PluginProcessor::setControls(const Controls& values) {
  const auto set = [this](const juce::String& id, float plain) {
    auto* parameter = parameters.getParameter(id);
    if (const float value = parameter->convertTo0to1(plain); value != parameter->getValue())
      parameter->setValueNotifyingHost(value);
  };
  for (std::size_t slot = 0; slot < values.size(); ++slot) {
    for (std::size_t k = 0; k < values[slot].knobs.size(); ++k)
      set(id::knob(int(slot), int(k)), values[slot].knobs[k]);
    set(id::quality(int(slot)), values[slot].quality);
    if (Rig::isPedal(int(slot)))
      set(levelOf(slot), values[slot].levelDb);
  }
}

} // namespace fxtrain

juce::AudioProcessor* JUCE_CALLTYPE createPluginFilter() { return new fxtrain::PluginProcessor(); }
