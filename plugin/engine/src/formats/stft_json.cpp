// SPDX-License-Identifier: MIT
#include "formats/stft_json.h"

#include "dsp/real_fft.h"
#include "formats/root_keys.h"
#include "formats/rtneural_layers.h"
#include "networks/stft_network.h"

#include <filesystem>
#include <memory>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr int kSmallestFft = 64, kLargestFft = 2046; // so that a layer can take all frequencies
constexpr int kSmallestHop = 16, kLargestHop = 512;
constexpr int kMostBands = 64, kLongestMemory = 256;

void readTransform(const JsonField& stft, StftData& data) {
  const JsonField nFft = stft.member("n_fft");
  data.nFft = nFft.integer(kSmallestFft, kLargestFft);
  if (!RealFft::suits(data.nFft))
    nFft.fail("an even number of no other factors than 2, 3 and 5");
  data.hop = stft.member("hop").integer(kSmallestHop, kLargestHop);
  if (4 * data.hop > data.nFft)
    stft.member("hop").fail("at most a quarter of n_fft");
  const JsonField windows = stft.member("windows");
  if (windows.text() != "asymmetric-hann")
    windows.fail("\"asymmetric-hann\"");
}

/** [signal][hop][bin] of real and imaginary parts, each bin's numbers in a list of their own for all hops. */
void readFilters(const JsonField& filters, StftData& data) {
  data.memory = filters.member("hops").integer(1, kLongestMemory);
  const auto numBins = static_cast<std::size_t>(data.numBins());
  const auto rows = static_cast<std::size_t>(data.numSignals() * data.memory);
  const std::string reason = std::to_string(data.numSignals()) + " signals and " + std::to_string(data.memory) +
                             " hops, " + std::to_string(data.numBins()) + " frequencies each";
  const std::vector<float> real = filters.member("real").matrix(rows, numBins, reason);
  const std::vector<float> imaginary = filters.member("imag").matrix(rows, numBins, reason);
  data.filters.reserve(2 * real.size());
  for (std::size_t index = 0; index < real.size(); ++index) {
    data.filters.push_back(real[index]);
    data.filters.push_back(imaginary[index]);
  }
}

void readNets(const JsonField& stft, StftData& data) {
  const JsonField kind = stft.member("kind");
  const JsonField nets = stft.member("nets");
  if (kind.text() == "magnitude-residual") {
    data.spectrum = readRtneuralLayers(nets.member("spectrum"), data.numBins(), data.numBins());
    return;
  }
  if (kind.text() != "mask")
    kind.fail("\"mask\" or \"magnitude-residual\"");
  if (const auto branch = nets.optionalMember("branch"))
    data.branch = readRtneuralLayers(*branch, 1);
  data.numBands = stft.member("bands").integer(1, kMostBands);
  data.masks = readRtneuralLayers(nets.member("masks"), data.numBands, data.numSignals() * data.numBands);
  readFilters(stft.member("filters"), data);
}

} // namespace

bool isStftJson(const Document& document) { return document.root.is_object() && document.root.contains("stft"); }

ModelDescription readStftJson(const Document& document) {
  const JsonField root(document.root, document.file);
  ModelDescription description;
  description.file = document.file;
  ModelInfo& info = description.info;
  info.name = std::filesystem::path(document.file).stem().string();
  readGainsAndRate(root, info);
  const MetadataFacts facts = readMetadata(root, info);
  const JsonField stft = root.member("stft");
  StftData data;
  data.sampleRate = info.sampleRate.value_or(kCustomaryRate);
  readTransform(stft, data);
  readNets(stft, data);
  info.architecture = data.isMask() ? "stft-mask" : "stft-lstm";
  info.numWeights = data.filters.size();
  for (const LayerList* list : {&data.branch, &data.spectrum, &data.masks}) {
    info.numWeights += numWeightsOf(*list);
    for (const LayerData& layer : list->layers)
      info.layers.push_back(layer.info);
  }
  description.vectors = readVectors(root, info.numInputs, facts.vectorsError);
  description.build = [shared = std::make_shared<const StftData>(std::move(data)),
                       file = document.file](const LoadOptions& options) {
    if (options.backend != "fxengine")
      throw ModelError(file, "stft", "a model without STFT with the backend " + options.backend, "one with it",
                       "take the backend fxengine");
    return makeStftNetwork(shared, options, file);
  };
  return description;
}

} // namespace fxengine::detail
