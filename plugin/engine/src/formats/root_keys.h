// SPDX-License-Identifier: MIT
#pragma once

#include "formats/json_field.h"
#include "fxengine/model_loader.h"

#include <optional>

namespace fxengine::detail {

// Keys beside the network that all JSON models of ours share: docs/model-format.md.

inline constexpr double kCustomaryRate = 48000.0; ///< where a file does not say
inline constexpr int kMostFrames = 10'000'000;    ///< of lag and latency

/** A rate in Hz; published files store it as text, "48000". */
std::optional<double> readSampleRate(const std::optional<JsonField>& field);

/** in_gain, out_gain and samplerate. */
void readGainsAndRate(const JsonField& root, ModelInfo& info);

/** What the metadata say beside what goes into ModelInfo. */
struct MetadataFacts {
  double vectorsError = 0.0; ///< greatest float32 error that the writer measured
  bool bfloat16 = false;     ///< the recurrent weights are bfloat16 numbers
};
MetadataFacts readMetadata(const JsonField& root, ModelInfo& info);

/** input_batch and output_batch. */
std::optional<TestVectors> readVectors(const JsonField& root, int numInputs, double error);

} // namespace fxengine::detail
