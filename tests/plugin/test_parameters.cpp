// SPDX-License-Identifier: MIT
#include "catch.h"

#include "support/instance.h"

#include <cmath>
#include <set>

using namespace fxtrain;

namespace {

std::vector<juce::RangedAudioParameter*> all(test::Instance& instance) {
  std::vector<juce::RangedAudioParameter*> found;
  for (auto* parameter : instance.plugin.getParameters())
    if (auto* ranged = dynamic_cast<juce::RangedAudioParameter*>(parameter))
      found.push_back(ranged);
  return found;
}

} // namespace

TEST_CASE("Parameters: each but oversampling sets something in the chain, by its id", "[parameters]") {
  std::set<juce::String> known{id::oversamplingLive, id::oversamplingOffline};
  for (const auto& setting : fxengine::chainParameters())
    CHECK(known.insert(setting.id).second);
  test::Instance instance;
  std::set<juce::String> ids;
  for (auto* parameter : instance.plugin.getParameters())
    ids.insert(dynamic_cast<juce::RangedAudioParameter&>(*parameter).getParameterID());
  CHECK(known == ids);
}

TEST_CASE("Parameters: names and ids are there once", "[parameters]") {
  test::Instance instance;
  const auto parameters = all(instance);
  CHECK(parameters.size() == 76);
  CHECK(int(parameters.size()) == instance.plugin.getParameters().size());
  std::set<juce::String> names, ids;
  for (const auto* parameter : parameters) {
    CHECK(names.insert(parameter->getName(100)).second);
    CHECK(ids.insert(parameter->getParameterID()).second);
    CHECK(parameter->getName(100).isNotEmpty());
    CHECK(parameter->getName(4).length() <= 4);
  }
}

TEST_CASE("Parameters: text and value agree, both ways, over the whole range", "[parameters]") {
  test::Instance instance;
  for (auto* parameter : all(instance)) {
    const auto& range = parameter->getNormalisableRange();
    for (int step = 0; step <= 1000; ++step) {
      const float value = parameter->convertTo0to1(parameter->convertFrom0to1(float(step) / 1000.0f));
      const auto text = parameter->getText(value, 100);
      const float back = parameter->getValueForText(text);
      INFO(parameter->getParameterID() << " " << value << " " << text);
      // Within half of the last digit shown, which is 0.1 or 1; switches and choices exactly.
      const bool isNumber = !parameter->isDiscrete();
      const float last = text.containsChar('.') ? 0.1f : 1.0f;
      const float tolerance = isNumber ? 0.51f * last / (range.end - range.start) : 0.0f;
      CHECK(std::abs(back - value) <= tolerance + 1e-6f);
      CHECK(parameter->getText(back, 100) == text);
      if (isNumber)
        CHECK(parameter->getValueForText(text + " " + parameter->getLabel()) == back);
    }
  }
}

TEST_CASE("Parameters: a default is in the middle of nowhere: it survives its own text", "[parameters]") {
  test::Instance instance;
  for (auto* parameter : all(instance)) {
    INFO(parameter->getParameterID());
    const float value = parameter->getDefaultValue();
    CHECK(parameter->getValueForText(parameter->getText(value, 100)) == Approx(value).margin(1e-6));
    CHECK(parameter->getValue() == value);
  }
}

TEST_CASE("Parameters: whatever a host types is a value in range", "[parameters]") {
  test::Instance instance;
  for (auto* parameter : all(instance)) {
    for (const auto* text : {"", " ", "x", "nan", "inf", "-inf", "1e999", "-1e999", "1e-999", "99999999999999999999",
                             "+", "-", "0x10", "1,5", "%s%n",
                             "\xe2\x88\x92"
                             "6 dB"}) {
      const float value = parameter->getValueForText(juce::String::fromUTF8(text));
      INFO(parameter->getParameterID() << " '" << text << "'");
      CHECK(std::isfinite(value));
      parameter->setValueNotifyingHost(value);
      const float plain = parameter->convertFrom0to1(parameter->getValue());
      CHECK(std::isfinite(plain));
      CHECK(plain >= parameter->getNormalisableRange().start);
      CHECK(plain <= parameter->getNormalisableRange().end);
    }
  }
}

TEST_CASE("Parameters: switches and choices have no values in between", "[parameters]") {
  test::Instance instance;
  for (auto* parameter : all(instance)) {
    if (!parameter->isDiscrete())
      continue;
    INFO(parameter->getParameterID());
    for (int step = 0; step <= 20; ++step) {
      parameter->setValueNotifyingHost(float(step) / 20.0f);
      const float plain = parameter->convertFrom0to1(parameter->getValue());
      CHECK(parameter->getValue() == parameter->convertTo0to1(std::round(plain)));
    }
  }
}

TEST_CASE("Parameters: values beyond the range that a host sets are limited", "[parameters]") {
  test::Instance instance;
  const auto signal = test::sine(110.0, 4800);
  for (const float value : {-1.0f, 2.0f, 1e30f, -1e30f}) {
    for (auto* parameter : all(instance))
      if (parameter->getParameterID() != id::oversamplingLive && parameter->getParameterID() != id::oversamplingOffline)
        parameter->setValueNotifyingHost(value);
    for (const float sample : instance.play(signal))
      REQUIRE(std::isfinite(sample));
  }
}

TEST_CASE("Parameters: by default nothing is changed but by the model", "[parameters]") {
  test::Instance instance; // with no model
  const auto signal = test::sine(440.0, 48000);
  CHECK(instance.plugin.getLatencySamples() == 0);
  CHECK(test::difference(instance.play(signal), signal) == 0.0f);
}
