// SPDX-License-Identifier: MIT
#include "formats/nam_fields.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace fxengine::detail {
namespace {

constexpr std::array<std::pair<const char*, WaveActivation>, 13> kActivations{
    {{"Identity", WaveActivation::identity},
     {"Tanh", WaveActivation::tanh},
     {"Fasttanh", WaveActivation::fastTanh},
     {"Hardtanh", WaveActivation::hardTanh},
     {"LeakyHardtanh", WaveActivation::leakyHardTanh},
     {"LeakyHardTanh", WaveActivation::leakyHardTanh},
     {"ReLU", WaveActivation::relu},
     {"LeakyReLU", WaveActivation::leakyRelu},
     {"PReLU", WaveActivation::prelu},
     {"Sigmoid", WaveActivation::sigmoid},
     {"SiLU", WaveActivation::silu},
     {"Hardswish", WaveActivation::hardSwish},
     {"Softsign", WaveActivation::softSign}}};

} // namespace

WaveActivationData readNamActivation(const JsonField& field, int channels) {
  constexpr double kLargest = 1e6;
  const bool isObject = field.value().is_object();
  const JsonField type = isObject ? field.member("type") : field;
  const std::string name = type.text();
  const auto found =
      std::find_if(kActivations.begin(), kActivations.end(), [&](const auto& entry) { return name == entry.first; });
  if (found == kActivations.end())
    type.fail("an activation of Neural Amp Modeler, such as Tanh, ReLU, LeakyReLU, Sigmoid or SiLU");
  WaveActivationData activation;
  activation.type = found->second;
  if (activation.type == WaveActivation::leakyRelu || activation.type == WaveActivation::prelu)
    activation.slopes = {0.01f};
  if (!isObject)
    return activation;
  const auto number = [&](const char* key, float& value) {
    if (const auto member = field.optionalMember(key))
      value = static_cast<float>(member->number(-kLargest, kLargest));
  };
  const auto slopes = field.optionalMember("negative_slopes");
  if (activation.type == WaveActivation::prelu && slopes && !field.optionalMember("negative_slope")) {
    if (slopes->size() != 1 && slopes->size() != static_cast<std::size_t>(channels))
      slopes->fail("a list of 1 or " + std::to_string(channels) + " numbers");
    activation.slopes = slopes->floats(slopes->size());
  } else if (!activation.slopes.empty()) {
    number("negative_slope", activation.slopes.front());
  }
  number("min_val", activation.minimum);
  number("max_val", activation.maximum);
  number("min_slope", activation.minSlope);
  number("max_slope", activation.maxSlope);
  return activation;
}

int optionalInteger(const JsonField& object, const char* key, int otherwise, int least, int most) {
  const auto field = object.optionalMember(key);
  return field ? field->integer(least, most) : otherwise;
}

bool optionalFlag(const JsonField& object, const char* key, bool otherwise) {
  const auto field = object.optionalMember(key);
  if (!field)
    return otherwise;
  if (!field->value().is_boolean())
    field->fail("true or false");
  return field->value().get<bool>();
}

void requireGroups(const JsonField& field, int groups, int inputs, int outputs) {
  if (inputs % groups != 0 || outputs % groups != 0)
    field.fail("groups that divide " + std::to_string(inputs) + " inputs and " + std::to_string(outputs) + " outputs",
               std::to_string(groups));
}

NamWeights::NamWeights(const JsonField& model, NamBudget& budget)
    : model_(model), field_(model.member("weights")), budget_(&budget), values_(field_.floats(field_.size())) {}

std::vector<float> NamWeights::take(std::size_t count) {
  if (count > values_.size() - next_) {
    field_.fail("more numbers: the layers need at least " + std::to_string(next_ + count),
                std::to_string(values_.size()), "the file is damaged: export it again");
  }
  spendWeights(count);
  const auto start = values_.begin() + static_cast<std::ptrdiff_t>(next_);
  next_ += count;
  return {start, start + static_cast<std::ptrdiff_t>(count)};
}

void NamWeights::spendWeights(std::size_t count) {
  if (count > budget_->weights)
    model_.member("config").fail("layers of at most " + std::to_string(ModelLimits::kMaxWeights) +
                                     " weights in all, zeros between groups included",
                                 "more");
  budget_->weights -= count;
}

ConvData NamWeights::takeConv(int inputs, int outputs, int kernel, int dilation, bool bias, int groups) {
  ConvData conv{inputs, outputs, kernel, dilation, {}, {}};
  const auto size = [](int a, int b, int c) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c);
  };
  const int in = inputs / groups, out = outputs / groups;
  const std::vector<float> stored = take(size(outputs, in, kernel));
  spendWeights(size(outputs, inputs, kernel) - stored.size());
  const std::size_t past = pastValuesOf(conv);
  if (past > budget_->pastValues)
    model_.member("config").fail("layers that look back at " + std::to_string(ModelLimits::kMaxPastValues) +
                                     " values at most, all together",
                                 "more");
  budget_->pastValues -= past;
  conv.weights.assign(size(outputs, inputs, kernel), 0.0f);
  std::size_t next = 0;
  for (int output = 0; output < outputs; ++output)
    for (int input = 0; input < in; ++input)
      for (int tap = 0; tap < kernel; ++tap)
        conv.weights[size(output, inputs, kernel) +
                     static_cast<std::size_t>((output / out * in + input) * kernel + tap)] = stored[next++];
  if (bias)
    conv.bias = take(static_cast<std::size_t>(outputs));
  return conv;
}

void NamWeights::spendLayers(const JsonField& dilations) {
  if (dilations.size() > budget_->waveNetLayers)
    dilations.fail("WaveNets of at most " + std::to_string(NamBudget().waveNetLayers) + " layers, all together",
                   "more");
  budget_->waveNetLayers -= dilations.size();
}

void NamWeights::requireEnd() const {
  if (next_ != values_.size()) {
    field_.fail(std::to_string(next_) + " numbers, which is what the layers need", std::to_string(values_.size()),
                "the file is damaged: export it again");
  }
}

} // namespace fxengine::detail
