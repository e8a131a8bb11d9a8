// SPDX-License-Identifier: MIT
// Feeds mutated model files to the loader. Each must either load and then play without NaN, or end in ModelError;
// anything else (another exception, a sanitizer's report, a crash) is a bug. The guilty file is kept.
//
//   fuzz_loader [--seconds S | --files N] [--seed N] [FILE ...]
//
// FILEs are mutated too, one time in sixteen, beside small models made here.
#include "support/nam_models.h"
#include "support/stft_models.h"

#include <fxengine/model_loader.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Arguments {
  double seconds = 10.0;
  long numFiles = std::numeric_limits<long>::max();
  unsigned seed = 1;
  std::vector<std::string> files;
};

/** A stretch of text: a JSON number, string, literal or bracket. */
struct Token {
  std::size_t start;
  std::size_t length;
};

std::vector<Token> tokensOf(std::string_view text) {
  std::vector<Token> tokens;
  std::size_t position = 0;
  while (position < text.size()) {
    const char first = text[position];
    std::size_t end = position + 1;
    if (first == '"') {
      while (end < text.size() && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
    } else if (std::isalnum(static_cast<unsigned char>(first)) || first == '-') {
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '.' ||
                                   text[end] == '-' || text[end] == '+')) {
        ++end;
      }
    }
    if (!std::isspace(static_cast<unsigned char>(first)))
      tokens.push_back({position, end - position});
    position = end;
  }
  return tokens;
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  std::string mutate(std::string text) {
    const std::size_t rounds = below(3) == 0 ? 1 + below(4) : 1;
    for (std::size_t round = 0; round < rounds && !text.empty(); ++round) {
      switch (below(10)) {
      case 0:
        text[below(text.size())] ^= static_cast<char>(1u << below(8));
        break;
      case 1:
        text[below(text.size())] = static_cast<char>(below(256));
        break;
      case 2:
        text.resize(below(text.size()));
        break;
      case 3:
        text.erase(below(text.size()), 1 + below(64));
        break;
      case 4:
        text.insert(below(text.size()), text.substr(below(text.size()), 1 + below(64)));
        break;
      case 5:
        swapTokens(text);
        break;
      case 6:
        replaceToken(text, sample());
        break;
      case 7:
        replaceToken(text, "");
        break;
      case 8:
        replaceNumber(text);
        break;
      default:
        text.insert(below(text.size()), std::string(1 + below(100), "[{"[below(2)]));
        break;
      }
    }
    return text;
  }

 private:
  /** Texts that have upset parsers before. */
  std::string sample() {
    static const std::vector<std::string> samples{"0",
                                                  "-0",
                                                  "-1",
                                                  "1",
                                                  "2",
                                                  "3",
                                                  "7",
                                                  "1024",
                                                  "1025",
                                                  "65536",
                                                  "2147483647",
                                                  "2147483648",
                                                  "-2147483649",
                                                  "4294967296",
                                                  "9223372036854775808",
                                                  "18446744073709551616",
                                                  "1e38",
                                                  "3.5e38",
                                                  "1e39",
                                                  "-1e39",
                                                  "1e308",
                                                  "1e309",
                                                  "1e999",
                                                  "1e-46",
                                                  "1e-400",
                                                  "0.5",
                                                  "null",
                                                  "true",
                                                  "false",
                                                  "NaN",
                                                  "Infinity",
                                                  "-Infinity",
                                                  "\"\"",
                                                  "\"lstm\"",
                                                  "\"gru\"",
                                                  "\"dense\"",
                                                  "\"activation\"",
                                                  "\"conv1d\"",
                                                  "\"WaveNet\"",
                                                  "\"LSTM\"",
                                                  "\"SlimmableContainer\"",
                                                  "\"ConvNet\"",
                                                  "\"Linear\"",
                                                  "\"Sequential\"",
                                                  "\"prelu\"",
                                                  "\"batchnorm\"",
                                                  "\"GRU\"",
                                                  "\"PReLU\"",
                                                  "\"blended\"",
                                                  "\"gated\"",
                                                  "\"0.7.0\"",
                                                  "\"softmax\"",
                                                  "\"relu\"",
                                                  "\"shape\"",
                                                  "\"layers\"",
                                                  "\"in_shape\"",
                                                  "\"48000\"",
                                                  "\"1e5\"",
                                                  "\"\\u0000\"",
                                                  "\"\\ud800\"",
                                                  "[]",
                                                  "{}",
                                                  "[[]]",
                                                  "[null]",
                                                  "{\"a\":[]}",
                                                  ",",
                                                  ":",
                                                  "]",
                                                  "}",
                                                  "\xff",
                                                  std::string(400, '9'),
                                                  std::string(60, '['),
                                                  "[" + std::string(5000, '0') + "]"};
    return samples[below(samples.size())];
  }

  void replaceToken(std::string& text, const std::string& by) {
    const std::vector<Token> tokens = tokensOf(text);
    if (tokens.empty())
      return;
    const Token token = tokens[below(tokens.size())];
    text.replace(token.start, token.length, by);
  }

  void swapTokens(std::string& text) {
    const std::vector<Token> tokens = tokensOf(text);
    if (tokens.size() < 2)
      return;
    Token first = tokens[below(tokens.size())];
    Token second = tokens[below(tokens.size())];
    if (first.start > second.start)
      std::swap(first, second);
    const std::string a = text.substr(first.start, first.length);
    const std::string b = text.substr(second.start, second.length);
    text.replace(second.start, second.length, a);
    text.replace(first.start, first.length, b);
  }

  /** A number next to a key, such as a size or a rate, rather than one weight among thousands. */
  void replaceNumber(std::string& text) {
    static const std::vector<std::string> keys{"\"shape\":[null,null,",
                                               "\"in_shape\":[null,null,",
                                               "\"in_skip\":",
                                               "\"samplerate\":",
                                               "\"lag_samples\":",
                                               "\"vectors_error\":",
                                               "\"default\":",
                                               "\"channels\":",
                                               "\"bottleneck\":",
                                               "\"kernel_size\":",
                                               "\"dilations\":[",
                                               "\"kernel_sizes\":[",
                                               "\"condition_size\":",
                                               "\"input_size\":",
                                               "\"hidden_size\":",
                                               "\"num_layers\":",
                                               "\"groups\":",
                                               "\"groups_input\":",
                                               "\"groups_input_mixin\":",
                                               "\"out_channels\":",
                                               "\"head_size\":",
                                               "\"head_dilation\":",
                                               "\"negative_slope\":",
                                               "\"max_value\":",
                                               "\"receptive_field\":",
                                               "\"epsilon\":",
                                               "\"dilation\":[",
                                               "\"kernel_size\":[",
                                               "\"skip\":",
                                               "\"sample_rate\":"};
    const std::string& key = keys[below(keys.size())];
    const std::size_t found = text.find(key, text.size() < 2 ? 0 : below(text.size() / 2));
    if (found == std::string::npos)
      return replaceToken(text, sample());
    const std::size_t start = found + key.size();
    const std::size_t end = std::min(text.find_first_of(",]}", start), text.size());
    text.replace(start, end - start, sample());
  }

  std::mt19937 random_;
};

const char* const kProteus =
    R"({"model_data":{"model":"SimpleRNN","input_size":2,"skip":1,"output_size":1,"unit_type":"GRU","num_layers":1,)"
    R"("hidden_size":1,"bias_fl":true,"sample_rate":44100},"state_dict":{"rec.weight_ih_l0":[[0.1,0.2],[0.3,-0.4],)"
    R"([0.5,0.6]],"rec.weight_hh_l0":[[0.7],[-0.8],[0.9]],"rec.bias_ih_l0":[0.1,0.2,0.3],"rec.bias_hh_l0":[0,0.1,-0.2],)"
    R"("lin.weight":[[0.5]],"lin.bias":[0.1]}})";

/** Small models with every key that the loader knows: quick to parse, so that many fit into a second. */
std::vector<std::string> generatedSeeds() {
  std::vector<std::string> seeds;
  const auto add = [&](test::Json json) {
    json["in_skip"] = 1;
    json["samplerate"] = 48000;
    json["in_gain"] = -3.0;
    json["metadata"] = {
        {"name", "amp"}, {"samplerate", "48000"}, {"lag_samples", 3}, {"latency_samples", 0}, {"vectors_error", 1e-7}};
    if (json["in_shape"].back() == 2)
      json["knobs"] = {{{"name", "drive"}, {"unit", ""}, {"min", 0}, {"max", 10}, {"default", 5}}};
    seeds.push_back(json.dump());
    test::addTestVectors(json, 16, 1); // with vectors, most changes of a weight end in the self-test
    seeds.push_back(json.dump());
  };
  add(test::makeModel(1, {{"lstm", 3}, {"dense", 1}}, 1));
  add(test::makeModel(2, {{"lstm", 2}, {"lstm", 3}, {"dense", 1}}, 2));
  add(test::makeModel(1, {{"gru", 3}, {"dense", 2, "elu"}, {"dense", 1}}, 3));
  add(test::makeModel(1, {{"time-distributed-dense", 4, "relu"}, {"activation", 4, "softmax"}, {"dense", 1, "tanh"}},
                      4));
  seeds.push_back(test::makeStftMask({64, 16, 2, 2, 2}, 5).dump());
  seeds.push_back(test::makeStftLstm(64, 16, 2, 6).dump());
  for (const auto& [name, model] : test::waveNets()) {
    if (!name.starts_with("activation ") && name.find("_film ") == std::string::npos) // others hold the same keys
      seeds.push_back(model.dump());
  }
  for (const auto& [name, model] : test::otherNetworks()) {
    if (name != "long linear") // it would take the time of the others
      seeds.push_back(model.dump());
  }
  add(test::makeModel(
      2, {{"conv1d", 4, "tanh", 3, 7, 2}, {"batchnorm", 4}, {"prelu", 4}, {"conv1d", 2, "", 2, 5}, {"dense", 1}}, 8));
  seeds.push_back(kProteus);
  const test::Json lstm = test::makeNam("LSTM", {{"input_size", 1}, {"hidden_size", 2}, {"num_layers", 2}}, 7);
  seeds.push_back(lstm.dump());
  seeds.push_back(test::makeContainer({{0.5, lstm}, {1.0, test::waveNets().front().model}}).dump());
  return seeds;
}

/** Loads and plays. True when it loaded, false when it was refused as it should be. */
bool tryModel(const std::string& text, const std::vector<float>& input) {
  fxengine::describeContent(text);
  try {
    fxengine::Model model = fxengine::parseModel(text, "mutated");
    std::vector<float> left = input;
    std::vector<float> right = input;
    right[7] = std::numeric_limits<float>::infinity();
    float* channels[2] = {left.data(), right.data()};
    model.prepare(2, 48);
    model.process(channels, channels, 2, static_cast<int>(input.size()));
    model.setKnob(0, 1.0f);
    model.reset();
    model.process(channels, channels, 1, 1);
    for (const float* channel : channels) {
      for (std::size_t t = 0; t < input.size(); ++t) {
        if (!std::isfinite(channel[t]))
          throw std::logic_error("a loaded model gave NaN or infinity");
      }
    }
    return true;
  } catch (const fxengine::ModelError& error) {
    if (error.file() != "mutated" || error.expected().empty() || error.found().empty()) {
      throw std::logic_error(std::string("an error without place or reason: ") + error.what());
    }
    return false;
  }
}

Arguments parseArguments(int argc, char** argv) {
  Arguments arguments;
  for (int index = 1; index < argc; ++index) {
    const std::string name = argv[index];
    const auto value = [&] { return index + 1 < argc ? argv[++index] : ""; };
    if (name == "--seconds") {
      arguments.seconds = std::atof(value());
    } else if (name == "--files") {
      arguments.numFiles = std::atol(value());
      arguments.seconds = std::numeric_limits<double>::infinity();
    } else if (name == "--seed") {
      arguments.seed = static_cast<unsigned>(std::atol(value()));
    } else {
      arguments.files.push_back(name);
    }
  }
  return arguments;
}

} // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parseArguments(argc, argv);
  const std::vector<std::string> generated = generatedSeeds();
  std::vector<std::string> given;
  for (const std::string& path : arguments.files) {
    std::ifstream stream(path, std::ios::binary);
    given.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  const std::vector<float> input = test::noise(100, 1, 2.0f);
  for (const std::string& seed : generated) {
    if (!tryModel(seed, input)) {
      std::cerr << "a seed does not load\n";
      return 1;
    }
  }

  Mutator mutator(arguments.seed);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  long numFiles = 0;
  long numLoaded = 0;
  while (numFiles < arguments.numFiles && elapsed() < arguments.seconds) {
    const bool fromGiven = !given.empty() && mutator.below(16) == 0;
    const std::vector<std::string>& seeds = fromGiven ? given : generated;
    const std::string text = mutator.mutate(seeds[mutator.below(seeds.size())]);
    try {
      numLoaded += tryModel(text, input) ? 1 : 0;
    } catch (const std::exception& error) {
      std::ofstream("fuzz_loader_failure.json", std::ios::binary) << text;
      std::cerr << "file " << numFiles << " (seed " << arguments.seed
                << ", kept as fuzz_loader_failure.json): " << error.what() << "\n";
      return 1;
    }
    ++numFiles;
  }
  std::cout << numFiles << " mutated files in " << elapsed() << " s: " << numLoaded << " loaded and played, "
            << numFiles - numLoaded << " refused\n";
  return 0;
}
