// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fxengine::simd {

/** Instruction sets that the engine has kernels for, all in one binary. avx2 includes FMA; avx512 is F, VL, DQ and BW.
 */
enum class Isa { sse2, avx2, avx512, neon };

/** "sse2", "avx2", "avx512" or "neon". */
const char* isaName(Isa isa) noexcept;

/** The reverse; nothing for another name. */
std::optional<Isa> isaFromName(std::string_view name) noexcept;

/** What this build and this processor both have, the slowest first. Never empty. */
const std::vector<Isa>& availableIsas();

/** What models loaded now are played with: the fastest there is, or the one that the environment variable FXENGINE_ISA
    names, if it is available. Not real-time safe. */
Isa isaInUse();

/** What FXENGINE_ISA names that isaInUse() cannot give, else "": tests and benchmarks must not measure something else.
 */
std::string missingIsa();

/** Names of availableIsas(), with commas between them, for messages. */
std::string availableIsaNames();

} // namespace fxengine::simd
