// SPDX-License-Identifier: MIT
#include "live_chain.h"

#include <fxengine/realtime/realtime_scope.h>

#include <algorithm>
#include <utility>

LiveChain::LiveChain(double sampleRate, ChannelMap channels, int recordedOutputs)
    : channels_(std::move(channels)), monitor_(sampleRate),
      queue_(1 + std::clamp(recordedOutputs, 1, channels_.numPlayed()),
             static_cast<std::size_t>(kQueueSeconds * sampleRate)),
      pitchDetector_(sampleRate), window_(static_cast<std::size_t>(pitchDetector_.windowFrames())),
      settings_(std::make_unique<fxengine::ChainSettings>()) {
  chain_.prepare(sampleRate, 1, channels_.numPlayed());
  inputMeter_.prepare(sampleRate);
}

int LiveChain::callback(const void* input, void* output, unsigned long numFrames, const portaudio::StreamTime* time,
                        unsigned long flags, void* self) noexcept {
  auto& chain = *static_cast<LiveChain*>(self);
  const fxengine::RealtimeScope realtime;
  const StreamMonitor::Block block(chain.monitor_, numFrames, time, flags);
  chain.process(static_cast<const float*>(input), static_cast<float*>(output), numFrames);
  return portaudio::goOn;
}

void LiveChain::process(const float* input, float* output, unsigned long numFrames) noexcept {
  if (auto next = handover_.take()) {
    std::swap(settings_, next);
    handover_.giveBack(next); // the ring is emptied by every setSettings() before the next can be offered
  }
  float* const dry = buffers_[0].data();
  float* const wet[2] = {buffers_[1].data(), buffers_[2].data()};
  for (unsigned long start = 0; start < numFrames; start += kPart) {
    const int count = static_cast<int>(std::min<unsigned long>(kPart, numFrames - start));
    if (const int clipped = channels_.take(input, start, count, dry); clipped > 0)
      inputClips_.fetch_add(static_cast<std::uint64_t>(clipped), std::memory_order_relaxed);
    inputMeter_.push(&dry, 1, count);
    chain_.process(&dry, wet, count, *settings_);
    channels_.give(wet, count, output, start);
    const float* const recorded[3] = {dry, wet[0], wet[1]};
    if (recording_.load(std::memory_order_acquire) && !queue_.write(recorded, count))
      recording_.store(false, std::memory_order_release);
  }
}

fxengine::ModelInfo LiveChain::setModel(const std::filesystem::path& path, int oversampling, double quality,
                                        bool selfTest) {
  fxengine::LoadOptions options;
  options.oversampling = oversampling;
  options.quality = quality;
  options.selfTest = selfTest;
  auto model = fxengine::loadModel(path, options);
  auto info = model.info();
  auto content = std::make_unique<fxengine::SlotContent>();
  content->model = std::make_unique<fxengine::HostRateModel>(std::move(model));
  setSlot(0, std::move(content));
  return info;
}

void LiveChain::setSlot(int slot, std::unique_ptr<fxengine::SlotContent> content,
                        const fxengine::ChainSettings& settings) {
  const std::scoped_lock lock(loading_);
  chain_.setSlot(slot, std::move(content), settings);
}

void LiveChain::setCabinet(const std::optional<fxengine::ImpulseResponse>& response, int index) {
  auto convolver = response ? std::make_unique<fxengine::Convolver>(*response, chain_.sampleRate()) : nullptr;
  const std::scoped_lock lock(loading_);
  chain_.setCabinet(std::move(convolver), index);
}

void LiveChain::setSettings(const fxengine::ChainSettings& settings) {
  const std::scoped_lock lock(loading_);
  chain_.collect();
  handover_.collect();
  handover_.offer(std::make_unique<fxengine::ChainSettings>(settings));
}

std::optional<fxengine::Pitch> LiveChain::pitch() {
  const std::scoped_lock lock(listening_);
  if (!chain_.tunerRing().read(window_))
    return std::nullopt;
  return pitchDetector_.detect(window_);
}
