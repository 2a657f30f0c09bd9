// SPDX-License-Identifier: Apache-2.0

// Go that calls C, which runs on the thread's own stack: main.callsC → runtime.cgocall → runtime.asmcgocall →
// (the generated wrapper) → c_enter → c_leaf (50 %), and main.inGo (50 %).
package main

/*
#cgo CFLAGS: -O2 -fomit-frame-pointer
#include <stdint.h>

__attribute__((noinline, noclone, noipa)) static uint64_t c_leaf(uint64_t rounds)
{
	uint64_t x = 88172645463325252u;

	while (rounds--) {
		x ^= x << 13;
		x ^= x >> 7;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

__attribute__((noinline, noclone, noipa)) static uint64_t c_enter(uint64_t rounds)
{
	uint64_t x = c_leaf(rounds);

	__asm__ volatile("" ::: "memory");
	return x;
}
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

const (
	processCPU = 2
	threadCPU  = 3
	burst      = 60000
)

//go:noinline
func cpuNs(clock uintptr) uint64 {
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&now)), 0)
	return uint64(now.Nano())
}

//go:noinline
func callsC(rounds uint64) uint64 { return uint64(C.c_enter(C.uint64_t(rounds))) + 1 }

//go:noinline
func inGo(rounds uint64) uint64 {
	x := uint64(88172645463325252)
	for ; rounds > 0; rounds-- {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

//go:noinline
func spend(ns *uint64, microseconds uint64, call func(uint64) uint64) uint64 {
	start := cpuNs(threadCPU)
	sum := uint64(0)
	for {
		sum += call(burst)
		now := cpuNs(threadCPU)
		if now-start >= microseconds*1000 {
			*ns += now - start
			return sum
		}
	}
}

//go:noinline
func run(budget uint64, ns *[2]uint64) uint64 {
	sum := uint64(0)
	for cpuNs(processCPU) < budget {
		sum += spend(&ns[0], 5000, callsC)
		sum += spend(&ns[1], 5000, inGo)
	}
	return sum
}

func main() {
	var ns [2]uint64
	runtime.LockOSThread()
	budget := uint64(1000)
	if len(os.Args) > 1 {
		budget, _ = strconv.ParseUint(os.Args[1], 10, 64)
	}
	run(budget*1000000, &ns)
	fmt.Printf("{\"comm\":%q,\"branches\":{\"c\":%d,\"go\":%d},\"cpuNs\":%d}\n",
		filepath.Base(os.Args[0]), ns[0], ns[1], cpuNs(processCPU))
}
