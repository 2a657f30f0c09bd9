// SPDX-License-Identifier: Apache-2.0

// A Go program: main.run → main.alpha → main.alphaLeaf (60 %), main.run → main.Beta.Call → main.betaLeaf through an
// interface (25 %), and a goroutine of its own, main.inGoroutine → main.gammaLeaf (15 %). The thread is locked, so that
// its CPU clock measures the goroutine.
package main

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
func alphaLeaf(rounds uint64) uint64 {
	x := uint64(88172645463325252)
	for ; rounds > 0; rounds-- {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

//go:noinline
func alpha(rounds uint64) uint64 { return alphaLeaf(rounds) + 1 }

type caller interface{ Call(rounds uint64) uint64 }

type Beta struct{ offset uint64 }

//go:noinline
func betaLeaf(rounds uint64) uint64 {
	x := uint64(88172645463325252)
	for ; rounds > 0; rounds-- {
		x ^= x << 11
		x ^= x >> 5
		x ^= x << 19
	}
	return x
}

//go:noinline
func (b *Beta) Call(rounds uint64) uint64 { return betaLeaf(rounds) + b.offset }

//go:noinline
func gammaLeaf(rounds uint64) uint64 {
	var memory [512]uint64
	x := uint64(88172645463325252)
	for ; rounds > 0; rounds-- {
		x ^= x << 13
		memory[x&511] += x
		x ^= x >> 7
	}
	return x + memory[3]
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

var ns [3]uint64

func inGoroutine(turns <-chan struct{}, done chan<- uint64) {
	runtime.LockOSThread()
	for range turns {
		done <- spend(&ns[2], 1500, gammaLeaf)
	}
}

//go:noinline
func run(budget uint64, c caller) uint64 {
	turns, done := make(chan struct{}), make(chan uint64)
	go inGoroutine(turns, done)
	sum := uint64(0)
	for cpuNs(processCPU) < budget {
		sum += spend(&ns[0], 6000, alpha)
		sum += spend(&ns[1], 2500, c.Call)
		turns <- struct{}{}
		sum += <-done
	}
	close(turns)
	return sum
}

func main() {
	runtime.LockOSThread()
	budget := uint64(1000)
	if len(os.Args) > 1 {
		budget, _ = strconv.ParseUint(os.Args[1], 10, 64)
	}
	run(budget*1000000, &Beta{1})
	fmt.Printf("{\"comm\":%q,\"branches\":{\"alpha\":%d,\"beta\":%d,\"gamma\":%d},\"cpuNs\":%d}\n",
		filepath.Base(os.Args[0]), ns[0], ns[1], ns[2], cpuNs(processCPU))
}
