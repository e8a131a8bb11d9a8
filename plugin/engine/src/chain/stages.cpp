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
  tone_.set(settings.bassDb, settings.middleDb, settings.trebleDb);
  if (unheard)
    tone_.snap();
}

void ToneStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  tone_.process(channels, numChannels, numFrames);
}

// Cabinet

void CabinetStage::offer(std::unique_ptr<Convolver> convolver) {
  auto cabinet = std::make_unique<Cabinet>();
  cabinet->convolver = std::move(convolver);
  if (cabinet->convolver && format_.sampleRate > 0.0)
    cabinet->convolver->prepare(format_.numOutputs, SignalChain::kMaxPart);
  cabinet_.offer(std::move(cabinet));
}

void CabinetStage::prepare(const ChainFormat& format, const ChainSettings& settings) {
  Stage::prepare(format, settings);
  format_ = format;
  cabinet_.prepare(format.sampleRate);
  eachConvolver([&](Convolver& each) { each.prepare(format.numOutputs, SignalChain::kMaxPart); });
  level_.prepare(format.sampleRate, SignalChain::kFadeMs);
}

void CabinetStage::follow(const ChainSettings& settings, bool atOnce, bool) noexcept {
  detail::follow(level_, gainOf(settings.cabinetLevelDb), atOnce);
}

void CabinetStage::clear() noexcept {
  if (cabinet_.current() && cabinet_.current()->convolver)
    cabinet_.current()->convolver->reset();
}

void CabinetStage::clearSecond() noexcept {
  eachConvolver([](Convolver& each) {
    if (!each.isStereo()) // whose channels both run
      each.reset(1);
  });
}

void CabinetStage::rest() noexcept {
  eachConvolver([](Convolver& each) { each.reset(); });
}

bool CabinetStage::makesTwo() const noexcept {
  bool stereo = false;
  eachConvolver([&](const Convolver& each) { stereo = stereo || each.isStereo(); });
  return stereo;
}

void CabinetStage::run(float* const* channels, int numChannels, int numFrames) noexcept {
  cabinet_.process(channels, numChannels, numFrames, [&](float* const* now, float* const* leaving) {
    if (leaving != nullptr && cabinet_.leaving()->convolver)
      cabinet_.leaving()->convolver->process(leaving, leaving, numChannels, numFrames);
    if (cabinet_.current() && cabinet_.current()->convolver)
      cabinet_.current()->convolver->process(now, now, numChannels, numFrames);
  });
  level_.applyGain(channels, numChannels, numFrames);
}

} // namespace fxengine::detail
