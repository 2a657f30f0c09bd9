#include "perf_event.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace hostflame {
namespace {

// The clock's shortest period is 10 us, whatever it is asked for (perf_swevent_start_hrtimer).
constexpr uint32_t kMaxFrequencyHz = 100'000;

bool InRange(uint32_t frequency_hz) { return frequency_hz >= 1 && frequency_hz <= kMaxFrequencyHz; }

uint64_t PeriodNs(uint32_t frequency_hz) { return (1'000'000'000 + frequency_hz / 2) / frequency_hz; }

}  // namespace

Failure PerfEvent::Open(int program_fd, uint32_t cpu, uint32_t frequency_hz, bool enabled, PerfEvent* event) {
  if (!InRange(frequency_hz)) return {-EINVAL, "tick " + std::to_string(frequency_hz) + " times a second", ""};
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  // A period, not a frequency: the clock makes one of the other, but a frequency is refused above a bound that the
  // kernel lowers when interrupts take long.
  attributes.sample_period = PeriodNs(frequency_hz);
  attributes.disabled = 1;
  // The clock's handler skips the idle task before it runs anything of ours.
  attributes.exclude_idle = 1;

  UniqueFd fd(
      static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, static_cast<int>(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
  if (!fd) return {-errno, "perf_event_open on cpu " + std::to_string(cpu), ""};

  // A link where the kernel has it (5.15), else the older ioctl. Done here, not by libbpf's attach function, because
  // that one starts the event at once.
  UniqueFd link(bpf_link_create(program_fd, fd.get(), BPF_PERF_EVENT, nullptr));
  if (!link && ioctl(fd.get(), PERF_EVENT_IOC_SET_BPF, program_fd) != 0) {
    return {-errno, "attach a program to the perf event of cpu " + std::to_string(cpu), ""};
  }
  event->event_ = std::move(fd);
  event->link_ = std::move(link);
  const int error = enabled ? event->SetEnabled(true) : 0;
  return {error, error ? "enable the perf event of cpu " + std::to_string(cpu) : "", ""};
}

int PerfEvent::SetEnabled(bool enabled) const {
  return ioctl(event_.get(), enabled ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) == 0 ? 0 : -errno;
}

int PerfEvent::SetFrequency(uint32_t frequency_hz) const {
  if (!InRange(frequency_hz)) return -EINVAL;
  uint64_t period_ns = PeriodNs(frequency_hz);
  return ioctl(event_.get(), PERF_EVENT_IOC_PERIOD, &period_ns) == 0 ? 0 : -errno;
}

}  // namespace hostflame
