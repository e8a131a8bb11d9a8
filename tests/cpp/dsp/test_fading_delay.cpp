// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/allocations.h"
#include "../support/test_models.h"

#include <fxengine/dsp/fading_delay.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <vector>

using fxengine::FadingDelay;

namespace {

using Signal = std::vector<float>;

/** Plays one channel; `changes` says which delay is asked for before which frame. */
Signal play(FadingDelay& delay, const Signal& input, int blockSize, const std::map<int, int>& changes = {},
            bool inPlace = false) {
  Signal output = inPlace ? input : Signal(input.size(), 99.0f);
  const auto numFrames = static_cast<int>(input.size());
  for (int start = 0; start < numFrames;) {
    int end = std::min(start + blockSize, numFrames);
    for (const auto& [frame, frames] : changes) {
      if (frame == start)
        delay.setDelay(frames);
      else if (frame > start)
        end = std::min(end, frame);
    }
    const float* in[] = {(inPlace ? output.data() : input.data()) + start};
    float* out[] = {output.data() + start};
    delay.process(in, out, 1, end - start);
    start = end;
  }
  return output;
}

FadingDelay makeDelay(int maxDelay, int frames = 0, double sampleRate = 48000.0) {
  FadingDelay delay;
  delay.prepare(sampleRate, 1, maxDelay);
  delay.snapDelay(frames);
  return delay;
}

} // namespace

TEST_CASE("FadingDelay: shifts by whole frames, to the bit", "[dsp][fading_delay]") {
  const Signal input = test::noise(3000, 1);
  for (const int frames : {0, 1, 63, 64, 65, 127, 500, 1000}) {
    for (const int blockSize : {1, 17, 64, 100, 3000}) {
      for (const bool inPlace : {false, true}) {
        FadingDelay delay = makeDelay(1000, frames);
        const Signal output = play(delay, input, blockSize, {}, inPlace);
        const auto shift = static_cast<std::size_t>(frames);
        REQUIRE(std::all_of(output.begin(), output.begin() + frames, [](float y) { return y == 0.0f; }));
        REQUIRE(
            std::equal(output.begin() + frames, output.end(), input.begin(), input.end() - static_cast<int>(shift)));
      }
    }
  }
}

TEST_CASE("FadingDelay: a change is a straight line of 20 ms between the two delays", "[dsp][fading_delay]") {
  for (const double sampleRate : {44100.0, 48000.0, 192000.0}) {
    const int fade = static_cast<int>(std::lround(0.02 * sampleRate));
    const int start = 500;
    const Signal input = test::noise(static_cast<std::size_t>(start + fade + 200), 2);
    FadingDelay delay = makeDelay(300, 10, sampleRate);
    const Signal output = play(delay, input, 64, {{start, 300}});
    REQUIRE(delay.delay() == 300);
    for (int frame = 300; frame < static_cast<int>(input.size()); ++frame) {
      const double share = std::clamp(double(frame - start + 1) / fade, 0.0, 1.0); // the first step is made at once
      const double expected = (1.0 - share) * double{input[static_cast<std::size_t>(frame - 10)]} +
                              share * double{input[static_cast<std::size_t>(frame - 300)]};
      const double tolerance = share == 0.0 || share == 1.0 ? 0.0 : 2e-7;
      REQUIRE(std::abs(double{output[static_cast<std::size_t>(frame)]} - expected) <= tolerance);
    }
  }
}

TEST_CASE("FadingDelay: no step in a tone is beyond the tone's own", "[dsp][fading_delay]") {
  Signal tone(20000);
  const double omega = 2.0 * std::numbers::pi * 440.0 / 48000.0;
  for (std::size_t t = 0; t < tone.size(); ++t)
    tone[t] = static_cast<float>(std::sin(omega * static_cast<double>(t)));
  FadingDelay delay = makeDelay(400, 100);
  // Changes during a fade wait for its end.
  const Signal output = play(delay, tone, 64, {{3000, 155}, {3100, 300}, {3200, 0}, {8000, 400}, {8300, 50}});
  for (std::size_t t = 101; t < tone.size(); ++t) // a tone's greatest step, and that of the fade: 2 in 960 frames
    REQUIRE(std::abs(output[t] - output[t - 1]) < static_cast<float>(omega + 2.0 / 960.0));
  REQUIRE(std::equal(output.end() - 1000, output.end(), tone.end() - 1050));
}

TEST_CASE("FadingDelay: block sizes do not matter, nor does what was before a reset", "[dsp][fading_delay][property]") {
  const Signal input = test::noise(9000, 3);
  const std::map<int, int> changes = {{1000, 700}, {1500, 3}, {1600, 64}, {4321, 0}, {7000, 12}};
  FadingDelay delay = makeDelay(700, 5);
  const Signal expected = play(delay, input, 9000, changes);
  for (const int blockSize : {1, 2, 31, 64, 65, 512}) {
    delay.snapDelay(5);
    delay.reset();
    REQUIRE(play(delay, input, blockSize, changes) == expected);
  }
}

TEST_CASE("FadingDelay: delays are kept within what was prepared, further channels are silent", "[dsp][fading_delay]") {
  FadingDelay delay;
  delay.prepare(48000.0, 2, 100);
  delay.setDelay(5000);
  REQUIRE(delay.delay() == 100);
  delay.setDelay(-7);
  REQUIRE(delay.delay() == 0);
  delay.snapDelay(1);

  Signal a = {1, 2, 3}, b = {4, 5, 6}, c = {7, 8, 9};
  float* three[] = {a.data(), b.data(), c.data()};
  delay.process(three, three, 3, 3);
  REQUIRE(a == Signal{0, 1, 2});
  REQUIRE(b == Signal{0, 4, 5});
  REQUIRE(c == Signal{0, 0, 0});

  // A channel that was not played heard silence.
  delay.process(three, three, 1, 3);
  Signal d = {1, 1, 1};
  float* two[] = {a.data(), d.data()};
  delay.process(two, two, 2, 3);
  REQUIRE(d == Signal{0, 1, 1});
}

TEST_CASE("FadingDelay: process does not allocate", "[dsp][fading_delay][realtime]") {
  FadingDelay delay = makeDelay(5000, 7);
  Signal samples(2000, 0.5f);
  float* channels[] = {samples.data()};
  const test::AllocationCount allocations;
  delay.setDelay(1234);
  delay.process(channels, channels, 1, 2000);
  delay.reset();
  REQUIRE(allocations.value() == 0);
}
