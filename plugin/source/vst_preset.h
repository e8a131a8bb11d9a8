// SPDX-License-Identifier: MIT
#pragma once

#include <juce_core/juce_core.h>

namespace fxtrain {

/** Steinberg's container for presets, .vstpreset: what every VST3 host reads and writes.

        0  "VST3"  version 1 (int32)  class id (32 hex digits)  offset of the list (int64)
       48  chunks: "Comp" the plugin's state, "Cont" the editor's, others
           "List"  number of entries (int32)  entries: id (4), offset (int64), size (int64)

    Little-endian. Steinberg, VST 3 documentation, "Preset Format". */
namespace vst_preset {

inline constexpr auto kSuffix = ".vstpreset";
/** The plugin's, as JUCE makes it of the codes in plugin/CMakeLists.txt. */
inline constexpr auto kClassId = "ABCDEF019182FAEB467874724678746E";
/** Longest file that is read, in bytes: two models, a cabinet and room. */
inline constexpr std::int64_t kMaxBytes = std::int64_t{96} << 20;

juce::MemoryBlock write(const juce::MemoryBlock& state);

/** The plugin's state.
    @param name  what to call the file in a sentence
    Throws FileError where it is no such file, damaged, or another plugin's. */
juce::MemoryBlock read(const juce::MemoryBlock& bytes, const juce::String& name);
juce::MemoryBlock read(const juce::File& file);

} // namespace vst_preset
} // namespace fxtrain
