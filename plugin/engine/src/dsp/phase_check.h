// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/network.h"

#include <vector>

namespace fxengine::detail {

/** What the phases of an oversampled network do in the silence after sound. Absolute values, full scale 1. */
struct PhaseCheck {
  bool finite = true;
  double spread = 0.0; ///< greatest difference between the levels at which two phases rest
  double motion = 0.0; ///< how far the output of a phase still moves
};

/** Plays a loud burst (noise, a sine, an impulse) at the higher rate, then silence until the network rests; gives up
    waiting after a second's frames, and earlier for large networks. Of networks that are too large to be played in real
    time the burst is shorter.

    With its state delayed by the oversampling factor, each phase is the network as trained, at its own rate, on other
    samples of the same sound. Linearised at a fixed point, its poles are the factor-th roots of the trained ones:
    inside the unit circle where those are, so that a network which is stable at its own rate cannot become unstable.
    (Delays of other lengths, which need interpolation, give no such promise: Carson, Wright and Bilbao, "Interpolation
    filter design for sample rate independent audio effect RNNs", ICASSP 2025. Whole factors: Carson, Wright, Chowdhury,
    Välimäki and Bilbao, "Sample rate independent recurrent neural networks for audio effects processing", DAFx 2024.)
    What is left is a network with several resting points, or one that oscillates: its phases then go apart, where the
    trained network is one voice. That is looked for here.

    Prepares the network, and leaves it with knobs and state to be set anew. Allocates.

    @param workOfFrame  multiplications for a frame of the network as trained */
PhaseCheck checkPhases(Network& network, const std::vector<float>& knobs, int factor, double workOfFrame);

} // namespace fxengine::detail
