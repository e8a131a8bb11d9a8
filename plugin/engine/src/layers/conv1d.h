// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/layer.h"
#include "layers/conv_rows.h"
#include "layers/row_activation.h"

#include <vector>

namespace fxengine::detail {

/** Causal dilated convolution over time, and a function of what comes out.

    y[o][t] = f(b[o] + sum over inputs i and taps k of w[o][i][k] x[i][t - (kernel - 1 - k) dilation]) */
class Conv1d final : public Layer {
 public:
  Conv1d(ConvData conv, WaveActivationData activation);

  std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME override { return 1 + data_.reach(); }

  void prepare(int numStreams) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override;
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  /** What a stream has seen, and how many frames ago it began. */
  struct Stream {
    Ring ring;
    std::size_t time = 0;
  };
  void processPart(Stream& stream, const float* input, float* output, int count) noexcept;

  ConvData data_;
  Conv conv_;
  WaveActivationData activation_;
  const simd::Kernels* kernels_;
  Buffer out_;
  std::vector<Stream> streams_;
  std::vector<Stream> resting_; // one, or none before captureRest()
};

} // namespace fxengine::detail
