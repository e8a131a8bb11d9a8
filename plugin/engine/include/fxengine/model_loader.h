// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/error.h"
#include "fxengine/model.h"
#include "fxengine/network.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fxengine {

/** What a file may ask for; beyond it is a ModelError. Keeps a hostile file from taking all memory, or all time. */
struct ModelLimits {
  static constexpr std::size_t kMaxFileBytes = std::size_t{32} << 20;
  static constexpr int kMaxLayers = 64;
  static constexpr int kMaxLayerSize = 1024; ///< values into or out of a layer
  static constexpr int kMaxInputs = 16;      ///< audio, knobs and envelopes
  static constexpr std::size_t kMaxLinearTaps = std::size_t{1} << 16;
  static constexpr std::size_t kMaxWeights = std::size_t{1} << 21;
  static constexpr std::size_t kMaxPastValues = std::size_t{1} << 22; ///< that convolutions look back at, together
  static constexpr std::size_t kMaxContainers = std::size_t{1} << 18; ///< JSON arrays, objects, keys and texts
  static constexpr std::size_t kMaxValues = kMaxWeights + kMaxContainers;
  static constexpr int kMaxNesting = 32;                                 ///< of JSON arrays and objects
  static constexpr std::size_t kMaxMetadataBytes = std::size_t{1} << 18; ///< as compact JSON
  /** Multiplications of a self-test, about. Test vectors that take more are played up to there: a second at most. */
  static constexpr double kMaxTestWork = 2e9;
};

/** How the recurrent matrices of a model are kept in memory; everything else is float32.
    bfloat16 is the upper half of a float32: the same range, 8 significant bits. */
enum class WeightStorage {
  automatic, ///< bfloat16 where the file's weights are such numbers and it is faster, which changes nothing else
  float32,
  bfloat16 ///< round them where they are not; info().notes says what that does to the output
};

/** How tanh and sigmoid are worked out in recurrent layers. */
enum class Activations {
  exact, ///< to float32 rounding
  fast   ///< to 6e-5, in layers of 8, 12, 16, 20, 24, 32 or 40 units; info().notes says what that does to the output
};

struct LoadOptions {
  /** "fxengine", or "rtneural" where that backend is built. */
  std::string backend = "fxengine";
  /** Play the file's test vectors, if it has any, and refuse the file when the output differs. */
  bool selfTest = true;
  /** Other than bfloat16 with the backend "fxengine" only. */
  WeightStorage weightStorage = WeightStorage::automatic;
  /** Other than exact with the backend "fxengine" only. */
  Activations activations = Activations::exact;
  /** 1, 2, 4 or 8: plays the network at so many times its sample rate, which keeps what it distorts from folding back
      as inharmonic tones. Costs about as many times the work, and the latency that info().latencyFrames tells. */
  int oversampling = 1;
  /** Play the linear stage behind the network, if the file has one. Without it an amplifier sounds as it does before
     its loudspeaker. */
  bool linearStage = true;
  /** 0 to 1, of a file that holds networks of several sizes: Model::setQuality(). The largest is the default. */
  double quality = 1.0;
};

/** Frames that a file holds to test its player with: played from zero state, all gains at 1. */
struct TestVectors {
  std::vector<float> input;  ///< frames of [audio, knobs ...]
  std::vector<float> output; ///< one value per frame, without the latency of the network
  std::string outputField;   ///< what the file calls it, for messages
  double error = 0.0;        ///< greatest float32 error that the writer measured
};

/** A model file, read and checked: all that is needed to build what plays it, as often as needed.

    Immutable once read. Copies share the weights; threads may share one description. */
struct ModelDescription {
  std::string file; ///< as messages name it
  ModelInfo info;   ///< what the file says. What depends on how it is played is for Model::info()
  std::optional<TestVectors> vectors;
  std::vector<float> linearTaps; ///< of the filter after the network, newest frame first; empty for none
  /** Makes the network: by backend, weightStorage and activations alone. May throw ModelError. */
  std::function<std::unique_ptr<Network>(const LoadOptions& options)> build;
};

/** Names of the backends of this build, the default first. */
const std::vector<std::string>& availableBackends();

/** Reads a model file from text in memory: RTNeural JSON, with or without AIDA-X's root keys (docs/model-format.md).

    Allocates and may take a while; for a loading thread. `name` stands for the file in messages. Throws ModelError. */
ModelDescription readModel(std::string_view text, const std::string& name);

/** Builds a model that plays. Allocates and plays the test vectors; for a loading thread. Call prepare() on the result.

    A network that cannot be oversampled is played at its own rate, and info().notes says so. Throws ModelError. */
Model buildModel(const ModelDescription& description, const LoadOptions& options = {});

/** Reads and builds. */
Model parseModel(std::string_view text, const std::string& name, const LoadOptions& options = {});

/** The same from a file. Throws ModelError for a missing or unreadable file too. */
Model loadModel(const std::filesystem::path& path, const LoadOptions& options = {});

/** Whether a text that is to be JSON holds a number of more than 4096 characters. A parser takes six times the length
   of such a number in memory. */
bool holdsEndlessNumber(std::string_view text) noexcept;

/** Whether a text is JSON of at most so many values (texts, numbers, keys, lists and objects), nested at most so deep.
    Takes no more memory than the longest text in it: check a stranger's document before anything is made of it. What
    holds an endless number is not. */
bool isJsonWithin(std::string_view text, std::size_t maxValues = ModelLimits::kMaxValues,
                  int maxNesting = ModelLimits::kMaxNesting);

/** Says what a file is, from its content alone, in a few words: "a Neural Amp Modeler model (.nam 0.5.4, LSTM)",
    "an RTNeural JSON model", "a WAV audio file", or "" where nothing is recognised. Never throws for content. */
std::string describeContent(std::string_view content);

} // namespace fxengine
