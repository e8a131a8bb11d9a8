// SPDX-License-Identifier: MIT
#include "fxengine/dsp/impulse_response.h"

#include "dsp/windowed_sinc.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace fxengine {
namespace {

constexpr double kAttenuationDb = 120.0;
constexpr double kTransition = 0.05; // of the lower rate, below half of it
constexpr int kStepsPerFrame = 256;

/** One side of the filter, as a cubic through the four nearest of 256 points a frame of the lower rate: right to 1e-9.
 */
class HalfFilter {
 public:
  explicit HalfFilter(int halfWidth) {
    const KaiserWindow window(kaiserBeta(kAttenuationDb));
    constexpr double kBandwidth = 1.0 - kTransition; // twice the cutoff
    const auto value = [&](int step) {
      const double distance = static_cast<double>(step) / kStepsPerFrame;
      return kBandwidth * sinc(kBandwidth * distance) * window(distance / halfWidth);
    };
    cubics_.reserve(static_cast<std::size_t>(halfWidth * kStepsPerFrame) + 1);
    double p0 = value(-1), p1 = value(0), p2 = value(1);
    for (int step = 0; step <= halfWidth * kStepsPerFrame; ++step) {
      const double p3 = value(step + 2);
      cubics_.push_back(
          {p1, p2 - p0 / 3.0 - p1 / 2.0 - p3 / 6.0, (p0 + p2) / 2.0 - p1, (p3 - p0) / 6.0 + (p1 - p2) / 2.0});
      p0 = p1;
      p1 = p2;
      p2 = p3;
    }
  }

  /** @param distance  from the middle, in frames of the lower rate: 0 .. halfWidth */
  double at(double distance) const {
    const double position = distance * kStepsPerFrame;
    const auto step = static_cast<std::size_t>(position);
    const double t = position - static_cast<double>(step);
    const std::array<double, 4>& c = cubics_[step];
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
  }

 private:
  std::vector<std::array<double, 4>> cubics_;
};

} // namespace

std::vector<float> resample(std::span<const float> samples, double from, double to) {
  if (from == to)
    return {samples.begin(), samples.end()};
  const auto numSamples = static_cast<std::ptrdiff_t>(samples.size());
  std::vector<float> result(static_cast<std::size_t>(std::llround(static_cast<double>(numSamples) * to / from)));
  const double scale = std::min(1.0, to / from); // frames of the lower rate in a frame of the input
  const int halfWidth = static_cast<int>(std::ceil(kaiserHalfWidth(kAttenuationDb, kTransition)));
  const HalfFilter filter(halfWidth);
  const double reach = (halfWidth - 1e-6) / scale;
  for (std::size_t k = 0; k < result.size(); ++k) {
    const double time = static_cast<double>(k) * from / to;
    const auto first = std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(std::ceil(time - reach)), 0);
    const auto last = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(time + reach), numSamples - 1);
    double sum = 0.0;
    for (std::ptrdiff_t i = first; i <= last; ++i)
      sum += double{samples[static_cast<std::size_t>(i)]} * filter.at(std::abs(time - static_cast<double>(i)) * scale);
    result[k] = static_cast<float>(scale * sum);
  }
  return result;
}

} // namespace fxengine
