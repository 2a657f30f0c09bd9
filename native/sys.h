#pragma once

#include "fd.h"

namespace hostflame {

// What per-CPU arrays are sized by; a negative errno on failure.
int PossibleCpus();

// The kernel counts run time and runs of BPF programs while this descriptor is open (5.8); a negative errno on failure.
int EnableProgramStats(UniqueFd* fd);

}  // namespace hostflame
