// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace fxengine {

/** Passes objects to the audio thread and used ones back, without a lock: neither end ever waits.

        loading thread --offer()--> [one place] --take()------> audio thread
        loading thread <--collect()-- [ring of 8] <--giveBack()-- audio thread

    The audio thread owns what it took until it gives it back, and never frees anything. offer() and collect() are for
    one thread at a time, take() and giveBack() for the audio thread. */
template <class T> class Handover {
 public:
  Handover() = default;
  ~Handover() {
    delete offered_.load(std::memory_order_acquire);
    collect();
  }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  /** Leaves an object to be taken. One that was left before and not taken is freed: only the latest counts. */
  void offer(std::unique_ptr<T> object) { delete offered_.exchange(object.release(), std::memory_order_acq_rel); }

  /** Frees what has come back. */
  void collect() {
    auto read = read_.load(std::memory_order_relaxed);
    const auto written = written_.load(std::memory_order_acquire);
    for (; read != written; ++read)
      delete returned_[read % kPlaces];
    read_.store(read, std::memory_order_release);
  }

  /** What was offered last, once; null where there is nothing new. */
  std::unique_ptr<T> take() noexcept FXENGINE_REALTIME {
    if (offered_.load(std::memory_order_relaxed) == nullptr)
      return nullptr;
    return std::unique_ptr<T>(offered_.exchange(nullptr, std::memory_order_acq_rel));
  }

  /** Returns an object to be freed. Where the ring is full, `object` stays as it is: to be tried again. */
  bool giveBack(std::unique_ptr<T>& object) noexcept FXENGINE_REALTIME {
    const auto written = written_.load(std::memory_order_relaxed);
    if (written - read_.load(std::memory_order_acquire) == kPlaces)
      return false;
    returned_[written % kPlaces] = object.release();
    written_.store(written + 1, std::memory_order_release);
    return true;
  }

 private:
  static constexpr std::uint32_t kPlaces = 8;

  std::atomic<T*> offered_{nullptr};
  std::array<T*, kPlaces> returned_{};
  std::atomic<std::uint32_t> written_{0};
  std::atomic<std::uint32_t> read_{0};
};

} // namespace fxengine
