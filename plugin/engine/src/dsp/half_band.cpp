// SPDX-License-Identifier: MIT
#include "fxengine/dsp/half_band.h"

#include "dsp/windowed_sinc.h"

#include <cstddef>

namespace fxengine {

std::vector<double> halfBandTaps(const HalfBandStage& stage) {
  const KaiserWindow window(stage.beta);
  std::vector<double> taps(static_cast<std::size_t>(stage.numPairs));
  double sum = 0.0;
  for (std::size_t j = 0; j < taps.size(); ++j) {
    const double distance = static_cast<double>(j) + 0.5; // in steps of the lower rate
    taps[j] = sinc(distance) * window(distance / stage.numPairs);
    sum += taps[j];
  }
  for (double& tap : taps)
    tap *= 0.25 / sum;
  return taps;
}

std::vector<double> lowPassTaps(const LowPassStage& stage) {
  const KaiserWindow window(stage.beta);
  std::vector<double> taps(static_cast<std::size_t>(stage.halfLength) + 1);
  double sum = 0.0;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double distance = static_cast<double>(i);
    taps[i] = sinc(2.0 * stage.cutoff * distance) * window(distance / (stage.halfLength + 1));
    sum += i == 0 ? taps[i] : 2.0 * taps[i];
  }
  for (double& tap : taps)
    tap /= sum;
  return taps;
}

} // namespace fxengine
