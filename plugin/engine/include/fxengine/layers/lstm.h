// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/recurrent.h"

#include <vector>

namespace fxengine {

/** Long short-term memory layer, float32, state carried from call to call and zero at the start.

        i = sigmoid(W_i x + U_i h + b_i)      c <- f c + i g
        f = sigmoid(W_f x + U_f h + b_f)      h <- o tanh(c)
        g =    tanh(W_g x + U_g h + b_g)
        o = sigmoid(W_o x + U_o h + b_o)      output: h

    Weights are as in the file (Keras): input [inputSize][4 * hiddenSize], recurrent [hiddenSize][4 * hiddenSize], bias
    [4 * hiddenSize], the four gates side by side in the order i, f, g, o.

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers et al., 2000. */
class Lstm final : public RecurrentLayer {
 public:
  Lstm(int inputSize, int hiddenSize, std::vector<float> inputWeights, std::vector<float> recurrentWeights,
       std::vector<float> bias, RecurrentOptions options = {});
};

} // namespace fxengine
