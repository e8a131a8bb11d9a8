// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"

#include <memory>
#include <vector>

namespace fxengine::detail {

/** Networks in a row, each of which plays what the one before gives. They have latency 0 and no knobs. */
class Sequence final : public Network {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Network>> networks) : networks_(std::move(networks)) {}

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return 0; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override;
  bool canOversample() const noexcept FXENGINE_REALTIME override;
  NetworkSummary summary() const override { return networks_.front()->summary(); }

  void prepare(int numStreams, int maxFrames) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override;
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  void setKnobs(const float*) noexcept FXENGINE_REALTIME override {}
  void setQuality(float quality) noexcept FXENGINE_REALTIME override;
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  std::vector<std::unique_ptr<Network>> networks_;
  std::vector<float> memory_[2];
  std::vector<float*> buffers_[2]; // per stream: a network reads one and writes the other
};

} // namespace fxengine::detail
