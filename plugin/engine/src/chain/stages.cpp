// SPDX-License-Identifier: MIT
#include "chain/stages.h"

namespace fxengine::detail {

// Gate

void GateStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  gate_.prepare(format.sampleRate, format.numInputs);
}

void GateStage::follow(const ChainSettings& settings, bool, bool) noexcept {
  gate_.setThreshold(settings.gateThresholdDb);
  gate_.setRelease(settings.gateReleaseMs);
}

void GateStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  gate_.process(channels, numChannels, numFrames);
}

// Pedal

void PedalStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  captures_.prepare(format, settings);
  around_.prepare(format.sampleRate, format.numInputs, SignalChain::kMaxLatency);
}

void PedalStage::clear() noexcept {
  captures_.clear();
  around_.reset();
}

void PedalStage::rest() noexcept {
  clear();
  captures_.rest();
}

int PedalStage::framesToSwitch() const noexcept {
  const int count = Stage::framesToSwitch();
  return isHeard() && !isEmpty() ? std::min(count, captures_.framesToSwitch())
                                 : count; // else a fade between A and B waits
}

void PedalStage::follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept {
  const int latency = latencyFrames();
  if (latency > 0 && around_.isIdle())
    around_.reset(); // its history was not kept
  if (atOnce)
    around_.snapDelay(latency);
  else
    around_.setDelay(latency);

  std::array<double, 2> levelsDb;
  for (std::size_t side = 0; side < levelsDb.size(); ++side) {
    levelsDb[side] = double(settings.pedalLevelDb[2 * pedal_ + side]);
    const SlotContent* content = captures_.slot(int(side)).content();
    if (content == nullptr || !settings.calibrate)
      continue;
    const double interfaceDbu = double(settings.interfaceLevelDbu);
    if (const auto output = content->outputLevelDbu)
      levelsDb[side] += std::clamp(*output - interfaceDbu, -60.0, 60.0);
    else if (const auto input = content->inputLevelDbu)
      levelsDb[side] -= std::clamp(interfaceDbu - *input, -60.0, 60.0);
  }
  captures_.follow(settings, settings.pedalBlend[pedal_], levelsDb, atOnce, unheard);
}

void PedalStage::passBy(float* const* channels, int numChannels, int numFrames) noexcept {
  around_.process(channels, channels, numChannels, numFrames);
}

void PedalStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  captures_.process(channels, numChannels, numFrames);
}

// Amplifier

void AmpStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  captures_.prepare(format, settings);
}

void AmpStage::follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept {
  std::array<double, 2> levelsDb{};
  const auto loudnessOfA = captures_.slot(0).loudnessDb();
  for (std::size_t side = 0; side < levelsDb.size(); ++side)
    if (const auto loudness = captures_.slot(int(side)).loudnessDb()) {
      if (settings.levels == ChainSettings::Levels::normalised)
        levelsDb[side] = SignalChain::kNormalisedDb - *loudness;
      else if (settings.levels == ChainSettings::Levels::matchBToA && side == 1 && loudnessOfA)
        levelsDb[side] = *loudnessOfA - *loudness;
    }
  captures_.follow(settings, settings.blend, levelsDb, atOnce, unheard);
}

void AmpStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  captures_.process(channels, numChannels, numFrames);
}

// Tone

void ToneStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  tone_.prepare(format.sampleRate, format.numInputs);
}

void ToneStage::follow(const ChainSettings& settings, bool, bool unheard) noexcept {
  if (place_ == Place::beforePedal)
    tone_.set(settings.preBassDb, settings.preMiddleDb, settings.preTrebleDb);
  else
    tone_.set(settings.bassDb, settings.middleDb, settings.trebleDb);
  if (unheard)
    tone_.snap();
}

void ToneStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  tone_.process(channels, numChannels, numFrames);
}

// Cabinet

void CabinetStage::offer(std::unique_ptr<Convolver> convolver, int index) {
  auto cabinet = std::make_unique<Cabinet>();
  cabinet->convolver = std::move(convolver);
  if (cabinet->convolver && format_.sampleRate > 0.0)
    cabinet->convolver->prepare(format_.numOutputs, SignalChain::kMaxPart);
  (index == 0 ? first_ : second_).offer(std::move(cabinet));
}

void CabinetStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  format_ = format;
  for (auto* response : {&first_, &second_})
    response->prepare(format.sampleRate);
  eachConvolver([&](Convolver& each) { each.prepare(format.numOutputs, SignalChain::kMaxPart); });
  for (Ramp* ramp : {&level_, &firstGain_, &secondGain_})
    ramp->prepare(format.sampleRate, SignalChain::kFadeMs);
  delay_.prepare(format.sampleRate, format.numOutputs,
                 int(std::ceil(1e-3 * SignalChain::kMaxCabinetDelayMs * format.sampleRate)));
}

void CabinetStage::collect() {
  first_.collect();
  second_.collect();
}

bool CabinetStage::adopt(bool heard) noexcept {
  const bool fades = heard && isHeard();
  const bool first = first_.adopt(fades);
  return second_.adopt(fades) || first;
}

void CabinetStage::follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept {
  detail::follow(level_, gainOf(settings.cabinetLevelDb), atOnce);
  const bool hasFirst = convolverOf(first_.current()) != nullptr;
  const bool hasSecond = convolverOf(second_.current()) != nullptr;
  const float share = !hasSecond ? 0.0f : hasFirst ? settings.cabinetBlend : 1.0f;
  const bool jumps = atOnce || unheard;
  detail::follow(firstGain_, 1.0f - share, jumps);
  detail::follow(secondGain_, settings.cabinetInvert ? -share : share, jumps);
  const int delay = int(std::lround(1e-3 * double(settings.cabinetDelayMs) * format_.sampleRate));
  const bool starts = hasSecond && !playedSecond_;
  if (starts)
    delay_.reset();
  if (jumps || starts)
    delay_.snapDelay(delay);
  else
    delay_.setDelay(delay);
}

void CabinetStage::clear() noexcept {
  for (const auto* response : {&first_, &second_})
    if (Convolver* convolver = convolverOf(response->current()))
      convolver->reset();
  delay_.reset();
}

void CabinetStage::clearSecond() noexcept {
  eachConvolver([](Convolver& each) {
    if (!each.isStereo()) // whose channels both run
      each.reset(1);
  });
}

void CabinetStage::rest() noexcept {
  eachConvolver([](Convolver& each) { each.reset(); });
  delay_.reset();
}

bool CabinetStage::makesTwo() const noexcept {
  bool stereo = false;
  eachConvolver([&](const Convolver& each) { stereo = stereo || each.isStereo(); });
  return stereo;
}

bool CabinetStage::playsSecond() const noexcept {
  return convolverOf(second_.current()) != nullptr || convolverOf(second_.leaving()) != nullptr ||
         firstGain_.isMoving() || secondGain_.isMoving();
}

void CabinetStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  playedSecond_ = playsSecond();
  if (playedSecond_) {
    copyChannels(channels, branch_.channels(), numChannels, numFrames);
    const auto play = [&](const Cabinet* cabinet, float* const* to) {
      if (Convolver* convolver = convolverOf(cabinet))
        convolver->process(to, to, numChannels, numFrames);
      else
        clearChannels(to, numChannels, numFrames); // a second response that is not there is silence
    };
    second_.process(branch_.channels(), numChannels, numFrames, [&](float* const* now, float* const* leaving) {
      if (leaving != nullptr)
        play(second_.leaving(), leaving);
      play(second_.current(), now);
    });
    delay_.process(branch_.channels(), branch_.channels(), numChannels, numFrames);
  }
  first_.process(channels, numChannels, numFrames, [&](float* const* now, float* const* leaving) {
    if (Convolver* convolver = convolverOf(first_.leaving()); convolver && leaving != nullptr)
      convolver->process(leaving, leaving, numChannels, numFrames);
    if (Convolver* convolver = convolverOf(first_.current()))
      convolver->process(now, now, numChannels, numFrames);
  });
  if (playedSecond_) {
    firstGain_.applyGain(channels, numChannels, numFrames);
    secondGain_.addWithGain(branch_.channels(), channels, numChannels, numFrames);
  }
  level_.applyGain(channels, numChannels, numFrames);
}

// Cuts

void CutStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  filter_.prepare(format.sampleRate, format.numOutputs);
}

bool CutStage::isOn(const ChainSettings& settings) const noexcept {
  return settings.cabinetOn && (kind_ == CutFilter::Kind::lowCut ? settings.lowCutHz > ChainSettings::kNoLowCutHz
                                                                 : settings.highCutHz < ChainSettings::kNoHighCutHz);
}

void CutStage::follow(const ChainSettings& settings, bool, bool) noexcept {
  filter_.setFrequency(double(kind_ == CutFilter::Kind::lowCut ? settings.lowCutHz : settings.highCutHz));
}

void CutStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  if (numChannels == 2 && numChannels_ == 1)
    filter_.copyState(0, 1); // it was a copy so far
  numChannels_ = numChannels;
  filter_.process(channels, numChannels, numFrames);
}

// Doubler

void DoublerStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  doubler_.prepare(format.sampleRate);
  numOutputs_ = format.numOutputs;
}

void DoublerStage::follow(const ChainSettings& settings, bool, bool) noexcept {
  if (settings.doubler > 0.0f) // else the stage fades out as it is
    doubler_.setWidth(settings.doubler);
}

void DoublerStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  if (numChannels == 2)
    doubler_.process(channels[1], numFrames);
}

// Delay

void DelayStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  delay_.prepare(format.sampleRate, format.numOutputs);
  wet_.prepare(format.sampleRate, SignalChain::kFadeMs);
}

void DelayStage::clear() noexcept {
  delay_.reset();
  heardTwo_ = false;
}

void DelayStage::follow(const ChainSettings& settings, bool, bool unheard) noexcept {
  delay_.setTime(settings.delayTimeMs());
  delay_.setFeedback(settings.delayFeedback);
  if (settings.delay > 0.0f) // else the stage fades out as it is
    detail::follow(wet_, settings.delay, unheard);
}

void DelayStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  heardTwo_ = heardTwo_ || numChannels == 2;
  delay_.process(channels, echoes_.channels(), numChannels, numFrames);
  wet_.addWithGain(echoes_.channels(), channels, numChannels, numFrames);
}

// Reverb

void ReverbStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  reverb_.prepare(format.sampleRate);
  wet_.prepare(format.sampleRate, SignalChain::kFadeMs);
}

void ReverbStage::follow(const ChainSettings& settings, bool, bool unheard) noexcept {
  reverb_.setDecay(double(settings.reverbDecay));
  if (settings.reverb > 0.0f) // else the stage fades out as it is
    detail::follow(wet_, settings.reverb, unheard);
}

void ReverbStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  const float* const input[2] = {channels[0], channels[numChannels - 1]};
  reverb_.process(input, room_.channels(), numFrames);
  wet_.addWithGain(room_.channels(), channels, numChannels, numFrames);
}

} // namespace fxengine::detail
