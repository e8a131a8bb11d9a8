// SPDX-License-Identifier: MIT
#include "fxengine/dsp/reverb.h"

#include <algorithm>
#include <cmath>

namespace fxengine {
namespace {

constexpr double kLineMs[Reverb::kNumLines] = {29.7, 34.3, 38.9, 44.1, 50.3, 57.1, 64.7, 73.1};
constexpr double kDiffuserMs[2][2] = {{4.7, 8.3}, {5.3, 7.6}}; // left and right differ: a wide room
constexpr float kDiffusion = 0.6f;

bool isPrime(int number) {
  for (int divisor = 2; divisor * divisor <= number; ++divisor)
    if (number % divisor == 0)
      return false;
  return number > 1;
}

/** The smallest prime number of frames that lasts at least so long. */
int primeFrames(double ms, double sampleRate) {
  int frames = std::max(2, int(std::ceil(1e-3 * ms * sampleRate)));
  while (!isPrime(frames))
    ++frames;
  return frames;
}

/** Times the orthogonal Hadamard matrix of order 8. */
void mix(std::array<float, Reverb::kNumLines>& x) noexcept {
  for (std::size_t half = 1; half < x.size(); half *= 2)
    for (std::size_t start = 0; start < x.size(); start += 2 * half)
      for (std::size_t i = start; i < start + half; ++i) {
        const float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
  constexpr float kScale = 0.35355339f; // 1 / sqrt(8)
  for (float& each : x)
    each *= kScale;
}

} // namespace

float Reverb::Diffuser::process(float input) noexcept {
  const float late = samples[position];
  const float stored = input + kDiffusion * late;
  samples[position] = stored;
  position = position + 1 == length ? 0 : position + 1;
  return late - kDiffusion * stored;
}

void Reverb::prepare(double sampleRate) {
  sampleRate_ = sampleRate;
  std::size_t total = 0;
  for (std::size_t i = 0; i < lines_.size(); ++i)
    total += std::size_t(lines_[i].length = primeFrames(kLineMs[i], sampleRate));
  for (std::size_t c = 0; c < diffusers_.size(); ++c)
    for (std::size_t d = 0; d < diffusers_[c].size(); ++d)
      total += std::size_t(diffusers_[c][d].length = primeFrames(kDiffuserMs[c][d], sampleRate));
  memory_.assign(total, 0.0f);
  float* next = memory_.data();
  for (Line& line : lines_) {
    line.samples = next;
    next += line.length;
    line.gain.prepare(sampleRate, kRampMs);
    line.damping.prepare(sampleRate, kRampMs);
  }
  for (auto& channel : diffusers_)
    for (Diffuser& each : channel) {
      each.samples = next;
      next += each.length;
    }
  level_.prepare(sampleRate, kRampMs);
  decay_ = 0.0;
  setDecay(1.0);
  reset();
}

void Reverb::reset() noexcept {
  std::fill(memory_.begin(), memory_.end(), 0.0f);
  for (Line& line : lines_) {
    line.position = 0;
    line.low = 0.0f;
    line.gain.snap(line.gain.target());
    line.damping.snap(line.damping.target());
  }
  for (auto& channel : diffusers_)
    for (Diffuser& each : channel)
      each.position = 0;
  level_.snap(level_.target());
}

void Reverb::setDecay(double seconds) noexcept {
  const double kept = std::clamp(seconds, kShortest, kLongest);
  if (kept == decay_)
    return;
  decay_ = kept;
  double numStored = 0.0;
  for (Line& line : lines_) {
    const double exponent = -3.0 * line.length / (sampleRate_ * kept);        // log10 of the gain at low frequencies
    const double ratio = std::pow(10.0, exponent * (1.0 / kHighRatio - 1.0)); // of that at the end of the band to it
    const double damping = (1.0 - ratio) / (1.0 + ratio);
    line.gain.setTarget(float(std::pow(10.0, exponent) * (1.0 - damping)));
    line.damping.setTarget(float(damping));
    numStored += line.length;
  }
  // Of a side's response: of what is stored, an eighth of g^2 each time that it has gone round.
  const double round = std::pow(10.0, -6.0 * numStored / kNumLines / (sampleRate_ * kept));
  const double energy = round / (1.0 - round) / kNumLines;
  level_.setTarget(float(std::sqrt(1.0 / energy)));
}

void Reverb::process(const float* const* input, float* const* output, int numFrames) noexcept {
  constexpr float kIn = 0.35355339f;  // 1 / sqrt(8): the energy of a channel of two, shared by four lines
  constexpr float kOut = 0.35355339f; // 1 / sqrt(8)
  for (int t = 0; t < numFrames; ++t) {
    float in[2] = {input[0][t], input[1][t]};
    for (std::size_t c = 0; c < 2; ++c)
      for (Diffuser& each : diffusers_[c])
        in[c] = each.process(in[c]);
    std::array<float, kNumLines> x;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = lines_[i];
      line.low = line.gain.next() * line.samples[line.position] + line.damping.value() * line.low;
      line.damping.skip(1);
      x[i] = line.low;
    }
    // Signs of two columns of the Hadamard matrix: what left and right hear has nothing in common.
    const float left = x[0] - x[1] + x[2] - x[3] + x[4] - x[5] + x[6] - x[7];
    const float right = x[0] + x[1] - x[2] - x[3] + x[4] + x[5] - x[6] - x[7];
    mix(x);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = lines_[i];
      line.samples[line.position] = x[i] + kIn * in[i % 2];
      line.position = line.position + 1 == line.length ? 0 : line.position + 1;
    }
    const float level = kOut * level_.next();
    output[0][t] = level * left;
    output[1][t] = level * right;
  }
}

} // namespace fxengine
