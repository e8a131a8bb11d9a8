// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/layers/layer.h"

#include <vector>

namespace fxengine::detail {

/** Each value on its own: x above 0, else its slope times x. Stateless. */
class Prelu final : public Layer {
 public:
  explicit Prelu(std::vector<float> slopes)
      : Layer(static_cast<int>(slopes.size()), static_cast<int>(slopes.size())), slopes_(std::move(slopes)) {}

  void prepare(int) override {}
  void reset(int) noexcept FXENGINE_REALTIME override {}
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  std::vector<float> slopes_;
};

/** Each value on its own: scale times x, plus a shift. What batch normalisation is once it is trained. Stateless. */
class ScaleAndShift final : public Layer {
 public:
  ScaleAndShift(std::vector<float> scale, std::vector<float> shift)
      : Layer(static_cast<int>(scale.size()), static_cast<int>(scale.size())), scale_(std::move(scale)),
        shift_(std::move(shift)) {}

  void prepare(int) override {}
  void reset(int) noexcept FXENGINE_REALTIME override {}
  void process(const float* const* input, float* const* output, int numStreams,
               int numFrames) noexcept FXENGINE_REALTIME override;

 private:
  std::vector<float> scale_, shift_;
};

} // namespace fxengine::detail
