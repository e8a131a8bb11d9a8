// SPDX-License-Identifier: MIT
#pragma once

#include "history.h"
#include "library.h"
#include "midi_control.h"
#include "parameters.h"
#include "presets.h"
#include "rig.h"
#include "state.h"
#include "take_player.h"
#include "vst3_host.h"

#include <juce_audio_processors/juce_audio_processors.h>

#include <mutex>
#include <optional>

namespace fxtrain {

/** The plugin: parameters, state and MIDI around a Rig. */
class PluginProcessor : public juce::AudioProcessor, public Vst3Host, private juce::TimeSliceClient {
 public:
  PluginProcessor();
  ~PluginProcessor() override;

  const juce::String getName() const override { return "fxtrain"; }
  bool acceptsMidi() const override { return true; }
  bool producesMidi() const override { return false; }
  double getTailLengthSeconds() const override;
  bool isBusesLayoutSupported(const BusesLayout& layouts) const override;

  void prepareToPlay(double sampleRate, int maximumBlockSize) override;
  void releaseResources() override {}
  void reset() override;
  void setNonRealtime(bool isNonRealtime) noexcept override;
  void processBlock(juce::AudioBuffer<float>& buffer, juce::MidiBuffer& midi) override;
  void processBlockBypassed(juce::AudioBuffer<float>& buffer, juce::MidiBuffer& midi) override;
  using juce::AudioProcessor::processBlock;
  using juce::AudioProcessor::processBlockBypassed;
  juce::AudioProcessorParameter* getBypassParameter() const override;

  bool hasEditor() const override { return true; }
  juce::AudioProcessorEditor* createEditor() override;

  int getNumPrograms() override;
  int getCurrentProgram() override;
  void setCurrentProgram(int index) override;
  const juce::String getProgramName(int index) override;
  void changeProgramName(int, const juce::String&) override {}

  void getStateInformation(juce::MemoryBlock& destination) override;
  void setStateInformation(const void* data, int size) override;

  // For the editor, on the message thread.
  juce::AudioProcessorValueTreeState parameters;
  Rig& rig() noexcept { return rig_; }
  History& history() noexcept { return history_; }
  Presets& presets() noexcept { return presets_; }
  MidiControl& midiControl() noexcept { return midiControl_; }
  Library& library() noexcept { return *library_; }
  TakePlayer& takePlayer() noexcept { return takePlayer_; }

  /** Trying out: what is loaded until endAudition() is one step of undo, or none. */
  void beginAudition();
  void endAudition(bool keep); ///< else everything is as it was at beginAudition(), once the loads under way are done
  bool isAuditioning() const noexcept { return audition_ != nullptr; }

  /** What dragging one capture onto another does: two pedals change places with all their settings, of slots otherwise
      the captures do. */
  void exchange(int slot, int otherSlot);

  bool isStandalone() const noexcept { return wrapperType == wrapperType_Standalone; }
  double cpuLoad() const noexcept { return load_.getLoadAsProportion(); } ///< share of a block's time, 0..1
  juce::Point<int> editorSize() const noexcept { return editorSize_; }
  void setEditorSize(juce::Point<int> size) noexcept { editorSize_ = size; }

 private:
  int useTimeSlice() override;
  void process(juce::AudioBuffer<float>& buffer, juce::MidiBuffer& midi, bool bypassed);
  void updateLatency();
  void loadProgram(int index); ///< from any thread; on another than the message thread, it follows there
  State state() const;
  State preset() const;           ///< the sound alone
  void apply(const State& state); ///< models, cabinet and parameters; throws FileError and then has changed nothing
  void loadPreset(const State& after, const Presets::Entry& entry);

  /** Where the sound came from. */
  struct Origin {
    int program = 0;         // the shipped preset; -1: another
    juce::String presetName; // of the player's own
    bool isEdited = false;   // by the player since
    bool operator==(const Origin&) const = default;
  };
  void setOrigin(const Origin& origin);  ///< tells the host where it changes
  void showOrigin(const Origin& origin); ///< in the list of presets
  /** A preset, and how it sounds; nothing where that is not known. */
  struct PresetSound {
    Presets::Entry entry;
    std::optional<State> sound;
  };
  PresetSound currentPreset() const { return {presets_.currentEntry(), presetSound_}; }
  void setCurrentPreset(const PresetSound& preset);
  void markEdits(); ///< whether the sound is still that of the preset
  void attempt(const std::function<void()>& step);
  bool namesOtherSounds() const;
  void rememberLoad(const RigContents& before, const RigContents& after);

  /** What a slot's own parameters say, in percent and dB. */
  struct SlotControls {
    std::array<float, fxengine::ChainSettings::kNumKnobs> knobs{};
    float quality = 100.0f;
    float levelDb = 0.0f; // of a pedal
  };
  using Controls = std::array<SlotControls, Rig::kNumSlots>;
  struct Audition {
    RigContents contents; // of before, as the rest
    Controls controls;
    State sound;
    PresetSound preset;
    bool loadedPreset = false, ending = false, keeps = false;
  };
  void finishAudition();
  void addLoadStep(const RigContents& before, const Controls& controlsBefore, const RigContents& after,
                   const Controls& controlsAfter);
  void addSoundStep(const juce::String& text, const State& before, const PresetSound& presetBefore, const State& after,
                    const PresetSound& presetAfter);
  void swapPedals();
  Controls controls() const;
  void setControls(const Controls& values); // message thread

  ParameterValues values_;
  Rig rig_;
  History history_;
  Presets presets_;
  MidiControl midiControl_;
  TakePlayer takePlayer_;
  juce::AudioProcessLoadMeasurer load_;
  std::atomic<float> tempoBpm_{120.0f}; // of the host, as it was told last
  juce::Point<int> editorSize_{1200, 640};
  std::recursive_mutex latencyMutex_; // the last to tell tells the latest; a host may prepare us from within
  std::optional<State> presetSound_;  // of the current preset, as it was loaded or saved; message thread
  mutable std::mutex originMutex_;
  Origin origin_;
  std::atomic<int> stateGeneration_{0};
  std::shared_ptr<Audition> audition_; // message thread; null: none
  juce::SharedResourcePointer<Library> library_;
  juce::SharedResourcePointer<Background> background_;

  JUCE_DECLARE_WEAK_REFERENCEABLE(PluginProcessor)
  JUCE_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(PluginProcessor)
};

} // namespace fxtrain
