// SPDX-License-Identifier: MIT
// What a frame costs in a WaveNet of a .nam file, against what its arithmetic alone would: see README.md.
#include "peer.h"

#include <fxengine/model_loader.h>
#include <fxengine/realtime/flush_denormals.h>
#include <fxengine/simd/isa.h>

#include "simd/kernels.h"

#include <nlohmann/json.hpp>

#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

using Json = nlohmann::json;
using fxengine::simd::Isa;

constexpr int kMaxBlock = 512;
constexpr int kChunkFrames = 4096;

double threadNs() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
}

// ---- Yardsticks: multiply-adds from registers, tanh from first-level cache

constexpr int kSteps = 4000;

#if defined(__x86_64__)
#define FXBENCH_SUMS(Vector, count, zero, step)                                                                        \
  Vector sums[count];                                                                                                  \
  for (Vector & sum : sums)                                                                                            \
    sum = zero;                                                                                                        \
  for (int i = 0; i < kSteps; ++i) {                                                                                   \
    _Pragma("GCC unroll 32") for (Vector & sum : sums) sum = step;                                                     \
    __asm__ volatile("" : "+x"(factor));                                                                               \
  }                                                                                                                    \
  for (int i = 1; i < count; ++i)                                                                                      \
    sums[0] = sums[0] + sums[i];

float addSse2() {
  __m128 factor = _mm_set1_ps(0.999f);
  FXBENCH_SUMS(__m128, 12, _mm_setzero_ps(), _mm_add_ps(_mm_mul_ps(factor, factor), sum))
  return _mm_cvtss_f32(sums[0]);
}
__attribute__((target("avx2,fma"))) float addAvx2() {
  __m256 factor = _mm256_set1_ps(0.999f);
  FXBENCH_SUMS(__m256, 12, _mm256_setzero_ps(), _mm256_fmadd_ps(factor, factor, sum))
  return _mm256_cvtss_f32(sums[0]);
}
__attribute__((target("avx512f"))) float addAvx512() {
  __m512 factor = _mm512_set1_ps(0.999f);
  FXBENCH_SUMS(__m512, 20, _mm512_setzero_ps(), _mm512_fmadd_ps(factor, factor, sum))
  return _mm512_cvtss_f32(sums[0]);
}
#elif defined(__aarch64__)
float addNeon() {
  float32x4_t factor = vdupq_n_f32(0.999f), sums[20] = {};
  for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 32
    for (float32x4_t& sum : sums)
      sum = vfmaq_f32(sum, factor, factor);
    __asm__ volatile("" : "+w"(factor));
  }
  for (int i = 1; i < 20; ++i)
    sums[0] = vaddq_f32(sums[0], sums[i]);
  return vgetq_lane_f32(sums[0], 0);
}
#endif

struct Adder {
  float (*run)() = nullptr;
  double perStep = 1.0; ///< multiply-adds
};

Adder adderOf(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512)
    return {addAvx512, 20 * 16};
  if (isa == Isa::avx2)
    return {addAvx2, 12 * 8};
  return {addSse2, 12 * 4};
#elif defined(__aarch64__)
  return {addNeon, 20 * 4};
#else
  return {};
#endif
}

/** Time of one multiply-add of a full vector's lanes. */
double multiplyAddNs(Isa isa) {
  const Adder adder = adderOf(isa);
  const double before = threadNs();
  const float sum = adder.run();
  const double after = threadNs();
  __asm__ volatile("" : : "r"(&sum) : "memory"); // which nothing else reads
  return (after - before) / (kSteps * adder.perStep);
}

double tanhNs(Isa isa) {
  alignas(64) static float values[1024];
  constexpr int kTimes = 20;
  for (int i = 0; i < 1024; ++i)
    values[i] = 0.01f * static_cast<float>(i - 512);
  const auto tanh = fxengine::simd::kernelsOf(isa).tanh;
  const double before = threadNs();
  for (int time = 0; time < kTimes; ++time)
    tanh(values, 1024);
  return (threadNs() - before) / (kTimes * 1024);
}

// ---- Models

struct Arithmetic {
  double multiplyAdds = 0.0, tanhs = 0.0; ///< a frame
};

int sizeOf(const Json& config, const char* key) { return config.at(key).get<int>(); }

std::string typeOf(const Json& activation) {
  if (activation.is_array())
    return activation.empty() ? "" : typeOf(activation.front());
  return activation.is_string() ? activation.get<std::string>() : activation.value("type", "");
}

/** Of a WaveNet as NAM's A1 and A2 have it; nothing for other models, whose arithmetic this does not count. */
std::optional<Arithmetic> arithmeticOf(const Json& model) {
  if (model.value("architecture", "") != "WaveNet")
    return std::nullopt;
  Arithmetic work;
  for (const Json& array : model.at("config").at("layers")) {
    const int channels = sizeOf(array, "channels");
    const int gates = array.contains("gated") && array["gated"].is_boolean() && array["gated"].get<bool>() ? 2 : 1;
    const std::size_t layers = array.at("dilations").size();
    work.multiplyAdds += sizeOf(array, "input_size") * channels;
    for (std::size_t index = 0; index < layers; ++index) {
      const int kernel =
          array.contains("kernel_sizes") ? array["kernel_sizes"][index].get<int>() : sizeOf(array, "kernel_size");
      work.multiplyAdds += channels * (gates * (channels * kernel + 1) + channels);
      work.tanhs += typeOf(array.at("activation")) == "Tanh" ? channels : 0;
    }
    const Json head = array.value("head", Json::object());
    work.multiplyAdds += channels * (head.empty() ? sizeOf(array, "head_size") : sizeOf(head, "out_channels")) *
                         head.value("kernel_size", 1);
  }
  return work;
}

std::string textOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file)
    throw std::runtime_error(path + ": cannot be read");
  return text.str();
}

/** A file, or each network of a container. */
std::vector<std::pair<std::string, std::string>> modelsOf(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  const std::string text = textOf(path);
  const Json json = Json::parse(text);
  std::vector<std::pair<std::string, std::string>> models;
  if (json.contains("config") && json["config"].contains("submodels"))
    for (const Json& each : json["config"]["submodels"])
      models.emplace_back(name + ", up to quality " + each.at("max_value").dump(), each.at("model").dump());
  else
    models.emplace_back(name, text);
  return models;
}

/** One row: what plays, and what it took in each round. */
struct Candidate {
  std::string player;
  std::string isa;
  int block = 64, streams = 1;
  std::function<void(const float* const*, float* const*, int)> process;
  std::shared_ptr<void> owner;
  std::vector<double> rounds;
};

Candidate engineCandidate(const std::string& text, const std::string& isa, int block, int streams) {
  ::setenv("FXENGINE_ISA", isa.c_str(), 1);
  fxengine::LoadOptions options;
  options.selfTest = false;
  auto model = std::make_shared<fxengine::Model>(fxengine::parseModel(text, "benchmark", options));
  model->prepare(streams, kMaxBlock);
  model->reset();
  return {"fxengine",
          isa,
          block,
          streams,
          [raw = model.get(), streams](auto in, auto out, int frames) { raw->process(in, out, streams, frames); },
          model,
          {}};
}

void addPeers(const std::vector<std::string>& paths, const std::string& text, std::vector<Candidate>& candidates) {
  for (const std::string& path : paths) {
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
      throw std::runtime_error(path + ": " + ::dlerror());
    const auto function = reinterpret_cast<FxbenchVariants>(::dlsym(library, "fxbench_variants"));
    int count = 0;
    const FxbenchVariant* variants = function != nullptr ? function(FXBENCH_PEER_VERSION, &count) : nullptr;
    for (int index = 0; index < count; ++index) {
      const FxbenchVariant& variant = variants[index];
      const FxbenchModel model{0, nullptr, nullptr, 0.0f, text.c_str(), text.size(), 0};
      void* const player = variant.create(&model);
      if (player == nullptr)
        continue;
      variant.reset(player);
      candidates.push_back(
          {std::string(variant.library) + " " + variant.name,
           variant.isa,
           64,
           1,
           [player, &variant](auto in, auto out, int frames) { variant.process(player, in[0], out[0], frames); },
           std::shared_ptr<void>(player, variant.destroy),
           {}});
    }
  }
}

// ---- Measuring

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

struct Options {
  std::vector<std::string> models, peers, isas;
  int rounds = 60;
};

void measure(const std::string& name, const std::string& text, const Options& options,
             const std::vector<float>& input) {
  std::vector<Candidate> candidates;
  for (const std::string& isa : options.isas) {
    candidates.push_back(engineCandidate(text, isa, 64, 1));
    candidates.push_back(engineCandidate(text, isa, 512, 1));
    candidates.push_back(engineCandidate(text, isa, 64, 2));
  }
  addPeers(options.peers, text, candidates);

  std::map<std::string, std::vector<double>> adds, tanhs;
  std::minstd_rand order(1);
  std::vector<std::size_t> turns(candidates.size());
  std::vector<float> out(2 * kMaxBlock);
  for (int round = 0; round < options.rounds; ++round) {
    for (const Isa isa : fxengine::simd::availableIsas()) {
      const std::string set = fxengine::simd::isaName(isa);
      if (std::find(options.isas.begin(), options.isas.end(), set) == options.isas.end())
        continue;
      adds[set].push_back(multiplyAddNs(isa));
      tanhs[set].push_back(tanhNs(isa));
    }
    for (std::size_t index = 0; index < turns.size(); ++index)
      turns[index] = index;
    std::shuffle(turns.begin(), turns.end(), order);
    for (const std::size_t index : turns) {
      Candidate& candidate = candidates[index];
      const auto play = [&](int from, int to) {
        for (int frame = from; frame < to; frame += candidate.block) {
          const float* const in[2] = {input.data() + frame, input.data() + frame};
          float* const to2[2] = {out.data(), out.data() + kMaxBlock};
          candidate.process(in, to2, candidate.block);
        }
      };
      play(0, 1024); // brings code and weights back into the caches
      const double before = threadNs();
      play(1024, 1024 + kChunkFrames);
      candidate.rounds.push_back((threadNs() - before) / kChunkFrames);
    }
  }

  const std::optional<Arithmetic> work = arithmeticOf(Json::parse(text));
  for (const Candidate& candidate : candidates) {
    std::printf("| %s | %s | %s | %d | %d | %.1f (%.1f) | ", name.c_str(), candidate.player.c_str(),
                candidate.isa.c_str(), candidate.block, candidate.streams, percentile(candidate.rounds, 0.5),
                percentile(candidate.rounds, 0.1));
    if (work && adds.count(candidate.isa) > 0) {
      const double fma = work->multiplyAdds * percentile(adds[candidate.isa], 0.1);
      const double curve = work->tanhs * percentile(tanhs[candidate.isa], 0.1);
      std::printf("%.0f + %.0f | %.2f |", fma, curve,
                  percentile(candidate.rounds, 0.1) / (candidate.streams * (fma + curve)));
    } else {
      std::printf("| |");
    }
    for (const Candidate& ours : candidates) // the same instruction set, block and streams
      if (&ours != &candidate && ours.player == "fxengine" && ours.isa == candidate.isa &&
          ours.block == candidate.block && ours.streams == candidate.streams)
        std::printf(" %.1f", percentile(candidate.rounds, 0.1) / percentile(ours.rounds, 0.1));
    std::printf(" |\n");
    std::fflush(stdout);
  }
}

std::vector<float> notes(int frames) {
  std::vector<float> samples(static_cast<std::size_t>(frames));
  double phase = 0.0;
  for (int n = 0; n < frames; ++n) {
    phase += 0.03 + 0.02 * std::sin(n * 0.0007);
    samples[static_cast<std::size_t>(n)] = static_cast<float>(0.6 * std::sin(phase) * std::exp(-(n % 4000) / 2500.0));
  }
  return samples;
}

int run(int argc, char** argv) {
  Options options;
  for (int index = 1; index < argc; ++index) {
    const std::string argument = argv[index];
    const bool hasValue = argument == "--peer" || argument == "--isa" || argument == "--rounds";
    if (hasValue && index + 1 == argc)
      throw std::runtime_error(argument + ": expected a value");
    if (argument == "--peer")
      options.peers.emplace_back(argv[++index]);
    else if (argument == "--isa")
      options.isas.emplace_back(argv[++index]);
    else if (argument == "--rounds")
      options.rounds = std::max(1, std::stoi(argv[++index]));
    else if (argument.starts_with("--"))
      throw std::runtime_error(argument + ": expected FILE.nam, --isa NAME, --peer LIBRARY or --rounds N");
    else
      options.models.push_back(argument);
  }
  if (options.models.empty())
    throw std::runtime_error("expected FILE.nam...");
  std::vector<std::string> available;
  for (const Isa isa : fxengine::simd::availableIsas())
    available.emplace_back(fxengine::simd::isaName(isa));
  if (options.isas.empty())
    options.isas = available;
  for (const std::string& isa : options.isas)
    if (std::find(available.begin(), available.end(), isa) == available.end())
      throw std::runtime_error("--isa " + isa + ": this machine has " + fxengine::simd::availableIsaNames());

  const fxengine::ScopedFlushDenormals flush;
  const std::vector<float> input = notes(1024 + kChunkFrames + kMaxBlock);
  std::printf("Nanoseconds of processor time a frame: median (tenth percentile). \"limit\": the multiply-adds from "
              "registers and the tanh from first-level cache,\neach alone; \"of it\": tenth percentile over tenth "
              "percentile. \"to ours\": against fxengine on the same set.\n\n");
  std::printf("| model | player | set | block | streams | ns | limit | of it | to ours |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& path : options.models)
    for (const auto& [name, text] : modelsOf(path))
      measure(name, text, options, input);
  return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "bench_wavenet: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
