// SPDX-License-Identifier: MIT
#include "take_player.h"

#include "model_file.h"

#include <fxengine/dsp/impulse_response.h>

#include <juce_audio_formats/juce_audio_formats.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace fxtrain {
namespace {

using Channels = std::vector<std::vector<float>>;

/** A file as it is. Immutable. */
struct Take {
  Channels channels; // 1 or 2, equally long
  double sampleRate = 0.0;
};

struct Problem : std::runtime_error {
  explicit Problem(const juce::String& sentence) : std::runtime_error(sentence.toStdString()) {}
};

/** Throws Problem. Null where `isWanted` says that nobody waits for it any more. */
std::shared_ptr<const Take> readTake(const juce::File& file, const std::function<bool()>& isWanted) {
  const auto name = file.getFileName();
  if (!file.existsAsFile())
    throw Problem(name + " is not there any more: choose another take.");
  if (!isRegularFile(file))
    throw Problem(name + " is no regular file: choose another take.");
  juce::AudioFormatManager formats;
  formats.registerBasicFormats();
  const std::unique_ptr<juce::AudioFormatReader> reader(formats.createReaderFor(file));
  if (reader == nullptr)
    throw Problem(name + " is no WAV, AIFF or FLAC file that can be read: choose another take.");
  if (!(reader->sampleRate >= 1000.0 && reader->sampleRate <= 1e6) || reader->numChannels == 0)
    throw Problem(name + " states no usable sample rate or channels: choose another take.");
  if (reader->lengthInSamples <= 0)
    throw Problem(name + " holds no sound: choose another take.");
  if (double(reader->lengthInSamples) > TakePlayer::kMaxSeconds * reader->sampleRate)
    throw Problem(name + " is longer than " + juce::String(TakePlayer::kMaxSeconds / 60.0, 0) +
                  " minutes: cut it shorter.");
  const int numChannels = std::min(2, int(reader->numChannels));
  const int numFrames = int(reader->lengthInSamples);
  auto take = std::make_shared<Take>();
  take->sampleRate = reader->sampleRate;
  juce::AudioBuffer<float> part(numChannels, 1 << 16);
  take->channels.resize(std::size_t(numChannels));
  for (int start = 0; start < numFrames; start += part.getNumSamples()) { // grows with what is really in the file
    if (!isWanted())
      return nullptr;
    const int count = std::min(part.getNumSamples(), numFrames - start);
    if (!reader->read(&part, 0, count, start, true, true))
      throw Problem(name + " ends too early or is damaged: choose another take.");
    for (int channel = 0; channel < numChannels; ++channel) {
      auto& samples = take->channels[std::size_t(channel)];
      const float* read = part.getReadPointer(channel);
      std::transform(read, read + count, std::back_inserter(samples),
                     [](float sample) { return std::isfinite(sample) ? sample : 0.0f; });
    }
  }
  return take;
}

} // namespace

struct TakePlayer::Resampled {
  Channels channels; // empty: no take
  double sampleRate = 0.0;

  std::int64_t numFrames() const noexcept { return channels.empty() ? 0 : std::int64_t(channels[0].size()); }
};

struct TakePlayer::Loading {
  mutable std::mutex mutex; // never taken by the audio thread; guards what follows
  std::shared_ptr<const Take> take, offered;
  juce::String name, problem;
  double sampleRate = 0.0, offeredRate = 0.0; // of the device
  unsigned newest = 0; // of what the player asked for: an older load that is still under way is dropped

  std::atomic<int> pending{0};
  std::atomic<bool> playing{false}, looping{true};
  std::atomic<double> position{0.0}, seek{-1.0}, length{0.0}; // seconds; seek -1: none
  fxengine::Handover<Resampled> handover;                     // offered and collected under the mutex

  bool isNewest(unsigned number) const {
    const std::lock_guard lock(mutex);
    return number == newest;
  }

  void read(const juce::File& file, unsigned number) {
    std::shared_ptr<const Take> read;
    juce::String sentence;
    try {
      read = readTake(file, [&] { return isNewest(number); });
    } catch (const std::bad_alloc&) {
      sentence = file.getFileName() + " is too large for this computer's memory: cut it shorter.";
    } catch (const std::exception& error) {
      sentence = juce::String::fromUTF8(error.what());
    }
    const std::lock_guard lock(mutex);
    if (number != newest)
      return;
    problem = sentence;
    if (read == nullptr)
      return;
    take = read;
    name = file.getFileNameWithoutExtension();
    length = double(take->channels[0].size()) / take->sampleRate;
    position = 0.0;
    seek = 0.0;
  }

  /** Offers the take at the device's rate, where that was not done yet. The mutex is not held while it resamples. */
  void resample() {
    for (;;) {
      std::unique_lock lock(mutex);
      if (sampleRate <= 0.0 || take == nullptr || (take == offered && sampleRate == offeredRate))
        return;
      const auto source = take;
      const double rate = sampleRate;
      lock.unlock();
      auto resampled = std::make_unique<Resampled>();
      resampled->sampleRate = rate;
      for (const auto& channel : source->channels)
        resampled->channels.push_back(
            source->sampleRate == rate ? channel : fxengine::resample(channel, source->sampleRate, rate));
      lock.lock();
      if (take != source || sampleRate != rate)
        continue; // another one by now
      offered = source;
      offeredRate = rate;
      handover.offer(std::move(resampled));
    }
  }
};

TakePlayer::TakePlayer() : loading_(std::make_shared<Loading>()) {}
TakePlayer::~TakePlayer() {
  const std::lock_guard lock(loading_->mutex);
  ++loading_->newest; // whatever is under way is for nobody
}

void TakePlayer::prepare(double sampleRate) {
  sampleRate_ = sampleRate;
  fadeFrames_ = std::max(1, juce::roundToInt(sampleRate * kFadeMs / 1000.0));
  const std::lock_guard lock(loading_->mutex);
  if (loading_->sampleRate == sampleRate)
    return;
  loading_->sampleRate = sampleRate;
  now_ = before_ = {}; // of another rate
  fadeLeft_ = 0;
  stoppedAt_ = std::int64_t(loading_->position * sampleRate);
  if (loading_->take != nullptr)
    enqueue({});
}

/** @param file  none: only resamples */
void TakePlayer::enqueue(const juce::File& file) {
  ++loading_->pending;
  background_->loader.add(loading_.get(), [loading = loading_, file, number = loading_->newest] {
    if (file != juce::File())
      loading->read(file, number);
    loading->resample();
    --loading->pending;
  });
}

void TakePlayer::load(const juce::File& file) {
  const std::lock_guard lock(loading_->mutex);
  ++loading_->newest;
  enqueue(file);
}

void TakePlayer::unload() {
  const std::lock_guard lock(loading_->mutex);
  ++loading_->newest;
  loading_->take = loading_->offered = nullptr;
  loading_->name.clear();
  loading_->problem.clear();
  loading_->length = 0.0;
  loading_->position = 0.0;
  loading_->seek = -1.0;
  loading_->playing = false;
  loading_->handover.offer(std::make_unique<Resampled>());
}

bool TakePlayer::isLoading() const noexcept { return loading_->pending > 0; }
void TakePlayer::setPlaying(bool playing) noexcept { loading_->playing = playing; }
bool TakePlayer::isPlaying() const noexcept { return loading_->playing; }
void TakePlayer::setLooping(bool looping) noexcept { loading_->looping = looping; }
bool TakePlayer::isLooping() const noexcept { return loading_->looping; }
void TakePlayer::setPosition(double seconds) noexcept {
  if (std::isfinite(seconds))
    loading_->seek = std::clamp(seconds, 0.0, loading_->length.load());
}
double TakePlayer::position() const noexcept {
  const double seek = loading_->seek;
  return seek >= 0.0 ? seek : loading_->position.load();
}
double TakePlayer::length() const noexcept { return loading_->length; }

juce::String TakePlayer::name() const {
  const std::lock_guard lock(loading_->mutex);
  return loading_->name;
}

juce::String TakePlayer::problem() const {
  const std::lock_guard lock(loading_->mutex);
  return loading_->problem;
}

void TakePlayer::collect() {
  const std::lock_guard lock(loading_->mutex);
  loading_->handover.collect();
}

void TakePlayer::fadeTo(Voice voice) noexcept {
  before_ = now_;
  now_ = voice;
  fadeLeft_ = fadeFrames_;
}

/** Where the end of a take begins to fade out. */
std::int64_t TakePlayer::fadeStart() const noexcept {
  const auto end = current_->numFrames();
  return end - std::min<std::int64_t>(fadeFrames_, end / 2);
}

/** What is to sound from the next frame on. Called while nothing fades. */
void TakePlayer::decide() noexcept {
  auto& shared = *loading_;
  bool jumps = false;
  if (leaving_ == nullptr || shared.handover.giveBack(leaving_)) { // else its place is full, until the courier comes
    if (auto next = shared.handover.take()) {
      leaving_ = std::exchange(current_, std::move(next));
      jumps = true;
    }
  }
  const bool usable = current_ != nullptr && current_->numFrames() > 0 && current_->sampleRate == sampleRate_;
  bool plays = usable && shared.playing.load(std::memory_order_relaxed);
  if (now_.take != nullptr && !jumps)
    stoppedAt_ = now_.frame;
  if (shared.seek.load(std::memory_order_relaxed) >= 0.0) {
    const double seek = shared.seek.exchange(-1.0, std::memory_order_relaxed);
    stoppedAt_ = std::int64_t(seek * sampleRate_);
    shared.position.store(seek, std::memory_order_relaxed);
    jumps = true;
  }
  if (plays && now_.take != nullptr && !jumps && now_.frame >= fadeStart()) {
    stoppedAt_ = 0;
    plays = shared.looping.load(std::memory_order_relaxed);
    jumps = plays;
    if (!plays) {
      shared.playing.store(false, std::memory_order_relaxed);
      shared.position.store(0.0, std::memory_order_relaxed);
    }
  }
  if (plays && (now_.take == nullptr || jumps))
    fadeTo({current_.get(), stoppedAt_ < fadeStart() ? stoppedAt_ : 0});
  else if (!plays && now_.take != nullptr)
    fadeTo({});
}

void TakePlayer::process(juce::AudioBuffer<float>& buffer, int numInputs) noexcept FXENGINE_REALTIME {
  numInputs = std::min({numInputs, buffer.getNumChannels(), 2});
  const auto sampleAt = [numInputs](const Voice& voice, int channel, float input) {
    if (voice.take == nullptr)
      return input;
    const auto& channels = voice.take->channels;
    if (voice.frame >= voice.take->numFrames())
      return 0.0f;
    const auto frame = std::size_t(voice.frame);
    if (channels.size() == 1)
      return channels[0][frame];
    return numInputs == 1 ? 0.5f * (channels[0][frame] + channels[1][frame]) : channels[std::size_t(channel)][frame];
  };
  const int numFrames = buffer.getNumSamples();
  for (int frame = 0; frame < numFrames; ++frame) {
    if (fadeLeft_ == 0 && (frame == 0 || now_.take == nullptr || now_.frame >= fadeStart()))
      decide();
    if (fadeLeft_ == 0 && now_.take == nullptr)
      break;                                                          // the input, until the next block at least
    const float share = 1.0f - float(fadeLeft_) / float(fadeFrames_); // of now_
    for (int channel = 0; channel < numInputs; ++channel) {
      float& sample = buffer.getWritePointer(channel)[frame];
      const float input = sample;
      sample = sampleAt(now_, channel, input);
      if (fadeLeft_ > 0)
        sample = share * sample + (1.0f - share) * sampleAt(before_, channel, input);
    }
    ++now_.frame;
    ++before_.frame;
    if (fadeLeft_ > 0)
      --fadeLeft_;
  }
  if (now_.take != nullptr)
    loading_->position.store(double(now_.frame) / sampleRate_, std::memory_order_relaxed);
}

} // namespace fxtrain
