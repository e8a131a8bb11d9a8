// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"

#include <fxengine/realtime/sample_ring.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

using fxengine::SampleRing;

namespace {

/** Writes the numbers from `next` on, in one block. */
void write(SampleRing& ring, float& next, int numFrames) {
  std::vector<float> block(static_cast<std::size_t>(numFrames));
  std::iota(block.begin(), block.end(), next);
  next += static_cast<float>(numFrames);
  ring.write(block.data(), numFrames);
}

bool areConsecutive(const std::vector<float>& samples) {
  for (std::size_t index = 1; index < samples.size(); ++index) {
    if (samples[index] != samples[index - 1] + 1.0f)
      return false;
  }
  return true;
}

} // namespace

TEST_CASE("SampleRing: gives the latest samples, oldest first", "[realtime][sample_ring]") {
  SampleRing ring(24000);
  std::vector<float> latest(1000);
  REQUIRE_FALSE(ring.read(latest));
  float next = 0.0f;
  for (const int size : {999, 1, 0, 64, 5000, 33333, 17}) {
    write(ring, next, size);
    REQUIRE(ring.numWritten() == static_cast<std::uint64_t>(next));
    if (next < 1000.0f) {
      REQUIRE_FALSE(ring.read(latest));
      continue;
    }
    REQUIRE(ring.read(latest));
    REQUIRE(latest.back() == next - 1.0f);
    REQUIRE(areConsecutive(latest));
  }
  std::vector<float> few(3);
  REQUIRE(ring.read(few));
  REQUIRE(few.back() == next - 1.0f);
  REQUIRE(areConsecutive(few));
  std::vector<float> many(1 << 20);
  REQUIRE_FALSE(ring.read(many));
}

TEST_CASE("SampleRing: what a reader gets while another thread writes is one stretch of the signal",
          "[realtime][sample_ring]") {
  constexpr int kNumBlocks = 20000;
  SampleRing ring(24000);
  std::atomic<bool> done{false};
  std::atomic<int> numTorn{0}, numRead{0};
  float next = 0.0f;
  write(ring, next, 24000);
  std::thread reader([&] {
    std::vector<float> latest(24000);
    float before = 0.0f;
    while (!done.load() || numRead.load() == 0) {
      if (!ring.read(latest))
        continue;
      ++numRead;
      if (!areConsecutive(latest) || latest.back() < before)
        ++numTorn;
      before = latest.back();
    }
  });
  std::vector<float> block(64);
  for (int count = 0; count < kNumBlocks; ++count) { // up to 1.3 million: whole numbers in float32
    std::iota(block.begin(), block.end(), next);
    next += 64.0f;
    ring.write(block.data(), 64);
  }
  done = true;
  reader.join();
  REQUIRE(numRead.load() > 0);
  REQUIRE(numTorn.load() == 0);
}

TEST_CASE("SampleRing: neither side allocates", "[realtime][sample_ring]") {
  SampleRing ring(24000);
  std::vector<float> samples(200, 1.0f), latest(100);
  const test::AllocationCount allocations;
  ring.write(samples.data(), 200);
  REQUIRE(ring.read(latest));
  REQUIRE(allocations.value() == 0);
}
