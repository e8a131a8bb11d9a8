// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace fxengine {

/** numerator / denominator, both above 0. */
struct Rational {
  std::int64_t numerator;
  std::int64_t denominator;
};

/** The best approximation of a positive value by a fraction neither part of which exceeds the limit, by continued
    fractions; the value itself where it is such a fraction. Beyond 1 / limit .. limit, one whole part may exceed it. */
Rational approximateByRational(double value, std::int64_t limit);

} // namespace fxengine
