// SPDX-License-Identifier: MIT
#include "fxengine/signal_chain.h"

#include "chain/stages.h"

#include "fxengine/dsp/loudness.h"
#include "fxengine/realtime/flush_denormals.h"
#include "work.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace fxengine {

using detail::clearChannels;
using detail::copyChannels;
using detail::follow;
using detail::gainOf;
using detail::PartBuffer;
using detail::Stage;

namespace {

/** Looks at the exponents: no branch and no floating-point exception, and the compiler makes vectors of it. */
bool allFinite(const float* samples, int numFrames) noexcept {
  std::uint32_t greatest = 0;
  for (int t = 0; t < numFrames; ++t) {
    std::uint32_t bits;
    std::memcpy(&bits, samples + t, sizeof bits);
    greatest = std::max(greatest, bits & 0x7fffffffu);
  }
  return greatest < 0x7f800000u;
}

bool allFinite(const float* const* channels, int numChannels, int numFrames) noexcept {
  bool finite = true;
  for (int c = 0; c < numChannels; ++c)
    finite = finite && allFinite(channels[c], numFrames);
  return finite;
}

} // namespace

SlotContent::SlotContent(Model loaded, bool needsLoudness) {
  // A host waits for this when it loads a project: some tenths of a second.
  constexpr double kLoudnessWork = 4e9;     // multiplications
  constexpr double kMostWorkOfAFrame = 1e6; // several times what any processor does in real time
  const ModelInfo& info = loaded.info();
  loudnessDb = info.loudnessDb;
  if (!loudnessDb && needsLoudness && detail::workOfFrame(info) * info.oversampling <= kMostWorkOfAFrame)
    loudnessDb = measureLoudness(loaded, kLoudnessWork);
  inputLevelDbu = info.inputLevelDbu;
  outputLevelDbu = info.outputLevelDbu;
  model = std::make_unique<HostRateModel>(std::move(loaded));
}

double ChainSettings::delayTimeMs() const noexcept {
  constexpr double kQuarters[] = {0.0, 1.0, 0.75, 0.5, 1.0 / 3.0, 0.25};
  if (delaySync == DelaySync::off)
    return double(delayMs);
  return kQuarters[std::size_t(delaySync)] * 60000.0 / std::max(1.0, double(tempoBpm));
}

double ChainSettings::effectsTailSeconds() const noexcept {
  double seconds = doubler > 0.0f ? 1e-3 * (Doubler::kMostMs + Doubler::kWanderMs) : 0.0;
  if (delay > 0.0f) {
    const double feedback = std::clamp(double(delayFeedback), 1e-3, double(FeedbackDelay::kMostFeedback));
    const double numEchoes = 1.0 + std::ceil(-3.0 / std::log10(feedback));
    seconds += 1e-3 * std::clamp(delayTimeMs(), FeedbackDelay::kShortestMs, FeedbackDelay::kLongestMs) * numEchoes;
  }
  return seconds + (reverb > 0.0f ? double(reverbDecay) : 0.0);
}

struct SignalChain::State {
  detail::ChainFormat format;
  ChainSettings settings;
  bool pristine = true; // nothing was played since prepare() or reset()

  detail::GateStage gate;
  detail::PedalStage pedal{0}, secondPedal{1};
  detail::AmpStage amp;
  detail::ToneStage preTone{detail::ToneStage::Place::beforePedal}, tone{detail::ToneStage::Place::afterAmp};
  detail::CabinetStage cabinet;
  detail::CutStage lowCut{CutFilter::Kind::lowCut}, highCut{CutFilter::Kind::highCut};
  detail::DoublerStage doubler;
  detail::DelayStage delay;
  detail::ReverbStage reverb;
  // Play one channel or two, each with state of its own.
  std::array<Stage*, 6> streamStages{&gate, &preTone, &pedal, &secondPedal, &amp, &tone};
  // May make two of one.
  std::array<Stage*, 6> outputStages{&cabinet, &lowCut, &highCut, &doubler, &delay, &reverb};

  std::array<std::array<Ramp, 2>, 2> inputMatrix; // [stream][input]
  Crossfade secondStream;                         // from a copy of the first
  Crossfade active;                               // from the bypass
  Ramp inputGain, outputGain, wet, dry, sound;
  FadingDelay dryDelay; // of the input
  LevelMeter inputMeter, outputMeter;
  SampleRing tunerRing{kTunerFrames}; // an eighth of a second at 192 kHz and more, for PitchDetector
  std::atomic<std::uint32_t> faults{0};
  std::atomic<float> gateGain{1.0f};
  PartBuffer input, work, copy;

  template <class Visit> void eachStage(const Visit& visit) {
    for (Stage* stage : streamStages)
      visit(*stage);
    for (Stage* stage : outputStages)
      visit(*stage);
  }
  int latencyFrames() noexcept;
  bool adopt() noexcept; // whether something came in
  void setTargets(const ChainSettings& wanted, bool atOnce) noexcept;
  void reset(const ChainSettings& wanted) noexcept;
  int partOf(int numFrames) noexcept;
  void processPart(const float* const* from, float* const* output, int numFrames) noexcept;
  int processWet(int numFrames) noexcept; // in `work`; the number of channels there
  void mixInputs(const float* const* from, float* const* streams, int numStreams, int numFrames) noexcept;
};

SignalChain::SignalChain() : state_(std::make_unique<State>()) {}
SignalChain::~SignalChain() = default;

// Any thread

double SignalChain::sampleRate() const noexcept { return state_->format.sampleRate; }
int SignalChain::numInputs() const noexcept { return state_->format.numInputs; }
int SignalChain::numOutputs() const noexcept { return state_->format.numOutputs; }
LevelMeter& SignalChain::inputMeter() noexcept { return state_->inputMeter; }
LevelMeter& SignalChain::outputMeter() noexcept { return state_->outputMeter; }
const SampleRing& SignalChain::tunerRing() const noexcept { return state_->tunerRing; }
float SignalChain::gateGain() const noexcept { return state_->gateGain.load(std::memory_order_relaxed); }
std::uint32_t SignalChain::numFaults() const noexcept { return state_->faults.load(std::memory_order_relaxed); }
int SignalChain::latencyFrames() const noexcept {
  return state_->pedal.captures().latencyToCome() + state_->secondPedal.captures().latencyToCome() +
         state_->amp.captures().latencyToCome();
}

// Loading thread

void SignalChain::prepare(double sampleRate, int numInputs, int numOutputs, const ChainSettings& settings) {
  State& s = *state_;
  s.settings = settings;
  s.format.sampleRate = sampleRate;
  s.format.numInputs = std::clamp(numInputs, 1, 2);
  s.format.numOutputs = std::clamp(numOutputs, s.format.numInputs, 2);
  s.eachStage([&](Stage& stage) { stage.prepare(s.format, settings); });
  for (auto& row : s.inputMatrix)
    for (Ramp& ramp : row)
      ramp.prepare(sampleRate, kFadeMs);
  for (Crossfade* fade : {&s.secondStream, &s.active})
    fade->prepare(sampleRate, kFadeMs);
  for (Ramp* ramp : {&s.inputGain, &s.outputGain, &s.wet, &s.dry, &s.sound})
    ramp->prepare(sampleRate, kFadeMs);
  s.dryDelay.prepare(sampleRate, s.format.numInputs, 3 * kMaxLatency); // two pedals and the amplifier
  s.inputMeter.prepare(sampleRate);
  s.outputMeter.prepare(sampleRate);
  s.faults.store(0, std::memory_order_relaxed);
  s.reset(settings);
}

void SignalChain::setSlot(int index, std::unique_ptr<SlotContent> content, const ChainSettings& settings) {
  auto& captures = index < ChainSettings::kNumAmps       ? state_->amp.captures()
                   : index < ChainSettings::pedalSlot(1) ? state_->pedal.captures()
                                                         : state_->secondPedal.captures();
  captures.slot(index % 2).offer(std::move(content), settings);
  collect();
}

void SignalChain::setCabinet(std::unique_ptr<Convolver> convolver, int index) {
  state_->cabinet.offer(std::move(convolver), index);
  collect();
}

void SignalChain::collect() {
  state_->eachStage([](Stage& stage) { stage.collect(); });
}

// Audio thread

int SignalChain::State::latencyFrames() noexcept {
  int latency = 0;
  eachStage([&](const Stage& stage) { latency += stage.latencyFrames(); });
  return latency;
}

bool SignalChain::State::adopt() noexcept {
  const bool heard = active.isHeard(); // what is not heard needs no fade
  bool changed = false;
  eachStage([&](Stage& stage) { changed = stage.adopt(heard) || changed; });
  return changed;
}

void SignalChain::State::setTargets(const ChainSettings& wanted, bool atOnce) noexcept {
  settings = wanted;
  follow(inputGain, gainOf(settings.inputGainDb), atOnce);
  follow(outputGain, gainOf(settings.outputGainDb), atOnce);
  follow(wet, settings.mix, atOnce);
  follow(dry, 1.0f - settings.mix, atOnce);
  follow(sound, settings.mute ? 0.0f : 1.0f, atOnce);

  const bool wasActive = active.isHeard();
  active.set(!settings.bypass, atOnce);
  if (!settings.bypass && !wasActive)
    eachStage([](Stage& stage) { stage.clear(); });
  eachStage([&](Stage& stage) { stage.set(settings, atOnce); });

  using Mode = ChainSettings::InputMode;
  const auto mode = format.numInputs == 2 ? settings.inputMode : Mode::left;
  for (std::size_t stream = 0; stream < 2; ++stream)
    for (std::size_t channel = 0; channel < 2; ++channel) {
      const float weight = mode == Mode::stereo  ? (stream == channel ? 1.0f : 0.0f)
                           : mode == Mode::left  ? (channel == 0 ? 1.0f : 0.0f)
                           : mode == Mode::right ? (channel == 1 ? 1.0f : 0.0f)
                                                 : 0.5f;
      follow(inputMatrix[stream][channel], weight, atOnce);
    }
  if (mode == Mode::stereo && !secondStream.isHeard())
    for (Stage* stage : outputStages)
      stage->clearSecond(); // it stood still
  secondStream.set(mode == Mode::stereo, atOnce);

  if (atOnce)
    dryDelay.snapDelay(latencyFrames());
  else
    dryDelay.setDelay(latencyFrames());
}

void SignalChain::reset(const ChainSettings& settings) noexcept {
  if (state_->format.numInputs > 0)
    state_->reset(settings);
}

void SignalChain::State::reset(const ChainSettings& wanted) noexcept {
  active.set(false, true); // what was handed over is there at once
  adopt();
  setTargets(wanted, true);
  eachStage([](Stage& stage) { stage.rest(); });
  dryDelay.reset();
  inputMeter.reset();
  outputMeter.reset();
  pristine = true;
}

void SignalChain::process(const float* const* input, float* const* output, int numFrames,
                          const ChainSettings& settings) noexcept {
  const ScopedFlushDenormals flushDenormals;
  State& s = *state_;
  if (s.format.numInputs == 0)
    return;
  if (s.pristine) {
    s.reset(settings);
    s.pristine = numFrames == 0;
  } else if (s.adopt() || !(settings == s.settings)) {
    s.setTargets(settings, false);
  }
  for (int start = 0; start < numFrames;) {
    const int count = s.partOf(numFrames - start);
    const float* const in[2] = {input[0] + start, s.format.numInputs == 2 ? input[1] + start : input[0] + start};
    float* const out[2] = {output[0] + start, s.format.numOutputs == 2 ? output[1] + start : output[0] + start};
    s.processPart(in, out, count);
    start += count;
  }
}

/** How many of the frames left are run at once. What fades out stops where its fade ends, whatever the blocks: it goes
    on from there when it is heard again. */
int SignalChain::State::partOf(int numFrames) noexcept {
  int count = std::min(kMaxPart, numFrames);
  for (const Crossfade* fade : {&active, &secondStream})
    if (fade->isMoving())
      count = std::min(count, fade->framesLeft());
  eachStage([&](const Stage& stage) { count = std::min(count, stage.framesToSwitch()); });
  return count;
}

int SignalChain::State::processWet(int numFrames) noexcept {
  const bool second = format.numInputs == 2 && secondStream.isHeard();
  int numChannels = second ? 2 : 1;
  mixInputs(input.channels(), work.channels(), numChannels, numFrames);
  inputGain.applyGain(work.channels(), numChannels, numFrames);
  inputMeter.push(work.channels(), numChannels, numFrames);
  for (Stage* stage : streamStages)
    stage->process(work.channels(), numChannels, numFrames);
  gateGain.store(gate.gain(), std::memory_order_relaxed);
  if (second && secondStream.isMoving()) {
    std::copy_n(work[0], numFrames, copy[0]);
    float* const to[1] = {work[1]};
    secondStream.mix(copy.channels(), to, 1, numFrames);
  }
  for (Stage* stage : outputStages) {
    if (numChannels == 1 && format.numOutputs == 2 && stage->isHeard() && stage->makesTwo()) {
      std::copy_n(work[0], numFrames, work[1]);
      numChannels = 2;
    }
    stage->process(work.channels(), numChannels, numFrames);
  }
  outputGain.applyGain(work.channels(), numChannels, numFrames);
  std::uint32_t numFaults = 0;
  eachStage([&](Stage& stage) { numFaults += stage.takeFaults(); });
  if (!allFinite(work.channels(), numChannels, numFrames)) {
    clearChannels(work.channels(), numChannels, numFrames);
    eachStage([](Stage& stage) { stage.rest(); });
    ++numFaults;
  }
  if (numFaults > 0)
    faults.fetch_add(numFaults, std::memory_order_relaxed);
  return numChannels;
}

void SignalChain::State::processPart(const float* const* from, float* const* output, int numFrames) noexcept {
  const int numInputs = format.numInputs, numOutputs = format.numOutputs;
  copyChannels(from, input.channels(), numInputs, numFrames);
  if (!allFinite(input.channels(), numInputs, numFrames)) {
    clearChannels(input.channels(), numInputs, numFrames);
    faults.fetch_add(1, std::memory_order_relaxed);
  }
  if (settings.mute)
    tunerRing.write(input[numInputs == 2 && settings.inputMode == ChainSettings::InputMode::right ? 1 : 0], numFrames);

  const bool isActive = active.isHeard();
  if (isActive && processWet(numFrames) == 1 && numOutputs == 2)
    std::copy_n(work[0], numFrames, work[1]);

  // What comes past: as late as what went through.
  dryDelay.process(input.channels(), input.channels(), numInputs, numFrames);
  if (numInputs == 1 && numOutputs == 2)
    std::copy_n(input[0], numFrames, input[1]);
  if (isActive) {
    wet.applyGain(work.channels(), numOutputs, numFrames);
    dry.addWithGain(input.channels(), work.channels(), numOutputs, numFrames);
    if (active.isMoving())
      active.mix(input.channels(), work.channels(), numOutputs, numFrames);
  }
  copyChannels(isActive ? work.channels() : input.channels(), output, numOutputs, numFrames);
  sound.applyGain(output, numOutputs, numFrames);
  outputMeter.push(output, numOutputs, numFrames);
}

void SignalChain::State::mixInputs(const float* const* from, float* const* streams, int numStreams,
                                   int numFrames) noexcept {
  if (format.numInputs == 1) {
    std::copy_n(from[0], numFrames, streams[0]);
    return;
  }
  for (int stream = 0; stream < 2; ++stream) {
    auto& row = inputMatrix[std::size_t(stream)];
    if (stream >= numStreams) {
      row[0].skip(numFrames);
      row[1].skip(numFrames);
      continue;
    }
    float* to[1] = {streams[stream]};
    std::copy_n(from[0], numFrames, to[0]);
    row[0].applyGain(to, 1, numFrames);
    row[1].addWithGain(from + 1, to, 1, numFrames);
  }
}

} // namespace fxengine
