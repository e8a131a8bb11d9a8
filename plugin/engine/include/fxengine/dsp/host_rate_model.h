// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/model.h"
#include "fxengine/realtime/realtime.h"

#include <memory>

namespace fxengine {

/** A model at the host's sample rate, whatever its own.

        host rate -> filter -> model's rate -> Model -> filter -> host rate

    A model's sample rate is part of its weights: played at another, all its frequencies are off. Each filter is a
    windowed sinc of linear phase, sampled for the ratio of the two rates: a row of taps for each place that an output
    frame has between two input frames. With "the lower rate" the lower of the two, both filters together are

    - flat within 0.002 dB up to half the lower rate less 6.2 kHz: 15.85 kHz at 44.1 kHz, 17.8 kHz at 48 kHz; 0.02 dB
      down at most at 16 kHz;
    - 90 dB down from half the lower rate on, aliases and images alike;
    - 0.93 to 0.953 ms late between the usual rates. Below 44.1 kHz, latency and roll-off grow as the rate falls.

    The frames that the model is given lie at the times at which it would get them if the whole recording were
    resampled beforehand, the first at the first host frame: what it folds back is the same then, too, and the output
    is that of an offline conversion, `latencyFrames()` later.

    A ratio whose parts exceed 1000 (44100 to 47999, say) is rounded to the nearest that has smaller ones, by less
    than a millionth mostly, by half a thousandth at most. That shifts the model's frequencies and nothing else,
    since output goes back by the very ratio by which input came.

    Any sequence of block sizes gives the same output, bit for bit. prepare() allocates; what is marked is real-time
    safe. */
class HostRateModel {
 public:
  explicit HostRateModel(Model model);
  ~HostRateModel();
  HostRateModel(HostRateModel&&) noexcept;
  HostRateModel& operator=(HostRateModel&&) noexcept;

  Model& model() noexcept;
  const ModelInfo& info() const noexcept;

  /** As Model::prepare(). A model that names no rate, or the host's, is played as it is: bit for bit what
      Model::process() gives.
      @param maxFrames  blocks will mostly be no longer than this; longer ones are played too, in parts */
  void prepare(double hostRate, int numChannels, int maxFrames);

  /** Whether the two rates differ. */
  bool isConverting() const noexcept FXENGINE_REALTIME;

  /** Resets the model and the filters: all is as after prepare(). Knobs keep their positions. */
  void reset() noexcept FXENGINE_REALTIME;

  /** As Model::prewarm(), the filters included. */
  void prewarm() noexcept;

  /** Sets model and filters back to where prewarm() left them; as reset() without that. */
  void rest() noexcept FXENGINE_REALTIME;

  /** Clears what the filters remember; the network's state stays. For a model that was not run for a while. */
  void clearDelays() noexcept FXENGINE_REALTIME;

  /** As Model::process(). */
  void process(const float* const* input, float* const* output, int numChannels,
               int numFrames) noexcept FXENGINE_REALTIME;

  /** How much later than its input the output is, in frames of the host: conversion and the model's own latency. A
      whole number, exactly. From any thread, between two prepare(). */
  int latencyFrames() const noexcept FXENGINE_REALTIME;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace fxengine
