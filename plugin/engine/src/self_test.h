// SPDX-License-Identifier: MIT
#pragma once

#include "fxengine/model_loader.h"
#include "fxengine/network.h"

#include <optional>
#include <string>
#include <vector>

namespace fxengine::detail {

/** Plays the test vectors through the network alone, and compares once its latency has passed. Of very many frames the
    first ones are played: a file decides neither how long loading takes, nor how long a host's window stands still.

    Prepares the network. Throws ModelError if the output differs.
    @param notes  gets a sentence if not all frames were played
    @return  nothing if there are no vectors */
std::optional<SelfTest> runSelfTest(const ModelDescription& description, Network& network,
                                    std::vector<std::string>& notes);

/** What an approximation does to the output, in a sentence that begins with `what`: on the test vectors, else on a
    chord at half of full scale that dies away, with all knobs at 0. Prepares both networks. */
std::string describeApproximation(const std::string& what, const ModelDescription& description, Network& exact,
                                  Network& approximate);

} // namespace fxengine::detail
