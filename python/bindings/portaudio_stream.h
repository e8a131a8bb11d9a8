// SPDX-License-Identifier: MIT
#pragma once

/** What PortAudio calls, without its header: the binary interface of version 19, which is frozen.
    Source: portaudio.h, PaStreamCallback. */
namespace portaudio {

/** PaStreamCallbackTimeInfo: seconds on the stream's clock. */
struct StreamTime {
  double inputAdc;  ///< when the first input frame was at the converter
  double current;   ///< when the callback was called
  double outputDac; ///< when the first output frame will be
};

/** PaStreamCallbackFlags. */
enum Flags : unsigned long { inputUnderflow = 1, inputOverflow = 2, outputUnderflow = 4, outputOverflow = 8 };

/** PaStreamCallbackResult. */
enum Result { goOn = 0, complete = 1 };

using Callback = int(const void* input, void* output, unsigned long numFrames, const StreamTime* time,
                     unsigned long flags, void* userData);

} // namespace portaudio
