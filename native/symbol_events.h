#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "error.h"
#include "fd.h"

namespace hostflame {

// The kernel's account of the symbols that it makes while it runs and takes back (PERF_RECORD_KSYMBOL, 5.1): BPF
// programs and their trampolines, pages of kprobes and of ftrace. One ring a CPU, into which that CPU's records go.
class SymbolEvents {
 public:
  SymbolEvents() = default;
  ~SymbolEvents();
  SymbolEvents(const SymbolEvents&) = delete;
  SymbolEvents& operator=(const SymbolEvents&) = delete;

  Failure Open(uint32_t cpu);
  // Appends all records since the last call, whole ones, each CPU's in order. What a full ring had no room for is a
  // PERF_RECORD_LOST.
  void Drain(std::vector<uint8_t>* records);

 private:
  struct Ring {
    UniqueFd event;
    uint8_t* pages;
  };
  std::vector<Ring> rings_;
};

}  // namespace hostflame
