#include "symbol_events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <string>

namespace hostflame {
namespace {

// Room for two hundred symbols that one CPU makes or takes back between two looks. A power of two.
constexpr size_t kDataPages = 4;

size_t PageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
size_t DataBytes() { return kDataPages * PageBytes(); }
size_t RingBytes() { return PageBytes() + DataBytes(); }

}  // namespace

SymbolEvents::~SymbolEvents() {
  for (const Ring& ring : rings_) munmap(ring.pages, RingBytes());
}

Failure SymbolEvents::Open(uint32_t cpu) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_DUMMY;
  attributes.ksymbol = 1;
  // Each record ends with its time, by which records of several CPUs have an order.
  attributes.sample_id_all = 1;
  attributes.sample_type = PERF_SAMPLE_TIME;
  attributes.use_clockid = 1;
  attributes.clockid = CLOCK_MONOTONIC;
  // Nobody waits on it: no record wakes anybody.
  attributes.watermark = 1;
  attributes.wakeup_watermark = static_cast<uint32_t>(DataBytes());
  UniqueFd event(
      static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, static_cast<int>(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
  const std::string where = " of cpu " + std::to_string(cpu);
  if (!event) return {-errno, "watch the kernel's symbols" + where, ""};
  void* pages = mmap(nullptr, RingBytes(), PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
  if (pages == MAP_FAILED) return {-errno, "map the ring of the kernel's symbols" + where, ""};
  rings_.push_back({std::move(event), static_cast<uint8_t*>(pages)});
  return {};
}

void SymbolEvents::Drain(std::vector<uint8_t>* records) {
  for (const Ring& ring : rings_) {
    auto* page = reinterpret_cast<perf_event_mmap_page*>(ring.pages);
    const uint8_t* data = ring.pages + PageBytes();
    const uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
    for (uint64_t at = page->data_tail; at < head; at++) records->push_back(data[at % DataBytes()]);
    __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
  }
}

}  // namespace hostflame
