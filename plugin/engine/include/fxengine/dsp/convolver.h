// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/dsp/impulse_response.h"
#include "fxengine/realtime/realtime.h"

#include <memory>
#include <vector>

namespace fxengine {

/** Plays audio through an impulse response, without latency.

    The first partition of the response is a filter in the time domain; the others work on spectra of whole partitions
    of the input (overlap-save), and what they give is due one partition later at the earliest:

        response   | 0        | 1        | 2        | ...   partitions of 64 taps, of 256 where there are over 4096
                   | filter   | spectra: sum over p of X[b - p] H[p], one transform there and one back a partition

    The multiplications of a partition are spread over its frames, so that no block bears all of them.

    Before it is played a response is
    - cut to 2 seconds, the last 10 ms of which are then faded out by half a cosine;
    - brought to `sampleRate`, if its own differs, keeping its frequency response;
    - scaled so that pink noise from 80 Hz to 5 kHz, the range of a guitar, comes out as strong as it went in. With H
      the transform of the cut response at its own rate, padded with zeros to the power of two that is at least twice
      its length and at least 65536: gain^2 = sum of 1/f over sum of |H(f)|^2 / f, over the bins with
      80 Hz <= f <= 5 kHz. Two channels get one gain, that of the louder; and where it would lift any bin by more than
   24 dB above unity, as with a response that has next to nothing in that range, the gain is less, for that bin to be at
    24 dB.

    Silence at the start of a response is kept: it is the way from the loudspeaker to the microphone, on which a blend
    depends.

    A response of one channel serves all channels alike. One of two channels is left for channel 0 and right for the
    others; prepared for a single channel, it is the mean of the two.

    Any sequence of block sizes gives the same output, bit for bit. The constructor and prepare() allocate; what is
    marked is real-time safe. */
class Convolver {
 public:
  /** Longest response, in seconds. */
  static constexpr double kLongest = 2.0;

  /** Not for the audio thread.
      @param sampleRate  of what will be played through it, Hz
      @throws std::invalid_argument  with a sentence for the user: no channel or more than two, of unequal length,
      empty, silent, NaN or infinite, or a sample rate outside 1 kHz .. 1 MHz */
  Convolver(const ImpulseResponse& response, double sampleRate);

  /** Plays taps as they stand, of any length but 0: neither cut nor scaled. */
  explicit Convolver(std::vector<float> taps);

  ~Convolver();
  Convolver(Convolver&&) noexcept;
  Convolver& operator=(Convolver&&) noexcept;

  /** Makes room for `numChannels` channels, and clears all state. Blocks may have any length. */
  void prepare(int numChannels, int maxFrames);

  /** Forgets the input so far: as after prepare(). */
  void reset() noexcept FXENGINE_REALTIME;

  /** The same for one channel, which was not played for a while. */
  void reset(int channel) noexcept FXENGINE_REALTIME;

  /** Plays one block. `output[c]` may be `input[c]`. Channels beyond the prepared number are silent. */
  void process(const float* const* input, float* const* output, int numChannels,
               int numFrames) noexcept FXENGINE_REALTIME;

  /** Whether left and right differ. */
  bool isStereo() const noexcept FXENGINE_REALTIME;

  /** Length of the response as it is played, in frames. */
  int numTaps() const noexcept FXENGINE_REALTIME;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace fxengine
