// SPDX-License-Identifier: MIT
#pragma once

#include "test_models.h"

namespace test {

struct StftSpec {
  int nFft = 256;
  int hop = 32;
  int bands = 6;
  int memory = 5;
  int branchSize = 3; ///< 0 leaves the branch out
};

/** A model of masks with random weights. */
inline Json makeStftMask(const StftSpec& spec, unsigned seed) {
  const int numSignals = spec.branchSize > 0 ? 2 : 1;
  Json nets = {
      {"masks", makeModel(spec.bands, {{"gru", 4}, {"dense", numSignals * spec.bands, "sigmoid"}}, seed)["layers"]}};
  if (spec.branchSize > 0)
    nets["branch"] = makeModel(1, {{"lstm", spec.branchSize}, {"dense", 1}}, seed + 1)["layers"];
  const auto numBins = static_cast<std::size_t>(spec.nFft / 2 + 1);
  Json real = Json::array(), imaginary = Json::array();
  for (int row = 0; row < numSignals * spec.memory; ++row) {
    real.push_back(noise(numBins, seed + 2 + static_cast<unsigned>(row), 0.3f));
    imaginary.push_back(noise(numBins, seed + 100 + static_cast<unsigned>(row), 0.3f));
  }
  return {{"stft",
           {{"kind", "mask"},
            {"n_fft", spec.nFft},
            {"hop", spec.hop},
            {"windows", "asymmetric-hann"},
            {"bands", spec.bands},
            {"nets", nets},
            {"filters", {{"hops", spec.memory}, {"real", real}, {"imag", imaginary}}}}},
          {"samplerate", 48000}};
}

/** One that passes its input on: all masks are 1, and the filters do nothing. */
inline Json makeEmptyStftMask(const StftSpec& spec) {
  Json model = makeStftMask(spec, 1);
  for (auto& row : model["stft"]["nets"]["masks"][1]["weights"][0])
    for (auto& weight : row)
      weight = 0.0;
  for (auto& bias : model["stft"]["nets"]["masks"][1]["weights"][1])
    bias = 0.0;
  for (const char* part : {"real", "imag"})
    for (auto& row : model["stft"]["filters"][part])
      for (auto& value : row)
        value = 0.0;
  for (auto& value : model["stft"]["filters"]["real"][0]) // the first signal, the newest hop
    value = 1.0;
  return model;
}

/** An LSTM over magnitudes with random weights. */
inline Json makeStftLstm(int nFft, int hop, int hiddenSize, unsigned seed) {
  const int numBins = nFft / 2 + 1;
  const Json layers = makeModel(numBins, {{"lstm", hiddenSize}, {"dense", numBins}}, seed)["layers"];
  return {{"stft",
           {{"kind", "magnitude-residual"},
            {"n_fft", nFft},
            {"hop", hop},
            {"windows", "asymmetric-hann"},
            {"nets", {{"spectrum", layers}}}}},
          {"samplerate", 48000}};
}

} // namespace test
