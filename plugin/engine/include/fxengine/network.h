// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/layer.h"

#include <memory>
#include <vector>

namespace fxengine {

/** What a backend implements: a stateful network from audio, and the positions of the knobs, to audio.

    The engine's own is LayerStack, whose layers choose kernels for their sizes and the processor; other libraries stand
    behind the same calls. Everything around the network (gains, residual, knobs, faults) belongs to Model. */
class Network {
 public:
  virtual ~Network() = default;

  /** Makes room for `numStreams` independent streams of at most `maxFrames` frames a call, and clears all state. */
  virtual void prepare(int numStreams, int maxFrames) = 0;

  /** Sets one stream's state to zero. */
  virtual void reset(int stream) noexcept FXENGINE_REALTIME = 0;

  /** Takes the state of stream 0 as the one at rest. Until then, and after prepare(), that is zero. */
  virtual void captureRest() = 0;

  /** Sets one stream's state to the one at rest. */
  virtual void rest(int stream) noexcept FXENGINE_REALTIME = 0;

  /** Sets the network's inputs beside the audio, as many as the model has knobs, for all streams until the next call.
      At first they are 0. */
  virtual void setKnobs(const float* positions) noexcept FXENGINE_REALTIME = 0;

  /** Runs `numFrames` frames of the first `numStreams` streams, which share one pass over the weights.
      input[s] and output[s] hold one value per frame and must not overlap. */
  virtual void process(const float* const* input, float* const* output, int numStreams,
                       int numFrames) noexcept FXENGINE_REALTIME = 0;
};

/** Layers in a row, each running over the whole block before the next. */
class LayerStack final : public Network {
 public:
  /** The sizes must fit one another; the first layer takes the audio and then the knobs, the last has one output. */
  explicit LayerStack(std::vector<std::unique_ptr<Layer>> layers);
  ~LayerStack() override;

  void prepare(int numStreams, int maxFrames) override;
  void reset(int stream) noexcept FXENGINE_REALTIME override;
  void captureRest() override;
  void rest(int stream) noexcept FXENGINE_REALTIME override;
  void setKnobs(const float* positions) noexcept FXENGINE_REALTIME override;
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<float> knobs_;
  bool knobsApart_ = false; // the first layer takes them by setKnobs()
  struct Signals;
  std::unique_ptr<Signals> signals_;
};

} // namespace fxengine
