#pragma once

#include <cstdint>

#include "error.h"
#include "fd.h"

namespace hostflame {

// A clock that ticks on one CPU and runs a BPF program at each tick that does not hit the idle task.
class PerfEvent {
 public:
  static Failure Open(int program_fd, uint32_t cpu, uint32_t frequency_hz, bool enabled, PerfEvent* event);
  // A negative errno on failure.
  int SetEnabled(bool enabled) const;
  // The next tick comes a whole period from now. A negative errno on failure.
  int SetFrequency(uint32_t frequency_hz) const;

 private:
  UniqueFd event_;
  // After event_, so that the program is detached before the event goes.
  UniqueFd link_;
};

}  // namespace hostflame
