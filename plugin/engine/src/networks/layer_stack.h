// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/envelope_follower.h"
#include "fxengine/layers/layer.h"
#include "fxengine/network.h"

#include <memory>
#include <vector>

namespace fxengine {

/** Layers in a row, each running over the whole block before the next. Latency 0. */
class LayerStack final : public Network {
 public:
  /** The sizes must fit one another; the first layer takes the audio, the knobs and the envelopes, the last has one
      output. */
  LayerStack(std::vector<std::unique_ptr<Layer>> layers, NetworkSummary summary,
             std::vector<EnvelopeFollower> envelopes = {});
  ~LayerStack() override;

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return 0; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override;
  bool canOversample() const noexcept FXENGINE_REALTIME override { return true; }
  NetworkSummary summary() const override { return summary_; }

  void prepare(int numStreams, int maxFrames) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override;
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override;
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
  NetworkSummary summary_;
  std::vector<EnvelopeFollower> envelopes_; // in zero state
  std::vector<float> knobs_;
  bool knobsApart_ = false; // the first layer takes them by setKnobs(); not where it takes envelopes too
  struct Signals;
  EnvelopeFollower& envelopeOf(int stream, std::size_t index) noexcept;
  void gatherInputs(const float* const* input, int numStreams, int numFrames) noexcept;
  std::unique_ptr<Signals> signals_;
};

} // namespace fxengine
