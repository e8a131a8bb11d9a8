// SPDX-License-Identifier: MIT
#include "buffer_pool.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fxtrain::kernels {
namespace {

constexpr std::size_t kKeptBuffers = 8;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kCacheLine = 64;

std::size_t alignmentOf(std::size_t bytes) { return bytes >= kHugePage ? kHugePage : kCacheLine; }

std::size_t bytesOf(std::size_t capacity) { return capacity * sizeof(float); }

float* allocate(std::size_t capacity) {
  const std::size_t bytes = bytesOf(capacity);
  void* data = ::operator new(bytes, std::align_val_t{alignmentOf(bytes)});
#if defined(__linux__)
  if (bytes >= kHugePage)
    madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<float*>(data);
}

void release(float* data, std::size_t capacity) noexcept {
  ::operator delete(data, std::align_val_t{alignmentOf(bytesOf(capacity))});
}

struct Kept {
  float* data;
  std::size_t capacity;
};

struct Pool {
  std::mutex mutex;
  std::deque<Kept> kept; ///< oldest first
};

/** Never destroyed: buffers may come back while the interpreter shuts down. */
Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

} // namespace

void BufferReturner::operator()(float* data) const noexcept {
  Kept surplus{data, capacity};
  try {
    const std::lock_guard lock(pool().mutex);
    pool().kept.push_back(surplus);
    if (pool().kept.size() <= kKeptBuffers)
      return;
    surplus = pool().kept.front();
    pool().kept.pop_front();
  } catch (...) {
    // no memory for the list: free the buffer itself
  }
  release(surplus.data, surplus.capacity);
}

Buffer takeBuffer(std::size_t count) {
  constexpr std::size_t kRounding = 1024;
  const std::size_t wanted = std::max<std::size_t>(1, (count + kRounding - 1) / kRounding) * kRounding;
  {
    const std::lock_guard lock(pool().mutex);
    auto& kept = pool().kept;
    auto best = kept.end();
    for (auto candidate = kept.begin(); candidate != kept.end(); ++candidate) {
      const bool fits = candidate->capacity >= wanted && candidate->capacity <= 2 * wanted;
      if (fits && (best == kept.end() || candidate->capacity < best->capacity))
        best = candidate;
    }
    if (best != kept.end()) {
      Buffer found(best->data, BufferReturner{best->capacity});
      kept.erase(best);
      return found;
    }
  }
  return Buffer(allocate(wanted), BufferReturner{wanted});
}

} // namespace fxtrain::kernels
