// SPDX-License-Identifier: MIT
#pragma once

// A library that is loaded before the program may define these, to catch what must not happen on the audio thread
// (tests/plugin/realtime_guard.c). Without one they are null.
#if defined(__GNUC__) && !defined(__APPLE__) && !defined(_WIN32)
extern "C" {
__attribute__((weak)) void rtguard_enter();
__attribute__((weak)) void rtguard_leave();
}
#define FXENGINE_REALTIME_GUARD 1
#endif

namespace fxengine {

/** Marks the audio thread's part for a guard. Costs two tests of a pointer where there is none. */
struct RealtimeScope {
#if FXENGINE_REALTIME_GUARD
  RealtimeScope() noexcept {
    if (rtguard_enter != nullptr)
      rtguard_enter();
  }
  ~RealtimeScope() {
    if (rtguard_leave != nullptr)
      rtguard_leave();
  }
#else
  RealtimeScope() noexcept {}
#endif
  RealtimeScope(const RealtimeScope&) = delete;
  RealtimeScope& operator=(const RealtimeScope&) = delete;
};

} // namespace fxengine
