// SPDX-License-Identifier: MIT
#include "dispatch.h"

#include <fxengine/simd/isa.h>

#include <stdexcept>

namespace fxtrain::kernels {
namespace {

using fxengine::simd::Isa;

const Kernels& chooseKernels() {
  if (const std::string missing = fxengine::simd::missingIsa(); !missing.empty())
    throw std::runtime_error("FXENGINE_ISA is '" + missing +
                             "', but this machine has: " + fxengine::simd::availableIsaNames() + ".");
#if defined(__x86_64__) || defined(__i386__)
  const Isa isa = fxengine::simd::isaInUse();
  return isa == Isa::avx512 ? avx512::kernels() : isa == Isa::avx2 ? avx2::kernels() : sse2::kernels();
#else
  return neon::kernels();
#endif
}

} // namespace

std::vector<std::string> availableIsas() {
  std::vector<std::string> names;
  for (const Isa isa : fxengine::simd::availableIsas())
    names.emplace_back(fxengine::simd::isaName(isa));
  return names;
}

const Kernels& activeKernels() {
  static const Kernels& kernels = chooseKernels();
  return kernels;
}

} // namespace fxtrain::kernels
