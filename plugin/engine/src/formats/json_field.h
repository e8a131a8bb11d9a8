// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fxengine::detail {

using Json = nlohmann::json;

/** Parses text within the engine's limits (nesting, number of values). Throws ModelError. */
Json parseJson(std::string_view text, const std::string& file);

/** A value in a few words, for messages: `the text "lstm"`, `the number 3`, `a list of 4`. */
std::string describe(const Json& value);

/** A JSON value together with its place, so that whatever is wrong with it can be said with file and field.

    Every accessor throws ModelError when the value is not what it asks for. */
class JsonField {
 public:
  JsonField(const Json& root, std::string file) : value_(&root), file_(std::move(file)) {}

  const Json& value() const noexcept { return *value_; }
  const std::string& path() const noexcept { return path_; }
  const std::string& file() const noexcept { return file_; }

  /** Throws ModelError for this field. */
  [[noreturn]] void fail(const std::string& expected, const std::string& found, const std::string& remedy = {}) const;
  [[noreturn]] void fail(const std::string& expected) const;

  /** A member that must be there. */
  JsonField member(const char* key) const;
  /** A member that may be missing or null. */
  std::optional<JsonField> optionalMember(const char* key) const;
  /** Element of a list; the index must be below size(). */
  JsonField element(std::size_t index) const;

  void requireObject() const;
  /** Length of a list. */
  std::size_t size() const;
  std::string text() const;
  /** A finite number within [minimum, maximum]. */
  double number(double minimum, double maximum) const;
  /** A whole number within [minimum, maximum]. */
  int integer(int minimum, int maximum) const;

  /** A list of exactly `size` finite float32 numbers; `reason` tells in messages why it must be so many. */
  std::vector<float> floats(std::size_t size, const std::string& reason = {}) const;
  /** A list of `rows` lists of `columns` numbers each, row after row. */
  std::vector<float> matrix(std::size_t rows, std::size_t columns, const std::string& reason = {}) const;

 private:
  JsonField(const Json& value, std::string file, std::string path)
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

  void requireSize(std::size_t size, const std::string& reason) const;
  void appendFloats(std::vector<float>& values) const;

  const Json* value_;
  std::string file_;
  std::string path_;
};

} // namespace fxengine::detail
