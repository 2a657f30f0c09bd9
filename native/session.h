#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "drain.h"
#include "error.h"
#include "maps.h"
#include "perf_event.h"
#include "slots.h"

namespace hostflame {

struct SessionOptions {
  std::string object_path;
  std::map<std::string, uint32_t> map_entries;
  std::map<std::string, std::vector<uint8_t>> constants;
  std::vector<std::string> skip_programs;
};

struct Bytes {
  uint8_t* data;
  size_t size;
};

struct ProgramStats {
  uint64_t runs;
  uint64_t nanoseconds;
};

// One BPF object: open → configure → load → attach → close. Knows the kernel, not JavaScript. Everything it holds is a
// descriptor or a mapping of this process, so that nothing outlives the process, however it ends.
class Session {
 public:
  explicit Session(SessionOptions options) : options_(std::move(options)) {}

  // Once. After a failure the session is closed.
  Failure Load(const std::map<std::string, uint32_t>& tail_calls);
  void Close();

  Failure Attach(const std::string& program, uint32_t cpu, uint32_t frequency_hz);
  Failure Detach(uint32_t cpu);
  Failure SetEnabled(bool enabled);
  Failure SetFrequency(uint32_t frequency_hz);

  Failure Drain(Bytes batch, Drained* drained);
  // The ring's descriptor, readable when the kernel wakes its reader.
  Failure RingDescriptor(int* fd);

  Failure MapMemory(const std::string& map, std::shared_ptr<MappedMemory>* memory);
  Failure CreateTable(uint32_t elements, std::shared_ptr<Table>* table);
  // A change of the map `tables` (null empties the slot), with descriptors of its own, so that it can be made on
  // another thread; and, when it has been made, what the session remembers of it.
  Failure PrepareSlot(uint32_t slot, const std::shared_ptr<Table>& table, UniqueFd* tables_fd, SlotChange* change);
  void SlotChanged(uint32_t slot, std::shared_ptr<Table> table);

  Failure UpdateElement(const std::string& map, Bytes key, Bytes value);
  Failure DeleteElement(const std::string& map, Bytes key, bool* existed);
  Failure LookupElement(const std::string& map, Bytes key, Bytes value, bool* exists);

  Failure AllMapBytes(std::map<std::string, uint64_t>* bytes);
  Failure AllProgramStats(std::map<std::string, ProgramStats>* stats);

 private:
  Failure Open();
  Failure Configure();
  Failure SetConstant(const std::string& name, const std::vector<uint8_t>& bytes);
  Failure CheckFingerprint();
  Failure FillTailCalls(const std::map<std::string, uint32_t>& tail_calls);
  Failure MapRing();

  Failure FindConstant(const std::string& name, Bytes* bytes);
  Failure FindMap(const std::string& name, const std::string& operation, bpf_map** map);
  Failure FindElement(const std::string& name, const std::string& operation, Bytes key, const Bytes* value,
                      bpf_map** map);

  struct CloseObject {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
  };

  SessionOptions options_;
  std::unique_ptr<bpf_object, CloseObject> object_;
  bool loaded_ = false;
  bool enabled_ = true;
  Ring ring_;
  int ring_fd_ = -1;  // the object's
  std::map<uint32_t, PerfEvent> events_;
  std::vector<std::weak_ptr<Table>> tables_;
  std::map<uint32_t, std::shared_ptr<Table>> published_;
};

}  // namespace hostflame
