// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"

#include <memory>
#include <vector>

namespace fxengine {

/** A network whose input is added to its output, as late as the output is: y[t] = net(x)[t] + x[t - latency]. */
class Residual final : public Network {
 public:
  explicit Residual(std::unique_ptr<Network> network);

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return latency_; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override { return network_->receptiveFrames(); }
  bool canOversample() const noexcept FXENGINE_REALTIME override { return network_->canOversample(); }
  NetworkSummary summary() const override { return network_->summary(); }

  void prepare(int numStreams, int maxFrames) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override { network_->captureRest(); }
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override { network_->setKnobs(positions); }
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  void clearDelay(int stream) noexcept;

  std::unique_ptr<Network> network_;
  int latency_;
  std::size_t room_ = 0;      // of one stream: the last `latency_` frames, then the block
  std::vector<float> delays_; // empty without latency
};

} // namespace fxengine
