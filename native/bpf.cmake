# add_bpf_object(<target> <output> <source>…): compiles each source for BPF and links them into one object.

find_program(BPF_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 REQUIRED)
# Debian has it in sbin, which is not in every PATH.
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

if(HOSTFLAME_TARGET_ARCH STREQUAL "arm64")
  set(BPF_ARCH_MACRO __TARGET_ARCH_arm64)
else()
  set(BPF_ARCH_MACRO __TARGET_ARCH_x86)
endif()

# <linux/types.h> wants <asm/types.h>, which Debian keeps in a directory that clang searches for its host target only.
# What BPF uses of it is the same on all 64-bit machines, so the building machine's serves.
execute_process(COMMAND "${BPF_CLANG}" -print-multiarch OUTPUT_VARIABLE BPF_MULTIARCH
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT BPF_MULTIARCH OR NOT EXISTS "/usr/include/${BPF_MULTIARCH}/asm/types.h")
  file(GLOB ASM_TYPES "/usr/include/*-linux-gnu/asm/types.h")
  list(APPEND ASM_TYPES "")
  list(GET ASM_TYPES 0 ASM_TYPES)
  string(REGEX REPLACE "/asm/types.h$" "" BPF_MULTIARCH_INCLUDE "${ASM_TYPES}")
else()
  set(BPF_MULTIARCH_INCLUDE "/usr/include/${BPF_MULTIARCH}")
endif()

# -mcpu=v3: 32-bit registers and jumps (kernel 5.1), below the floor of 5.10. -g is what BTF comes from. A program has a
# context parameter whether it reads it or not.
set(BPF_FLAGS -target bpf -mcpu=v3 -std=gnu11 -g -O2 -Wall -Wextra -Wno-unused-parameter -Werror
  "-D${BPF_ARCH_MACRO}" "-DABI_FINGERPRINT=\"${ABI_FINGERPRINT}\"" "-I${CMAKE_SOURCE_DIR}/bpf")
if(BPF_MULTIARCH_INCLUDE)
  list(APPEND BPF_FLAGS -idirafter "${BPF_MULTIARCH_INCLUDE}")
endif()

function(add_bpf_object TARGET OUTPUT)
  set(OBJECTS "")
  foreach(SOURCE IN LISTS ARGN)
    file(RELATIVE_PATH NAME "${CMAKE_SOURCE_DIR}" "${SOURCE}")
    set(OBJECT "${CMAKE_CURRENT_BINARY_DIR}/${TARGET}/${NAME}.o")
    get_filename_component(DIRECTORY "${OBJECT}" DIRECTORY)
    file(MAKE_DIRECTORY "${DIRECTORY}")
    add_custom_command(OUTPUT "${OBJECT}"
      COMMAND "${BPF_CLANG}" ${BPF_FLAGS} -MD -MF "${OBJECT}.d" -MT "${OBJECT}" -c "${SOURCE}" -o "${OBJECT}"
      DEPENDS "${SOURCE}" DEPFILE "${OBJECT}.d" COMMENT "BPF ${NAME}" VERBATIM)
    list(APPEND OBJECTS "${OBJECT}")
  endforeach()
  # The static linker also drops DWARF and keeps BTF.
  add_custom_command(OUTPUT "${OUTPUT}"
    COMMAND "${BPFTOOL}" gen object "${OUTPUT}" ${OBJECTS}
    DEPENDS ${OBJECTS} COMMENT "BPF linking ${OUTPUT}" VERBATIM)
  add_custom_target(${TARGET} ALL DEPENDS "${OUTPUT}")
endfunction()
