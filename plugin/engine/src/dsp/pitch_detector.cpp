// SPDX-License-Identifier: MIT
#include "fxengine/dsp/pitch_detector.h"

#include <kissfft.hh>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <vector>

namespace fxengine {
namespace {

using Complex = std::complex<double>;

constexpr double kPi = std::numbers::pi;
constexpr double kLeastRate = 16000.0; // Hz, after decimation: eleven frames in the shortest period
constexpr double kSeconds = 0.125;     // three periods of the lowest pitch
constexpr double kQuietest = 1e-5;     // RMS: -100 dBFS
constexpr double kNearMaximum = 0.93;  // the first peak that is so near to the highest is the period
constexpr double kLeastClarity = 0.85; //
constexpr double kTolerance = 1.02;    // of the range, 34 cents
constexpr int kMostPartials = 8;

/** Taps of a low-pass for decimation by `factor`, gain 1: flat to 0.4 of the lower rate, 60 dB down from 0.6. */
std::vector<double> decimationTaps(int factor) {
  if (factor == 1)
    return {1.0};
  const int half = 10 * factor;
  std::vector<double> taps(static_cast<std::size_t>(2 * half + 1));
  double sum = 0.0;
  for (int k = -half; k <= half; ++k) {
    const double x = static_cast<double>(k) / factor;
    const double sinc = k == 0 ? 1.0 : std::sin(kPi * x) / (kPi * x);
    const double window = 0.42 + 0.5 * std::cos(kPi * k / (half + 1)) + 0.08 * std::cos(2.0 * kPi * k / (half + 1));
    taps[static_cast<std::size_t>(k + half)] = sinc * window;
    sum += sinc * window;
  }
  for (double& tap : taps)
    tap /= sum;
  return taps;
}

struct Peak {
  double lag;
  double value;
};

/** The vertex of the parabola through three values. */
Peak vertex(const std::vector<double>& values, std::size_t at) {
  const double before = values[at - 1], here = values[at], after = values[at + 1];
  const double curvature = before - 2.0 * here + after;
  const double shift = curvature < 0.0 ? 0.5 * (before - after) / curvature : 0.0;
  return {static_cast<double>(at) + shift, here - 0.25 * (before - after) * shift};
}

/** f_n = n fundamental sqrt(1 + stiffness n^2) */
struct StiffString {
  double fundamental;
  double stiffness = 0.0;

  double partial(int number) const { return number * fundamental * std::sqrt(1.0 + stiffness * number * number); }
};

} // namespace

struct PitchDetector::Analysis {
  explicit Analysis(double sampleRate)
      : factor(std::max(1, static_cast<int>(sampleRate / kLeastRate))), rate(sampleRate / factor),
        length(static_cast<std::size_t>(std::lround(kSeconds * rate))), taps(decimationTaps(factor)),
        transformSize(std::bit_ceil(2 * length)), forward(transformSize, false), backward(transformSize, true),
        signal(length), padded(transformSize), spectrum(transformSize) {}

  std::size_t windowFrames() const { return (length - 1) * static_cast<std::size_t>(factor) + taps.size(); }

  bool decimate(const float* window);
  std::optional<Peak> findPeriod();
  StiffString refine(const StiffString& string, std::size_t distance) const;

  int factor;
  double rate; ///< of the decimated signal
  std::size_t length;
  std::vector<double> taps;
  std::size_t transformSize;
  kissfft<double> forward, backward;
  std::vector<double> signal;
  std::vector<Complex> padded, spectrum;
  std::vector<double> similarity; ///< McLeod's n'(lag)
};

/** @returns whether there is anything to be heard */
bool PitchDetector::Analysis::decimate(const float* window) {
  double mean = 0.0;
  for (std::size_t frame = 0; frame < length; ++frame) {
    const float* from = window + frame * static_cast<std::size_t>(factor);
    double sum = 0.0;
    for (std::size_t tap = 0; tap < taps.size(); ++tap)
      sum += taps[tap] * double{from[tap]};
    signal[frame] = sum;
    mean += sum;
  }
  mean /= static_cast<double>(length);
  double energy = 0.0;
  for (double& sample : signal) {
    sample -= mean;
    energy += sample * sample;
  }
  return std::isfinite(energy) && energy > kQuietest * kQuietest * static_cast<double>(length);
}

/** McLeod and Wyvill: n'(lag) = 2 r'(lag) / m'(lag), with r' the autocorrelation and m' the energy under it. Its
    highest value between two zero crossings is a key maximum; the first one near the highest is the period. */
std::optional<Peak> PitchDetector::Analysis::findPeriod() {
  std::copy(signal.begin(), signal.end(), padded.begin());
  std::fill(padded.begin() + static_cast<std::ptrdiff_t>(length), padded.end(), 0.0);
  forward.transform(padded.data(), spectrum.data());
  for (Complex& bin : spectrum)
    bin = std::norm(bin);
  backward.transform(spectrum.data(), padded.data());

  const auto longest = static_cast<std::size_t>(rate / kLowestHz * kTolerance) + 2;
  similarity.resize(longest + 1);
  const double scale = 1.0 / static_cast<double>(transformSize);
  double energy = 2.0 * padded[0].real() * scale;
  const double least = 1e-9 * energy;
  for (std::size_t lag = 0; lag <= longest; ++lag) {
    similarity[lag] = energy > least ? 2.0 * padded[lag].real() * scale / energy : 0.0;
    energy -= signal[lag] * signal[lag] + signal[length - 1 - lag] * signal[length - 1 - lag];
  }

  std::vector<Peak> keys;
  std::size_t lag = 1;
  while (lag < longest && similarity[lag] > 0.0)
    ++lag;
  while (lag < longest) {
    while (lag < longest && similarity[lag] <= 0.0)
      ++lag;
    std::size_t best = lag;
    for (; lag < longest && similarity[lag] > 0.0; ++lag) {
      if (similarity[lag] > similarity[best])
        best = lag;
    }
    if (best + 1 < longest && similarity[best] > 0.0)
      keys.push_back(vertex(similarity, best));
  }
  if (keys.empty())
    return std::nullopt;
  const double highest =
      std::max_element(keys.begin(), keys.end(), [](const Peak& a, const Peak& b) { return a.value < b.value; })->value;
  return *std::find_if(keys.begin(), keys.end(),
                       [highest](const Peak& key) { return key.value >= kNearMaximum * highest; });
}

/** A better guess of the string, from how far the phases of its partials go on in `distance` frames.

    The partials' frequencies are weighed by how well they are known, the stiffness by what strings have. */
StiffString PitchDetector::Analysis::refine(const StiffString& string, std::size_t distance) const {
  constexpr double kFrequencySpread = 1e-4; // of the strongest partial, relative
  constexpr double kStiffnessSpread = 1e-4;
  constexpr double kFaintest = 0.01; // of the strongest partial's amplitude
  const double period = rate / string.partial(1);
  const double span = std::floor(static_cast<double>(length - 1 - distance) / period) * period;
  const auto numFrames = std::min(static_cast<std::size_t>(span) + 1, length - distance);

  struct Partial {
    int number;
    double amplitude, frequency;
  };
  std::vector<Partial> partials;
  double strongest = 0.0;
  for (int number = 1; number <= kMostPartials; ++number) {
    const double expected = string.partial(number);
    if (expected > 0.4 * rate)
      break;
    const double omega = 2.0 * kPi * expected / rate;
    const Complex turn = std::polar(1.0, -omega), windowTurn = std::polar(1.0, 2.0 * kPi / span);
    Complex carrier = 1.0, windowPhase = 1.0, first = 0.0, second = 0.0;
    for (std::size_t frame = 0; frame < numFrames; ++frame) {
      const Complex weighted = carrier * (1.0 - windowPhase.real());
      first += weighted * signal[frame];
      second += weighted * signal[frame + distance];
      carrier *= turn;
      windowPhase *= windowTurn;
    }
    const auto apart = static_cast<double>(distance);
    const double excess =
        std::arg(second * std::conj(first) * std::polar(1.0, -std::remainder(omega * apart, 2.0 * kPi)));
    partials.push_back({number, std::abs(first) + std::abs(second), expected + excess * rate / (2.0 * kPi * apart)});
    strongest = std::max(strongest, partials.back().amplitude);
  }

  // (f_n / n)^2 / f_0^2 = a + B n^2: least squares for a and B.
  double s0 = 0.0, s1 = 0.0, s2 = 1.0 / (kStiffnessSpread * kStiffnessSpread), t0 = 0.0, t1 = 0.0;
  for (const Partial& partial : partials) {
    if (partial.amplitude < kFaintest * strongest)
      continue;
    const double square = partial.number * partial.number;
    const double ratio = partial.frequency / (partial.number * string.fundamental);
    const double precision = partial.amplitude * partial.number / (strongest * 2.0 * kFrequencySpread);
    const double weight = precision * precision;
    s0 += weight;
    s1 += weight * square;
    s2 += weight * square * square;
    t0 += weight * ratio * ratio;
    t1 += weight * ratio * ratio * square;
  }
  double stiffness = (s0 * t1 - s1 * t0) / (s0 * s2 - s1 * s1);
  double scale = (t0 - s1 * stiffness) / s0;
  if (!(stiffness > 0.0)) {
    stiffness = 0.0;
    scale = t0 / s0;
  }
  if (!(scale > 0.5 && scale < 2.0))
    return string;
  return {string.fundamental * std::sqrt(scale), std::min(stiffness / scale, 2e-3)};
}

PitchDetector::PitchDetector(double sampleRate) : analysis_(std::make_unique<Analysis>(sampleRate)) {}
PitchDetector::~PitchDetector() = default;
PitchDetector::PitchDetector(PitchDetector&&) noexcept = default;
PitchDetector& PitchDetector::operator=(PitchDetector&&) noexcept = default;

int PitchDetector::windowFrames() const noexcept { return static_cast<int>(analysis_->windowFrames()); }

std::optional<Pitch> PitchDetector::detect(std::span<const float> window) {
  Analysis& analysis = *analysis_;
  const std::size_t numFrames = analysis.windowFrames();
  if (window.size() < numFrames || !analysis.decimate(window.data() + (window.size() - numFrames)))
    return std::nullopt;
  const std::optional<Peak> period = analysis.findPeriod();
  if (!period || period->value < kLeastClarity)
    return std::nullopt;
  const double coarse = analysis.rate / period->lag;
  if (coarse < kLowestHz / kTolerance || coarse > kHighestHz * kTolerance)
    return std::nullopt;

  // First a period apart, where no phase can be off by a turn; then as far apart as two periods leave room for.
  StiffString string{coarse};
  const auto near = static_cast<std::size_t>(std::lround(period->lag));
  const auto far = std::min(analysis.length / 2, analysis.length - 2 - static_cast<std::size_t>(2.03 * period->lag));
  string = analysis.refine(string, near);
  string = analysis.refine(string, std::max(near, far));
  return Pitch{string.partial(1), std::min(period->value, 1.0)};
}

} // namespace fxengine
