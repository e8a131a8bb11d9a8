// SPDX-License-Identifier: MIT
#include "../support/loader.h"

#include <functional>

using fxengine::ModelError;
using test::contains;
using test::errorOf;
using test::Json;
using test::plainModel;

TEST_CASE("Loader: tells what the file says", "[loader]") {
  Json json = plainModel();
  json["in_skip"] = 1;
  json["in_gain"] = 1.5;
  json["metadata"] = {{"name", "Plexi"}, {"samplerate", "48000"}, {"lag_samples", 37}, {"latency_samples", 2}};
  const fxengine::Model model = test::load(json);
  const fxengine::ModelInfo& info = model.info();
  REQUIRE(info.name == "Plexi");
  REQUIRE(info.architecture == "lstm");
  REQUIRE(info.layers.size() == 2);
  REQUIRE(info.layers[0].outputSize == 4);
  REQUIRE(info.numWeights == 4 * 4 * (1 + 4 + 1) + 4 + 1);
  REQUIRE(info.residual);
  REQUIRE(info.inputGainDb == 1.5);
  REQUIRE(info.sampleRate == 48000.0);
  REQUIRE(info.lagFrames == 37);
  REQUIRE(info.latencyFrames == 2);
  REQUIRE_FALSE(info.selfTest);
  REQUIRE(info.notes.empty());
}

TEST_CASE("Loader: the sample rate is a number or a text, at the root or in metadata", "[loader]") {
  Json json = plainModel();
  REQUIRE_FALSE(test::load(json).info().sampleRate);
  json["metadata"] = {{"samplerate", 44100}};
  REQUIRE(test::load(json).info().sampleRate == 44100.0);
  json["samplerate"] = "48000";
  REQUIRE(test::load(json).info().sampleRate == 48000.0);
  REQUIRE(test::load(json).info().notes.size() == 1); // the two differ
}

TEST_CASE("Loader: levels are numbers or texts, and one that cannot be meant is noted", "[loader]") {
  Json json = plainModel();
  json["samplerate"] = 48000;
  json["metadata"] = {{"loudness_db", -17.25}, {"input_level_dbu", "12.5"}, {"output_level_dbu", nullptr}};
  const fxengine::ModelInfo info = test::load(json).info();
  REQUIRE(info.loudnessDb == -17.25);
  REQUIRE(info.inputLevelDbu == 12.5);
  REQUIRE_FALSE(info.outputLevelDbu);
  REQUIRE(info.notes.empty());

  const Json bad[] = {Json(1e9), Json("loud"), Json(""), Json(true), Json::array({1}), Json(std::string(100, '1'))};
  for (const Json& value : bad) {
    json["metadata"] = {{"loudness_db", value}, {"input_level_dbu", value}, {"output_level_dbu", 4}};
    const fxengine::ModelInfo noted = test::load(json).info();
    REQUIRE_FALSE(noted.loudnessDb);
    REQUIRE_FALSE(noted.inputLevelDbu);
    REQUIRE(noted.outputLevelDbu == 4.0);
    REQUIRE(noted.notes.size() == 2);
    REQUIRE(contains(noted.notes[0], "metadata.loudness_db is not used: expected a number from -200 to 100, found "));
  }
}

TEST_CASE("Loader: errors name file, field, expected and found", "[loader]") {
  const ModelError error = errorOf([](Json& json) { json["layers"][0]["weights"][1][3][2] = "x"; });
  REQUIRE(error.file() == "amp.json");
  REQUIRE(error.field() == "layers[0].weights[1][3][2]");
  REQUIRE(error.expected() == "a finite float32 number");
  REQUIRE(error.found() == "the text \"x\"");
  REQUIRE(std::string(error.what()) ==
          "amp.json: layers[0].weights[1][3][2]: expected a finite float32 number, found the text \"x\".");
}

TEST_CASE("Loader: whatever is wrong is refused at its place", "[loader]") {
  struct Case {
    const char* field;
    std::function<void(Json&)> damage;
  };
  const std::vector<Case> cases = {
      {"layers", [](Json& json) { json.erase("layers"); }},
      {"in_shape", [](Json& json) { json.erase("in_shape"); }},
      {"in_shape", [](Json& json) { json["in_shape"] = Json::array(); }},
      {"in_shape[2]", [](Json& json) { json["in_shape"][2] = 0; }},
      {"in_shape[2]", [](Json& json) { json["in_shape"][2] = 1e9; }},
      {"in_shape[2]", [](Json& json) { json["in_shape"][2] = 1.5; }},
      {"layers", [](Json& json) { json["layers"] = Json::array(); }},
      {"layers", [](Json& json) { json["layers"] = "lstm"; }},
      {"layers", [](Json& json) { json["layers"] = Json(65, json["layers"][1]); }},
      {"layers[0]", [](Json& json) { json["layers"][0] = 5; }},
      {"layers[0].type", [](Json& json) { json["layers"][0].erase("type"); }},
      {"layers[0].type", [](Json& json) { json["layers"][0]["type"] = "conv2d"; }},
      {"layers[0].shape", [](Json& json) { json["layers"][0].erase("shape"); }},
      {"layers[0].shape[2]", [](Json& json) { json["layers"][0]["shape"][2] = -4; }},
      {"layers[0].shape[2]", [](Json& json) { json["layers"][0]["shape"][2] = 2000; }},
      {"layers[0].weights", [](Json& json) { json["layers"][0].erase("weights"); }},
      {"layers[0].weights", [](Json& json) { json["layers"][0]["weights"].erase(2); }},
      {"layers[0].weights[0][0]", [](Json& json) { json["layers"][0]["shape"][2] = 5; }},
      {"layers[0].weights[0]", [](Json& json) { json["in_shape"][2] = 2; }},
      {"layers[0].weights[1]", [](Json& json) { json["layers"][0]["weights"][1].erase(0); }},
      {"layers[0].weights[1][2]", [](Json& json) { json["layers"][0]["weights"][1][2].push_back(0.0); }},
      {"layers[0].weights[2]", [](Json& json) { json["layers"][0]["weights"][2] = nullptr; }},
      {"layers[0].weights[2][7]", [](Json& json) { json["layers"][0]["weights"][2][7] = 1e39; }},
      {"layers[0].weights[2][7]", [](Json& json) { json["layers"][0]["weights"][2][7] = nullptr; }},
      {"layers[0].activation", [](Json& json) { json["layers"][0]["activation"] = "relu"; }},
      {"layers[1].activation", [](Json& json) { json["layers"][1]["activation"] = "swish"; }},
      {"layers[1].activation", [](Json& json) { json["layers"][1]["activation"] = 3; }},
      {"layers[0].shape", [](Json& json) { json["layers"].erase(1); }}, // four outputs
      {"in_skip", [](Json& json) { json["in_skip"] = 2; }},
      {"in_gain", [](Json& json) { json["in_gain"] = 1000; }},
      {"samplerate", [](Json& json) { json["samplerate"] = "fast"; }},
      {"samplerate", [](Json& json) { json["samplerate"] = -48000; }},
      {"metadata", [](Json& json) { json["metadata"] = "none"; }},
      {"metadata.samplerate",
       [](Json& json) {
         json["metadata"] = {{"samplerate", 0}};
       }},
      {"metadata.lag_samples",
       [](Json& json) {
         json["metadata"] = {{"lag_samples", 0.5}};
       }},
      {"metadata.vectors_error",
       [](Json& json) {
         json["metadata"] = {{"vectors_error", 1.0}};
       }},
      {"knobs",
       [](Json& json) {
         json["knobs"] = {{{"name", "drive"}}};
       }}, // but no second input
      {"input_batch", [](Json& json) { json["output_batch"] = {0.0}; }},
      {"output_batch", [](Json& json) { json["input_batch"] = {0.0}; }},
      {"output_batch",
       [](Json& json) {
         json["input_batch"] = {0.0, 0.0}, json["output_batch"] = {0.0};
       }},
      {"input_batch[0]", [](Json& json) { json["input_batch"] = {"a"}, json["output_batch"] = {0.0}; }},
      {"stft",
       [](Json& json) {
         json["stft"] = {{"size", 1024}};
       }},
  };
  for (const Case& entry : cases) {
    const ModelError error = errorOf(entry.damage);
    INFO(error.what());
    REQUIRE(error.field().substr(0, std::string(entry.field).size()) == entry.field);
    REQUIRE_FALSE(error.expected().empty());
    REQUIRE_FALSE(error.found().empty());
  }
}

TEST_CASE("Loader: declared size and weights that disagree are told with the reason", "[loader]") {
  const ModelError error = errorOf([](Json& json) { json["layers"][0]["shape"][2] = 3; });
  REQUIRE(contains(error.what(), "4 gates of the 3 units that layers[0].shape declares"));
  REQUIRE(contains(error.what(), "found a list of 16"));
}

TEST_CASE("Loader: metadata is bounded", "[loader]") {
  Json json = plainModel();
  json["metadata"] = {{"name", "amp"}, {"notes", std::string(fxengine::ModelLimits::kMaxMetadataBytes / 2, 'x')}};
  REQUIRE(test::load(json).info().name == "amp");
  json["metadata"]["notes"] = std::string(fxengine::ModelLimits::kMaxMetadataBytes, 'x');
  REQUIRE(errorOf(json.dump()).field() == "metadata");
}

TEST_CASE("Loader: an unknown weight storage is refused", "[loader][storage]") {
  const ModelError error = errorOf([](Json& json) { json["metadata"] = {{"weight_storage", "int4"}}; });
  REQUIRE(error.field() == "metadata.weight_storage");
  REQUIRE(error.expected() == "float32 or bfloat16");
  REQUIRE(error.found() == "the text \"int4\"");
}

TEST_CASE("Loader: envelopes are inputs of the network that the file's user does not give", "[loader]") {
  const Json json = test::assortment()[1];
  const fxengine::ModelInfo info = test::load(json).info();
  REQUIRE(info.numInputs == 1);
  REQUIRE(info.knobs.empty());
  REQUIRE(info.envelopes.size() == 2);
  REQUIRE(info.envelopes[0].attackMs == 2.0);
  REQUIRE(info.envelopes[0].releaseMs == 30.0);
  REQUIRE(info.layers[0].inputSize == 3);
}

TEST_CASE("Loader: a linear stage or envelopes that cannot be are refused by field", "[loader]") {
  const auto field = [](const std::function<void(Json&)>& damage) { return std::string(errorOf(damage).what()); };
  CHECK(contains(field([](Json& json) { json["fir"] = Json::object(); }), "fir.taps"));
  CHECK(contains(field([](Json& json) { json["fir"] = {{"taps", Json::array()}}; }), "1 to 65536"));
  CHECK(contains(field([](Json& json) { json["fir"] = {{"taps", {1.0, "loud"}}}; }), "fir.taps[1]"));
  CHECK(contains(field([](Json& json) {
                   json["samplerate"] = 48000;
                   json["fir"] = {{"taps", {1.0}}, {"sample_rate", 44100}};
                 }),
                 "the model's own rate, 48000 Hz"));
  CHECK(contains(field([](Json& json) {
                   json["envelopes"] = {{{"attack_ms", 1.0}, {"release_ms", 1.0}}};
                 }),
                 "an input for the audio"));
  CHECK(contains(field([](Json& json) {
                   json["envelopes"] = {{{"attack_ms", 0.0}, {"release_ms", 1.0}}};
                 }),
                 "envelopes[0].attack_ms"));
  CHECK(contains(field([](Json& json) { json["envelopes"] = Json::array({Json::object()}); }), "attack_ms"));
}
