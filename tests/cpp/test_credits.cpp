// SPDX-License-Identifier: MIT
#include "catch.h"

#include <fxengine/credits.h>

using namespace fxengine;

namespace {

Credits of(const std::string& metadata, int numLinearTaps = 0) {
  ModelInfo info;
  info.metadata = metadata;
  info.numLinearTaps = numLinearTaps;
  return creditsOf(info);
}

} // namespace

TEST_CASE("Credits: the keys of all formats mean the same", "[credits]") {
  const auto ours = of(R"({"name": " Lead ", "author": "Ada", "based": "Marlow 50", "gear_type": "amp_cab"})");
  CHECK(ours.title == "Lead");
  CHECK(ours.author == "Ada");
  CHECK(ours.device == "Marlow 50");
  CHECK(ours.gear == "amp with cabinet");
  const auto nam = of(R"({"modeled_by": "Ada", "gear_make": "Marlow", "gear_model": "50", "tone_type": "hi_gain"})");
  CHECK(nam.author == "Ada");
  CHECK(nam.device == "Marlow 50");
  CHECK(nam.tone == "high gain");
  CHECK(of(R"({"gear_model": "50"})").device == "50");
  CHECK(of(R"({"style": "hi_gain"})").tone == "high gain");
  CHECK(of(R"({"style": "British Crunch"})").tone == "British Crunch");
}

TEST_CASE("Credits: the loudspeaker follows from the gear, or from a linear stage", "[credits]") {
  for (const std::string gear : {"amp", "preamp", "pedal_amp"}) {
    CHECK(of(R"({"gear_type": ")" + gear + "\"}").loudspeaker == "no loudspeaker");
    CHECK(of(R"({"gear_type": ")" + gear + "\"}", 64).loudspeaker == "with loudspeaker");
  }
  CHECK(of(R"({"gear_type": "amp_pedal_cab"})").loudspeaker == "with loudspeaker");
  CHECK(of(R"({"gear_type": "pedal"})").loudspeaker.empty());
  CHECK(of("{}").loudspeaker.empty());
}

TEST_CASE("Credits: what is missing or of another type is empty", "[credits]") {
  for (const std::string metadata : {"{}", "[]", "null", "", "{", R"({"name": 3, "author": [], "esr": {}})"}) {
    const auto credits = of(metadata);
    CHECK(credits.title.empty());
    CHECK(credits.author.empty());
    CHECK(credits.esr == std::nullopt);
  }
  CHECK(of(R"({"esr": 0.25})").esr == 0.25);
  CHECK(of(R"({"esr": "0.25"})").esr == 0.25);
  CHECK(of(R"({"esr": -1})").esr == std::nullopt);
}
