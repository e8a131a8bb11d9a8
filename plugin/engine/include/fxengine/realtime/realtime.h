// SPDX-License-Identifier: MIT
#pragma once

/** Marks a function that the audio thread may call: no allocation, no lock, no system call, no exception, no unbounded
    loop. Stands after `noexcept`. Compilers that know the non-blocking attribute (clang 20 and later) check it and let
    the real-time sanitizer act on it; for the others it is a note to the reader. */
#if defined(__clang__) && defined(__has_cpp_attribute)
#if __has_cpp_attribute(clang::nonblocking)
#define FXENGINE_REALTIME [[clang::nonblocking]]
#endif
#endif
#ifndef FXENGINE_REALTIME
#define FXENGINE_REALTIME
#endif
