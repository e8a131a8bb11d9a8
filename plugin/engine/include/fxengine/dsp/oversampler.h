// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fxengine {

namespace simd {
struct SymmetricFir;
}

/** Takes audio to `factor` times its sample rate and back, kept apart by phase.

    Phase q holds the samples q, q + factor, q + 2 factor ... of the higher rate: a signal at the base rate, frame for
    frame beside the others. That is what a recurrent network with its state delayed by the factor works on: the phases
    are independent streams of the network as it was trained. All filters run along time in this form too.

        input -> upsample -> phases() -> network, factor streams a channel -> results() -> downsample -> output

    For factor 4, with one-sample delays of the even phases not drawn:

        x --+-----------------+----------- phase 0        0 --\
            |                 +- filter -- phase 1        1 ---+- filter --\
            +- filter --+----------------- phase 2        2 --\             +- filter -> y
                        +------- filter -- phase 3        3 ---+- filter --/

    Linear phase; the whole path is `latency` frames late, to the sample. Figures of the filters: half_band.h.
    Any block size gives the same output, bit for bit. prepare() allocates; what is marked is real-time safe. */
class Oversampler {
 public:
  static constexpr int kFactors[] = {2, 4, 8};

  /** @param factor  one of kFactors */
  explicit Oversampler(int factor);

  int factor() const noexcept { return factor_; }

  /** How much later than its input the output is, in frames of the base rate: 76, 82 or 84; 0 for factor 1. */
  static int latencyFrames(int factor) noexcept;

  /** Makes room for blocks of up to `maxFrames` frames, and clears all state. */
  void prepare(int numChannels, int maxFrames);

  /** Clears one channel: as after prepare(). */
  void reset(int channel) noexcept FXENGINE_REALTIME;

  /** Takes the state of channel 0 as the one at rest. Until then, and after prepare(), that is zero. */
  void captureRest();

  /** Sets one channel's state to the one at rest. */
  void rest(int channel) noexcept FXENGINE_REALTIME;

  /** Where the next block's input goes, before upsample(). */
  float* input(int channel) noexcept FXENGINE_REALTIME;

  /** From input() to phases(). */
  void upsample(int channel, int numFrames) noexcept FXENGINE_REALTIME;

  /** The block at the higher rate: phase q of a channel is at [channel * factor + q]. */
  const float* const* phases() const noexcept FXENGINE_REALTIME { return phases_.data(); }

  /** Where the block goes that is to be brought down, in the same order, before downsample(). */
  float* const* results() noexcept FXENGINE_REALTIME { return results_.data(); }

  /** From results() to output(). To be called once after each upsample(): the two move on together. */
  void downsample(int channel, int numFrames) noexcept FXENGINE_REALTIME;

  /** The block at the base rate, until the next downsample() of the channel. */
  float* output(int channel) noexcept FXENGINE_REALTIME;

 private:
  /** A buffer that many frames late. */
  struct Signal {
    int buffer;
    int delay;
  };

  /** output[t] = centreTap * centre[t] + sum over j of taps[j] * (before[j][t] + after[j][t]) */
  struct Filter {
    std::vector<float> taps;
    std::vector<Signal> before, after;
    float centreTap = 0.0f;
    Signal centre = {0, 0};
    int output = 0;
    std::vector<std::int32_t> beforeAt, afterAt; // from the start of a channel's memory
    std::int32_t centreAt = 0;
  };

  Signal at(const std::vector<Signal>& signal, int phase, int age) const;
  int addBuffer();
  std::vector<Signal> addInterpolator(const std::vector<Signal>& signal, int stage);
  std::vector<Signal> addDecimator(const std::vector<Signal>& signal, int stage);
  void addPair(Filter& filter, const std::vector<Signal>& signal, int phase, int age, int distance, double tap);
  void use(const Signal& signal);
  void run(const Filter& filter, float* channel, int numFrames) const noexcept;

  int factor_;
  void (*symmetricFir_)(const simd::SymmetricFir& fir, const float* base, float* output, int numFrames);
  std::vector<Filter> up_, down_; // in the order to run them
  std::vector<Signal> phaseSignals_;
  std::vector<Signal> resultSignals_;
  int output_ = 0; // buffer of the block at the base rate

  std::vector<int> history_;       // per buffer: frames of the past that are kept before the block
  std::vector<std::size_t> block_; // per buffer: where the block starts in a channel's memory
  std::size_t channelSize_ = 0;
  std::vector<float> memory_;
  std::vector<float> atRest_;    // of one channel
  std::vector<float*> channels_; // into memory_, aligned
  std::vector<const float*> phases_;
  std::vector<float*> results_;
};

} // namespace fxengine
