"""A tree of calls that burns CPU for so many seconds: methods, generators, a sort with a key function, thirty levels of recursion."""
import sys
import time


class Node:
    def __init__(self, depth):
        self.children = [Node(depth - 1) for _ in range(2)] if depth else []
        self.value = depth

    def walk(self):
        yield self.value
        for child in self.children:
            yield from child.walk()


def weigh(pair):
    return (pair[1] * 7919) % 104729


def sort_some(n):
    return sorted(((i, i * i) for i in range(n)), key=weigh)


def descend(level, tree):
    if level:
        return descend(level - 1, tree) + 1
    return sum(tree.walk()) + len(sort_some(400))


def main(seconds):
    tree = Node(7)
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        descend(30, tree)
        rounds += 1
    print(rounds)


main(float(sys.argv[1]))
