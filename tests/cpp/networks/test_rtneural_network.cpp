// SPDX-License-Identifier: MIT
#include "../catch.h"
#include "../support/nam_models.h"

#include <fxengine/error.h>

#include <algorithm>
#include <cmath>

TEST_CASE("RTNeural: plays the same files to 1e-5", "[rtneural][golden]") {
  for (const test::Json& json : test::assortment()) {
    if (!test::plays("rtneural", json))
      continue;
    fxengine::Model ours = test::load(json);
    fxengine::Model theirs = test::load(json, "rtneural");
    REQUIRE(theirs.info().backend == "rtneural");
    const std::vector<float> input = test::noise(5000, 51, 1.0f);
    const std::vector<float> a = test::play(ours, input, {64});
    const std::vector<float> b = test::play(theirs, input, {511, 1, 64});
    for (std::size_t t = 0; t < input.size(); ++t)
      REQUIRE(std::abs(a[t] - b[t]) < 1e-5f);
  }
}

TEST_CASE("RTNeural: streams are independent and reset repeats", "[rtneural][state]") {
  const test::Json json = test::assortment().front();
  const std::vector<float> left = test::noise(500, 52), right = test::noise(500, 53);
  fxengine::Model model = test::load(json, "rtneural");
  const std::vector<float> expectedLeft = test::play(model, left, {64});
  const std::vector<float> expectedRight = test::play(model, right, {64});
  const float* in[2] = {left.data(), right.data()};
  std::vector<float> outLeft(500), outRight(500);
  float* out[2] = {outLeft.data(), outRight.data()};
  model.prepare(2, 64);
  for (int pass = 0; pass < 2; ++pass) {
    model.process(in, out, 2, 500);
    REQUIRE(outLeft == expectedLeft);
    REQUIRE(outRight == expectedRight);
    model.reset();
  }
}

TEST_CASE("RTNeural: prewarmed, every stream is at rest from the first frame on; after sound, rest() starts from zero",
          "[rtneural][state]") {
  const std::vector<float> silence(4800, 0.0f), sound = test::noise(1000, 54);
  for (const test::Json& json : test::assortment()) {
    if (!test::plays("rtneural", json))
      continue;
    fxengine::Model ours = test::load(json), theirs = test::load(json, "rtneural");
    for (fxengine::Model* model : {&ours, &theirs}) {
      model->prepare(2, 64);
      model->prewarm();
    }
    REQUIRE(theirs.restOutput() == Approx(ours.restOutput()).margin(1e-5));
    std::vector<float> left(silence.size()), right(silence.size());
    const float* in[2] = {silence.data(), silence.data()};
    float* out[2] = {left.data(), right.data()};
    theirs.process(in, out, 2, static_cast<int>(silence.size()));
    for (std::size_t t = 0; t < silence.size(); ++t)
      REQUIRE(std::abs(left[t] - theirs.restOutput()) < 1e-5f); // -100 dBFS
    REQUIRE(left == right);
    if (json.contains("fir"))
      continue; // the linear stage is ours, and does go back to rest
    // RTNeural keeps its state to itself, so that it cannot be put back to rest (docs/decisions/rtneural-backend.md).
    const float* loud[2] = {sound.data(), silence.data()};
    theirs.process(loud, out, 2, static_cast<int>(sound.size()));
    theirs.rest();
    theirs.process(loud, out, 1, static_cast<int>(sound.size()));
    fxengine::Model fromZero = test::load(json, "rtneural");
    const std::vector<float> expected = test::play(fromZero, sound, {64});
    REQUIRE(std::equal(expected.begin(), expected.end(), left.begin()));
  }
}

TEST_CASE("RTNeural: files are checked before it sees them", "[rtneural]") {
  test::Json json = test::assortment().front();
  json["layers"][0]["shape"][2] = 15;
  REQUIRE_THROWS_AS(test::load(json, "rtneural"), fxengine::ModelError);
}

TEST_CASE("RTNeural: a model with envelopes is refused, with what plays it", "[rtneural]") {
  const test::Json json = test::assortment()[1];
  REQUIRE(json.contains("envelopes"));
  REQUIRE_THROWS_WITH(test::load(json, "rtneural"), Catch::Matchers::Contains("take the backend fxengine"));
}

TEST_CASE("RTNeural: a .nam LSTM plays where its file starts at zero, and starts at rest", "[rtneural][golden]") {
  constexpr std::size_t kHidden = 5;
  test::Json json = test::makeNam("LSTM", {{"input_size", 1}, {"hidden_size", kHidden}, {"num_layers", 1}}, 3);
  REQUIRE_THROWS_WITH(test::load(json, "rtneural"), Catch::Matchers::Contains("a zero start state"));
  for (std::size_t index = 0; index < 2 * kHidden; ++index) // behind the matrix and its bias
    json["weights"][4 * kHidden * (1 + kHidden) + 4 * kHidden + index] = 0.0f;
  fxengine::Model ours = test::load(json), theirs = test::load(json, "rtneural");
  const std::vector<float> input = test::noise(2000, 55);
  const std::vector<float> a = test::play(ours, input, {64}), b = test::play(theirs, input, {511, 1, 64});
  for (std::size_t t = 0; t < input.size(); ++t)
    REQUIRE(std::abs(a[t] - b[t]) < 1e-5f);
}
