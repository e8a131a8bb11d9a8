// SPDX-License-Identifier: MIT
#pragma once

#include "simd/aligned.h"
#include "simd/conv1d.h"
#include "simd/symmetric_fir.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <vector>

// What convolutions over time are made of: signals as rows of one channel each, worked on in parts of up to kPart
// frames.
namespace fxengine::detail {

inline constexpr int kPart = 64;                            // frames worked on at a time
inline constexpr int kRowStride = kPart + simd::kMostLanes; // kernels write whole vectors
inline constexpr int kMostTaps = 64;

/** Rows of one channel each. */
struct Rows {
  float* data = nullptr;
  int stride = 0;

  float* row(int index) const noexcept { return data + static_cast<std::ptrdiff_t>(index) * stride; }
};

/** Rows that hold a part, in memory of their own. */
class Buffer {
 public:
  explicit Buffer(int rows) : memory_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(kRowStride), 0.0f) {}
  Rows rows() noexcept { return {memory_.data(), kRowStride}; }

 private:
  simd::AlignedFloats memory_;
};

/** The last frames of some rows. What lies at the start is kept once more behind the end, so that a part is in one
   piece wherever it begins. */
class Ring {
 public:
  Ring(int channels, int reach)
      : channels_(channels), length_(std::bit_ceil(static_cast<std::size_t>(reach + 2 * kPart))),
        stride_(static_cast<int>(length_) + kPart + simd::kMostLanes),
        memory_(static_cast<std::size_t>(channels) * static_cast<std::size_t>(stride_), 0.0f) {}

  void clear() noexcept { std::fill(memory_.begin(), memory_.end(), 0.0f); }
  int stride() const noexcept { return stride_; }

  /** Where a part that begins at frame `time` of the stream goes. */
  Rows at(std::size_t time) noexcept { return {memory_.data() + (time & (length_ - 1)), stride_}; }

  /** How far before the first row's start a part begins that is `delay` frames older. */
  int offset(std::size_t time, int delay) const noexcept {
    return static_cast<int>((time - static_cast<std::size_t>(delay)) & (length_ - 1));
  }
  const float* data() const noexcept { return memory_.data(); }

  /** To be called once a part of `count` frames is there. */
  void finish(std::size_t time, int count) noexcept {
    const int start = static_cast<int>(time & (length_ - 1));
    const int beyond = start + count - static_cast<int>(length_);
    const int mirrored = std::min(count, kPart - start);
    if (beyond <= 0 && mirrored <= 0)
      return;
    for (int channel = 0; channel < channels_; ++channel) {
      float* row = memory_.data() + static_cast<std::size_t>(channel) * static_cast<std::size_t>(stride_);
      if (beyond > 0)
        std::memcpy(row, row + length_, static_cast<std::size_t>(beyond) * sizeof(float));
      if (mirrored > 0)
        std::memcpy(row + length_ + start, row + start, static_cast<std::size_t>(mirrored) * sizeof(float));
    }
  }

  std::vector<float> content() const { return {memory_.begin(), memory_.end()}; }
  void setContent(const std::vector<float>& content) noexcept {
    std::copy(content.begin(), content.end(), memory_.begin());
  }

 private:
  int channels_;
  std::size_t length_; // a power of two
  int stride_;
  simd::AlignedFloats memory_;
};

/** A causal convolution over time; of kernel size 1 it is a matrix. Groups are written out as zeros. */
struct ConvData {
  int inputs = 0, outputs = 0, kernel = 1, dilation = 1;
  std::vector<float> weights; ///< [output][input][tap], the oldest tap first, as PyTorch's
  std::vector<float> bias;    ///< [output], or empty

  int reach() const noexcept { return (kernel - 1) * dilation; }
};

/** How many values are kept for a convolution: of the past, and of the parts in hand. */
inline std::size_t pastValuesOf(const ConvData& conv) noexcept {
  constexpr int kParts = 3;
  return static_cast<std::size_t>(conv.inputs) * static_cast<std::size_t>(conv.reach() + kParts * kPart);
}

/** A convolution with its weights as the kernel takes them. */
class Conv {
 public:
  explicit Conv(const ConvData& data) : data_(&data), bias_(data.bias.begin(), data.bias.end()) {
    for (int first = 0, count = 0; first < data.outputs; first += count) {
      count = simd::convTileSize(data.outputs - first);
      for (int tap = 0; tap < data.kernel; ++tap)
        for (int input = 0; input < data.inputs; ++input)
          for (int output = first; output < first + count; ++output)
            weights_.push_back(data.weights[(static_cast<std::size_t>(output) * static_cast<std::size_t>(data.inputs) +
                                             static_cast<std::size_t>(input)) *
                                                static_cast<std::size_t>(data.kernel) +
                                            static_cast<std::size_t>(tap)]);
    }
  }

  int outputs() const noexcept { return data_->outputs; }
  int inputs() const noexcept { return data_->inputs; }
  int reach() const noexcept { return data_->reach(); }
  const float* bias() const noexcept { return bias_.empty() ? nullptr : bias_.data(); }

  /** Rows as they are now: for kernel size 1. */
  simd::ConvSource of(Rows rows) const noexcept {
    static constexpr int kNow = 0;
    return {rows.data, rows.stride, data_->inputs, &kNow, 1, weights_.data()};
  }

  /** Rows of a ring at all taps. @param offsets  room for them */
  simd::ConvSource of(const Ring& ring, std::size_t time, int* offsets) const noexcept {
    for (int tap = 0; tap < data_->kernel; ++tap)
      offsets[tap] = ring.offset(time, (data_->kernel - 1 - tap) * data_->dilation);
    return {ring.data(), ring.stride(), data_->inputs, offsets, data_->kernel, weights_.data()};
  }

 private:
  const ConvData* data_;
  simd::AlignedFloats weights_;
  std::vector<float> bias_;
};

} // namespace fxengine::detail
