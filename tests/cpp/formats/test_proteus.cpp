// SPDX-License-Identifier: MIT
#include "../support/loader.h"

#include <cmath>

using test::contains;
using test::errorOf;
using test::Json;

namespace {

/** The layers of an RTNeural file, one LSTM or GRU and a dense layer, as PyTorch's weights. */
Json proteusOf(const Json& model, const char* unit) {
  const Json& recurrent = model["layers"][0];
  const std::size_t hidden = recurrent["shape"].back();
  const bool isGru = std::string(unit) == "GRU";
  const std::vector<std::size_t> gates =
      isGru ? std::vector<std::size_t>{1, 0, 2} : std::vector<std::size_t>{0, 1, 2, 3};
  const auto rowsOf = [&](const Json& columns) { // [in][gates H] to [gates H][in]
    Json rows = Json::array();
    for (const std::size_t gate : gates)
      for (std::size_t k = 0; k < hidden; ++k) {
        Json row = Json::array();
        for (const Json& column : columns)
          row.push_back(column[gate * hidden + k]);
        rows.push_back(row);
      }
    return rows;
  };
  const auto listOf = [&](const Json& values) {
    Json list = Json::array();
    for (const Json& row : rowsOf(Json::array({values})))
      list.push_back(row[0]);
    return list;
  };
  Json state = {{"rec.weight_ih_l0", rowsOf(recurrent["weights"][0])},
                {"rec.weight_hh_l0", rowsOf(recurrent["weights"][1])}};
  const Json& bias = recurrent["weights"][2];
  state["rec.bias_ih_l0"] = listOf(isGru ? bias[0] : bias);
  state["rec.bias_hh_l0"] = isGru ? listOf(bias[1]) : Json(std::vector<float>(4 * hidden, 0.0f));
  Json row = Json::array();
  for (const Json& weight : model["layers"][1]["weights"][0])
    row.push_back(weight[0]);
  state["lin.weight"] = Json::array({row});
  state["lin.bias"] = model["layers"][1]["weights"][1];
  return {{"model_data",
           {{"model", "SimpleRNN"},
            {"input_size", model["in_shape"].back()},
            {"skip", 1},
            {"output_size", 1},
            {"unit_type", unit},
            {"num_layers", 1},
            {"hidden_size", hidden},
            {"bias_fl", true}}},
          {"state_dict", state}};
}

Json plainProteus() { return proteusOf(test::makeModel(1, {{"lstm", 4}, {"dense", 1}}, 1), "LSTM"); }

std::string messageOf(const std::function<void(Json&)>& damage) {
  Json model = plainProteus();
  damage(model);
  return errorOf(model.dump()).what();
}

} // namespace

TEST_CASE("Proteus: it plays as the same weights in RTNeural's layout, the input added", "[loader][golden]") {
  for (const auto& [unit, type] : {std::pair{"LSTM", "lstm"}, {"GRU", "gru"}}) {
    for (const int numInputs : {1, 2, 3}) {
      Json same = test::makeModel(numInputs, {{type, 5}, {"dense", 1}}, 2);
      same["in_skip"] = 1;
      Json json = proteusOf(same, unit);
      fxengine::Model expected = test::load(same), model = test::load(json);
      REQUIRE(model.info().numInputs == numInputs);
      REQUIRE(static_cast<int>(model.info().knobs.size()) == numInputs - 1);
      CHECK(model.info().residual);
      CHECK(model.info().sampleRate == 44100.0);
      CHECK(model.info().architecture == type);
      const std::vector<float> input = test::noise(500, 3);
      REQUIRE(test::play(model, input, {64}) == test::play(expected, input, {64}));
      json["model_data"]["skip"] = 0;
      json["model_data"]["sample_rate"] = "48000";
      same["in_skip"] = 0;
      fxengine::Model bare = test::load(json), bareExpected = test::load(same);
      CHECK(bare.info().sampleRate == 48000.0);
      REQUIRE(test::play(bare, input, {64}) == test::play(bareExpected, input, {64}));
    }
  }
}

TEST_CASE("Proteus: metadata that fxtrain adds are read", "[loader]") {
  Json json = plainProteus();
  json["metadata"] = {{"name", "Plexi"}, {"loudness_db", -12.5}, {"lag_samples", 37}};
  const fxengine::ModelInfo info = test::load(json).info();
  CHECK(info.name == "Plexi");
  CHECK(info.loudnessDb == -12.5);
  CHECK(info.lagFrames == 37);
  CHECK(info.sampleRate == 44100.0);
  CHECK(info.notes.empty());
}

TEST_CASE("Proteus: without biases they are zero", "[loader]") {
  Json model = plainProteus();
  model["model_data"]["bias_fl"] = false;
  for (const char* key : {"rec.bias_ih_l0", "rec.bias_hh_l0"})
    model["state_dict"].erase(key);
  Json zeros = plainProteus();
  for (const char* key : {"rec.bias_ih_l0", "rec.bias_hh_l0"})
    zeros["state_dict"][key] = std::vector<float>(16, 0.0f);
  fxengine::Model bare = test::load(model), expected = test::load(zeros);
  const std::vector<float> input = test::noise(300, 3);
  REQUIRE(test::play(bare, input, {64}) == test::play(expected, input, {64}));
}

TEST_CASE("Proteus: what is wrong is said in a sentence", "[loader]") {
  const auto ofData = [](const char* key, const Json& value) {
    return messageOf([&](Json& model) { model["model_data"][key] = value; });
  };
  CHECK(contains(ofData("unit_type", "RNN"), "model_data.unit_type: expected LSTM or GRU"));
  CHECK(contains(ofData("model", "Transformer"), "model_data.model: expected SimpleRNN"));
  CHECK(contains(ofData("input_size", 4), "input_size: expected a whole number from 1 to 3, found 4"));
  CHECK(contains(ofData("skip", 2), "skip: expected a whole number from 0 to 1, found 2"));
  CHECK(contains(ofData("hidden_size", 5), "4 gates of hidden_size 5), found a list of 16"));
  CHECK(contains(ofData("num_layers", 2), "state_dict.rec.weight_ih_l1: expected a value, found nothing"));
  CHECK(contains(messageOf([](Json& model) { model["state_dict"].erase("lin.weight"); }),
                 "state_dict.lin.weight: expected a value, found nothing"));
  CHECK(contains(messageOf([](Json& model) { model["state_dict"]["rec.weight_hh_l0"][2][1] = 1e39; }),
                 "rec.weight_hh_l0[2][1]: expected a finite float32 number"));
}
