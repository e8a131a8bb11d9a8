// SPDX-License-Identifier: MIT
// What the processors around the model cost: ns per frame of one channel (two where it says so), in blocks of 64
// frames.
//   bench_dsp [--sample-rate HZ] [--rounds N]
#include <fxengine/dsp/convolver.h>
#include <fxengine/dsp/fading_delay.h>
#include <fxengine/dsp/host_rate_model.h>
#include <fxengine/dsp/impulse_response.h>
#include <fxengine/dsp/level_meter.h>
#include <fxengine/dsp/noise_gate.h>
#include <fxengine/dsp/ramp.h>
#include <fxengine/dsp/tone_stack.h>
#include <fxengine/model.h>
#include <fxengine/model_loader.h>
#include <fxengine/realtime/flush_denormals.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int kBlock = 64;
constexpr int kNumBlocks = 750; // a second at 48 kHz

double sampleRate = 48000.0;
int numRounds = 15;

/** A second of what a guitar is like: decaying notes, peak 0.5. */
std::vector<float> makeInput() {
  std::vector<float> input(static_cast<std::size_t>(kBlock) * kNumBlocks);
  for (std::size_t t = 0; t < input.size(); ++t) {
    const auto note = static_cast<double>(t % 12000);
    input[t] =
        static_cast<float>((0.3 * std::sin(0.0108 * note) + 0.2 * std::sin(0.0331 * note)) * std::exp(-note / 4000.0));
  }
  return input;
}

/** Plays the input `numRounds` times, in place, and prints median and worst round. */
void measure(const std::string& name, float level, int numChannels,
             const std::function<void(float* const*, int numChannels, int numFrames)>& process) {
  std::vector<float> input = makeInput();
  for (float& sample : input)
    sample *= level;
  std::vector<double> times;
  double sum = 0.0; // looked at, so that nothing is left out
  for (int round = 0; round < numRounds; ++round) {
    std::vector<float> left = input, right = input;
    const auto start = std::chrono::steady_clock::now();
    for (int block = 0; block < kNumBlocks; ++block) {
      float* channels[] = {left.data() + block * kBlock, right.data() + block * kBlock};
      process(channels, numChannels, kBlock);
    }
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    times.push_back(time.count() / (kBlock * kNumBlocks));
    sum += double{left[100]} + double{right[20000]};
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  std::printf("%-44s %8.2f %8.2f %9.3f%s\n", name.c_str(), median, times.back(), median * sampleRate * 1e-7,
              std::isfinite(sum) ? "" : "  NOT FINITE");
}

void measureAll() {
  std::printf("%-44s %8s %8s %9s\n", "", "ns/frame", "worst", "% of one");
  std::printf("%-44s %8s %8s %9s\n", "blocks of 64 frames", "median", "round", "core");
  {
    fxengine::NoiseGate gate;
    gate.prepare(sampleRate, 2);
    const auto process = [&](float* const* channels, int numChannels, int numFrames) {
      gate.process(channels, numChannels, numFrames);
    };
    measure("noise gate, open", 1.0f, 1, process);
    measure("noise gate, open, 2 channels", 1.0f, 2, process);
    measure("noise gate, closed", 1e-6f, 1, process);
    gate.setThreshold(-20.0f);
    gate.setRelease(200.0f);
    measure("noise gate, opening and closing", 1.0f, 1, process);
  }
  {
    fxengine::ToneStack tone;
    tone.prepare(sampleRate, 2);
    const auto process = [&](float* const* channels, int numChannels, int numFrames) {
      tone.process(channels, numChannels, numFrames);
    };
    measure("tone stack, all at 0 dB", 1.0f, 1, process);
    tone.set(6.0f, -3.0f, 4.0f);
    tone.snap();
    measure("tone stack", 1.0f, 1, process);
    measure("tone stack, 2 channels", 1.0f, 2, process);
    int turn = 0;
    measure("tone stack, all bands moving", 1.0f, 1, [&](float* const* channels, int numChannels, int numFrames) {
      const float db = ++turn % 2 == 0 ? 6.0f : -6.0f;
      tone.set(db, -db, db);
      tone.process(channels, numChannels, numFrames);
    });
  }
  {
    fxengine::LevelMeter meter;
    meter.prepare(sampleRate);
    measure("level meter", 1.0f, 1, [&](float* const* channels, int numChannels, int numFrames) {
      meter.push(channels, numChannels, numFrames);
    });
  }
  {
    fxengine::Ramp ramp;
    ramp.prepare(sampleRate, 20.0);
    ramp.snap(0.5f);
    int turn = 0;
    measure("gain ramp, moving", 1.0f, 1, [&](float* const* channels, int numChannels, int numFrames) {
      ramp.setTarget(++turn % 2 == 0 ? 0.5f : 0.6f);
      ramp.applyGain(channels, numChannels, numFrames);
    });
  }
  {
    fxengine::FadingDelay delay;
    delay.prepare(sampleRate, 1, 200);
    const auto process = [&](float* const* channels, int numChannels, int numFrames) {
      delay.process(channels, channels, numChannels, numFrames);
    };
    measure("delay of 0", 1.0f, 1, process);
    delay.snapDelay(100);
    measure("delay of 100", 1.0f, 1, process);
  }
}

/** A cabinet of noise that dies away. */
void measureConvolver(double seconds) {
  std::mt19937 random(1);
  fxengine::ImpulseResponse response{{std::vector<float>(static_cast<std::size_t>(seconds * sampleRate))}, sampleRate};
  for (std::size_t t = 0; t < response.channels[0].size(); ++t) {
    const double noise = static_cast<double>(random()) / static_cast<double>(std::mt19937::max()) - 0.5;
    response.channels[0][t] =
        static_cast<float>(noise * std::exp(-5.0 * static_cast<double>(t) / (seconds * sampleRate)));
  }
  fxengine::Convolver convolver(response, sampleRate);
  convolver.prepare(1, kBlock);
  char name[64];
  std::snprintf(name, sizeof name, "cabinet of %g ms", 1000.0 * seconds);
  measure(name, 1.0f, 1, [&](float* const* channels, int numChannels, int numFrames) {
    convolver.process(channels, channels, numChannels, numFrames);
  });
}

/** A model that does next to nothing, at a rate of its own. */
void measureResampling(double modelRate) {
  const std::string text = R"({"in_shape": [null, null, 1], "samplerate": )" + std::to_string(modelRate) +
                           R"(, "layers": [{"type": "dense", "activation": "", "shape": [null, null, 1],
                              "weights": [[[1.0]], [0.0]]}]})";
  fxengine::HostRateModel model(fxengine::parseModel(text, "through.json"));
  model.prepare(sampleRate, 1, kBlock);
  char name[64];
  std::snprintf(name, sizeof name, "a model of %g Hz that passes all", modelRate);
  measure(name, 1.0f, 1, [&](float* const* channels, int numChannels, int numFrames) {
    model.process(channels, channels, numChannels, numFrames);
  });
}

} // namespace

int main(int argc, char** argv) {
  for (int index = 1; index + 1 < argc; index += 2) {
    if (std::strcmp(argv[index], "--sample-rate") == 0)
      sampleRate = std::max(1000.0, std::atof(argv[index + 1]));
    else if (std::strcmp(argv[index], "--rounds") == 0)
      numRounds = std::max(1, std::atoi(argv[index + 1]));
  }
  const fxengine::ScopedFlushDenormals flushDenormals;
  measureAll();
  for (const double seconds : {0.02, 0.2, 2.0})
    measureConvolver(seconds);
  for (const double modelRate : {48000.0, 44100.0, 96000.0})
    measureResampling(modelRate);
}
