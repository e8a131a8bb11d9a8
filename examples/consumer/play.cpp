// SPDX-License-Identifier: MIT
// Plays mono float32 samples from stdin to stdout, 64 frames at a time:
//   sox dry.wav -t f32 - | play model.json | sox -r 48000 -c 1 -t f32 - wet.wav
#include <fxengine/model_loader.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: play MODEL < in.f32 > out.f32\n");
    return 2;
  }
  try {
    constexpr int kBlockSize = 64;
    fxengine::Model model = fxengine::loadModel(argv[1]);
    model.prepare(1, kBlockSize);
    std::fprintf(stderr, "%s: %s\n", model.info().name.c_str(), model.info().architecture.c_str());

    float block[kBlockSize];
    float* const channels[] = {block};
    while (const std::size_t numFrames = std::fread(block, sizeof(float), kBlockSize, stdin)) {
      model.process(channels, channels, 1, static_cast<int>(numFrames)); // in place
      if (std::fwrite(block, sizeof(float), numFrames, stdout) != numFrames)
        return 1;
    }
  } catch (const fxengine::ModelError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
