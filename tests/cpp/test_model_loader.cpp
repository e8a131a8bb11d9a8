// SPDX-License-Identifier: MIT
#include "support/late_network.h"
#include "support/loader.h"

#include <filesystem>
#include <fstream>

using fxengine::ModelError;
using test::plainModel;

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

TEST_CASE("Loader: what was read once is built as often as needed, long after the text has gone", "[loader]") {
  const std::vector<float> input = test::noise(600, 7);
  for (test::Json json : test::assortment()) {
    test::addTestVectors(json, 200, 3);
    auto text = std::make_unique<std::string>(json.dump());
    auto description = std::make_unique<const fxengine::ModelDescription>(fxengine::readModel(*text, "amp.json"));
    const fxengine::ModelDescription copy = *description;
    text.reset();
    description.reset();
    for (const std::string& backend : fxengine::availableBackends()) {
      if (!test::plays(backend, json))
        continue;
      for (const int factor : {1, 2, 4}) {
        fxengine::LoadOptions options;
        options.backend = backend;
        options.oversampling = factor;
        fxengine::Model expected = fxengine::parseModel(json.dump(), "amp.json", options);
        fxengine::Model first = fxengine::buildModel(copy, options), second = fxengine::buildModel(copy, options);
        const std::vector<float> output = test::play(expected, input, {64});
        REQUIRE(test::play(first, input, {64}) == output);
        REQUIRE(test::play(second, input, {64}) == output);
        REQUIRE(first.info().selfTest);
        REQUIRE(second.info().notes == expected.info().notes);
      }
    }
  }
}

TEST_CASE("Loader: a description says what the file says, whatever plays it", "[loader]") {
  test::Json json = plainModel();
  json["metadata"] = {{"latency_samples", 3}};
  const fxengine::ModelDescription description = fxengine::readModel(json.dump(), "amp.json");
  CHECK(description.file == "amp.json");
  CHECK(description.info.latencyFrames == 3);
  CHECK(description.info.backend.empty());
  CHECK_FALSE(description.vectors);
  CHECK(fxengine::buildModel(description).info().backend == "fxengine");
}

TEST_CASE("Loader: a network that cannot be oversampled is played at its own rate, with a note", "[loader]") {
  fxengine::ModelDescription description;
  description.info = test::lateInfo();
  for (const bool oversamples : {true, false}) {
    description.build = [=](const fxengine::LoadOptions&) {
      return std::make_unique<test::LateNetwork>(30, 1.0f, oversamples);
    };
    fxengine::LoadOptions options;
    options.oversampling = 4;
    fxengine::Model model = fxengine::buildModel(description, options);
    CHECK(model.info().oversampling == (oversamples ? 4 : 1));
    CHECK(model.latencyFrames() == 30 + model.info().oversamplingLatencyFrames);
    CHECK((model.info().oversamplingLatencyFrames > 0) == oversamples);
    CHECK(model.info().notes.size() == (oversamples ? 0 : 1));
    if (!oversamples) {
      CHECK(test::contains(model.info().notes[0], "cannot be oversampled"));
      const std::vector<float> input = test::noise(500, 8);
      CHECK(test::play(model, input, {64}) == test::late(input, 30));
    }
  }
}
