// SPDX-License-Identifier: MIT
#include "simd/kernels.h"

#include <algorithm>

namespace fxengine::simd {

#if FXENGINE_X86
namespace sse2 {
const Kernels& kernels();
}
namespace avx2 {
const Kernels& kernels();
}
namespace avx512 {
const Kernels& kernels();
}
#else
namespace neon {
const Kernels& kernels();
}
#endif

const Kernels& kernelsOf(Isa isa) {
#if FXENGINE_X86
  if (isa == Isa::avx512)
    return avx512::kernels();
  return isa == Isa::avx2 ? avx2::kernels() : sse2::kernels();
#else
  static_cast<void>(isa);
  return neon::kernels();
#endif
}

const Kernels& kernelsInUse() { return kernelsOf(isaInUse()); }

const RecurrentKernel* findKernel(std::span<const RecurrentKernel> kernels, int hiddenSize, int numStreams,
                                  bool projected, bool bfloat16, bool fast) {
  const auto find = [&](int size, bool approximate) {
    const auto found = std::find_if(kernels.begin(), kernels.end(), [&](const RecurrentKernel& kernel) {
      return kernel.hiddenSize == size && kernel.numStreams == numStreams && kernel.projected == projected &&
             kernel.layout.bfloat16 == bfloat16 && kernel.fast == approximate;
    });
    return found == kernels.end() ? nullptr : &*found;
  };
  // Approximations are there for what is common; the exact kernels are for everything.
  for (const bool approximate : {fast, false}) {
    for (const int size : {hiddenSize, 0}) {
      if (const RecurrentKernel* found = find(size, approximate))
        return found;
    }
  }
  return nullptr;
}

} // namespace fxengine::simd
