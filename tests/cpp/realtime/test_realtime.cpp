// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/realtime/flush_denormals.h>

#include <limits>

TEST_CASE("AllocationCount: sees what is allocated", "[realtime]") {
  const test::AllocationCount allocations;
  ::operator delete(::operator new(16)); // called by name, so that the compiler may not leave the pair out
  REQUIRE(allocations.value() == 2);
}

TEST_CASE("Model: process, reset and setKnob allocate nothing", "[realtime]") {
  for (const test::Json& json : test::assortment()) {
    fxengine::Model model = test::load(json);
    model.prepare(2, 300);
    std::vector<float> left = test::noise(1000, 1), right = test::noise(1000, 2);
    right[500] = std::numeric_limits<float>::quiet_NaN(); // the way to silence is real-time safe as well
    float* channels[2] = {left.data(), right.data()};
    const test::AllocationCount allocations;
    for (const int numFrames : {1, 64, 300, 1000}) {
      model.process(channels, channels, 2, numFrames);
      model.setKnob(0, 0.3f);
      model.reset();
    }
    REQUIRE(allocations.value() == 0);
  }
}

TEST_CASE("ScopedFlushDenormals: flushes inside and restores outside", "[realtime]") {
  volatile float tiny = std::numeric_limits<float>::min();
  {
    const fxengine::ScopedFlushDenormals flush;
    volatile float half = tiny * 0.5f;
#if defined(__SSE__) || defined(__aarch64__)
    REQUIRE(half == 0.0f);
#endif
  }
  volatile float half = tiny * 0.5f;
  REQUIRE(half > 0.0f);
}
