# SPDX-License-Identifier: MIT
# Lucide, the plugin's icons (ISC licence): a folder of its SVG files named by FXTRAIN_LUCIDE, else a pinned fetch from the
# npm registry. Sets FXTRAIN_LUCIDE_FILES to those that the plugin draws.
set(FXTRAIN_LUCIDE "" CACHE PATH "Lucide's icons as SVG files, where they are not to be fetched")
set(names arrow-up-down check chevron-down chevron-left chevron-right folder gauge play plus power redo-2 repeat save
  search settings square star triangle-alert undo-2 x)
set(folder "${FXTRAIN_LUCIDE}")
if(NOT FXTRAIN_LUCIDE)
  set(version 1.62.0)
  set(packed "${CMAKE_BINARY_DIR}/_deps/lucide-static-${version}.tgz")
  set(unpacked "${CMAKE_BINARY_DIR}/_deps/lucide-static-${version}")
  set(folder "${unpacked}/package/icons")
  if(NOT EXISTS "${folder}/x.svg")
    file(DOWNLOAD "https://registry.npmjs.org/lucide-static/-/lucide-static-${version}.tgz" "${packed}"
      EXPECTED_HASH SHA256=386f9080c440d6f5049cefe3456ae8357f7a0c7f76e59670cd1cb83bc7050a44 TIMEOUT 300 STATUS status)
    if(NOT status MATCHES "^0;")
      file(REMOVE "${packed}")
      message(FATAL_ERROR "Lucide's icons could not be fetched (${status}): connect to the network, or unpack npm's "
        "lucide-static ${version} and give -DFXTRAIN_LUCIDE=DIR, its folder icons")
    endif()
    list(TRANSFORM names PREPEND "package/icons/" OUTPUT_VARIABLE patterns)
    list(TRANSFORM patterns APPEND ".svg")
    file(ARCHIVE_EXTRACT INPUT "${packed}" DESTINATION "${unpacked}" PATTERNS ${patterns})
  endif()
endif()
set(FXTRAIN_LUCIDE_FILES)
foreach(name IN LISTS names)
  if(NOT EXISTS "${folder}/${name}.svg")
    message(FATAL_ERROR "${folder} holds no ${name}.svg: FXTRAIN_LUCIDE is the folder icons of npm's lucide-static")
  endif()
  list(APPEND FXTRAIN_LUCIDE_FILES "${folder}/${name}.svg")
endforeach()
