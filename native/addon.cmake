# The addon. libbpf, libelf and zlib are linked statically: a container image then needs nothing but Node and libstdc++.

set(NODE_MODULES "${CMAKE_SOURCE_DIR}/node_modules")
find_path(NODE_API_INCLUDE node_api.h PATHS "${NODE_MODULES}/node-api-headers/include"
  NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
find_path(NODE_ADDON_API_INCLUDE napi.h PATHS "${NODE_MODULES}/node-addon-api"
  NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
find_path(LIBBPF_INCLUDE bpf/libbpf.h REQUIRED)
find_library(LIBBPF libbpf.a REQUIRED)
find_library(LIBELF libelf.a REQUIRED)
find_library(ZLIB libz.a REQUIRED)
# Some distributions' libelf decompresses zstd sections too; Debian 12's does not.
find_library(ZSTD libzstd.a)

add_library(addon MODULE
  addon.cc
  drain.cc
  error.cc
  libbpf_log.cc
  maps.cc
  open_path.cc
  perf_event.cc
  read_pages.cc
  session.cc
  session_maps.cc
  session_object.cc
  slot_queue.cc
  slots.cc
  static_libraries.cc
  symbol_events.cc
  sys.cc
  table_object.cc
  watcher.cc)

set_target_properties(addon PROPERTIES
  PREFIX ""
  SUFFIX ".node"
  OUTPUT_NAME hostflame
  LIBRARY_OUTPUT_DIRECTORY "${HOSTFLAME_OUTPUT_DIR}"
  LIBRARY_OUTPUT_DIRECTORY_RELEASE "${HOSTFLAME_OUTPUT_DIR}"
  LIBRARY_OUTPUT_DIRECTORY_DEBUG "${HOSTFLAME_OUTPUT_DIR}"
  CXX_STANDARD 17
  CXX_STANDARD_REQUIRED ON
  CXX_EXTENSIONS OFF
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON
  POSITION_INDEPENDENT_CODE ON)

# Swallow: what happens while an environment ends, when no JavaScript may run any more (libuv still calls the watcher of
# a worker that is being terminated), is no reason to abort.
target_compile_definitions(addon PRIVATE
  NAPI_VERSION=8
  NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS
  NODE_ADDON_API_DISABLE_DEPRECATED
  NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
  "ABI_FINGERPRINT=\"${ABI_FINGERPRINT}\"")
target_compile_options(addon PRIVATE -fno-exceptions -Wall -Wextra -Werror)
target_include_directories(addon SYSTEM PRIVATE
  "${NODE_API_INCLUDE}" "${NODE_ADDON_API_INCLUDE}" "${LIBBPF_INCLUDE}")
# --exclude-libs: none of the static libraries' symbols may be found by, or take the place of, another addon's.
target_link_options(addon PRIVATE -Wl,--exclude-libs,ALL
  "-Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/exports.map" -Wl,-z,now -Wl,-z,relro)
target_link_libraries(addon PRIVATE "${LIBBPF}" "${LIBELF}" "${ZLIB}")
if(ZSTD)
  target_link_libraries(addon PRIVATE "${ZSTD}")
endif()

if(NOT CMAKE_BUILD_TYPE)
  target_compile_options(addon PRIVATE -O2)
endif()
if(HOSTFLAME_SANITIZE)
  target_compile_options(addon PRIVATE -g -O1 -fno-omit-frame-pointer
    -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(addon PRIVATE -fsanitize=address,undefined)
endif()
