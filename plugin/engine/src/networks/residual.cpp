// SPDX-License-Identifier: MIT
#include "networks/residual.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

namespace fxengine {

Residual::Residual(std::unique_ptr<Network> network)
    : network_(std::move(network)), latency_(network_->latencyFrames()) {}

void Residual::prepare(int numStreams, int maxFrames) {
  network_->prepare(numStreams, maxFrames);
  room_ = latency_ == 0 ? 0 : static_cast<std::size_t>(latency_) + static_cast<std::size_t>(maxFrames);
  delays_.assign(static_cast<std::size_t>(numStreams) * room_, 0.0f);
}

void Residual::clearDelay(int stream) noexcept {
  std::fill_n(delays_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(stream) * room_), room_, 0.0f);
}

void Residual::reset(int stream) noexcept {
  network_->reset(stream);
  clearDelay(stream);
}

void Residual::rest(int stream) noexcept {
  network_->rest(stream);
  clearDelay(stream); // at rest the input has been silent
}

void Residual::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  network_->process(input, output, numStreams, numFrames);
  for (int stream = 0; stream < numStreams; ++stream) {
    const float* dry = input[stream];
    float* delayed = latency_ == 0 ? nullptr : delays_.data() + static_cast<std::size_t>(stream) * room_;
    if (delayed != nullptr) {
      std::copy_n(dry, numFrames, delayed + latency_);
      dry = delayed;
    }
    std::transform(dry, dry + numFrames, output[stream], output[stream], std::plus<>());
    if (delayed != nullptr)
      std::copy_n(delayed + numFrames, latency_, delayed); // towards the start, so they may overlap
  }
}

} // namespace fxengine
