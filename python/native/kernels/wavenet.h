// SPDX-License-Identifier: MIT
#pragma once

#include "buffer_pool.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace fxtrain::kernels {

struct WaveLayerShape {
  int kernel = 3, dilation = 1;
  bool isTanh = true;
  float slope = 0.0f; ///< below zero, of what is no tanh

  int reach() const noexcept { return (kernel - 1) * dilation; }
};

/** Layers of equal width that share a head. Heads of all arrays but the last have a kernel of one tap. */
struct WaveArrayShape {
  int inputs = 1, channels = 0, headOutputs = 1, headKernel = 1;
  bool headBias = false;
  std::vector<WaveLayerShape> layers;

  int headReach() const noexcept { return headKernel - 1; }
};

/** A WaveNet of one input and one output whose condition is the input, without gates and modulation.

    Parameters and their gradients are one run of floats in the order of PyTorch's modules and of `.nam` files: of each
    array the rechannel matrix, of each layer the convolution [out][in][tap], its bias, the mixin, the 1x1 [out][in] and
    its bias, then the head [out][in][tap] and perhaps its bias. The last layer's 1x1 is there but does nothing. */
struct WaveNetShape {
  std::vector<WaveArrayShape> arrays;
  float headScale = 1.0f;

  int receptiveFrames() const noexcept;
  std::size_t numParameters() const noexcept;
};

/** What a forward pass leaves for the backward pass. */
class WaveNetTape;

struct WaveNetTapeDeleter {
  void operator()(WaveNetTape* tape) const noexcept;
};
using WaveNetTapePointer = std::unique_ptr<WaveNetTape, WaveNetTapeDeleter>;

/** Plays a batch of sequences that begin with their own past.

    @param parameters  numParameters() of them
    @param input   [batch][frames], frames > past = receptiveFrames() - 1
    @param output  [batch][frames - past]
    Results do not depend on the number of threads. */
WaveNetTapePointer runWaveNet(const WaveNetShape& shape, const float* parameters, const float* input, int batch,
                              int frames, float* output, int threads);

/** The last frames of what the convolutions see, as many as they look back: of each array those of its layers, then of
    its head.

    @param tails  [channel][sequence][reach] each, in that order */
void copyTails(const WaveNetTape& tape, const std::vector<float*>& tails);

/** Gradients of the parameters from that of the output. May run any number of times. */
void runWaveNetBackward(const WaveNetTape& tape, const float* outputGradient, float* gradients, int threads);

} // namespace fxtrain::kernels
