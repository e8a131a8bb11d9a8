// SPDX-License-Identifier: MIT
#pragma once

// Catch2 version 3 where there is one, else version 2.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx; // version 2 puts it there itself
#else
#include <catch2/catch.hpp>
#endif
