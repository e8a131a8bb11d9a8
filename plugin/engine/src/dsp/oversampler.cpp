// SPDX-License-Identifier: MIT
#include "fxengine/dsp/oversampler.h"

#include "fxengine/dsp/half_band.h"
#include "simd/kernels.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace fxengine {
namespace {

constexpr std::size_t kAlignment = 16; // floats: a cache line, and the longest vector

std::size_t aligned(std::size_t numFloats) { return (numFloats + kAlignment - 1) / kAlignment * kAlignment; }

int numStagesOf(int factor) noexcept { return std::countr_zero(static_cast<unsigned>(factor)); }

/** How late a stage's decimator is, in steps of its lower rate: the newest sample it needs is the newest there is. */
int decimatorDelay(int stage) noexcept {
  return stage == 0 ? kLastDecimator.halfLength / 2 : kDecimators[stage].numPairs - 1;
}

constexpr int floorDivide(int a, int b) noexcept { return (a >= 0 ? a : a - b + 1) / b; }

} // namespace

int Oversampler::latencyFrames(int factor) noexcept {
  int latency = 0;
  for (int stage = 0; stage < numStagesOf(factor); ++stage) {
    const int steps = kInterpolators[stage].numPairs + decimatorDelay(stage); // of the stage's lower rate
    assert(steps % (1 << stage) == 0);
    latency += steps >> stage;
  }
  return latency;
}

Oversampler::Oversampler(int factor) : factor_(factor), symmetricFir_(simd::kernelsInUse().symmetricFir) {
  assert(std::find(std::begin(kFactors), std::end(kFactors), factor) != std::end(kFactors));
  const int numStages = numStagesOf(factor);
  phaseSignals_ = {{addBuffer(), 0}};
  for (int stage = 0; stage < numStages; ++stage)
    phaseSignals_ = addInterpolator(phaseSignals_, stage);
  for (const Signal& signal : phaseSignals_)
    use(signal);
  for (int phase = 0; phase < factor; ++phase)
    resultSignals_.push_back({addBuffer(), 0});
  std::vector<Signal> signal = resultSignals_;
  for (int stage = numStages - 1; stage >= 0; --stage)
    signal = addDecimator(signal, stage);
  output_ = signal.front().buffer;
}

int Oversampler::addBuffer() {
  history_.push_back(0);
  return static_cast<int>(history_.size()) - 1;
}

/** The sample `age` steps before that of `phase`, for the same base frame; a step of all phases is a frame. */
Oversampler::Signal Oversampler::at(const std::vector<Signal>& signal, int phase, int age) const {
  const int numPhases = static_cast<int>(signal.size());
  const int frame = floorDivide(phase - age, numPhases);
  const Signal& source = signal[static_cast<std::size_t>(phase - age - frame * numPhases)];
  assert(source.delay >= frame);
  return {source.buffer, source.delay - frame};
}

void Oversampler::use(const Signal& signal) {
  int& history = history_[static_cast<std::size_t>(signal.buffer)];
  history = std::max(history, signal.delay);
}

void Oversampler::addPair(Filter& filter, const std::vector<Signal>& signal, int phase, int age, int distance,
                          double tap) {
  filter.before.push_back(at(signal, phase, age + distance));
  filter.after.push_back(at(signal, phase, age - distance));
  filter.taps.push_back(static_cast<float>(tap));
  use(filter.before.back());
  use(filter.after.back());
}

// With K pairs, u at the lower rate, and v at the higher one, K steps of u late so that nothing is needed of the
// future:
//   v[2 m]     = u[m - K]
//   v[2 m + 1] = sum over j of 2 g[j] (u[m - K - j] + u[m - K + 1 + j])
std::vector<Oversampler::Signal> Oversampler::addInterpolator(const std::vector<Signal>& signal, int stage) {
  const std::vector<double> taps = halfBandTaps(kInterpolators[stage]);
  const int numPairs = static_cast<int>(taps.size());
  std::vector<Signal> output;
  for (int phase = 0; phase < static_cast<int>(signal.size()); ++phase) {
    output.push_back(at(signal, phase, numPairs));
    use(output.back());
    Filter filter;
    for (int j = numPairs - 1; j >= 0; --j) { // the smallest first, for the rounding error
      filter.before.push_back(at(signal, phase, numPairs + j));
      filter.after.push_back(at(signal, phase, numPairs - 1 - j));
      filter.taps.push_back(static_cast<float>(2.0 * taps[static_cast<std::size_t>(j)]));
      use(filter.before.back());
      use(filter.after.back());
    }
    filter.centre = output.back();
    filter.output = addBuffer();
    output.push_back({filter.output, 0});
    up_.push_back(std::move(filter));
  }
  return output;
}

// u[m] = sum over i of h[i] (v[2 (m - d) - i] + v[2 (m - d) + i]); the newest, v[2 m + 1], is of the same base frame.
std::vector<Oversampler::Signal> Oversampler::addDecimator(const std::vector<Signal>& signal, int stage) {
  std::vector<double> taps; // from the centre outwards
  if (stage == 0) {
    taps = lowPassTaps(kLastDecimator);
  } else {
    taps.assign(1, 0.5);
    for (const double tap : halfBandTaps(kDecimators[stage])) {
      taps.push_back(tap);
      taps.push_back(0.0);
    }
  }
  const int centre = 2 * decimatorDelay(stage);
  std::vector<Signal> output;
  for (int phase = 0; phase < static_cast<int>(signal.size()); phase += 2) {
    Filter filter;
    for (int i = static_cast<int>(taps.size()) - 1; i > 0; --i) {
      if (const double tap = taps[static_cast<std::size_t>(i)]; tap != 0.0)
        addPair(filter, signal, phase, centre, i, tap);
    }
    filter.centreTap = static_cast<float>(taps[0]);
    filter.centre = at(signal, phase, centre);
    use(filter.centre);
    filter.output = addBuffer();
    output.push_back({filter.output, 0});
    down_.push_back(std::move(filter));
  }
  return output;
}

void Oversampler::prepare(int numChannels, int maxFrames) {
  const std::size_t room = aligned(static_cast<std::size_t>(maxFrames)) + kAlignment;
  static_assert(kAlignment >= simd::kMostLanes);
  channelSize_ = 0;
  block_.clear();
  for (const int history : history_) {
    block_.push_back(channelSize_ + aligned(static_cast<std::size_t>(history)));
    channelSize_ = block_.back() + room;
  }
  const auto offset = [&](const Signal& signal) {
    return static_cast<std::int32_t>(block_[static_cast<std::size_t>(signal.buffer)]) - signal.delay;
  };
  for (std::vector<Filter>* filters : {&up_, &down_}) {
    for (Filter& filter : *filters) {
      filter.beforeAt.clear();
      filter.afterAt.clear();
      for (const Signal& signal : filter.before)
        filter.beforeAt.push_back(offset(signal));
      for (const Signal& signal : filter.after)
        filter.afterAt.push_back(offset(signal));
      filter.centreAt = offset(filter.centre);
    }
  }

  const auto channels = static_cast<std::size_t>(numChannels);
  memory_.assign(channels * channelSize_ + kAlignment, 0.0f);
  atRest_.assign(channelSize_, 0.0f);
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data()) / sizeof(float);
  float* first = memory_.data() + (kAlignment - address % kAlignment) % kAlignment;
  channels_.clear();
  phases_.clear();
  results_.clear();
  for (std::size_t channel = 0; channel < channels; ++channel) {
    channels_.push_back(first + channel * channelSize_);
    for (const Signal& signal : phaseSignals_)
      phases_.push_back(channels_.back() + offset(signal));
    for (const Signal& signal : resultSignals_)
      results_.push_back(channels_.back() + offset(signal));
  }
}

void Oversampler::reset(int channel) noexcept {
  std::fill_n(channels_[static_cast<std::size_t>(channel)], channelSize_, 0.0f);
}

void Oversampler::captureRest() {
  if (!channels_.empty())
    std::copy_n(channels_.front(), channelSize_, atRest_.begin());
}

void Oversampler::rest(int channel) noexcept {
  std::copy_n(atRest_.begin(), channelSize_, channels_[static_cast<std::size_t>(channel)]);
}

float* Oversampler::input(int channel) noexcept {
  return channels_[static_cast<std::size_t>(channel)] + block_.front(); // the first buffer is the input's
}

void Oversampler::run(const Filter& filter, float* channel, int numFrames) const noexcept {
  const simd::SymmetricFir fir = {filter.taps.data(),    filter.beforeAt.data(),
                                  filter.afterAt.data(), static_cast<std::int32_t>(filter.taps.size()),
                                  filter.centreAt,       filter.centreTap};
  symmetricFir_(fir, channel, channel + block_[static_cast<std::size_t>(filter.output)], numFrames);
}

void Oversampler::upsample(int channel, int numFrames) noexcept {
  for (const Filter& filter : up_)
    run(filter, channels_[static_cast<std::size_t>(channel)], numFrames);
}

void Oversampler::downsample(int channel, int numFrames) noexcept {
  float* memory = channels_[static_cast<std::size_t>(channel)];
  for (const Filter& filter : down_)
    run(filter, memory, numFrames);
  for (std::size_t buffer = 0; buffer < history_.size(); ++buffer) {
    if (history_[buffer] == 0)
      continue;
    float* past = memory + block_[buffer] - history_[buffer];
    std::memmove(past, past + numFrames, static_cast<std::size_t>(history_[buffer]) * sizeof(float));
  }
}

float* Oversampler::output(int channel) noexcept {
  return channels_[static_cast<std::size_t>(channel)] + block_[static_cast<std::size_t>(output_)];
}

} // namespace fxengine
