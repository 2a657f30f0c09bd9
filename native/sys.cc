#include "sys.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

namespace hostflame {

int PossibleCpus() { return libbpf_num_possible_cpus(); }

int EnableProgramStats(UniqueFd* fd) {
  *fd = UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME));
  return *fd ? 0 : -errno;
}

}  // namespace hostflame
