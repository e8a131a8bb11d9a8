// SPDX-License-Identifier: MIT
#include "../support/allocations.h"
#include "../support/late_network.h"
#include "../support/loader.h"
#include "../support/nam_models.h"

#include <networks/container.h>

#include <cmath>

using fxengine::detail::Container;

namespace {

/** Gains of 1, 2 and 4 for a quality below 0.3, below 0.7 and above, which look back at 101 frames. */
Container gains() {
  std::vector<Container::Choice> choices;
  choices.push_back({std::make_unique<test::LateNetwork>(0, 1.0f), 0.3});
  choices.push_back({std::make_unique<test::LateNetwork>(0, 2.0f), 0.7});
  choices.push_back({std::make_unique<test::LateNetwork>(0, 4.0f), 1.0});
  return Container(std::move(choices));
}

std::vector<float> play(Container& network, std::vector<float> input, int block) {
  std::vector<float> output(input.size());
  for (std::size_t start = 0; start < input.size(); start += static_cast<std::size_t>(block)) {
    const auto count = std::min(static_cast<std::size_t>(block), input.size() - start);
    const float* in = input.data() + start;
    float* out = output.data() + start;
    network.process(&in, &out, 1, static_cast<int>(count));
  }
  return output;
}

const std::vector<float> kOnes(3000, 1.0f);

test::Json threeSizes() {
  const auto wave = [](int channels, unsigned seed) {
    return test::makeNam("WaveNet", test::waveNetConfig({test::layerArray(1, 1, channels, 1, {1, 2, 30})}), seed);
  };
  const test::Json lstm = test::makeNam("LSTM", {{"input_size", 1}, {"hidden_size", 4}, {"num_layers", 1}}, 3);
  return test::makeContainer({{0.25, lstm}, {0.5, wave(2, 1)}, {1.0, wave(6, 2)}});
}

} // namespace

TEST_CASE("Container: the first network whose value is above the quality plays, else the last", "[network]") {
  for (const auto& [quality, gain] :
       {std::pair{0.0f, 1.0f}, {0.29f, 1.0f}, {0.3f, 2.0f}, {0.69f, 2.0f}, {0.7f, 4.0f}, {0.99f, 4.0f}, {1.0f, 4.0f}}) {
    Container network = gains();
    network.setQuality(quality);
    network.prepare(1, 64);
    CHECK(play(network, {1.0f}, 1).front() == gain);
  }
}

TEST_CASE("Container: a change is faded after the next network has listened", "[network][property]") {
  Container network = gains();
  network.prepare(1, 4096);
  play(network, kOnes, 100);
  network.setQuality(0.0f);
  const std::vector<float> output = play(network, kOnes, 4096);
  CHECK(output[0] == 4.0f); // it looks back at 1 frame
  for (int t = 0; t < Container::kFadeFrames; ++t)
    REQUIRE(std::abs(output[static_cast<std::size_t>(t) + 1] - (4.0f - 3.0f * static_cast<float>(t + 1) / 1024.0f)) <
            1e-6f);
  CHECK(output[1025] == 1.0f);
}

TEST_CASE("Container: block sizes do not change a change", "[network][property]") {
  for (const int block : {1, 7, 64, 1000}) {
    Container one = gains(), other = gains();
    std::vector<float> expected, output;
    for (Container* network : {&one, &other}) {
      network->prepare(1, 4096);
      std::vector<float>& all = network == &one ? expected : output;
      for (const float quality : {1.0f, 0.0f, 0.5f, 0.0f, 1.0f}) { // some while a fade is under way
        network->setQuality(quality);
        const std::vector<float> part = play(*network, std::vector<float>(700, 1.0f), network == &one ? 4096 : block);
        all.insert(all.end(), part.begin(), part.end());
      }
    }
    REQUIRE(output == expected);
  }
}

TEST_CASE("Container: a choice during a fade waits, and one that is taken back does nothing", "[network]") {
  Container network = gains();
  network.prepare(1, 4096);
  play(network, {1.0f}, 1);
  network.setQuality(0.0f);
  network.setQuality(1.0f);
  CHECK(play(network, kOnes, 64) == std::vector<float>(3000, 4.0f));
  network.setQuality(0.0f);
  play(network, std::vector<float>(500, 1.0f), 64);
  network.setQuality(0.5f);
  const std::vector<float> output = play(network, kOnes, 64);
  CHECK(output[525] == 1.0f); // the end of the first fade
  CHECK(output.back() == 2.0f);
}

TEST_CASE("Container: models of several sizes are listed, and play as each alone", "[network][golden]") {
  const test::Json container = threeSizes();
  const std::vector<float> input = test::noise(3000, 4);
  for (const auto& [quality, index] : {std::pair{0.1, 0}, {0.25, 1}, {0.3, 1}, {0.5, 2}, {1.0, 2}}) {
    fxengine::LoadOptions options;
    options.quality = quality;
    fxengine::Model model = fxengine::parseModel(container.dump(), "amp.nam", options);
    REQUIRE(model.info().qualities.size() == 3);
    CHECK(model.info().qualities[0].architecture == "lstm");
    CHECK(model.info().qualities[0].maxValue == 0.25);
    CHECK(model.info().qualities[2].numWeights == model.info().numWeights);
    CHECK(model.info().notes.empty());
    CHECK(double{model.quality()} == Approx(quality));
    fxengine::Model alone = test::load(container["config"]["submodels"][static_cast<std::size_t>(index)]["model"]);
    REQUIRE(test::play(model, input, {64}) == test::play(alone, input, {64}));
  }
}

TEST_CASE("Container: switching a model allocates nothing and ends in the other's sound", "[network][realtime]") {
  const test::Json container = threeSizes();
  const std::vector<float> input = test::noise(60'000, 4);
  fxengine::Model model = test::load(container);
  fxengine::Model small = test::load(container["config"]["submodels"][1]["model"]);
  const std::vector<float> expected = test::play(small, input, {64});
  model.prepare(1, 64);
  model.prewarm();
  std::vector<float> output = input;
  const test::AllocationCount allocations;
  for (std::size_t start = 0; start + 64 <= output.size(); start += 64) {
    float* block = output.data() + start;
    model.process(&block, &block, 1, 64);
    if (start == 6400)
      model.setQuality(0.4f);
  }
  REQUIRE(allocations.value() == 0);
  for (std::size_t t = 10'000; t < 59'000; ++t) // bounded memory: exactly the other network from there on
    REQUIRE(output[t] == expected[t]);
  model.setQuality(0.0f);
  model.rest();
  std::vector<float> silence(3000, 0.0f); // the LSTM too is at rest
  float* block = silence.data();
  model.process(&block, &block, 1, 3000);
  for (const float value : silence)
    REQUIRE(std::abs(value - silence.front()) < 1e-5f);
}

TEST_CASE("Container: a quality that cannot be used is noted or refused", "[loader]") {
  fxengine::LoadOptions options;
  options.quality = 0.5;
  const fxengine::Model single = fxengine::parseModel(test::plainModel().dump(), "amp.json", options);
  REQUIRE(single.info().notes.size() >= 1);
  CHECK(test::contains(single.info().notes.back(), "a single network"));
  options.quality = 1.5;
  CHECK_THROWS_WITH(fxengine::parseModel(test::plainModel().dump(), "amp.json", options),
                    Catch::Matchers::Contains("quality: expected a number from 0 to 1, found 1.5"));
}
