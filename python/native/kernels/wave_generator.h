// SPDX-License-Identifier: MIT
#pragma once

#include "simd/aligned.h"

#include <cstddef>
#include <vector>

namespace fxtrain::kernels {

/** The sizes of a generative WaveNet: see fxtrain.models.generators._wavenet_stack for its structure. */
struct WaveGeneratorShape {
  int codes = 0;     ///< classes of a sample
  int channels = 0;  ///< of the residual path
  int skips = 0;     ///< channels of the sum of all layers
  int condition = 0; ///< channels of the local condition
  std::vector<int> dilations;

  /** Of what WaveGenerator takes. */
  std::size_t numParameters() const noexcept;
};

/** A WaveNet that makes sound sample by sample, with a queue for each layer.

    Matrices are [input][output]. Parameters are one run of floats: the two taps of each code [code][2 channels]; of
   each layer the bias [2 channels], the taps [old channels, new channels, condition][2 channels], and but for the last
   one the residual's bias and matrix; bias and matrix of the skips [layer * channels + channel][skips], of the layer
   behind them, and of the logits. A global condition stands in the biases. */
class WaveGenerator {
 public:
  WaveGenerator(const WaveGeneratorShape& shape, const float* parameters);

  const WaveGeneratorShape& shape() const noexcept { return shape_; }

  /** Empties the queues. */
  void reset() noexcept;

  /** Hears one code, and gives the logits of the next one, which are valid until the next call.

      @param condition  of the sample behind the code, or null where there is none */
  const float* hear(int code, const float* condition) noexcept;

  /** Draws a code: `uniform` from 0 to 1 picks it from the last logits over `temperature`; at 0 the likeliest one. */
  int draw(double uniform, double temperature) noexcept;

 private:
  /** A matrix and its bias, columns padded to whole vectors. */
  struct Dense {
    int inputs = 0, columns = 0;
    fxengine::simd::AlignedFloats weights, bias;
  };
  struct Layer {
    Dense taps, residual;
    std::vector<float> queue; ///< [dilation][channels]
    int dilation = 0, at = 0;
  };

  static Dense take(const float*& next, int inputs, int parts, int partColumns);
  void multiply(const Dense& dense, const float* inputs, float* out) const noexcept;

  WaveGeneratorShape shape_;
  int padded_ = 0; ///< channels in whole vectors
  std::vector<float> codes_;
  std::vector<Layer> layers_;
  Dense skips_, hidden_, logits_;
  fxengine::simd::AlignedFloats newest_, inputs_, sums_, gated_, heard_, sum_, read_, scores_;
  std::vector<double> likely_;
};

} // namespace fxtrain::kernels
