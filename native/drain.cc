#include "drain.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace hostflame {
namespace {

constexpr size_t Pad(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

Drained Drain(const RingMemory& ring, uint8_t* batch, size_t capacity) {
  Drained result;
  // Nobody else writes the consumer's position; the producer's is read again whenever its last value is reached.
  uint64_t consumer = *ring.consumer_position;
  uint64_t producer = consumer;
  for (;;) {
    if (consumer == producer) {
      producer = __atomic_load_n(ring.producer_position, __ATOMIC_ACQUIRE);
      if (consumer == producer) break;
    }
    const size_t start = consumer & (ring.size - 1);
    const uint8_t* record = ring.data + start;
    // A header never wraps: it is 8 bytes on a multiple of 8.
    // Acquire: the program clears the busy bit after it has written the bytes.
    const uint32_t header = __atomic_load_n(reinterpret_cast<const uint32_t*>(record), __ATOMIC_ACQUIRE);
    if (header & BPF_RINGBUF_BUSY_BIT) break;
    const uint32_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    const size_t span = BPF_RINGBUF_HDR_SZ + Pad(length);
    if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
      if (span > capacity - result.bytes) {
        result.more = true;
        result.oversized = span > capacity;
        break;
      }
      uint8_t* out = batch + result.bytes;
      const size_t before_end = std::min(span, ring.size - start);
      memcpy(out, record, before_end);
      memcpy(out + before_end, ring.data, span - before_end);
      const uint32_t prefix[2] = {length, 0};
      memcpy(out, prefix, sizeof(prefix));
      result.bytes += span;
      result.records++;
    }
    consumer += span;
    // Release: the copy is done before the space is given back. For each record, so that a full ring takes the next
    // sample while the rest is being copied.
    __atomic_store_n(ring.consumer_position, consumer, __ATOMIC_RELEASE);
  }
  return result;
}

int Ring::Map(int fd, size_t size) {
  const size_t page = PageSize();
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (consumer == MAP_FAILED) return -errno;
  void* producer = mmap(nullptr, page + size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) {
    const int error = -errno;
    munmap(consumer, page);
    return error;
  }
  Unmap();
  memory_.consumer_position = static_cast<uint64_t*>(consumer);
  memory_.producer_position = static_cast<const uint64_t*>(producer);
  memory_.data = static_cast<const uint8_t*>(producer) + page;
  memory_.size = size;
  return 0;
}

void Ring::Unmap() {
  if (!mapped()) return;
  const size_t page = PageSize();
  munmap(memory_.consumer_position, page);
  munmap(const_cast<uint64_t*>(memory_.producer_position), page + memory_.size);
  memory_ = {};
}

}  // namespace hostflame
