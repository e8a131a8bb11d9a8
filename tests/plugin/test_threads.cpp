// SPDX-License-Identifier: MIT
// What many threads do to one plugin at once. Worth its time under a thread sanitizer; elsewhere a glance.
#include "catch.h"

#include "support/instance.h"
#include "support/messages.h"
#include "support/test_models.h"

#include <atomic>
#include <cmath>
#include <random>
#include <thread>

using namespace fxtrain;

TEST_CASE("Threads: parameters, loads, states and MIDI while it plays", "[threads]") {
  test::Instance instance;
  auto& plugin = instance.plugin;
  instance.load(0, test::model(1));
  instance.load(test::cabinet(1, 1000));
  plugin.midiControl().setBindings(
      {{11, 0, id::bass, MidiControl::Mode::follow}, {80, 0, id::slot, MidiControl::Mode::toggle}});
  instance.prepare({});
  const test::Folder folder;
  std::vector<juce::File> files;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const auto text = test::modelText(seed, seed == 3 ? 44100.0 : 48000.0);
    files.push_back(folder.write("model " + juce::String(seed) + ".json", {text.data(), text.size()}));
  }
  files.push_back(folder.write("broken.json", {"{", 1}));
  const auto cabinet = folder.write("cabinet.wav", test::cabinet(2, 500)->bytes);
  const auto take = folder.write("take.wav", test::wav({test::noise(5000, 1)}, 44100.0));
  const auto state = instance.save();

  std::atomic<bool> done{false};
  std::atomic<bool> finite{true};
  std::vector<std::thread> threads;
  threads.emplace_back([&] { // audio
    std::mt19937 random(1);
    juce::AudioBuffer<float> buffer(2, 1024);
    for (int n = 0; !done; ++n) {
      const int numFrames = int(random() % 512);
      juce::AudioBuffer<float> block(buffer.getArrayOfWritePointers(), 2, numFrames);
      for (int c = 0; c < 2; ++c)
        for (int frame = 0; frame < numFrames; ++frame)
          block.setSample(c, frame, 0.2f * std::sin(0.03f * float(frame)));
      juce::MidiBuffer midi;
      midi.addEvent(juce::MidiMessage::controllerEvent(1, n % 2 == 0 ? 11 : 80, n % 128), 0);
      plugin.processBlock(block, midi);
      for (int c = 0; c < 2; ++c)
        for (int frame = 0; frame < numFrames; ++frame)
          if (!std::isfinite(block.getSample(c, frame)))
            finite = false;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  for (unsigned seed = 2; seed < 4; ++seed)
    threads.emplace_back([&, seed] { // automation
      std::mt19937 random(seed);
      const auto& parameters = plugin.getParameters();
      while (!done) {
        auto* parameter = parameters[int(random() % unsigned(parameters.size()))];
        parameter->setValueNotifyingHost(float(random() % 1000) / 999.0f);
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
  threads.emplace_back([&] { // a host that saves and recalls
    std::mt19937 random(5);
    while (!done) {
      juce::MemoryBlock bytes;
      plugin.getStateInformation(bytes);
      if (random() % 4 == 0)
        plugin.setStateInformation(state.getData(), int(state.getSize()));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  threads.emplace_back([&] { // meters and what else an editor looks at
    while (!done) {
      auto& chain = plugin.rig().chain();
      static_cast<void>(chain.inputMeter().takePeak() + chain.outputMeter().rms() + chain.gateGain());
      static_cast<void>(plugin.cpuLoad());
      static_cast<void>(plugin.takePlayer().position());
      static_cast<void>(plugin.rig().problem());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  // This thread: the player.
  std::mt19937 random(6);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  while (std::chrono::steady_clock::now() < end) {
    switch (random() % 8) {
    case 0:
      plugin.rig().loadModel(int(random() % Rig::kNumSlots), files[random() % files.size()]);
      break;
    case 1:
      plugin.rig().loadCabinet(cabinet);
      break;
    case 2:
      plugin.exchange(int(random() % Rig::kNumSlots), int(random() % Rig::kNumSlots));
      break;
    case 3:
      plugin.rig().clearModel(1);
      break;
    case 4:
      plugin.takePlayer().load(take);
      break;
    case 5:
      plugin.takePlayer().setPlaying(random() % 2 == 0);
      break;
    case 6:
      plugin.midiControl().learn(id::mix, MidiControl::Mode::follow);
      break;
    case 7:
      plugin.history().undo();
      break;
    }
    test::deliverMessages(10);
  }
  done = true;
  for (auto& thread : threads)
    thread.join();
  CHECK(finite);
  CHECK(test::waitUntil([&] { return !plugin.rig().isLoading() && !plugin.takePlayer().isLoading(); }));
}

TEST_CASE("Threads: instances come and go while others play", "[threads]") {
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed)
    threads.emplace_back([seed] {
      for (int n = 0; n < 5; ++n) {
        test::Instance instance;
        instance.load(0, test::model(seed));
        instance.play(test::noise(2000, seed));
      }
    });
  test::deliverMessages(200);
  for (auto& thread : threads)
    thread.join();
  SUCCEED();
}
