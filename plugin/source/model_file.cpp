// SPDX-License-Identifier: MIT
#include "model_file.h"

#include <fxengine/credits.h>
#include <fxengine/dsp/convolver.h>

#include <juce_audio_formats/juce_audio_formats.h>
#include <juce_cryptography/juce_cryptography.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

namespace fxtrain {
namespace {

constexpr double kHighestCabinetRate = 400e3; // beyond any interface; to convert two seconds takes a second
constexpr double kMostCabinetSeconds = 30.0;  // of a file; the convolver plays its first two seconds
constexpr std::int64_t kMostCabinetFrames = 1 << 23;

juce::String fromUtf8(const std::string& utf8) { return juce::String::fromUTF8(utf8.c_str()); }

/** Reads a whole file. @param most  bytes */
juce::MemoryBlock readBytes(const juce::File& file, std::int64_t most, const juce::String& expected) {
  const auto name = file.getFileName();
  if (file.isDirectory())
    throw FileError(name + " is a folder, where " + expected + " is expected: choose a file in it.");
  if (!file.existsAsFile())
    throw FileError(name + " does not exist any more: look for it in " + file.getParentDirectory().getFullPathName() +
                    ".");
  if (!isRegularFile(file))
    throw FileError(name + " is no regular file, where " + expected + " is expected: choose another file.");
  if (file.getSize() > most)
    throw FileError(name + " has " + juce::File::descriptionOfSizeInBytes(file.getSize()) + ", where " + expected +
                    " of at most " + juce::File::descriptionOfSizeInBytes(most) + " is expected: choose another file.");
  juce::MemoryBlock bytes;
  if (!file.loadFileAsData(bytes))
    throw FileError(name + " cannot be read: check the permissions of the file.");
  return bytes;
}

} // namespace

bool isRegularFile(const juce::File& file) {
  const auto path = file.getFullPathName();
  std::error_code error;
  return std::filesystem::is_regular_file(std::u8string(reinterpret_cast<const char8_t*>(path.toRawUTF8())), error);
}

juce::String sha256Of(const void* data, std::size_t size) { return juce::SHA256(data, size).toHexString(); }

juce::String ModelFile::title() const {
  const auto title = fromUtf8(fxengine::creditsOf(info).title);
  return title.isNotEmpty() ? title : name;
}

juce::String ModelFile::author() const { return fromUtf8(fxengine::creditsOf(info).author); }
juce::String ModelFile::device() const { return fromUtf8(fxengine::creditsOf(info).device); }
juce::String ModelFile::gearType() const { return fromUtf8(fxengine::creditsOf(info).gear); }
juce::String ModelFile::toneType() const { return fromUtf8(fxengine::creditsOf(info).tone); }
bool ModelFile::needsCabinet() const { return fxengine::creditsOf(info).loudspeaker == "no loudspeaker"; }
bool ModelFile::hasCabinet() const { return fxengine::creditsOf(info).loudspeaker == "with loudspeaker"; }
std::optional<double> ModelFile::esr() const { return fxengine::creditsOf(info).esr; }

std::shared_ptr<const ModelFile> ModelFile::read(const juce::File& file) {
  const auto bytes = readBytes(file, std::int64_t(fxengine::ModelLimits::kMaxFileBytes), "a model file");
  return parse(std::string(static_cast<const char*>(bytes.getData()), bytes.getSize()),
               file.getFileNameWithoutExtension(), file.getFullPathName(), kCustomaryRate);
}

std::shared_ptr<const ModelFile> ModelFile::parse(std::string text, const juce::String& name, const juce::String& path,
                                                  std::optional<double> assumedRate) {
  auto file = std::make_shared<ModelFile>();
  file->name = name;
  file->path = path;
  file->sha256 = sha256Of(text.data(), text.size());
  file->text = std::move(text);
  const auto shown = path.isNotEmpty() ? juce::File::createFileWithoutCheckingPath(path).getFileName() : name;
  try {
    file->description = fxengine::readModel(file->text, shown.toStdString());
    if (!file->description.info.sampleRate)
      file->description.info.sampleRate = file->assumedRate = assumedRate;
    file->info = fxengine::buildModel(file->description).info(); // plays the test vectors
  } catch (const std::exception& error) {                        // ModelError, or no memory
    throw FileError(juce::String::fromUTF8(error.what()));
  }
  return file;
}

std::shared_ptr<const CabinetFile> CabinetFile::read(const juce::File& file) {
  return parse(readBytes(file, kMostBytes, "a cabinet's impulse response"), file.getFileNameWithoutExtension(),
               file.getFullPathName());
}

std::shared_ptr<const CabinetFile> CabinetFile::parse(juce::MemoryBlock bytes, const juce::String& name,
                                                      const juce::String& path) {
  const auto shown = path.isNotEmpty() ? juce::File::createFileWithoutCheckingPath(path).getFileName() : name;
  if (std::int64_t(bytes.getSize()) > kMostBytes)
    throw FileError(shown + " has more than " + juce::String(kMostBytes >> 20) +
                    " MiB, where a cabinet's impulse response is expected: is it a recording?");
  const juce::String remedy = ": choose an impulse response in one of these.";
  juce::AudioFormatManager formats;
  formats.registerBasicFormats();
  const std::unique_ptr<juce::AudioFormatReader> reader(
      formats.createReaderFor(std::make_unique<juce::MemoryInputStream>(bytes, false)));
  if (reader == nullptr || reader->lengthInSamples <= 0 || !(reader->sampleRate > 0.0))
    throw FileError(shown + " is not audio that can be read, where a WAV, AIFF or FLAC file is expected" + remedy);
  if (reader->numChannels > 2)
    throw FileError(shown + " has " + juce::String(reader->numChannels) + " channels, where 1 or 2 are expected" +
                    remedy);
  if (!(reader->sampleRate >= 1000.0 && reader->sampleRate <= kHighestCabinetRate))
    throw FileError(shown + " states a sample rate of " + juce::String(reader->sampleRate, 0) +
                    " Hz, where 1 kHz to 400 kHz is expected: export it again at 48 kHz.");
  if (double(reader->lengthInSamples) > kMostCabinetSeconds * reader->sampleRate ||
      reader->lengthInSamples > kMostCabinetFrames)
    throw FileError(shown + " is " + juce::String(double(reader->lengthInSamples) / reader->sampleRate, 0) +
                    " s long, where an impulse response of at most " + juce::String(kMostCabinetSeconds, 0) +
                    " s is expected: is it a recording?");

  auto cabinet = std::make_shared<CabinetFile>();
  cabinet->name = name;
  cabinet->path = path;
  cabinet->sha256 = sha256Of(bytes.getData(), bytes.getSize());
  cabinet->response.sampleRate = reader->sampleRate;
  cabinet->response.channels.resize(reader->numChannels);
  juce::AudioBuffer<float> part(int(reader->numChannels), 1 << 16);
  const int numFrames = int(reader->lengthInSamples);
  for (int start = 0; start < numFrames; start += part.getNumSamples()) { // grows with what is really in the file
    const int count = std::min(part.getNumSamples(), numFrames - start);
    if (!reader->read(&part, 0, count, start, true, true))
      throw FileError(shown + " ends too early or is damaged: export or copy it again.");
    for (int c = 0; c < part.getNumChannels(); ++c) {
      const float* read = part.getReadPointer(c);
      cabinet->response.channels[std::size_t(c)].insert(cabinet->response.channels[std::size_t(c)].end(), read,
                                                        read + count);
    }
  }
  cabinet->bytes = std::move(bytes);
  try {
    fxengine::Convolver(cabinet->response, reader->sampleRate);
  } catch (const std::exception& error) {
    throw FileError(shown + ": " + juce::String::fromUTF8(error.what()));
  }
  return cabinet;
}

} // namespace fxtrain
