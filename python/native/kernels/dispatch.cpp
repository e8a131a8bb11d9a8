// SPDX-License-Identifier: MIT
#include "dispatch.h"

#include <cstdlib>
#include <stdexcept>

namespace fxtrain::kernels {
namespace {

std::vector<const Kernels*> availableKernels() {
  std::vector<const Kernels*> found{&baseline::kernels()};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool hasAvx512 = hasAvx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  if (hasAvx2)
    found.push_back(&avx2::kernels());
  if (hasAvx512)
    found.push_back(&avx512::kernels());
#endif
  return found;
}

const Kernels& chooseKernels() {
  const auto available = availableKernels();
  const char* wanted = std::getenv("FXTRAIN_KERNELS_ISA");
  if (wanted == nullptr || *wanted == '\0')
    return *available.back();
  std::string names;
  for (const Kernels* kernels : available) {
    if (std::string(kernels->isa) == wanted)
      return *kernels;
    names += names.empty() ? kernels->isa : std::string(", ") + kernels->isa;
  }
  throw std::runtime_error(std::string("FXTRAIN_KERNELS_ISA is '") + wanted + "', but this machine has: " + names +
                           ".");
}

} // namespace

std::vector<std::string> availableIsas() {
  std::vector<std::string> names;
  for (const Kernels* kernels : availableKernels())
    names.emplace_back(kernels->isa);
  return names;
}

const Kernels& activeKernels() {
  static const Kernels& kernels = chooseKernels();
  return kernels;
}

} // namespace fxtrain::kernels
