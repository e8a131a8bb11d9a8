// SPDX-License-Identifier: MIT
#include "../support/loader.h"

using test::contains;
using test::errorOf;
using test::plainModel;

TEST_CASE("Loader: what is not JSON is refused with the place", "[loader]") {
  const std::string text = plainModel().dump();
  for (std::size_t length = 1; length < text.size(); length += 97) {
    REQUIRE(contains(errorOf(text.substr(0, length)).what(), "cut short"));
  }
  REQUIRE(contains(errorOf("").what(), "an empty file"));
  REQUIRE(contains(errorOf("{\"layers\": NaN}").what(), "byte"));
  REQUIRE(contains(errorOf("{\"layers\": [1e999], \"in_shape\": [1]}").what(), "too large"));
  REQUIRE(contains(errorOf("\xff\xfe\x00").what(), "not JSON"));
  REQUIRE(contains(errorOf("[1, 2]").what(), "a list of 2"));
  REQUIRE(contains(errorOf("null").what(), "null"));
}

TEST_CASE("Loader: deep nesting and floods of values are refused early", "[loader]") {
  REQUIRE(contains(errorOf(std::string(1'000'000, '[')).what(), "deep"));
  std::string flood = "[";
  for (int index = 0; index < 1'500'000; ++index)
    flood += "[],";
  REQUIRE(contains(errorOf(flood + "0]").what(), "more values"));
}

TEST_CASE("Loader: a document is counted without being made", "[loader]") {
  using fxengine::isJsonWithin;
  const std::string five = R"({"a": [1, "x"]})"; // the object, its key, the list and two values
  CHECK(isJsonWithin(five, 5, 2));
  CHECK_FALSE(isJsonWithin(five, 4, 2));
  CHECK_FALSE(isJsonWithin(five, 5, 1));
  for (const char* text : {"", "{", "[1,]", "[NaN]", "1e999", "\"\\ud800\"", "\"\xff\"", "[1] 2"})
    CHECK_FALSE(isJsonWithin(text, 1000, 8));
  for (const char* text : {"null", "7", "\"x\"", "[[], {}]"})
    CHECK(isJsonWithin(text, 1000, 8));
  CHECK_FALSE(isJsonWithin(std::string(1'000'000, '[') + std::string(1'000'000, ']'), 10'000'000, 32));
}

TEST_CASE("JSON: a number that does not end is found, and one within a text is not taken for it", "[loader]") {
  // One of 90 MiB took 660 MiB of memory.
  const auto digits = [](std::string before, std::size_t count, const char* after) {
    return before.append(count, '7').append(after);
  };
  REQUIRE(fxengine::holdsEndlessNumber(digits("[1, ", 4097, "]")));
  REQUIRE(fxengine::holdsEndlessNumber(digits("[1e", 4097, "]")));
  REQUIRE(fxengine::holdsEndlessNumber(digits("[\"a\\\"b\", ", 4097, "]")));
  REQUIRE_FALSE(fxengine::holdsEndlessNumber(digits(digits("[", 4096, ","), 4096, "]")));
  REQUIRE_FALSE(fxengine::holdsEndlessNumber(digits(digits("[\"", 4097, "\", \"a\\\""), 4097, "\"]")));
  REQUIRE_FALSE(fxengine::isJsonWithin(digits("[1, ", 4097, "]")));
  REQUIRE(fxengine::isJsonWithin(digits("[1, \"", 4097, "\"]")));
}
