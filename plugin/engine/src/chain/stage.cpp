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
    clear();
}

void Stage::process(float* const* channels, int numChannels, int numFrames) noexcept {
  if (!onOff_.isHeard())
    return;
  if (!onOff_.isMoving()) {
    run(channels, numChannels, numFrames);
    return;
  }
  copyChannels(channels, without_.channels(), numChannels, numFrames);
  run(channels, numChannels, numFrames);
  onOff_.mix(without_.channels(), channels, numChannels, numFrames);
}

} // namespace fxengine::detail
