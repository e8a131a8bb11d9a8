// SPDX-License-Identifier: MIT
// Included once per instruction set, see lanes-inl.h.
#pragma once

#include "simd/lanes-inl.h"

#include <cstddef>

namespace fxengine::simd::FXENGINE_SIMD_ISA {

/** to[c][r] = from[r][c] for a square of 4 x 4 floats; strides in floats, no alignment. */
FXENGINE_INLINE void transposeSquare(const float* from, std::ptrdiff_t fromStride, float* to, std::ptrdiff_t toStride) {
#if defined(__aarch64__) || defined(_M_ARM64)
  const float32x4x2_t first = vtrnq_f32(vld1q_f32(from), vld1q_f32(from + fromStride));
  const float32x4x2_t second = vtrnq_f32(vld1q_f32(from + 2 * fromStride), vld1q_f32(from + 3 * fromStride));
  vst1q_f32(to, vcombine_f32(vget_low_f32(first.val[0]), vget_low_f32(second.val[0])));
  vst1q_f32(to + toStride, vcombine_f32(vget_low_f32(first.val[1]), vget_low_f32(second.val[1])));
  vst1q_f32(to + 2 * toStride, vcombine_f32(vget_high_f32(first.val[0]), vget_high_f32(second.val[0])));
  vst1q_f32(to + 3 * toStride, vcombine_f32(vget_high_f32(first.val[1]), vget_high_f32(second.val[1])));
#else
  __m128 row0 = _mm_loadu_ps(from), row1 = _mm_loadu_ps(from + fromStride);
  __m128 row2 = _mm_loadu_ps(from + 2 * fromStride), row3 = _mm_loadu_ps(from + 3 * fromStride);
  _MM_TRANSPOSE4_PS(row0, row1, row2, row3);
  _mm_storeu_ps(to, row0);
  _mm_storeu_ps(to + toStride, row1);
  _mm_storeu_ps(to + 2 * toStride, row2);
  _mm_storeu_ps(to + 3 * toStride, row3);
#endif
}

/** to[c][r] = from[r][c] for `rows` x `columns` floats. */
FXENGINE_INLINE void transpose(const float* from, std::ptrdiff_t fromStride, float* to, std::ptrdiff_t toStride,
                               int rows, int columns) {
  const int wholeRows = rows & ~3;
  const int wholeColumns = columns & ~3;
  for (int r = 0; r < wholeRows; r += 4) {
    for (int c = 0; c < wholeColumns; c += 4)
      transposeSquare(from + r * fromStride + c, fromStride, to + c * toStride + r, toStride);
    for (int c = wholeColumns; c < columns; ++c)
      for (int i = r; i < r + 4; ++i)
        to[c * toStride + i] = from[i * fromStride + c];
  }
  for (int r = wholeRows; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      to[c * toStride + r] = from[r * fromStride + c];
}

} // namespace fxengine::simd::FXENGINE_SIMD_ISA
