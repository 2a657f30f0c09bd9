#include "sys.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <link.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

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

namespace {

// Takes what an object maps of its file, and cannot have changed, out of this process's tables. The pages stay in the
// page cache, which other processes that run the file share, and what is used again is mapped again 64 KiB at a time.
int UnmapUnchangedPages(dl_phdr_info* info, size_t, void*) {
  const uintptr_t page = static_cast<uintptr_t>(getpagesize());
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_W) != 0) continue;
    // Whole pages only: the last one may be shared with a segment that is written.
    const uintptr_t start = (info->dlpi_addr + header.p_vaddr + page - 1) & ~(page - 1);
    const uintptr_t end = (info->dlpi_addr + header.p_vaddr + header.p_filesz) & ~(page - 1);
    // Fails on memory that is locked, or no file's: then it stays.
    if (start < end) madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void TrimMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void UnmapCode() { dl_iterate_phdr(UnmapUnchangedPages, nullptr); }

}  // namespace hostflame
