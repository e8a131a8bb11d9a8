// SPDX-License-Identifier: MIT
#pragma once

#include <juce_core/juce_core.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace fxtrain {

/** Runs jobs one after the other on a thread of its own. Unlike juce::ThreadPool, which ends its threads by force where
    a job takes longer than half a second, it waits for the job under way. */
class Loader {
 public:
  Loader();
  ~Loader(); ///< drops what waits

  /** From any thread. @param owner  for cancel(); may be null */
  void add(const void* owner, std::function<void()> job);

  /** Drops the owner's jobs and waits for the one under way. Not from within a job. */
  void cancel(const void* owner);

 private:
  struct Job {
    const void* owner;
    std::function<void()> run;
  };
  void run();

  std::mutex mutex_; // all below
  std::condition_variable added_, finished_;
  std::deque<Job> jobs_;
  const void* current_ = nullptr; // owner of the job under way
  bool busy_ = false, ending_ = false;
  std::thread thread_;
};

/** Two threads for all instances of the plugin in a process: one that loads, and a courier that looks in on each
    instance every few milliseconds, so that nothing has to wake a thread from the audio thread. */
struct Background {
  Background() : courier("fxtrain courier") { courier.startThread(); }
  ~Background() { courier.stopThread(-1); }

  Loader loader;
  juce::TimeSliceThread courier;
};

} // namespace fxtrain
