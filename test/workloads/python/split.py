"""Python calls whose stacks and whose split of CPU are known: arguments are comm, milliseconds to warm up, milliseconds.

A fourth is where the C extension `crossing` lies, if there is one. Prints a line of JSON: branch -> nanoseconds of CPU, and branch -> its call chain as sys._getframe sees it.
"""

import ctypes
import functools
import json
import os
import sys
import threading
import time

try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        interpreters = None
interpreter = interpreters and interpreters.create()

crossing = None
if len(sys.argv) > 4:
    sys.path.insert(0, sys.argv[4])
    import crossing

branches = {}
chains = {}
NAME = "co_qualname" if sys.version_info >= (3, 11) else "co_name"


def mark(branch):
    if branch in chains:
        return
    frame = sys._getframe(1)
    chain = []
    while frame is not None:
        chain.append([getattr(frame.f_code, NAME), frame.f_code.co_filename, frame.f_lineno])
        frame = frame.f_back
    chains[branch] = chain


def burn(branch):
    mark(branch)
    total = 0
    for i in range(12000):
        total += i * i % 7
    return total


def deep(levels):
    if levels == 0:
        return burn("recursion")
    return deep(levels - 1) + 1


def numbers():
    for i in range(2):
        yield i + burn("generators")


def generators():
    return sum(numbers())


def recursion():
    return deep(60)


async def inner():
    return burn("coroutines")


async def outer():
    return await inner()


def coroutines():
    try:
        outer().send(None)
    except StopIteration as stop:
        return stop.value


class Shape:
    def __init__(self):
        self.size = self.measure()

    def measure(self):
        return burn("classes") + self.half

    @property
    def half(self):
        return 1


def classes():
    return Shape().size


def key(item):
    return item + burn("key")


def sorting():
    return sorted((2, 1), key=key)


COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def compare(left, right):
    return left[0] - right[0] + burn("native") * 0


callback = COMPARE(compare)
qsort = ctypes.CDLL(None).qsort


def native():
    qsort((ctypes.c_int * 2)(2, 1), ctypes.c_size_t(2), ctypes.c_size_t(4), callback)


def step_in():
    return burn("extension")


def extension():
    crossing.cross(step_in)


# What another interpreter runs on the same thread; it tells its file's name through a pipe, and imports nothing.
INSIDE = """
import os, sys
def burn():
    total = 0
    for i in range(12000):
        total += i * i % 7
    return total
def inside():
    return burn()
if PIPE >= 0:
    os.write(PIPE, sys._getframe().f_code.co_filename.encode())
for i in range(24):
    inside()
"""
INSIDE_LINES = (("burn", 4), ("inside", 9), ("<module>", 13))


def subinterpreters():
    pipe = -1
    if "subinterpreters" not in chains:
        mark("subinterpreters")
        reader, pipe = os.pipe()
    interpreters.run_string(interpreter, INSIDE.replace("PIPE", str(pipe)))
    if pipe >= 0:
        own = chains["subinterpreters"]
        own[0][2] += 2  # the call's line, not the mark's
        file = os.read(reader, 1000).decode()
        own[:0] = [[name, file, line] for name, line in INSIDE_LINES]
        os.close(reader)
        os.close(pipe)


def fold():
    return functools.reduce(lambda left, right: left + burn("fold"), [1, 2])


def threaded():
    spend("threads", lambda: burn("threads"))


def spend(branch, run):
    start = time.thread_time_ns()
    run()
    branches[branch] = branches.get(branch, 0) + time.thread_time_ns() - start


def main(comm, warm_ms, budget_ms):
    """Warms up under another name: a file's first samples come before there are rows for it."""
    end = time.monotonic() + warm_ms / 1000
    while time.monotonic() < end:
        burn("warm")
        native()
        if crossing is not None:
            extension()
        if interpreters is not None:
            subinterpreters()
    chains.clear()
    with open("/proc/self/comm", "w") as file:
        file.write(comm)
    rounds = 0
    end = time.process_time() + budget_ms / 1000
    while time.process_time() < end:
        spend("recursion", recursion)
        spend("generators", generators)
        spend("coroutines", coroutines)
        spend("classes", classes)
        spend("key", sorting)
        spend("native", native)
        if crossing is not None:
            spend("extension", extension)
        # To compile takes its time, too: seldom, and for long.
        if interpreters is not None and rounds % 6 == 0:
            spend("subinterpreters", subinterpreters)
        rounds += 1
        spend("fold", fold)
        thread = threading.Thread(target=threaded, name=comm)  # 3.14 makes it the comm
        thread.start()
        thread.join()
    with open("/proc/self/comm", "w") as file:
        file.write("py-done")
    print(json.dumps({"branches": branches, "chains": chains}))


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
