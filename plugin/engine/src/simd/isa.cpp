// SPDX-License-Identifier: MIT
#include "fxengine/simd/isa.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#if defined(_MSC_VER) && !defined(__clang__)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace fxengine::simd {
namespace {

constexpr std::array<std::pair<Isa, const char*>, 4> kNames{
    {{Isa::sse2, "sse2"}, {Isa::avx2, "avx2"}, {Isa::avx512, "avx512"}, {Isa::neon, "neon"}}};

#if FXENGINE_X86
#if defined(_MSC_VER) && !defined(__clang__)
struct CpuFeatures {
  bool avx2 = false;
  bool avx512 = false;
  CpuFeatures() {
    int leaf[4];
    __cpuid(leaf, 0);
    if (leaf[0] < 7)
      return;
    __cpuid(leaf, 1);
    const bool fma = (leaf[2] & (1 << 12)) != 0;
    if ((leaf[2] & (1 << 27)) == 0) // the system does not keep the wide registers
      return;
    const auto kept = _xgetbv(0);
    __cpuidex(leaf, 7, 0);
    constexpr int kAvx512 = (1 << 16) | (1 << 17) | (1 << 30) | (1 << 31); // F, DQ, BW, VL
    avx2 = fma && (leaf[1] & (1 << 5)) != 0 && (kept & 0x6) == 0x6;
    avx512 = avx2 && (leaf[1] & kAvx512) == kAvx512 && (kept & 0xe6) == 0xe6;
  }
};
bool hasAvx2() { return CpuFeatures().avx2; }
bool hasAvx512() { return CpuFeatures().avx512; }
#else
bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool hasAvx512() {
  return hasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
#endif
#endif

} // namespace

const char* isaName(Isa isa) noexcept {
  return std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.first == isa; })->second;
}

std::optional<Isa> isaFromName(std::string_view name) noexcept {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.second == name; });
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

const std::vector<Isa>& availableIsas() {
  static const std::vector<Isa> isas = [] {
#if FXENGINE_X86
    std::vector<Isa> found{Isa::sse2};
    if (hasAvx2())
      found.push_back(Isa::avx2);
    if (hasAvx512())
      found.push_back(Isa::avx512);
#else
    std::vector<Isa> found{Isa::neon};
#endif
    return found;
  }();
  return isas;
}

Isa isaInUse() {
  const auto& isas = availableIsas();
  const char* name = std::getenv("FXENGINE_ISA");
  const auto forced = name == nullptr || *name == '\0' ? std::nullopt : isaFromName(name);
  return forced && std::find(isas.begin(), isas.end(), *forced) != isas.end() ? *forced : isas.back();
}

std::string missingIsa() {
  const char* wanted = std::getenv("FXENGINE_ISA");
  return wanted == nullptr || std::string_view(isaName(isaInUse())) == wanted ? "" : wanted;
}

std::string availableIsaNames() {
  std::string names;
  for (const Isa isa : availableIsas())
    names += (names.empty() ? "" : ", ") + std::string(isaName(isa));
  return names;
}

} // namespace fxengine::simd
