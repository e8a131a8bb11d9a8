// SPDX-License-Identifier: MIT
#include "layers/conv1d.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace fxengine::detail {
namespace {

std::size_t size(int count) { return static_cast<std::size_t>(count); }

} // namespace

Conv1d::Conv1d(ConvData conv, WaveActivationData activation)
    : Layer(conv.inputs, conv.outputs), data_(std::move(conv)), conv_(data_), activation_(std::move(activation)),
      kernels_(&simd::kernelsInUse()), out_(data_.outputs) {
  assert(data_.kernel <= kMostTaps);
}

void Conv1d::prepare(int numStreams) {
  streams_.assign(size(numStreams), {Ring(data_.inputs, data_.reach()), 0});
  resting_.clear();
}

void Conv1d::reset(int stream) noexcept {
  streams_[size(stream)].ring.clear();
  streams_[size(stream)].time = 0;
}

void Conv1d::captureRest() { resting_.assign(1, streams_.front()); }

void Conv1d::rest(int stream) noexcept {
  if (resting_.empty())
    return reset(stream);
  streams_[size(stream)] = resting_.front(); // of the same size, so that nothing is allocated
}

void Conv1d::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const std::ptrdiff_t inStride = frameStride(inputSize()), outStride = frameStride(outputSize());
  for (int stream = 0; stream < numStreams; ++stream)
    for (int start = 0; start < numFrames; start += kPart)
      processPart(streams_[size(stream)], input[stream] + start * inStride, output[stream] + start * outStride,
                  std::min(kPart, numFrames - start));
}

void Conv1d::processPart(Stream& stream, const float* input, float* output, int count) noexcept {
  const int inStride = frameStride(inputSize()), outStride = frameStride(outputSize());
  const Rows in = stream.ring.at(stream.time), out = out_.rows();
  for (int channel = 0; channel < inputSize(); ++channel)
    for (int t = 0; t < count; ++t)
      in.row(channel)[t] = input[t * inStride + channel];
  stream.ring.finish(stream.time, count);
  int offsets[kMostTaps];
  const simd::ConvSource source = conv_.of(stream.ring, stream.time, offsets);
  kernels_->conv1d({conv_.bias(), nullptr, 0, &source, 1, out.data, out.stride, outputSize(), count});
  apply(*kernels_, activation_, out, outputSize(), count);
  for (int channel = 0; channel < outputSize(); ++channel)
    for (int t = 0; t < count; ++t)
      output[t * outStride + channel] = out.row(channel)[t];
  stream.time += size(count);
}

} // namespace fxengine::detail
