// SPDX-License-Identifier: MIT
#include "fxengine/layers/dense.h"

#include "simd/aligned.h"
#include "simd/kernels.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace fxengine {

/** Rows of whole vectors, [inputSize][frameStride(outputSize)], for more than one output. */
struct Dense::Packed {
  const simd::Kernels& kernels = simd::kernelsInUse();
  ActivationFunction activation = nullptr;
  simd::AlignedFloats weights;
  simd::AlignedFloats bias;
};

Dense::Dense(int inputSize, int outputSize, std::vector<float> weights, std::vector<float> bias,
             ActivationType activation)
    : Layer(inputSize, outputSize), weights_(std::move(weights)), bias_(std::move(bias)), activation_(activation) {
  assert(weights_.size() == static_cast<std::size_t>(inputSize) * static_cast<std::size_t>(outputSize));
  assert(bias_.size() == static_cast<std::size_t>(outputSize));
}

Dense::~Dense() = default;

void Dense::prepare(int) {
  if (packed_)
    return;
  auto packed = std::make_unique<Packed>();
  const auto stride = static_cast<std::size_t>(frameStride(outputSize()));
  const auto size = static_cast<std::size_t>(outputSize());
  packed->weights.assign(static_cast<std::size_t>(inputSize()) * stride, 0.0f);
  packed->bias.assign(stride, 0.0f);
  std::copy(bias_.begin(), bias_.end(), packed->bias.begin());
  for (std::size_t k = 0; k < static_cast<std::size_t>(inputSize()); ++k)
    std::copy_n(weights_.data() + k * size, size, packed->weights.data() + k * stride);
  packed->activation = activationFunction(activation_);
  packed_ = std::move(packed);
}

void Dense::process(const float* const* input, float* const* output, int numStreams, int numFrames) noexcept {
  const int stride = frameStride(outputSize());
  for (int stream = 0; stream < numStreams; ++stream) {
    const float* x = input[stream];
    float* y = output[stream];
    if (outputSize() == 1) {
      packed_->kernels.dot(weights_.data(), bias_.front(), inputSize(), x, frameStride(inputSize()), y, numFrames);
    } else {
      const simd::Affine affine{packed_->weights.data(), packed_->bias.data(), inputSize(), stride,
                                std::numeric_limits<float>::infinity()};
      packed_->kernels.affine(affine, x, frameStride(inputSize()), y, stride, numFrames);
    }
    for (int frame = 0; packed_->activation != nullptr && frame < numFrames; ++frame, y += stride)
      packed_->activation(y, outputSize());
  }
}

} // namespace fxengine
