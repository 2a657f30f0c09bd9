# SPDX-License-Identifier: Apache-2.0
"""
Run by gdb, by take.mjs: stops a program where it is told to, and writes as JSON what an unwinder would start from
(registers, executable mappings, the words of the stack) and what gdb itself makes of the stack.

Environment: TAKE_OUT, the file to write; TAKE_THROUGH, a location to reach first, if any; TAKE_AT, the location to stop
at; TAKE_HITS, how often to pass it before; TAKE_STEPS, single instructions to go on from there.
"""
import json
import os

import gdb

DWARF_REGISTERS = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()
# Above the outermost frame so much is read; a signal frame is this large, up to its registers.
STACK_BEYOND = 256


def register(name):
    return int(gdb.selected_frame().read_register(name)) & 0xFFFFFFFFFFFFFFFF


def mappings(pid):
    with open(f"/proc/{pid}/maps", encoding="latin1") as lines:
        for line in lines:
            addresses, rights, offset, *_, path = (line.rstrip("\n") + " ").split(" ", 5)
            if "x" not in rights or path.strip() == "[vsyscall]":
                continue
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield {"start": hex(start), "end": hex(end), "offset": hex(int(offset, 16)), "path": path.strip()}


def frames():
    """Leaf first: what is looked up, which for a return address is the byte before it."""
    frame, interrupted = gdb.newest_frame(), True
    while frame is not None and frame.pc() != 0:
        if frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
            continue
        yield {"address": hex(frame.pc() - (0 if interrupted else 1)), "name": frame.name() or "", "sp": hex(int(frame.read_register("rsp")) & 0xFFFFFFFFFFFFFFFF)}
        interrupted = frame.type() == gdb.SIGTRAMP_FRAME
        frame = frame.older()


def words(inferior, chain):
    """The stacks that the frames lie on: each from its lowest frame up, as far as a frame is within reach."""
    pointers = sorted({int(frame["sp"], 16) & ~7 for frame in chain})
    begin = pointers[0]
    for low, high in zip(pointers, pointers[1:] + [None]):
        if high is not None and high - low < 1 << 17:
            continue
        end = low + STACK_BEYOND
        try:
            memory = bytes(inferior.read_memory(begin, end - begin))
        except gdb.MemoryError:
            memory = bytes(inferior.read_memory(begin, low + 8 - begin))
        yield {"address": hex(begin), "words": [hex(int.from_bytes(memory[i : i + 8], "little")) for i in range(0, len(memory), 8)]}
        begin = high


def take():
    for setting in ("pagination off", "backtrace past-main on", "backtrace past-entry on", "breakpoint pending on", "startup-with-shell off"):
        gdb.execute(f"set {setting}")
    for signal in ("SIGPROF", "SIGALRM"):
        gdb.execute(f"handle {signal} nostop noprint pass", to_string=True)
    command = "run"
    for location, hits in (("TAKE_THROUGH", 0), ("TAKE_AT", int(os.environ.get("TAKE_HITS", "0")))):
        if os.environ.get(location):
            breakpoint = gdb.Breakpoint(os.environ[location])
            breakpoint.ignore_count = hits
            gdb.execute(command)
            breakpoint.enabled = False
            command = "continue"
    for _ in range(int(os.environ.get("TAKE_STEPS", "0"))):
        gdb.execute("stepi", to_string=True)
    inferior = gdb.selected_inferior()
    chain = list(frames())
    taken = {
        "registers": {name: hex(register(name)) for name in DWARF_REGISTERS},
        "mappings": list(mappings(inferior.pid)),
        "frames": chain,
        "stacks": list(words(inferior, chain)),
    }
    with open(os.environ["TAKE_OUT"], "w", encoding="utf8") as out:
        json.dump(taken, out)
    gdb.execute("kill")


take()
