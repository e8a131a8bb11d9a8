// SPDX-License-Identifier: MIT
#pragma once

#include <fxengine/dsp/impulse_response.h>
#include <fxengine/model_loader.h>

#include <juce_core/juce_core.h>

#include <memory>
#include <optional>
#include <string>

namespace fxtrain {

/** A file that could not be used. what() is one sentence for the player: what was found, what was expected, what to do.
 */
class FileError : public std::runtime_error {
 public:
  explicit FileError(const juce::String& sentence) : std::runtime_error(sentence.toStdString()) {}
};

/** A model file, kept whole: a project that is saved takes it along. Immutable once made; shared between threads. */
struct ModelFile {
  juce::String name;   ///< the file's, without suffix
  juce::String path;   ///< where it was read; it may be gone by now. "" for a shipped one
  juce::String sha256; ///< of `text`, in hex
  std::string text;
  fxengine::ModelDescription description; ///< of `text`, parsed once: slots are built from it
  fxengine::ModelInfo info;               ///< as built without oversampling
  std::optional<double> assumedRate;      ///< Hz; where the file states none and it is played as if it did
  bool statesRate() const { return info.sampleRate.has_value() && !assumedRate; }
  static constexpr double kCustomaryRate = 48000.0;

  juce::String title() const;  ///< metadata's name, else the file's
  juce::String author() const; ///< "" where the file does not say, as for the rest
  juce::String device() const;
  juce::String gearType() const; ///< in plain words: "pedal", "amp with cabinet"
  juce::String toneType() const; ///< in plain words: "clean", "high gain"
  bool needsCabinet() const;     ///< an amplifier that was captured without its loudspeaker, as far as the file says
  bool hasCabinet() const;       ///< its loudspeaker is in the capture, as far as the file says
  std::optional<double> esr() const;

  /** Reads and checks. A file that states no sample rate is taken to be of kCustomaryRate. Throws FileError. */
  static std::shared_ptr<const ModelFile> read(const juce::File& file);
  /** @param assumedRate  Hz, for a file that states none; nothing: it plays at the host's */
  static std::shared_ptr<const ModelFile> parse(std::string text, const juce::String& name, const juce::String& path,
                                                std::optional<double> assumedRate = std::nullopt);
};

/** A cabinet's impulse response with the audio file it came from. Immutable once made; shared between threads. */
struct CabinetFile {
  juce::String name, path, sha256;
  juce::MemoryBlock bytes; ///< the WAV, AIFF or FLAC file
  fxengine::ImpulseResponse response;

  static constexpr std::int64_t kMostBytes = 16 << 20; ///< of the file

  static std::shared_ptr<const CabinetFile> read(const juce::File& file);
  static std::shared_ptr<const CabinetFile> parse(juce::MemoryBlock bytes, const juce::String& name,
                                                  const juce::String& path);
};

/** Whether a file holds bytes to be read: a pipe, which counts as a file for JUCE, would be waited for for ever. */
bool isRegularFile(const juce::File& file);

/** Lower-case hex. */
juce::String sha256Of(const void* data, std::size_t size);

} // namespace fxtrain
