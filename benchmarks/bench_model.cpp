// SPDX-License-Identifier: MIT
#include "bench_model.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>
#include <random>
#include <stdexcept>

namespace fxbench {
namespace {

using Json = nlohmann::json;

constexpr double kTwoPi = 2.0 * std::numbers::pi;

/** Random numbers that are the same with every C++ library, which the distributions of <random> are not. */
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53; // 53 bits
  }

  double normal(double deviation) { // Box and Muller
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(0.0, 1.0)));
    return deviation * radius * std::cos(kTwoPi * uniform(0.0, 1.0));
  }

  int below(int end) { return static_cast<int>(uniform(0.0, end)); }

 private:
  std::mt19937_64 engine_;
};

float roundedToBfloat16(float value) { // to nearest, ties to even
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/** Where PyTorch's gate stands in a file: both have i f g o; r z n is z r n there. */
int fileGate(const LayerWeights& layer, int gate) { return layer.type == "gru" && gate < 2 ? 1 - gate : gate; }

/** [gates * size][inputs] to the file's [inputs][gates * size]. */
Json matrixToJson(const LayerWeights& layer, const std::vector<float>& weights, int inputs) {
  const int columns = layer.gates() * layer.size;
  std::vector<std::vector<float>> matrix(inputs, std::vector<float>(columns));
  for (int gate = 0; gate < layer.gates(); ++gate) {
    for (int unit = 0; unit < layer.size; ++unit) {
      for (int in = 0; in < inputs; ++in) {
        matrix[in][fileGate(layer, gate) * layer.size + unit] = weights[(gate * layer.size + unit) * inputs + in];
      }
    }
  }
  return matrix;
}

Json biasToJson(const LayerWeights& layer, const std::vector<float>& bias) { return matrixToJson(layer, bias, 1)[0]; }

std::vector<float> matrixFromJson(const LayerWeights& layer, const Json& json, int inputs) {
  std::vector<float> weights(static_cast<std::size_t>(layer.gates()) * layer.size * inputs);
  for (int gate = 0; gate < layer.gates(); ++gate) {
    for (int unit = 0; unit < layer.size; ++unit) {
      for (int in = 0; in < inputs; ++in) {
        weights[(gate * layer.size + unit) * inputs + in] =
            json.at(in).at(fileGate(layer, gate) * layer.size + unit).get<float>();
      }
    }
  }
  return weights;
}

/** One layer in float64, frame by frame. */
class ReferenceLayer {
 public:
  explicit ReferenceLayer(const LayerWeights& layer)
      : layer_(layer), rows_(layer.gates() * layer.size), fromInput_(rows_), fromState_(rows_), state_(layer.size),
        cell_(layer.size), recurrent_(static_cast<std::size_t>(rows_) * layer.size) {
    for (int row = 0; row < rows_; ++row) {
      for (int unit = 0; unit < layer.size; ++unit) {
        recurrent_[static_cast<std::size_t>(unit) * rows_ + row] = layer.recurrent[row * layer.size + unit];
      }
    }
  }

  const std::vector<double>& process(const std::vector<double>& input) {
    for (int row = 0; row < rows_; ++row) {
      fromInput_[row] = layer_.inputBias[row];
      for (int in = 0; in < layer_.inputs; ++in) {
        fromInput_[row] += static_cast<double>(layer_.input[row * layer_.inputs + in]) * input[in];
      }
      fromState_[row] = layer_.recurrentBias[row];
    }
    for (int unit = 0; unit < layer_.size; ++unit) {
      const double* column = recurrent_.data() + static_cast<std::size_t>(unit) * rows_;
      const double value = state_[unit];
      for (int row = 0; row < rows_; ++row) {
        fromState_[row] += column[row] * value;
      }
    }
    for (int unit = 0; unit < layer_.size; ++unit) {
      const auto sum = [&](int gate) {
        return fromInput_[gate * layer_.size + unit] + fromState_[gate * layer_.size + unit];
      };
      if (layer_.type == "lstm") {
        cell_[unit] = sigmoid(sum(1)) * cell_[unit] + sigmoid(sum(0)) * std::tanh(sum(2));
        state_[unit] = sigmoid(sum(3)) * std::tanh(cell_[unit]);
      } else {
        const int row = 2 * layer_.size + unit;
        const double candidate = std::tanh(fromInput_[row] + sigmoid(sum(0)) * fromState_[row]);
        const double update = sigmoid(sum(1));
        state_[unit] = update * state_[unit] + (1.0 - update) * candidate;
      }
    }
    return state_;
  }

 private:
  const LayerWeights& layer_;
  int rows_;
  std::vector<double> fromInput_;
  std::vector<double> fromState_;
  std::vector<double> state_;
  std::vector<double> cell_;
  std::vector<double> recurrent_; // [unit][row]: the inner loop runs over rows
};

} // namespace

Weights randomWeights(const std::string& type, const std::vector<int>& sizes, std::uint64_t seed, bool rounded) {
  Random random(seed);
  const auto normals = [&](int count, double deviation) {
    std::vector<float> values(count);
    std::generate(values.begin(), values.end(), [&] { return static_cast<float>(random.normal(deviation)); });
    return values;
  };
  Weights weights;
  int inputs = 1;
  for (const int size : sizes) {
    LayerWeights layer;
    layer.type = type;
    layer.inputs = inputs;
    layer.size = size;
    const int rows = layer.gates() * size;
    layer.input = normals(rows * inputs, 0.9 / std::sqrt(inputs));
    layer.recurrent = normals(rows * size, 1.0 / std::sqrt(size));
    if (rounded)
      std::transform(layer.recurrent.begin(), layer.recurrent.end(), layer.recurrent.begin(), roundedToBfloat16);
    layer.inputBias = normals(rows, 0.3);
    if (type == "lstm") {
      layer.recurrentBias.assign(rows, 0.0f);
      for (int unit = size; unit < 2 * size; ++unit) {
        layer.inputBias[unit] += 0.8f;
      }
    } else {
      layer.recurrentBias = normals(rows, 0.3);
    }
    weights.layers.push_back(std::move(layer));
    inputs = size;
  }
  weights.head = normals(inputs, 0.7 / std::sqrt(inputs));
  weights.headBias = 0.01f;
  return weights;
}

Weights weightsFromJson(const std::string& text) {
  const Json json = Json::parse(text);
  Weights weights;
  int inputs = json.at("in_shape").back().get<int>();
  const Json& layers = json.at("layers");
  if (inputs != 1 || json.value("in_gain", 0.0) != 0.0 || json.value("out_gain", 0.0) != 0.0)
    throw std::runtime_error("expected a model with one input and without gains");
  weights.residual = json.value("in_skip", Json(0)) == 1;
  for (std::size_t index = 0; index < layers.size(); ++index) {
    const Json& entry = layers[index];
    const auto type = entry.at("type").get<std::string>();
    const int size = entry.at("shape").back().get<int>();
    const Json& arrays = entry.at("weights");
    if (index + 1 == layers.size()) {
      if ((type != "dense" && type != "time-distributed-dense") || size != 1 || index == 0)
        throw std::runtime_error("expected a dense layer with one output after the recurrent ones");
      for (const Json& row : arrays.at(0)) {
        weights.head.push_back(row.at(0).get<float>());
      }
      weights.headBias = arrays.size() > 1 ? arrays[1].at(0).get<float>() : 0.0f;
      break;
    }
    if (type != "lstm" && type != "gru")
      throw std::runtime_error("expected layers of type lstm or gru, found " + type);
    LayerWeights layer;
    layer.type = type;
    layer.inputs = inputs;
    layer.size = size;
    layer.input = matrixFromJson(layer, arrays.at(0), inputs);
    layer.recurrent = matrixFromJson(layer, arrays.at(1), size);
    const Json& bias = arrays.at(2);
    layer.inputBias = matrixFromJson(layer, type == "lstm" ? Json::array({bias}) : Json::array({bias.at(0)}), 1);
    layer.recurrentBias = type == "lstm" ? std::vector<float>(layer.inputBias.size())
                                         : matrixFromJson(layer, Json::array({bias.at(1)}), 1);
    weights.layers.push_back(std::move(layer));
    inputs = size;
  }
  return weights;
}

std::string jsonOf(const Weights& weights, bool rounded) {
  Json layers = Json::array();
  for (const LayerWeights& layer : weights.layers) {
    const Json bias = layer.type == "lstm"
                          ? biasToJson(layer, layer.inputBias)
                          : Json::array({biasToJson(layer, layer.inputBias), biasToJson(layer, layer.recurrentBias)});
    layers.push_back(
        {{"type", layer.type},
         {"activation", "tanh"},
         {"shape", {nullptr, nullptr, layer.size}},
         {"weights",
          {matrixToJson(layer, layer.input, layer.inputs), matrixToJson(layer, layer.recurrent, layer.size), bias}}});
  }
  std::vector<std::vector<float>> head;
  for (const float weight : weights.head) {
    head.push_back({weight});
  }
  layers.push_back({{"type", "dense"},
                    {"activation", ""},
                    {"shape", {nullptr, nullptr, 1}},
                    {"weights", Json::array({head, Json::array({weights.headBias})})}});
  Json model = {{"in_shape", {nullptr, nullptr, 1}},
                {"in_skip", weights.residual ? 1 : 0},
                {"samplerate", 48000},
                {"layers", layers}};
  if (rounded)
    model["metadata"] = {{"weight_storage", "bfloat16"}};
  return model.dump();
}

std::vector<float> pluckedChords(double seconds, std::uint64_t seed) {
  constexpr double kSampleRate = 48000.0;
  constexpr double kNotes[] = {82.41,  110.0, 146.83, 196.0, 246.94, 329.63,
                               164.81, 220.0, 293.66, 392.0, 440.0,  659.26};
  Random random(seed);
  const auto numFrames = static_cast<std::size_t>(seconds * kSampleRate);
  std::vector<double> sound(numFrames);
  const auto pluck = [&](std::size_t start, double frequency, double duration, double amplitude) {
    const std::size_t end = std::min(numFrames, start + static_cast<std::size_t>(duration * kSampleRate));
    for (int k = 1; k <= 24; ++k) {
      const double partial = frequency * k * std::sqrt(1.0 + 2e-4 * k * k); // a stiff string
      const double level = amplitude * std::sin(std::numbers::pi * k * 0.13) / std::pow(k, 1.1);
      const double phase = random.uniform(0.0, kTwoPi);
      if (partial > 18000.0)
        break;
      std::complex<double> rotor = std::polar(level, phase);
      const auto turn = std::polar(std::exp(-(0.8 + 0.25 * k) / kSampleRate), kTwoPi * partial / kSampleRate);
      for (std::size_t frame = start; frame < end; ++frame) {
        const double attack = std::min(1.0, static_cast<double>(frame - start) / (0.002 * kSampleRate));
        sound[frame] += attack * rotor.imag();
        rotor *= turn;
      }
    }
    for (std::size_t frame = start; frame < std::min(end, start + 480); ++frame) { // the pick
      sound[frame] += amplitude * random.normal(0.15) * std::exp(-static_cast<double>(frame - start) / 80.0);
    }
  };
  for (double time = 0.0; time < seconds; time += random.uniform(0.12, 0.6)) {
    for (int strings = 1 + random.below(4); strings > 0; --strings) {
      const auto start = static_cast<std::size_t>(time * kSampleRate) + static_cast<std::size_t>(random.below(400));
      const double frequency = kNotes[random.below(static_cast<int>(std::size(kNotes)))];
      const double duration = random.uniform(0.4, 2.5);
      const double amplitude = random.uniform(0.15, 0.6);
      if (start < numFrames)
        pluck(start, frequency, duration, amplitude);
    }
  }
  double peak = 0.0;
  for (double& value : sound) {
    value += random.normal(2e-5); // the noise of an input
    peak = std::max(peak, std::abs(value));
  }
  std::vector<float> input(numFrames);
  std::transform(sound.begin(), sound.end(), input.begin(),
                 [&](double value) { return static_cast<float>(0.9 * value / peak); });
  return input;
}

std::vector<double> referenceOutput(const Weights& weights, const std::vector<float>& input) {
  std::vector<ReferenceLayer> layers(weights.layers.begin(), weights.layers.end());
  std::vector<double> output;
  output.reserve(input.size());
  for (const float x : input) {
    std::vector<double> signal = {x};
    for (ReferenceLayer& layer : layers) {
      signal = layer.process(signal);
    }
    double sum = static_cast<double>(weights.headBias) + (weights.residual ? static_cast<double>(x) : 0.0);
    for (std::size_t unit = 0; unit < signal.size(); ++unit) {
      sum += static_cast<double>(weights.head[unit]) * signal[unit];
    }
    output.push_back(sum);
  }
  return output;
}

} // namespace fxbench
