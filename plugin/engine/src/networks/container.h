// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"

#include <memory>
#include <vector>

namespace fxengine::detail {

/** Networks of several sizes for the same sound, one of which plays: the larger, the better the sound.

    All of them are prepared and have a state at rest. When another one is chosen, it first listens from rest while the
    one before goes on playing, for as many frames as it looks back at; then one is faded into the other:

        playing  1 1 1 1 1 1 1 1 .8 .6 .4 .2
        next                     .2 .4 .6 .8  1 1 1 1
                 chosen| listens |  fades   |

    A choice that comes during the fade waits for its end. After reset() and rest() the change is made at once.
    Latency 0. */
class Container final : public Network {
 public:
  struct Choice {
    std::unique_ptr<Network> network;
    double maxValue; ///< of the quality, which chooses it below this
  };

  /** @param choices  one at least, by ascending values; the last one is also for what is above its value */
  explicit Container(std::vector<Choice> choices);

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return 0; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override;
  bool canOversample() const noexcept FXENGINE_REALTIME override;
  NetworkSummary summary() const override { return choices_.back().network->summary(); }

  void prepare(int numStreams, int maxFrames) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override;
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override;
  void setQuality(float quality) noexcept FXENGINE_REALTIME override;
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

  static constexpr int kFadeFrames = 1024;
  static constexpr int kListenFrames = 1 << 15; ///< at most; a recurrent network, which looks back forever, half of it

 private:
  Network& network(int index) noexcept { return *choices_[static_cast<std::size_t>(index)].network; }
  int listenFrames(int index) const noexcept;
  void decide() noexcept;
  void finishChange() noexcept;
  void fade(float* const* output, int numStreams, int numFrames) noexcept;

  std::vector<Choice> choices_;
  int wanted_, playing_;
  int next_ = -1;       // none
  int progress_ = 0;    // frames since next_ was chosen
  bool isFresh_ = true; // nothing was played since reset() or rest()
  int numFrames_ = 0;   // that were played since reset(), for captureRest()
  int maxFrames_ = 0, numStreams_ = 0;
  std::vector<float> memory_;      // per stream what the next one gives, then silence
  std::vector<const float*> from_; // per stream
  std::vector<float*> to_, other_;
};

} // namespace fxengine::detail
