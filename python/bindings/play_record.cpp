// SPDX-License-Identifier: MIT
#include "play_record.h"

#include <fxengine/realtime/realtime_scope.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

PlayRecord::PlayRecord(double sampleRate, ChannelMap channels, std::vector<float> signal, std::size_t numFrames)
    : channels_(std::move(channels)), monitor_(sampleRate), signal_(std::move(signal)), recorded_(numFrames),
      firstXrun_(numFrames) {
  if (numFrames < signal_.size())
    throw std::invalid_argument("num_frames: expected at least the frames of the signal");
  signal_.resize(numFrames);
  inputMeter_.prepare(sampleRate);
}

int PlayRecord::callback(const void* input, void* output, unsigned long numFrames, const portaudio::StreamTime* time,
                         unsigned long flags, void* self) noexcept {
  auto& take = *static_cast<PlayRecord*>(self);
  const fxengine::RealtimeScope realtime;
  const std::uint64_t xruns = take.monitor_.numXruns();
  bool complete;
  {
    const StreamMonitor::Block block(take.monitor_, numFrames, time, flags);
    if (take.monitor_.numXruns() != xruns && take.firstXrun() == take.recorded_.size())
      take.firstXrun_.store(take.position(), std::memory_order_relaxed);
    complete = take.process(static_cast<const float*>(input), static_cast<float*>(output), numFrames);
  }
  return complete ? portaudio::complete : portaudio::goOn;
}

bool PlayRecord::process(const float* input, float* output, unsigned long numFrames) noexcept {
  std::array<float, kPart> returned, played;
  const float* const outputs[2] = {played.data(), played.data()};
  std::size_t position = this->position();
  for (unsigned long start = 0; start < numFrames; start += kPart) {
    const int count = static_cast<int>(std::min<unsigned long>(kPart, numFrames - start));
    const std::size_t wanted = std::min(static_cast<std::size_t>(count), recorded_.size() - position);
    std::copy_n(signal_.data() + position, wanted, played.data());
    std::fill(played.begin() + static_cast<std::ptrdiff_t>(wanted), played.begin() + count, 0.0f);
    const int clipped = channels_.take(input, start, count, returned.data());
    const float* const meter = returned.data();
    inputMeter_.push(&meter, 1, count);
    inputClips_.fetch_add(static_cast<std::uint64_t>(clipped), std::memory_order_relaxed);
    std::copy_n(returned.data(), wanted, recorded_.data() + position);
    channels_.give(outputs, count, output, start);
    position += wanted;
  }
  position_.store(position, std::memory_order_release);
  return position == recorded_.size();
}
