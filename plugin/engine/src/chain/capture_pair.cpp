// SPDX-License-Identifier: MIT
#include "chain/capture_pair.h"

namespace fxengine::detail {

void CapturePair::prepare(const ChainFormat& format, const ChainSettings& settings) {
  for (Path& path : paths_) {
    path.slot.prepare(format, settings);
    path.share.prepare(format.sampleRate, SignalChain::kFadeMs);
    path.pad.prepare(format.sampleRate, format.numInputs, SignalChain::kMaxLatency);
  }
}

void CapturePair::collect() {
  for (Path& path : paths_)
    path.slot.collect();
}

bool CapturePair::adopt(bool heard) noexcept {
  bool changed = false;
  for (Path& path : paths_) {
    path.wasEmpty = path.slot.isEmpty();
    changed = path.slot.adopt(heard && path.isHeard()) || changed;
  }
  return changed;
}

int CapturePair::latencyToCome() const noexcept {
  return std::max(paths_[0].slot.latencyToCome(), paths_[1].slot.latencyToCome());
}

int CapturePair::latencyFrames() const noexcept {
  return std::min(std::max(paths_[0].slot.latencyFrames(), paths_[1].slot.latencyFrames()), SignalChain::kMaxLatency);
}

int CapturePair::framesToSwitch() const noexcept {
  int count = INT_MAX;
  for (const Path& path : paths_) {
    if (path.share.isMoving())
      count = std::min(count, path.share.framesLeft());
    if (path.framesToAwait > 0)
      count = std::min(count, path.framesToAwait);
  }
  return count;
}

void CapturePair::follow(const ChainSettings& settings, float blend, const std::array<double, 2>& levelsDb, bool atOnce,
                         bool unheard) noexcept {
  const float shares[2] = {1.0f - blend, blend};
  const int latency = latencyFrames();
  for (std::size_t side = 0; side < paths_.size(); ++side) {
    Path& path = paths_[side];
    const bool wasHeard = path.isHeard() && !unheard;
    path.wanted = shares[side];
    if (path.wanted == 0.0f || unheard)
      path.framesToAwait = 0;
    const bool isNew = path.wanted != 0.0f && !wasHeard;
    if (isNew) {
      path.clear();
      path.framesToAwait = unheard ? 0 : latency;
    }
    const int missing = latency - path.slot.latencyFrames();
    if (atOnce || isNew)
      path.pad.snapDelay(missing);
    else
      path.pad.setDelay(missing);
    path.slot.setLevel(gainOf(float(std::clamp(levelsDb[side], -60.0, 60.0))), !wasHeard || path.wasEmpty);
    path.slot.follow(settings, !wasHeard || path.wasEmpty);
  }
  fade(unheard);
}

void CapturePair::fade(bool atOnce) noexcept {
  if (paths_[0].framesToAwait > 0 || paths_[1].framesToAwait > 0)
    return;
  for (Path& path : paths_)
    detail::follow(path.share, path.wanted, atOnce);
}

void CapturePair::Path::clear() noexcept {
  slot.clear();
  pad.reset();
}

void CapturePair::clear() noexcept {
  for (Path& path : paths_)
    path.clear();
}

void CapturePair::rest() noexcept {
  clear();
  for (Path& path : paths_)
    path.slot.rest();
}

void CapturePair::Path::process(float* const* channels, int numChannels, int numFrames) noexcept {
  slot.process(channels, numChannels, numFrames);
  pad.process(channels, channels, numChannels, numFrames);
}

void CapturePair::process(float* const* channels, int numChannels, int numFrames) noexcept {
  for (std::size_t side = 0; side < paths_.size(); ++side) {
    Path& path = paths_[side];
    if (path.isHeard() && !paths_[1 - side].isHeard() && !path.share.isMoving()) { // it alone
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
  bool waited = false;
  for (Path& path : paths_)
    if (path.framesToAwait > 0) {
      path.framesToAwait -= numFrames;
      waited = true;
    }
  if (waited)
    fade(false);
}

} // namespace fxengine::detail
