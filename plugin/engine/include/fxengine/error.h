// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

namespace fxengine {

/** A model file that is broken, of another format, or beyond what the engine plays.

    what() is one sentence: file, field, expected, found, and what to do where there is something to do. The parts are
    kept, so that a host can lay them out in its own way. Thrown while loading, never from the audio thread. */
class ModelError : public std::runtime_error {
 public:
  /** @param file      the file's name as the caller gave it
      @param field     where in the file, for example `layers[0].weights[1][3]`; empty for the file as a whole
      @param expected  what a valid file has there
      @param found     what this file has there
      @param remedy    what the user can do; may be empty */
  ModelError(std::string file, std::string field, std::string expected, std::string found, std::string remedy = {});

  const std::string& file() const noexcept { return file_; }
  const std::string& field() const noexcept { return field_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& found() const noexcept { return found_; }
  const std::string& remedy() const noexcept { return remedy_; }

 private:
  std::string file_, field_, expected_, found_, remedy_;
};

} // namespace fxengine
