// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <optional>
#include <string>

namespace fxengine {

/** How a network is played, as opposed to what its file says. */
struct NetworkSummary {
  std::string backend;                   ///< "fxengine" or "rtneural"
  std::string isa;                       ///< instruction set of fxengine's kernels; else ""
  std::string weightStorage = "float32"; ///< "bfloat16" if recurrent matrices are kept so
  std::string activations = "exact";     ///< or "fast"
  std::string approximation;             ///< what changes the output, in a clause; "" if nothing does
};

/** A stateful network from audio, and the positions of the knobs, to audio.

    What plays a model file: LayerStack and what else is in src/networks, or another library behind the same calls.
    What surrounds the network (gains, knobs, oversampling, faults) belongs to Model. */
class Network {
 public:
  virtual ~Network() = default;

  /** How much later than its input the output is, in frames. Fixed; known before prepare(). */
  virtual int latencyFrames() const noexcept FXENGINE_REALTIME = 0;

  /** How many frames of input an output frame depends on, counted back from its own, so more than latencyFrames().
      Nothing if there is no bound, as in a recurrent network. */
  virtual std::optional<int> receptiveFrames() const noexcept FXENGINE_REALTIME = 0;

  /** Whether each phase of an oversampled signal may be a stream of its own: see Oversampler. */
  virtual bool canOversample() const noexcept FXENGINE_REALTIME = 0;

  virtual NetworkSummary summary() const = 0;

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

  /** Chooses among networks of several sizes, 0 .. 1, for all streams; changes are faded. Nothing where there is one.
   */
  virtual void setQuality(float /*quality*/) noexcept FXENGINE_REALTIME {}

  /** Runs `numFrames` frames of the first `numStreams` streams, which share one pass over the weights.
      input[s] and output[s] hold one value per frame and must not overlap. */
  virtual void process(const float* const* input, float* const* output, int numStreams,
                       int numFrames) noexcept FXENGINE_REALTIME = 0;
};

} // namespace fxengine
