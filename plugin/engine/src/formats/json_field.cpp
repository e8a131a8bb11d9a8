// SPDX-License-Identifier: MIT
#include "formats/json_field.h"

#include "fxengine/model_loader.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <utility>

namespace fxengine::detail {
namespace {

/** Longest text quoted in a message, in bytes; cut at the start of a UTF-8 character. */
std::string shortened(std::string text) {
  constexpr std::size_t kLongest = 48;
  if (text.size() <= kLongest)
    return text;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80u)
    --end;
  return text.substr(0, end) + "...";
}

std::string plainNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

/** Counts what the parser meets, and ends it where there is too much.

    The parser's own callback would do the same, but looks through all of a list again after each object in it. */
class Counter : public nlohmann::json_sax<Json> {
 public:
  Counter(std::size_t maxValues, std::size_t maxHeld, int maxNesting)
      : valuesLeft_(maxValues), heldLeft_(maxHeld), maxNesting_(maxNesting) {}

  bool isTooDeep() const { return nesting_ > maxNesting_; }
  bool isTooMuch() const { return isTooMuch_; }

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(Json::number_integer_t) override { return count(); }
  bool number_unsigned(Json::number_unsigned_t) override { return count(); }
  bool number_float(Json::number_float_t, const Json::string_t&) override { return count(); }
  bool string(Json::string_t&) override { return hold(); }
  bool binary(Json::binary_t&) override { return false; }
  bool key(Json::string_t&) override { return hold(); }
  bool start_object(std::size_t) override { return ++nesting_ <= maxNesting_ && hold(); }
  bool start_array(std::size_t) override { return ++nesting_ <= maxNesting_ && hold(); }
  bool end_object() override { return --nesting_ >= 0; }
  bool end_array() override { return --nesting_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

 private:
  bool count() { return take(valuesLeft_); }
  /** Of texts, lists and objects, which have memory of their own. */
  bool hold() { return take(valuesLeft_) && take(heldLeft_); }
  bool take(std::size_t& left) {
    isTooMuch_ = isTooMuch_ || left == 0;
    return !isTooMuch_ && left-- > 0;
  }

  std::size_t valuesLeft_, heldLeft_;
  int nesting_ = 0;
  int maxNesting_;
  bool isTooMuch_ = false;
};

/** Builds the values that Counter lets pass, so that a file is read once. */
class Builder final : public Counter {
 public:
  using Counter::Counter;

  Json take() { return std::move(root_); }
  /** Byte at which the text stops being JSON. */
  std::optional<std::size_t> errorByte() const { return errorByte_; }
  bool isOutOfRange() const { return isOutOfRange_; }

  bool null() override { return Counter::null() && add(nullptr); }
  bool boolean(bool value) override { return Counter::boolean(value) && add(value); }
  bool number_integer(Json::number_integer_t value) override { return Counter::number_integer(value) && add(value); }
  bool number_unsigned(Json::number_unsigned_t value) override { return Counter::number_unsigned(value) && add(value); }
  bool number_float(Json::number_float_t value, const Json::string_t& text) override {
    return Counter::number_float(value, text) && add(value);
  }
  bool string(Json::string_t& value) override { return Counter::string(value) && add(std::move(value)); }
  bool key(Json::string_t& name) override {
    if (!Counter::key(name))
      return false;
    member_ = &(*open_.back())[std::move(name)]; // of two members of one name the last counts
    return true;
  }
  bool start_object(std::size_t size) override { return Counter::start_object(size) && open(Json::value_t::object); }
  bool start_array(std::size_t size) override { return Counter::start_array(size) && open(Json::value_t::array); }
  bool end_object() override { return Counter::end_object() && close(); }
  bool end_array() override { return Counter::end_array() && close(); }
  bool parse_error(std::size_t byte, const std::string&, const Json::exception& error) override {
    isOutOfRange_ = dynamic_cast<const Json::out_of_range*>(&error) != nullptr; // a number such as 1e999
    errorByte_ = byte;
    return false;
  }

 private:
  template <typename Value> bool add(Value&& value) {
    place(std::forward<Value>(value));
    return true;
  }
  template <typename Value> Json& place(Value&& value) {
    if (open_.empty())
      return root_ = Json(std::forward<Value>(value));
    if (open_.back()->is_object())
      return *member_ = Json(std::forward<Value>(value));
    return open_.back()->get_ref<Json::array_t&>().emplace_back(std::forward<Value>(value));
  }
  bool open(Json::value_t type) {
    open_.push_back(&place(type));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  Json* member_ = nullptr;  // of the innermost object, to be set next
  std::vector<Json*> open_; // lists and objects that have not ended, the innermost last
  std::optional<std::size_t> errorByte_;
  bool isOutOfRange_ = false;
};

} // namespace

Json parseJson(std::string_view text, const std::string& file) {
  if (text.empty())
    throw ModelError(file, "", "a model", "an empty file");
  Builder builder(ModelLimits::kMaxValues, ModelLimits::kMaxContainers, ModelLimits::kMaxNesting);
  if (Json::sax_parse(text.begin(), text.end(), &builder))
    return builder.take();
  if (builder.isTooDeep()) {
    throw ModelError(file, "", "lists nested at most " + std::to_string(ModelLimits::kMaxNesting) + " deep",
                     "deeper ones");
  }
  if (builder.isTooMuch()) { // a file of "[],[],[],..." is small on disk and large in memory
    throw ModelError(file, "",
                     "at most " + std::to_string(ModelLimits::kMaxWeights) + " weights, and " +
                         std::to_string(ModelLimits::kMaxContainers) + " lists and texts",
                     "more values");
  }
  if (builder.isOutOfRange())
    throw ModelError(file, "", "numbers that a float can hold", "one that is too large");
  const std::size_t byte = builder.errorByte().value_or(text.size());
  const bool atEnd = byte >= text.size();
  throw ModelError(file, "byte " + std::to_string(byte), "JSON",
                   atEnd ? "the end of the file" : "text that is not JSON",
                   atEnd ? "the file is cut short: copy or export it again" : "");
}

std::string describe(const Json& value) {
  switch (value.type()) {
  case Json::value_t::null:
    return "null";
  case Json::value_t::boolean:
    return value.get<bool>() ? "true" : "false";
  case Json::value_t::string:
    return "the text \"" + shortened(value.get_ref<const std::string&>()) + "\"";
  case Json::value_t::array:
    return value.empty() ? "an empty list" : "a list of " + std::to_string(value.size());
  case Json::value_t::object:
    return "an object";
  case Json::value_t::number_integer:
    return std::to_string(value.get<std::int64_t>());
  case Json::value_t::number_unsigned:
    return std::to_string(value.get<std::uint64_t>());
  case Json::value_t::number_float:
    return plainNumber(value.get<double>());
  default:
    return "an unknown value";
  }
}

void JsonField::fail(const std::string& expected, const std::string& found, const std::string& remedy) const {
  throw ModelError(file_, path_, expected, found, remedy);
}

void JsonField::fail(const std::string& expected) const { fail(expected, describe(*value_)); }

JsonField JsonField::member(const char* key) const {
  requireObject();
  const auto found = value_->find(key);
  std::string path = path_.empty() ? key : path_ + "." + key;
  if (found == value_->end())
    throw ModelError(file_, path, "a value", "nothing");
  return {*found, file_, std::move(path)};
}

std::optional<JsonField> JsonField::optionalMember(const char* key) const {
  requireObject();
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null())
    return std::nullopt;
  return member(key);
}

JsonField JsonField::element(std::size_t index) const {
  return {(*value_)[index], file_, path_ + "[" + std::to_string(index) + "]"};
}

void JsonField::requireObject() const {
  if (!value_->is_object())
    fail("an object");
}

std::size_t JsonField::size() const {
  if (!value_->is_array())
    fail("a list");
  return value_->size();
}

std::string JsonField::text() const {
  if (!value_->is_string())
    fail("a text");
  return value_->get<std::string>();
}

double JsonField::number(double minimum, double maximum) const {
  const double number = value_->is_number() ? value_->get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!(number >= minimum && number <= maximum)) {
    fail("a number from " + plainNumber(minimum) + " to " + plainNumber(maximum));
  }
  return number;
}

int JsonField::integer(int minimum, int maximum) const {
  const double number = value_->is_number() ? value_->get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!(number >= minimum && number <= maximum) || number != std::floor(number)) {
    fail("a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum));
  }
  return static_cast<int>(number);
}

void JsonField::requireSize(std::size_t size, const std::string& reason) const {
  if (value_->is_array() && value_->size() == size)
    return;
  fail("a list of " + std::to_string(size) + (reason.empty() ? "" : " (" + reason + ")"));
}

void JsonField::appendFloats(std::vector<float>& values) const {
  for (std::size_t index = 0; index < value_->size(); ++index) {
    const Json& entry = (*value_)[index];
    const double number = entry.is_number() ? entry.get<double>() : std::numeric_limits<double>::quiet_NaN();
    // Compared as double: converting what a float cannot hold would be undefined.
    if (!(std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max()))) {
      element(index).fail("a finite float32 number");
    }
    values.push_back(static_cast<float>(number));
  }
}

std::vector<float> JsonField::floats(std::size_t size, const std::string& reason) const {
  requireSize(size, reason);
  std::vector<float> values;
  values.reserve(size);
  appendFloats(values);
  return values;
}

std::vector<float> JsonField::matrix(std::size_t rows, std::size_t columns, const std::string& reason) const {
  requireSize(rows, reason);
  std::vector<float> values;
  values.reserve(rows * columns);
  for (std::size_t index = 0; index < rows; ++index) {
    const JsonField row = element(index);
    row.requireSize(columns, reason);
    row.appendFloats(values);
  }
  return values;
}

} // namespace fxengine::detail

namespace fxengine {

bool holdsEndlessNumber(std::string_view text) noexcept {
  constexpr int kMostCharacters = 4096;
  bool isQuoted = false;
  int length = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"')
      isQuoted = !isQuoted;
    else if (c == '\\' && isQuoted)
      ++at; // what is escaped ends no text
    const bool isOfNumber =
        !isQuoted && ((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E');
    length = isOfNumber ? length + 1 : 0;
    if (length > kMostCharacters)
      return true;
  }
  return false;
}

bool isJsonWithin(std::string_view text, std::size_t maxValues, int maxNesting) {
  if (holdsEndlessNumber(text))
    return false;
  detail::Counter counter(maxValues, maxValues, maxNesting);
  return detail::Json::sax_parse(text.begin(), text.end(), &counter);
}

} // namespace fxengine
