// SPDX-License-Identifier: MIT
#include "formats/foreign.h"

#include <array>

namespace fxengine::detail {
namespace {

struct Signature {
  std::string_view bytes;
  const char* description;
};

constexpr std::array<Signature, 7> kSignatures{{{"PK\x03\x04", "a ZIP archive (PyTorch checkpoints are such)"},
                                                {"\x80\x02", "a Python pickle (older PyTorch checkpoints are such)"},
                                                {"\x89HDF", "an HDF5 file (Keras models are such)"},
                                                {"RIFF", "a WAV audio file"},
                                                {"fLaC", "a FLAC audio file"},
                                                {"FORM", "an AIFF audio file"},
                                                {"OggS", "an OGG audio file"}}};

const Json* memberOf(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? nullptr : &*found;
}

/** A member's text, shortened to what is worth quoting; else "". */
std::string textOf(const Json& object, const char* key) {
  const Json* member = memberOf(object, key);
  if (member == nullptr || !member->is_string())
    return {};
  const auto& text = member->get_ref<const std::string&>();
  return text.size() <= 40 ? text : std::string();
}

std::string describeNam(const Json& root) {
  std::string text = "a Neural Amp Modeler model (.nam";
  if (const std::string version = textOf(root, "version"); !version.empty())
    text.append(" ").append(version);
  if (const std::string architecture = textOf(root, "architecture"); !architecture.empty())
    text.append(", ").append(architecture);
  return text + ")";
}

std::string describeProteus(const Json& root) {
  const Json& data = root["model_data"];
  std::string text = "a Proteus / NeuralPi model (PyTorch state dict in JSON";
  if (const std::string unit = textOf(data, "unit_type"); !unit.empty()) {
    text.append(", ").append(unit);
    const Json* size = memberOf(data, "hidden_size");
    if (size != nullptr && size->is_number_unsigned())
      text.append("-").append(size->dump());
  }
  return text + ")";
}

} // namespace

std::string describeForeign(const Json& root) {
  if (memberOf(root, "architecture") && memberOf(root, "config") && memberOf(root, "weights"))
    return describeNam(root);
  if (memberOf(root, "model_data") && memberOf(root, "state_dict"))
    return describeProteus(root);
  return {};
}

std::string describeBinary(std::string_view content) {
  for (const Signature& signature : kSignatures) {
    if (content.starts_with(signature.bytes))
      return signature.description;
  }
  return {};
}

} // namespace fxengine::detail
