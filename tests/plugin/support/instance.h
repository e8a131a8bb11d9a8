// SPDX-License-Identifier: MIT
#pragma once

#include <PluginProcessor.h>
#include <model_file.h>

#include <memory>
#include <string>
#include <vector>

namespace test {

using Audio = std::vector<std::vector<float>>; ///< [channel][frame], equally long

/** The plugin as a host holds it. Nothing is loaded at first, unlike in a fresh plugin. */
class Instance {
 public:
  struct Format {
    double sampleRate = 48000.0;
    int blockSize = 512;
    int numInputs = 2, numOutputs = 2;
  };
  Instance() : Instance(Format{}) {}
  explicit Instance(const Format& format);

  void prepare(const Format& format);

  fxtrain::PluginProcessor plugin;

  juce::RangedAudioParameter& parameter(const juce::String& id);
  void set(const juce::String& id, float plain);
  float get(const juce::String& id);
  void load(int slot, std::shared_ptr<const fxtrain::ModelFile> model);
  void load(std::shared_ptr<const fxtrain::CabinetFile> cabinet);

  /** Plays a signal of as many channels as there are inputs, in blocks of the given sizes, over and over. */
  Audio play(const Audio& input, const std::vector<int>& blockSizes = {512});
  /** The same for one signal on all channels; gives the first. */
  std::vector<float> play(const std::vector<float>& input, const std::vector<int>& blockSizes = {512});

  juce::MemoryBlock save();
  /** Returns the sentence where it was refused. */
  juce::String restore(const juce::MemoryBlock& state);

 private:
  Format format_;
};

/** A small network with random weights; the same for the same seed. */
std::shared_ptr<const fxtrain::ModelFile> model(unsigned seed, double sampleRate = 48000.0);
std::string modelText(unsigned seed, double sampleRate = 48000.0);

/** A .nam file of two gains, chosen by a quality below 50 % and from there on. */
std::shared_ptr<const fxtrain::ModelFile> twoSizes(float small, float large);

/** A WAV file of a decaying noise. */
juce::MemoryBlock wav(const Audio& audio, double sampleRate);
std::shared_ptr<const fxtrain::CabinetFile> cabinet(unsigned seed, int numFrames = 2000);

std::vector<float> sine(double hz, std::size_t numFrames, float amplitude = 0.25f, double sampleRate = 48000.0);

/** Greatest difference between neighbours. */
float steepest(const std::vector<float>& signal);
/** Greatest difference between two signals of equal length. */
float difference(const std::vector<float>& a, const std::vector<float>& b);
float peak(const std::vector<float>& signal);

/** An empty folder that is there as long as this is. */
class Folder {
 public:
  Folder();
  ~Folder();
  juce::File file(const juce::String& name) const { return folder_.getChildFile(name); }
  juce::File write(const juce::String& name, const juce::MemoryBlock& bytes) const;

 private:
  juce::File folder_;
};

} // namespace test
