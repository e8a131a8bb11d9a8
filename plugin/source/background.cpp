// SPDX-License-Identifier: MIT
#include "background.h"

#include <algorithm>

namespace fxtrain {

Loader::Loader() : thread_([this] { run(); }) {}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  added_.notify_one();
  thread_.join();
}

void Loader::add(const void* owner, std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({owner, std::move(job)});
  }
  added_.notify_one();
}

void Loader::cancel(const void* owner) {
  std::unique_lock lock(mutex_);
  jobs_.erase(std::remove_if(jobs_.begin(), jobs_.end(), [owner](const Job& job) { return job.owner == owner; }),
              jobs_.end());
  finished_.wait(lock, [&] { return !busy_ || current_ != owner; });
}

void Loader::run() {
  juce::Thread::setCurrentThreadName("fxtrain loader");
  std::unique_lock lock(mutex_);
  for (;;) {
    added_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_)
      return;
    {
      const Job job = std::move(jobs_.front());
      jobs_.pop_front();
      current_ = job.owner;
      busy_ = true;
      lock.unlock();
      job.run();
    } // what the job holds goes before anybody is told that it is over
    lock.lock();
    busy_ = false;
    finished_.notify_all();
  }
}

} // namespace fxtrain
