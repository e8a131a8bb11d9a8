# SPDX-License-Identifier: MIT
# JUCE: the plugin's formats, windows and audio devices. Debian's 7.0.5 or any later installed copy, else a pinned fetch.
# What a binary is linked with decides its licence: GPL v3 (JUCE 7) or AGPL v3 (JUCE 8).
find_package(JUCE 7.0.5 CONFIG QUIET)
if(NOT JUCE_FOUND)
  include(FetchContent)
  FetchContent_Declare(JUCE
    GIT_REPOSITORY https://github.com/juce-framework/JUCE.git
    GIT_TAG 29396c22c93392d6738e021b83196283d6e4d850) # 8.0.12
  FetchContent_MakeAvailable(JUCE)
endif()
