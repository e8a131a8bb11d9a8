// SPDX-License-Identifier: MIT
#pragma once

#include "channel_map.h"
#include "stream_monitor.h"

#include <fxengine/dsp/pitch_detector.h>
#include <fxengine/model_loader.h>
#include <fxengine/realtime/handover.h>
#include <fxengine/realtime/sample_queue.h>
#include <fxengine/signal_chain.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

/** A guitar rig as PortAudio's callback: one input through fxengine::SignalChain to one or two outputs, with what is
    played, recorded if asked for.

    Threads: callback() is for the audio thread, and neither waits nor allocates. All else is for others, one at a time
    or not; only setModel(), setCabinet() and pitch() take long. */
class LiveChain {
 public:
  /** @param recordedOutputs  1 or 2 of the played channels that are recorded beside the input
      @throws std::invalid_argument */
  LiveChain(double sampleRate, ChannelMap channels, int recordedOutputs);

  static int callback(const void* input, void* output, unsigned long numFrames, const portaudio::StreamTime* time,
                      unsigned long flags, void* self) noexcept;

  /** Loads a model and crossfades to it. @throws fxengine::ModelError  and what plays goes on */
  fxengine::ModelInfo setModel(const std::filesystem::path& path, int oversampling, double quality, bool selfTest);

  /** Takes what a slot is to play, or nothing. @param settings  that it will be played with */
  void setSlot(int slot, std::unique_ptr<fxengine::SlotContent> content, const fxengine::ChainSettings& settings = {});

  /** Takes an impulse response, or none. @param index  1 for the second one @throws std::invalid_argument  with a
      sentence */
  void setCabinet(const std::optional<fxengine::ImpulseResponse>& response, int index = 0);

  void setSettings(const fxengine::ChainSettings& settings);
  int latencyFrames() const noexcept { return chain_.latencyFrames(); }
  std::uint32_t numFaults() const noexcept { return chain_.numFaults(); }

  const StreamMonitor& monitor() const noexcept { return monitor_; }
  fxengine::LevelMeter& inputMeter() noexcept { return inputMeter_; } ///< before the input gain
  fxengine::LevelMeter& outputMeter() noexcept { return chain_.outputMeter(); }
  std::uint64_t inputClips() const noexcept { return inputClips_.load(std::memory_order_relaxed); }
  std::uint32_t outputClips() noexcept { return chain_.outputMeter().numClips(); }

  /** From the next block on. Where the queue overflows, recording ends: isRecording() is false then. */
  void startRecording() noexcept { recording_.store(true, std::memory_order_release); }
  void stopRecording() noexcept { recording_.store(false, std::memory_order_release); }
  bool isRecording() const noexcept { return recording_.load(std::memory_order_acquire); }
  fxengine::SampleQueue& recorded() noexcept { return queue_; } ///< input, then outputs; one reader

  /** What a string sounds, while muted. */
  std::optional<fxengine::Pitch> pitch();

 private:
  void process(const float* input, float* output, unsigned long numFrames) noexcept;

  static constexpr int kPart = fxengine::SignalChain::kMaxPart;
  static constexpr double kQueueSeconds = 10.0;

  ChannelMap channels_;
  StreamMonitor monitor_;
  fxengine::SignalChain chain_;
  fxengine::LevelMeter inputMeter_;
  fxengine::SampleQueue queue_;
  fxengine::PitchDetector pitchDetector_;
  std::vector<float> window_;
  std::mutex loading_, listening_;
  fxengine::Handover<fxengine::ChainSettings> handover_;
  std::unique_ptr<fxengine::ChainSettings> settings_; ///< the audio thread's
  std::array<std::array<float, kPart>, 3> buffers_{}; ///< input, two outputs
  std::atomic<std::uint64_t> inputClips_{0};
  std::atomic<bool> recording_{false};
};
