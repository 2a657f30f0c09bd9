#include "sys.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace hostflame {

int PossibleCpus() { return libbpf_num_possible_cpus(); }

int EnableProgramStats(UniqueFd* fd) {
  *fd = UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME));
  return *fd ? 0 : -errno;
}

void ReturnFreedMemory() {
#ifdef __GLIBC__
  constexpr int kOwnMappingBytes = 128 << 10;
  mallopt(M_MMAP_THRESHOLD, kOwnMappingBytes);
  mallopt(M_TRIM_THRESHOLD, kOwnMappingBytes);
  mallopt(M_ARENA_MAX, 2);
#endif
}

void TrimMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace hostflame
