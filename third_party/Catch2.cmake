# SPDX-License-Identifier: MIT
# Catch2: the C++ tests. Version 3, or 2 as Debian 12 has it (tests/cpp/catch.h hides the difference).
find_package(Catch2 3 CONFIG QUIET)
if(NOT Catch2_FOUND)
  find_package(Catch2 2.13 CONFIG QUIET)
endif()
if(NOT Catch2_FOUND)
  include(FetchContent)
  FetchContent_Declare(Catch2
    GIT_REPOSITORY https://github.com/catchorg/Catch2.git
    GIT_TAG fa43b77429ba76c462b1898d6cd2f2d7a9416b14) # v3.7.1
  FetchContent_MakeAvailable(Catch2)
endif()
