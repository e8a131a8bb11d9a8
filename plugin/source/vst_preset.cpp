// SPDX-License-Identifier: MIT
#include "vst_preset.h"

#include "model_file.h"

#include <algorithm>
#include <cstring>

namespace fxtrain::vst_preset {
namespace {

constexpr std::int64_t kHeaderBytes = 48, kEntryBytes = 20;
constexpr int kVersion = 1;
constexpr int kMostEntries = 128; // as in Steinberg's reader

/** What is read never lies beyond the end. */
class Bytes {
 public:
  explicit Bytes(const juce::MemoryBlock& block)
      : data_(static_cast<const char*>(block.getData())), size_(std::int64_t(block.getSize())) {}

  bool holds(std::int64_t offset, std::int64_t count) const {
    return offset >= 0 && count >= 0 && offset <= size_ && count <= size_ - offset;
  }
  bool is(std::int64_t offset, const char* id) const {
    return holds(offset, 4) && std::memcmp(data_ + offset, id, 4) == 0;
  }
  std::int32_t int32(std::int64_t offset) const {
    return std::int32_t(juce::ByteOrder::littleEndianInt(data_ + offset));
  }
  std::int64_t int64(std::int64_t offset) const {
    return std::int64_t(juce::ByteOrder::littleEndianInt64(data_ + offset));
  }
  /** Whether this is the class id, in either case. */
  bool isClassId(std::int64_t offset) const {
    return std::equal(kClassId, kClassId + 32, data_ + offset,
                      [](char a, char b) { return a == ('a' <= b && b <= 'f' ? b - 'a' + 'A' : b); });
  }
  juce::MemoryBlock part(std::int64_t offset, std::int64_t count) const { return {data_ + offset, std::size_t(count)}; }

 private:
  const char* data_;
  std::int64_t size_;
};

} // namespace

juce::MemoryBlock write(const juce::MemoryBlock& state) {
  const auto size = std::int64_t(state.getSize());
  juce::MemoryBlock bytes;
  juce::MemoryOutputStream out(bytes, false);
  out.write("VST3", 4);
  out.writeInt(kVersion);
  out.write(kClassId, 32);
  out.writeInt64(kHeaderBytes + size);
  out.write(state.getData(), state.getSize());
  out.write("List", 4);
  out.writeInt(2);
  out.write("Comp", 4);
  out.writeInt64(kHeaderBytes);
  out.writeInt64(size);
  out.write("Cont", 4);
  out.writeInt64(kHeaderBytes + size);
  out.writeInt64(0);
  out.flush();
  return bytes;
}

juce::MemoryBlock read(const juce::MemoryBlock& block, const juce::String& name) {
  const Bytes bytes(block);
  const auto damaged = [&name](const juce::String& found) {
    return FileError(name + " is damaged: " + found + ". Save or copy it anew.");
  };
  if (!bytes.is(0, "VST3"))
    throw FileError(name + " is no VST3 preset: choose a .vstpreset file.");
  if (!bytes.holds(0, kHeaderBytes))
    throw damaged("it ends within its first " + juce::String(kHeaderBytes) + " bytes");
  if (!bytes.isClassId(8))
    throw FileError(name + " is a preset of another plugin: choose one that was saved from fxtrain.");
  const auto list = bytes.int64(40);
  if (list < kHeaderBytes || !bytes.holds(list, 8) || !bytes.is(list, "List"))
    throw damaged("its list of parts is not where it says");
  const auto count = bytes.int32(list + 4);
  if (count < 0 || count > kMostEntries || !bytes.holds(list + 8, count * kEntryBytes))
    throw damaged("its list of parts is cut off");
  for (auto entry = list + 8; entry < list + 8 + count * kEntryBytes; entry += kEntryBytes) {
    if (!bytes.is(entry, "Comp"))
      continue;
    const auto offset = bytes.int64(entry + 4);
    const auto size = bytes.int64(entry + 12);
    if (offset < kHeaderBytes || !bytes.holds(offset, size))
      throw damaged("the plugin's part is cut off");
    return bytes.part(offset, size);
  }
  throw damaged("it holds no settings of the plugin");
}

juce::MemoryBlock read(const juce::File& file) {
  const auto name = file.getFileName();
  if (!file.existsAsFile())
    throw FileError(name + " is not there any more: choose another preset.");
  if (!isRegularFile(file))
    throw FileError(name + " is no regular file: choose another preset.");
  if (file.getSize() > kMaxBytes)
    throw FileError(name + " has " + juce::File::descriptionOfSizeInBytes(file.getSize()) +
                    ", which no preset of ours has.");
  juce::MemoryBlock bytes;
  if (!file.loadFileAsData(bytes))
    throw FileError(name + " cannot be read: check the file's permissions.");
  return read(bytes, name);
}

} // namespace fxtrain::vst_preset
