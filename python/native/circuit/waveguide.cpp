// SPDX-License-Identifier: MIT
#include "waveguide.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace fxcircuit {
namespace {

struct Ramp {
  double value, slope;
  Ramp(std::span<const double> track, std::size_t segment, double perFrame)
      : value(track[segment]), slope((track[segment + 1] - track[segment]) * perFrame) {}
  double next() noexcept {
    const double now = value;
    value += slope;
    return now;
  }
};

} // namespace

void renderString(std::span<const double> excitation, const StringTracks& tracks, int hop, std::span<double> output) {
  const std::size_t numFrames = excitation.size();
  const std::size_t numSegments = (numFrames + hop - 1) / hop;
  for (const auto& track : {tracks.delay, tracks.gain, tracks.damping, tracks.pickupDelay})
    if (track.size() != numSegments + 1)
      throw std::invalid_argument("each track needs one value per hop and one more");
  double longest = 4.0;
  for (std::size_t segment = 0; segment <= numSegments; ++segment) {
    if (!(tracks.delay[segment] >= 4.0) || !(tracks.pickupDelay[segment] >= 1.0))
      throw std::invalid_argument("the string's delay must be at least 4 frames, the pickup's at least 1");
    longest = std::max({longest, tracks.delay[segment], tracks.pickupDelay[segment]});
  }
  const std::size_t size = std::bit_ceil(static_cast<std::size_t>(longest) + 8), mask = size - 1;
  std::vector<double> line(size);

  double loss = 0.0;
  for (std::size_t segment = 0, frame = 0; segment < numSegments; ++segment) {
    const double perFrame = 1.0 / hop;
    Ramp delay(tracks.delay, segment, perFrame), gain(tracks.gain, segment, perFrame),
        damping(tracks.damping, segment, perFrame), pickup(tracks.pickupDelay, segment, perFrame);
    for (const std::size_t end = std::min(frame + hop, numFrames); frame < end; ++frame) {
      const double delayNow = delay.next();
      const std::size_t whole = static_cast<std::size_t>(delayNow);
      const double d = delayNow - static_cast<double>(whole) + 1.0; // 1 to 2: the middle interval of four points
      const std::size_t at = frame - whole + 1;
      const double a = line[at & mask], b = line[(at - 1) & mask], c = line[(at - 2) & mask], e = line[(at - 3) & mask];
      const double d1 = d - 1.0, d2 = d - 2.0, d3 = d - 3.0;
      const double delayed =
          -d1 * d2 * d3 / 6.0 * a + d * d2 * d3 / 2.0 * b - d * d1 * d3 / 2.0 * c + d * d1 * d2 / 6.0 * e;

      const double pole = damping.next();
      loss = (1.0 - pole) * delayed + pole * loss;
      const double y = excitation[frame] + gain.next() * loss;
      line[frame & mask] = y;

      const double echo = pickup.next();
      const std::size_t echoWhole = static_cast<std::size_t>(echo);
      const double fraction = echo - static_cast<double>(echoWhole);
      output[frame] =
          y - (1.0 - fraction) * line[(frame - echoWhole) & mask] - fraction * line[(frame - echoWhole - 1) & mask];
    }
  }
}

} // namespace fxcircuit
