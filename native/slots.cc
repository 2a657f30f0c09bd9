#include "slots.h"

#include <bpf/bpf.h>
#include <errno.h>

namespace hostflame {
namespace {

int ApplyOne(int tables_fd, const SlotChange& change) {
  if (change.table) {
    const int fd = change.table.get();
    return bpf_map_update_elem(tables_fd, &change.slot, &fd, BPF_ANY);
  }
  const int error = bpf_map_delete_elem(tables_fd, &change.slot);
  return error == -ENOENT ? 0 : error;
}

bool PublishTogether(int tables_fd, const SlotChange* changes, size_t count) {
  std::vector<uint32_t> slots;
  std::vector<int> tables;
  for (size_t i = 0; i < count; i++) {
    slots.push_back(changes[i].slot);
    tables.push_back(changes[i].table.get());
  }
  auto length = static_cast<uint32_t>(count);
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  return bpf_map_update_batch(tables_fd, slots.data(), tables.data(), &length, &options) == 0;
}

}  // namespace

void ApplySlotChanges(int tables_fd, std::vector<SlotChange>* changes) {
  size_t next = 0;
  while (next < changes->size()) {
    size_t end = next;
    while (end < changes->size() && (*changes)[end].table) end++;
    // Whatever made a batch fail, an older kernel or one of its tables: one by one says which. Doing one twice is
    // harmless.
    const bool together = end - next > 1 && PublishTogether(tables_fd, &(*changes)[next], end - next);
    if (!together) {
      if (end == next) end++;
      for (size_t i = next; i < end; i++) (*changes)[i].error = ApplyOne(tables_fd, (*changes)[i]);
    }
    next = end;
  }
}

}  // namespace hostflame
