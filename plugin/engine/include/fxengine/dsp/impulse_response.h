// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

namespace fxengine {

/** What a loudspeaker with its microphone, or a room, makes of a click: the cabinet of a guitar amplifier. */
struct ImpulseResponse {
  std::vector<std::vector<float>> channels; ///< 1 or 2, of equal length
  double sampleRate = 0.0;                  ///< Hz
};

/** Brings samples from one rate to another: a sinc of linear phase under a Kaiser window, without delay, so that sample
    k of the result stands for the time k / to. Flat to 0.45 of the lower rate (19.8 kHz at 44.1 kHz), 120 dB down
    from half of it. What lies before the first sample and after the last is 0; what the filter rings there is cut.
    Not for the audio thread.
    @param from, to  Hz, above 0
    @return  round(samples.size() * to / from) samples */
std::vector<float> resample(std::span<const float> samples, double from, double to);

} // namespace fxengine
