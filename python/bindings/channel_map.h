// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

/** Which channels of a device's interleaved blocks are ours. Counted from 0. */
class ChannelMap {
 public:
  /** @throws std::invalid_argument  for a channel that is not there, none, or more than two outputs */
  ChannelMap(int numInputs, int numOutputs, int input, std::vector<int> outputs)
      : numInputs_(static_cast<std::size_t>(numInputs)), numOutputs_(static_cast<std::size_t>(numOutputs)),
        input_(static_cast<std::size_t>(input)), outputs_(std::move(outputs)) {
    const auto isThere = [&](int channel) { return channel >= 0 && channel < numOutputs; };
    if (numInputs < 1 || input < 0 || input >= numInputs)
      throw std::invalid_argument("input_channel: expected 0 to num_inputs - 1");
    if (outputs_.empty() || outputs_.size() > 2 || !std::all_of(outputs_.begin(), outputs_.end(), isThere))
      throw std::invalid_argument("output_channels: expected one or two, each from 0 to num_outputs - 1");
  }

  int numPlayed() const noexcept { return static_cast<int>(outputs_.size()); }

  /** Copies our channel of a block; silence where there is no input. @returns samples at full scale or beyond */
  int take(const float* input, std::size_t start, int numFrames, float* channel) const noexcept {
    if (input == nullptr) {
      std::fill_n(channel, numFrames, 0.0f);
      return 0;
    }
    int numClipped = 0;
    for (int t = 0; t < numFrames; ++t) {
      channel[t] = input[(start + static_cast<std::size_t>(t)) * numInputs_ + input_];
      numClipped += !(std::abs(channel[t]) < kFullScale);
    }
    return numClipped;
  }

  /** Fills a block: our channels, silence in the others. */
  void give(const float* const* channels, int numFrames, float* output, std::size_t start) const noexcept {
    if (output == nullptr)
      return;
    float* frames = output + start * numOutputs_;
    std::fill_n(frames, static_cast<std::size_t>(numFrames) * numOutputs_, 0.0f);
    for (std::size_t played = 0; played < outputs_.size(); ++played)
      for (int t = 0; t < numFrames; ++t)
        frames[static_cast<std::size_t>(t) * numOutputs_ + static_cast<std::size_t>(outputs_[played])] =
            channels[played][t];
  }

  /** A converter of 16 bits gives no more than this at its end. */
  static constexpr float kFullScale = 32767.0f / 32768.0f;

 private:
  std::size_t numInputs_, numOutputs_, input_;
  std::vector<int> outputs_;
};
