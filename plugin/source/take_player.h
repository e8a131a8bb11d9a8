// SPDX-License-Identifier: MIT
#pragma once

#include "background.h"

#include <fxengine/realtime/handover.h>
#include <fxengine/realtime/realtime.h>

#include <juce_audio_processors/juce_audio_processors.h>

#include <cstdint>
#include <memory>

namespace fxtrain {

/** Plays a recorded dry take in place of the input, for auditioning without a guitar: the standalone's file player.

    Starts, stops, jumps, the loop's seam and a change of takes are crossfaded in kFadeMs. */
class TakePlayer {
 public:
  static constexpr double kFadeMs = 5.0;
  static constexpr double kMaxSeconds = 600.0; ///< of a take: longer files are refused

  TakePlayer();
  ~TakePlayer();
  TakePlayer(const TakePlayer&) = delete;
  TakePlayer& operator=(const TakePlayer&) = delete;

  void prepare(double sampleRate); ///< the audio thread stands still

  // Any thread but the audio thread.
  void load(const juce::File& file); ///< WAV, AIFF or FLAC, in the background; resampled to the device's rate
  void unload();
  bool isLoading() const noexcept;
  void setPlaying(bool playing) noexcept;
  bool isPlaying() const noexcept;
  void setLooping(bool looping) noexcept;
  bool isLooping() const noexcept;
  void setPosition(double seconds) noexcept;
  double position() const noexcept; ///< seconds
  double length() const noexcept;   ///< seconds; 0: nothing is loaded
  juce::String name() const;        ///< the file's, without suffix; "" for none
  juce::String problem() const;     ///< the sentence about a load that failed, or ""
  void collect();                   ///< frees what is no longer played

  /** Audio thread: replaces the first numInputs channels while it plays. A mono take goes to both, of a stereo take a
      mono input gets the mean. */
  void process(juce::AudioBuffer<float>& buffer, int numInputs) noexcept FXENGINE_REALTIME;

 private:
  struct Resampled; // what the audio thread plays
  struct Loading;   // what a load in the background needs, and may outlive us

  /** What sounds: the input, or a take from a frame on. */
  struct Voice {
    const Resampled* take = nullptr; // null: the input
    std::int64_t frame = 0;
  };

  void decide() noexcept;
  std::int64_t fadeStart() const noexcept;
  void fadeTo(Voice voice) noexcept;
  void enqueue(const juce::File& file);

  std::shared_ptr<Loading> loading_;
  double sampleRate_ = 0.0;

  // Audio thread.
  std::unique_ptr<Resampled> current_, leaving_;
  Voice now_, before_;         // before_ fades out while now_ fades in
  std::int64_t stoppedAt_ = 0; // frame to go on from
  int fadeFrames_ = 1, fadeLeft_ = 0;

  juce::SharedResourcePointer<Background> background_;
};

} // namespace fxtrain
