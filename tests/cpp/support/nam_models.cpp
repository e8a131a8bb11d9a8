// SPDX-License-Identifier: MIT
#include "nam_models.h"

#include <fxengine/model_loader.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace test {
namespace {

using Rows = std::vector<std::vector<double>>;      // [channel][frame]
using Source = std::function<double(double scale)>; // a negative scale asks for a positive number

std::size_t size(int count) { return static_cast<std::size_t>(count); }

double activated(const Json& activation, double x, std::size_t channel) {
  const std::string name =
      activation.is_object() ? activation["type"].get<std::string>() : activation.get<std::string>();
  const auto number = [&](const char* key, double otherwise) {
    return activation.is_object() ? static_cast<double>(static_cast<float>(activation.value(key, otherwise)))
                                  : static_cast<double>(static_cast<float>(otherwise));
  };
  if (name == "Tanh")
    return std::tanh(x);
  if (name == "Fasttanh") {
    const double a = std::abs(x), s = x * x;
    return x * (2.45550750702956 + 2.45550750702956 * a + (0.893229853513558 + 0.821226666969744 * a) * s) /
           (2.44506634652299 + (2.44506634652299 + s) * std::abs(x + 0.814642734961073 * x * a));
  }
  if (name == "Hardtanh")
    return std::clamp(x, -1.0, 1.0);
  if (name == "LeakyHardtanh") {
    const double low = number("min_val", -1.0), high = number("max_val", 1.0);
    if (x < low)
      return low + (x - low) * number("min_slope", 0.01);
    return x > high ? high + (x - high) * number("max_slope", 0.01) : x;
  }
  if (name == "ReLU")
    return std::max(x, 0.0);
  if (name == "LeakyReLU")
    return x > 0.0 ? x : x * number("negative_slope", 0.01);
  if (name == "PReLU") {
    if (activation.is_object() && activation.contains("negative_slopes"))
      return x > 0.0 ? x : x * double{activation["negative_slopes"][channel].get<float>()};
    return x > 0.0 ? x : x * number("negative_slope", 0.01);
  }
  if (name == "Sigmoid")
    return 1.0 / (1.0 + std::exp(-x));
  if (name == "SiLU")
    return x / (1.0 + std::exp(-x));
  if (name == "Hardswish")
    return x * std::clamp(x + 3.0, 0.0, 6.0) / 6.0;
  if (name == "Softsign")
    return x / (1.0 + std::abs(x));
  throw std::invalid_argument("the reference does not know " + name);
}

Rows activate(const Json& activation, Rows rows) {
  for (std::size_t channel = 0; channel < rows.size(); ++channel)
    for (double& x : rows[channel])
      x = activated(activation, x, channel);
  return rows;
}

Rows sum(Rows a, const Rows& b) {
  for (std::size_t row = 0; row < a.size(); ++row)
    for (std::size_t t = 0; t < a[row].size(); ++t)
      a[row][t] += b[row][t];
  return a;
}

/** Rows from `first` on. */
Rows part(const Rows& rows, std::size_t first, std::size_t count) {
  return {rows.begin() + static_cast<long>(first), rows.begin() + static_cast<long>(first + count)};
}

struct Convolution {
  int inputs, outputs, kernel, dilation, groups;
  std::vector<double> weights, bias;

  Convolution(const Source& source, int in, int out, int size1d, int spread, bool hasBias, int numGroups = 1)
      : inputs(in), outputs(out), kernel(size1d), dilation(spread), groups(numGroups) {
    const int fan = in / numGroups * size1d;
    for (int index = 0; index < out * fan; ++index)
      weights.push_back(source(1.0 / std::sqrt(static_cast<double>(fan))));
    for (int index = 0; hasBias && index < out; ++index)
      bias.push_back(source(0.2));
  }

  Rows operator()(const Rows& in) const {
    Rows out(size(outputs), std::vector<double>(in.front().size(), 0.0));
    const int perIn = inputs / groups, perOut = outputs / groups;
    for (int o = 0; o < outputs; ++o)
      for (std::size_t t = 0; t < in.front().size(); ++t) {
        double value = bias.empty() ? 0.0 : bias[size(o)];
        for (int i = 0; i < perIn; ++i)
          for (int tap = 0; tap < kernel; ++tap) {
            const auto delay = size((kernel - 1 - tap) * dilation);
            if (delay <= t)
              value += weights[size((o * perIn + i) * kernel + tap)] * in[size(o / perOut * perIn + i)][t - delay];
          }
        out[size(o)][t] = value;
      }
    return out;
  }
};

struct Modulation {
  Convolution conv;
  bool shift;

  Rows operator()(Rows rows, const Rows& condition) const {
    const Rows factors = conv(condition);
    for (std::size_t row = 0; row < rows.size(); ++row)
      for (std::size_t t = 0; t < rows[row].size(); ++t)
        rows[row][t] = rows[row][t] * factors[row][t] + (shift ? factors[rows.size() + row][t] : 0.0);
    return rows;
  }
};

using MaybeModulation = std::vector<Modulation>; // empty, or one

MaybeModulation takeModulation(const Json& array, const char* key, const Source& source, int condition, int rows) {
  if (!array.contains(key) || array[key] == false || !array[key].value("active", true))
    return {};
  const bool shift = array[key].value("shift", true);
  return {{Convolution(source, condition, shift ? 2 * rows : rows, 1, 1, true, array[key].value("groups", 1)), shift}};
}

Rows modulated(const MaybeModulation& modulation, Rows rows, const Rows& condition) {
  return modulation.empty() ? rows : modulation.front()(std::move(rows), condition);
}

Json ofLayer(const Json& value, std::size_t index) { return value.is_array() ? value[index] : value; }

Rows runWaveNet(const Json& model, const Source& source, const Rows& input);

struct WaveLayer {
  WaveLayer(const Json& array, std::size_t index, const Source& source)
      : mode(array.contains("gating_mode") ? ofLayer(array["gating_mode"], index).get<std::string>()
             : array.value("gated", false) ? "gated"
                                           : "none"),
        activation(ofLayer(array["activation"], index)),
        secondary(ofLayer(array.value("secondary_activation", Json("Sigmoid")), index)) {
    const int channels = array["channels"], condition = array["condition_size"];
    inner = array.value("bottleneck", channels);
    const int rows = mode == "none" ? inner : 2 * inner;
    const int kernel = array.contains("kernel_sizes") ? array["kernel_sizes"][index] : array["kernel_size"];
    conv.emplace_back(source, channels, rows, kernel, array["dilations"][index].get<int>(), true,
                      array.value("groups_input", 1));
    mixin.emplace_back(source, condition, rows, 1, 1, false, array.value("groups_input_mixin", 1));
    const Json layer1x1 = array.value("layer1x1", Json{{"active", true}, {"groups", 1}});
    if (layer1x1["active"])
      next.emplace_back(source, inner, channels, 1, 1, true, layer1x1["groups"].get<int>());
    const Json head1x1 = array.value("head1x1", Json{{"active", false}});
    if (head1x1["active"])
      head.emplace_back(source, inner, head1x1["out_channels"].get<int>(), 1, 1, true, head1x1["groups"].get<int>());
    const auto film = [&](const char* key, int size) { return takeModulation(array, key, source, condition, size); };
    convPre = film("conv_pre_film", channels);
    convPost = film("conv_post_film", rows);
    mixinPre = film("input_mixin_pre_film", condition);
    mixinPost = film("input_mixin_post_film", rows);
    activationPre = film("activation_pre_film", rows);
    activationPost = film("activation_post_film", inner);
    nextPost = film("layer1x1_post_film", channels);
    if (!head.empty())
      headPost = film("head1x1_post_film", head.front().outputs);
  }

  /** Adds to `total`. @return  the next layer's input */
  Rows run(const Rows& x, const Rows& condition, Rows& total) const {
    Rows z = modulated(convPost, conv.front()(modulated(convPre, x, condition)), condition);
    z = sum(z, modulated(mixinPost, mixin.front()(modulated(mixinPre, condition, condition)), condition));
    z = modulated(activationPre, z, condition);
    const Rows before = part(z, 0, size(inner));
    Rows a = activate(activation, before);
    if (mode != "none") {
      const Rows gate = activate(secondary, part(z, size(inner), size(inner)));
      for (std::size_t row = 0; row < a.size(); ++row)
        for (std::size_t t = 0; t < a[row].size(); ++t)
          a[row][t] = gate[row][t] * a[row][t] + (mode == "blended" ? (1.0 - gate[row][t]) * before[row][t] : 0.0);
    }
    a = modulated(activationPost, a, condition);
    total = sum(total, head.empty() ? a : modulated(headPost, head.front()(a), condition));
    if (next.empty())
      return x;
    Rows y = next.front()(a);
    if (mode == "blended") // Neural Amp Modeler's player applies it in this mode alone
      y = modulated(nextPost, y, condition);
    return sum(y, x);
  }

  std::string mode;
  Json activation, secondary;
  int inner = 0;
  std::vector<Convolution> conv, mixin, next, head;
  MaybeModulation convPre, convPost, mixinPre, mixinPost, activationPre, activationPost, nextPost, headPost;
};

Rows runWaveNet(const Json& model, const Source& source, const Rows& input) {
  const Json& config = model["config"];
  Rows condition = input;
  if (config.contains("condition_dsp")) {
    const Json& nested = config["condition_dsp"];
    std::size_t index = 0;
    condition = runWaveNet(
        nested, [&](double) { return nested["weights"][index++].get<double>(); }, input);
  }
  Rows stream = input, total, heads;
  for (const Json& array : config["layers"]) {
    const int channels = array["channels"];
    stream = Convolution(source, array["input_size"], channels, 1, 1, false)(stream);
    std::vector<WaveLayer> layers;
    for (std::size_t index = 0; index < array["dilations"].size(); ++index)
      layers.emplace_back(array, index, source);
    const int headRows = layers.front().head.empty() ? layers.front().inner : layers.front().head.front().outputs;
    total = heads.empty() ? Rows(size(headRows), std::vector<double>(input.front().size(), 0.0)) : heads;
    for (const WaveLayer& layer : layers)
      stream = layer.run(stream, condition, total);
    const Json head =
        array.contains("head")
            ? array["head"]
            : Json{{"out_channels", array["head_size"]}, {"kernel_size", 1}, {"bias", array.value("head_bias", false)}};
    heads = Convolution(source, headRows, head["out_channels"], head["kernel_size"], head.value("head_dilation", 1),
                        head["bias"])(total);
  }
  std::vector<Convolution> stages;
  if (config.contains("head")) {
    const Json& head = config["head"];
    int inputs = static_cast<int>(heads.size());
    for (std::size_t index = 0; index < head["kernel_sizes"].size(); ++index) {
      const int outputs = index + 1 == head["kernel_sizes"].size() ? head["out_channels"] : head["channels"];
      stages.emplace_back(source, inputs, outputs, head["kernel_sizes"][index].get<int>(), 1, true);
      inputs = outputs;
    }
  }
  const double scale = source(0.5);
  for (auto& row : heads)
    for (double& x : row)
      x *= scale;
  for (const Convolution& stage : stages)
    heads = stage(activate(config["head"]["activation"], heads));
  return heads;
}

Rows runLstm(const Json& model, const Source& source, const Rows& input) {
  const int hidden = model["config"]["hidden_size"];
  const auto units = size(hidden);
  Rows rows = input;
  for (int layer = 0; layer < model["config"]["num_layers"].get<int>(); ++layer) {
    const std::size_t inputs = rows.size();
    std::vector<double> weights, bias, h, c;
    for (std::size_t index = 0; index < 4 * units * (inputs + units); ++index)
      weights.push_back(source(1.0 / std::sqrt(static_cast<double>(inputs + units))));
    for (std::size_t index = 0; index < 4 * units; ++index)
      bias.push_back(source(0.3));
    for (std::vector<double>* state : {&h, &c})
      for (std::size_t index = 0; index < units; ++index)
        state->push_back(source(0.3));
    Rows output(units, std::vector<double>(input.front().size()));
    const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
    for (std::size_t t = 0; t < input.front().size(); ++t) {
      std::vector<double> z = bias;
      for (std::size_t row = 0; row < z.size(); ++row) {
        const double* w = weights.data() + row * (inputs + units);
        for (std::size_t k = 0; k < inputs; ++k)
          z[row] += w[k] * rows[k][t];
        for (std::size_t k = 0; k < units; ++k)
          z[row] += w[inputs + k] * h[k];
      }
      for (std::size_t k = 0; k < units; ++k) {
        c[k] = sigmoid(z[units + k]) * c[k] + sigmoid(z[k]) * std::tanh(z[2 * units + k]);
        h[k] = sigmoid(z[3 * units + k]) * std::tanh(c[k]);
        output[k][t] = h[k];
      }
    }
    rows = output;
  }
  return Convolution(source, hidden, 1, 1, 1, true)(rows);
}

Rows runConvNet(const Json& model, const Source& source, const Rows& input) {
  const Json& config = model["config"];
  const int channels = config["channels"];
  Rows rows = input;
  for (const int dilation : config["dilations"]) {
    const bool isNormalised = config["batchnorm"];
    const Convolution conv(source, static_cast<int>(rows.size()), channels, 2, dilation, !isNormalised,
                           config.value("groups", 1));
    rows = conv(rows);
    if (isNormalised) {
      std::vector<double> parts[4]; // mean, variance, gamma, beta
      for (auto& part : parts)
        for (int channel = 0; channel < channels; ++channel)
          part.push_back(source(&part == &parts[1] ? -0.3 : 0.3));
      const double epsilon = source(-1.0); // positive
      for (std::size_t channel = 0; channel < rows.size(); ++channel)
        for (double& x : rows[channel])
          x = parts[2][channel] * (x - parts[0][channel]) / std::sqrt(parts[1][channel] + epsilon) + parts[3][channel];
    }
    rows = activate(config["activation"], rows);
  }
  return Convolution(source, channels, 1, 1, 1, true)(rows);
}

Rows runLinear(const Json& model, const Source& source, const Rows& input) {
  const int length = model["config"]["receptive_field"];
  std::vector<double> taps;
  for (int tap = 0; tap < length; ++tap)
    taps.push_back(source(1.0 / std::sqrt(static_cast<double>(length))));
  const double bias = model["config"]["bias"] ? source(0.2) : 0.0;
  std::vector<double> output(input.front().size(), bias);
  for (std::size_t t = 0; t < output.size(); ++t)
    for (std::size_t tap = 0; tap < taps.size() && tap <= t; ++tap)
      output[t] += taps[tap] * input.front()[t - tap];
  return {output};
}

Rows run(const Json& model, const Source& source, const Rows& input) {
  if (model["architecture"] == "WaveNet")
    return runWaveNet(model, source, input);
  if (model["architecture"] == "LSTM")
    return runLstm(model, source, input);
  if (model["architecture"] == "ConvNet")
    return runConvNet(model, source, input);
  if (model["architecture"] == "Linear")
    return runLinear(model, source, input);
  throw std::invalid_argument("the reference does not know " + model["architecture"].dump());
}

Json film(bool shift = true, int groups = 1) { return {{"active", true}, {"shift", shift}, {"groups", groups}}; }

} // namespace

Json makeNam(const std::string& architecture, const Json& config, unsigned seed) {
  std::mt19937 random(seed);
  Json model = {{"version", "0.7.0"}, {"architecture", architecture}, {"config", config}, {"sample_rate", 48000}};
  Json weights = Json::array();
  const Source record = [&](double scale) {
    const float value = std::normal_distribution<float>(0.0f, static_cast<float>(std::abs(scale)))(random);
    weights.push_back(scale < 0.0 ? std::abs(value) : value);
    return weights.back().get<double>();
  };
  run(model, record, {{0.0}});
  model["weights"] = weights;
  return model;
}

std::vector<double> referenceNam(const Json& model, const std::vector<double>& input) {
  if (model["architecture"] == "SlimmableContainer")
    return referenceNam(model["config"]["submodels"].back()["model"], input);
  if (model["architecture"] == "Sequential") {
    std::vector<double> signal = input;
    for (const Json& part : model["config"]["models"])
      signal = referenceNam(part, signal);
    return signal;
  }
  std::size_t index = 0;
  const Rows output = run(model, [&](double) { return model["weights"].at(index++).get<double>(); }, {input});
  if (index != model["weights"].size())
    throw std::invalid_argument("the reference has weights left");
  return output.front();
}

Json layerArray(int inputs, int condition, int channels, int headOutputs, const std::vector<int>& dilations,
                const Json& extra) {
  Json array = {{"input_size", inputs}, {"condition_size", condition}, {"channels", channels},
                {"kernel_size", 3},     {"dilations", dilations},      {"activation", "Tanh"}};
  if (!extra.contains("head")) {
    array["head_size"] = headOutputs;
    array["head_bias"] = false;
  }
  array.update(extra);
  if (array.contains("kernel_sizes"))
    array.erase("kernel_size");
  return array;
}

Json waveNetConfig(const std::vector<Json>& arrays, const Json& extra) {
  Json config = {{"layers", arrays}, {"head_scale", 0.5}};
  config.update(extra);
  return config;
}

std::vector<NamedModel> waveNets() {
  std::vector<NamedModel> models;
  const auto addConfig = [&](const std::string& name, const Json& config) {
    models.push_back({name, makeNam("WaveNet", config, static_cast<unsigned>(models.size()) + 1)});
  };
  const auto add = [&](const std::string& name, const Json& extra) {
    addConfig(name, waveNetConfig({layerArray(1, 1, 4, 1, {1, 2, 5}, extra)}));
  };
  addConfig("two arrays", waveNetConfig({layerArray(1, 1, 6, 3, {1, 2, 4, 40}),
                                         layerArray(6, 1, 3, 1, {7, 1}, {{"head_bias", true}})}));
  for (const int channels : {1, 2, 3, 5, 8, 12, 16}) // tiles of all sizes
    for (const char* activation : {"Tanh", "ReLU", "LeakyReLU"})
      addConfig(std::to_string(channels) + " channels, " + activation,
                waveNetConfig({layerArray(1, 1, channels, channels, {1, 3, 9}, {{"activation", activation}}),
                               layerArray(channels, 1, channels, 1, {2, 70}, {{"activation", activation}})}));
  // 255 frames, so that prewarm() plays 256: fewer than a ring holds
  addConfig("a long reach", waveNetConfig({layerArray(1, 1, 4, 1, {27, 100})}));
  add("gated", {{"gated", true}});
  add("gating_mode gated",
      {{"gating_mode", "gated"}, {"secondary_activation", {{"type", "LeakyHardtanh"}, {"min_val", -0.5}}}});
  add("blended", {{"gating_mode", "blended"}, {"secondary_activation", "Softsign"}});
  add("modes, sizes and activations by layer",
      {{"gating_mode", {"none", "gated", "blended"}},
       {"secondary_activation", {"Tanh", "Sigmoid", "Hardtanh"}},
       {"kernel_sizes", {2, 6, 15}},
       {"activation", {"ReLU", {{"type", "LeakyReLU"}, {"negative_slope", 0.2}}, "Hardswish"}}});
  for (const Json& activation :
       {Json("Fasttanh"), Json("Hardtanh"), Json("LeakyReLU"), Json("SiLU"), Json("Softsign"),
        Json{{"type", "LeakyReLU"}, {"negative_slope", 0.3}}, Json{{"type", "PReLU"}, {"negative_slope", 0.2}},
        Json{{"type", "PReLU"}, {"negative_slopes", {0.1, 0.2, 0.3, -0.4}}},
        Json{{"type", "LeakyHardtanh"}, {"min_val", -0.2}, {"max_val", 0.3}, {"min_slope", 0.1}, {"max_slope", 0.2}}})
    add("activation " + activation.dump(), {{"activation", activation}});
  const std::vector<const char*> films{"conv_pre_film",         "conv_post_film",      "input_mixin_pre_film",
                                       "input_mixin_post_film", "activation_pre_film", "activation_post_film",
                                       "layer1x1_post_film",    "head1x1_post_film"};
  Json all = {{"head1x1", {{"active", true}, {"out_channels", 2}, {"groups", 2}}}};
  for (const char* mode : {"none", "gated", "blended"}) {
    for (const char* key : films) {
      Json extra = {{"gating_mode", mode}, {key, film()}};
      if (std::string(key) == "head1x1_post_film")
        extra["head1x1"] = {{"active", true}, {"out_channels", 3}, {"groups", 1}};
      add(std::string(key) + " " + mode, extra);
      all[key] = film(std::string(key).find("pre") == std::string::npos);
    }
  }
  all["conv_post_film"] = false;
  all["activation_post_film"]["active"] = false;
  all["gating_mode"] = "blended";
  add("most of the modulations", all);
  add("groups", {{"groups_input", 2}, {"layer1x1", {{"active", true}, {"groups", 4}}}});
  add("bottleneck", {{"bottleneck", 2}, {"gated", true}});
  add("no layer1x1", {{"layer1x1", {{"active", false}, {"groups", 1}}}});
  add("head over time", {{"head", {{"out_channels", 1}, {"kernel_size", 16}, {"bias", true}, {"head_dilation", 3}}}});
  const Json head = {{"channels", 3}, {"out_channels", 1}, {"kernel_sizes", {4, 1, 2}}, {"activation", "SiLU"}};
  addConfig("stages behind the arrays", waveNetConfig({layerArray(1, 1, 4, 5, {1, 9})}, {{"head", head}}));
  const Json condition = makeNam("WaveNet", waveNetConfig({layerArray(1, 1, 3, 4, {1, 3})}), 99);
  addConfig("condition_dsp with groups", waveNetConfig({layerArray(1, 4, 4, 2, {1, 2},
                                                                   {{"groups_input_mixin", 2},
                                                                    {"groups_input", 2},
                                                                    {"conv_pre_film", film(true, 2)},
                                                                    {"input_mixin_pre_film", film(false, 4)}}),
                                                        layerArray(4, 4, 2, 1, {30})},
                                                       {{"condition_dsp", condition}}));
  return models;
}

Json makeSequential(const std::vector<Json>& models) {
  return {{"version", "0.7.0"},
          {"architecture", "Sequential"},
          {"config", {{"models", models}}},
          {"weights", Json::array()}};
}

std::vector<NamedModel> otherNetworks() {
  const auto convNet = [](const Json& extra, unsigned seed) {
    Json config = {{"channels", 4}, {"dilations", {1, 2, 60}}, {"batchnorm", false}, {"activation", "Tanh"}};
    config.update(extra);
    return makeNam("ConvNet", config, seed);
  };
  const auto linear = [](int length, bool bias) {
    return makeNam("Linear", {{"receptive_field", length}, {"bias", bias}}, 23);
  };
  const Json wave = makeNam("WaveNet", waveNetConfig({layerArray(1, 1, 3, 1, {1, 20}, {{"head_bias", true}})}), 24);
  return {{"ConvNet", convNet(Json::object(), 20)},
          {"ConvNet with batch normalisation",
           convNet({{"batchnorm", true}, {"activation", {{"type", "LeakyHardtanh"}, {"max_val", 0.5}}}}, 21)},
          {"short linear", linear(5, true)},
          {"long linear", linear(700, false)},
          {"Sequential",
           makeSequential({linear(30, true), wave, linear(300, true), convNet({{"activation", "SiLU"}}, 22)})},
          {"Sequential of one", makeSequential({wave})}};
}

Json makeContainer(const std::vector<std::pair<double, Json>>& models) {
  Json submodels = Json::array();
  for (const auto& [value, model] : models)
    submodels.push_back({{"max_value", value}, {"model", model}});
  return {{"version", "0.7.0"},
          {"architecture", "SlimmableContainer"},
          {"config", {{"submodels", submodels}}},
          {"weights", Json::array()},
          {"sample_rate", 48000}};
}

fxengine::Model loadUnprewarmed(const Json& model) {
  fxengine::ModelDescription description = fxengine::readModel(model.dump(), "test.nam");
  description.info.startsAtRest = false;
  return fxengine::buildModel(description);
}

} // namespace test
