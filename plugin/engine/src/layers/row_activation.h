// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/realtime/realtime.h"
#include "layers/conv_rows.h"
#include "simd/kernels.h"

#include <vector>

namespace fxengine::detail {

/** Functions of WaveNets and convolutional networks: all that .nam files name. */
enum class WaveActivation {
  identity,
  tanh,
  fastTanh,
  hardTanh,
  leakyHardTanh,
  relu,
  leakyRelu,
  prelu,
  sigmoid,
  silu,
  hardSwish,
  softSign
};

struct WaveActivationData {
  WaveActivation type = WaveActivation::identity;
  std::vector<float> slopes = {};        ///< of leakyRelu one, of prelu one for all channels or one each
  float minimum = -1.0f, maximum = 1.0f; ///< of leakyHardTanh
  float minSlope = 0.01f, maxSlope = 0.01f;
};

/** Applies a function to the first `count` rows. */
void apply(const simd::Kernels& kernels, const WaveActivationData& activation, Rows rows, int count,
           int numFrames) noexcept FXENGINE_REALTIME;

} // namespace fxengine::detail
