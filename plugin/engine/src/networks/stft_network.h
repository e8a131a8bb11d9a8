// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"
#include "networks/layer_list.h"

#include <memory>
#include <string>
#include <vector>

namespace fxengine::detail {

/** A network on a short-time Fourier transform, as data. docs/model-format.md has the formulas. */
struct StftData {
  int nFft = 0; ///< frames of a transform
  int hop = 0;  ///< frames between two
  double sampleRate = 0.0;

  LayerList spectrum; ///< magnitudes -> what is added to them; without layers the model is one of masks

  LayerList branch; ///< audio -> a second signal beside the audio; without layers there is none
  LayerList masks;  ///< log energies in bands -> half of the gains in bands, of one signal after the other
  int numBands = 0;
  int memory = 0;             ///< hops that each filter is long
  std::vector<float> filters; ///< [signal][hop][bin][real, imaginary]

  int numBins() const noexcept { return nFft / 2 + 1; }
  int numSignals() const noexcept { return branch.layers.empty() ? 1 : 2; }
  bool isMask() const noexcept { return spectrum.layers.empty(); }
};

/** The windows of analysis and synthesis, one after the other, each of `nFft` values. */
std::vector<double> asymmetricWindows(int nFft, int hop);

/** Where each of `numBins` frequencies lies among `numBands` triangular bands, from 0 to numBands - 1. */
std::vector<double> bandPositions(int numBins, int numBands, double sampleRate);

/** Builds what plays it. Its latency is three hops: one is awaited, one is worked on, little by little, while the next
    one is awaited, and one is the overlap. @param file  as messages name it */
std::unique_ptr<Network> makeStftNetwork(std::shared_ptr<const StftData> data, const LoadOptions& options,
                                         const std::string& file);

} // namespace fxengine::detail
