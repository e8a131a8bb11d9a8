// SPDX-License-Identifier: MIT
#include "../support/loader.h"
#include "../support/nam_models.h"

#include <cmath>

using fxengine::ModelLimits;
using test::contains;
using test::errorOf;
using test::Json;
using test::layerArray;
using test::makeNam;
using test::waveNetConfig;

namespace {

Json plainWaveNet() { return makeNam("WaveNet", waveNetConfig({layerArray(1, 1, 4, 1, {1, 2})}), 1); }

/** The message for a WaveNet that was changed. */
std::string messageOf(const std::function<void(Json&)>& damage) {
  Json model = plainWaveNet();
  damage(model);
  return errorOf(model.dump()).what();
}

Json lstmConfig(int hidden, int layers) { return {{"input_size", 1}, {"hidden_size", hidden}, {"num_layers", layers}}; }

} // namespace

TEST_CASE("Nam: LSTMs start from the state in the file and agree with double precision", "[loader][golden]") {
  for (const auto& [hidden, layers] : {std::pair{3, 1}, {16, 1}, {5, 3}}) {
    const Json model = makeNam("LSTM", lstmConfig(hidden, layers), 3);
    const std::vector<float> input = test::noise(500, 4);
    const std::vector<double> expected = test::referenceNam(model, {input.begin(), input.end()});
    fxengine::Model player = test::loadUnprewarmed(model);
    CHECK(player.info().architecture == "lstm");
    for (const std::vector<int>& blocks : {std::vector{64}, {1}, {7, 250}}) {
      const std::vector<float> output = test::play(player, input, blocks);
      for (std::size_t t = 0; t < input.size(); ++t)
        REQUIRE(std::abs(double{output[t]} - expected[t]) < 2e-6);
    }
  }
}

TEST_CASE("Nam: metadata tell the name and the levels, and a rate is customary", "[loader]") {
  Json model = plainWaveNet();
  model.erase("sample_rate");
  model["metadata"] = {
      {"name", "Plexi"}, {"input_level_dbu", 12.5}, {"output_level_dbu", nullptr}, {"loudness", -17.0}};
  const fxengine::Model player = test::load(model);
  CHECK(player.info().name == "Plexi");
  CHECK(player.info().inputLevelDbu == 12.5);
  CHECK_FALSE(player.info().outputLevelDbu);
  CHECK_FALSE(player.info().loudnessDb); // of another clip than ours, so it is measured
  CHECK(player.info().sampleRate == 48000.0);
  model["sample_rate"] = 44100;
  CHECK(test::load(model).info().sampleRate == 44100.0);
}

TEST_CASE("Nam: versions from 0.5 to 0.7 are read", "[loader]") {
  for (const char* version : {"0.5.0", "0.5.4", "0.6.0", "0.7.0", "0.7.12"}) {
    Json model = plainWaveNet();
    model["version"] = version;
    CHECK_NOTHROW(test::load(model));
  }
  for (const char* version : {"0.8.0", "1.0.0", "0.4.9", "5", "", "new"})
    CHECK(contains(messageOf([&](Json& model) { model["version"] = version; }),
                   "version: expected a version from 0.5 to 0.7, found the text"));
}

TEST_CASE("Nam: what does not add up is said in a sentence", "[loader]") {
  // 4 in front, 76 in each of two layers, 4 of the head and the scale
  CHECK(contains(messageOf([](Json& model) { model["weights"].push_back(1.0); }),
                 "weights: expected 161 numbers, which is what the layers need, found 162"));
  CHECK(contains(messageOf([](Json& model) { model["weights"].erase(0); }),
                 "weights: expected more numbers: the layers need at least 161, found 160"));
  CHECK(contains(messageOf([](Json& model) { model["weights"][3] = "x"; }), "weights[3]: expected a finite float32"));
  CHECK(contains(messageOf([](Json& model) { model["architecture"] = "Transformer"; }),
                 "found the text \"Transformer\""));
  CHECK(contains(messageOf([](Json& model) { model["config"]["layers"] = Json::array(); }),
                 "config.layers: expected a list of 1 to 16 layer arrays"));
  const auto ofArray = [](const char* key, const Json& value) {
    return messageOf([&](Json& model) { model["config"]["layers"][0][key] = value; });
  };
  CHECK(
      contains(ofArray("activation", "Swoosh"), "layers[0].activation: expected an activation of Neural Amp Modeler"));
  CHECK(contains(ofArray("activation", {"Tanh"}), "a list of 2, one for each dilation"));
  CHECK(contains(ofArray("activation", {{"type", "PReLU"}, {"negative_slopes", {0.1, 0.2, 0.3}}}),
                 "negative_slopes: expected a list of 1 or 4 numbers, found a list of 3"));
  CHECK(contains(ofArray("gating_mode", "mixed"), "gating_mode: expected none, gated or blended"));
  CHECK(contains(ofArray("kernel_size", 65), "kernel_size: expected a whole number from 1 to 64"));
  CHECK(contains(ofArray("channels", 257), "channels: expected a whole number from 1 to 256"));
  CHECK(contains(ofArray("dilations", {1, 1 << 17}), "dilations[1]: expected a whole number from 1 to 65536"));
  CHECK(contains(ofArray("groups_input", 3), "expected groups that divide 4 inputs and 4 outputs, found 3"));
  CHECK(contains(ofArray("condition_size", 2), "condition_size: expected 1, found 2"));
  CHECK(contains(ofArray("input_size", 2), "input_size: expected 1, found 2"));
  CHECK(contains(errorOf(makeNam("WaveNet", waveNetConfig({layerArray(1, 1, 4, 2, {1})}), 1).dump()).what(),
                 "config: expected a network of one output, found 2"));
  CHECK(contains(ofArray("head1x1_post_film", {{"active", true}}),
                 "head1x1_post_film: expected head1x1 where this is active"));
  CHECK(contains(messageOf([](Json& model) {
                   model["config"]["layers"][0]["layer1x1"] = {{"active", false}, {"groups", 1}};
                   model["config"]["layers"][0]["layer1x1_post_film"] = {{"active", true}};
                 }),
                 "layer1x1_post_film: expected layer1x1 where this is active"));
  CHECK(contains(messageOf([](Json& model) {
                   model["config"]["layers"][0]["layer1x1"] = {{"active", false}, {"groups", 1}};
                   model["config"]["layers"][0]["bottleneck"] = 2;
                 }),
                 "bottleneck: expected as many as channels, 4, without layer1x1, found 2"));
  CHECK(contains(messageOf([](Json& model) { model["config"]["layers"].push_back(layerArray(4, 1, 2, 1, {1})); }),
                 "layers[1]: expected 1 rows for the head, as the array before gives, found 2"));
}

TEST_CASE("Nam: what would take too much memory is refused", "[loader]") {
  // Each array is small on disk: groups are written out as zeros, and rings are as long as dilations reach.
  const Json grouped = layerArray(1, 1, 256, 1, {1, 1, 1, 1}, {{"groups_input", 256}, {"kernel_size", 64}});
  CHECK(contains(errorOf(makeNam("WaveNet", waveNetConfig({grouped}), 1).dump()).what(),
                 "config: expected layers of at most 2097152 weights in all, zeros between groups included"));
  const Json distant = layerArray(1, 1, 16, 1, {65536, 65536}, {{"kernel_size", 8}});
  const Json model = makeNam("WaveNet", waveNetConfig({distant}), 1);
  CHECK(contains(errorOf(model.dump()).what(), "config: expected layers that look back at 4194304 values at most"));
  Json half = makeNam("WaveNet", waveNetConfig({layerArray(1, 1, 16, 1, {65536}, {{"kernel_size", 4}})}), 1);
  CHECK_NOTHROW(test::load(half));
  CHECK(contains(errorOf(test::makeContainer({{0.5, half}, {1.0, half}}).dump()).what(),
                 "look back at 4194304 values at most"));
}

TEST_CASE("Nam: a file may have 256 WaveNet layers", "[loader]") {
  const auto deep = [](std::size_t arrays) {
    std::vector<Json> all(arrays, layerArray(1, 1, 1, 1, std::vector<int>(64, 1), {{"kernel_size", 1}}));
    return makeNam("WaveNet", waveNetConfig(all), 1);
  };
  CHECK_NOTHROW(test::load(deep(4)));
  CHECK(contains(errorOf(deep(5).dump()).what(),
                 "layers[4].dilations: expected WaveNets of at most 256 layers, all together, found more"));
}

TEST_CASE("Nam: containers without models, or out of order, are refused", "[loader]") {
  const Json model = plainWaveNet();
  CHECK(contains(errorOf(test::makeContainer({}).dump()).what(),
                 "config.submodels: expected a list of 1 to 64 models, found an empty list"));
  CHECK(contains(errorOf(test::makeContainer({{0.5, model}, {0.5, model}}).dump()).what(),
                 "submodels[1].max_value: expected values that ascend from model to model, found 0.5"));
  CHECK(contains(errorOf(test::makeContainer({{0.5, model}, {0.9, model}}).dump()).what(),
                 "submodels[1].max_value: expected 1 or more of the last model, found 0.9"));
  Json other = model;
  other["sample_rate"] = 44100;
  CHECK(contains(errorOf(test::makeContainer({{0.5, model}, {1.0, other}}).dump()).what(),
                 "sample_rate: expected 48000, the rate of the rest of the file, found 44100"));
  other = model;
  other["version"] = "0.9.0";
  CHECK(contains(errorOf(test::makeContainer({{0.5, model}, {1.0, other}}).dump()).what(),
                 "submodels[1].model.version: expected a version"));
  Json nested = model;
  for (int depth = 0; depth < 4; ++depth)
    nested = test::makeContainer({{1.0, nested}});
  CHECK_NOTHROW(test::load(nested));
  CHECK(contains(errorOf(test::makeContainer({{1.0, nested}}).dump()).what(), "4 deep at most"));
}
