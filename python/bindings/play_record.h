// SPDX-License-Identifier: MIT
#pragma once

#include "channel_map.h"
#include "stream_monitor.h"

#include <fxengine/dsp/level_meter.h>

#include <atomic>
#include <cstdint>
#include <vector>

/** Plays a signal and records what comes back meanwhile, as PortAudio's callback. The first recorded frame arrived with
    the first block whose first frame is that of the signal: what comes back at once has a round trip of 0.

    Threads: callback() is for the audio thread, and neither waits nor allocates; all else for any other. */
class PlayRecord {
 public:
  /** @param signal     played to each of the outputs, full scale 1
      @param numFrames  to record; silence is played after the signal's end
      @throws std::invalid_argument */
  PlayRecord(double sampleRate, ChannelMap channels, std::vector<float> signal, std::size_t numFrames);

  static int callback(const void* input, void* output, unsigned long numFrames, const portaudio::StreamTime* time,
                      unsigned long flags, void* self) noexcept;

  /** Frames recorded so far. */
  std::size_t position() const noexcept { return position_.load(std::memory_order_acquire); }
  bool isComplete() const noexcept { return position() == recorded_.size(); }
  const std::vector<float>& recorded() const noexcept { return recorded_; } ///< the first position() frames

  const StreamMonitor& monitor() const noexcept { return monitor_; }
  fxengine::LevelMeter& inputMeter() noexcept { return inputMeter_; }
  std::uint64_t inputClips() const noexcept { return inputClips_.load(std::memory_order_relaxed); }
  /** Where in the recording the first audio was lost; numFrames where none was. */
  std::size_t firstXrun() const noexcept { return firstXrun_.load(std::memory_order_relaxed); }

 private:
  bool process(const float* input, float* output, unsigned long numFrames) noexcept;

  static constexpr int kPart = 256;

  ChannelMap channels_;
  StreamMonitor monitor_;
  std::vector<float> signal_, recorded_;
  fxengine::LevelMeter inputMeter_;
  std::atomic<std::size_t> position_{0}, firstXrun_;
  std::atomic<std::uint64_t> inputClips_{0};
};
