// SPDX-License-Identifier: MIT
#include "../support/loader.h"

#include <algorithm>
#include <cmath>

using test::contains;
using test::Json;

namespace {

/** Rounds the recurrent weights of a file to bfloat16: eight significant bits, by the numbers' definition. */
void roundRecurrentWeights(Json& model) {
  for (Json& layer : model["layers"]) {
    if (layer["type"] != "lstm" && layer["type"] != "gru")
      continue;
    for (Json& row : layer["weights"][1]) {
      for (Json& weight : row) {
        int exponent = 0;
        const double fraction = std::frexp(weight.get<double>(), &exponent); // 0.5 <= |fraction| < 1
        weight = std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
      }
    }
  }
}

fxengine::Model loadStored(const Json& model, fxengine::WeightStorage storage) {
  fxengine::LoadOptions options;
  options.weightStorage = storage;
  return fxengine::parseModel(model.dump(), "amp.json", options);
}

} // namespace

TEST_CASE("Loader: weights that are bfloat16 numbers sound the same however they are kept", "[loader][storage]") {
  for (const char* type : {"lstm", "gru"}) {
    Json json = test::makeModel(1, {{type, 80}, {"dense", 1}}, 3);
    json["metadata"] = {{"weight_storage", "bfloat16"}};
    roundRecurrentWeights(json);
    fxengine::Model kept = loadStored(json, fxengine::WeightStorage::automatic);
    fxengine::Model wide = loadStored(json, fxengine::WeightStorage::float32);
    REQUIRE(kept.info().weightStorage == "bfloat16");
    REQUIRE(wide.info().weightStorage == "float32");
    const std::vector<float> input = test::noise(2000, 4);
    const std::vector<float> output = test::play(kept, input, {64});
    const std::vector<float> expected = test::play(wide, input, {64});
    float greatest = 0.0f;
    for (std::size_t t = 0; t < output.size(); ++t)
      greatest = std::max(greatest, std::abs(output[t] - expected[t]));
    REQUIRE(greatest <= 1e-5f); // the sums may be in another order
    for (const std::string& note : kept.info().notes)
      REQUIRE_FALSE(contains(note, "bfloat16"));
  }
}

TEST_CASE("Loader: a file that says bfloat16 and holds other numbers is played as it stands", "[loader][storage]") {
  Json json = test::makeModel(1, {{"lstm", 48}, {"dense", 1}}, 5);
  const std::vector<float> input = test::noise(500, 6);
  fxengine::Model plain = test::load(json);
  json["metadata"] = {{"weight_storage", "bfloat16"}};
  fxengine::Model contradicted = test::load(json);
  REQUIRE(contradicted.info().weightStorage == "float32");
  REQUIRE(contains(contradicted.info().notes.back(), "metadata.weight_storage is bfloat16, but"));
  REQUIRE(test::play(contradicted, input, {64}) == test::play(plain, input, {64}));
}

TEST_CASE("Loader: rounding that was asked for is the file with rounded weights, and is labelled",
          "[loader][storage]") {
  for (const char* type : {"lstm", "gru"}) {
    Json json = test::makeModel(1, {{type, 12}, {"dense", 1}}, 7);
    test::addTestVectors(json, 300, 8);
    fxengine::Model rounded = loadStored(json, fxengine::WeightStorage::bfloat16);
    REQUIRE(rounded.info().weightStorage == "bfloat16");
    REQUIRE(rounded.info().selfTest); // of the weights in the file: rounded ones would fail it
    REQUIRE(contains(rounded.info().notes.back(), "rounded to bfloat16: the error is "));
    REQUIRE(contains(rounded.info().notes.back(), "the file's test vectors"));

    Json byHand = json;
    byHand.erase("input_batch");
    byHand.erase("output_batch");
    REQUIRE(contains(loadStored(byHand, fxengine::WeightStorage::bfloat16).info().notes.back(), "a decaying chord"));
    roundRecurrentWeights(byHand);
    REQUIRE(byHand["layers"] != json["layers"]);
    fxengine::Model expected = loadStored(byHand, fxengine::WeightStorage::bfloat16); // nothing left to round
    const std::vector<float> input = test::noise(1000, 9);
    REQUIRE(test::play(rounded, input, {64}) == test::play(expected, input, {64}));
  }
}
