# SPDX-License-Identifier: MIT
# xsimd: one source for SSE2, AVX2, AVX-512 and NEON. Private to the engine's sources. Defines the target xsimd.
# Headers are all that is needed, so they are looked for themselves: Debian's package configuration for CMake asks for
# xtl besides, and a cross build does not find it.
if(NOT TARGET xsimd)
  find_path(FXTRAIN_XSIMD_INCLUDE xsimd/config/xsimd_config.hpp)
  set(version 0)
  if(FXTRAIN_XSIMD_INCLUDE)
    file(STRINGS "${FXTRAIN_XSIMD_INCLUDE}/xsimd/config/xsimd_config.hpp" version REGEX "#define XSIMD_VERSION_(MAJOR|MINOR) ")
    list(TRANSFORM version REPLACE "[^0-9]+" "")
    list(JOIN version "." version)
  endif()
  set(include "${FXTRAIN_XSIMD_INCLUDE}")
  if(version VERSION_LESS 8.1)
    include(FetchContent)
    FetchContent_Declare(xsimd
      GIT_REPOSITORY https://github.com/xtensor-stack/xsimd.git
      GIT_TAG 1f8dd9c8e162968d9b4ff0251c56d431b8777f36 # 13.2.0
      SOURCE_SUBDIR headers_only) # no such folder: its own CMake project is not added
    FetchContent_MakeAvailable(xsimd)
    set(include "${xsimd_SOURCE_DIR}/include")
  endif()
  add_library(xsimd INTERFACE)
  target_include_directories(xsimd SYSTEM INTERFACE "${include}")
endif()
