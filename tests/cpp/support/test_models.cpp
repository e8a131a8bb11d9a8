// SPDX-License-Identifier: MIT
#include "test_models.h"

#include <fxengine/model_loader.h>

#include <algorithm>
#include <cmath>

namespace test {
namespace {

using Frames = std::vector<std::vector<double>>;
using Matrix = std::vector<std::vector<double>>;

Json randomList(std::size_t size, double scale, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0f, static_cast<float>(scale));
  Json list = Json::array();
  for (std::size_t index = 0; index < size; ++index)
    list.push_back(normal(random)); // float32 values, exact in double
  return list;
}

Json randomMatrix(std::size_t rows, std::size_t columns, double scale, std::mt19937& random) {
  Json matrix = Json::array();
  for (std::size_t row = 0; row < rows; ++row)
    matrix.push_back(randomList(columns, scale, random));
  return matrix;
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

std::vector<double> activate(const std::string& name, std::vector<double> values) {
  if (name == "softmax") {
    double sum = 0.0;
    for (double& value : values)
      sum += value = std::exp(value);
    for (double& value : values)
      value /= sum;
    return values;
  }
  for (double& value : values) {
    if (name == "tanh")
      value = std::tanh(value);
    if (name == "relu")
      value = std::max(value, 0.0);
    if (name == "sigmoid")
      value = sigmoid(value);
    if (name == "elu")
      value = value < 0.0 ? std::exp(value) - 1.0 : value;
  }
  return values;
}

/** b[k] + sum over i of x[i] W[i][k] */
std::vector<double> affine(const std::vector<double>& x, const Matrix& weights, std::vector<double> bias) {
  for (std::size_t k = 0; k < bias.size(); ++k) {
    for (std::size_t i = 0; i < x.size(); ++i)
      bias[k] += x[i] * weights[i][k];
  }
  return bias;
}

Frames runDense(const Json& layer, const Frames& input) {
  const auto weights = layer["weights"][0].get<Matrix>();
  std::vector<double> bias(weights[0].size(), 0.0);
  if (layer["weights"].size() > 1)
    bias = layer["weights"][1].get<std::vector<double>>();
  Frames output;
  for (const auto& x : input)
    output.push_back(activate(layer["activation"], affine(x, weights, bias)));
  return output;
}

Frames runLstm(const Json& layer, const Frames& input) {
  const auto w = layer["weights"][0].get<Matrix>();
  const auto u = layer["weights"][1].get<Matrix>();
  const auto b = layer["weights"][2].get<std::vector<double>>();
  const std::size_t size = u.size();
  std::vector<double> h(size, 0.0), c(size, 0.0);
  Frames output;
  for (const auto& x : input) {
    const std::vector<double> z = affine(h, u, affine(x, w, b));
    for (std::size_t k = 0; k < size; ++k) {
      c[k] = sigmoid(z[size + k]) * c[k] + sigmoid(z[k]) * std::tanh(z[2 * size + k]);
      h[k] = sigmoid(z[3 * size + k]) * std::tanh(c[k]);
    }
    output.push_back(h);
  }
  return output;
}

Frames runGru(const Json& layer, const Frames& input) {
  const auto w = layer["weights"][0].get<Matrix>();
  const auto u = layer["weights"][1].get<Matrix>();
  const auto b = layer["weights"][2].get<Matrix>();
  const std::size_t size = u.size();
  std::vector<double> h(size, 0.0);
  Frames output;
  for (const auto& x : input) {
    const std::vector<double> a = affine(x, w, b[0]);
    const std::vector<double> d = affine(h, u, b[1]);
    for (std::size_t k = 0; k < size; ++k) {
      const double z = sigmoid(a[k] + d[k]);
      const double r = sigmoid(a[size + k] + d[size + k]);
      const double n = std::tanh(a[2 * size + k] + r * d[2 * size + k]);
      h[k] = z * h[k] + (1.0 - z) * n;
    }
    output.push_back(h);
  }
  return output;
}

std::size_t numEnvelopes(const Json& model) { return model.contains("envelopes") ? model["envelopes"].size() : 0; }

/** Inputs of a frame as the file's user gives them: audio and knobs. */
std::size_t numGiven(const Json& model) { return model["in_shape"].back().get<std::size_t>() - numEnvelopes(model); }

/** Adds the levels of the audio to each frame. */
void follow(const Json& model, Frames& signal) {
  if (numEnvelopes(model) == 0)
    return;
  const double rate = model.value("samplerate", 48000.0);
  for (const Json& envelope : model["envelopes"]) {
    const double attack = 1.0 - std::exp(-1000.0 / (envelope["attack_ms"].get<double>() * rate));
    const double release = 1.0 - std::exp(-1000.0 / (envelope["release_ms"].get<double>() * rate));
    double level = 0.0;
    for (auto& frame : signal) {
      const double size = std::abs(frame[0]);
      level += (size > level ? attack : release) * (size - level);
      frame.push_back(level);
    }
  }
}

Frames runActivation(const Json& layer, const Frames& input) {
  Frames output;
  for (const auto& x : input)
    output.push_back(activate(layer["activation"], x));
  return output;
}

Frames runConv1d(const Json& layer, const Frames& input) {
  const auto taps = layer["weights"][0].get<std::vector<Matrix>>();
  const auto bias = layer["weights"][1].get<std::vector<double>>();
  const auto dilation = layer["dilation"][0].get<std::size_t>(), groups = layer["groups"].get<std::size_t>();
  const std::size_t perIn = taps[0].size(), perOut = bias.size() / groups;
  Frames output;
  for (std::size_t t = 0; t < input.size(); ++t) {
    std::vector<double> y = bias;
    for (std::size_t tap = 0; tap < taps.size(); ++tap) {
      const std::size_t delay = (taps.size() - 1 - tap) * dilation;
      if (delay > t)
        continue;
      for (std::size_t o = 0; o < y.size(); ++o)
        for (std::size_t i = 0; i < perIn; ++i)
          y[o] += taps[tap][i][o] * input[t - delay][o / perOut * perIn + i];
    }
    output.push_back(activate(layer["activation"], y));
  }
  return output;
}

Frames runPrelu(const Json& layer, Frames signal) {
  const auto slopes = layer["weights"][0][0].get<std::vector<double>>();
  for (auto& frame : signal)
    for (std::size_t k = 0; k < frame.size(); ++k)
      frame[k] *= frame[k] > 0.0 ? 1.0 : slopes[slopes.size() == 1 ? 0 : k];
  return signal;
}

Frames runBatchnorm(const Json& layer, Frames signal) {
  const auto weights = layer["weights"].get<Matrix>();
  const std::size_t last = weights.size() - 1;
  for (auto& frame : signal)
    for (std::size_t k = 0; k < frame.size(); ++k) {
      frame[k] = (frame[k] - weights[last - 1][k]) / std::sqrt(weights[last][k] + layer["epsilon"].get<double>());
      if (last == 3)
        frame[k] = weights[0][k] * frame[k] + weights[1][k];
    }
  return signal;
}

} // namespace

Json makeModel(int numInputs, const std::vector<LayerSpec>& layers, unsigned seed) {
  std::mt19937 random(seed);
  Json model = {{"in_shape", {nullptr, nullptr, numInputs}}, {"layers", Json::array()}};
  auto in = static_cast<std::size_t>(numInputs);
  for (const LayerSpec& spec : layers) {
    const auto out = static_cast<std::size_t>(spec.size);
    const double inScale = 1.0 / std::sqrt(static_cast<double>(in));
    const double outScale = 1.0 / std::sqrt(static_cast<double>(out));
    Json weights = Json::array();
    if (spec.type == "lstm") {
      weights = {randomMatrix(in, 4 * out, inScale, random), randomMatrix(out, 4 * out, outScale, random),
                 randomList(4 * out, 0.3, random)};
    } else if (spec.type == "gru") {
      weights = {randomMatrix(in, 3 * out, inScale, random), randomMatrix(out, 3 * out, outScale, random),
                 randomMatrix(2, 3 * out, 0.3, random)};
    } else if (spec.type == "conv1d") {
      const std::size_t perGroup = in / static_cast<std::size_t>(spec.groups);
      weights = {Json::array(), randomList(out, 0.3, random)};
      for (int tap = 0; tap < spec.kernelSize; ++tap)
        weights[0].push_back(
            randomMatrix(perGroup, out, 1.0 / std::sqrt(static_cast<double>(perGroup) * spec.kernelSize), random));
    } else if (spec.type == "prelu") {
      weights = Json::array({Json::array({randomList(spec.groups == 1 ? out : 1, 0.3, random)})});
    } else if (spec.type == "batchnorm") {
      weights = {randomList(out, 1.0, random), randomList(out, 0.3, random), randomList(out, 0.3, random),
                 Json::array()};
      for (std::size_t k = 0; k < out; ++k)
        weights[3].push_back(0.25f * static_cast<float>(k + 1));
      if (spec.groups != 1)
        weights = {weights[2], weights[3]}; // not affine
    } else if (spec.type != "activation") {
      weights = {randomMatrix(in, out, inScale, random), randomList(out, 0.3, random)};
    }
    model["layers"].push_back({{"type", spec.type},
                               {"activation", spec.activation},
                               {"shape", {nullptr, nullptr, spec.size}},
                               {"weights", weights}});
    Json& layer = model["layers"].back();
    if (spec.type == "conv1d") {
      layer["kernel_size"] = {spec.kernelSize};
      layer["dilation"] = {spec.dilation};
      layer["groups"] = spec.groups;
    }
    if (spec.type == "batchnorm")
      layer["epsilon"] = 0.125;
    in = out;
  }
  return model;
}

std::vector<double> referenceOutput(const Json& model, const std::vector<double>& frames) {
  const std::size_t numInputs = numGiven(model);
  Frames signal;
  for (std::size_t start = 0; start < frames.size(); start += numInputs) {
    const auto first = frames.begin() + static_cast<long>(start);
    signal.emplace_back(first, first + static_cast<long>(numInputs));
  }
  follow(model, signal);
  for (const Json& layer : model["layers"]) {
    const std::string type = layer["type"];
    if (type == "lstm") {
      signal = runLstm(layer, signal);
    } else if (type == "gru") {
      signal = runGru(layer, signal);
    } else if (type == "activation") {
      signal = runActivation(layer, signal);
    } else if (type == "conv1d") {
      signal = runConv1d(layer, signal);
    } else if (type == "prelu") {
      signal = runPrelu(layer, signal);
    } else if (type == "batchnorm") {
      signal = runBatchnorm(layer, signal);
    } else {
      signal = runDense(layer, signal);
    }
  }
  std::vector<double> output;
  for (const auto& frame : signal)
    output.push_back(frame.at(0));
  return output;
}

void addTestVectors(Json& model, int numFrames, unsigned seed) {
  const std::vector<float> input = noise(static_cast<std::size_t>(numFrames), seed);
  const std::size_t numInputs = numGiven(model);
  std::vector<double> frames(input.size() * numInputs, 0.0); // knobs at 0
  for (std::size_t t = 0; t < input.size(); ++t)
    frames[t * numInputs] = double{input[t]};
  std::vector<double> output = referenceOutput(model, frames);
  if (model.value("in_skip", 0) == 1) {
    for (std::size_t t = 0; t < input.size(); ++t)
      output[t] += double{input[t]};
  }
  model["input_batch"] = input;
  model["output_batch"] = output;
}

std::vector<float> noise(std::size_t numFrames, unsigned seed, float amplitude) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-amplitude, amplitude);
  std::vector<float> signal(numFrames);
  for (float& sample : signal)
    sample = uniform(random);
  return signal;
}

std::vector<float> play(fxengine::Model& model, const std::vector<float>& input, const std::vector<int>& blockSizes) {
  model.prepare(1, *std::max_element(blockSizes.begin(), blockSizes.end()));
  std::vector<float> output(input.size());
  std::size_t start = 0;
  for (std::size_t block = 0; start < input.size(); ++block) {
    const auto size = static_cast<std::size_t>(blockSizes[block % blockSizes.size()]);
    const std::size_t count = std::min(size, input.size() - start);
    const float* in = input.data() + start;
    float* out = output.data() + start;
    model.process(&in, &out, 1, static_cast<int>(count));
    start += count;
  }
  return output;
}

fxengine::Model load(const Json& model, const std::string& backend) {
  return fxengine::parseModel(model.dump(), "test.json", {backend, true});
}

bool plays(const std::string& backend, const Json& model) {
  return backend == "fxengine" || !model.contains("envelopes");
}

std::vector<Json> assortment() {
  Json residual = makeModel(1, {{"lstm", 16}, {"dense", 1}}, 1);
  residual["in_skip"] = 1;
  residual["in_gain"] = 3.0;
  residual["out_gain"] = -6.0;
  Json followed = makeModel(3, {{"lstm", 12}, {"dense", 1}}, 9);
  followed["samplerate"] = 44100;
  followed["envelopes"] = {{{"attack_ms", 2.0}, {"release_ms", 30.0}}, {{"attack_ms", 50.0}, {"release_ms", 50.0}}};
  Json filtered = residual;
  std::mt19937 random(10);
  filtered["fir"] = {{"taps", randomList(700, 0.03, random)}};
  return {residual,
          followed,
          filtered,
          makeModel(1, {{"lstm", 1}, {"dense", 1}}, 2),
          makeModel(1, {{"lstm", 7}, {"lstm", 5}, {"dense", 1}}, 3),
          makeModel(1, {{"gru", 12}, {"dense", 1}}, 4),
          makeModel(1, {{"gru", 3}, {"gru", 9}, {"dense", 4, "sigmoid"}, {"dense", 1}}, 5),
          makeModel(3, {{"lstm", 10}, {"dense", 1}}, 6),
          makeModel(1, {{"time-distributed-dense", 8, "tanh"}, {"lstm", 6}, {"gru", 5}, {"dense", 1}}, 7),
          makeModel(1,
                    {{"dense", 6, "tanh"},
                     {"conv1d", 4, "sigmoid", 3, 7},
                     {"batchnorm", 4},
                     {"prelu", 4},
                     {"conv1d", 6, "", 2, 40, 2},
                     {"dense", 1}},
                    11),
          makeModel(1, {{"dense", 8, "relu"}, {"dense", 6, "elu"}, {"activation", 6, "softmax"}, {"dense", 1}}, 8)};
}

} // namespace test
