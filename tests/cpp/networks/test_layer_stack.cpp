// SPDX-License-Identifier: MIT
#include "../support/loader.h"

TEST_CASE("LayerStack: its memory has a bound if no layer is recurrent, and it is never late", "[network]") {
  for (const test::Json& json : test::assortment()) {
    const fxengine::ModelDescription description = fxengine::readModel(json.dump(), "amp.json");
    const auto network = description.build({});
    const std::string& architecture = description.info.architecture;
    const std::optional<int> convolved = 1 + 2 * 7 + 40; // the dilations times one less than the kernel sizes
    CHECK(network->receptiveFrames() == (architecture == "dense"  ? std::optional(1)
                                         : architecture == "conv" ? convolved
                                                                  : std::nullopt));
    CHECK(network->latencyFrames() == 0);
    CHECK(network->canOversample());
  }
}

TEST_CASE("LayerStack: a network without memory is at rest after one block of silence", "[network][model][state]") {
  const test::Json json = test::makeModel(1, {{"dense", 8, "tanh"}, {"dense", 1}}, 3);
  for (const int factor : {1, 2, 4, 8}) {
    fxengine::LoadOptions options;
    options.oversampling = factor;
    fxengine::Model model = fxengine::parseModel(json.dump(), "amp.json", options);
    model.prepare(1, 256);
    CHECK(model.prewarm() == fxengine::Model::kMaxPart);
    std::vector<float> output(2000, 0.0f);
    float* channel = output.data();
    model.process(&channel, &channel, 1, 2000);
    for (const float sample : output) // as it is ever after
      REQUIRE(sample == output.back());
  }
}
