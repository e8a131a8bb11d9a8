// SPDX-License-Identifier: MIT
#pragma once

#include <span>

namespace fxcircuit {

/** Control values of a string, one per `hop` frames, interpolated linearly between. */
struct StringTracks {
  std::span<const double> delay;       ///< frames around the loop, without the loss filter's own delay; at least 4
  std::span<const double> gain;        ///< loop gain per round, 0 to 1
  std::span<const double> damping;     ///< pole of the loss filter, 0 (bright) to 1 (dark)
  std::span<const double> pickupDelay; ///< frames between the wave that passes the pickup and its echo from the bridge
};

/** A string as single-delay-loop digital waveguide: one delay line with a third-order Lagrange fractional delay and a
   one-pole loss filter.

        excitation --(+)----------+---------> y            output = y(n) - y(n - pickup delay)
                      ^           |
                      +- gain <- loss <- delay

    Source: J. O. Smith, "Physical modeling using digital waveguides", Computer Music Journal 16(4), 1992; M.
   Karjalainen, V. Valimaki and T. Tolonen, "Plucked-string models: from the Karplus-Strong algorithm to digital
   waveguides and beyond", Computer Music Journal 22(3), 1998. */
void renderString(std::span<const double> excitation, const StringTracks& tracks, int hop, std::span<double> output);

} // namespace fxcircuit
