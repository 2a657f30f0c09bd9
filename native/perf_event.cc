#include "perf_event.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace hostflame {

Failure PerfEvent::Open(int program_fd, uint32_t cpu, uint32_t frequency_hz, bool enabled, PerfEvent* event) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  attributes.freq = 1;
  attributes.sample_freq = frequency_hz;
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

}  // namespace hostflame
