// SPDX-License-Identifier: MIT
#include "phase_check.h"

#include "fxengine/dsp/oversampler.h"
#include "fxengine/realtime/flush_denormals.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace fxengine::detail {
namespace {

constexpr int kBlock = 256;          // frames, at most
constexpr int kBurst = 9;            // blocks
constexpr int kLongestSilence = 188; // blocks: a second at 48 kHz
constexpr int kShortestSilence = 4;
constexpr int kSmallestBlock = 16;   // frames
constexpr double kMostWork = 1e9;    // multiplications of the silence: some tenths of a second
constexpr double kMostOfBurst = 4e9; // of the burst and the shortest silence
constexpr double kAtRest = 1e-5;

/** A block of the burst: an impulse, a sine of 1/48 of the sample rate and noise, in turn; full scale. It ends in
    noise, which leaves the phases where they differ most. */
void writeBurst(float* block, int numFrames, int index, std::uint32_t& random) {
  for (int t = 0; t < numFrames; ++t) {
    random = random * 1664525u + 1013904223u; // "quick and dirty" generator of Numerical Recipes
    const float noise = static_cast<float>(static_cast<std::int32_t>(random)) * 0x1p-31f;
    const auto sine = static_cast<float>(std::sin(2.0 * std::numbers::pi * t / 48.0));
    const float impulse = t == 0 ? 1.0f : 0.0f;
    block[t] = index % 3 == 0 ? impulse : index % 3 == 1 ? sine : noise;
  }
}

} // namespace

PhaseCheck checkPhases(Network& network, const std::vector<float>& knobs, int factor, double workOfFrame) {
  const ScopedFlushDenormals flushDenormals;
  Oversampler oversampler(factor);
  oversampler.prepare(1, kBlock);
  network.prepare(factor, kBlock);
  network.setKnobs(knobs.data());

  const double affordable = kMostOfBurst / (workOfFrame * factor * (kBurst + kShortestSilence));
  const int numFrames = std::clamp(static_cast<int>(std::min(affordable, 1e6)), kSmallestBlock, kBlock);
  const double workOfBlock = workOfFrame * factor * numFrames;
  const int silence =
      std::clamp(static_cast<int>(std::min(kMostWork / workOfBlock, 1e6)), kShortestSilence, kLongestSilence);
  PhaseCheck check;
  std::uint32_t random = 1;
  for (int block = 0; block < kBurst + silence; ++block) {
    if (block < kBurst)
      writeBurst(oversampler.input(0), numFrames, block, random);
    else
      std::fill_n(oversampler.input(0), numFrames, 0.0f);
    oversampler.upsample(0, numFrames);
    network.process(oversampler.phases(), oversampler.results(), factor, numFrames);

    check.motion = 0.0;
    float lowest = std::numeric_limits<float>::infinity(), highest = -lowest;
    for (int phase = 0; phase < factor; ++phase) {
      const float* z = oversampler.results()[phase];
      for (int t = 0; t < numFrames; ++t)
        check.finite = check.finite && std::isfinite(z[t]);
      const auto [least, greatest] = std::minmax_element(z, z + numFrames);
      check.motion = std::max(check.motion, double{*greatest} - double{*least});
      lowest = std::min(lowest, z[numFrames - 1]);
      highest = std::max(highest, z[numFrames - 1]);
    }
    if (!check.finite)
      break;
    check.spread = double{highest} - double{lowest};
    oversampler.downsample(0, numFrames);
    if (block >= kBurst + kShortestSilence && check.motion < kAtRest && check.spread < kAtRest)
      break;
  }
  return check;
}

} // namespace fxengine::detail
