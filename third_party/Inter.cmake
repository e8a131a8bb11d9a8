# SPDX-License-Identifier: MIT
# Inter, the plugin's typeface (SIL Open Font License): Debian's fonts-inter, a folder named by FXTRAIN_INTER, else a
# pinned fetch. Sets FXTRAIN_INTER_FILES to its regular, medium and semi-bold faces; empty where there is no way to them,
# and then the plugin is written in the system's own sans-serif.
find_path(FXTRAIN_INTER Inter-Regular.otf PATHS /usr/share/fonts/opentype/inter NO_DEFAULT_PATH)
set(folder "${FXTRAIN_INTER}")
set(faces Regular Medium SemiBold)
if(NOT FXTRAIN_INTER)
  # File by file: the repository holds all versions of all faces, half a gigabyte.
  set(commit 5d16a30212d49137aecadd7cc87237f906a88f2a) # a version 4
  set(folder "${CMAKE_BINARY_DIR}/_deps/inter")
  foreach(face IN LISTS faces)
    if(NOT EXISTS "${folder}/Inter-${face}.otf")
      file(DOWNLOAD "https://raw.githubusercontent.com/rsms/inter/${commit}/docs/font-files/Inter-${face}.otf"
        "${folder}/${face}.part" STATUS status TIMEOUT 60)
      if(status MATCHES "^0;")
        file(RENAME "${folder}/${face}.part" "${folder}/Inter-${face}.otf")
      else()
        message(WARNING "Inter-${face}.otf: ${status}. The plugin will be written in the system's own sans-serif.")
        set(faces)
        break()
      endif()
    endif()
  endforeach()
endif()
set(FXTRAIN_INTER_FILES)
foreach(face IN LISTS faces)
  list(APPEND FXTRAIN_INTER_FILES "${folder}/Inter-${face}.otf")
endforeach()
