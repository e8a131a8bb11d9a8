// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"

#include <fxengine/realtime/sample_queue.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using fxengine::SampleQueue;

namespace {

/** Two channels that count up from `next`, the second downwards from it. */
struct Counter {
  float next = 0.0f;
  std::vector<float> up, down;

  const float* channels[2] = {};

  const float* const* make(int numFrames) {
    up.resize(static_cast<std::size_t>(numFrames));
    down.resize(up.size());
    for (std::size_t index = 0; index < up.size(); ++index) {
      up[index] = next + static_cast<float>(index);
      down[index] = -up[index];
    }
    channels[0] = up.data();
    channels[1] = down.data();
    return channels;
  }
};

} // namespace

TEST_CASE("SampleQueue: gives every frame once, in order, channels together", "[realtime][sample_queue]") {
  SampleQueue queue(2, 100);
  Counter counter;
  std::vector<float> some(2 * 33);
  float expected = 0.0f;
  for (const int size : {0, 1, 64, 17, 33, 63, 100, 5, 5, 5}) {
    REQUIRE(queue.write(counter.make(size), size));
    counter.next += static_cast<float>(size);
    while (queue.numWaiting() > 0) {
      const std::size_t count = queue.read(some);
      REQUIRE(count > 0);
      for (std::size_t index = 0; index < count; ++index) {
        REQUIRE(some[2 * index] == expected);
        REQUIRE(some[2 * index + 1] == -expected);
        expected += 1.0f;
      }
    }
  }
  REQUIRE(expected == counter.next);
  REQUIRE(queue.read(some) == 0);
}

TEST_CASE("SampleQueue: a block that does not fit is not taken, not even a part of it", "[realtime][sample_queue]") {
  SampleQueue queue(1, 64);
  const std::vector<float> block(40, 1.0f);
  const float* const channels[] = {block.data()};
  REQUIRE(queue.write(channels, 40));
  REQUIRE_FALSE(queue.write(channels, 25));
  REQUIRE(queue.numWaiting() == 40);
  REQUIRE(queue.write(channels, 24));
  REQUIRE_FALSE(queue.write(channels, 1));
  std::vector<float> one(1);
  REQUIRE(queue.read(one) == 1);
  REQUIRE(queue.write(channels, 1));
}

TEST_CASE("SampleQueue: neither end allocates", "[realtime][sample_queue]") {
  SampleQueue queue(2, 256);
  Counter counter;
  const auto* channels = counter.make(64);
  std::vector<float> some(2 * 64);
  test::AllocationCount allocations;
  for (int block = 0; block < 100; ++block) {
    queue.write(channels, 64);
    queue.read(some);
  }
  CHECK(allocations.value() == 0);
}

TEST_CASE("SampleQueue: a reader on another thread misses nothing", "[realtime][sample_queue]") {
  constexpr int kNumBlocks = 20000, kSize = 16;
  SampleQueue queue(2, 1024);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Counter counter;
    for (int block = 0; block < kNumBlocks; ++block) {
      const auto* channels = counter.make(kSize);
      while (!queue.write(channels, kSize))
        std::this_thread::yield();
      counter.next += static_cast<float>(kSize);
    }
    done = true;
  });
  std::vector<float> some(2 * 100);
  std::uint64_t total = 0, wrong = 0;
  for (bool last = false; !last;) {
    last = done;
    for (std::size_t count; (count = queue.read(some)) > 0;)
      for (std::size_t index = 0; index < count; ++index, ++total)
        wrong += some[2 * index] != static_cast<float>(total) || some[2 * index + 1] != -static_cast<float>(total);
  }
  writer.join();
  CHECK(total == std::uint64_t{kNumBlocks} * kSize);
  CHECK(wrong == 0);
}
