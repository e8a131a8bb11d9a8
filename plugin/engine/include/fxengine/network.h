// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/layer.h"

#include <memory>
#include <vector>

namespace fxengine {

/** What a backend implements: a stateful network from `inputSize` values per frame to one.

    The engine's own is LayerStack, from the run-time sized layers; kernels of fixed size and other libraries stand
    behind the same four calls. Everything around the network (gains, residual, knobs, faults) belongs to Model. */
class Network {
 public:
  virtual ~Network() = default;

  /** Makes room for `numStreams` independent streams of at most `maxFrames` frames a call, and clears all state. */
  virtual void prepare(int numStreams, int maxFrames) = 0;

  /** Sets one stream's state to zero. */
  virtual void reset(int stream) noexcept FXENGINE_REALTIME = 0;

  /** Runs `numFrames` frames of the first `numStreams` streams.
      input[s] holds frame after frame of `inputSize` values; output[s] takes one value per frame. */
  virtual void process(const float* const* input, float* const* output, int numStreams,
                       int numFrames) noexcept FXENGINE_REALTIME = 0;
};

/** Layers in a row, each running over the whole block before the next. */
class LayerStack final : public Network {
 public:
  /** The sizes must fit one another, and the last layer must have one output. */
  explicit LayerStack(std::vector<std::unique_ptr<Layer>> layers);

  void prepare(int numStreams, int maxFrames) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<float> signal_;      // two buffers per stream: a layer reads one and writes the other
  std::vector<float*> buffers_[2]; // per stream, into signal_
};

} // namespace fxengine
