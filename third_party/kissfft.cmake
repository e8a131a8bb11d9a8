# SPDX-License-Identifier: MIT
# kissfft: the cabinet's Fourier transform, one C++ header (kissfft.hh). Private to the engine's sources. Defines the
# target kissfft_header.
if(NOT TARGET kissfft_header)
  find_path(FXTRAIN_KISSFFT_INCLUDE kissfft.hh PATH_SUFFIXES kissfft)
  set(include "${FXTRAIN_KISSFFT_INCLUDE}")
  if(NOT include)
    include(FetchContent)
    FetchContent_Declare(kissfft
      GIT_REPOSITORY https://github.com/mborgerding/kissfft.git
      GIT_TAG 8f47a67f595a6641c566087bf5277034be64f24d # 131.1.0
      SOURCE_SUBDIR header_only) # no such folder: its own CMake project is not added
    FetchContent_MakeAvailable(kissfft)
    set(include "${kissfft_SOURCE_DIR}")
  endif()
  add_library(kissfft_header INTERFACE)
  target_include_directories(kissfft_header SYSTEM INTERFACE "${include}")
endif()
