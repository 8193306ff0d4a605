#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What tracing costs a build: part of ullage from clean, with `ullage trace` and without in turns.

    build_cost.py BUILD_DIR [--rounds N] [--target NAME ...]

Everything is traced at the default budget; the trace goes on for the whole of a build. CPU time is
that of the build's own processes, user and system. A ratio is that of one build to the mean of the
bare builds before and after it. The first round only warms up.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

SETTLED_S = 3.0  # the tracer has started, attached and looked at what it costs


def run(command):
    """CPU and wall time of a command and all it has run."""
    environment = dict(os.environ, CCACHE_DISABLE="1")  # a cache would build nothing
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                          env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.decode()}")
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            time.monotonic() - start)


def build_once(directory, targets):
    run(["ninja", "-C", directory, "-t", "clean", *targets])
    return run(["ninja", "-C", directory, "-j2", *targets])


def build_traced(ullage, directory, targets):
    """The tracer is waited for after the build: its own time is not the build's."""
    with subprocess.Popen([ullage, "trace", "--for", "1h"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as tracer:
        time.sleep(SETTLED_S)
        if tracer.poll() is not None:
            sys.exit("ullage trace does not work here")
        taken = build_once(directory, targets)
        tracer.kill()
    return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--target", nargs="*", default=[
        "src/base/libbase.a", "src/model/libmodel.a"])
    options = parser.parse_args()
    ullage = os.path.join(options.build, "ullage")
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    with tempfile.TemporaryDirectory() as directory:
        run(["meson", "setup", directory, source])
        bare = build_once(directory, options.target)
        ratios = ([], [])
        for number in range(options.rounds + 1):
            traced = build_traced(ullage, directory, options.target)
            after = build_once(directory, options.target)
            if number:
                for i in range(2):
                    ratios[i].append(traced[i] / ((bare[i] + after[i]) / 2))
            bare = after

    print(f"{' '.join(options.target)}: {bare[0]:.1f} s of CPU, {bare[1]:.1f} s by the clock")
    print(f"{'with / without ullage trace, ' + str(options.rounds) + ' rounds':<44}"
          f"{'median':>8}{'quartiles':>16}{'bound':>8}")
    for name, values in zip(("CPU time", "by the clock"), ratios):
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        print(f"{name:<44}{middle:>8.3f}{f'{low:.3f} - {high:.3f}':>16}{'1.03':>8}"
              f"{'  over' if middle > 1.03 else ''}")


if __name__ == "__main__":
    main()
