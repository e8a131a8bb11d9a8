// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <optional>

namespace fxengine {

/** One layer of a network: `inputSize` values in, `outputSize` values out, frame by frame.

    A signal is stored frame by frame: value k of frame t stands at [t * frameStride(size) + k]. Each stream (audio
    channel) has its own signal and its own state; the weights are shared. */
class Layer {
 public:
  virtual ~Layer() = default;

  int inputSize() const noexcept { return inputSize_; }
  int outputSize() const noexcept { return outputSize_; }

  /** How many frames of input an output frame depends on, its own included; nothing if there is no bound. */
  virtual std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME { return 1; }

  /** Distance of frames of `size` values, in floats. Signals of more than one value begin at a multiple of kAlignment
      bytes, so that vectors of every processor can be read and written whole; what stands between frames is
      undefined. */
  static constexpr int frameStride(int size) noexcept { return size == 1 ? 1 : (size + 15) / 16 * 16; }
  static constexpr int kAlignment = 64;

  /** Has the last `numKnobs` inputs come from setKnobs(); frames then hold the others. False where a layer cannot. */
  virtual bool takeKnobs(int /*numKnobs*/) { return false; }
  virtual void setKnobs(const float* /*positions*/) noexcept FXENGINE_REALTIME {}

  /** Makes room for the state of `numStreams` streams, and clears it. Allocates. */
  virtual void prepare(int numStreams) = 0;

  /** Sets one stream's state to zero. */
  virtual void reset(int stream) noexcept FXENGINE_REALTIME = 0;

  /** Takes the state of stream 0 as the one at rest. Until then, and after prepare(), that is zero. */
  virtual void captureRest() {}

  /** Sets one stream's state to the one at rest. */
  virtual void rest(int stream) noexcept FXENGINE_REALTIME { reset(stream); }

  /** Runs `numFrames` frames of each of the first `numStreams` streams.
      input[s] and output[s] must not overlap. */
  virtual void process(const float* const* input, float* const* output, int numStreams,
                       int numFrames) noexcept FXENGINE_REALTIME = 0;

 protected:
  Layer(int inputSize, int outputSize) noexcept : inputSize_(inputSize), outputSize_(outputSize) {}
  Layer(const Layer&) = default;
  Layer& operator=(const Layer&) = default;

  void setOutputSize(int outputSize) noexcept { outputSize_ = outputSize; }

 private:
  int inputSize_;
  int outputSize_;
};

} // namespace fxengine
