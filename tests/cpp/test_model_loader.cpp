// SPDX-License-Identifier: MIT
#include "catch.h"
#include "support/test_models.h"

#include <fxengine/model_loader.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

using fxengine::ModelError;
using test::Json;

namespace {

Json plainModel() { return test::makeModel(1, {{"lstm", 4}, {"dense", 1}}, 1); }

/** What is wrong with a text; fails the test when nothing is. */
ModelError errorOf(const std::string& text) {
  try {
    fxengine::parseModel(text, "amp.json");
  } catch (const ModelError& error) {
    return error;
  }
  FAIL("the text was accepted: " + text.substr(0, 200));
  throw std::logic_error("unreachable");
}

ModelError errorOf(const std::function<void(Json&)>& damage) {
  Json json = plainModel();
  damage(json);
  return errorOf(json.dump());
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

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
      {"layers[0].type", [](Json& json) { json["layers"][0]["type"] = "conv1d"; }},
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

TEST_CASE("Loader: a long self-test ends early, and says so", "[loader][long]") {
  // Two million frames through a thousand units, all within the other limits, took half an hour.
  constexpr int kUnits = 640, kNumFrames = 400'000;
  const Json zeros = Json::array_t(kUnits, 0);
  Json json = {{"in_shape", {nullptr, nullptr, 1}}, {"samplerate", 48000}};
  json["layers"] = {
      {{"type", "dense"}, {"shape", {nullptr, kUnits}}, {"weights", {Json::array({zeros}), zeros}}},
      {{"type", "dense"}, {"shape", {nullptr, kUnits}}, {"weights", {Json::array_t(kUnits, zeros), zeros}}},
      {{"type", "dense"}, {"shape", {nullptr, 1}}, {"weights", {Json::array_t(kUnits, Json::array({0})), {0}}}}};
  json["input_batch"] = Json::array_t(kNumFrames, 0.25);
  json["output_batch"] = Json::array_t(kNumFrames, 0);
  const fxengine::ModelInfo info = test::load(json).info();
  REQUIRE(info.selfTest);
  CHECK(info.selfTest->numFrames >= 1000);
  CHECK(info.selfTest->numFrames <= fxengine::ModelLimits::kMaxTestWork / static_cast<double>(info.numWeights));
  REQUIRE(info.notes.size() == 1);
  CHECK(contains(info.notes.front(), "of 400000 frames of test vectors"));
  // Vectors beyond what is played are still numbers, as many as there are inputs.
  json["output_batch"].erase(json["output_batch"].size() - 1);
  CHECK(errorOf(json.dump()).field() == "output_batch");
}

TEST_CASE("Loader: metadata is bounded", "[loader]") {
  Json json = plainModel();
  json["metadata"] = {{"name", "amp"}, {"notes", std::string(fxengine::ModelLimits::kMaxMetadataBytes / 2, 'x')}};
  REQUIRE(test::load(json).info().name == "amp");
  json["metadata"]["notes"] = std::string(fxengine::ModelLimits::kMaxMetadataBytes, 'x');
  REQUIRE(errorOf(json.dump()).field() == "metadata");
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

TEST_CASE("Loader: formats of others are named", "[loader]") {
  const std::string nam = R"({"version": "0.5.4", "architecture": "WaveNet", "config": {}, "weights": [1]})";
  const std::string proteus = R"({"model_data": {"unit_type": "LSTM", "hidden_size": 40}, "state_dict": {}})";
  REQUIRE(contains(errorOf(nam).what(), "a Neural Amp Modeler model (.nam 0.5.4, WaveNet)"));
  REQUIRE(contains(errorOf(proteus).what(), "a Proteus / NeuralPi model"));
  REQUIRE(contains(errorOf(proteus).what(), "LSTM-40"));
  REQUIRE(contains(errorOf("PK\x03\x04....").what(), "PyTorch"));
  REQUIRE(contains(errorOf("RIFF....WAVE").what(), "WAV"));
  REQUIRE(fxengine::describeContent(plainModel().dump()) == "an RTNeural JSON model");
  REQUIRE(fxengine::describeContent("{}").empty());
  REQUIRE(fxengine::describeContent("hello").empty());
  const ModelError conv = errorOf([](Json& json) { json["layers"][0]["type"] = "conv1d"; });
  REQUIRE(contains(conv.what(), "found the text \"conv1d\""));
}

TEST_CASE("Loader: test vectors are played, and a model that does not give them is refused", "[loader][golden]") {
  for (Json json : test::assortment()) {
    test::addTestVectors(json, 500, 3);
    const fxengine::Model model = test::load(json);
    REQUIRE(model.info().selfTest);
    REQUIRE(model.info().selfTest->numFrames == 500);
    REQUIRE(model.info().selfTest->tolerance == 1e-5);
    REQUIRE(model.info().selfTest->maxError < 1e-5);

    const double right = json["output_batch"][400];
    json["output_batch"][400] = right + 2e-5;
    const ModelError error = errorOf(json.dump());
    REQUIRE(error.field() == "output_batch[400]");
    REQUIRE_NOTHROW(fxengine::parseModel(json.dump(), "", {"fxengine", false})); // on request it is not played

    json["metadata"] = {{"vectors_error", 1e-5}}; // now 3e-5 are allowed
    REQUIRE(test::load(json).info().selfTest->tolerance == Approx(3e-5));
  }
}

TEST_CASE("Loader: the self-test leaves no trace in the state", "[loader][state]") {
  Json json = plainModel();
  const std::vector<float> input = test::noise(300, 5);
  fxengine::Model without = test::load(json);
  test::addTestVectors(json, 300, 6);
  fxengine::Model with = test::load(json);
  REQUIRE(test::play(with, input, {64}) == test::play(without, input, {64}));
}

TEST_CASE("Loader: vectors may hold knob positions", "[loader]") {
  Json json = test::makeModel(2, {{"gru", 4}, {"dense", 1}}, 8);
  const std::vector<double> frames{0.1, 0.9, -0.2, 0.8, 0.3, 0.1};
  json["input_batch"] = {{0.1, 0.9}, {-0.2, 0.8}, {0.3, 0.1}};
  json["output_batch"] = test::referenceOutput(json, frames);
  REQUIRE(test::load(json).info().selfTest->numFrames == 3);
}

TEST_CASE("Loader: an unknown backend is refused by name", "[loader]") {
  REQUIRE_THROWS_AS(test::load(plainModel(), "onnx"), ModelError);
  REQUIRE(fxengine::availableBackends().front() == "fxengine");
}

TEST_CASE("Loader: reads files, and tells what is wrong with a path", "[loader]") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / "fxengine-loader-test";
  fs::create_directories(folder);
  const fs::path path = folder / "amp.json";
  std::ofstream(path) << plainModel().dump();
  REQUIRE(fxengine::loadModel(path).info().name == "amp");
  std::ofstream(path).close();
  REQUIRE_THROWS_WITH(fxengine::loadModel(path), Catch::Matchers::Contains("an empty file"));
  REQUIRE_THROWS_WITH(fxengine::loadModel(folder), Catch::Matchers::Contains("a folder"));
  REQUIRE_THROWS_WITH(fxengine::loadModel(folder / "none.json"), Catch::Matchers::Contains("no such file"));
  fs::remove_all(folder);
}

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

TEST_CASE("Loader: an unknown weight storage is refused", "[loader][storage]") {
  const ModelError error = errorOf([](Json& json) { json["metadata"] = {{"weight_storage", "int4"}}; });
  REQUIRE(error.field() == "metadata.weight_storage");
  REQUIRE(error.expected() == "float32 or bfloat16");
  REQUIRE(error.found() == "the text \"int4\"");
}
