// SPDX-License-Identifier: MIT
#include "layers/channelwise.h"

#include <cstddef>

namespace fxengine::detail {
namespace {

template <class Function>
void forEachValue(const float* const* input, float* const* output, int numStreams, int numFrames, int size,
                  Function function) noexcept {
  const std::ptrdiff_t stride = Layer::frameStride(size);
  for (int stream = 0; stream < numStreams; ++stream)
    for (int t = 0; t < numFrames; ++t)
      for (int k = 0; k < size; ++k)
        output[stream][t * stride + k] = function(input[stream][t * stride + k], static_cast<std::size_t>(k));
}

} // namespace

void Prelu::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  forEachValue(input, output, numStreams, numFrames, outputSize(),
               [this](float x, std::size_t k) { return x > 0.0f ? x : slopes_[k] * x; });
}

void ScaleAndShift::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  forEachValue(input, output, numStreams, numFrames, outputSize(),
               [this](float x, std::size_t k) { return scale_[k] * x + shift_[k]; });
}

} // namespace fxengine::detail
