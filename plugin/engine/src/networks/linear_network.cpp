// SPDX-License-Identifier: MIT
#include "networks/linear_network.h"

#include "fxengine/dsp/convolver.h"
#include "fxengine/simd/isa.h"

#include <cstddef>
#include <numeric>
#include <utility>

namespace fxengine::detail {
namespace {

/** Each stream has a convolver of its own, so that it can begin a partition when it is reset.

    The filter cannot be left in the middle of a sound, so that a state at rest is an input that has always been there:
    it is taken off what goes in, and what the filter makes of it is added to what comes out. */
class LinearNetwork final : public Network {
 public:
  LinearNetwork(std::vector<float> taps, float bias)
      : taps_(std::move(taps)), gain_(std::accumulate(taps_.begin(), taps_.end(), 0.0)), bias_(bias) {}

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return 0; }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override {
    return static_cast<int>(taps_.size());
  }
  bool canOversample() const noexcept FXENGINE_REALTIME override { return true; }
  NetworkSummary summary() const override {
    NetworkSummary summary;
    summary.backend = "fxengine";
    summary.isa = simd::isaName(simd::isaInUse());
    return summary;
  }

  void prepare(int numStreams, int maxFrames) override {
    streams_.clear();
    for (int stream = 0; stream < numStreams; ++stream) {
      streams_.push_back({Convolver(taps_), 0.0f, 0.0f});
      streams_.back().convolver.prepare(1, maxFrames);
    }
    restInput_ = 0.0f;
  }
  void reset(int stream) noexcept FXENGINE_REALTIME override { start(stream, 0.0f); }
  void captureRest() override { restInput_ = streams_.front().lastInput; }
  void rest(int stream) noexcept FXENGINE_REALTIME override { start(stream, restInput_); }
  void setKnobs(const float*) noexcept FXENGINE_REALTIME override {}

  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override {
    for (int index = 0; index < numStreams; ++index) {
      Stream& stream = streams_[static_cast<std::size_t>(index)];
      float* y = output[index];
      for (int t = 0; t < numFrames; ++t)
        y[t] = input[index][t] - stream.removed;
      if (numFrames > 0)
        stream.lastInput = input[index][numFrames - 1];
      stream.convolver.process(&y, &y, 1, numFrames);
      const float level = bias_ + static_cast<float>(gain_ * double{stream.removed});
      for (int t = 0; t < numFrames; ++t)
        y[t] += level;
    }
  }

 private:
  struct Stream {
    Convolver convolver;
    float removed, lastInput;
  };

  void start(int stream, float removed) noexcept {
    Stream& s = streams_[static_cast<std::size_t>(stream)];
    s.convolver.reset();
    s.removed = s.lastInput = removed;
  }

  std::vector<float> taps_;
  double gain_; // at 0 Hz
  float bias_;
  std::vector<Stream> streams_;
  float restInput_ = 0.0f;
};

} // namespace

std::unique_ptr<Network> makeLinearNetwork(std::vector<float> taps, float bias) {
  return std::make_unique<LinearNetwork>(std::move(taps), bias);
}

} // namespace fxengine::detail
