# Toolchain for arm64 from another machine: g++-aarch64-linux-gnu, and what scripts/arm64-sysroot.mjs fetches.
#
#   node scripts/arm64-sysroot.mjs
#   cmake -S . -B build/cmake-arm64 -DCMAKE_TOOLCHAIN_FILE=native/aarch64.cmake \
#     -DHOSTFLAME_OUTPUT_DIR=$PWD/build/native-arm64
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Only what it has beyond the compiler's own C library: a search path, not a sysroot.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_CURRENT_LIST_DIR}/../build/sysroot-arm64")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
