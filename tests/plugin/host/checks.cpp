// SPDX-License-Identifier: MIT
#include "checks.h"

#include "support/messages.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numbers>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if JUCE_LINUX
#include <dlfcn.h>
#endif

namespace host {
namespace {

using Processor = juce::AudioProcessor;
using Random = std::mt19937;
using Clock = std::chrono::steady_clock;

struct Failure : std::runtime_error {
  explicit Failure(const juce::String& reason) : std::runtime_error(reason.toStdString()) {}
};

void expect(bool isSo, const juce::String& otherwise) {
  if (!isSo)
    throw Failure(otherwise);
}

std::vector<juce::AudioProcessorParameter*> parametersOf(Processor& processor) {
  std::vector<juce::AudioProcessorParameter*> found;
  for (auto* parameter : processor.getParameters())
    // JUCE adds these to a VST3; a program is a preset that loads.
    if (!parameter->getName(100).startsWith("MIDI CC") && parameter->getName(100) != "Program")
      found.push_back(parameter);
  return found;
}

/** Those that may change at any time: not the ones that load models anew. */
std::vector<juce::AudioProcessorParameter*> automatable(Processor& processor) {
  auto found = parametersOf(processor);
  std::erase_if(found, [](const auto* parameter) { return !parameter->isAutomatable(); });
  return found;
}

bool setLayout(Processor& processor, const juce::AudioChannelSet& in, const juce::AudioChannelSet& out) {
  processor.releaseResources();
  return processor.setBusesLayout({{in}, {out}});
}

void prepare(Processor& processor, double sampleRate = 48000.0, int blockSize = 512) {
  processor.releaseResources();
  processor.setRateAndBufferSizeDetails(sampleRate, blockSize);
  processor.prepareToPlay(sampleRate, blockSize);
}

/** A buffer with all channels that the processor takes and gives. */
juce::AudioBuffer<float> bufferFor(const Processor& processor, int numFrames) {
  juce::AudioBuffer<float> buffer(std::max(processor.getTotalNumInputChannels(), processor.getTotalNumOutputChannels()),
                                  numFrames);
  buffer.clear();
  return buffer;
}

void fillWithNoise(juce::AudioBuffer<float>& buffer, Random& random, float amplitude = 0.3f) {
  std::uniform_real_distribution<float> uniform(-amplitude, amplitude);
  for (int c = 0; c < buffer.getNumChannels(); ++c)
    for (int frame = 0; frame < buffer.getNumSamples(); ++frame)
      buffer.setSample(c, frame, uniform(random));
}

void expectFinite(const juce::AudioBuffer<float>& buffer) {
  for (int c = 0; c < buffer.getNumChannels(); ++c)
    for (int frame = 0; frame < buffer.getNumSamples(); ++frame)
      expect(std::isfinite(buffer.getSample(c, frame)),
             "NaN or infinity in channel " + juce::String(c) + " at frame " + juce::String(frame));
}

void play(Processor& processor, juce::AudioBuffer<float>& buffer) {
  juce::MidiBuffer midi;
  processor.processBlock(buffer, midi);
  expectFinite(buffer);
}

void playNoise(Processor& processor, Random& random, int numBlocks, int numFrames) {
  for (int n = 0; n < numBlocks; ++n) {
    auto buffer = bufferFor(processor, numFrames);
    fillWithNoise(buffer, random);
    play(processor, buffer);
  }
}

/** One signal on all inputs, in blocks of the sizes given, over and over; the first output. */
std::vector<float> playThrough(Processor& processor, const std::vector<float>& signal, const std::vector<int>& sizes,
                               const std::function<void(int frame)>& before = {}) {
  std::vector<float> output;
  int start = 0;
  for (std::size_t block = 0; start < int(signal.size()); ++block) {
    const int count = std::min(sizes[block % sizes.size()], int(signal.size()) - start);
    auto buffer = bufferFor(processor, count);
    for (int c = 0; c < processor.getTotalNumInputChannels(); ++c)
      buffer.copyFrom(c, 0, signal.data() + start, count);
    if (before)
      before(start);
    play(processor, buffer);
    output.insert(output.end(), buffer.getReadPointer(0), buffer.getReadPointer(0) + count);
    start += count;
  }
  return output;
}

std::vector<float> noise(int numFrames, unsigned seed) {
  Random random(seed);
  std::uniform_real_distribution<float> uniform(-0.3f, 0.3f);
  std::vector<float> signal(static_cast<std::size_t>(numFrames));
  std::generate(signal.begin(), signal.end(), [&] { return uniform(random); });
  return signal;
}

/** Values that a control would set: of switches and choices those that there are. */
void randomise(Processor& processor, Random& random) {
  std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
  for (auto* parameter : automatable(processor)) {
    const float value = uniform(random);
    const auto last = float(parameter->getNumSteps() - 1);
    parameter->setValueNotifyingHost(parameter->isDiscrete() ? std::round(value * last) / last : value);
  }
}

std::vector<float> valuesOf(Processor& processor) {
  std::vector<float> values;
  for (const auto* parameter : parametersOf(processor))
    values.push_back(parameter->getValue());
  return values;
}

bool agree(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [=](float x, float y) { return std::abs(x - y) <= tolerance; });
}

juce::MemoryBlock save(Processor& processor) {
  juce::MemoryBlock bytes;
  processor.getStateInformation(bytes);
  return bytes;
}

void restore(Processor& processor, const juce::MemoryBlock& bytes) {
  processor.setStateInformation(bytes.getData(), int(bytes.getSize()));
}

/** Where no window manager has made the atoms that JUCE's host asks for, X would end the program. */
void passOverXErrors() {
#if JUCE_LINUX
  using Handler = int (*)(void* display, void* event);
  if (void* library = dlopen("libX11.so.6", RTLD_NOW)) // as JUCE has it: the program is not linked with it
    if (auto* set = reinterpret_cast<Handler (*)(Handler)>(dlsym(library, "XSetErrorHandler")))
      set([](void*, void*) { return 0; });
#endif
}

/** Runs an audio thread while something is done on this one. */
class AudioThread {
 public:
  AudioThread(Processor& processor, unsigned seed)
      : thread_([this, &processor, seed] {
          Random random(seed);
          juce::MidiBuffer midi;
          auto buffer = bufferFor(processor, 512);
          while (!done_) {
            const int numFrames = 1 + int(random() % 512);
            juce::AudioBuffer<float> block(buffer.getArrayOfWritePointers(), buffer.getNumChannels(), numFrames);
            fillWithNoise(block, random);
            processor.processBlock(block, midi);
            try {
              expectFinite(block);
            } catch (const Failure& failure) {
              failure_ = failure.what();
              return;
            }
            ++numBlocks_;
            std::this_thread::sleep_for(std::chrono::microseconds(200));
          }
        }) {}
  ~AudioThread() {
    done_ = true;
    if (thread_.joinable())
      thread_.join();
  }
  /** Throws what went wrong. */
  void finish() {
    done_ = true;
    thread_.join();
    expect(failure_.isEmpty(), failure_);
    expect(numBlocks_ > 0, "not a block was played");
  }

 private:
  std::atomic<bool> done_{false};
  std::atomic<int> numBlocks_{0};
  juce::String failure_;
  std::thread thread_;
};

class Checks {
 public:
  Checks(const Subject& subject, const Options& options)
      : subject_(subject), options_(options), random_(options.seed) {}

  int run() {
    check("opens and closes 50 times", [this] { return openAndClose(); });
    check("parameters have names, and defaults in range", [this] { return parameterNames(); });
    check("parameters' texts and values agree both ways", [this] { return parameterTexts(); });
    check("mono, mono to stereo and stereo are taken, other layouts refused", [this] { return layouts(); });
    check("plays at every sample rate and block size", [this] { return ratesAndSizes(); });
    check("the division into blocks changes nothing", [this] { return blockDivision(); });
    check("automation lands on its frame, whatever the blocks", [this] { return automation(); });
    check("bypassed, the input comes as late as is reported", [this] { return bypass(); });
    check("survives calls in the wrong order", [this] { return wrongOrder(); });
    check("NaN and infinity at the input are not passed on", [this] { return poison(); });
    check("survives whatever MIDI there is", [this] { return midi(); });
    check("programs have names and load", [this] { return programs(); });
    check("parameters at random values", [this] { return parameterFuzz(); });
    check("parameters moved by four threads while it plays", [this] { return parameterThreads(); });
    check("state saved and recalled while it plays", [this] { return stateThreads(); });
    check("a saved state is restored, values and sound", [this] { return stateRoundTrip(); });
    check("damaged states do no harm", [this] { return stateFuzz(); });
    check("32 instances play side by side", [this] { return manyInstances(); });
    check("live and offline in turn", [this] { return offline(); });
    check("the editor opens and closes, while it plays", [this] { return editor(); });
    std::printf("%d checks, %d failed, seed %u\n", numChecks_, numFailed_, options_.seed);
    return numFailed_;
  }

 private:
  /** @param body  returns what is worth a word, or "skipped: ..."; throws where it fails */
  void check(const char* name, const std::function<juce::String()>& body) {
    ++numChecks_;
    const auto start = Clock::now();
    juce::String word;
    bool failed = false;
    try {
      word = body();
    } catch (const std::exception& error) {
      failed = true;
      ++numFailed_;
      word = error.what();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::printf("%-7s %s%s%s (%.1f s)\n",
                failed                       ? "FAILED"
                : word.startsWith("skipped") ? "-"
                                             : "ok",
                name, word.isEmpty() ? "" : ": ", word.toRawUTF8(), seconds);
    std::fflush(stdout);
  }

  std::unique_ptr<Processor> open() {
    auto processor = subject_.open();
    expect(processor != nullptr, "it does not open");
    return processor;
  }

  Clock::time_point timeUp() const {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
  }

  juce::String openAndClose() {
    for (int n = 0; n < 50; ++n) {
      const auto processor = open();
      if (n % 3 != 0)
        prepare(*processor);
      if (n % 3 == 2)
        playNoise(*processor, random_, 3, 64);
      if (n % 2 == 0)
        processor->releaseResources();
      if (n % 10 == 0)
        test::deliverMessages(5);
    }
    return {};
  }

  juce::String parameterNames() {
    const auto processor = open();
    std::set<juce::String> names;
    for (const auto* parameter : parametersOf(*processor)) {
      const auto name = parameter->getName(100);
      expect(name.isNotEmpty(), "a parameter has no name");
      expect(names.insert(name).second, "two parameters are called " + name);
      const float value = parameter->getDefaultValue();
      expect(value >= 0.0f && value <= 1.0f, name + " has a default of " + juce::String(value));
      if (name != "Cabinet") // the plugin opens with an amplifier and its loudspeaker
        expect(std::abs(parameter->getValue() - value) < 1e-6f, name + " does not begin at its default");
    }
    return juce::String(int(names.size())) + " parameters";
  }

  juce::String parameterTexts() {
    const auto processor = open();
    for (auto* parameter : parametersOf(*processor)) {
      for (int step = 0; step <= 100; ++step) {
        const float value = float(step) / 100.0f;
        const auto text = parameter->getText(value, 64);
        const float back = parameter->getValueForText(text);
        const auto again = parameter->getText(back, 64);
        expect(again == text, parameter->getName(100) + ": '" + text + "' becomes '" + again + "'");
      }
    }
    return {};
  }

  juce::String layouts() {
    using Set = juce::AudioChannelSet;
    const std::vector<Set> sets = {Set::mono(),         Set::stereo(),        Set::createLCR(),
                                   Set::quadraphonic(), Set::create5point1(), Set::create7point1()};
    int taken = 0;
    for (const auto& in : sets) {
      for (const auto& out : sets) {
        const auto processor = open();
        const bool expected = in.size() <= 2 && out.size() <= 2 && in.size() <= out.size();
        const auto name = juce::String(in.size()) + " to " + juce::String(out.size());
        expect(setLayout(*processor, in, out) == expected, name + (expected ? " is refused" : " is taken"));
        prepare(*processor); // whatever it has now is played
        expect(processor->getTotalNumOutputChannels() == (expected ? out.size() : 2), name + " gives other channels");
        playNoise(*processor, random_, 4, 300);
        taken += expected ? 1 : 0;
      }
    }
    return juce::String(taken) + " of " + juce::String(int(sets.size() * sets.size()));
  }

  juce::String ratesAndSizes() {
    const auto processor = open();
    std::set<int> latencies;
    for (const double rate :
         {8000.0, 11025.0, 22050.0, 44100.0, 48000.0, 88200.0, 96000.0, 176400.0, 192000.0, 384000.0}) {
      for (const int size : {1, 16, 31, 64, 127, 480, 512, 1024, 4096, 8192}) {
        prepare(*processor, rate, size);
        latencies.insert(processor->getLatencySamples());
        expect(processor->getLatencySamples() >= 0, "a negative latency");
        playNoise(*processor, random_, 3, size);
      }
    }
    return juce::String(int(latencies.size())) + " latencies";
  }

  juce::String blockDivision() {
    const auto signal = noise(20000, options_.seed);
    std::vector<float> first;
    for (const std::vector<int>& sizes :
         std::vector<std::vector<int>>{{512}, {1, 0, 63, 512, 7}, {64}, {16}, {511, 2}, {0, 128}}) {
      const auto processor = open();
      prepare(*processor);
      const auto output = playThrough(*processor, signal, sizes);
      if (first.empty())
        first = output;
      expect(agree(output, first, 0.0f), "blocks from " + juce::String(sizes.front()) + " frames sound otherwise");
    }
    return {};
  }

  juce::String automation() {
    const auto signal = noise(24000, options_.seed + 1);
    std::vector<float> first;
    for (const std::vector<int>& sizes : std::vector<std::vector<int>>{{480}, {240}, {96, 384}, {160}, {1, 479}}) {
      const auto processor = open();
      prepare(*processor);
      Random random(options_.seed);
      std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
      const auto parameters = automatable(*processor);
      const auto output = playThrough(*processor, signal, sizes, [&](int frame) {
        if (frame % 480 != 0)
          return;
        for (int n = 0; n < 3; ++n) {
          const auto chosen = std::size_t(random() % parameters.size());
          parameters[chosen]->setValueNotifyingHost(uniform(random));
        }
      });
      if (first.empty())
        first = output;
      expect(agree(output, first, 0.0f), "blocks from " + juce::String(sizes.front()) + " frames sound otherwise");
    }
    return {};
  }

  juce::String bypass() {
    for (const double rate : {44100.0, 48000.0, 96000.0}) {
      const auto processor = open();
      auto* parameter = processor->getBypassParameter();
      expect(parameter != nullptr, "it names no parameter for bypassing");
      parameter->setValueNotifyingHost(1.0f);
      prepare(*processor, rate);
      const auto signal = noise(16000, options_.seed + 2);
      const auto output = playThrough(*processor, signal, {512});
      const auto latency = std::size_t(processor->getLatencySamples());
      for (auto frame = std::size_t(0.1 * rate); frame < signal.size(); ++frame) // a fade may come first
        expect(output[frame] == signal[frame - latency],
               "at " + juce::String(rate) + " Hz frame " + juce::String(int(frame)) + " is not the input's");
    }
    return {};
  }

  juce::String wrongOrder() {
    const auto processor = open();
    processor->reset();
    processor->releaseResources();
    prepare(*processor);
    prepare(*processor, 96000.0, 64);
    processor->releaseResources();
    processor->releaseResources();
    prepare(*processor);
    processor->reset();
    playNoise(*processor, random_, 3, 100);
    processor->reset();
    playNoise(*processor, random_, 3, 100);
    processor->setNonRealtime(true);
    processor->setNonRealtime(false);
    playNoise(*processor, random_, 3, 100);
    const auto state = save(*processor);
    const auto unprepared = open();
    restore(*unprepared, state);
    expect(save(*unprepared).getSize() > 0, "no state without prepare");
    return {};
  }

  juce::String poison() {
    const auto processor = open();
    prepare(*processor);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(),
                            std::numeric_limits<float>::denorm_min()}) {
      auto buffer = bufferFor(*processor, 512);
      fillWithNoise(buffer, random_);
      buffer.setSample(0, 100, bad);
      play(*processor, buffer);
      bool sounds = false;
      for (int n = 0; n < 200 && !sounds; ++n) {
        auto next = bufferFor(*processor, 512);
        fillWithNoise(next, random_);
        play(*processor, next);
        sounds = next.getMagnitude(0, 512) > 1e-4f;
      }
      expect(sounds, "it stays silent after " + juce::String(bad));
    }
    return {};
  }

  juce::String midi() {
    const auto processor = open();
    prepare(*processor);
    for (int n = 0; n < 300; ++n) {
      auto buffer = bufferFor(*processor, 64);
      fillWithNoise(buffer, random_);
      juce::MidiBuffer events;
      for (auto left = random_() % 50; left > 0; --left) {
        const auto channel = 1 + int(random_() % 16), a = int(random_() % 128), b = int(random_() % 128);
        const int at = int(random_() % 64);
        switch (random_() % 5) {
        case 0:
          events.addEvent(juce::MidiMessage::noteOn(channel, a, juce::uint8(b)), at);
          break;
        case 1:
          events.addEvent(juce::MidiMessage::controllerEvent(channel, a, b), at);
          break;
        case 2:
          events.addEvent(juce::MidiMessage::pitchWheel(channel, a * 128 + b), at);
          break;
        case 3:
          events.addEvent(juce::MidiMessage::createSysExMessage(&n, sizeof n), at);
          break;
        case 4:
          events.addEvent(juce::MidiMessage::channelPressureChange(channel, a), at);
          break;
        }
      }
      processor->processBlock(buffer, events);
      expectFinite(buffer);
    }
    return {};
  }

  juce::String programs() {
    const auto processor = open();
    prepare(*processor);
    const int count = processor->getNumPrograms();
    for (int index = 0; index < count; ++index) {
      expect(count == 1 || processor->getProgramName(index).isNotEmpty(),
             "program " + juce::String(index) + " has no name");
      processor->setCurrentProgram(index);
      test::deliverMessages(30);
      playNoise(*processor, random_, 20, 256);
      expect(processor->getCurrentProgram() == index, "program " + juce::String(index) + " is not the current one");
    }
    return juce::String(count) + " programs";
  }

  juce::String parameterFuzz() {
    const auto processor = open();
    prepare(*processor);
    const auto end = timeUp();
    int rounds = 0;
    for (; Clock::now() < end; ++rounds) {
      randomise(*processor, random_);
      for (auto* parameter : automatable(*processor)) // the ends, and what lies between the values of a switch
        if (random_() % 4 == 0)
          parameter->setValueNotifyingHost(float(random_() % 5) / 4.0f);
      playNoise(*processor, random_, 4, 1 + int(random_() % 512));
      if (rounds % 20 == 0)
        test::deliverMessages(1);
    }
    return juce::String(rounds) + " rounds";
  }

  juce::String parameterThreads() {
    const auto processor = open();
    prepare(*processor);
    AudioThread audio(*processor, options_.seed);
    std::atomic<bool> done{false};
    std::atomic<int> moves{0};
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < 4; ++n)
      threads.emplace_back([&, n] {
        Random random(options_.seed + n);
        std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
        const auto parameters = n == 0 ? parametersOf(*processor) : automatable(*processor);
        while (!done) {
          auto* parameter = parameters[std::size_t(random() % parameters.size())];
          parameter->setValueNotifyingHost(uniform(random));
          ++moves;
          std::this_thread::sleep_for(std::chrono::microseconds(n == 0 ? 20000 : 100));
        }
      });
    const auto parameters = parametersOf(*processor);
    bool hasTexts = true;
    for (const auto end = timeUp(); Clock::now() < end;) {
      test::deliverMessages(10);
      const auto* parameter = parameters[std::size_t(random_() % parameters.size())];
      hasTexts = hasTexts && parameter->getText(parameter->getValue(), 32).isNotEmpty();
    }
    done = true;
    for (auto& thread : threads)
      thread.join();
    audio.finish();
    expect(hasTexts, "a text is empty");
    return juce::String(moves) + " moves";
  }

  juce::String stateThreads() {
    const auto processor = open();
    prepare(*processor);
    std::vector<juce::MemoryBlock> states;
    for (int n = 0; n < 4; ++n) {
      randomise(*processor, random_);
      states.push_back(save(*processor));
    }
    AudioThread audio(*processor, options_.seed);
    int rounds = 0;
    for (const auto end = timeUp(); Clock::now() < end; ++rounds) {
      restore(*processor, states[random_() % states.size()]);
      test::deliverMessages(5);
      states[random_() % states.size()] = save(*processor);
    }
    audio.finish();
    return juce::String(rounds) + " recalls";
  }

  juce::String stateRoundTrip() {
    for (int round = 0; round < 20; ++round) {
      const auto first = open();
      prepare(*first);
      randomise(*first, random_);
      playNoise(*first, random_, 2, 512); // lets a host hand the values over
      test::deliverMessages(2);
      const auto state = save(*first);
      const auto second = open();
      prepare(*second);
      restore(*second, state);
      playNoise(*second, random_, 1, 512);
      test::deliverMessages(2);
      expect(agree(valuesOf(*second), valuesOf(*first), 1e-5f), "a value is another one");
      expect(subject_.unwrap(save(*second)) == subject_.unwrap(state), "saved again, the state is another one");
      prepare(*first);
      prepare(*second);
      const auto signal = noise(4000, options_.seed);
      expect(agree(playThrough(*first, signal, {500}), playThrough(*second, signal, {500}), 1e-6f),
             "it sounds otherwise");
    }
    return {};
  }

  juce::String stateFuzz() {
    const auto processor = open();
    prepare(*processor);
    const auto saved = save(*processor);
    const auto good = subject_.unwrap(saved);
    expect(!good.isEmpty(), "the state is empty");
    int rounds = 0;
    for (const auto end = timeUp(); Clock::now() < end; ++rounds) {
      auto bytes = good;
      switch (random_() % 4) {
      case 0:
        bytes.setSize(random_() % (bytes.getSize() + 1));
        break;
      case 1:
        for (auto left = 1 + random_() % 8; left > 0; --left)
          bytes[random_() % bytes.getSize()] = char(random_());
        break;
      case 2:
        bytes.insert(&rounds, sizeof rounds, random_() % bytes.getSize());
        break;
      case 3:
        for (std::size_t n = 0; n < bytes.getSize(); ++n)
          bytes[n] = char(random_());
        break;
      }
      restore(*processor, subject_.wrap(saved, bytes));
      playNoise(*processor, random_, 2, 128);
      for (const auto* parameter : parametersOf(*processor))
        expect(parameter->getValue() >= 0.0f && parameter->getValue() <= 1.0f,
               parameter->getName(100) + " is out of range");
      if (rounds % 20 == 0)
        test::deliverMessages(1);
    }
    restore(*processor, saved);
    expect(subject_.unwrap(save(*processor)) == good, "the good state does not load any more");
    return juce::String(rounds) + " states";
  }

  juce::String manyInstances() {
    std::vector<std::unique_ptr<Processor>> many;
    for (int n = 0; n < 32; ++n) {
      many.push_back(open());
      prepare(*many.back());
    }
    const auto signal = noise(4000, options_.seed);
    const auto first = playThrough(*many.front(), signal, {500});
    for (auto& processor : many)
      if (processor != many.front())
        expect(agree(playThrough(*processor, signal, {500}), first, 0.0f), "one sounds otherwise than the first");
    while (!many.empty())
      many.erase(many.begin() + long(random_() % many.size()));
    return {};
  }

  juce::String offline() {
    const auto processor = open();
    const auto signal = noise(8000, options_.seed);
    std::vector<float> live;
    for (int n = 0; n < 4; ++n) {
      processor->setNonRealtime(n % 2 == 1);
      prepare(*processor);
      const auto output = playThrough(*processor, signal, {500});
      if (live.empty())
        live = output;
      expect(agree(output, live, 0.0f), "offline it sounds otherwise");
    }
    return {};
  }

  juce::String editor() {
    if (std::getenv("DISPLAY") == nullptr)
      return "skipped: no display";
    passOverXErrors();
    const auto processor = open();
    prepare(*processor);
    expect(processor->hasEditor(), "it has none");
    AudioThread audio(*processor, options_.seed);
    for (int n = 0; n < 5; ++n) {
      const std::unique_ptr<juce::AudioProcessorEditor> editor(processor->createEditorIfNeeded());
      expect(editor != nullptr, "it does not open");
      expect(editor->getWidth() > 100 && editor->getHeight() > 100, "it is too small to be seen");
      editor->addToDesktop(0);
      editor->setVisible(true);
      test::deliverMessages(300);
      randomise(*processor, random_);
      test::deliverMessages(100);
      if (editor->isResizable())
        editor->setSize(editor->getWidth() + 40, editor->getHeight() + 30);
      test::deliverMessages(100);
      processor->editorBeingDeleted(editor.get());
    }
    audio.finish();
    return {};
  }

  const Subject& subject_;
  const Options options_;
  Random random_;
  int numChecks_ = 0, numFailed_ = 0;
};

} // namespace

int runChecks(const Subject& subject, const Options& options) { return Checks(subject, options).run(); }

Options parseArguments(int argc, char** argv, juce::String* plugin) {
  Options options;
  bool named = plugin == nullptr;
  for (int index = 1; index < argc; ++index) {
    const std::string argument = argv[index];
    const bool hasValue = index + 1 < argc;
    if (argument == "--seed" && hasValue)
      options.seed = unsigned(std::stoul(argv[++index]));
    else if (argument == "--seconds" && hasValue)
      options.seconds = std::stod(argv[++index]);
    else if (!named && argument.rfind("--", 0) != 0) {
      *plugin = juce::String::fromUTF8(argv[index]);
      named = true;
    } else
      throw std::runtime_error("what is " + argument + "?");
  }
  if (!named)
    throw std::runtime_error("no plugin was named");
  return options;
}

} // namespace host
