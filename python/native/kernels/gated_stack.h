// SPDX-License-Identifier: MIT
#pragma once

#include "buffer_pool.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace fxtrain::kernels {

/** Gated layers of a generative WaveNet, and the sum of their skips:

        z = tanh(Wf * x + Vf h + bf) . sigmoid(Wg * x + Vg h + bg);   next x = x + Wr z + br;   skips += Ws z

    `*` is a causal convolution of two taps. Parameters and their gradients are one run of floats: of each layer W
    [2 * channels][channels][older tap, newer tap], the tanhs' rows first, b [2 * channels], V [2 *
   channels][condition], and but for the last layer Wr [channels][channels] and br [channels]; then Ws [skips][layers *
   channels] and its bias [skips].

    Source: van den Oord et al., "WaveNet: a generative model for raw audio", 2016, sections 2.3 to 2.5. */
struct GatedStackShape {
  int channels = 0, skips = 0;
  int condition = 0; ///< channels of h, 0 without
  std::vector<int> dilations;

  int past() const noexcept; ///< frames that the output has fewer than the input
  std::size_t numParameters() const noexcept;
};

/** What goes in, with the gradients of the same shapes that come out. */
struct GatedStackInput {
  const float* x = nullptr;         ///< [batch][channels][frames], frames > past()
  const float* condition = nullptr; ///< [batch][condition][frames], or null without
  const float* biases = nullptr;    ///< added to b: [batch][layers][2 * channels], or null
};
struct GatedStackGradients {
  float* x = nullptr;
  float* condition = nullptr; ///< or null where none is asked for
  float* biases = nullptr;    ///< likewise
  float* parameters = nullptr;
};

/** What a forward pass leaves for the backward pass. */
class GatedStackTape;

struct GatedStackTapeDeleter {
  void operator()(GatedStackTape* tape) const noexcept;
};
using GatedStackTapePointer = std::unique_ptr<GatedStackTape, GatedStackTapeDeleter>;

/** Plays a batch of sequences.

    @param output  the sums of the skips, [batch][skips][frames - past()]
    Results do not depend on the number of threads. */
GatedStackTapePointer runGatedStack(const GatedStackShape& shape, const float* parameters, const GatedStackInput& input,
                                    int batch, int frames, float* output, int threads);

/** Gradients from that of the output. May run any number of times. */
void runGatedStackBackward(const GatedStackTape& tape, const float* outputGradient,
                           const GatedStackGradients& gradients, int threads);

} // namespace fxtrain::kernels
