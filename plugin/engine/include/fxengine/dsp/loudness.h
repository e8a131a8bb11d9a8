// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <vector>

namespace fxengine {

class Model;

/** The guitar that `metadata.loudness_db` of a model file is measured with (docs/model-format.md).

    Three seconds of direct guitar in standard tuning: a palm-muted riff, power chords, a strummed E major, single
    notes. Peak about -6 dBFS, RMS -20 dBFS. Each string is the sum of its modes, stiffness, losses, plucking point and
    pickup included, none above 8 kHz: a formula in continuous time, taken at the sample rate's instants. So the clip is
    the same on every machine up to rounding, and the same sound at every sample rate (from 18 kHz; modes above 0.45 of
    the rate are left out).

    Model: N. H. Fletcher and T. D. Rossing, "The Physics of Musical Instruments", 2nd ed., 1998, sections 2.18 (stiff
    string) and 9.2 (plucked string). */
std::vector<float> loudnessClip(double sampleRate);

/** RMS of a model's output for loudnessClip() at its sample rate (48 kHz where the file states none), in dB of full
    scale, -120 at least: from zero state, gains included, latency left out, all knobs at their defaults.

    Prepares the model for one channel, resets it before and after, and puts the knobs back. Allocates and takes some
    tens of milliseconds: not for the audio thread.

    @param mostWork  multiplications; of a model that takes more, the first part of the clip is played alone, which is
                     within 1.5 dB from a third of the clip on */
double measureLoudness(Model& model, double mostWork = std::numeric_limits<double>::infinity());

} // namespace fxengine
