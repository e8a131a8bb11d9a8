// SPDX-License-Identifier: MIT
#pragma once

namespace fxengine::simd {

// On whole rows of values, `size` of them; what they read and write may lie anywhere.

/** to[k] += from[k] */
using AddFunction = void (*)(float* to, const float* from, int size) noexcept;
/** to[k] *= from[k] */
using MultiplyFunction = void (*)(float* to, const float* from, int size) noexcept;
/** values[k] = values[k] * scale[k] + shift[k]; without shift where that is null */
using ScaleAndShiftFunction = void (*)(float* values, const float* scale, const float* shift, int size) noexcept;
/** values[k] below 0 times slope */
using LeakyReluFunction = void (*)(float* values, float slope, int size) noexcept;

} // namespace fxengine::simd
