#!/usr/bin/env python3
"""Flip random bits of a memory dump and see that ullage gives a result or a clear error.

Usage: flip_dump.py ULLAGE DUMP [ROUNDS [FLIPS [SEED]]]

DUMP is copied once (to $TMPDIR). Each round flips FLIPS bits (half of them in words that look like
kernel addresses, where damage hurts most), runs `ullage account --core`, and flips them back. A crash,
a signal, more than LIMIT_S seconds or more than LIMIT_MIB of memory beside the file fails.
"""
import mmap
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

LIMIT_S = 20
LIMIT_MIB = 2048


def find_pointers(data, wanted, random_):
    """Offsets of words that look like kernel addresses."""
    found = []
    for _ in range(wanted * 1000):
        if len(found) == wanted:
            break
        at = random_.randrange(len(data) // 8) * 8
        if data[at + 7] == 0xff and data[at + 6] != 0:
            found.append(at)
    return found


def limit_memory(size):
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT_MIB * 2**20,) * 2)


def main(arguments):
    ullage, dump = arguments[:2]
    rounds = int(arguments[2]) if len(arguments) > 2 else 20
    flips = int(arguments[3]) if len(arguments) > 3 else 1000
    random_ = random.Random(int(arguments[4]) if len(arguments) > 4 else 1)
    outcomes = {}
    slowest = 0
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfile(dump, copy.name)
        size = os.path.getsize(copy.name)
        data = mmap.mmap(copy.fileno(), size)
        for number in range(rounds):
            places = find_pointers(data, flips // 2, random_)
            places += [random_.randrange(4096, size) for _ in range(flips - len(places))]
            bits = [(at + random_.randrange(8 if at % 8 == 0 else 1), 1 << random_.randrange(8))
                    for at in places]
            bits = [(at, bit) for at, bit in bits if at < size]
            for at, bit in bits:
                data[at] ^= bit
            begin = time.monotonic()
            try:
                done = subprocess.run([ullage, "account", "--core", copy.name, "--json"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      timeout=LIMIT_S, preexec_fn=lambda: limit_memory(size * 2))
            except subprocess.TimeoutExpired:
                print(f"round {number}: over {LIMIT_S} s")
                return 1
            slowest = max(slowest, time.monotonic() - begin)
            for at, bit in reversed(bits):
                data[at] ^= bit
            if done.returncode not in (0, 1, 5):
                print(f"round {number}: exit {done.returncode}: {done.stderr.decode()[-2000:]}")
                return 1
            what = "a result" if done.returncode == 0 else \
                done.stderr.decode().strip().split("\n")[0][:100]
            outcomes[what] = outcomes.get(what, 0) + 1
    for what, count in sorted(outcomes.items(), key=lambda item: -item[1]):
        print(f"{count:6} {what}")
    print(f"{rounds} rounds of {flips} flips, the slowest {slowest:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
