// SPDX-License-Identifier: MIT
#include "chain/capture_slot.h"

namespace fxengine::detail {

void CaptureSlot::prepare(const ChainFormat& format, const ChainSettings& settings) {
  format_ = format;
  content_.prepare(format.sampleRate);
  if (hasCapture())
    prepareModel(*content_.current()->model, settings);
  latency_.store(std::min(latencyFrames(), SignalChain::kMaxLatency), std::memory_order_relaxed);
  for (Ramp* ramp : {&calibration_, &level_})
    ramp->prepare(format.sampleRate, SignalChain::kFadeMs);
  for (Ramp& knob : knobs_)
    knob.prepare(format.sampleRate, SignalChain::kFadeMs);
  faults_ = 0;
}

void CaptureSlot::prepareModel(HostRateModel& model, const ChainSettings& settings) {
  const auto& knobs = settings.knobs[index_];
  for (std::size_t k = 0; k < knobs.size(); ++k)
    if (knobs[k])
      model.model().setKnob(int(k), *knobs[k]);
  if (settings.quality[index_])
    model.model().setQuality(*settings.quality[index_]);
  model.prepare(format_.sampleRate, format_.numInputs, SignalChain::kMaxPart);
  if (!model.info().startsAtRest)
    model.prewarm();
}

void CaptureSlot::offer(std::unique_ptr<SlotContent> content, const ChainSettings& settings) {
  if (!content)
    content = std::make_unique<SlotContent>();
  if (content->model && format_.sampleRate > 0.0)
    prepareModel(*content->model, settings);
  latency_.store(std::min(content->latencyFrames(), SignalChain::kMaxLatency), std::memory_order_relaxed);
  content_.offer(std::move(content));
}

void CaptureSlot::follow(const ChainSettings& settings, bool unheard) noexcept {
  double calibrationDb = 0.0;
  const SlotContent* content = content_.current();
  if (settings.calibrate && content && content->inputLevelDbu)
    calibrationDb = double(settings.interfaceLevelDbu) - *content->inputLevelDbu;
  detail::follow(calibration_, gainOf(float(std::clamp(calibrationDb, -60.0, 60.0))), unheard);
  for (std::size_t k = 0; k < knobs_.size(); ++k) {
    const auto& position = settings.knobs[index_][k];
    if (!position)
      continue;
    detail::follow(knobs_[k], std::clamp(*position, 0.0f, 1.0f), unheard);
    eachModel([&](HostRateModel& each) { each.model().setKnob(int(k), knobs_[k].value()); });
  }
  if (const auto quality = settings.quality[index_])
    eachModel([&](HostRateModel& each) { each.model().setQuality(*quality); });
}

void CaptureSlot::clear() noexcept {
  if (hasCapture())
    content_.current()->model->clearDelays();
}

void CaptureSlot::rest() noexcept {
  clear();
  eachModel([](HostRateModel& each) { each.rest(); });
}

void CaptureSlot::process(float* const* channels, int numChannels, int numFrames) noexcept {
  content_.process(channels, numChannels, numFrames, [&](float* const* now, float* const* leaving) {
    const auto apply = [&](Ramp& gain) { // to what captures play, and the same to both
      Ramp same = gain;
      if (leaving != nullptr && content_.leaving()->model)
        same.applyGain(leaving, numChannels, numFrames);
      if (hasCapture())
        gain.applyGain(now, numChannels, numFrames);
      else
        gain.skip(numFrames);
    };
    apply(calibration_);
    playModels(now, leaving, numChannels, numFrames);
    apply(level_);
  });
  if (hasCapture()) {
    SlotContent& content = *content_.current();
    const auto faults = content.model->model().numFaults();
    if (faults != content.faultsSeen) {
      content.faultsSeen = faults;
      ++faults_;
    }
  }
}

/** In short parts while a knob is on its way. */
void CaptureSlot::playModels(float* const* channels, float* const* leaving, int numChannels, int numFrames) noexcept {
  constexpr int kStep = SignalChain::kKnobFrames;
  for (int start = 0; start < numFrames;) {
    int count = numFrames - start;
    for (const Ramp& knob : knobs_)
      if (knob.isMoving()) { // steps end where the frames left are a multiple: whatever the blocks
        const int rest = knob.framesLeft() % kStep;
        count = std::min(count, rest == 0 ? kStep : rest);
      }
    const auto play = [&](SlotContent* content, float* const* to) {
      if (to == nullptr || content == nullptr || !content->model)
        return;
      float* const part[2] = {to[0] + start, numChannels == 2 ? to[1] + start : nullptr};
      content->model->process(part, part, numChannels, count);
    };
    play(content_.leaving(), leaving);
    play(content_.current(), channels);
    for (std::size_t k = 0; k < knobs_.size(); ++k)
      if (Ramp& knob = knobs_[k]; knob.isMoving()) {
        knob.skip(count);
        if (knob.framesLeft() % kStep == 0)
          eachModel([&](HostRateModel& each) { each.model().setKnob(int(k), knob.value()); });
      }
    start += count;
  }
}

} // namespace fxengine::detail
