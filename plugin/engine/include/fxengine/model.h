// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fxengine {

class Network;

/** One layer as the file describes it. */
struct LayerInfo {
  std::string type; ///< as in the file: "lstm", "gru", "dense", "conv1d", "activation" and so on
  int inputSize = 0;
  int outputSize = 0;
  std::string activation; ///< "" where there is none
};

/** A control of the device that the model was trained on: an extra input of the network.
    The network sees a position from 0 to 1; `minimum` and `maximum` are what stands at its ends. */
struct KnobInfo {
  std::string name;
  std::string unit;
  double minimum = 0.0;
  double maximum = 1.0;
  double defaultValue = 0.5; ///< between minimum and maximum

  /** Where the default stands, 0 .. 1. */
  float defaultPosition() const noexcept { return static_cast<float>((defaultValue - minimum) / (maximum - minimum)); }
};

/** A level of the audio that the network gets as an input, behind the knobs: EnvelopeFollower. */
struct EnvelopeInfo {
  double attackMs = 0.0;
  double releaseMs = 0.0;
};

/** One of several networks of a file, from small to large. */
struct QualityInfo {
  double maxValue = 1.0; ///< indexForQuality() chooses it below this
  std::string architecture;
  std::size_t numWeights = 0;
};

/** Which of several networks a quality chooses: the first whose `maxValue` is greater, else the last. */
template <class Choices> std::size_t indexForQuality(const Choices& choices, float quality) noexcept {
  std::size_t index = 0;
  while (index + 1 < choices.size() && !(quality < static_cast<float>(choices[index].maxValue)))
    ++index;
  return index;
}

/** What came out when the file's own test vectors were played at load. */
struct SelfTest {
  int numFrames = 0;
  double maxError = 0.0;  ///< greatest absolute difference, full scale 1
  double tolerance = 0.0; ///< max(1e-5, 3 x the float32 error that the file states)
};

/** All that a file says of its model, beside the weights. */
struct ModelInfo {
  std::string name;         ///< metadata.name, else the file's name
  std::string backend;      ///< "fxengine" or "rtneural"
  std::string activations;  ///< "exact", or "fast" where they are approximated, on request: notes says how far off
  std::string isa;          ///< instruction set of fxengine's kernels: "sse2", "avx2", "avx512" or "neon"; else ""
  std::string architecture; ///< such as "lstm", "gru", "lstm+gru", "dense", "conv" or "wavenet"
  std::vector<LayerInfo> layers;
  int numWaveNetLayers = 0; ///< which `layers` does not list
  std::size_t numWeights = 0;
  int numInputs = 1;                     ///< audio, then one per knob
  std::vector<EnvelopeInfo> envelopes;   ///< further inputs of the network, which Model works out from the audio
  int numLinearTaps = 0;                 ///< of the filter after the network; 0 if there is none
  bool residual = false;                 ///< in_skip: the input is added to the network's output
  std::string weightStorage = "float32"; ///< how recurrent matrices are kept: "bfloat16" where a layer's are
  double inputGainDb = 0.0;
  double outputGainDb = 0.0;
  std::optional<double> sampleRate;     ///< Hz; the model sounds as trained at this rate only
  bool startsAtRest = false;            ///< its players prewarm it before they play: Model::prepare() does
  int oversampling = 1;                 ///< times the network runs per frame: 1, 2, 4 or 8
  int latencyFrames = 0;                ///< how much later than its input a Model's output is, all in all; before it is
                                        ///< built, as the file says
  int networkLatencyFrames = 0;         ///< the part of it that the network's structure has
  int oversamplingLatencyFrames = 0;    ///< the part of it that oversampling adds
  std::optional<double> loudnessDb;     ///< RMS of the output for loudnessClip(), dB of full scale, as the file says
  std::optional<double> inputLevelDbu;  ///< analog level that is full scale at the device's input
  std::optional<double> outputLevelDbu; ///< and at its output
  int lagFrames = 0; ///< how much later the recording was, removed in training: for alignment tests only
  std::vector<KnobInfo> knobs;
  std::vector<QualityInfo> qualities; ///< empty where the file holds one network
  double quality = 1.0;               ///< as it was loaded: Model::setQuality()
  std::optional<SelfTest> selfTest;   ///< nothing where the file has no test vectors
  std::vector<std::string> notes;     ///< what the file says that is not acted on, in one sentence each
  std::string metadata = "{}";        ///< the file's metadata object, as JSON text
};

/** A model that plays, whatever the backend.

        input -> input gain -> network -> linear stage -> output gain -> output
                               ^ knobs, envelopes

    Oversampled, the network runs at the higher rate: Oversampler. The linear stage is a filter without latency, of what
    a device has behind its amplifier: a loudspeaker, a room, a spring.

    Build it with loadModel() on a loading thread, prepare() it there, then hand it to the audio thread. Each channel is
    an independent stream with its own state. */
class Model {
 public:
  /** @param info        with the latency that its file states, which counts if it is more than the network's own
      @param network     takes the audio, and info.knobs.size() knobs; prepared by prepare()
      @param linearTaps  of the filter after it, newest frame first; empty for none */
  Model(ModelInfo info, std::unique_ptr<Network> network, std::vector<float> linearTaps = {});
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelInfo& info() const noexcept;

  /** How much later than its input the output is, in frames: info().latencyFrames. */
  int latencyFrames() const noexcept FXENGINE_REALTIME;

  /** Makes room for `numChannels` channels and blocks of up to `maxFrames` frames, and clears all state; prewarms the
      model if info().startsAtRest. Allocates; not for the audio thread. Longer blocks are played too, in parts. */
  void prepare(int numChannels, int maxFrames);

  /** Sets the state of all channels back to what prepare() left: zero, or at rest if info().startsAtRest. Knobs keep
      their positions. */
  void reset() noexcept FXENGINE_REALTIME;

  /** Plays silence from zero state until the output no longer moves, and leaves all channels so: at rest, with the
      knobs where they are. From zero state most networks answer silence with a click.

      To be called after prepare(), not on the audio thread: it plays up to kMaxPrewarmSeconds, less if the model is
      large; with a network that has a bounded receptive field, as many frames as that. Allocates nothing.
      @return  how many frames of silence it took; 0 before prepare() */
  int prewarm() noexcept;

  /** Sets the state of all channels back to where prewarm() left it; as reset() without that. */
  void rest() noexcept FXENGINE_REALTIME;

  /** What comes out at rest; 0 before prewarm(). */
  float restOutput() const noexcept FXENGINE_REALTIME;

  /** Plays one block. Real-time safe; `output[c]` may be `input[c]`, else they must not overlap.

      Any sequence of block sizes gives the same output, bit for bit. Channels beyond the prepared number, and all of
      them before prepare(), are silent.

      Where the input or the output of a channel is NaN or infinite, that channel is silent for the rest of the part of
      the block in hand (at most kMaxPart frames), its state is set as by rest(), and numFaults() grows by one. */
  void process(const float* const* input, float* const* output, int numChannels,
               int numFrames) noexcept FXENGINE_REALTIME;

  /** Moves a knob, from any thread; the next process() takes it up. A knob keeps one position for a whole block.
      @param index     0 .. info().knobs.size() - 1; other values are ignored
      @param position  0 .. 1, limited to that range; NaN is ignored */
  void setKnob(int index, float position) noexcept FXENGINE_REALTIME;

  /** The knob's position, 0 .. 1. */
  float knob(int index) const noexcept FXENGINE_REALTIME;

  /** Chooses the largest network of a file that holds several (info().qualities) by 1, smaller ones by less. From any
      thread; the next process() takes it up, and fades to the other network: its own sound is heard after some tenths
     of a second, as long as it takes to know what was played before.
      @param quality  0 .. 1, limited to that range; NaN is ignored */
  void setQuality(float quality) noexcept FXENGINE_REALTIME;

  /** As it was set last, 0 .. 1. */
  float quality() const noexcept FXENGINE_REALTIME;

  /** How often NaN or infinity was turned into silence since the last prepare(). From any thread. */
  std::uint64_t numFaults() const noexcept FXENGINE_REALTIME;

  /** Longest part of a block that is run at once, in frames. */
  static constexpr int kMaxPart = 256;

  /** Longest silence that prewarm() plays, at the model's sample rate. */
  static constexpr double kMaxPrewarmSeconds = 5.0;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace fxengine
