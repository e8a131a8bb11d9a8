// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "recurrent.h"

namespace fxtrain::kernels {

/** Names of the instruction sets that this build has and this machine runs, the widest last. */
std::vector<std::string> availableIsas();

/** The kernels in use: the widest available, or those that the environment variable FXENGINE_ISA names. Decided
   once.
    @throws std::runtime_error if the variable names one that is not available. */
const Kernels& activeKernels();

} // namespace fxtrain::kernels
