// SPDX-License-Identifier: MIT
#include "fxengine/dsp/loudness.h"

#include "fxengine/model.h"
#include "work.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>

namespace fxengine {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kSeconds = 3.0;
constexpr double kHighestMode = 8000.0; // Hz
constexpr double kScale = 0.25341;      // for an RMS of -20 dBFS
constexpr double kOnset = 0.002;        // s in which a string leaves the pick
constexpr double kDamping = 0.015;      // s in which a hand stops it

struct Note {
  double start, length; // s
  int key;              // MIDI, A4 = 69
  double strength;
  double pluckedAt; // share of the string, from the bridge
  double loss;      // 1 / s: of a palm on the strings, or hardly any
};

// Eight eighths of 0.125 s to a bar.
constexpr double kOpen = 1.1, kPalm = 9.0;
constexpr Note kScore[] = {
    // riff on the low E string
    {0.000, 0.125, 40, 1.00, 0.08, kPalm},
    {0.125, 0.125, 40, 0.85, 0.09, kPalm},
    {0.250, 0.125, 43, 0.95, 0.08, kPalm},
    {0.375, 0.125, 40, 0.85, 0.09, kPalm},
    // power chords on E, G and A
    {0.500, 0.490, 40, 0.95, 0.13, kOpen},
    {0.503, 0.487, 47, 0.85, 0.13, kOpen},
    {0.506, 0.484, 52, 0.80, 0.13, kOpen},
    {1.000, 0.240, 43, 0.90, 0.13, kOpen},
    {1.003, 0.237, 50, 0.80, 0.13, kOpen},
    {1.006, 0.234, 55, 0.75, 0.13, kOpen},
    {1.250, 0.240, 45, 0.90, 0.13, kOpen},
    {1.253, 0.237, 52, 0.80, 0.13, kOpen},
    {1.256, 0.234, 57, 0.75, 0.13, kOpen},
    // E major, strummed downwards
    {1.500, 0.740, 40, 0.66, 0.18, kOpen},
    {1.512, 0.728, 47, 0.61, 0.18, kOpen},
    {1.523, 0.717, 52, 0.61, 0.18, kOpen},
    {1.533, 0.707, 56, 0.56, 0.18, kOpen},
    {1.542, 0.698, 59, 0.56, 0.18, kOpen},
    {1.550, 0.690, 64, 0.51, 0.18, kOpen},
    // single notes, E minor pentatonic
    {2.250, 0.120, 64, 0.90, 0.15, kOpen},
    {2.375, 0.120, 67, 0.80, 0.12, kOpen},
    {2.500, 0.120, 69, 0.85, 0.15, kOpen},
    {2.625, 0.120, 71, 0.80, 0.12, kOpen},
    {2.750, 0.230, 76, 0.90, 0.15, kOpen},
};

constexpr double kPickupAt = 0.16;          // share of the open string, from the bridge
constexpr double kPickupHz = 3800.0;        // its resonance with the cable's capacity
constexpr double kPickupQ = 1.3;            //
constexpr double kFrequencyLoss = 5e-7;     // 1 / s per Hz^2, of air and inner friction
constexpr double kStiffnessOfLowE = 1.2e-4; // inharmonicity B of a wound string
constexpr double kStiffnessOfPlain = 4e-5;  // and of a plain one
constexpr int kFirstPlainKey = 55;          // G3
constexpr std::size_t kLanes = 8;

double rise(double time, double length) {
  return time >= length ? 1.0 : time <= 0.0 ? 0.0 : 0.5 - 0.5 * std::cos(kPi * time / length);
}

double pickupGain(double frequency) {
  const double ratio = frequency / kPickupHz;
  return 1.0 / std::abs(std::complex<double>(1.0 - ratio * ratio, ratio / kPickupQ));
}

/** target[k] += amplitude e^(-loss t) sin(2 pi frequency t), t = offset + k / sampleRate, while that matters. */
void addMode(std::vector<double>& target, double amplitude, double frequency, double loss, double offset,
             double sampleRate) {
  constexpr double kInaudible = 1e-7;
  const double audible = std::log(std::max(std::abs(amplitude) / kInaudible, 1.0)) / loss;
  const auto numFrames = std::min(target.size(), static_cast<std::size_t>(audible * sampleRate));
  const std::complex<double> exponent(-loss, 2.0 * kPi * frequency);
  double real[kLanes], imaginary[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const std::complex<double> start =
        amplitude * std::exp(exponent * (offset + static_cast<double>(lane) / sampleRate));
    real[lane] = start.real();
    imaginary[lane] = start.imag();
  }
  const std::complex<double> turn = std::exp(exponent * (static_cast<double>(kLanes) / sampleRate));
  const double cosine = turn.real(), sine = turn.imag();
  for (std::size_t frame = 0; frame + kLanes <= numFrames; frame += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      target[frame + lane] += imaginary[lane];
      const double next = real[lane] * cosine - imaginary[lane] * sine;
      imaginary[lane] = real[lane] * sine + imaginary[lane] * cosine;
      real[lane] = next;
    }
  }
}

} // namespace

std::vector<float> loudnessClip(double sampleRate) {
  const auto numFrames = static_cast<std::size_t>(std::lround(kSeconds * sampleRate));
  const double highest = std::min(kHighestMode, 0.45 * sampleRate);
  std::vector<double> clip(numFrames, 0.0);
  std::vector<double> string;
  for (const Note& note : kScore) {
    const auto first = static_cast<std::size_t>(std::ceil(note.start * sampleRate));
    const auto last = std::min(numFrames, static_cast<std::size_t>((note.start + note.length) * sampleRate));
    if (first >= last)
      continue;
    const double offset = static_cast<double>(first) / sampleRate - note.start;
    string.assign((last - first + kLanes - 1) / kLanes * kLanes, 0.0);

    const double fundamental = 440.0 * std::exp2((note.key - 69) / 12.0);
    const double stiffness = note.key < kFirstPlainKey ? kStiffnessOfLowE : kStiffnessOfPlain;
    for (int mode = 1;; ++mode) {
      const double frequency = mode * fundamental * std::sqrt(1.0 + stiffness * mode * mode);
      if (frequency > highest)
        break;
      const double pluck = std::sin(mode * kPi * note.pluckedAt) / mode; // of the velocity, which a pickup hears
      const double amplitude = note.strength * pluck * std::sin(mode * kPi * kPickupAt) * pickupGain(frequency);
      const double loss =
          note.loss * (1.0 + (note.loss > kOpen ? frequency / 1200.0 : 0.0)) + kFrequencyLoss * frequency * frequency;
      addMode(string, amplitude, frequency, loss, offset, sampleRate);
    }
    for (std::size_t frame = first; frame < last; ++frame) {
      const double time = static_cast<double>(frame) / sampleRate - note.start;
      clip[frame] += string[frame - first] * rise(time, kOnset) * rise(note.length - time, kDamping);
    }
  }
  std::vector<float> samples(numFrames);
  std::transform(clip.begin(), clip.end(), samples.begin(),
                 [](double sample) { return static_cast<float>(kScale * sample); });
  return samples;
}

double measureLoudness(Model& model, double mostWork) {
  const ModelInfo& info = model.info();
  std::vector<float> clip = loudnessClip(info.sampleRate.value_or(48000.0));
  const auto numKnobs = static_cast<int>(info.knobs.size());
  std::vector<float> positions;
  for (int index = 0; index < numKnobs; ++index) {
    positions.push_back(model.knob(index));
    model.setKnob(index, info.knobs[static_cast<std::size_t>(index)].defaultPosition());
  }
  model.prepare(1, Model::kMaxPart);

  const double affordable = mostWork / (detail::workOfFrame(info) * info.oversampling);
  const auto numFrames =
      std::min(clip.size(), static_cast<std::size_t>(std::clamp(affordable, double{Model::kMaxPart}, 1e9)));
  const auto latency = static_cast<std::size_t>(model.latencyFrames());
  clip.resize(numFrames);
  clip.resize(numFrames + latency, 0.0f); // what comes late is heard too
  double energy = 0.0;
  float block[Model::kMaxPart];
  for (std::size_t start = 0; start < clip.size(); start += Model::kMaxPart) {
    const auto count = std::min(static_cast<std::size_t>(Model::kMaxPart), clip.size() - start);
    const float* input[] = {clip.data() + start};
    float* output[] = {block};
    model.process(input, output, 1, static_cast<int>(count));
    for (std::size_t frame = latency > start ? std::min(latency - start, count) : 0; frame < count; ++frame)
      energy += double{block[frame]} * double{block[frame]};
  }

  for (int index = 0; index < numKnobs; ++index)
    model.setKnob(index, positions[static_cast<std::size_t>(index)]);
  model.reset();
  constexpr double kSilence = 1e-12; // -120 dB
  return 10.0 * std::log10(std::max(energy / static_cast<double>(numFrames), kSilence));
}

} // namespace fxengine
