// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"
#include "support/test_models.h"

#include <juce_audio_formats/juce_audio_formats.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

using namespace fxtrain;

namespace {

struct Fixture {
  test::Folder folder;
  TakePlayer player;
  double sampleRate = 48000.0;

  Fixture() { player.prepare(sampleRate); }

  void load(const test::Audio& audio, double rate = 48000.0) {
    player.load(folder.write("take.wav", test::wav(audio, rate)));
    REQUIRE(test::waitUntil([&] { return !player.isLoading(); }));
    REQUIRE(player.problem() == "");
  }

  /** What comes out where a constant is at the input. */
  test::Audio play(int numFrames, int blockSize = 100, int numInputs = 1, float input = 0.0f) {
    test::Audio output(numInputs == 1 ? 1 : 2);
    for (int start = 0; start < numFrames; start += blockSize) {
      const int count = std::min(blockSize, numFrames - start);
      juce::AudioBuffer<float> buffer(2, count);
      for (int c = 0; c < 2; ++c)
        juce::FloatVectorOperations::fill(buffer.getWritePointer(c), input, count);
      player.process(buffer, numInputs);
      player.collect();
      for (int c = 0; c < numInputs; ++c)
        output[std::size_t(c)].insert(output[std::size_t(c)].end(), buffer.getReadPointer(c),
                                      buffer.getReadPointer(c) + count);
    }
    return output;
  }

  int fade() const { return int(std::lround(sampleRate * TakePlayer::kFadeMs / 1000.0)); }
};

std::vector<float> part(const std::vector<float>& signal, int start, int count) {
  return {signal.begin() + start, signal.begin() + start + count};
}

} // namespace

TEST_CASE("Take: it is played to the sample, once it is faded in", "[take]") {
  const auto take = test::noise(10000, 1);
  for (const int blockSize : {1, 64, 4096}) {
    Fixture f;
    f.load({take});
    CHECK(f.player.length() == Approx(10000.0 / 48000.0));
    CHECK(f.player.name() == "take");
    f.player.setPlaying(true);
    const auto output = f.play(9000, blockSize)[0];
    CHECK(part(output, f.fade(), 8000) == part(take, f.fade(), 8000));
    CHECK(output[0] == 0.0f); // the input is still alone
    CHECK(f.player.position() == Approx(9000.0 / 48000.0));
  }
}

TEST_CASE("Take: stopped, unloaded or not there, the input is left alone", "[take]") {
  Fixture f;
  CHECK(f.play(100, 100, 2, 0.5f) == test::Audio(2, std::vector<float>(100, 0.5f)));
  f.load({test::noise(10000, 1)});
  CHECK(f.play(100, 100, 2, 0.5f) == test::Audio(2, std::vector<float>(100, 0.5f)));
  f.player.setPlaying(true);
  f.play(1000);
  f.player.unload();
  CHECK(f.player.length() == 0.0);
  CHECK_FALSE(f.player.isPlaying());
  f.play(f.fade() + 100);
  CHECK(f.play(100, 100, 2, 0.5f) == test::Audio(2, std::vector<float>(100, 0.5f)));
}

TEST_CASE("Take: start, stop, seek, loop and another take make no click", "[take]") {
  Fixture f;
  f.load({test::sine(100.0, 10000, 0.5f)});
  std::vector<float> output;
  const auto play = [&](int numFrames) {
    const auto next = f.play(numFrames)[0];
    output.insert(output.end(), next.begin(), next.end());
  };
  play(100);
  f.player.setPlaying(true);
  play(25000); // twice over the seam
  f.player.setPosition(0.1234);
  play(3000);
  f.player.setPlaying(false);
  play(1000);
  f.player.setPlaying(true);
  play(1000);
  f.load({test::sine(90.0, 8000, 0.5f)});
  play(5000);
  f.player.setLooping(false);
  play(12000);
  CHECK_FALSE(f.player.isPlaying());
  CHECK(output.back() == 0.0f);
  // A sine's own slope, twice where two are crossfaded, and the slope of a fade from -0.5 to 0.5.
  const float slope = 2.0f * 3.1416f * 100.0f / 48000.0f * 0.5f;
  CHECK(test::steepest(output) <= slope + 1.0f / float(f.fade()));
}

TEST_CASE("Take: a loop is as long as the take less one fade", "[take]") {
  const auto take = test::noise(5000, 2);
  Fixture f;
  f.load({take});
  f.player.setPlaying(true);
  const auto output = f.play(12000)[0];
  const int period = 5000 - f.fade();
  CHECK(part(output, period + f.fade(), 4000) == part(take, f.fade(), 4000));
  CHECK(part(output, 2 * period + f.fade(), 1000) == part(take, f.fade(), 1000));
}

TEST_CASE("Take: it goes on where it stopped, and at the place that was asked for", "[take]") {
  const auto take = test::noise(20000, 3);
  Fixture f;
  f.load({take});
  f.player.setPlaying(true);
  f.play(3000, 1000);
  f.player.setPlaying(false);
  f.play(1000, 1000);
  f.player.setPlaying(true);
  CHECK(part(f.play(2000)[0], 500, 1000) == part(take, 3500, 1000));
  f.player.setPlaying(false);
  f.play(1000);
  f.player.setPosition(0.25); // frame 12000
  CHECK(f.player.position() == 0.25);
  f.player.setPlaying(true);
  CHECK(part(f.play(2000)[0], 500, 1000) == part(take, 12500, 1000));
  f.player.setPosition(0.125);
  CHECK(part(f.play(2000)[0], 500, 1000) == part(take, 6500, 1000));
  f.player.setPosition(std::nan(""));
  f.player.setPosition(1e30);
  f.player.setPosition(-1e30);
  f.play(2000);
  CHECK(f.player.position() < 0.2);
}

TEST_CASE("Take: a take of another rate lasts and sounds the same", "[take]") {
  Fixture f;
  f.load({test::sine(441.0, 44100, 0.5f, 44100.0)}, 44100.0);
  CHECK(f.player.length() == Approx(1.0));
  f.player.setPlaying(true);
  const auto output = f.play(40000)[0];
  const auto expected = test::sine(441.0, 40000, 0.5f);
  CHECK(test::difference(part(output, 4000, 35000), part(expected, 4000, 35000)) < 1e-4f);
}

TEST_CASE("Take: the device's rate may change under it", "[take]") {
  Fixture f;
  f.load({test::sine(100.0, 48000, 0.5f)});
  f.player.setPlaying(true);
  f.play(24000);
  f.sampleRate = 96000.0;
  f.player.prepare(f.sampleRate);
  f.play(100); // nothing of the wrong rate
  REQUIRE(test::waitUntil([&] { return !f.player.isLoading(); }));
  const auto output = f.play(20000)[0];
  CHECK(f.player.position() == Approx(0.5 + 20000.0 / 96000.0).margin(0.001));
  CHECK(test::peak(output) == Approx(0.5f).margin(0.01f));
  // 100 Hz: a period of 960 frames
  CHECK(test::difference(part(output, 1000, 9600), part(output, 1960, 9600)) < 1e-3f);
}

TEST_CASE("Take: channels are brought together", "[take]") {
  const auto left = test::noise(5000, 4), right = test::noise(5000, 5);
  Fixture f;
  f.load({left, right});
  f.player.setPlaying(true);
  const auto both = f.play(2000, 100, 2);
  CHECK(part(both[0], 500, 1000) == part(left, 500, 1000));
  CHECK(part(both[1], 500, 1000) == part(right, 500, 1000));
  f.player.setPosition(0.0);
  f.play(1);
  const auto mean = f.play(1999, 100, 1)[0];
  for (int frame = 500; frame < 1000; ++frame)
    CHECK(mean[std::size_t(frame - 1)] == 0.5f * (left[std::size_t(frame)] + right[std::size_t(frame)]));
  f.load({left});
  const auto twice = f.play(3000, 100, 2);
  CHECK(part(twice[0], 500, 1000) == part(twice[1], 500, 1000));
}

TEST_CASE("Take: takes shorter than the fades do no harm", "[take]") {
  for (const std::size_t numFrames : {1u, 2u, 10u, 240u, 241u, 481u}) {
    Fixture f;
    f.load({std::vector<float>(numFrames, 0.5f)});
    f.player.setPlaying(true);
    CHECK(test::peak(f.play(5000)[0]) <= 0.5f);
    f.player.setLooping(false);
    f.play(5000);
    CHECK_FALSE(f.player.isPlaying());
  }
}

TEST_CASE("Take: WAV, AIFF and FLAC are read, other files and silence get a sentence", "[take]") {
  Fixture f;
  const auto write = [&](juce::AudioFormat& format, const juce::String& name) {
    juce::MemoryBlock bytes;
    {
      const std::unique_ptr<juce::AudioFormatWriter> writer(
          format.createWriterFor(new juce::MemoryOutputStream(bytes, false), 48000.0, 1, 16, {}, 0));
      REQUIRE(writer != nullptr);
      const auto signal = test::sine(100.0, 1000);
      const float* channel = signal.data();
      writer->writeFromFloatArrays(&channel, 1, 1000);
    }
    return f.folder.write(name, bytes);
  };
  const auto load = [&](const juce::File& file) {
    f.player.load(file);
    REQUIRE(test::waitUntil([&] { return !f.player.isLoading(); }));
    return f.player.problem();
  };
  juce::WavAudioFormat wav;
  juce::AiffAudioFormat aiff;
  juce::FlacAudioFormat flac;
  for (const auto& file : {write(wav, "a.wav"), write(aiff, "b.aiff"), write(flac, "c.flac")}) {
    CHECK(load(file) == "");
    CHECK(f.player.name() == file.getFileNameWithoutExtension());
    CHECK(f.player.length() == Approx(1000.0 / 48000.0));
  }
  for (const auto& file : {f.folder.write("text.wav", juce::MemoryBlock("hello", 5)), f.folder.file("none.wav"),
                           f.folder.file({}), f.folder.write("empty.wav", test::wav({{}}, 48000.0))}) {
    const auto problem = load(file);
    INFO(problem);
    CHECK(problem.endsWithChar('.'));
    CHECK(f.player.name() == "c"); // plays on
  }
}

TEST_CASE("Take: NaN in a file is silence", "[take]") {
  Fixture f;
  auto take = test::sine(100.0, 2000);
  take[1000] = std::nanf("");
  take[1001] = INFINITY;
  f.load({take});
  f.player.setPlaying(true);
  const auto output = f.play(3000)[0];
  CHECK(std::all_of(output.begin(), output.end(), [](float sample) { return std::isfinite(sample); }));
}

TEST_CASE("Take: no byte that is changed in a file does harm", "[take][fuzz]") {
  Fixture f;
  f.player.setPlaying(true);
  const auto good = test::wav({test::noise(500, 6)}, 48000.0);
  std::mt19937 random(7);
  for (int n = 0; n < 150; ++n) {
    auto bytes = good;
    for (auto changes = 1 + random() % 3; changes > 0; --changes)
      bytes[random() % 100] = char(random());
    f.player.load(f.folder.write("fuzz.wav", bytes));
    REQUIRE(test::waitUntil([&] { return !f.player.isLoading(); }));
    const auto output = f.play(700)[0];
    CHECK(std::all_of(output.begin(), output.end(), [](float sample) { return std::isfinite(sample); }));
  }
}

TEST_CASE("Take: it may go while it loads", "[take]") {
  const test::Folder folder;
  const auto file = folder.write("take.wav", test::wav({test::noise(200000, 1)}, 44100.0));
  for (int n = 0; n < 5; ++n) {
    TakePlayer player;
    player.prepare(48000.0);
    player.load(file);
  }
}
