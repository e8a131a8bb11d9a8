// SPDX-License-Identifier: MIT
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#if JUCE_LINUX || JUCE_BSD
JUCE_BEGIN_IGNORE_WARNINGS_GCC_LIKE("-Wall", "-Wextra", "-Wnon-virtual-dtor")
#include <pluginterfaces/vst/ivsteditcontroller.h>
JUCE_END_IGNORE_WARNINGS_GCC_LIKE
#endif

namespace fxtrain {

/** Tells a VST3 host of another latency before the call returns in which it arose: prepareToPlay() and
    setStateInformation(), which hosts make on their own main thread.

    JUCE does that where its message thread is the host's. On Linux it runs one of its own, so the host would be told
    some time later: one that goes on at once, like an offline renderer, would compensate the latency of the sample rate
    before. Elsewhere this does nothing. */
class Vst3Host : public juce::VST3ClientExtensions {
 public:
#if JUCE_LINUX || JUCE_BSD
  void setIComponentHandler(Steinberg::FUnknown* handler) override {
    handler_ = static_cast<Steinberg::Vst::IComponentHandler*>(handler);
  }

  /** @param latencyFrames  as the host will read it */
  void announceLatency(int latencyFrames) {
    if (latencyFrames == announced_ || handler_ == nullptr)
      return;
    announced_ = latencyFrames;
    handler_->restartComponent(Steinberg::Vst::kLatencyChanged);
  }

 private:
  Steinberg::IPtr<Steinberg::Vst::IComponentHandler> handler_;
  int announced_ = 0; // what a host takes a new instance to have
#else
  void announceLatency(int) {}
#endif
};

} // namespace fxtrain
