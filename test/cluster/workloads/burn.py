# A workload of the cluster tests: PERCENT of a CPU, in a function of a known name.
import signal
import sys
import time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
percent = float(sys.argv[1])


def cluster_python(seconds):
    end = time.monotonic() + seconds
    total = 0
    while time.monotonic() < end:
        total += sum(range(500))
    return total


while True:
    cluster_python(percent / 1000)
    time.sleep((100 - percent) / 1000)
