"""Functions whose names carry their own truth, made and freed all the time: arguments are comm, seconds, threads.

Function tN is in file truth-N, and begins on line 1 + N % 97. What has its memory next is another.
"""

import gc
import itertools
import sys
import threading
import time

numbers = itertools.count()
lock = threading.Lock()
SHAPES = (
    "def t{n}(d):\n    x = 0\n    for i in range({loops}): x += i * d\n    return x\n",
    "def t{n}(d):\n    x = 0\n    for i in range({loops}): x ^= i\n    return sum(y for y in (x, d))\n",
    "class K{n}:\n    pass\ndef t{n}(d):\n    x = 0\n    for i in range({loops}): x += i\n    return K{n}\n",
)


def one():
    with lock:
        n = next(numbers)
    shape = n % 3
    before = n % 97 - (2 if shape == 2 else 0)
    if before < 0:
        return
    source = "\n" * before + SHAPES[shape].format(n=n, loops=2000 + n % 5)
    names = {}
    exec(compile(source, "truth-%d" % n, "exec"), names)
    names["t%d" % n](1)
    if n % 500 == 0:
        gc.collect()


def loop(end):
    while time.monotonic() < end:
        one()


def main(comm, seconds, count):
    with open("/proc/self/comm", "w") as file:
        file.write(comm)
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=loop, args=(end,), name=comm) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
