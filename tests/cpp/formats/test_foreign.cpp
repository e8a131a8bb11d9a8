// SPDX-License-Identifier: MIT
#include "../support/loader.h"

using fxengine::ModelError;
using test::contains;
using test::errorOf;
using test::Json;
using test::plainModel;

TEST_CASE("Loader: formats of others are named", "[loader]") {
  const std::string nam = R"({"version": "0.5.4", "architecture": "WaveNet", "config": {}, "weights": [1]})";
  const std::string proteus = R"({"model_data": {"unit_type": "LSTM", "hidden_size": 40}, "state_dict": {}})";
  REQUIRE(fxengine::describeContent(nam) == "a Neural Amp Modeler model (.nam 0.5.4, WaveNet)");
  REQUIRE(contains(errorOf(nam).what(), "config.layers: expected a value, found nothing"));
  REQUIRE(fxengine::describeContent(proteus) == "a Proteus / NeuralPi model (PyTorch state dict in JSON, LSTM-40)");
  REQUIRE(contains(errorOf(proteus).what(), "model_data.input_size: expected a value, found nothing"));
  REQUIRE(contains(errorOf("PK\x03\x04....").what(), "PyTorch"));
  REQUIRE(contains(errorOf("RIFF....WAVE").what(), "WAV"));
  REQUIRE(fxengine::describeContent(plainModel().dump()) == "an RTNeural JSON model");
  REQUIRE(fxengine::describeContent("{}").empty());
  REQUIRE(fxengine::describeContent("hello").empty());
  const ModelError conv = errorOf([](Json& json) { json["layers"][0]["type"] = "conv2d"; });
  REQUIRE(contains(conv.what(), "found the text \"conv2d\""));
}
