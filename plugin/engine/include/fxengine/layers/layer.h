// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

namespace fxengine {

/** One layer of a network: `inputSize` values in, `outputSize` values out, frame by frame.

    A signal between layers is stored frame by frame: value k of frame t stands at [t * size + k]. Each stream (audio
    channel) has its own signal and its own state; the weights are shared. */
class Layer {
 public:
  virtual ~Layer() = default;

  int inputSize() const noexcept { return inputSize_; }
  int outputSize() const noexcept { return outputSize_; }

  /** Makes room for the state of `numStreams` streams, and clears it. Allocates. */
  virtual void prepare(int numStreams) = 0;

  /** Sets one stream's state to zero. */
  virtual void reset(int stream) noexcept FXENGINE_REALTIME = 0;

  /** Runs `numFrames` frames of each of the first `numStreams` streams.
      input[s] and output[s] must not overlap. */
  virtual void process(const float* const* input, float* const* output, int numStreams,
                       int numFrames) noexcept FXENGINE_REALTIME = 0;

 protected:
  Layer(int inputSize, int outputSize) noexcept : inputSize_(inputSize), outputSize_(outputSize) {}
  Layer(const Layer&) = default;
  Layer& operator=(const Layer&) = default;

 private:
  int inputSize_;
  int outputSize_;
};

} // namespace fxengine
