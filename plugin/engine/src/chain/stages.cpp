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
  slot_.prepare(format, settings);
  around_.prepare(format.sampleRate, format.numInputs, SignalChain::kMaxLatency);
}

bool PedalStage::adopt(bool heard) noexcept {
  wasEmpty_ = slot_.isEmpty();
  return slot_.adopt(heard && isHeard());
}

void PedalStage::clear() noexcept {
  slot_.clear();
  around_.reset();
}

void PedalStage::rest() noexcept {
  clear();
  slot_.rest();
}

void PedalStage::follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept {
  const int latency = latencyFrames();
  if (latency > 0 && around_.isIdle())
    around_.reset(); // its history was not kept
  if (atOnce)
    around_.snapDelay(latency);
  else
    around_.setDelay(latency);

  double levelDb = double(settings.pedalLevelDb);
  if (const SlotContent* content = slot_.content(); content && settings.calibrate) {
    const double interfaceDbu = double(settings.interfaceLevelDbu);
    if (const auto output = content->outputLevelDbu)
      levelDb += std::clamp(*output - interfaceDbu, -60.0, 60.0);
    else if (const auto input = content->inputLevelDbu)
      levelDb -= std::clamp(interfaceDbu - *input, -60.0, 60.0);
  }
  const bool jumps = unheard || wasEmpty_;
  slot_.setLevel(gainOf(float(levelDb)), jumps);
  slot_.follow(settings, jumps);
}

void PedalStage::passBy(float* const* channels, int numChannels, int numFrames) noexcept {
  around_.process(channels, channels, numChannels, numFrames);
}

void PedalStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  slot_.process(channels, numChannels, numFrames);
}

// Amplifier

void AmpStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  for (Path& path : paths_) {
    path.slot.prepare(format, settings);
    for (Ramp* ramp : {&path.share, &path.level})
      ramp->prepare(format.sampleRate, SignalChain::kFadeMs);
    path.pad.prepare(format.sampleRate, format.numInputs, SignalChain::kMaxLatency);
  }
}

void AmpStage::collect() {
  for (Path& path : paths_)
    path.slot.collect();
}

bool AmpStage::adopt(bool heard) noexcept {
  bool changed = false;
  for (Path& path : paths_)
    changed = path.slot.adopt(heard && path.isHeard()) || changed;
  return changed;
}

int AmpStage::latencyToCome() const noexcept {
  return std::max(paths_[0].slot.latencyToCome(), paths_[1].slot.latencyToCome());
}

int AmpStage::latencyFrames() const noexcept {
  return std::min(std::max(paths_[0].slot.latencyFrames(), paths_[1].slot.latencyFrames()), SignalChain::kMaxLatency);
}

int AmpStage::framesToSwitch() const noexcept {
  int count = Stage::framesToSwitch();
  for (const Path& path : paths_)
    if (path.share.isMoving())
      count = std::min(count, path.share.framesLeft());
  return count;
}

std::uint32_t AmpStage::takeFaults() noexcept { return paths_[0].slot.takeFaults() + paths_[1].slot.takeFaults(); }

void AmpStage::Path::clear() noexcept {
  slot.clear();
  pad.reset();
}

void AmpStage::clear() noexcept {
  for (Path& path : paths_)
    path.clear();
}

void AmpStage::rest() noexcept {
  clear();
  for (Path& path : paths_)
    path.slot.rest();
}

void AmpStage::follow(const ChainSettings& settings, bool atOnce, bool unheard) noexcept {
  const float shares[2] = {1.0f - settings.blend, settings.blend};
  const int latency = latencyFrames();
  const auto loudnessOfA = paths_[0].slot.loudnessDb();
  for (std::size_t index = 0; index < paths_.size(); ++index) {
    Path& path = paths_[index];
    const bool wasHeard = path.isHeard() && !unheard;
    detail::follow(path.share, shares[index], atOnce);
    if (path.isHeard() && !wasHeard)
      path.clear();
    const int missing = latency - path.slot.latencyFrames();
    if (atOnce || (path.isHeard() && !wasHeard))
      path.pad.snapDelay(missing);
    else
      path.pad.setDelay(missing);

    double levelDb = 0.0;
    if (const auto loudness = path.slot.loudnessDb()) {
      if (settings.levels == ChainSettings::Levels::normalised)
        levelDb = SignalChain::kNormalisedDb - *loudness;
      else if (settings.levels == ChainSettings::Levels::matchBToA && index == 1 && loudnessOfA)
        levelDb = *loudnessOfA - *loudness;
    }
    detail::follow(path.level, gainOf(float(std::clamp(levelDb, -60.0, 60.0))), !wasHeard);
    path.slot.follow(settings, !wasHeard);
  }
}

void AmpStage::Path::process(float* const* channels, int numChannels, int numFrames) noexcept {
  slot.process(channels, numChannels, numFrames);
  pad.process(channels, channels, numChannels, numFrames);
  level.applyGain(channels, numChannels, numFrames);
}

void AmpStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  for (std::size_t index = 0; index < paths_.size(); ++index) {
    Path& path = paths_[index];
    if (path.isHeard() && !paths_[1 - index].isHeard() && !path.share.isMoving()) { // it alone
      path.process(channels, numChannels, numFrames);
      return;
    }
  }
  clearChannels(sum_.channels(), numChannels, numFrames);
  for (Path& path : paths_) {
    if (!path.isHeard())
      continue;
    copyChannels(channels, one_.channels(), numChannels, numFrames);
    path.process(one_.channels(), numChannels, numFrames);
    path.share.addWithGain(one_.channels(), sum_.channels(), numChannels, numFrames);
  }
  copyChannels(sum_.channels(), channels, numChannels, numFrames);
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
