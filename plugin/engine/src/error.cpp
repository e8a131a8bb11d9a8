// SPDX-License-Identifier: MIT
#include "fxengine/error.h"

#include <utility>

namespace fxengine {
namespace {

std::string sentence(const std::string& file, const std::string& field, const std::string& expected,
                     const std::string& found, const std::string& remedy) {
  std::string text = file + ": ";
  if (!field.empty())
    text += field + ": ";
  text += "expected " + expected + ", found " + found;
  if (!remedy.empty())
    text += "; " + remedy;
  return text + ".";
}

} // namespace

ModelError::ModelError(std::string file, std::string field, std::string expected, std::string found, std::string remedy)
    : std::runtime_error(sentence(file, field, expected, found, remedy)), file_(std::move(file)),
      field_(std::move(field)), expected_(std::move(expected)), found_(std::move(found)), remedy_(std::move(remedy)) {}

} // namespace fxengine
