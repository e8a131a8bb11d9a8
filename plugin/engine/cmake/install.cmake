# SPDX-License-Identifier: MIT
# `cmake --install BUILD --component fxengine`: headers, static library and CMake package, for find_package(fxengine).
# The component keeps it out of the Python wheel, which installs the component `python`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/fxengine")
install(TARGETS fxengine EXPORT fxengineTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT fxengine)
install(DIRECTORY "${CMAKE_CURRENT_LIST_DIR}/../include/fxengine"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT fxengine FILES_MATCHING PATTERN "*.h")
install(EXPORT fxengineTargets NAMESPACE fxengine:: DESTINATION "${package}" COMPONENT fxengine)
# Static, without dependencies of its own: what the package has to find is nothing but its own targets. Before 1.0 a new
# minor version may break what the one before promised.
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/fxengineConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/fxengineConfig.cmake" INSTALL_DESTINATION "${package}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/fxengineConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fxengineConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/fxengineConfigVersion.cmake"
  DESTINATION "${package}" COMPONENT fxengine)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/fxengine" COMPONENT fxengine)
