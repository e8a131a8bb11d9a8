// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>

namespace fxtrain::kernels {

/** Returns a buffer to the pool, or frees it when the pool is full. */
struct BufferReturner {
  std::size_t capacity = 0; ///< in floats
  void operator()(float* data) const noexcept;
};

/** Floats aligned to a cache line, not initialised. */
using Buffer = std::unique_ptr<float[], BufferReturner>;

/** A buffer of at least `count` floats.

    A training step asks for the same sizes again and again, tens of megabytes each; memory fresh from the system would
   cost a page fault every 4 KiB. So the pool keeps the few buffers that were returned last. Any thread. */
Buffer takeBuffer(std::size_t count);

} // namespace fxtrain::kernels
