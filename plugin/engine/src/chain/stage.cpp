// SPDX-License-Identifier: MIT
#include "chain/stage.h"

namespace fxengine::detail {

void Stage::prepare(const ChainFormat& format, const ChainSettings&) {
  onOff_.prepare(format.sampleRate, SignalChain::kFadeMs);
}

void Stage::set(const ChainSettings& settings, bool atOnce) noexcept {
  const bool wasHeard = onOff_.isHeard() && !atOnce;
  onOff_.set(isOn(settings), atOnce);
  follow(settings, atOnce, !wasHeard);
  if (onOff_.isHeard() && !wasHeard)
    start();
}

void Stage::process(float* const* channels, int numChannels, int numFrames) noexcept {
  const bool late = isLate(), computed = onOff_.isHeard() && !isEmpty();
  if (!computed) {
    onOff_.skip(numFrames);
    if (late)
      passBy(channels, numChannels, numFrames);
    return;
  }
  const bool fading = onOff_.isMoving();
  if (late || fading)
    copyChannels(channels, without_.channels(), numChannels, numFrames);
  if (late)
    passBy(without_.channels(), numChannels, numFrames);
  run(channels, numChannels, numFrames);
  if (fading)
    onOff_.mix(without_.channels(), channels, numChannels, numFrames);
}

} // namespace fxengine::detail
