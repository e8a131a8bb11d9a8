# SPDX-License-Identifier: MIT
# Cross build for 64-bit ARM, its tests run by QEMU in user mode. Debian: g++-aarch64-linux-gnu, qemu-user-static.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(triple aarch64-linux-gnu)
foreach(language IN ITEMS C:gcc CXX:g++)
  string(REPLACE ":" ";" pair "${language}")
  list(GET pair 0 name)
  list(GET pair 1 compiler)
  set(names ${triple}-${compiler})
  foreach(version RANGE 20 11 -1) # a versioned compiler may be there without the plain name
    list(APPEND names ${triple}-${compiler}-${version})
  endforeach()
  find_program(FXTRAIN_CROSS_${name} NAMES ${names} REQUIRED)
  set(CMAKE_${name}_COMPILER "${FXTRAIN_CROSS_${name}}")
endforeach()

# Programs in this build are for the other processor: those of this machine are what CMake itself calls.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
find_program(FXTRAIN_CROSS_EMULATOR NAMES qemu-aarch64-static qemu-aarch64)
if(FXTRAIN_CROSS_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${FXTRAIN_CROSS_EMULATOR};-L;/usr/${triple}")
endif()
