// SPDX-License-Identifier: MIT
#pragma once

#include "../catch.h"
#include "test_models.h"

#include <fxengine/model_loader.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace test {

inline Json plainModel() { return makeModel(1, {{"lstm", 4}, {"dense", 1}}, 1); }

/** What is wrong with a text; fails the test when nothing is. */
inline fxengine::ModelError errorOf(const std::string& text) {
  try {
    fxengine::parseModel(text, "amp.json");
  } catch (const fxengine::ModelError& error) {
    return error;
  }
  FAIL("the text was accepted: " + text.substr(0, 200));
  throw std::logic_error("unreachable");
}

inline fxengine::ModelError errorOf(const std::function<void(Json&)>& damage) {
  Json json = plainModel();
  damage(json);
  return errorOf(json.dump());
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace test
