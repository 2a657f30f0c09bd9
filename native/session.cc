#include "session.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>

#include <cstring>

#include "libbpf_log.h"
#include "signals.h"

namespace hostflame {
namespace {

constexpr char kTailCallMap[] = "programs";
constexpr char kFingerprint[] = "abi_fingerprint";
constexpr char kConstants[] = ".rodata";

// libbpf's own errors, from 4000 on, are about objects it cannot read.
int FromLibbpf(int error) { return error <= -4000 ? -ENOEXEC : error; }

bool KernelHasBtf() { return access("/sys/kernel/btf/vmlinux", R_OK) == 0; }

}  // namespace

Failure Session::Load(const std::map<std::string, uint32_t>& tail_calls) {
  if (object_) return {-EALREADY, "load a session twice", ""};
  Failure failure = Open();
  if (!failure) failure = CheckFingerprint();
  if (!failure) failure = Configure();
  if (!failure) {
    LibbpfLog log;
    const SignalsHeld held;
    // libbpf raises RLIMIT_MEMLOCK itself, only where the kernel still charges maps to it (before 5.11), and goes on
    // when it may not: CAP_SYS_RESOURCE is then the maps' to miss.
    if (const int error = bpf_object__load(object_.get())) {
      const bool no_btf = error == -ESRCH && !KernelHasBtf();
      failure = no_btf ? Failure{-ENOENT, "read kernel BTF", log.Tail()}
                       : Failure{FromLibbpf(error), log.Operation("load " + options_.object_path), log.Tail()};
    }
  }
  if (!failure) failure = FillTailCalls(tail_calls);
  if (!failure) failure = MapRing();
  if (failure) {
    Close();
  } else {
    loaded_ = true;
  }
  return failure;
}

void Session::Close() {
  loaded_ = false;
  events_.clear();
  published_.clear();
  tables_.clear();
  ring_.Unmap();
  ring_fd_ = -1;
  object_.reset();
}

Failure Session::Open() {
  LibbpfLog log;
  object_.reset(bpf_object__open_file(options_.object_path.c_str(), nullptr));
  if (!object_) return {FromLibbpf(-errno), "open " + options_.object_path, log.Tail()};
  return {};
}

// A variable's initial bytes, writable until the object is loaded.
Failure Session::FindConstant(const std::string& name, Bytes* bytes) {
  const std::string operation = "find constant " + name;
  const btf* types = bpf_object__btf(object_.get());
  bpf_map* map = bpf_object__find_map_by_name(object_.get(), kConstants);
  if (!types || !map) return {-ENOENT, operation, ""};
  const int section = btf__find_by_name_kind(types, kConstants, BTF_KIND_DATASEC);
  if (section < 0) return {section, operation, ""};
  size_t size = 0;
  // The same memory that a generated skeleton's `rodata` points to, writable until load; const in this libbpf only.
  auto* memory = static_cast<uint8_t*>(const_cast<void*>(bpf_map__initial_value(map, &size)));

  const btf_type* type = btf__type_by_id(types, static_cast<__u32>(section));
  const btf_var_secinfo* variable = btf_var_secinfos(type);
  for (int i = 0; i < btf_vlen(type); i++, variable++) {
    const btf_type* declaration = btf__type_by_id(types, variable->type);
    if (name != btf__name_by_offset(types, declaration->name_off)) continue;
    if (!memory || size_t{variable->offset} + variable->size > size) return {-ENOEXEC, operation, ""};
    *bytes = {memory + variable->offset, variable->size};
    return {};
  }
  return {-ENOENT, operation, ""};
}

Failure Session::SetConstant(const std::string& name, const std::vector<uint8_t>& bytes) {
  Bytes variable{};
  if (Failure failure = FindConstant(name, &variable)) return failure;
  if (variable.size != bytes.size()) {
    return {-EINVAL,
            "set constant " + name + " of " + std::to_string(variable.size) + " bytes to " +
                std::to_string(bytes.size()) + " bytes",
            ""};
  }
  memcpy(variable.data, bytes.data(), bytes.size());
  return {};
}

Failure Session::CheckFingerprint() {
  Bytes found{};
  if (Failure failure = FindConstant(kFingerprint, &found)) return failure;
  if (found.size != sizeof(ABI_FINGERPRINT) || memcmp(found.data, ABI_FINGERPRINT, found.size) != 0) {
    return {-ESTALE, "match " + options_.object_path + " with this addon, which was built from another bpf/abi.h", ""};
  }
  return {};
}

Failure Session::Configure() {
  for (const auto& [name, entries] : options_.map_entries) {
    bpf_map* map = nullptr;
    if (Failure failure = FindMap(name, "size map " + name, &map)) return failure;
    if (const int error = bpf_map__set_max_entries(map, entries)) return {error, "size map " + name, ""};
  }
  for (const auto& [name, bytes] : options_.constants) {
    if (Failure failure = SetConstant(name, bytes)) return failure;
  }
  for (const std::string& name : options_.skip_programs) {
    bpf_program* program = bpf_object__find_program_by_name(object_.get(), name.c_str());
    if (!program) return {-ENOENT, "skip program " + name, ""};
    bpf_program__set_autoload(program, false);
  }
  return {};
}

Failure Session::FillTailCalls(const std::map<std::string, uint32_t>& tail_calls) {
  if (tail_calls.empty()) return {};
  bpf_map* map = nullptr;
  if (Failure failure = FindMap(kTailCallMap, "fill the tail calls", &map)) return failure;
  for (const auto& [name, slot] : tail_calls) {
    const std::string operation = "put program " + name + " in tail call " + std::to_string(slot);
    const bpf_program* program = bpf_object__find_program_by_name(object_.get(), name.c_str());
    if (!program) return {-ENOENT, operation, ""};
    if (!bpf_program__autoload(program)) continue;
    const int fd = bpf_program__fd(program);
    const int error = bpf_map__update_elem(map, &slot, sizeof(slot), &fd, sizeof(fd), BPF_ANY);
    if (error) return {error, operation, ""};
  }
  return {};
}

Failure Session::MapRing() {
  bpf_map* map;
  bpf_object__for_each_map(map, object_.get()) {
    if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF) continue;
    if (ring_.mapped()) return {-EINVAL, "map the one ring of an object with two", ""};
    ring_fd_ = bpf_map__fd(map);
    if (const int error = ring_.Map(ring_fd_, bpf_map__max_entries(map))) {
      return {error, std::string("map the memory of ") + bpf_map__name(map), ""};
    }
  }
  return {};
}

Failure Session::Attach(const std::string& name, uint32_t cpu, uint32_t frequency_hz) {
  const std::string operation = "attach " + name + " to cpu " + std::to_string(cpu);
  if (!loaded_) return {-EBADF, operation, ""};
  if (events_.count(cpu)) return {-EEXIST, operation, ""};
  const bpf_program* program = bpf_object__find_program_by_name(object_.get(), name.c_str());
  const int fd = program ? bpf_program__fd(program) : -1;
  if (fd < 0) return {-ENOENT, operation, ""};
  PerfEvent event;
  if (Failure failure = PerfEvent::Open(fd, cpu, frequency_hz, enabled_, &event)) return failure;
  events_.emplace(cpu, std::move(event));
  return {};
}

Failure Session::Detach(uint32_t cpu) {
  if (events_.erase(cpu) == 0) return {-ENOENT, "detach from cpu " + std::to_string(cpu), ""};
  return {};
}

Failure Session::SetEnabled(bool enabled) {
  enabled_ = enabled;
  for (const auto& [cpu, event] : events_) {
    if (const int error = event.SetEnabled(enabled)) {
      return {error, (enabled ? "enable" : "disable") + std::string(" the perf event of cpu ") + std::to_string(cpu),
              ""};
    }
  }
  return {};
}

Failure Session::SetFrequency(uint32_t frequency_hz) {
  for (const auto& [cpu, event] : events_) {
    if (const int error = event.SetFrequency(frequency_hz)) {
      return {error, "set the frequency of the perf event of cpu " + std::to_string(cpu), ""};
    }
  }
  return {};
}

Failure Session::Drain(Bytes batch, Drained* drained) {
  if (!ring_.mapped()) return {-EBADF, "drain a ring that is not there", ""};
  *drained = hostflame::Drain(ring_.memory(), batch.data, batch.size);
  if (drained->oversized && drained->records == 0) {
    return {-EMSGSIZE, "drain a record into a batch of " + std::to_string(batch.size) + " bytes", ""};
  }
  return {};
}

Failure Session::RingDescriptor(int* fd) {
  if (!ring_.mapped()) return {-EBADF, "listen to a ring that is not there", ""};
  *fd = ring_fd_;
  return {};
}

}  // namespace hostflame
