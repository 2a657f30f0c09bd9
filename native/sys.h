#pragma once

#include "fd.h"

namespace hostflame {

// What per-CPU arrays are sized by; a negative errno on failure.
int PossibleCpus();

// The kernel counts run time and runs of BPF programs while this descriptor is open (5.8); a negative errno on failure.
int EnableProgramStats(UniqueFd* fd);

// Makes glibc's malloc give large blocks back when they are freed. By itself it raises the size from which blocks have
// a mapping of their own with each such block freed, up to 32 MiB, and keeps an arena for each thread: after the first
// large ELF file a process holds some 15 MiB that it does not use (measured). Does nothing under another libc.
void ReturnFreedMemory();

// Gives the pages that malloc holds and nobody uses back to the kernel, of all arenas; some milliseconds. What threads
// of V8 allocate to compile, and a worker that has ended, leave holes that no threshold closes. Nothing under another
// libc.
void TrimMemory();

// Takes code and constants that nobody uses any more out of this process's memory: of Node.js some 25 MiB that only the
// start needs (measured). What is used again costs a page fault for each 64 KiB.
void UnmapCode();

}  // namespace hostflame
