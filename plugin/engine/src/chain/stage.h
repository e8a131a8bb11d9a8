// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/crossfade.h"
#include "fxengine/signal_chain.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <cstdint>

namespace fxengine::detail {

inline float gainOf(float db) noexcept { return db == 0.0f ? 1.0f : std::pow(10.0f, db / 20.0f); }

inline void follow(Ramp& ramp, float target, bool atOnce) noexcept {
  if (atOnce)
    ramp.snap(target);
  else
    ramp.setTarget(target);
}

inline void copyChannels(const float* const* from, float* const* to, int numChannels, int numFrames) noexcept {
  for (int c = 0; c < numChannels; ++c)
    if (from[c] != to[c])
      std::copy_n(from[c], numFrames, to[c]);
}

inline void clearChannels(float* const* channels, int numChannels, int numFrames) noexcept {
  for (int c = 0; c < numChannels; ++c)
    std::fill_n(channels[c], numFrames, 0.0f);
}

/** Two channels of the longest part of a block that is run at once. */
class PartBuffer {
 public:
  PartBuffer() = default;
  PartBuffer(const PartBuffer&) = delete;
  PartBuffer& operator=(const PartBuffer&) = delete;

  float* const* channels() noexcept { return channels_.data(); }
  float* operator[](int channel) noexcept { return channels_[std::size_t(channel)]; }

 private:
  std::array<std::array<float, SignalChain::kMaxPart>, 2> samples_{};
  std::array<float*, 2> channels_{samples_[0].data(), samples_[1].data()};
};

/** What a chain is prepared for. */
struct ChainFormat {
  double sampleRate = 0.0;
  int numInputs = 0;
  int numOutputs = 0;
};

/** One stage of a SignalChain: works in place, is faded in and out, and is not computed while it is off.

    prepare() and collect() are for loading threads, as those of the chain; all else is for the audio thread. */
class Stage {
 public:
  Stage() = default;
  virtual ~Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /** Makes room. set() at once and rest() follow. */
  virtual void prepare(const ChainFormat& format, const ChainSettings& settings);
  virtual void collect() {} ///< frees what came back

  /** Takes what was handed over, and returns whether something was. @param heard  the chain is not bypassed */
  virtual bool adopt(bool /*heard*/) noexcept { return false; }

  /** Goes where the settings say. */
  void set(const ChainSettings& settings, bool atOnce) noexcept;

  /** Clears what filters and delays remember; networks keep their state. For a chain that stood still. */
  virtual void clear() noexcept = 0;
  virtual void clearSecond() noexcept {} ///< the same of channel 1 alone, where there is something to clear
  /** As after prepare(). */
  virtual void rest() noexcept { clear(); }

  bool isHeard() const noexcept { return onOff_.isHeard(); }
  virtual bool makesTwo() const noexcept { return false; } ///< of one channel, while it is heard
  /** Greatest number of frames that may be run at once now: what fades out stops at the frame where its fade ends. */
  virtual int framesToSwitch() const noexcept { return onOff_.isMoving() ? onOff_.framesLeft() : INT_MAX; }
  virtual int latencyFrames() const noexcept { return 0; }  ///< of what plays
  virtual std::uint32_t takeFaults() noexcept { return 0; } ///< times that NaN was made silence since the last call

  /** Plays at most SignalChain::kMaxPart frames in place. */
  void process(float* const* channels, int numChannels, int numFrames) noexcept;

 protected:
  virtual bool isOn(const ChainSettings& settings) const noexcept = 0;
  virtual bool isEmpty() const noexcept { return false; } ///< on or off, the sound passes through
  /** Whether what passes by while the stage is off is late, as the stage is; and passes it by. */
  virtual bool isLate() const noexcept { return false; }
  virtual void passBy(float* const* /*channels*/, int /*numChannels*/, int /*numFrames*/) noexcept {}
  virtual void start() noexcept { clear(); } ///< stood still, and is heard from now on
  /** Sets targets. @param unheard  the stage was not heard so far: its values may jump */
  virtual void follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept = 0;
  virtual void run(float* const* channels, int numChannels, int numFrames) noexcept = 0;

 private:
  Crossfade onOff_;
  PartBuffer without_;
};

} // namespace fxengine::detail
