// SPDX-License-Identifier: MIT
#include "dsp/rational.h"

#include <algorithm>
#include <cmath>

namespace fxengine {
namespace {

double errorOf(const Rational& fraction, double value) {
  return std::abs(static_cast<double>(fraction.numerator) / static_cast<double>(fraction.denominator) - value);
}

} // namespace

Rational approximateByRational(double value, std::int64_t limit) {
  Rational last{1, 0}; // convergents p / q
  double rest = value;
  auto whole = static_cast<std::int64_t>(rest);
  Rational best{whole, 1};
  while (errorOf(best, value) > 1e-10 * value) {
    rest = 1.0 / (rest - static_cast<double>(whole));
    whole = static_cast<std::int64_t>(rest);
    const Rational next{whole * best.numerator + last.numerator, whole * best.denominator + last.denominator};
    if (best.numerator > 0 && (next.numerator > limit || next.denominator > limit)) {
      const std::int64_t most =
          std::min((limit - last.numerator) / best.numerator, (limit - last.denominator) / best.denominator);
      const Rational between{most * best.numerator + last.numerator, most * best.denominator + last.denominator};
      return most > 0 && errorOf(between, value) < errorOf(best, value) ? between : best;
    }
    last = best;
    best = next;
  }
  return best;
}

} // namespace fxengine
