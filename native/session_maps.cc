// The part of Session that reads and writes maps once they are loaded.
#include <bpf/bpf.h>
#include <errno.h>

#include <algorithm>

#include "session.h"

namespace hostflame {
namespace {

constexpr char kTablesMap[] = "tables";

bool IsPerCpu(const bpf_map* map) {
  switch (bpf_map__type(map)) {
    case BPF_MAP_TYPE_PERCPU_ARRAY:
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
      return true;
    default:
      return false;
  }
}

// Bytes that the kernel copies for one value: of a per-CPU map every CPU's, each rounded up to 8.
size_t TransferSize(const bpf_map* map) {
  const size_t size = bpf_map__value_size(map);
  return IsPerCpu(map) ? ((size + 7) & ~size_t{7}) * static_cast<size_t>(libbpf_num_possible_cpus()) : size;
}

}  // namespace

Failure Session::FindMap(const std::string& name, const std::string& operation, bpf_map** map) {
  if (!object_) return {-EBADF, operation, ""};
  *map = bpf_object__find_map_by_name(object_.get(), name.c_str());
  if (!*map) return {-ENOENT, operation, ""};
  return {};
}

// Finds a map and makes sure that the kernel will read and write no more than the caller's bytes.
Failure Session::FindElement(const std::string& name, const std::string& operation, Bytes key, const Bytes* value,
                             bpf_map** map) {
  if (!loaded_) return {-EBADF, operation, ""};
  if (Failure failure = FindMap(name, operation, map)) return failure;
  if (key.size != bpf_map__key_size(*map)) return {-EINVAL, operation + ": size of the key", ""};
  if (value && value->size != TransferSize(*map)) return {-EINVAL, operation + ": size of the value", ""};
  return {};
}

Failure Session::UpdateElement(const std::string& name, Bytes key, Bytes value) {
  const std::string operation = "update map " + name;
  bpf_map* map = nullptr;
  if (Failure failure = FindElement(name, operation, key, &value, &map)) return failure;
  return {bpf_map_update_elem(bpf_map__fd(map), key.data, value.data, BPF_ANY), operation, ""};
}

Failure Session::DeleteElement(const std::string& name, Bytes key, bool* existed) {
  const std::string operation = "delete from map " + name;
  bpf_map* map = nullptr;
  if (Failure failure = FindElement(name, operation, key, nullptr, &map)) return failure;
  const int error = bpf_map_delete_elem(bpf_map__fd(map), key.data);
  *existed = error == 0;
  return {error == -ENOENT ? 0 : error, operation, ""};
}

Failure Session::LookupElement(const std::string& name, Bytes key, Bytes value, bool* exists) {
  const std::string operation = "look up in map " + name;
  bpf_map* map = nullptr;
  if (Failure failure = FindElement(name, operation, key, &value, &map)) return failure;
  const int error = bpf_map_lookup_elem(bpf_map__fd(map), key.data, value.data);
  *exists = error == 0;
  return {error == -ENOENT ? 0 : error, operation, ""};
}

Failure Session::MapMemory(const std::string& name, std::shared_ptr<MappedMemory>* memory) {
  const std::string operation = "map the memory of " + name;
  if (!loaded_) return {-EBADF, operation, ""};
  bpf_map* map = nullptr;
  if (Failure failure = FindMap(name, operation, &map)) return failure;
  if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY || !(bpf_map__map_flags(map) & BPF_F_MMAPABLE)) {
    return {-EINVAL, operation + ", which is not an array made to be mapped", ""};
  }
  const size_t element = (size_t{bpf_map__value_size(map)} + 7) & ~size_t{7};
  return {MappedMemory::Map(bpf_map__fd(map), element * bpf_map__max_entries(map), memory), operation, ""};
}

Failure Session::CreateTable(uint32_t elements, std::shared_ptr<Table>* table) {
  const std::string operation = "create a table of " + std::to_string(elements) + " elements";
  if (!loaded_) return {-EBADF, operation, ""};
  if (const int error = Table::Create(elements, table)) return {error, operation, ""};
  const auto gone = [](const std::weak_ptr<Table>& other) { return other.expired(); };
  tables_.erase(std::remove_if(tables_.begin(), tables_.end(), gone), tables_.end());
  tables_.push_back(*table);
  return {};
}

Failure Session::PrepareSlot(uint32_t slot, const std::shared_ptr<Table>& table, UniqueFd* tables_fd,
                             SlotChange* change) {
  const std::string operation = "change slot " + std::to_string(slot);
  if (!loaded_ || (table && table->fd() < 0)) return {-EBADF, operation, ""};
  bpf_map* map = nullptr;
  if (Failure failure = FindMap(kTablesMap, operation, &map)) return failure;
  change->slot = slot;
  if (const int error = tables_fd->Duplicate(bpf_map__fd(map))) return {error, operation, ""};
  if (!table) return {};
  return {change->table.Duplicate(table->fd()), operation, ""};
}

void Session::SlotChanged(uint32_t slot, std::shared_ptr<Table> table) {
  if (!loaded_) return;
  if (table) {
    published_[slot] = std::move(table);
  } else {
    published_.erase(slot);
  }
}

Failure Session::AllMapBytes(std::map<std::string, uint64_t>* bytes) {
  if (!loaded_) return {-EBADF, "read the size of maps", ""};
  bpf_map* map;
  bpf_object__for_each_map(map, object_.get()) {
    if (bpf_map__fd(map) < 0) continue;
    const int64_t accounted = AccountedBytes(bpf_map__fd(map));
    if (accounted < 0) return {static_cast<int>(accounted), std::string("read the size of ") + bpf_map__name(map), ""};
    (*bytes)[bpf_map__name(map)] += static_cast<uint64_t>(accounted);
  }
  uint64_t& total = (*bytes)["table"];
  for (const auto& weak : tables_) {
    if (const auto table = weak.lock()) total += table->accounted_bytes();
  }
  return {};
}

Failure Session::AllProgramStats(std::map<std::string, ProgramStats>* stats) {
  if (!loaded_) return {-EBADF, "read program statistics", ""};
  bpf_program* program;
  bpf_object__for_each_program(program, object_.get()) {
    if (!bpf_program__autoload(program)) continue;
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (const int error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size)) {
      return {error, std::string("read statistics of program ") + bpf_program__name(program), ""};
    }
    (*stats)[bpf_program__name(program)] = {info.run_cnt, info.run_time_ns};
  }
  return {};
}

}  // namespace hostflame
