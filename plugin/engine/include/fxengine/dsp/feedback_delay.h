// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/ramp.h"
#include "fxengine/realtime/realtime.h"

#include <array>
#include <vector>

namespace fxengine {

/** Echoes that grow darker and thinner: a delay line with two filters and a gain in its loop.

        input -> + -> d frames -> low cut -> high cut -+-> echoes
                 ^------------- feedback <-------------+

    Both filters are of first order and never above 1, so that the loop is stable at every feedback that can be set. A
    change of the time fades from the old delay to the new one in kFadeMs, without a change of pitch; another change
    during a fade waits until it has ended.

    Any block size gives the same output, bit for bit. prepare() allocates; what is marked is real-time safe. */
class FeedbackDelay {
 public:
  static constexpr double kShortestMs = 20.0, kLongestMs = 2000.0;
  static constexpr float kMostFeedback = 0.9f;
  static constexpr double kLowCutHz = 120.0, kHighCutHz = 5000.0;
  static constexpr double kFadeMs = 60.0;
  static constexpr int kMostChannels = 2;

  /** @param numChannels  1 or 2 */
  void prepare(double sampleRate, int numChannels);

  /** Forgets what was heard, without touching the lines; a fade to another time ends. */
  void reset() noexcept FXENGINE_REALTIME;

  /** Sets when the first echo comes, and how far apart they are: kept between kShortestMs and kLongestMs. */
  void setTime(double ms) noexcept FXENGINE_REALTIME;

  /** Sets how strong each echo is compared with the one before it, not counting the filters: 0 to kMostFeedback. */
  void setFeedback(float share) noexcept FXENGINE_REALTIME;

  /** Gives the echoes alone. While only one channel is played, the second hears the same, so that it can join at any
      time. Outputs may be the inputs. */
  void process(const float* const* input, float* const* output, int numChannels,
               int numFrames) noexcept FXENGINE_REALTIME;

 private:
  struct Channel {
    float* line = nullptr;
    float low = 0.0f;  ///< of the high cut
    float slow = 0.0f; ///< of the low cut: what it takes away
  };
  float read(const Channel& channel, int delay) const noexcept;

  std::array<Channel, kMostChannels> channels_;
  std::vector<float> memory_;
  int numChannels_ = 0;
  int size_ = 0;     ///< of a line, a power of two
  int position_ = 0; ///< where the next frame goes
  int age_ = 0;      ///< frames since reset(), as far as they matter: what is older is silence
  int delay_ = 1;    ///< what is heard, or fades out
  int next_ = 1;     ///< what fades in
  int wanted_ = 1;
  double sampleRate_ = 48000.0;
  float highCut_ = 1.0f, lowCut_ = 0.0f; ///< coefficients of the filters
  Ramp share_;                           ///< of the delay that fades in
  Ramp feedback_;
};

} // namespace fxengine
