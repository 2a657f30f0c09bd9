// Drain() over a ring in ordinary memory, filled by hand: what a real program cannot be made to do on purpose. Prints
// TAP.
#include "drain.h"

#include <linux/bpf.h>

#include <cstdio>
#include <cstring>
#include <vector>

namespace {

using hostflame::Drain;
using hostflame::Drained;

constexpr size_t kRingBytes = 4096;

int tests = 0;
int failures = 0;

void Expect(bool right, const char* what) {
  printf("%s %d - %s\n", right ? "ok" : "not ok", ++tests, what);
  if (!right) failures++;
}

// Writes records as kernel/bpf/ringbuf.c does. No slack behind the data: a sanitizer sees a reader that runs over.
class FakeRing {
 public:
  explicit FakeRing(uint64_t start) : data_(new uint8_t[kRingBytes]), consumer_(start), producer_(start) {}
  ~FakeRing() { delete[] data_; }
  FakeRing(const FakeRing&) = delete;
  FakeRing& operator=(const FakeRing&) = delete;

  hostflame::RingMemory memory() { return {&consumer_, &producer_, data_, kRingBytes}; }

  void Produce(uint32_t length, uint8_t fill, uint32_t bits = 0) {
    const uint32_t header[2] = {length | bits, 0xdeadbeef};  // the second is the kernel's own
    Put(producer_, reinterpret_cast<const uint8_t*>(header), sizeof(header));
    const std::vector<uint8_t> bytes(length, fill);
    Put(producer_ + 8, bytes.data(), length);
    last_ = producer_;
    producer_ += 8 + ((length + 7) & ~7u);
  }
  // Clears the busy bit of the record made last.
  void Commit(uint32_t length) { Put(last_, reinterpret_cast<const uint8_t*>(&length), sizeof(length)); }

  uint64_t consumer() const { return consumer_; }
  uint64_t producer() const { return producer_; }

 private:
  void Put(uint64_t position, const uint8_t* bytes, size_t count) {
    for (size_t i = 0; i < count; i++) data_[(position + i) % kRingBytes] = bytes[i];
  }

  uint8_t* data_;
  uint64_t consumer_;
  uint64_t producer_;
  uint64_t last_ = 0;
};

uint32_t Word(const uint8_t* bytes) {
  uint32_t word;
  memcpy(&word, bytes, sizeof(word));
  return word;
}

void Empty() {
  FakeRing ring(0);
  uint8_t batch[64];
  const Drained drained = Drain(ring.memory(), batch, sizeof(batch));
  Expect(drained.bytes == 0 && drained.records == 0 && !drained.more, "an empty ring gives nothing");
}

void Layout() {
  FakeRing ring(0);
  ring.Produce(5, 'a');
  ring.Produce(8, 'b');
  uint8_t batch[64];
  const Drained drained = Drain(ring.memory(), batch, sizeof(batch));
  Expect(drained.records == 2 && drained.bytes == 32, "records are padded to 8");
  Expect(Word(batch) == 5 && Word(batch + 4) == 0, "a length and a zero precede the bytes");
  Expect(memcmp(batch + 8, "aaaaa", 5) == 0, "the bytes follow");
  Expect(Word(batch + 16) == 8 && memcmp(batch + 24, "bbbbbbbb", 8) == 0, "the next record follows the padding");
  Expect(ring.consumer() == ring.producer(), "all is consumed");
}

void Busy() {
  FakeRing ring(0);
  ring.Produce(8, 'a');
  ring.Produce(8, 'b', BPF_RINGBUF_BUSY_BIT);
  uint8_t batch[64];
  Drained drained = Drain(ring.memory(), batch, sizeof(batch));
  Expect(drained.records == 1 && !drained.more, "a record that is being written stops the drain");
  Expect(ring.consumer() == 16, "and is not consumed");
  ring.Commit(8);
  drained = Drain(ring.memory(), batch, sizeof(batch));
  Expect(drained.records == 1 && batch[8] == 'b', "and is there once it is committed");
}

void Discarded() {
  FakeRing ring(0);
  ring.Produce(8, 'a');
  ring.Produce(100, 'x', BPF_RINGBUF_DISCARD_BIT);
  ring.Produce(8, 'b');
  uint8_t batch[64];
  const Drained drained = Drain(ring.memory(), batch, sizeof(batch));
  Expect(drained.records == 2 && drained.bytes == 32 && batch[24] == 'b', "a discarded record is stepped over");
}

void Full() {
  FakeRing ring(0);
  ring.Produce(16, 'a');
  ring.Produce(16, 'b');
  uint8_t batch[24 + 23];
  Drained drained = Drain(ring.memory(), batch, sizeof(batch));
  Expect(drained.records == 1 && drained.more && !drained.oversized, "a record that does not fit stays, by one byte");
  Expect(ring.consumer() == 24, "and is not consumed");
  drained = Drain(ring.memory(), batch, 24);
  Expect(drained.records == 1 && !drained.more && batch[8] == 'b', "and fits exactly in the next batch");
}

void Oversized() {
  FakeRing ring(0);
  ring.Produce(100, 'a');
  uint8_t batch[64];
  const Drained drained = Drain(ring.memory(), batch, sizeof(batch));
  Expect(drained.oversized && drained.records == 0, "a record larger than the batch is said to be");
}

// Wherever in the last bytes of the ring a record begins, its bytes come in order.
void Wrap() {
  bool right = true;
  for (uint64_t start = kRingBytes - 64; start <= kRingBytes; start += 8) {
    FakeRing ring(start);
    for (uint32_t length = 0; length <= 48; length++) {
      ring.Produce(length, static_cast<uint8_t>(length + 1));
      uint8_t batch[64];
      const Drained drained = Drain(ring.memory(), batch, sizeof(batch));
      right = right && drained.records == 1 && Word(batch) == length;
      for (uint32_t i = 0; i < length; i++) right = right && batch[8 + i] == length + 1;
    }
  }
  Expect(right, "records that wrap are whole");
}

}  // namespace

int main() {
  Empty();
  Layout();
  Busy();
  Discarded();
  Full();
  Oversized();
  Wrap();
  printf("1..%d\n", tests);
  return failures == 0 ? 0 : 1;
}
