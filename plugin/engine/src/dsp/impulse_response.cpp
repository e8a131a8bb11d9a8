// SPDX-License-Identifier: MIT
#include "fxengine/dsp/impulse_response.h"

#include "dsp/windowed_sinc.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace fxengine {
namespace {

constexpr double kAttenuationDb = 120.0;
constexpr double kTransition = 0.05; // of the lower rate, below half of it
constexpr int kStepsPerFrame = 4096; // of the table, whose lines between steps are off by 7e-8 at most

/** The filter from its middle on, at steps of a frame of the lower rate. */
std::vector<double> halfFilter(int halfWidth) {
  const KaiserWindow window(kaiserBeta(kAttenuationDb));
  constexpr double kBandwidth = 1.0 - kTransition; // twice the cutoff
  std::vector<double> filter(static_cast<std::size_t>(halfWidth) * kStepsPerFrame + 2, 0.0);
  for (std::size_t step = 0; step < filter.size() - 1; ++step) {
    const double distance = static_cast<double>(step) / kStepsPerFrame;
    filter[step] = kBandwidth * sinc(kBandwidth * distance) * window(distance / halfWidth);
  }
  return filter;
}

} // namespace

std::vector<float> resample(std::span<const float> samples, double from, double to) {
  if (from == to)
    return {samples.begin(), samples.end()};
  const auto numSamples = static_cast<std::ptrdiff_t>(samples.size());
  std::vector<float> result(static_cast<std::size_t>(std::llround(static_cast<double>(numSamples) * to / from)));
  const double scale = std::min(1.0, to / from); // frames of the lower rate in a frame of the input
  const int halfWidth = static_cast<int>(std::ceil(kaiserHalfWidth(kAttenuationDb, kTransition)));
  const std::vector<double> filter = halfFilter(halfWidth);
  const double reach = halfWidth / scale;
  for (std::size_t k = 0; k < result.size(); ++k) {
    const double time = static_cast<double>(k) * from / to;
    const auto first = std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(std::ceil(time - reach)), 0);
    const auto last = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(time + reach), numSamples - 1);
    double sum = 0.0;
    for (std::ptrdiff_t i = first; i <= last; ++i) {
      const double position = std::abs(time - static_cast<double>(i)) * scale * kStepsPerFrame;
      const auto step = static_cast<std::size_t>(position);
      const double fraction = position - static_cast<double>(step);
      sum +=
          double{samples[static_cast<std::size_t>(i)]} * (filter[step] + fraction * (filter[step + 1] - filter[step]));
    }
    result[k] = static_cast<float>(scale * sum);
  }
  return result;
}

} // namespace fxengine
