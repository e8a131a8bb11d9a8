// SPDX-License-Identifier: MIT
// What the plugin costs beside the bare engine: its processBlock in this program, no host in between.
//
//   bench_plugin [--rounds N] [--seconds S]
//
// One LSTM of 32 units at 48 kHz, one channel unless said otherwise, blocks of 64 frames. Time of the thread on the
// processor. The rows take turns, in random order; a ratio is the median over rounds of the ratio within a round.
#include "bench_model.h"

#include <PluginProcessor.h>
#include <model_file.h>

#include <fxengine/model_loader.h>

#include <juce_audio_formats/juce_audio_formats.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <pthread.h>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr double kSampleRate = 48000.0;
constexpr int kBlock = 64;
constexpr double kBlockUs = 1e6 * kBlock / kSampleRate;

double threadUs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e6 * double(now.tv_sec) + 1e-3 * double(now.tv_nsec);
}

double wallUs() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::size_t(share * double(values.size() - 1) + 0.5)];
}

/** Something that plays blocks. */
struct Row {
  std::string name;
  int numChannels = 1;
  std::function<void(float* const* channels)> play; // kBlock frames, in place
  std::vector<double> perBlock;                     // of rounds
  std::vector<double> blocks;                       // all, one by one
};

class Plugin {
 public:
  Plugin(const std::string& model, int numChannels) : Plugin(model, numChannels, numChannels) {}
  Plugin(const std::string& model, int numInputs, int numOutputs) {
    fxtrain::RigContents contents;
    contents.models[0] = fxtrain::ModelFile::parse(model, "bench", {});
    processor_.rig().setContents(contents);
    const auto setOf = [](int count) {
      return count == 1 ? juce::AudioChannelSet::mono() : juce::AudioChannelSet::stereo();
    };
    juce::AudioProcessor::BusesLayout layout;
    layout.inputBuses.add(setOf(numInputs));
    layout.outputBuses.add(setOf(numOutputs));
    processor_.setBusesLayout(layout);
    processor_.setRateAndBufferSizeDetails(kSampleRate, kBlock);
    for (auto* parameter : processor_.getParameters()) // as no state of a shipped preset
      parameter->setValueNotifyingHost(parameter->getDefaultValue());
    buffer_.setSize(std::max(numInputs, numOutputs), kBlock);
  }

  void set(const char* id, float value) {
    auto* parameter = processor_.parameters.getParameter(id);
    parameter->setValueNotifyingHost(parameter->convertTo0to1(value));
  }

  void loadPedal(const std::string& model) {
    auto contents = processor_.rig().contents();
    contents.models[std::size_t(fxtrain::Rig::pedalSlot(0))] = fxtrain::ModelFile::parse(model, "bench", {});
    processor_.rig().setContents(contents);
  }

  void loadCabinet(double seconds) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    juce::AudioBuffer<float> response(1, int(seconds * kSampleRate));
    for (int i = 0; i < response.getNumSamples(); ++i)
      response.setSample(0, i, 0.2f * normal(random) * std::exp(-float(i) / 2000.0f));
    juce::MemoryBlock bytes;
    {
      auto stream = std::make_unique<juce::MemoryOutputStream>(bytes, false);
      std::unique_ptr<juce::AudioFormatWriter> writer(
          juce::WavAudioFormat().createWriterFor(stream.release(), kSampleRate, 1, 24, {}, 0));
      writer->writeFromAudioSampleBuffer(response, 0, response.getNumSamples());
    }
    auto contents = processor_.rig().contents();
    contents.cabinet = fxtrain::CabinetFile::parse(bytes, "bench", {});
    processor_.rig().setContents(contents);
    set("cabinet_on", 1.0f);
  }

  void prepare() { processor_.prepareToPlay(kSampleRate, kBlock); }

  void play(float* const* channels) {
    juce::AudioBuffer<float> block(const_cast<float**>(channels), buffer_.getNumChannels(), kBlock);
    processor_.processBlock(block, midi_);
  }

  fxtrain::PluginProcessor& processor() { return processor_; }

 private:
  fxtrain::PluginProcessor processor_;
  juce::AudioBuffer<float> buffer_;
  juce::MidiBuffer midi_;
};

/** The input again and again, block by block. */
class Input {
 public:
  Input() : signal_(fxbench::pluckedChords(10.0, 3)) { signal_.resize(signal_.size() / kBlock * kBlock); }
  void next(std::vector<std::vector<float>>& channels) {
    for (auto& channel : channels)
      std::copy_n(signal_.begin() + std::ptrdiff_t(at_), kBlock, channel.begin());
    at_ = (at_ + kBlock) % signal_.size();
  }

 private:
  std::vector<float> signal_;
  std::size_t at_ = 0;
};

void measure(std::vector<Row>& rows, int rounds, int blocksPerRound) {
  Input input;
  std::vector<std::vector<float>> channels(2, std::vector<float>(kBlock));
  float* pointers[] = {channels[0].data(), channels[1].data()};
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 random(7);
  for (int round = -1; round < rounds; ++round) { // the first is not counted
    std::shuffle(order.begin(), order.end(), random);
    for (const auto index : order) {
      auto& row = rows[index];
      const double start = threadUs();
      for (int i = 0; i < blocksPerRound; ++i) {
        input.next(channels);
        row.play(pointers);
      }
      if (round >= 0)
        row.perBlock.push_back((threadUs() - start) / blocksPerRound);
      // Again one by one: to ask the time takes a part of a microsecond itself.
      for (int i = 0; i < blocksPerRound; ++i) {
        input.next(channels);
        const double one = threadUs();
        row.play(pointers);
        if (round >= 0)
          row.blocks.push_back(threadUs() - one);
      }
    }
  }
}

double medianRatio(const Row& row, const Row& base) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < row.perBlock.size(); ++i)
    ratios.push_back(row.perBlock[i] / base.perBlock[i]);
  return quantile(ratios, 0.5);
}

/** Plays in real time, in a thread of real-time priority where that is allowed, while models and cabinets are loaded.
 */
void measureLoads(Plugin& plugin, const std::string& model, double seconds) {
  const auto folder = juce::File::createTempFile("bench");
  folder.createDirectory();
  for (int i = 0; i < 2; ++i)
    folder.getChildFile("model" + juce::String(i) + ".json")
        .replaceWithText(juce::String(model) + juce::String::repeatedString(" ", i));
  std::vector<double> wall, cpu;
  std::atomic<bool> stop{false};
  Input input; // takes longer to make than a short measurement lasts
  std::thread audio([&] {
    sched_param priority{};
    priority.sched_priority = 60;
    const bool realtime = pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
    std::vector<std::vector<float>> channels(1, std::vector<float>(kBlock));
    float* pointers[] = {channels[0].data()};
    auto next = std::chrono::steady_clock::now();
    do {
      input.next(channels);
      const double startCpu = threadUs(), start = wallUs();
      plugin.play(pointers);
      wall.push_back(wallUs() - start);
      cpu.push_back(threadUs() - startCpu);
      next += std::chrono::nanoseconds(std::int64_t(1e3 * kBlockUs));
      std::this_thread::sleep_until(next);
    } while (!stop);
    std::printf("\n%s\n", realtime ? "" : "(no real-time priority: blocks may have waited for others)");
  });
  int loads = 0;
  for (const double end = wallUs() + 1e6 * seconds; wallUs() < end; ++loads) {
    plugin.processor().rig().loadModel(0, folder.getChildFile("model" + juce::String(loads % 2) + ".json"));
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
  }
  stop = true;
  audio.join();
  folder.deleteRecursively();
  std::printf(
      "%d loads of a model while %zu blocks were played: longest block %.0f us (%.1f %% of its length), of which "
      "%.0f us on the processor; 99.9th percentile %.0f us\n",
      loads, wall.size(), quantile(wall, 1.0), 100.0 * quantile(wall, 1.0) / kBlockUs, quantile(cpu, 1.0),
      quantile(wall, 0.999));
}

} // namespace

int main(int argc, char** argv) {
  int rounds = 60;
  double seconds = 6.0;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rounds") == 0)
      rounds = std::max(1, std::atoi(argv[i + 1]));
    else if (std::strcmp(argv[i], "--seconds") == 0)
      seconds = std::max(0.3, std::atof(argv[i + 1]));
  }
  const juce::ScopedJuceInitialiser_GUI juce;
  const auto textOf = [](int numUnits) {
    auto json = fxbench::jsonOf(fxbench::randomWeights("lstm", {numUnits}, 1, false), false);
    const auto brace = json.find('{');
    return json.substr(0, brace + 1) + "\"samplerate\": 48000, " + json.substr(brace + 1);
  };
  const auto text = textOf(32);

  auto engine = fxengine::parseModel(text, "bench");
  engine.prepare(1, kBlock);
  auto engineStereo = fxengine::parseModel(text, "bench");
  engineStereo.prepare(2, kBlock);
  Plugin defaults(text, 1), gateAndTone(text, 1), cabinet(text, 1), all(text, 1), stereo(text, 2);
  Plugin rig(text, 1, 2); // a guitar into a stereo track: overdrive, amplifier, cabinet, reverb
  rig.set("reverb", 20.0f);
  for (auto* plugin : {&gateAndTone, &all}) {
    plugin->set("gate_on", 1.0f);
    plugin->set("tone_on", 1.0f);
    plugin->set("bass", 3.0f);
    plugin->set("middle", -2.0f);
    plugin->set("treble", 4.0f);
  }
  for (auto* plugin : {&defaults, &gateAndTone, &cabinet, &all, &stereo, &rig})
    plugin->prepare();
  rig.loadPedal(textOf(16));
  for (auto* plugin : {&cabinet, &all, &rig}) {
    plugin->loadCabinet(0.2);
    plugin->prepare();
  }

  const auto played = [](Plugin& plugin) { return [&plugin](float* const* channels) { plugin.play(channels); }; };
  std::vector<Row> rows;
  rows.push_back({"engine", 1, [&](float* const* c) { engine.process(c, c, 1, kBlock); }, {}, {}});
  rows.push_back({"plugin, all off", 1, played(defaults), {}, {}});
  rows.push_back({"plugin, gate and tone", 1, played(gateAndTone), {}, {}});
  rows.push_back({"plugin, cabinet of 200 ms", 1, played(cabinet), {}, {}});
  rows.push_back({"plugin, gate, tone, cabinet", 1, played(all), {}, {}});
  rows.push_back({"engine, two channels", 2, [&](float* const* c) { engineStereo.process(c, c, 2, kBlock); }, {}, {}});
  rows.push_back({"plugin, all off, two channels", 2, played(stereo), {}, {}});
  rows.push_back({"overdrive, amp, cabinet, reverb", 2, played(rig), {}, {}});
  measure(rows, rounds, 400);

  std::printf("| %-31s | us per block | share of block | ratio to engine | 99.9th percentile, share of block |\n", "");
  std::printf("|%s|---|---|---|---|\n", std::string(33, '-').c_str());
  for (const auto& row : rows) {
    const double median = quantile(row.perBlock, 0.5), late = quantile(row.blocks, 0.999);
    std::printf("| %-31s | %.2f | %.2f %% | %.3f | %.2f us, %.2f %% |\n", row.name.c_str(), median,
                100.0 * median / kBlockUs, medianRatio(row, rows[row.numChannels == 1 ? 0 : 5]), late,
                100.0 * late / kBlockUs);
  }
  measureLoads(defaults, text, seconds);
  return 0;
}
