"""
Play many random schedules of Raft: `python -m tests.properties.raft.soak 100000 [FIRST]`.

It prints the seed of each schedule that breaks a promise, and ends with status 1 if there was one.
"""

import sys

from tests.properties.raft.world import played


def main(count, first=0, actions=400):
    broken = 0
    for seed in range(first, first + count):
        try:
            played(seed, actions)
        except AssertionError as error:
            broken += 1
            print(f"seed {seed}: {error}", flush=True)
        if seed % 1000 == 999:
            print(f"{seed + 1 - first} schedules, {broken} broken", flush=True)
    return broken > 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
