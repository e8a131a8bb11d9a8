// SPDX-License-Identifier: MIT
#include "fxengine/model.h"

#include "fxengine/dsp/convolver.h"
#include "fxengine/dsp/oversampler.h"
#include "fxengine/network.h"
#include "fxengine/realtime/flush_denormals.h"
#include "work.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

namespace fxengine {
namespace {

constexpr std::uint32_t kExponent = 0x7f800000u; // all ones in NaN and infinity, and in nothing else

/** 1 for NaN and infinity, else 0. No branch, so that a loop over it stays vectorised. */
std::uint32_t isNotFinite(float value) noexcept {
  return (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent;
}

// Silence is played until the output has moved by no more than this over so many parts: a fraction of a 16-bit step.
constexpr float kRestTolerance = 2e-6f;
constexpr int kRestParts = 16;
constexpr double kPrewarmWork = 2e9; // multiplications, about: a quarter of a second
constexpr double kUsualRate = 48000.0;

float gainFromDb(double db) { return static_cast<float>(std::pow(10.0, db / 20.0)); }

ModelInfo withLatency(ModelInfo info, const Network& network) {
  info.networkLatencyFrames = network.latencyFrames();
  info.oversamplingLatencyFrames = Oversampler::latencyFrames(info.oversampling);
  info.latencyFrames = std::max(info.latencyFrames, info.networkLatencyFrames) + info.oversamplingLatencyFrames;
  return info;
}

} // namespace

struct Model::State {
  State(ModelInfo modelInfo, std::unique_ptr<Network> modelNetwork, std::vector<float> linearTaps)
      : info(withLatency(std::move(modelInfo), *modelNetwork)), network(std::move(modelNetwork)),
        inputGain(gainFromDb(info.inputGainDb)), outputGain(gainFromDb(info.outputGainDb)), knobs(info.knobs.size()),
        positions(info.knobs.size(), 0.0f), quality(static_cast<float>(info.quality)) {
    if (info.oversampling > 1)
      oversampler.emplace(info.oversampling);
    if (!linearTaps.empty()) {
      linearGain = std::accumulate(linearTaps.begin(), linearTaps.end(), 0.0);
      linearStage.emplace(std::move(linearTaps));
    }
    for (std::size_t index = 0; index < knobs.size(); ++index)
      knobs[index].store(info.knobs[index].defaultPosition());
  }

  void processPart(const float* const* input, float* const* output, int numStreams, int offset, int numFrames) noexcept;
  void runOversampled(int numStreams, int numFrames) noexcept;
  void runLinearStage(int numStreams, int numFrames) noexcept;
  void clear() noexcept;
  void rest(int channel) noexcept;
  int affordableFrames() const noexcept;

  ModelInfo info;
  std::unique_ptr<Network> network;
  float inputGain;
  float outputGain;
  std::vector<std::atomic<float>> knobs;
  std::vector<float> positions; // of the knobs, as the network has them
  std::atomic<float> quality;
  std::atomic<std::uint64_t> numFaults{0};
  std::optional<Oversampler> oversampler; // the network then has info.oversampling streams a channel
  std::optional<Convolver> linearStage;
  double linearGain = 0.0;       // at 0 Hz: the sum of its taps
  bool linearStageWaits = false; // while the network comes to rest

  float restOutput = 0.0f;
  float restOfNetwork = 0.0f; // what goes into the linear stage then

  int numChannels = 0;
  int partFrames = 0;
  std::vector<float> signal;
  std::vector<float*> networkInput;  // per channel
  std::vector<float*> networkOutput; // per channel
  std::vector<std::uint32_t> fault;  // per channel, within one part
  // Per channel: taken off what the network gives, and put back behind the linear stage as that would have answered it.
  // At rest it is what the network gives, and the stage holds silence.
  std::vector<float> removed;
};

Model::Model(ModelInfo info, std::unique_ptr<Network> network, std::vector<float> linearTaps)
    : state_(std::make_unique<State>(std::move(info), std::move(network), std::move(linearTaps))) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

const ModelInfo& Model::info() const noexcept { return state_->info; }
int Model::latencyFrames() const noexcept { return state_->info.latencyFrames; }

void Model::prepare(int numChannels, int maxFrames) {
  State& s = *state_;
  s.numChannels = std::max(numChannels, 0);
  s.partFrames = std::clamp(maxFrames, 1, kMaxPart);
  s.network->prepare(s.numChannels * s.info.oversampling, s.partFrames);
  if (s.oversampler)
    s.oversampler->prepare(s.numChannels, s.partFrames);
  if (s.linearStage)
    s.linearStage->prepare(s.numChannels, s.partFrames);
  const auto channels = static_cast<std::size_t>(s.numChannels);
  const auto part = static_cast<std::size_t>(s.partFrames);
  s.signal.assign(channels * part * 2, 0.0f);
  s.networkInput.resize(channels);
  s.networkOutput.resize(channels);
  s.fault.assign(channels, 0);
  s.removed.assign(channels, 0.0f);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    s.networkInput[channel] =
        s.oversampler ? s.oversampler->input(static_cast<int>(channel)) : s.signal.data() + channel * part;
    s.networkOutput[channel] = s.oversampler ? s.oversampler->output(static_cast<int>(channel))
                                             : s.signal.data() + (channels + channel) * part;
  }
  s.restOutput = s.restOfNetwork = 0.0f;
  s.numFaults.store(0, std::memory_order_relaxed);
  if (s.info.startsAtRest)
    prewarm();
}

/** The longest silence that prewarm() plays. */
int Model::State::affordableFrames() const noexcept {
  const double seconds = kMaxPrewarmSeconds * info.sampleRate.value_or(kUsualRate);
  return static_cast<int>(std::min(seconds, kPrewarmWork / (detail::workOfFrame(info) * info.oversampling)));
}

int Model::prewarm() noexcept {
  State& s = *state_;
  if (s.numChannels == 0)
    return 0;
  s.clear();
  s.linearStageWaits = true; // what it makes of a level that stays is known
  const std::array<float, kMaxPart> silence{};
  std::array<float, kMaxPart> answer;
  const float* const input[] = {silence.data()};
  float* const output[] = {answer.data()};
  const std::optional<int> receptive = s.network->receptiveFrames();
  // The filters of oversampling have settled when as much again as their latency has passed.
  const int enough = receptive ? *receptive + 2 * s.info.oversamplingLatencyFrames : s.affordableFrames();
  const int maxFrames = std::min(enough, s.affordableFrames());
  float least = 0.0f, greatest = 0.0f;
  int still = 0, numFrames = 0;
  for (; (receptive || still < kRestParts) && (numFrames == 0 || numFrames < maxFrames); numFrames += kMaxPart) {
    process(input, output, 1, kMaxPart);
    const auto [low, high] = std::minmax_element(answer.begin(), answer.end());
    const bool moved = still == 0 || std::max(greatest, *high) - std::min(least, *low) > kRestTolerance;
    least = moved ? *low : std::min(least, *low);
    greatest = moved ? *high : std::max(greatest, *high);
    still = moved ? 1 : still + 1;
  }
  s.network->captureRest();
  if (s.oversampler)
    s.oversampler->captureRest();
  s.linearStageWaits = false;
  s.restOutput = answer.back();
  if (s.linearStage) {
    s.restOfNetwork = answer.back() / s.outputGain;
    s.restOutput = s.outputGain * static_cast<float>(s.linearGain * s.restOfNetwork);
  }
  rest();
  return numFrames;
}

void Model::rest() noexcept {
  if (state_->linearStage)
    state_->linearStage->reset(); // from the start of a partition, so that the same input gives the same bits
  for (int channel = 0; channel < state_->numChannels; ++channel)
    state_->rest(channel);
}

float Model::restOutput() const noexcept { return state_->restOutput; }

void Model::State::rest(int channel) noexcept {
  for (int phase = 0; phase < info.oversampling; ++phase)
    network->rest(channel * info.oversampling + phase);
  if (oversampler)
    oversampler->rest(channel);
  if (linearStage)
    linearStage->reset(channel);
  removed[static_cast<std::size_t>(channel)] = restOfNetwork;
}

void Model::reset() noexcept {
  if (state_->info.startsAtRest)
    rest();
  else
    state_->clear();
}

void Model::State::clear() noexcept {
  if (linearStage)
    linearStage->reset();
  for (int stream = 0; stream < numChannels * info.oversampling; ++stream)
    network->reset(stream);
  for (int channel = 0; oversampler && channel < numChannels; ++channel)
    oversampler->reset(channel);
  std::fill(removed.begin(), removed.end(), 0.0f);
}

void Model::process(const float* const* input, float* const* output, int numChannels, int numFrames) noexcept {
  const ScopedFlushDenormals flushDenormals;
  State& s = *state_;
  const int numStreams = std::clamp(numChannels, 0, s.numChannels);
  for (std::size_t index = 0; index < s.knobs.size(); ++index)
    s.positions[index] = s.knobs[index].load(std::memory_order_relaxed);
  s.network->setKnobs(s.positions.data());
  s.network->setQuality(s.quality.load(std::memory_order_relaxed));
  for (int offset = 0; numStreams > 0 && offset < numFrames; offset += s.partFrames) {
    s.processPart(input, output, numStreams, offset, std::min(s.partFrames, numFrames - offset));
  }
  for (int channel = numStreams; channel < numChannels; ++channel)
    std::fill_n(output[channel], numFrames, 0.0f);
}

void Model::State::processPart(const float* const* input, float* const* output, int numStreams, int offset,
                               int numFrames) noexcept {
  for (int stream = 0; stream < numStreams; ++stream) {
    const float* x = input[stream] + offset;
    float* frames = networkInput[stream];
    std::uint32_t bad = 0;
    for (int t = 0; t < numFrames; ++t) {
      frames[t] = inputGain * x[t];
      bad |= isNotFinite(frames[t]);
    }
    if (bad != 0)
      std::fill_n(frames, numFrames, 0.0f);
    fault[stream] = bad;
  }

  if (oversampler)
    runOversampled(numStreams, numFrames);
  else
    network->process(networkInput.data(), networkOutput.data(), numStreams, numFrames);
  if (linearStage && !linearStageWaits)
    runLinearStage(numStreams, numFrames);

  for (int stream = 0; stream < numStreams; ++stream) {
    const float* z = networkOutput[stream];
    float* y = output[stream] + offset;
    std::uint32_t bad = fault[stream];
    for (int t = 0; t < numFrames; ++t) {
      y[t] = outputGain * z[t];
      bad |= isNotFinite(y[t]);
    }
    if (bad != 0) {
      std::fill_n(y, numFrames, 0.0f);
      rest(stream);
      numFaults.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void Model::State::runOversampled(int numStreams, int numFrames) noexcept {
  for (int channel = 0; channel < numStreams; ++channel)
    oversampler->upsample(channel, numFrames);
  network->process(oversampler->phases(), oversampler->results(), numStreams * info.oversampling, numFrames);
  for (int channel = 0; channel < numStreams; ++channel)
    oversampler->downsample(channel, numFrames);
}

void Model::State::runLinearStage(int numStreams, int numFrames) noexcept {
  const auto shift = [&](int stream, float by) {
    float* z = networkOutput[stream];
    std::transform(z, z + numFrames, z, [by](float value) { return value + by; });
  };
  for (int stream = 0; stream < numStreams; ++stream)
    shift(stream, -removed[stream]);
  linearStage->process(networkOutput.data(), networkOutput.data(), numStreams, numFrames);
  for (int stream = 0; stream < numStreams; ++stream)
    shift(stream, static_cast<float>(linearGain * removed[stream]));
}

void Model::setKnob(int index, float position) noexcept {
  if (index < 0 || index >= static_cast<int>(state_->knobs.size()) || std::isnan(position))
    return;
  state_->knobs[static_cast<std::size_t>(index)].store(std::clamp(position, 0.0f, 1.0f), std::memory_order_relaxed);
}

float Model::knob(int index) const noexcept {
  if (index < 0 || index >= static_cast<int>(state_->knobs.size()))
    return 0.0f;
  return state_->knobs[static_cast<std::size_t>(index)].load(std::memory_order_relaxed);
}

void Model::setQuality(float quality) noexcept {
  if (!std::isnan(quality))
    state_->quality.store(std::clamp(quality, 0.0f, 1.0f), std::memory_order_relaxed);
}

float Model::quality() const noexcept { return state_->quality.load(std::memory_order_relaxed); }

std::uint64_t Model::numFaults() const noexcept { return state_->numFaults.load(std::memory_order_relaxed); }

} // namespace fxengine
