#pragma once

#include <cstddef>
#include <cstdint>

#include "fd.h"

namespace hostflame {

struct Drained {
  size_t bytes = 0;
  size_t records = 0;
  bool more = false;       // stopped because the batch was full
  bool oversized = false;  // the next record is larger than the whole batch
};

// Where the parts of a BPF ring buffer are in memory. The layout is the same from 5.8 on (kernel/bpf/ringbuf.c).
struct RingMemory {
  uint64_t* consumer_position;
  const uint64_t* producer_position;
  const uint8_t* data;
  uint64_t size;  // a power of two
};

// Moves complete records into `batch`, each as a u32 length, a u32 of zero, the bytes, padding to 8: the form that
// they have in the ring, so each is copied once. libbpf's own reader makes a call for each record, which has consumed
// it whatever it returns; this one looks at the length first and leaves what does not fit.
Drained Drain(const RingMemory& ring, uint8_t* batch, size_t capacity);

// The mapping of one ring: the consumer's page writable, the rest not. The kernel offers the data twice in a row, so
// that a record at the end reads on; every mapped page of it counts as resident, so only one is taken.
class Ring {
 public:
  Ring() = default;
  ~Ring() { Unmap(); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // `fd` stays the caller's. A negative errno on failure.
  int Map(int fd, size_t size);
  void Unmap();
  bool mapped() const { return memory_.data != nullptr; }
  const RingMemory& memory() const { return memory_; }

 private:
  RingMemory memory_{};
};

}  // namespace hostflame
