// SPDX-License-Identifier: MIT
#include "instance.h"

#include "support/nam_models.h"
#include "support/test_models.h"

#include <juce_audio_formats/juce_audio_formats.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace test {

Instance::Instance(const Format& format) {
  plugin.rig().setContents({});
  set(fxtrain::id::cabinetOn, 0.0f);
  prepare(format);
}

void Instance::prepare(const Format& format) {
  format_ = format;
  const auto set = [](int count) {
    return count == 1 ? juce::AudioChannelSet::mono() : juce::AudioChannelSet::stereo();
  };
  juce::AudioProcessor::BusesLayout layout;
  layout.inputBuses.add(set(format.numInputs));
  layout.outputBuses.add(set(format.numOutputs));
  if (!plugin.setBusesLayout(layout))
    throw std::runtime_error("layout refused");
  plugin.setRateAndBufferSizeDetails(format.sampleRate, format.blockSize);
  plugin.prepareToPlay(format.sampleRate, format.blockSize);
}

juce::RangedAudioParameter& Instance::parameter(const juce::String& id) {
  auto* found = plugin.parameters.getParameter(id);
  if (found == nullptr)
    throw std::runtime_error("no parameter " + id.toStdString());
  return *found;
}

void Instance::set(const juce::String& id, float plain) {
  parameter(id).setValueNotifyingHost(parameter(id).convertTo0to1(plain));
}

float Instance::get(const juce::String& id) { return parameter(id).convertFrom0to1(parameter(id).getValue()); }

void Instance::load(int slot, std::shared_ptr<const fxtrain::ModelFile> model) {
  auto contents = plugin.rig().contents();
  contents.models[std::size_t(slot)] = std::move(model);
  plugin.rig().setContents(contents);
}

void Instance::load(std::shared_ptr<const fxtrain::CabinetFile> cabinet) {
  auto contents = plugin.rig().contents();
  contents.cabinet = std::move(cabinet);
  plugin.rig().setContents(contents);
}

Audio Instance::play(const Audio& input, const std::vector<int>& blockSizes) {
  const auto numFrames = int(input.at(0).size());
  const int numChannels = std::max(format_.numInputs, format_.numOutputs);
  Audio output(std::size_t(format_.numOutputs), std::vector<float>(std::size_t(numFrames)));
  juce::MidiBuffer midi;
  int start = 0;
  for (std::size_t block = 0; start < numFrames; ++block) {
    const int count = std::min(blockSizes[block % blockSizes.size()], numFrames - start);
    juce::AudioBuffer<float> buffer(numChannels, count);
    buffer.clear();
    for (int c = 0; c < format_.numInputs; ++c)
      buffer.copyFrom(c, 0, input.at(std::size_t(c)).data() + start, count);
    plugin.processBlock(buffer, midi);
    for (int c = 0; c < format_.numOutputs; ++c)
      std::copy_n(buffer.getReadPointer(c), count, output[std::size_t(c)].begin() + start);
    start += count;
  }
  return output;
}

std::vector<float> Instance::play(const std::vector<float>& input, const std::vector<int>& blockSizes) {
  return play(Audio(std::size_t(format_.numInputs), input), blockSizes).front();
}

juce::MemoryBlock Instance::save() {
  juce::MemoryBlock bytes;
  plugin.getStateInformation(bytes);
  return bytes;
}

juce::String Instance::restore(const juce::MemoryBlock& state) {
  plugin.rig().clearProblem();
  plugin.setStateInformation(state.getData(), int(state.getSize()));
  return plugin.rig().problem();
}

std::string modelText(unsigned seed, double sampleRate) {
  auto model = makeModel(1, {{"lstm", 8}, {"dense", 1}}, seed);
  model["samplerate"] = sampleRate;
  model["metadata"] = {{"name", "Model " + std::to_string(seed)}, {"loudness_db", -18.0}}; // all alike
  return model.dump();
}

std::shared_ptr<const fxtrain::ModelFile> model(unsigned seed, double sampleRate) {
  return fxtrain::ModelFile::parse(modelText(seed, sampleRate), "model " + juce::String(seed), {});
}

std::shared_ptr<const fxtrain::ModelFile> twoSizes(float small, float large) {
  const auto gain = [](float value) {
    Json model = makeNam("Linear", {{"receptive_field", 1}, {"bias", false}}, 1);
    model["weights"] = {value};
    return model;
  };
  Json container = makeContainer({{0.5, gain(small)}, {1.0, gain(large)}});
  container["metadata"] = {{"loudness_db", -18.0}};
  return fxtrain::ModelFile::parse(container.dump(), "two sizes", "/gone/two sizes.nam");
}

juce::MemoryBlock wav(const Audio& audio, double sampleRate) {
  juce::MemoryBlock bytes;
  juce::WavAudioFormat format;
  const std::unique_ptr<juce::AudioFormatWriter> writer(format.createWriterFor(
      new juce::MemoryOutputStream(bytes, false), sampleRate, unsigned(audio.size()), 32, {}, 0));
  std::vector<const float*> channels;
  for (const auto& channel : audio)
    channels.push_back(channel.data());
  writer->writeFromFloatArrays(channels.data(), int(channels.size()), int(audio.at(0).size()));
  return bytes;
}

std::shared_ptr<const fxtrain::CabinetFile> cabinet(unsigned seed, int numFrames) {
  auto response = noise(std::size_t(numFrames), seed);
  for (int frame = 0; frame < numFrames; ++frame)
    response[std::size_t(frame)] *= std::exp(-5.0f * float(frame) / float(numFrames));
  return fxtrain::CabinetFile::parse(wav({response}, 48000.0), "cabinet " + juce::String(seed), {});
}

std::vector<float> sine(double hz, std::size_t numFrames, float amplitude, double sampleRate) {
  std::vector<float> signal(numFrames);
  for (std::size_t frame = 0; frame < numFrames; ++frame)
    signal[frame] = amplitude * float(std::sin(2.0 * std::numbers::pi * hz * double(frame) / sampleRate));
  return signal;
}

float steepest(const std::vector<float>& signal) {
  float most = 0.0f;
  for (std::size_t frame = 1; frame < signal.size(); ++frame)
    most = std::max(most, std::abs(signal[frame] - signal[frame - 1]));
  return most;
}

float difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size())
    throw std::runtime_error("lengths differ");
  float most = 0.0f;
  for (std::size_t frame = 0; frame < a.size(); ++frame)
    most = std::max(most, std::abs(a[frame] - b[frame]));
  return most;
}

float peak(const std::vector<float>& signal) {
  float most = 0.0f;
  for (const float sample : signal)
    most = std::max(most, std::abs(sample));
  return most;
}

Folder::Folder()
    : folder_(juce::File::getSpecialLocation(juce::File::tempDirectory).getNonexistentChildFile("fxtrain-test", {})) {
  if (!folder_.createDirectory())
    throw std::runtime_error("no folder for the test");
}

Folder::~Folder() { folder_.deleteRecursively(); }

juce::File Folder::write(const juce::String& name, const juce::MemoryBlock& bytes) const {
  if (!file(name).replaceWithData(bytes.getData(), bytes.getSize()))
    throw std::runtime_error("cannot write for the test");
  return file(name);
}

} // namespace test
