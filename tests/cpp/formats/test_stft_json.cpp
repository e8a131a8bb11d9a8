// SPDX-License-Identifier: MIT
#include "../support/loader.h"
#include "../support/stft_models.h"

namespace {

fxengine::ModelError errorOf(const std::function<void(test::Json&)>& damage) {
  test::Json json = test::makeStftMask({}, 1);
  damage(json["stft"]);
  return test::errorOf(json.dump());
}

} // namespace

TEST_CASE("STFT JSON: what is wrong is said with its place", "[stft][loader]") {
  using test::Json;
  CHECK(test::contains(errorOf([](Json& s) { s["kind"] = "tape"; }).what(), "stft.kind: expected \"mask\""));
  CHECK(test::contains(errorOf([](Json& s) { s["n_fft"] = 254; }).what(), "stft.n_fft: expected an even number"));
  CHECK(test::contains(errorOf([](Json& s) { s["n_fft"] = 1 << 20; }).what(), "stft.n_fft"));
  CHECK(test::contains(errorOf([](Json& s) { s["hop"] = 65; }).what(), "stft.hop: expected at most a quarter"));
  CHECK(test::contains(errorOf([](Json& s) { s["windows"] = "hann"; }).what(), "stft.windows"));
  CHECK(test::contains(errorOf([](Json& s) { s["bands"] = 7; }).what(), "stft.nets.masks"));
  CHECK(test::contains(errorOf([](Json& s) { s["nets"].erase("masks"); }).what(), "stft.nets.masks"));
  CHECK(test::contains(errorOf([](Json& s) { s["filters"]["hops"] = 6; }).what(), "stft.filters.real"));
  CHECK(
      test::contains(errorOf([](Json& s) { s["filters"]["imag"][2][3] = nullptr; }).what(), "stft.filters.imag[2][3]"));
  CHECK(test::contains(errorOf([](Json& s) {
                         s["nets"]["branch"][1]["shape"] = {nullptr, nullptr, 2};
                       }).what(),
                       "stft.nets.branch[1]"));
}

TEST_CASE("STFT JSON: test vectors are without the latency", "[stft][loader]") {
  test::Json json = test::makeEmptyStftMask({});
  const std::vector<float> x = test::noise(500, 4);
  json["input_batch"] = x;
  json["output_batch"] = x;
  const fxengine::Model model = test::load(json);
  REQUIRE(model.info().selfTest);
  CHECK(model.info().selfTest->numFrames == 500);
  CHECK(model.info().selfTest->maxError < 1e-6);
  CHECK(model.latencyFrames() == 96);
  CHECK(fxengine::describeContent(json.dump()) == "an STFT-domain model of fxtrain");
}
