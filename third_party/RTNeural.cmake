# SPDX-License-Identifier: MIT
# RTNeural: the second backend, only with FXTRAIN_RTNEURAL. Its headers are all that is needed; they come from
# RTNEURAL_DIR (a checkout), an installed copy, or a pinned fetch. Defines the target fxtrain::rtneural.
set(RTNEURAL_DIR "" CACHE PATH "A checkout of RTNeural")
set(FXTRAIN_RTNEURAL_MATHS "eigen" CACHE STRING "What RTNeural computes with: eigen or stl")
set_property(CACHE FXTRAIN_RTNEURAL_MATHS PROPERTY STRINGS eigen stl)

if(RTNEURAL_DIR)
  if(NOT EXISTS "${RTNEURAL_DIR}/RTNeural/RTNeural.h")
    message(FATAL_ERROR "RTNEURAL_DIR: ${RTNEURAL_DIR} holds no RTNeural/RTNeural.h")
  endif()
  set(FXTRAIN_RTNEURAL_INCLUDE "${RTNEURAL_DIR}")
else()
  find_path(FXTRAIN_RTNEURAL_INCLUDE RTNeural/RTNeural.h NO_CACHE)
endif()
if(NOT FXTRAIN_RTNEURAL_INCLUDE)
  include(FetchContent)
  FetchContent_Declare(rtneural
    GIT_REPOSITORY https://github.com/jatinchowdhury18/RTNeural.git
    GIT_TAG 1fb1f075a5d66e85bfc8f488c3f3626840cb3a1d # after 1.0.0, 2025-11-08
    GIT_SUBMODULES ""          # xsimd, which we do not compute with
    SOURCE_SUBDIR headers_only) # no such folder: its own CMake project is not added
  FetchContent_MakeAvailable(rtneural)
  set(FXTRAIN_RTNEURAL_INCLUDE "${rtneural_SOURCE_DIR}")
endif()

add_library(fxtrain_rtneural INTERFACE)
add_library(fxtrain::rtneural ALIAS fxtrain_rtneural)
target_include_directories(fxtrain_rtneural SYSTEM INTERFACE "${FXTRAIN_RTNEURAL_INCLUDE}")
target_compile_definitions(fxtrain_rtneural INTERFACE
  RTNEURAL_NAMESPACE=RTNeural RTNEURAL_DEFAULT_ALIGNMENT=16 RTNEURAL_NO_DEBUG=1)
if(FXTRAIN_RTNEURAL_MATHS STREQUAL "eigen")
  target_compile_definitions(fxtrain_rtneural INTERFACE RTNEURAL_USE_EIGEN=1)
  if(EXISTS "${FXTRAIN_RTNEURAL_INCLUDE}/modules/Eigen/Eigen/Dense")
    target_include_directories(fxtrain_rtneural SYSTEM INTERFACE "${FXTRAIN_RTNEURAL_INCLUDE}/modules/Eigen")
  else()
    find_package(Eigen3 3.4 REQUIRED CONFIG) # Debian: libeigen3-dev
    target_link_libraries(fxtrain_rtneural INTERFACE Eigen3::Eigen)
  endif()
elseif(NOT FXTRAIN_RTNEURAL_MATHS STREQUAL "stl")
  message(FATAL_ERROR "FXTRAIN_RTNEURAL_MATHS: expected eigen or stl, found ${FXTRAIN_RTNEURAL_MATHS}")
endif()
