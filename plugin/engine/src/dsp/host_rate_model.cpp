// SPDX-License-Identifier: MIT
#include "fxengine/dsp/host_rate_model.h"

#include "dsp/rational.h"
#include "dsp/windowed_sinc.h"
#include "fxengine/realtime/flush_denormals.h"
#include "simd/aligned.h"
#include "simd/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace fxengine {
namespace {

constexpr double kLowestRate = 1e3, kHighestRate = 1e6; // of hosts
constexpr double kAttenuationDb = 91.0;
constexpr double kTransition = 6200.0;      // Hz, below half the lower rate, in which the filters fall
constexpr double kTransitionRate = 44100.0; // below this rate, the transition shrinks with it
constexpr std::int64_t kMostRows = 1000;
constexpr int kMostFrames = 1024; // of the host, in one part of a block

std::int64_t floorDivide(std::int64_t a, std::int64_t b) noexcept { return a >= 0 ? a / b : -((b - 1 - a) / b); }

/** Rows of taps, and how far the window moves on after each. */
struct Filter {
  simd::AlignedFloats taps;
  std::vector<std::int32_t> steps;
  int numTaps = 0;

  simd::Polyphase view() const noexcept {
    return {taps.data(), steps.data(), numTaps, static_cast<std::int32_t>(steps.size())};
  }
};

/** A row of taps for each of `places`: how much before an output frame, in input frames, the last input frame is that
    half the filter's length after it may be. The tap for the input frame `age` before that one is the filter's value at
    age + place - halfWidth.
    @param cutoff  in units of the input rate, where the gain is 1/2 */
simd::AlignedFloats makeTaps(const std::vector<double>& places, double halfWidth, double cutoff, int& numTaps) {
  const KaiserWindow window(kaiserBeta(kAttenuationDb));
  numTaps = static_cast<int>(2.0 * halfWidth + 1e-9) + 1;
  numTaps = (numTaps + simd::kPolyphaseLanes - 1) / simd::kPolyphaseLanes * simd::kPolyphaseLanes;
  simd::AlignedFloats taps;
  std::vector<double> row(static_cast<std::size_t>(numTaps));
  for (const double place : places) {
    double sum = 0.0;
    for (int age = 0; age < numTaps; ++age) {
      const double distance = age + place - halfWidth;
      double& tap = row[static_cast<std::size_t>(numTaps - 1 - age)];
      tap = sinc(2.0 * cutoff * distance) * window(distance / halfWidth);
      sum += tap;
    }
    for (const double tap : row) // each row has gain 1 at 0 Hz
      taps.push_back(static_cast<float>(tap / sum));
  }
  return taps;
}

} // namespace

// Host frame n stands for time n; R = M / L host frames are one model frame, M and L whole numbers without common
// factor. Model frame j is computed as soon as host frame floor(j R) is there. It stands for time (j - D) R, so that
// the first filter may reach D model frames, D R host frames, to either side. With a model l frames late, output frame
// j of the model stands for (j - D - l) R.
//
// Output frame n stands for n - N. The newest model frame that is there then is q(n) = floor(((n + 1) L - 1) / M), and
// ((n + 1) L - 1) / M is the time, in model frames, at which the second filter may end: it is
//   W = N + 1 - 1 / L - (D + l) R   host frames long to either side.
// D and N are the least that make both filters long enough.
struct HostRateModel::State {
  explicit State(Model&& played) : model(std::move(played)) {}

  void prepareFilters(double hostRate, double modelRate);
  void prepareBuffers(int maxFrames);
  void clearFilters() noexcept;
  void start() noexcept;
  void processPart(const float* const* input, float* const* output, int numStreams, int offset, int numFrames) noexcept;

  /** q(n), for n from -1 */
  std::int64_t newest(std::int64_t n) const noexcept { return floorDivide((n + 1) * perModel - 1, perHost); }

  Model model;
  bool converting = false;
  int latency = 0;
  int numChannels = 0;
  int partFrames = 1;
  simd::PolyphaseFunction polyphase = nullptr;

  std::int64_t perHost = 1;  // M: host frames in L model frames
  std::int64_t perModel = 1; // L
  Filter in, out;
  int delay = 0; // D

  // Where we are, in whole numbers that never grow.
  std::int64_t hostPhase = 0;  // host frames so far, modulo M
  std::int64_t modelPhase = 0; // model frames so far, modulo L
  std::int64_t nextFrame = 0;  // host frame that the next model frame is computed with, from the start of the block
  float restOutput = 0.0f;     // of the model; what came before the start
  int toSkip = 0;              // model frames from before the first host frame, which the model is not given

  simd::AlignedFloats memory; // per channel: history and block of the host, block and history for the model's output
  std::size_t historyIn = 0, historyOut = 0;
  std::size_t roomIn = 0, roomModel = 0;
  std::vector<float*> hostBlocks, modelInputs, modelOutputs; // each with its history before it, but the second
  std::vector<const float*> networkInputs;
  std::vector<float*> networkOutputs;
};

HostRateModel::HostRateModel(Model model) : state_(std::make_unique<State>(std::move(model))) {}
HostRateModel::~HostRateModel() = default;
HostRateModel::HostRateModel(HostRateModel&&) noexcept = default;
HostRateModel& HostRateModel::operator=(HostRateModel&&) noexcept = default;

Model& HostRateModel::model() noexcept { return state_->model; }
const ModelInfo& HostRateModel::info() const noexcept { return state_->model.info(); }
int HostRateModel::latencyFrames() const noexcept { return state_->latency; }
bool HostRateModel::isConverting() const noexcept { return state_->converting; }

void HostRateModel::State::prepareFilters(double hostRate, double modelRate) {
  const Rational ratio = approximateByRational(hostRate / modelRate, kMostRows);
  perHost = ratio.numerator;
  perModel = ratio.denominator;
  const auto m = static_cast<double>(perHost);
  const auto l = static_cast<double>(perModel);
  const double hostPerModel = m / l;
  modelRate = hostRate / hostPerModel;

  const double lower = std::min(hostRate, modelRate);
  const double transition = kTransition * std::min(lower / kTransitionRate, 1.0);
  const double cutoff = 0.5 * (lower - transition);
  const double least = kaiserHalfWidth(kAttenuationDb, transition); // seconds
  constexpr double kTolerance = 1e-9;

  delay = static_cast<int>(std::ceil(least * modelRate - kTolerance));
  const double before = static_cast<double>(delay + model.latencyFrames()) * hostPerModel;
  const double early = 1.0 - 1.0 / l;
  latency = static_cast<int>(std::ceil(least * hostRate + before - early - kTolerance));

  std::vector<double> places;
  in.steps.clear();
  for (std::int64_t row = 0; row < perModel; ++row) {
    places.push_back(static_cast<double>(row * perHost % perModel) / l);
    in.steps.push_back(static_cast<std::int32_t>((row + 1) * perHost / perModel - row * perHost / perModel));
  }
  in.taps = makeTaps(places, delay * hostPerModel, cutoff / hostRate, in.numTaps);

  places.clear();
  out.steps.clear();
  for (std::int64_t row = 0; row < perHost; ++row) {
    places.push_back(static_cast<double>(((row + 1) * perModel - 1) % perHost) / m);
    out.steps.push_back(static_cast<std::int32_t>(newest(row + 1) - newest(row)));
  }
  out.taps = makeTaps(places, (latency + early - before) / hostPerModel, cutoff / modelRate, out.numTaps);
}

void HostRateModel::State::prepareBuffers(int maxFrames) {
  // Blocks of the model's frames that it runs at once.
  const std::int64_t longest = std::clamp<std::int64_t>((Model::kMaxPart - 1) * perHost / perModel, 1, kMostFrames);
  partFrames = static_cast<int>(std::clamp<std::int64_t>(maxFrames, 1, longest));
  const auto channels = static_cast<std::size_t>(numChannels);
  historyIn = static_cast<std::size_t>(in.numTaps);
  historyOut = static_cast<std::size_t>(out.numTaps);
  roomIn = historyIn + static_cast<std::size_t>(partFrames);
  roomModel = static_cast<std::size_t>(partFrames * perModel / perHost + 1);
  const std::size_t perChannel = roomIn + roomModel + historyOut + roomModel;
  memory.assign(channels * perChannel, 0.0f);
  hostBlocks.clear();
  modelInputs.clear();
  modelOutputs.clear();
  for (std::size_t channel = 0; channel < channels; ++channel) {
    float* start = memory.data() + channel * perChannel;
    hostBlocks.push_back(start + historyIn);
    modelInputs.push_back(start + roomIn);
    modelOutputs.push_back(start + roomIn + roomModel + historyOut);
  }
  networkInputs.assign(channels, nullptr);
  networkOutputs.assign(channels, nullptr);
}

void HostRateModel::prepare(double hostRate, int numChannels, int maxFrames) {
  State& s = *state_;
  const auto rate = s.model.info().sampleRate;
  s.converting =
      rate && hostRate >= kLowestRate && hostRate <= kHighestRate && std::abs(hostRate - *rate) > 1e-9 * *rate;
  s.numChannels = std::max(numChannels, 0);
  s.polyphase = simd::kernelsInUse().polyphase;
  if (s.converting) {
    s.prepareFilters(hostRate, *rate);
  } else {
    s.perHost = s.perModel = 1;
    s.in = s.out = {};
    s.delay = 0;
    s.latency = s.model.latencyFrames();
  }
  s.prepareBuffers(maxFrames);
  s.model.prepare(numChannels, s.converting ? static_cast<int>(s.roomModel) : maxFrames);
  reset();
}

void HostRateModel::State::clearFilters() noexcept {
  std::fill(memory.begin(), memory.end(), 0.0f);
  for (float* block : modelOutputs)
    std::fill_n(block - historyOut, historyOut, restOutput);
}

void HostRateModel::reset() noexcept {
  if (info().startsAtRest) {
    rest();
    return;
  }
  state_->restOutput = 0.0f;
  state_->model.reset();
  state_->start();
}

void HostRateModel::prewarm() noexcept {
  state_->model.prewarm();
  rest();
}

void HostRateModel::rest() noexcept {
  state_->restOutput = state_->model.restOutput();
  state_->model.rest();
  state_->start();
}

void HostRateModel::State::start() noexcept {
  clearFilters();
  hostPhase = modelPhase = nextFrame = 0;
  toSkip = delay;
}

void HostRateModel::clearDelays() noexcept { state_->clearFilters(); }

void HostRateModel::process(const float* const* input, float* const* output, int numChannels, int numFrames) noexcept {
  State& s = *state_;
  if (!s.converting) {
    s.model.process(input, output, numChannels, numFrames);
    return;
  }
  const ScopedFlushDenormals flushDenormals;
  const int numStreams = std::clamp(numChannels, 0, s.numChannels);
  for (int offset = 0; numStreams > 0 && offset < numFrames; offset += s.partFrames)
    s.processPart(input, output, numStreams, offset, std::min(s.partFrames, numFrames - offset));
  for (int channel = numStreams; channel < numChannels; ++channel)
    std::fill_n(output[channel], numFrames, 0.0f);
}

void HostRateModel::State::processPart(const float* const* input, float* const* output, int numStreams, int offset,
                                       int numFrames) noexcept {
  const simd::Polyphase first = in.view();
  const simd::Polyphase second = out.view();
  const int count = static_cast<int>(newest(hostPhase + numFrames - 1) - newest(hostPhase - 1)); // of model frames
  const int skipped = std::min(toSkip, count);
  for (int channel = 0; channel < numStreams; ++channel) {
    std::copy_n(input[channel] + offset, numFrames, hostBlocks[channel]);
    if (count > 0)
      polyphase(first, static_cast<int>(modelPhase), hostBlocks[channel] + nextFrame + 1 - first.numTaps,
                modelInputs[channel], count);
    std::fill_n(modelOutputs[channel], skipped, restOutput);
    networkInputs[channel] = modelInputs[channel] + skipped;
    networkOutputs[channel] = modelOutputs[channel] + skipped;
  }
  if (count > skipped)
    model.process(networkInputs.data(), networkOutputs.data(), numStreams, count - skipped);

  const std::int64_t end = newest(hostPhase) - newest(hostPhase - 1) - 1; // newest frame at the block's first
  for (int channel = 0; channel < numStreams; ++channel) {
    polyphase(second, static_cast<int>(hostPhase), modelOutputs[channel] + end + 1 - second.numTaps,
              output[channel] + offset, numFrames);
    float* past = hostBlocks[channel] - historyIn;
    std::memmove(past, past + numFrames, historyIn * sizeof(float));
    past = modelOutputs[channel] - historyOut;
    std::memmove(past, past + count, historyOut * sizeof(float));
  }

  toSkip -= skipped;
  nextFrame += (modelPhase + count) * perHost / perModel - modelPhase * perHost / perModel - numFrames;
  modelPhase = (modelPhase + count) % perModel;
  hostPhase = (hostPhase + numFrames) % perHost;
}

} // namespace fxengine
