// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fxbench {

/** A recurrent layer's weights in PyTorch's layout and order of gates: [gates * size][inputs], i f g o or r z n. */
struct LayerWeights {
  std::string type; ///< "lstm" or "gru"
  int inputs = 1;
  int size = 0;
  std::vector<float> input;
  std::vector<float> recurrent;
  std::vector<float> inputBias;     ///< of an LSTM the sum of both biases
  std::vector<float> recurrentBias; ///< zeros for an LSTM

  int gates() const { return type == "lstm" ? 4 : 3; }
};

/** Recurrent layers in a row and a dense read-out to one value. */
struct Weights {
  std::vector<LayerWeights> layers;
  std::vector<float> head;
  float headBias = 0.0f;
  bool residual = true; ///< the input is added to the output
};

/** Weights with the spread of a trained net's: input 0.9, recurrent 1 / sqrt(size), biases 0.3, 0.8 more at an LSTM's
    forget gate, read-out 0.7 / sqrt(size).
    @param rounded  recurrent weights are numbers that bfloat16 can hold */
Weights randomWeights(const std::string& type, const std::vector<int>& sizes, std::uint64_t seed, bool rounded);

/** The weights of a model file. Throws std::runtime_error for one that is no stack of LSTM and GRU layers with one
    input and a dense read-out, or that has gains. */
Weights weightsFromJson(const std::string& text);

/** The model as a file (docs/model-format.md). */
std::string jsonOf(const Weights& weights, bool rounded);

/** Chords of decaying plucked strings at 48 kHz, peak 0.9. */
std::vector<float> pluckedChords(double seconds, std::uint64_t seed);

/** What the model makes of the input from zero state, in float64. */
std::vector<double> referenceOutput(const Weights& weights, const std::vector<float>& input);

} // namespace fxbench
