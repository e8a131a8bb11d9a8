// SPDX-License-Identifier: MIT
#pragma once

#include "simd/kernels.h"
#include "wavenet_kernels.h"

#include <algorithm>
#include <cstddef>
#include <vector>

// What the training kernels of convolutional networks share. Rows are channels, one float per frame. A sequence is
// preceded by as many zeros as make its frames a multiple of kGrid, so that blocks which start at multiples of it end
// where the sequence ends. A layer is computed from the first frame on that the output depends on, rounded down to the
// grid: before that it is zero, and so is its gradient.
//
//   row     zeros kEdge | zeros | frames of the sequence | zeros: the longest reach + kEdge
//                       ^ 0                              ^ total
//
// The forward pass takes one block at a time through all layers; the backward pass does the same, starting with the
// last block. A layer writes to its own rows, so what its neighbouring blocks computed is still there to be read.
namespace fxtrain::kernels {

namespace simd = fxengine::simd;

inline constexpr int kGrid = 16;
inline constexpr int kEdge = 16;
inline constexpr int kForwardBlock = 512;
inline constexpr int kBackwardBlock = 1024;
// Frames that a convolution is given at a time, so that its rows stay in first-level cache: whole tiles of three
// vectors of eight, and of six of sixteen.
inline constexpr int kPart = 96;

/** The distance between rows of so many floats. Rows a whole number of pages apart would fall into the same few places
   of a first-level cache, which cannot hold the rows of all channels then; so each begins a little further on in its
   page than the one before. */
constexpr int strideFor(int floats) {
  constexpr int kPage = 1024, kFurther = 144; // floats; no multiple of a row's part, and whole cache lines
  return floats + (kPage + kFurther - floats % kPage) % kPage;
}

inline std::size_t size(int count) { return static_cast<std::size_t>(count); }
inline int roundDown(int value) { return value / kGrid * kGrid; }
inline int roundUp(int value) { return (value + kGrid - 1) / kGrid * kGrid; }

/** Rows of `stride` floats each; frame 0 of the first one is at data. */
struct Rows {
  float* data = nullptr;
  int stride = 0;

  float* at(int row, int frame) const noexcept { return data + static_cast<std::ptrdiff_t>(row) * stride + frame; }
  Rows from(int frame) const noexcept { return {data + frame, stride}; }
};

/** Prefetches rows that are about to be written: hardware notices a stream only after its first misses, and a tape is
    written as many short streams. Always inlined, since GCC takes a function that does nothing else for one that does
    nothing. */
[[gnu::always_inline]] inline void fetch(Rows rows, int numRows, int first, int last) noexcept {
#if defined(__GNUC__)
  constexpr int kLine = 16; // floats
  for (int row = 0; row < numRows; ++row)
    for (int frame = first; frame < last; frame += kLine)
      __builtin_prefetch(rows.at(row, frame), 1, 2);
#endif
}

inline void clear(Rows rows, int numRows, int first, int last) noexcept {
  for (int row = 0; row < numRows; ++row)
    std::fill(rows.at(row, first), rows.at(row, std::max(first, last)), 0.0f);
}

/** A convolution's weights as the engine's kernel takes them, with the frames at which its taps look. */
struct PackedConv {
  std::vector<float> weights;
  std::vector<int> offsets;
  int inputs = 0, outputs = 0;

  /** @param weight  (output, input, tap) of `numTaps` taps `dilation` apart, the oldest first */
  template <class Weight> static PackedConv forward(int outputs, int inputs, int numTaps, int dilation, Weight weight) {
    PackedConv packed = pack(outputs, inputs, numTaps, weight);
    for (int tap = 0; tap < numTaps; ++tap)
      packed.offsets.push_back(-(numTaps - 1 - tap) * dilation);
    return packed;
  }
  /** From the gradient of its outputs to that of its inputs. */
  template <class Weight>
  static PackedConv backward(int outputs, int inputs, int numTaps, int dilation, Weight weight) {
    PackedConv packed =
        pack(inputs, outputs, numTaps, [&](int to, int from, int tap) { return weight(from, to, tap); });
    for (int tap = 0; tap < numTaps; ++tap)
      packed.offsets.push_back((numTaps - 1 - tap) * dilation);
    return packed;
  }

  simd::ConvSource of(Rows rows) const noexcept {
    return {rows.data, rows.stride, inputs, offsets.data(), static_cast<int>(offsets.size()), weights.data()};
  }

 private:
  template <class Weight> static PackedConv pack(int outputs, int inputs, int numTaps, Weight weight) {
    PackedConv packed;
    packed.inputs = inputs;
    packed.outputs = outputs;
    for (int first = 0, count = 0; first < outputs; first += count) {
      count = simd::convTileSize(outputs - first);
      for (int tap = 0; tap < numTaps; ++tap)
        for (int input = 0; input < inputs; ++input)
          for (int output = first; output < first + count; ++output)
            packed.weights.push_back(weight(output, input, tap));
    }
    return packed;
  }
};

/** Rows taken one after the other from one piece of memory. */
class RowTaker {
 public:
  RowTaker(float* memory, int stride) : next_(memory), stride_(stride) {}
  Rows take(int count) {
    const Rows rows{next_ + kEdge, stride_};
    next_ += size(count) * size(stride_);
    return rows;
  }
  float* rest() const noexcept { return next_; }

 private:
  float* next_;
  int stride_;
};

/** out = bias + add + conv of rows, for frames first to last. */
inline void convolve(const PackedConv& conv, const float* bias, Rows add, Rows rows, Rows out, int first,
                     int last) noexcept {
  static const simd::Kernels& kernels = simd::kernelsInUse();
  for (int start = first; start < last; start += kPart) {
    const simd::ConvSource source = conv.of(rows.from(start));
    kernels.conv1d({bias, add.data == nullptr ? nullptr : add.data + start, add.stride, &source, 1, out.data + start,
                    out.stride, conv.outputs, std::min(kPart, last - start)});
  }
}

} // namespace fxtrain::kernels
