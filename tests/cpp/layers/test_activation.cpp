// SPDX-License-Identifier: MIT
#include "../catch.h"

#include <fxengine/layers/activation.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using fxengine::ActivationType;

namespace {

float apply(ActivationType type, float x) {
  if (const auto function = fxengine::activationFunction(type))
    function(&x, 1);
  return x;
}

/** Distance in units of the last place of the exact value, as float32. */
double ulps(float value, double exact) {
  const auto rounded = static_cast<float>(std::abs(exact));
  const double unit = double{std::nextafter(rounded, std::numeric_limits<float>::infinity())} - double{rounded};
  return std::abs(double{value} - exact) / unit;
}

} // namespace

TEST_CASE("Activations: within 3 ULP of the exact function", "[layers][golden]") {
  for (float x = -20.0f; x <= 20.0f; x += 0.00137f) {
    const double exact = double{x};
    REQUIRE(ulps(apply(ActivationType::tanh, x), std::tanh(exact)) <= 3.0);
    REQUIRE(ulps(apply(ActivationType::sigmoid, x), 1.0 / (1.0 + std::exp(-exact))) <= 3.0);
    REQUIRE(ulps(apply(ActivationType::elu, x), x < 0 ? std::expm1(exact) : exact) <= 3.0);
    REQUIRE(apply(ActivationType::relu, x) == std::max(x, 0.0f));
    REQUIRE(apply(ActivationType::none, x) == x);
  }
}

TEST_CASE("Activations: the ends of the range", "[layers]") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const float x : {100.0f, 1e30f, inf}) {
    REQUIRE(apply(ActivationType::tanh, x) == 1.0f);
    REQUIRE(apply(ActivationType::tanh, -x) == -1.0f);
    REQUIRE(apply(ActivationType::sigmoid, x) == 1.0f);
    REQUIRE(apply(ActivationType::sigmoid, -x) >= 0.0f);
    REQUIRE(apply(ActivationType::sigmoid, -x) < 1e-12f);
    REQUIRE(apply(ActivationType::elu, -x) == -1.0f);
  }
}

TEST_CASE("Activations: NaN stays NaN", "[layers]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const auto type : {ActivationType::none, ActivationType::tanh, ActivationType::relu, ActivationType::sigmoid,
                          ActivationType::elu, ActivationType::softmax}) {
    std::vector<float> values{0.5f, nan, 0.25f};
    if (const auto function = fxengine::activationFunction(type))
      function(values.data(), 3);
    REQUIRE(std::isnan(values[1]));
  }
}

TEST_CASE("Softmax: sums to one, is unmoved by an offset, and does not overflow", "[layers]") {
  const std::vector<float> values{0.5f, -1.0f, 2.0f, 0.0f};
  std::vector<float> plain = values, shifted = values, huge = values;
  for (float& value : shifted)
    value += 64.0f;
  for (float& value : huge)
    value *= 1e30f;
  for (auto* list : {&plain, &shifted, &huge})
    fxengine::activationFunction(ActivationType::softmax)(list->data(), 4);
  REQUIRE(std::accumulate(plain.begin(), plain.end(), 0.0f) == Approx(1.0f));
  for (std::size_t k = 0; k < 4; ++k)
    REQUIRE(shifted[k] == Approx(plain[k]));
  REQUIRE(plain[2] / plain[0] == Approx(std::exp(1.5f)));
  REQUIRE(huge == std::vector<float>{0.0f, 0.0f, 1.0f, 0.0f});
}

TEST_CASE("Activations: names are those of model files", "[layers]") {
  for (const char* name : {"", "tanh", "relu", "sigmoid", "elu", "softmax"}) {
    REQUIRE(fxengine::activationName(fxengine::activationFromName(name).value()) == std::string(name));
  }
  REQUIRE_FALSE(fxengine::activationFromName("Tanh").has_value());
  REQUIRE_FALSE(fxengine::activationFromName("swish").has_value());
}
