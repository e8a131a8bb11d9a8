# SPDX-License-Identifier: MIT
# clap-juce-extensions: CLAP from a JUCE plugin, which JUCE 7 and 8 do not build themselves. MIT, as CLAP is.
# A checkout in CLAP_JUCE_EXTENSIONS_DIR, with its submodules, else a pinned fetch.
set(CLAP_JUCE_EXTENSIONS_DIR "" CACHE PATH "A checkout of clap-juce-extensions with its submodules")

set(CLAP_JUCE_EXTENSIONS_BUILD_EXAMPLES OFF CACHE BOOL "" FORCE)
if(CLAP_JUCE_EXTENSIONS_DIR)
  if(NOT EXISTS "${CLAP_JUCE_EXTENSIONS_DIR}/clap-libs/clap/CMakeLists.txt")
    message(FATAL_ERROR "${CLAP_JUCE_EXTENSIONS_DIR} is no checkout of clap-juce-extensions with its submodules: "
      "git clone --recursive https://github.com/free-audio/clap-juce-extensions.git")
  endif()
  add_subdirectory("${CLAP_JUCE_EXTENSIONS_DIR}" "${CMAKE_BINARY_DIR}/clap-juce-extensions" EXCLUDE_FROM_ALL)
else()
  include(FetchContent)
  FetchContent_Declare(clap_juce_extensions
    GIT_REPOSITORY https://github.com/free-audio/clap-juce-extensions.git
    GIT_TAG 51a9359315298de632cf44e9d7524940868441e6) # June 2026
  FetchContent_MakeAvailable(clap_juce_extensions)
endif()
