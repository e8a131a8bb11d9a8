// SPDX-License-Identifier: MIT
// fxtrain_host_checks PLUGIN [--seed N] [--seconds N]: loads a VST3 like a host and checks it like a validator.
#include "checks.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

/** What a scan finds in it. */
juce::PluginDescription scan(juce::AudioPluginFormat& format, const juce::File& file) {
  juce::OwnedArray<juce::PluginDescription> found;
  format.findAllTypesForFile(found, file.getFullPathName());
  if (found.size() != 1)
    throw std::runtime_error("the scan finds " + std::to_string(found.size()) + " plugins in it, where 1 is expected");
  const auto description = *found[0];
  if (description.name != "fxtrain" || description.manufacturerName != "fxtrain" || description.isInstrument)
    throw std::runtime_error("the scan finds " + description.createIdentifierString().toStdString());
  std::printf("ok      found by a scan: %s %s %s, category %s\n", description.pluginFormatName.toRawUTF8(),
              description.name.toRawUTF8(), description.version.toRawUTF8(), description.category.toRawUTF8());
  return description;
}

// JUCE's host saves a VST3 as <VST3PluginState><IComponent>base64</IComponent>... ; the component's bytes are the
// plugin's own and, behind them, JUCE's wrapper's: 0 (int64), something, its size (int64), kPrivate. The wrapper
// believes that size, so only the plugin's own bytes are put to the test.

constexpr auto kComponent = "IComponent";
constexpr std::string_view kPrivate = "JUCEPrivateData";

juce::MemoryBlock unwrapVst3(const juce::MemoryBlock& saved) {
  juce::MemoryBlock bytes;
  const auto xml = juce::AudioProcessor::getXmlFromBinary(saved.getData(), int(saved.getSize()));
  if (xml == nullptr || xml->getChildByName(kComponent) == nullptr)
    return bytes;
  bytes.fromBase64Encoding(xml->getChildByName(kComponent)->getAllSubText());
  const std::string_view text(bytes.begin(), bytes.getSize());
  if (text.ends_with(kPrivate)) {
    const auto end = text.size() - kPrivate.size() - sizeof(std::int64_t);
    bytes.setSize(end - std::size_t(juce::ByteOrder::littleEndianInt64(text.data() + end)) - sizeof(std::int64_t));
  }
  return bytes;
}

juce::MemoryBlock wrapVst3(const juce::MemoryBlock& saved, const juce::MemoryBlock& bytes) {
  const auto xml = juce::AudioProcessor::getXmlFromBinary(saved.getData(), int(saved.getSize()));
  if (xml == nullptr || xml->getChildByName(kComponent) == nullptr)
    throw std::runtime_error("the host's state is not what was expected");
  auto* component = xml->getChildByName(kComponent);
  component->deleteAllTextElements();
  component->addTextElement(bytes.toBase64Encoding());
  juce::MemoryBlock wrapped;
  juce::AudioProcessor::copyXmlToBinary(*xml, wrapped);
  return wrapped;
}

} // namespace

int main(int argc, char** argv) {
  try {
    juce::String path;
    const auto options = host::parseArguments(argc, argv, &path);
    const auto file = juce::File::getCurrentWorkingDirectory().getChildFile(path);
    if (!file.exists())
      throw std::runtime_error(path.toStdString() + " does not exist");
    const juce::ScopedJuceInitialiser_GUI juce;
    juce::VST3PluginFormat format;
    const auto description = scan(format, file);
    host::Subject subject;
    subject.open = [&]() -> std::unique_ptr<juce::AudioProcessor> {
      juce::String error;
      auto instance = format.createInstanceFromDescription(description, 48000.0, 512, error);
      if (instance == nullptr)
        std::printf("        %s\n", error.toRawUTF8());
      return instance;
    };
    subject.unwrap = unwrapVst3;
    subject.wrap = wrapVst3;
    return host::runChecks(subject, options) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fxtrain_host_checks: %s\nusage: fxtrain_host_checks PLUGIN [--seed N] [--seconds N]\n",
                 error.what());
    return 2;
  }
}
