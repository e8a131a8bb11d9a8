// SPDX-License-Identifier: MIT
#include "fxengine/signal_chain.h"

#include "fxengine/dsp/loudness.h"
#include "fxengine/realtime/flush_denormals.h"
#include "work.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace fxengine {
namespace {

float gainOf(float db) noexcept { return db == 0.0f ? 1.0f : std::pow(10.0f, db / 20.0f); }

/** Looks at the exponents: no branch and no floating-point exception, and the compiler makes vectors of it. */
bool allFinite(const float* samples, int numFrames) noexcept {
  std::uint32_t greatest = 0;
  for (int t = 0; t < numFrames; ++t) {
    std::uint32_t bits;
    std::memcpy(&bits, samples + t, sizeof bits);
    greatest = std::max(greatest, bits & 0x7fffffffu);
  }
  return greatest < 0x7f800000u;
}

void copyChannels(const float* const* from, float* const* to, int numChannels, int numFrames) noexcept {
  for (int c = 0; c < numChannels; ++c)
    if (from[c] != to[c])
      std::copy_n(from[c], numFrames, to[c]);
}

void clearChannels(float* const* channels, int numChannels, int numFrames) noexcept {
  for (int c = 0; c < numChannels; ++c)
    std::fill_n(channels[c], numFrames, 0.0f);
}

void follow(Ramp& ramp, float target, bool atOnce) noexcept {
  if (atOnce)
    ramp.snap(target);
  else
    ramp.setTarget(target);
}

} // namespace

SlotContent::SlotContent(Model loaded) {
  // A host waits for this when it loads a project: some tenths of a second.
  constexpr double kLoudnessWork = 4e9;     // multiplications
  constexpr double kMostWorkOfAFrame = 1e6; // several times what any processor does in real time
  const ModelInfo& info = loaded.info();
  loudnessDb = info.loudnessDb;
  if (!loudnessDb && detail::workOfFrame(info) * info.oversampling <= kMostWorkOfAFrame)
    loudnessDb = measureLoudness(loaded, kLoudnessWork);
  inputLevelDbu = info.inputLevelDbu;
  model = std::make_unique<HostRateModel>(std::move(loaded));
}

SignalChain::SignalChain() = default;
SignalChain::~SignalChain() = default;

// Loading thread

void SignalChain::prepare(double sampleRate, int numInputs, int numOutputs, const ChainSettings& settings) {
  settings_ = settings;
  sampleRate_ = sampleRate;
  numInputs_ = std::clamp(numInputs, 1, 2);
  numOutputs_ = std::clamp(numOutputs, numInputs_, 2);
  memory_.assign(std::size_t{kNumBuffers} * 2 * kMaxPart, 0.0f);
  for (Slot& slot : slots_) {
    if (auto content = slot.handover.take())
      slot.content = std::move(content);
    slot.leaving.reset();
    slot.handover.collect();
    if (slot.content && slot.content->model)
      prepareModel(*slot.content->model, std::size_t(&slot - slots_.data()), settings);
    slot.latency.store(slot.content ? std::min(slot.content->latencyFrames(), kMaxLatency) : 0,
                       std::memory_order_relaxed);
    for (Ramp* ramp : {&slot.fade, &slot.share, &slot.before, &slot.level})
      ramp->prepare(sampleRate, kFadeMs);
    for (Ramp& knob : slot.knobs)
      knob.prepare(sampleRate, kFadeMs);
    slot.pad.prepare(sampleRate, numInputs_, kMaxLatency);
  }
  if (auto cabinet = cabinetHandover_.take())
    cabinet_ = std::move(cabinet);
  leavingCabinet_.reset();
  cabinetHandover_.collect();
  if (cabinet_ && cabinet_->convolver)
    cabinet_->convolver->prepare(numOutputs_, kMaxPart);
  for (auto& row : inputMatrix_)
    for (Ramp& ramp : row)
      ramp.prepare(sampleRate, kFadeMs);
  for (Ramp* ramp : {&cabinetFade_, &secondStream_, &inputGain_, &cabinetLevel_, &outputGain_, &wet_, &dry_, &active_,
                     &sound_, &gateSwitch_.share, &toneSwitch_.share, &cabinetSwitch_.share})
    ramp->prepare(sampleRate, kFadeMs);
  gate_.prepare(sampleRate, numInputs_);
  tone_.prepare(sampleRate, numInputs_);
  delay_.prepare(sampleRate, numInputs_, kMaxLatency);
  inputMeter_.prepare(sampleRate);
  outputMeter_.prepare(sampleRate);
  faults_.store(0, std::memory_order_relaxed);
  reset(settings_);
}

void SignalChain::prepareModel(HostRateModel& model, std::size_t slot, const ChainSettings& settings) {
  const auto& knobs = settings.knobs[slot];
  for (std::size_t k = 0; k < knobs.size(); ++k)
    if (knobs[k])
      model.model().setKnob(int(k), *knobs[k]);
  if (settings.quality[slot])
    model.model().setQuality(*settings.quality[slot]);
  model.prepare(sampleRate_, numInputs_, kMaxPart);
  if (!model.info().startsAtRest)
    model.prewarm();
}

void SignalChain::setSlot(int index, std::unique_ptr<SlotContent> content, const ChainSettings& settings) {
  Slot& slot = slots_[std::size_t(index)];
  if (!content)
    content = std::make_unique<SlotContent>();
  if (content->model && sampleRate_ > 0.0)
    prepareModel(*content->model, std::size_t(index), settings);
  slot.latency.store(std::min(content->latencyFrames(), kMaxLatency), std::memory_order_relaxed);
  slot.handover.offer(std::move(content));
  collect();
}

void SignalChain::setCabinet(std::unique_ptr<Convolver> convolver) {
  auto cabinet = std::make_unique<Cabinet>();
  cabinet->convolver = std::move(convolver);
  if (cabinet->convolver && sampleRate_ > 0.0)
    cabinet->convolver->prepare(numOutputs_, kMaxPart);
  cabinetHandover_.offer(std::move(cabinet));
  collect();
}

void SignalChain::collect() {
  for (Slot& slot : slots_)
    slot.handover.collect();
  cabinetHandover_.collect();
}

int SignalChain::latencyFrames() const noexcept {
  return std::max(slots_[0].latency.load(std::memory_order_relaxed), slots_[1].latency.load(std::memory_order_relaxed));
}

float SignalChain::gateGain() const noexcept { return gateGain_.load(std::memory_order_relaxed); }

// Audio thread

SignalChain::Channels SignalChain::buffer(int index) noexcept {
  float* start = memory_.data() + std::size_t(index) * 2 * kMaxPart;
  return {start, start + kMaxPart};
}

int SignalChain::totalLatency() const noexcept {
  int latency = 0;
  for (const Slot& slot : slots_)
    if (slot.content)
      latency = std::max(latency, slot.content->latencyFrames());
  return std::min(latency, kMaxLatency);
}

bool SignalChain::adopt(bool atOnce) noexcept {
  bool changed = false;
  // What is not heard needs no fade.
  const auto exchange = [&](auto& handover, auto& current, auto& leaving, Ramp& fade, bool heard) {
    if (!heard || atOnce)
      fade.snap(1.0f);
    if (leaving && !fade.isMoving())
      handover.giveBack(leaving);
    if (leaving)
      return;
    auto next = handover.take();
    if (!next)
      return;
    leaving = std::move(current);
    current = std::move(next);
    changed = true;
    if (heard && !atOnce) {
      fade.snap(0.0f);
      fade.setTarget(1.0f);
    } else if (leaving) {
      handover.giveBack(leaving);
    }
  };
  const bool active = active_.target() != 0.0f || active_.isMoving();
  for (Slot& slot : slots_)
    exchange(slot.handover, slot.content, slot.leaving, slot.fade, active && slot.running);
  exchange(cabinetHandover_, cabinet_, leavingCabinet_, cabinetFade_, active && cabinetSwitch_.running);
  return changed;
}

void SignalChain::Switch::set(bool on, bool atOnce) noexcept {
  follow(share, on ? 1.0f : 0.0f, atOnce);
  running = share.target() != 0.0f || share.isMoving();
}

void SignalChain::setTargets(const ChainSettings& settings, bool atOnce) noexcept {
  settings_ = settings;
  follow(inputGain_, gainOf(settings.inputGainDb), atOnce);
  follow(cabinetLevel_, gainOf(settings.cabinetLevelDb), atOnce);
  follow(outputGain_, gainOf(settings.outputGainDb), atOnce);
  follow(wet_, settings.mix, atOnce);
  follow(dry_, 1.0f - settings.mix, atOnce);
  follow(sound_, settings.mute ? 0.0f : 1.0f, atOnce);

  const bool wasActive = active_.target() != 0.0f || active_.isMoving();
  follow(active_, settings.bypass ? 0.0f : 1.0f, atOnce);
  if (!settings.bypass && !wasActive)
    clearDelays();

  gate_.setThreshold(settings.gateThresholdDb);
  gate_.setRelease(settings.gateReleaseMs);
  if (settings.gateOn && !gateSwitch_.running)
    gate_.reset();
  gateSwitch_.set(settings.gateOn, atOnce);

  tone_.set(settings.bassDb, settings.middleDb, settings.trebleDb);
  if (settings.toneOn && !toneSwitch_.running) {
    tone_.reset();
    tone_.snap();
  }
  toneSwitch_.set(settings.toneOn, atOnce);

  if (settings.cabinetOn && !cabinetSwitch_.running && cabinet_ && cabinet_->convolver)
    cabinet_->convolver->reset();
  cabinetSwitch_.set(settings.cabinetOn, atOnce);

  using Mode = ChainSettings::InputMode;
  const auto mode = numInputs_ == 2 ? settings.inputMode : Mode::left;
  const float half[2][2] = {{0.5f, 0.5f}, {0.5f, 0.5f}};
  for (std::size_t stream = 0; stream < 2; ++stream)
    for (std::size_t input = 0; input < 2; ++input) {
      const float weight = mode == Mode::stereo  ? (stream == input ? 1.0f : 0.0f)
                           : mode == Mode::left  ? (input == 0 ? 1.0f : 0.0f)
                           : mode == Mode::right ? (input == 1 ? 1.0f : 0.0f)
                                                 : half[stream][input];
      follow(inputMatrix_[stream][input], weight, atOnce);
    }
  const bool hadSecond = secondStream_.target() != 0.0f || secondStream_.isMoving();
  if (mode == Mode::stereo && !hadSecond)
    for (Cabinet* cabinet : {cabinet_.get(), leavingCabinet_.get()})
      if (cabinet && cabinet->convolver && !cabinet->convolver->isStereo())
        cabinet->convolver->reset(1); // its second channel stood still
  follow(secondStream_, mode == Mode::stereo ? 1.0f : 0.0f, atOnce);

  const float shares[2] = {1.0f - settings.blend, settings.blend};
  const int latency = totalLatency();
  const auto loudness = [&](std::size_t index) -> std::optional<double> {
    const auto& content = slots_[index].content;
    return content ? content->loudnessDb : std::nullopt;
  };
  for (std::size_t index = 0; index < 2; ++index) {
    Slot& slot = slots_[index];
    follow(slot.share, shares[index], atOnce);
    const bool wasRunning = slot.running;
    slot.running = slot.share.target() != 0.0f || slot.share.isMoving();
    const int latencyOfSlot = slot.content ? slot.content->latencyFrames() : 0;
    if (slot.running && !wasRunning) {
      if (slot.content && slot.content->model)
        slot.content->model->clearDelays();
      slot.pad.reset();
      slot.pad.snapDelay(latency - latencyOfSlot);
    }
    if (atOnce)
      slot.pad.snapDelay(latency - latencyOfSlot);
    else
      slot.pad.setDelay(latency - latencyOfSlot);

    double levelDb = 0.0;
    if (const auto own = loudness(index)) {
      if (settings.levels == ChainSettings::Levels::normalised)
        levelDb = kNormalisedDb - *own;
      else if (settings.levels == ChainSettings::Levels::matchBToA && index == 1 && loudness(0))
        levelDb = *loudness(0) - *own;
    }
    follow(slot.level, gainOf(float(std::clamp(levelDb, -60.0, 60.0))), atOnce || !wasRunning);
    double beforeDb = 0.0;
    if (settings.calibrate && slot.content && slot.content->inputLevelDbu)
      beforeDb = double(settings.interfaceLevelDbu) - *slot.content->inputLevelDbu;
    follow(slot.before, gainOf(float(std::clamp(beforeDb, -60.0, 60.0))), atOnce || !wasRunning);
    for (int k = 0; k < ChainSettings::kNumKnobs; ++k) {
      const auto& position = settings.knobs[index][std::size_t(k)];
      if (!position)
        continue;
      Ramp& knob = slot.knobs[std::size_t(k)];
      follow(knob, std::clamp(*position, 0.0f, 1.0f), atOnce || !wasRunning);
      slot.setKnob(k, knob.value());
    }
    if (settings.quality[index])
      slot.setQuality(*settings.quality[index]);
  }
  if (atOnce)
    delay_.snapDelay(latency);
  else
    delay_.setDelay(latency);
}

void SignalChain::clearDelays() noexcept {
  for (Slot& slot : slots_) {
    if (slot.content && slot.content->model)
      slot.content->model->clearDelays();
    slot.pad.reset();
  }
  gate_.reset();
  tone_.reset();
  if (cabinet_ && cabinet_->convolver)
    cabinet_->convolver->reset();
}

void SignalChain::clearProcessors() noexcept {
  clearDelays();
  for (Slot& slot : slots_)
    for (SlotContent* content : {slot.content.get(), slot.leaving.get()})
      if (content && content->model)
        content->model->rest();
  if (leavingCabinet_ && leavingCabinet_->convolver)
    leavingCabinet_->convolver->reset();
}

void SignalChain::reset(const ChainSettings& settings) noexcept {
  if (numInputs_ == 0)
    return;
  adopt(true);
  for (Slot& slot : slots_)
    slot.running = false;
  setTargets(settings, true);
  clearProcessors();
  tone_.snap();
  delay_.reset();
  inputMeter_.reset();
  outputMeter_.reset();
  pristine_ = true;
}

void SignalChain::process(const float* const* input, float* const* output, int numFrames,
                          const ChainSettings& settings) noexcept {
  const ScopedFlushDenormals flushDenormals;
  if (numInputs_ == 0) {
    return;
  }
  if (pristine_) {
    reset(settings);
    pristine_ = numFrames == 0;
  } else {
    if (adopt(false) || !(settings == settings_))
      setTargets(settings, false);
  }
  for (int start = 0; start < numFrames;) {
    const int count = partOf(numFrames - start);
    const float* const in[2] = {input[0] + start, numInputs_ == 2 ? input[1] + start : input[0] + start};
    float* const out[2] = {output[0] + start, numOutputs_ == 2 ? output[1] + start : output[0] + start};
    processPart(in, out, count);
    start += count;
  }
}

/** How many of the frames left are run at once. What fades out stops where its fade ends, whatever the blocks: it goes
    on from there when it is heard again. */
int SignalChain::partOf(int numFrames) const noexcept {
  int count = std::min(kMaxPart, numFrames);
  for (const Ramp* ramp : {&slots_[0].share, &slots_[1].share, &active_, &secondStream_, &gateSwitch_.share,
                           &toneSwitch_.share, &cabinetSwitch_.share})
    if (ramp->isMoving())
      count = std::min(count, ramp->framesLeft());
  return count;
}

template <class Process>
void SignalChain::insert(Switch& stage, float* const* channels, int numChannels, int numFrames,
                         const Process& process) noexcept {
  if (!stage.running)
    return;
  if (!stage.share.isMoving()) {
    process();
    return;
  }
  const Channels without = buffer(kWithout);
  copyChannels(channels, without.data(), numChannels, numFrames);
  process();
  crossfade(stage.share, without.data(), channels, numChannels, numFrames);
  stage.running = stage.share.target() != 0.0f || stage.share.isMoving();
}

/** to = from (1 - share) + to share */
void SignalChain::crossfade(Ramp& share, const float* const* from, float* const* to, int numChannels,
                            int numFrames) noexcept {
  float* gains = buffer(kGains)[0];
  for (int t = 0; t < numFrames; ++t)
    gains[t] = share.next();
  for (int c = 0; c < numChannels; ++c)
    for (int t = 0; t < numFrames; ++t)
      to[c][t] = from[c][t] * (1.0f - gains[t]) + to[c][t] * gains[t];
}

void SignalChain::processSlot(Slot& slot, const float* const* input, float* const* output, int numStreams,
                              int numFrames) noexcept {
  copyChannels(input, output, numStreams, numFrames);
  const bool fading = slot.leaving && slot.fade.isMoving();
  const Channels leaving = buffer(kLeaving);
  if (slot.content && slot.content->model)
    slot.before.applyGain(output, numStreams, numFrames);
  else
    slot.before.skip(numFrames);
  if (fading)
    copyChannels(output, leaving.data(), numStreams, numFrames);
  playModels(slot, output, fading ? leaving.data() : nullptr, numStreams, numFrames);
  if (slot.content && slot.content->model) {
    const auto faults = slot.content->model->model().numFaults();
    if (faults != slot.content->faultsSeen) {
      slot.content->faultsSeen = faults;
      faults_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (fading)
    crossfade(slot.fade, leaving.data(), output, numStreams, numFrames);
  slot.pad.process(output, output, numStreams, numFrames);
  slot.level.applyGain(output, numStreams, numFrames);
}

/** Plays a slot's model, and the one that leaves, in place; in short parts while a knob is on its way. */
void SignalChain::playModels(Slot& slot, float* const* output, float* const* leaving, int numStreams,
                             int numFrames) noexcept {
  for (int start = 0; start < numFrames;) {
    int count = numFrames - start;
    for (const Ramp& knob : slot.knobs)
      if (knob.isMoving()) { // steps end where the frames left are a multiple: whatever the blocks
        const int rest = knob.framesLeft() % kKnobFrames;
        count = std::min(count, rest == 0 ? kKnobFrames : rest);
      }
    const auto play = [&](const std::unique_ptr<SlotContent>& content, float* const* channels) {
      if (channels == nullptr || !content || !content->model)
        return;
      float* const part[2] = {channels[0] + start, numStreams == 2 ? channels[1] + start : nullptr};
      content->model->process(part, part, numStreams, count);
    };
    play(slot.leaving, leaving);
    play(slot.content, output);
    for (int k = 0; k < ChainSettings::kNumKnobs; ++k)
      if (Ramp& knob = slot.knobs[std::size_t(k)]; knob.isMoving()) {
        knob.skip(count);
        if (knob.framesLeft() % kKnobFrames == 0)
          slot.setKnob(k, knob.value());
      }
    start += count;
  }
}

void SignalChain::processSlots(float* const* channels, int numStreams, int numFrames) noexcept {
  for (std::size_t index = 0; index < 2; ++index) {
    Slot& slot = slots_[index];
    if (slot.running && !slots_[1 - index].running && !slot.share.isMoving()) { // it alone
      processSlot(slot, channels, channels, numStreams, numFrames);
      return;
    }
  }
  const Channels sum = buffer(kSum), one = buffer(kOne);
  clearChannels(sum.data(), numStreams, numFrames);
  for (Slot& slot : slots_) {
    if (!slot.running)
      continue;
    processSlot(slot, channels, one.data(), numStreams, numFrames);
    slot.share.addWithGain(one.data(), sum.data(), numStreams, numFrames);
    slot.running = slot.share.target() != 0.0f || slot.share.isMoving();
  }
  copyChannels(sum.data(), channels, numStreams, numFrames);
}

void SignalChain::processCabinet(float* const* channels, int numChannels, int numFrames) noexcept {
  const bool fading = leavingCabinet_ && cabinetFade_.isMoving();
  const Channels leaving = buffer(kLeaving);
  if (fading) {
    copyChannels(channels, leaving.data(), numChannels, numFrames);
    if (leavingCabinet_->convolver)
      leavingCabinet_->convolver->process(leaving.data(), leaving.data(), numChannels, numFrames);
  }
  if (cabinet_ && cabinet_->convolver)
    cabinet_->convolver->process(channels, channels, numChannels, numFrames);
  if (fading)
    crossfade(cabinetFade_, leaving.data(), channels, numChannels, numFrames);
  cabinetLevel_.applyGain(channels, numChannels, numFrames);
}

void SignalChain::processPart(const float* const* input, float* const* output, int numFrames) noexcept {
  const Channels dry = buffer(kDry), work = buffer(kWork);
  copyChannels(input, dry.data(), numInputs_, numFrames);
  for (int c = 0; c < numInputs_; ++c)
    if (!allFinite(dry[std::size_t(c)], numFrames)) {
      clearChannels(dry.data(), numInputs_, numFrames);
      faults_.fetch_add(1, std::memory_order_relaxed);
      break;
    }

  if (settings_.mute)
    tunerRing_.write(dry[numInputs_ == 2 && settings_.inputMode == ChainSettings::InputMode::right ? 1 : 0], numFrames);

  const bool active = active_.target() != 0.0f || active_.isMoving();
  int numWet = 1; // outputs of their own
  if (active) {
    const bool second = numInputs_ == 2 && (secondStream_.target() != 0.0f || secondStream_.isMoving());
    const int numStreams = second ? 2 : 1;
    mixInputs(dry.data(), work.data(), numStreams, numFrames);
    inputGain_.applyGain(work.data(), numStreams, numFrames);
    inputMeter_.push(work.data(), numStreams, numFrames);
    insert(gateSwitch_, work.data(), numStreams, numFrames, [&] { gate_.process(work.data(), numStreams, numFrames); });
    gateGain_.store(gateSwitch_.running ? gate_.gain() : 1.0f, std::memory_order_relaxed);
    processSlots(work.data(), numStreams, numFrames);
    insert(toneSwitch_, work.data(), numStreams, numFrames, [&] { tone_.process(work.data(), numStreams, numFrames); });
    numWet = numStreams;
    if (second && secondStream_.isMoving()) {
      const Channels copy = buffer(kOne);
      std::copy_n(work[0], numFrames, copy[1]);
      const float* const from[1] = {copy[1]};
      float* const to[1] = {work[1]};
      crossfade(secondStream_, from, to, 1, numFrames);
    }
    if (numOutputs_ == 2 && cabinetSwitch_.running && needsTwo()) {
      if (numWet == 1)
        std::copy_n(work[0], numFrames, work[1]);
      numWet = 2;
    }
    insert(cabinetSwitch_, work.data(), numWet, numFrames, [&] { processCabinet(work.data(), numWet, numFrames); });
    outputGain_.applyGain(work.data(), numWet, numFrames);
    for (int c = 0; c < numWet; ++c)
      if (!allFinite(work[std::size_t(c)], numFrames)) {
        clearChannels(work.data(), numWet, numFrames);
        clearProcessors();
        faults_.fetch_add(1, std::memory_order_relaxed);
        break;
      }
  }
  if (numWet == 1 && numOutputs_ == 2)
    std::copy_n(work[0], numFrames, work[1]);

  // What comes past: as late as what went through.
  delay_.process(dry.data(), dry.data(), numInputs_, numFrames);
  if (numInputs_ == 1 && numOutputs_ == 2)
    std::copy_n(dry[0], numFrames, dry[1]);
  if (!active) {
    copyChannels(dry.data(), output, numOutputs_, numFrames);
    sound_.applyGain(output, numOutputs_, numFrames);
    outputMeter_.push(output, numOutputs_, numFrames);
    return;
  }
  wet_.applyGain(work.data(), numOutputs_, numFrames);
  dry_.addWithGain(dry.data(), work.data(), numOutputs_, numFrames);
  if (active_.isMoving())
    crossfade(active_, dry.data(), work.data(), numOutputs_, numFrames);
  sound_.applyGain(work.data(), numOutputs_, numFrames);
  copyChannels(work.data(), output, numOutputs_, numFrames);
  outputMeter_.push(output, numOutputs_, numFrames);
}

void SignalChain::mixInputs(const float* const* input, float* const* streams, int numStreams, int numFrames) noexcept {
  if (numInputs_ == 1) {
    std::copy_n(input[0], numFrames, streams[0]);
    return;
  }
  for (int stream = 0; stream < 2; ++stream) {
    auto& row = inputMatrix_[std::size_t(stream)];
    if (stream >= numStreams) {
      row[0].skip(numFrames);
      row[1].skip(numFrames);
      continue;
    }
    float* to[1] = {streams[stream]};
    std::copy_n(input[0], numFrames, to[0]);
    row[0].applyGain(to, 1, numFrames);
    row[1].addWithGain(input + 1, to, 1, numFrames);
  }
}

bool SignalChain::needsTwo() const noexcept {
  const auto stereo = [](const std::unique_ptr<Cabinet>& cabinet) {
    return cabinet && cabinet->convolver && cabinet->convolver->isStereo();
  };
  return stereo(cabinet_) || stereo(leavingCabinet_);
}

} // namespace fxengine
