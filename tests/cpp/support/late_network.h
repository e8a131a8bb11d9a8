// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/model.h>
#include <fxengine/network.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace test {

/** y[t] = gain x[t - latency] + knobs, added up: a network of known latency and receptive field. */
class LateNetwork final : public fxengine::Network {
 public:
  explicit LateNetwork(int latency, float gain = 1.0f, bool oversamples = true, int numKnobs = 0)
      : latency_(static_cast<std::size_t>(latency)), gain_(gain), oversamples_(oversamples), numKnobs_(numKnobs) {}

  int latencyFrames() const noexcept FXENGINE_REALTIME override { return static_cast<int>(latency_); }
  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override { return latencyFrames() + 1; }
  bool canOversample() const noexcept FXENGINE_REALTIME override { return oversamples_; }
  fxengine::NetworkSummary summary() const override {
    fxengine::NetworkSummary summary;
    summary.backend = "fxengine";
    return summary;
  }

  void prepare(int numStreams, int maxFrames) override {
    const std::size_t room = latency_ + static_cast<std::size_t>(maxFrames);
    streams_.assign(static_cast<std::size_t>(numStreams), std::vector<float>(room, 0.0f));
  }
  void reset(int stream) noexcept FXENGINE_REALTIME override {
    std::vector<float>& past = streams_[static_cast<std::size_t>(stream)];
    std::fill(past.begin(), past.end(), 0.0f);
  }
  void captureRest() override {}
  void rest(int stream) noexcept FXENGINE_REALTIME override { reset(stream); }
  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override {
    knobs_ = 0.0f;
    for (int knob = 0; knob < numKnobs_; ++knob)
      knobs_ += positions[knob];
  }
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override {
    for (int stream = 0; stream < numStreams; ++stream) {
      float* past = streams_[static_cast<std::size_t>(stream)].data();
      std::copy_n(input[stream], numFrames, past + latency_);
      for (int t = 0; t < numFrames; ++t)
        output[stream][t] = gain_ * past[t] + knobs_;
      std::copy_n(past + numFrames, latency_, past);
    }
  }

 private:
  std::size_t latency_;
  float gain_;
  bool oversamples_;
  int numKnobs_;
  float knobs_ = 0.0f;
  std::vector<std::vector<float>> streams_;
};

/** What is known of a LateNetwork's file. Its loudness is stated, so that no slot measures it. */
inline fxengine::ModelInfo lateInfo(double sampleRate = 48000.0) {
  fxengine::ModelInfo info;
  info.sampleRate = sampleRate;
  info.loudnessDb = -20.0;
  info.numWeights = 1;
  return info;
}

/** A signal that many frames late, as long as before. */
inline std::vector<float> late(const std::vector<float>& signal, int frames) {
  std::vector<float> result(signal.size(), 0.0f);
  const auto shift = std::min(static_cast<std::size_t>(frames), signal.size());
  std::copy(signal.begin(), signal.end() - static_cast<std::ptrdiff_t>(shift),
            result.begin() + static_cast<std::ptrdiff_t>(shift));
  return result;
}

} // namespace test
