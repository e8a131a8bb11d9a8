// SPDX-License-Identifier: MIT
#include "fxengine/model_loader.h"

#include "dsp/phase_check.h"
#include "formats/foreign.h"
#include "formats/format.h"
#include "fxengine/dsp/oversampler.h"
#include "fxengine/simd/isa.h"
#include "self_test.h"
#include "work.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace fxengine {
namespace {

std::string readFile(const std::filesystem::path& path, const std::string& name) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    throw ModelError(name, "", "a model file", "no such file");
  if (!std::filesystem::is_regular_file(status)) {
    throw ModelError(name, "", "a model file", std::filesystem::is_directory(status) ? "a folder" : "no regular file");
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw ModelError(name, "", "a file that can be read", "one that cannot be opened");
  std::string text;
  const auto size = std::filesystem::file_size(path, error);
  if (!error && size > ModelLimits::kMaxFileBytes) {
    throw ModelError(name, "", "at most " + std::to_string(ModelLimits::kMaxFileBytes >> 20) + " MiB",
                     std::to_string(size >> 20) + " MiB");
  }
  text.resize(error ? 0 : static_cast<std::size_t>(size));
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  return text;
}

void requireBackend(const std::string& name, const LoadOptions& options) {
  const std::string& backend = options.backend;
  const auto& backends = availableBackends();
  if (std::find(backends.begin(), backends.end(), backend) != backends.end()) {
    if (backend != "fxengine" && options.weightStorage == WeightStorage::bfloat16)
      throw ModelError(name, "weight storage", "float32 with the backend " + backend, "bfloat16");
    if (backend != "fxengine" && options.activations == Activations::fast)
      throw ModelError(name, "activations", "exact with the backend " + backend, "fast");
    return;
  }
  std::string all;
  for (const std::string& entry : backends)
    all += (all.empty() ? "" : " or ") + entry;
  throw ModelError(name, "backend", all + " in this build", backend);
}

void requireIsa(const std::string& name) {
  if (const std::string missing = simd::missingIsa(); !missing.empty()) {
    throw ModelError(name, "FXENGINE_ISA",
                     "an instruction set of this processor and build (" + simd::availableIsaNames() + ")", missing);
  }
}

void requireOversampling(const std::string& name, int factor) {
  const auto& factors = Oversampler::kFactors;
  if (factor == 1 || std::find(std::begin(factors), std::end(factors), factor) != std::end(factors))
    return;
  throw ModelError(name, "oversampling", "1, 2, 4 or 8", std::to_string(factor));
}

void requireQuality(const std::string& name, double quality) {
  if (quality >= 0.0 && quality <= 1.0)
    return;
  char found[32];
  std::snprintf(found, sizeof found, "%g", quality);
  throw ModelError(name, "quality", "a number from 0 to 1", found);
}

/** Tries the network as it is to be played: refuses it where it bursts, notes where its phases do not agree. */
void tryOversampled(const std::string& name, int factor, ModelInfo& info, Network& network) {
  constexpr double kAudible = 1e-3; // -60 dB below full scale
  std::vector<float> positions;
  for (const KnobInfo& knob : info.knobs)
    positions.push_back(knob.defaultPosition());
  const detail::PhaseCheck check = detail::checkPhases(network, positions, factor, detail::workOfFrame(info));
  if (!check.finite) {
    throw ModelError(name, "oversampling", "a network that stays finite on noise of full scale and on silence",
                     "NaN or infinity", "play it without oversampling");
  }
  if (check.motion > kAudible) {
    info.notes.push_back("the network goes on sounding in silence; oversampled, its phases do so out of step");
  } else if (check.spread > kAudible) {
    info.notes.push_back(
        "the network rests at several levels in silence; oversampled, its phases may choose different ones");
  }
}

/** Plays the test vectors if asked to, and notes what approximations do to the output. */
void tryNetwork(const ModelDescription& description, const LoadOptions& options, ModelInfo& info, Network& network) {
  const std::string approximation = network.summary().approximation;
  std::unique_ptr<Network> exact; // the test vectors are of the weights as they stand in the file
  if (!approximation.empty()) {
    LoadOptions asInFile;
    asInFile.backend = options.backend;
    asInFile.weightStorage = WeightStorage::float32;
    exact = description.build(asInFile);
  }
  if (options.selfTest)
    info.selfTest = detail::runSelfTest(description, exact ? *exact : network, info.notes);
  if (exact)
    info.notes.push_back(detail::describeApproximation(approximation, description, *exact, network));
}

} // namespace

const std::vector<std::string>& availableBackends() {
  static const std::vector<std::string> backends {
    "fxengine",
#if FXENGINE_WITH_RTNEURAL
        "rtneural",
#endif
  };
  return backends;
}

ModelDescription readModel(std::string_view text, const std::string& name) {
  if (text.size() > ModelLimits::kMaxFileBytes)
    throw ModelError(name, "", "at most " + std::to_string(ModelLimits::kMaxFileBytes >> 20) + " MiB", "more");
  if (const std::string binary = detail::describeBinary(text); !binary.empty())
    throw ModelError(name, "", detail::kPlayable, binary);
  return detail::readDocument({name, detail::parseJson(text, name)});
}

Model buildModel(const ModelDescription& description, const LoadOptions& options) {
  const std::string& name = description.file;
  requireBackend(name, options);
  requireOversampling(name, options.oversampling);
  requireQuality(name, options.quality);
  requireIsa(name);
  ModelInfo info = description.info;
  std::unique_ptr<Network> network = description.build(options);
  NetworkSummary summary = network->summary();
  info.backend = std::move(summary.backend);
  info.isa = std::move(summary.isa);
  info.weightStorage = std::move(summary.weightStorage);
  info.activations = std::move(summary.activations);
  tryNetwork(description, options, info, *network);
  if (options.oversampling > 1 && !network->canOversample()) {
    info.notes.push_back("this kind of network cannot be oversampled; it is played at its own rate");
  } else if (options.oversampling > 1) {
    tryOversampled(name, options.oversampling, info, *network);
    info.oversampling = options.oversampling;
  }
  info.quality = options.quality;
  if (options.quality < 1.0 && info.qualities.empty())
    info.notes.push_back("the file holds a single network; the quality asked for is not used");
  std::vector<float> taps = options.linearStage ? description.linearTaps : std::vector<float>();
  info.numLinearTaps = static_cast<int>(taps.size());
  return {std::move(info), std::move(network), std::move(taps)};
}

Model parseModel(std::string_view text, const std::string& name, const LoadOptions& options) {
  return buildModel(readModel(text, name), options);
}

Model loadModel(const std::filesystem::path& path, const LoadOptions& options) {
  const std::string name = path.string();
  return parseModel(readFile(path, name), name, options);
}

} // namespace fxengine
