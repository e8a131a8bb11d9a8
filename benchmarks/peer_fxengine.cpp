// SPDX-License-Identifier: MIT
// The engine as a peer of itself. A copy of this library, kept from before a change, is measured beside the changed
// engine in one run; and it shows how to offer any other library to bench_engine.
#include "peer.h"

#include <fxengine/model_loader.h>

#include <cstdio>
#include <exception>
#include <string_view>

#ifdef _WIN32
#define FXBENCH_EXPORT extern "C" __declspec(dllexport)
#else
#define FXBENCH_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace {

constexpr int kMaxBlock = 512;

void* create(const FxbenchModel* model) {
  try {
    fxengine::LoadOptions options;
    options.selfTest = false;
    auto player = std::make_unique<fxengine::Model>(
        fxengine::parseModel(std::string_view(model->json, model->jsonLength), "benchmark", options));
    player->prepare(1, kMaxBlock);
    return player.release();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "peer_fxengine: %s\n", error.what());
    return nullptr;
  }
}

void destroy(void* player) { delete static_cast<fxengine::Model*>(player); }

void reset(void* player) { static_cast<fxengine::Model*>(player)->reset(); }

void process(void* player, const float* input, float* output, int numFrames) {
  static_cast<fxengine::Model*>(player)->process(&input, &output, 1, numFrames);
}

constexpr FxbenchVariant kVariants[] = {{"fxengine", "kept", "run-time", "", 1, 1, create, destroy, reset, process}};

} // namespace

FXBENCH_EXPORT const FxbenchVariant* fxbench_variants(int version, int* count);

FXBENCH_EXPORT const FxbenchVariant* fxbench_variants(int version, int* count) {
  *count = version == FXBENCH_PEER_VERSION ? 1 : 0;
  return kVariants;
}
