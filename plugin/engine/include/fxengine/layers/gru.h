// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/recurrent.h"

#include <vector>

namespace fxengine {

/** Gated recurrent unit, float32, the "reset after" form that Keras and PyTorch both use.

        z = sigmoid(W_z x + b_z + U_z h + d_z)           h <- z h + (1 - z) n
        r = sigmoid(W_r x + b_r + U_r h + d_r)
        n =    tanh(W_n x + b_n + r (U_n h + d_n))       output: h

    Weights are as in the file (Keras): input [inputSize][3 * hiddenSize], recurrent [hiddenSize][3 * hiddenSize], bias
    [2][3 * hiddenSize] (b, then d), the gates side by side in the order z, r, n. PyTorch's order is r, z, n. State is
    carried from call to call and zero at the start.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; the place of r as in cuDNN.
 */
class Gru final : public RecurrentLayer {
 public:
  Gru(int inputSize, int hiddenSize, std::vector<float> inputWeights, std::vector<float> recurrentWeights,
      std::vector<float> bias, RecurrentOptions options = {});
};

} // namespace fxengine
