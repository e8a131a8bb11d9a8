// SPDX-License-Identifier: MIT
#define CATCH_CONFIG_RUNNER
#include "catch.h"

#include <fxengine/simd/isa.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

/** Whether FXENGINE_ISA names an instruction set that this processor or this build lacks. An unknown name is no reason
    to skip: the tests will fail on it. */
bool lacksIsa() {
  const char* name = std::getenv("FXENGINE_ISA");
  const auto wanted = name == nullptr ? std::nullopt : fxengine::simd::isaFromName(name);
  const auto& isas = fxengine::simd::availableIsas();
  return wanted && std::find(isas.begin(), isas.end(), *wanted) == isas.end();
}

} // namespace

int main(int argc, char** argv) {
  if (lacksIsa()) {
    std::printf("skipped: this processor has no %s\n", std::getenv("FXENGINE_ISA"));
    return 77; // by which CTest knows a skipped test
  }
  return Catch::Session().run(argc, argv);
}
