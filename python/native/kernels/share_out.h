// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/realtime/flush_denormals.h>

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace fxtrain::kernels {

/** Calls work(index, worker) for all indices below `count`; the caller is worker 0. Threads live for this call only:
   starting one costs tens of microseconds, a call milliseconds, and none is left behind in a process that forks. */
template <class Work> void shareOut(int count, int workers, const Work& work) {
  std::atomic<int> next{0};
  const auto run = [&](int worker) {
    // Gradients that fade out over thousands of frames would crawl otherwise; and every thread must round alike,
    // whatever mode its caller was in.
    const fxengine::ScopedFlushDenormals flush;
    for (int index = next++; index < count; index = next++)
      work(index, worker);
  };
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(workers - 1));
  try {
    for (int worker = 1; worker < workers; ++worker)
      threads.emplace_back(run, worker);
  } catch (const std::system_error&) {
    // no more threads to be had: those that started, and the caller, do it all
  }
  run(0);
}

} // namespace fxtrain::kernels
