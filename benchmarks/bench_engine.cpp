// SPDX-License-Identifier: MIT
// What a frame of audio costs, by model and setting; bench_engine.py makes the table. See README.md.
#include "bench_model.h"
#include "peer.h"

#include <fxengine/dsp/oversampler.h>
#include <fxengine/layers/activation.h>
#include <fxengine/model_loader.h>
#include <fxengine/realtime/flush_denormals.h>

#include <fxengine/simd/isa.h>

#include <nlohmann/json.hpp>

#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::ordered_json;
using fxbench::Weights;

constexpr int kSampleRate = 48000;
constexpr int kStandardBlock = 64;
constexpr double kGreatestError = 1e-5; ///< of what is to be exact, with weights that are not trained to distort

/** How the engine plays a model; what differs from this is what a row of the table is about. */
struct Settings {
  std::string backend = "fxengine";
  std::string isa; // "" is the engine's own choice
  int block = kStandardBlock;
  int streams = 1;
  int oversampling = 1;
  std::string weightStorage = "automatic";
  std::string activations = "exact";
  std::string kernel; // a part of the engine instead of a model
};

/** What the engine loads models for from now on; "" is its own choice, or what the user chose by FXENGINE_ISA. */
void useIsa(const std::string& isa) {
  static const char* const variable = "FXENGINE_ISA";
  static const std::string given = std::getenv(variable) != nullptr ? std::getenv(variable) : "";
  const std::string& value = isa.empty() ? given : isa;
  if (value.empty())
    ::unsetenv(variable);
  else
    ::setenv(variable, value.c_str(), 1);
}

/** Something that plays blocks, ours or a peer's. */
class Player {
 public:
  virtual ~Player() = default;
  virtual void reset() = 0;
  virtual void process(const float* const* input, float* const* output, int numFrames) = 0;
};

class EnginePlayer final : public Player {
 public:
  /** Throws std::exception where the engine cannot play it like that. */
  EnginePlayer(const std::string& json, const Settings& settings) : numStreams_(settings.streams) {
    useIsa(settings.isa);
    fxengine::LoadOptions options;
    options.selfTest = false;
    options.backend = settings.backend;
    options.oversampling = settings.oversampling;
    options.weightStorage = settings.weightStorage == "float32"    ? fxengine::WeightStorage::float32
                            : settings.weightStorage == "bfloat16" ? fxengine::WeightStorage::bfloat16
                                                                   : fxengine::WeightStorage::automatic;
    options.activations = settings.activations == "fast" ? fxengine::Activations::fast : fxengine::Activations::exact;
    model_ = std::make_unique<fxengine::Model>(fxengine::parseModel(json, "benchmark", options));
    model_->prepare(settings.streams, settings.block);
  }

  void reset() override { model_->reset(); }
  void process(const float* const* input, float* const* output, int numFrames) override {
    model_->process(input, output, numStreams_, numFrames);
  }

  /** "" of another backend, which runs what it was compiled for. */
  std::string isa() const { return model_->info().backend == "fxengine" ? model_->info().isa : ""; }

 private:
  int numStreams_;
  std::unique_ptr<fxengine::Model> model_;
};

/** An activation function over a block of values. */
class ActivationPlayer final : public Player {
 public:
  explicit ActivationPlayer(const std::string& name)
      : type_(*fxengine::activationFromName(name)), apply_(fxengine::activationFunction(type_)) {}

  void reset() override {}
  void process(const float* const* input, float* const* output, int numFrames) override {
    for (int frame = 0; frame < numFrames; ++frame)
      output[0][frame] = kScale * input[0][frame];
    apply_(output[0], numFrames);
  }

  std::vector<double> reference(const std::vector<float>& input) const {
    std::vector<double> output;
    for (const float value : input) {
      const double x = static_cast<double>(kScale * value);
      output.push_back(type_ == fxengine::ActivationType::tanh ? std::tanh(x) : 1.0 / (1.0 + std::exp(-x)));
    }
    return output;
  }

 private:
  static constexpr float kScale = 8.0f; // the sums before a trained net's gates reach about that far
  fxengine::ActivationType type_;
  fxengine::ActivationFunction apply_;
};

/** The filters of an oversampled model, without the model. */
class OversamplerPlayer final : public Player {
 public:
  explicit OversamplerPlayer(const Settings& settings) : oversampler_(settings.oversampling) {
    oversampler_.prepare(1, settings.block);
  }

  void reset() override { oversampler_.reset(0); }
  void process(const float* const* input, float* const* output, int numFrames) override {
    std::copy_n(input[0], numFrames, oversampler_.input(0));
    oversampler_.upsample(0, numFrames);
    for (int phase = 0; phase < oversampler_.factor(); ++phase)
      std::copy_n(oversampler_.phases()[phase], numFrames, oversampler_.results()[phase]);
    oversampler_.downsample(0, numFrames);
    std::copy_n(oversampler_.output(0), numFrames, output[0]);
  }

 private:
  fxengine::Oversampler oversampler_;
};

std::unique_ptr<Player> makeKernel(const Settings& settings) {
  if (settings.kernel == "oversampler")
    return std::make_unique<OversamplerPlayer>(settings);
  if (!fxengine::activationFromName(settings.kernel))
    throw std::runtime_error("no " + settings.kernel + " in this build");
  return std::make_unique<ActivationPlayer>(settings.kernel);
}

/** A peer's player, and the residual path around it. */
class PeerPlayer final : public Player {
 public:
  PeerPlayer(const FxbenchVariant& variant, const FxbenchModel& model)
      : variant_(variant), addInput_(model.residual != 0 && variant.addsInput == 0), player_(variant.create(&model)) {
    if (player_ == nullptr)
      throw std::runtime_error("not offered");
  }
  ~PeerPlayer() override { variant_.destroy(player_); }
  PeerPlayer(const PeerPlayer&) = delete;
  PeerPlayer& operator=(const PeerPlayer&) = delete;

  void reset() override { variant_.reset(player_); }
  void process(const float* const* input, float* const* output, int numFrames) override {
    variant_.process(player_, input[0], output[0], numFrames);
    for (int frame = 0; frame < numFrames && addInput_; ++frame) {
      output[0][frame] += input[0][frame];
    }
  }

 private:
  const FxbenchVariant& variant_;
  bool addInput_;
  void* player_;
};

/** A variant, and the shared library that it is from. */
struct Peer {
  std::string file;
  const FxbenchVariant* variant;
};

/** A row of the table: how to make its player, and what was measured. */
struct Candidate {
  std::string subject; // what the row is about: "size", "block", ..., "peer"
  Settings settings;
  const Peer* peer = nullptr;
  std::function<std::unique_ptr<Player>()> make;
  std::unique_ptr<Player> player;
  int chunkFrames = 0;
  std::vector<double> rounds; // ns per frame
  Json result;
};

/** Candidates that play one model and take turns. */
struct Group {
  std::string name = {};
  std::string type = {};
  std::vector<int> sizes = {};
  bool rounded = false; // recurrent weights that bfloat16 holds exactly
  bool peers = false;
  std::vector<std::pair<std::string, Settings>> rows = {}; // subject and settings; the first is what ratios refer to
  std::string file = {};                                   // instead of random weights
};

struct Options {
  std::vector<std::string> only;
  std::vector<std::string> subjects;
  std::vector<std::string> isas;
  std::vector<std::string> peers;
  std::vector<std::string> models;
  std::string output;
  bool list = false;
  int instances = 3;
  int rounds = 21;      // per instance
  double chunkMs = 4.0; // of processor time
  double checkedSeconds = 2.0;
  std::uint64_t seed = 1;
};

double threadNs() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
}

/** A fixed piece of arithmetic, each step waiting for the last: its time tells the processor's clock at the moment. */
double yardstickNs() {
  constexpr int kSteps = 20000;
  volatile float start = 0.5f;
  float x = start;
  const double before = threadNs();
  for (int step = 0; step < kSteps; ++step) {
    x = x * 0.999f + 0.001f;
  }
  const double after = threadNs();
  start = x;
  return (after - before) / kSteps;
}

std::vector<Group> scenarioTable() {
  std::vector<Group> groups;
  const auto with = [](auto&& change) {
    Settings settings;
    change(settings);
    return settings;
  };
  const auto has = [](std::initializer_list<int> list, int value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  for (const int size : {8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96}) {
    Group group{.name = "lstm-" + std::to_string(size), .type = "lstm", .sizes = {size}, .peers = true};
    group.rows.push_back({"size", {}});
    if (has({16, 40}, size)) {
      for (const int block : {16, 128, 512})
        group.rows.push_back({"block", with([&](Settings& s) { s.block = block; })});
    }
    for (const int streams : {2, 4}) {
      if (streams == 2 || has({8, 16, 40}, size))
        group.rows.push_back({"streams", with([&](Settings& s) { s.streams = streams; })});
    }
    if (has({8, 16, 40}, size)) {
      for (const int factor : {2, 4, 8})
        group.rows.push_back({"oversampling", with([&](Settings& s) { s.oversampling = factor; })});
    }
    if (has({8, 16, 24, 40}, size))
      group.rows.push_back({"activations", with([](Settings& s) { s.activations = "fast"; })});
    groups.push_back(group);
  }
  for (const int size : {64, 80, 96}) {
    Group group{.name = "lstm-" + std::to_string(size) + "-rounded", .type = "lstm", .sizes = {size}, .rounded = true};
    group.rows.push_back({"weights", with([](Settings& s) { s.weightStorage = "float32"; })});
    group.rows.push_back({"weights", with([](Settings& s) { s.weightStorage = "bfloat16"; })});
    groups.push_back(group);
  }
  for (const int size : {8, 16, 20, 24, 32, 40, 64, 96}) {
    Group group{.name = "gru-" + std::to_string(size), .type = "gru", .sizes = {size}, .peers = true};
    group.rows.push_back({"size", {}});
    group.rows.push_back({"streams", with([](Settings& s) { s.streams = 2; })});
    groups.push_back(group);
  }
  Group kernels{.name = "kernels", .type = "kernel"};
  for (const char* name : {"tanh", "sigmoid"})
    kernels.rows.push_back({"kernel", with([&](Settings& s) { s.kernel = name; })});
  for (const int factor : {2, 4, 8}) {
    kernels.rows.push_back({"kernel", with([&](Settings& s) {
                              s.kernel = "oversampler";
                              s.oversampling = factor;
                            })});
  }
  groups.push_back(kernels);
  for (const int size : {16, 32}) {
    const std::string text = std::to_string(size);
    Group group{.name = "lstm-" + text + "-" + text, .type = "lstm", .sizes = {size, size}, .peers = true};
    group.rows.push_back({"stack", {}});
    groups.push_back(group);
  }
  return groups;
}

/** Shared libraries with peers. Left open: their variants' texts are in them. */
std::vector<Peer> openPeers(const std::vector<std::string>& paths) {
  std::vector<Peer> peers;
  for (const std::string& path : paths) {
    void* library =
        ::dlopen(path.find('/') == std::string::npos ? ("./" + path).c_str() : path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
      throw std::runtime_error(path + ": " + ::dlerror());
    const auto function = reinterpret_cast<FxbenchVariants>(::dlsym(library, "fxbench_variants"));
    int count = 0;
    const FxbenchVariant* first = function != nullptr ? function(FXBENCH_PEER_VERSION, &count) : nullptr;
    if (count == 0)
      throw std::runtime_error(path + ": no fxbench_variants of version " + std::to_string(FXBENCH_PEER_VERSION));
    for (int index = 0; index < count; ++index)
      peers.push_back({path.substr(path.rfind('/') + 1), first + index});
  }
  return peers;
}

/** Names of this processor's instruction sets that the engine has kernels for. */
std::vector<std::string> engineIsas() {
  std::vector<std::string> names;
  for (const auto isa : fxengine::simd::availableIsas())
    names.emplace_back(fxengine::simd::isaName(isa));
  return names;
}

/** The one that models are loaded for where none is asked for. */
std::string chosenIsa() {
  useIsa("");
  return fxengine::simd::isaName(fxengine::simd::isaInUse());
}

class Run {
 public:
  explicit Run(Options options)
      : options_(std::move(options)), peers_(openPeers(options_.peers)),
        input_(fxbench::pluckedChords(10.0, options_.seed)), order_(static_cast<unsigned>(options_.seed)) {}

  Json measure(const Group& group) {
    std::string json;
    Weights weights;
    if (group.type != "kernel") {
      json = group.file.empty() ? fxbench::jsonOf(randomWeightsOf(group), group.rounded) : textOf(group.file);
      weights = fxbench::weightsFromJson(json);
    }
    std::vector<FxbenchLayer> layers;
    for (const fxbench::LayerWeights& layer : weights.layers) {
      layers.push_back({layer.type.c_str(), layer.inputs, layer.size, layer.input.data(), layer.recurrent.data(),
                        layer.inputBias.data(), layer.recurrentBias.data()});
    }
    const FxbenchModel peerModel{static_cast<int>(layers.size()),
                                 layers.data(),
                                 weights.head.data(),
                                 weights.headBias,
                                 json.c_str(),
                                 json.size(),
                                 weights.residual ? 1 : 0};

    std::vector<Candidate> candidates = candidatesOf(group, json, peerModel);
    const auto numChecked = std::min(input_.size(), static_cast<std::size_t>(options_.checkedSeconds * kSampleRate));
    const std::vector<float> checkedInput(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(numChecked));
    const std::vector<double> reference =
        group.type == "kernel" ? std::vector<double>() : fxbench::referenceOutput(weights, checkedInput);

    std::vector<double> yardstick;
    for (int instance = 0; instance < options_.instances; ++instance) {
      // Where an object lies in memory can cost or save a tenth: each instance lies elsewhere.
      std::vector<std::unique_ptr<char[]>> padding;
      std::shuffle(candidates.begin(), candidates.end(), order_);
      for (Candidate& candidate : candidates) {
        padding.push_back(std::make_unique<char[]>(64 * (1 + order_() % 256)));
        candidate.player = candidate.make();
        if (instance == 0)
          check(candidate, checkedInput, reference);
        warmUp(candidate);
      }
      for (int round = 0; round < options_.rounds; ++round) {
        const std::size_t start = order_() % (input_.size() / 2);
        std::shuffle(candidates.begin(), candidates.end(), order_);
        yardstick.push_back(yardstickNs());
        for (Candidate& candidate : candidates)
          candidate.rounds.push_back(play(candidate, start, candidate.chunkFrames));
      }
      for (Candidate& candidate : candidates)
        candidate.player.reset();
    }

    Json result = {{"name", group.name}, {"rows", Json::array()}, {"yardstick_ns", yardstick}};
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.result["index"] < b.result["index"]; });
    for (Candidate& candidate : candidates) {
      if (group.file.empty() && candidate.result["exact"] && candidate.result.value("error_max", 0.0) > kGreatestError)
        throw std::runtime_error(group.name + ": the output of " + candidate.result["library"].get<std::string>() +
                                 " is " + std::to_string(candidate.result["error_max"].get<double>()) +
                                 " from the reference");
      candidate.result["rounds_ns"] = candidate.rounds;
      result["rows"].push_back(candidate.result);
    }
    return result;
  }

 private:
  static Weights randomWeightsOf(const Group& group) {
    std::uint64_t seed = 100;
    for (const int size : group.sizes)
      seed = seed * 31 + static_cast<std::uint64_t>(size);
    return fxbench::randomWeights(group.type, group.sizes, seed, group.rounded);
  }

  static std::string textOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    if (!file)
      throw std::runtime_error(path + ": cannot be read");
    return text.str();
  }

  bool wanted(const std::string& subject) const {
    return options_.subjects.empty() ||
           std::find(options_.subjects.begin(), options_.subjects.end(), subject) != options_.subjects.end();
  }

  std::vector<Candidate> candidatesOf(const Group& group, const std::string& json, const FxbenchModel& peerModel) {
    std::vector<Candidate> candidates;
    const auto add = [&](Candidate candidate) {
      try {
        candidate.make(); // does it work at all?
      } catch (const std::exception& error) {
        std::cerr << group.name << ": " << candidate.subject << " left out: " << error.what() << '\n';
        return;
      }
      candidate.result["index"] = candidates.size();
      candidates.push_back(std::move(candidate));
    };

    // The first row on every instruction set that is asked for or that a peer was compiled for.
    std::vector<std::string> isas = options_.isas;
    if (isas.empty()) {
      isas.emplace_back(); // the engine's choice
      for (const std::string& isa : engineIsas()) {
        const bool compared =
            std::any_of(peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.variant->isa == isa; });
        if (compared && isa != chosenIsa())
          isas.push_back(isa);
      }
    }
    std::vector<std::string> backends = fxengine::availableBackends();
    for (std::size_t index = 0; index < group.rows.size(); ++index) {
      const auto& [subject, base] = group.rows[index];
      if (index > 0 && !wanted(subject))
        continue;
      for (const std::string& isa : isas) {
        if (index > 0 && options_.isas.empty() && !isa.empty())
          continue;
        if (!base.kernel.empty() && &isa != &isas.front())
          continue; // those keep to the set that they were first used with
        Candidate candidate;
        candidate.subject = subject;
        candidate.settings = base;
        candidate.settings.isa = isa;
        candidate.make = [&json, settings = candidate.settings]() -> std::unique_ptr<Player> {
          if (!settings.kernel.empty())
            return makeKernel(settings);
          return std::make_unique<EnginePlayer>(json, settings);
        };
        add(std::move(candidate));
      }
    }
    if (group.peers && wanted("peer")) {
      for (const std::string& backend : backends) {
        if (backend == "fxengine")
          continue;
        Candidate candidate;
        candidate.subject = "peer";
        candidate.settings.backend = backend;
        candidate.make = [&json, settings = candidate.settings] {
          return std::make_unique<EnginePlayer>(json, settings);
        };
        add(std::move(candidate));
      }
      for (const Peer& peer : peers_) {
        Candidate candidate;
        candidate.subject = "peer";
        candidate.peer = &peer;
        candidate.make = [&peer, &peerModel] {
          useIsa("");
          return std::make_unique<PeerPlayer>(*peer.variant, peerModel);
        };
        try {
          candidate.make();
        } catch (const std::exception&) {
          continue; // many a peer plays some sizes only
        }
        add(std::move(candidate));
      }
    }
    return candidates;
  }

  /** Plays from `start` of the input; each stream elsewhere in it. Returns ns per frame. */
  double play(Candidate& candidate, std::size_t start, int numFrames) {
    const Settings& settings = candidate.settings;
    const int block = settings.block;
    std::vector<const float*> input(settings.streams);
    std::vector<float*> output(settings.streams);
    for (int stream = 0; stream < settings.streams; ++stream) {
      input[stream] = input_.data() + start + static_cast<std::size_t>(stream) * 4801;
      output[stream] = output_ + stream * kMaxBlock;
    }
    const auto playFrames = [&](int count) {
      for (int frame = 0; frame < count; frame += block) {
        candidate.player->process(input.data(), output.data(), block);
        for (const float*& pointer : input)
          pointer += block;
      }
    };
    playFrames((512 + block - 1) / block * block); // brings weights and code back into the caches
    const double before = threadNs();
    playFrames(numFrames);
    return (threadNs() - before) / numFrames;
  }

  void warmUp(Candidate& candidate) {
    const int block = candidate.settings.block;
    const double ns = play(candidate, 0, (2048 + block - 1) / block * block);
    const int longest = static_cast<int>(input_.size() / 2) - 512 - 8 * 4801 - kMaxBlock;
    const double wanted = std::clamp(options_.chunkMs * 1e6 / ns, 1024.0, static_cast<double>(longest));
    candidate.chunkFrames = (static_cast<int>(wanted) + block - 1) / block * block;
  }

  /** Output, its hash and its error, of a player at its start. */
  void check(Candidate& candidate, const std::vector<float>& input, const std::vector<double>& modelReference) {
    const Settings& settings = candidate.settings;
    const std::size_t numFrames = input.size();
    std::vector<std::vector<float>> outputs(settings.streams, std::vector<float>(numFrames));
    candidate.player->reset();
    for (std::size_t frame = 0; frame < numFrames; frame += static_cast<std::size_t>(settings.block)) {
      const std::vector<const float*> in(settings.streams, input.data() + frame);
      std::vector<float*> out;
      for (std::vector<float>& output : outputs)
        out.push_back(output.data() + frame);
      const auto rest = static_cast<int>(numFrames - frame);
      candidate.player->process(in.data(), out.data(), std::min(settings.block, rest));
    }
    std::vector<double> reference = modelReference;
    if (const auto* activation = dynamic_cast<const ActivationPlayer*>(candidate.player.get()))
      reference = activation->reference(input);
    std::uint64_t hash = 14695981039346656037u; // FNV-1a
    double greatest = 0.0, energy = 0.0, errorEnergy = 0.0;
    for (const std::vector<float>& output : outputs) {
      for (std::size_t frame = 0; frame < numFrames; ++frame) {
        const auto bits = std::bit_cast<std::uint32_t>(output[frame]);
        const bool hashed = &output == outputs.data() && frame < kSampleRate / 2; // the same length in every mode
        for (int shift = 0; hashed && shift < 32; shift += 8)
          hash = (hash ^ ((bits >> shift) & 0xffu)) * 1099511628211u;
        if (reference.empty())
          continue;
        const double error = std::abs(static_cast<double>(output[frame]) - reference[frame]);
        greatest = error <= greatest ? greatest : error; // NaN stays
        errorEnergy += error * error;
        energy += reference[frame] * reference[frame];
      }
    }
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));

    Json& result = candidate.result;
    result["subject"] = candidate.subject;
    if (candidate.peer != nullptr) {
      const FxbenchVariant& variant = *candidate.peer->variant;
      result["library"] = variant.library;
      result["variant"] = variant.name;
      result["sizes"] = variant.sizes;
      result["isa"] = variant.isa;
      result["exact"] = variant.exact != 0;
      result["file"] = candidate.peer->file;
    } else {
      const auto* engine = dynamic_cast<const EnginePlayer*>(candidate.player.get());
      result["library"] = settings.backend;
      result["variant"] = settings.kernel;
      result["sizes"] = "run-time";
      result["isa"] = engine != nullptr ? engine->isa() : chosenIsa();
      result["exact"] = settings.activations == "exact" && settings.weightStorage != "bfloat16";
    }
    result["block"] = settings.block;
    result["streams"] = settings.streams;
    result["oversampling"] = settings.oversampling;
    result["weight_storage"] = settings.weightStorage;
    result["activations"] = settings.activations;
    result["output_hash"] = text;
    // The filters of an oversampled model are not in the reference.
    if (settings.oversampling == 1 && !reference.empty()) {
      result["error_max"] = greatest;
      result["error_rms"] = std::sqrt(errorEnergy / energy);
    }
  }

  static constexpr int kMaxBlock = 512;
  static constexpr int kMaxStreams = 8;

  Options options_;
  std::vector<Peer> peers_;
  std::vector<float> input_;
  std::minstd_rand order_;
  alignas(64) float output_[kMaxStreams * kMaxBlock] = {};
};

Options parseOptions(int argc, char** argv) {
  Options options;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const std::string& name = arguments[index];
    const auto value = [&] {
      if (index + 1 == arguments.size())
        throw std::runtime_error(name + ": expected a value");
      return arguments[++index];
    };
    if (name == "--only")
      options.only.push_back(value());
    else if (name == "--subject")
      options.subjects.push_back(value());
    else if (name == "--isa")
      options.isas.push_back(value());
    else if (name == "--peer")
      options.peers.push_back(value());
    else if (name == "--model")
      options.models.push_back(value());
    else if (name == "--output")
      options.output = value();
    else if (name == "--instances")
      options.instances = std::max(1, std::stoi(value()));
    else if (name == "--rounds")
      options.rounds = std::max(1, std::stoi(value()));
    else if (name == "--chunk-ms")
      options.chunkMs = std::stod(value());
    else if (name == "--checked-seconds")
      options.checkedSeconds = std::clamp(std::stod(value()), 0.02, 10.0);
    else if (name == "--seed")
      options.seed = std::stoull(value());
    else if (name == "--list")
      options.list = true;
    else
      throw std::runtime_error(name + ": not an option of bench_engine");
  }
  return options;
}

void run(const Options& options) {
  std::vector<Group> groups;
  for (const Group& group : scenarioTable()) {
    if (options.models.empty() && options.only.empty())
      groups.push_back(group);
    else if (std::find(options.only.begin(), options.only.end(), group.name) != options.only.end())
      groups.push_back(group);
  }
  for (const std::string& model : options.models) {
    const std::filesystem::path path = model;
    Group group{.name = (path.parent_path().filename() / path.filename()).string(), .peers = true};
    group.file = model;
    group.rows.push_back({"size", {}});
    groups.push_back(group);
  }
  if (options.list) {
    for (const Group& group : groups)
      std::cout << group.name << '\n';
    return;
  }
  if (groups.empty())
    throw std::runtime_error("--only: no such scenario; --list names them");

  const fxengine::ScopedFlushDenormals flush;
  Run run(options);
  Json document = {{"format", 1},
                   {"compiler", FXBENCH_COMPILER},
                   {"flags", FXBENCH_FLAGS},
                   {"isas", engineIsas()},
                   {"instances", options.instances},
                   {"rounds", options.rounds},
                   {"chunk_ms", options.chunkMs},
                   {"checked_seconds", options.checkedSeconds},
                   {"seed", options.seed},
                   {"groups", Json::array()}};
  for (const Group& group : groups) {
    std::cerr << group.name << std::endl;
    document["groups"].push_back(run.measure(group));
  }
  const std::string text = document.dump(1) + '\n';
  if (options.output.empty())
    std::cout << text;
  else
    std::ofstream(options.output) << text;
}

} // namespace

int main(int argc, char** argv) {
  try {
    run(parseOptions(argc, argv));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << "bench_engine: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
