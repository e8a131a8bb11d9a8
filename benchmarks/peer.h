/* SPDX-License-Identifier: MIT
   What a library must offer to be measured beside the engine by bench_engine: one function, fxbench_variants, in a
   shared library that `bench_engine --peer` opens. Plain C, so that such a library may be built by any compiler, with
   any flags, from anything; peer_fxengine.cpp is an example.

   The model has recurrent layers in a row and a dense read-out to one value; or it has no layers, and `json` alone
   tells it: a .nam file, which bench_wavenet plays. Where the model says that the input is added to the output, a
   library that does not do so leaves it to the benchmark, within the time measured. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FXBENCH_PEER_VERSION 1

/* Weights in PyTorch's layout and order of gates: [gates * size][inputs], i f g o for "lstm", r z n for "gru". */
typedef struct FxbenchLayer {
  const char* type; /* "lstm" or "gru" */
  int inputs;
  int size;
  const float* inputWeights;
  const float* recurrentWeights;
  const float* inputBias;     /* for "lstm" the sum of both biases */
  const float* recurrentBias; /* zeros for "lstm" */
} FxbenchLayer;

typedef struct FxbenchModel {
  int numLayers;
  const FxbenchLayer* layers;
  const float* headWeights; /* of the read-out: as many as the last layer has units */
  float headBias;
  const char* json; /* the same model as a file: RTNeural JSON, or .nam, ended by 0 */
  size_t jsonLength;
  int residual; /* 1 where the input is added to the output */
} FxbenchModel;

/* One way to play models. The texts live as long as the library is open. */
typedef struct FxbenchVariant {
  const char* library; /* "RTNeural" */
  const char* name;    /* what tells it from the library's other variants */
  const char* sizes;   /* "run-time", or "compile-time" where the layer sizes are fixed in the program */
  const char* isa;     /* what it was compiled for: "sse2", "avx2", "avx512", "neon"; "" where chosen at run time */
  int exact;           /* 1 where the activations are meant to be exact to float32 rounding */
  int addsInput;       /* 1 where process() adds the input itself */
  void* (*create)(const FxbenchModel* model); /* null where this variant cannot play the model */
  void (*destroy)(void* player);
  void (*reset)(void* player);
  void (*process)(void* player, const float* input, float* output, int numFrames);
} FxbenchVariant;

/* The library's variants, `*count` of them; none where `version` is not the one it was built with. */
typedef const FxbenchVariant* (*FxbenchVariants)(int version, int* count); /* the type of fxbench_variants */

#ifdef __cplusplus
}
#endif
