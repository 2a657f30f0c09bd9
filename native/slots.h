#pragma once

#include <cstdint>
#include <vector>

#include "fd.h"

namespace hostflame {

// One change of a map of maps. Its descriptor is its own, so that the table may be released meanwhile.
struct SlotChange {
  uint32_t slot = 0;
  UniqueFd table;  // none: empties the slot
  int error = 0;   // how it went: a negative errno
};

// Makes the changes, in order. Blocks: when a map of maps changes, the kernel waits until no program can still see the
// old value (maybe_wait_bpf_programs), 8 ms as measured, once a system call. Tables that follow each other are
// therefore put in their slots by one, where the kernel has that for maps of maps.
void ApplySlotChanges(int tables_fd, std::vector<SlotChange>* changes);

}  // namespace hostflame
