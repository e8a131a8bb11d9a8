// SPDX-License-Identifier: MIT
#include "fxengine/dsp/tone_stack.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fxengine {
namespace {

/** Simper's SVF with a = 2 / (1 + g (g + k)), twice his a1, so that one step gives the integrators' next state at once:

        first'  = (a - 1) first + a g (x - second)             v1 = (first + first') / 2
        second' = second + a g first + a g^2 (x - second)      v2 = (second + second') / 2      y = m0 x + m1 v1 + m2 v2
 */
struct Cell {
  float keep, cross, through;
  float m0, m1, m2; // m1 and m2 halved

  Cell(float g, float k, float gain0, float gain1, float gain2) noexcept {
    const float a = 2.0f / (1.0f + g * (g + k));
    keep = a - 1.0f;
    cross = a * g;
    through = cross * g;
    m0 = gain0;
    m1 = 0.5f * gain1;
    m2 = 0.5f * gain2;
  }

  float step(float x, float& first, float& second) const noexcept {
    const float nextFirst = keep * first + cross * (x - second);
    const float nextSecond = second + (cross * first + through * (x - second));
    const float y = m0 * x + (m1 * (first + nextFirst) + m2 * (second + nextSecond));
    first = nextFirst;
    second = nextSecond;
    return y;
  }
};

float clampedDb(float db) noexcept {
  return std::isfinite(db) ? std::clamp(db, -ToneStack::kMaxDb, ToneStack::kMaxDb) : 0.0f;
}

} // namespace

void ToneStack::prepare(double sampleRate, int numChannels) {
  const double frequencies[kNumBands] = {kBassHz, kMiddleHz, kTrebleHz};
  for (std::size_t band = 0; band < kNumBands; ++band) {
    const double frequency = std::min(frequencies[band], 0.45 * sampleRate);
    warped_[band] = static_cast<float>(std::tan(std::numbers::pi * frequency / sampleRate));
    gainsDb_[band].prepare(sampleRate / kGrid, kRampMs);
  }
  states_.assign(static_cast<std::size_t>(std::max(numChannels, 0)), State{});
  reset();
}

void ToneStack::reset() noexcept {
  std::fill(states_.begin(), states_.end(), State{});
  position_ = 0;
  snap();
}

void ToneStack::set(float bassDb, float middleDb, float trebleDb) noexcept {
  wantedDb_ = {clampedDb(bassDb), clampedDb(middleDb), clampedDb(trebleDb)};
}

void ToneStack::snap() noexcept {
  for (std::size_t band = 0; band < kNumBands; ++band)
    gainsDb_[band].snap(wantedDb_[band]);
  from_ = to_ = shapesNow();
  moves_ = false;
  flat_ = isFlat();
  if (flat_) // the next change starts from rest
    std::fill(states_.begin(), states_.end(), State{});
}

/** The filters of Simper's table for the gains as they are, in terms of s = 10^(dB / 80), the fourth root of the gain.
 */
ToneStack::Shapes ToneStack::shapesNow() const noexcept {
  constexpr float kFourthRoots = 0.0415241011860920f; // log2(10) / 80
  constexpr auto kShelfK = static_cast<float>(1.0 / kShelfQ);
  constexpr auto kMiddleK = static_cast<float>(1.0 / kMiddleQ);
  std::array<float, kNumBands> s;
  for (std::size_t band = 0; band < kNumBands; ++band)
    s[band] = std::exp2(kFourthRoots * gainsDb_[band].value());
  const float bass = s[0] * s[0], middle = s[1] * s[1], treble = s[2] * s[2];
  return {
      Shape{warped_[0] / s[0], kShelfK, 1.0f, kShelfK * (bass - 1.0f), bass * bass - 1.0f},
      Shape{warped_[1], kMiddleK / middle, 1.0f, kMiddleK / middle * (middle * middle - 1.0f), 0.0f},
      Shape{warped_[2] * s[2], kShelfK, treble * treble, kShelfK * (1.0f - treble) * treble, 1.0f - treble * treble}};
}

bool ToneStack::isMoving() const noexcept {
  return std::any_of(gainsDb_.begin(), gainsDb_.end(), [](const Ramp& gain) { return gain.isMoving(); });
}

bool ToneStack::isFlat() const noexcept {
  return std::all_of(gainsDb_.begin(), gainsDb_.end(), [](const Ramp& gain) { return gain.value() == 0.0f; });
}

/** At a point of the grid: where the gains go until the next. */
void ToneStack::startInterval() noexcept {
  for (std::size_t band = 0; band < kNumBands; ++band)
    gainsDb_[band].setTarget(wantedDb_[band]);
  from_ = to_;
  moves_ = isMoving();
  if (moves_) {
    for (Ramp& gain : gainsDb_)
      gain.next();
    to_ = shapesNow();
    flat_ = false;
  } else if (!flat_ && isFlat()) { // from rest again
    std::fill(states_.begin(), states_.end(), State{});
    flat_ = true;
  }
}

void ToneStack::run(const Shapes& shapes, State& state, float* samples, int numFrames) noexcept {
  const auto cell = [](const Shape& shape) { return Cell(shape.g, shape.k, shape.m0, shape.m1, shape.m2); };
  const Cell bass = cell(shapes[0]), middle = cell(shapes[1]), treble = cell(shapes[2]);
  State s = state;
  for (int frame = 0; frame < numFrames; ++frame) {
    float x = samples[frame];
    x = bass.step(x, s.first[0], s.second[0]);
    x = middle.step(x, s.first[1], s.second[1]);
    x = treble.step(x, s.first[2], s.second[2]);
    samples[frame] = x;
  }
  state = s;
}

void ToneStack::runMoving(State& state, float* samples, int numFrames) const noexcept {
  State s = state;
  for (int frame = 0; frame < numFrames; ++frame) {
    const float share = static_cast<float>(position_ + frame + 1) / static_cast<float>(kGrid);
    const auto between = [share](float from, float to) { return from + (to - from) * share; };
    float x = samples[frame];
    for (std::size_t band = 0; band < kNumBands; ++band) {
      const Shape& a = from_[band];
      const Shape& b = to_[band];
      const Cell cell(between(a.g, b.g), between(a.k, b.k), between(a.m0, b.m0), between(a.m1, b.m1),
                      between(a.m2, b.m2));
      x = cell.step(x, s.first[band], s.second[band]);
    }
    samples[frame] = x;
  }
  state = s;
}

void ToneStack::process(float* const* channels, int numChannels, int numFrames) noexcept {
  const int numPlayed = std::min(numChannels, static_cast<int>(states_.size()));
  for (int start = 0; start < numFrames;) {
    if (position_ == 0)
      startInterval();
    const bool changes = !std::equal(wantedDb_.begin(), wantedDb_.end(), gainsDb_.begin(),
                                     [](float db, const Ramp& gain) { return db == gain.value(); });
    // Nothing happens at the points of the grid while the gains stay.
    const int most = moves_ || changes ? kGrid - position_ : numFrames - start;
    const int count = std::min(most, numFrames - start);
    for (int channel = 0; channel < numPlayed && !flat_; ++channel) {
      State& state = states_[static_cast<std::size_t>(channel)];
      if (moves_)
        runMoving(state, channels[channel] + start, count);
      else
        run(to_, state, channels[channel] + start, count);
    }
    position_ = (position_ + count) % kGrid;
    start += count;
  }
}

} // namespace fxengine
