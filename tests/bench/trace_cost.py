#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What tracing costs: CPU time of an allocation storm with a tracer over CPU time without.

    trace_cost.py BUILD_DIR [--rounds N] [--turns N] [--cache NAME] [--memleak PATH]

One storm process serves every measurement. In a round each tracer has its turn, and between any
two of them the storm runs bare: a ratio is that of one turn to the mean of the bare turns before
and after it. So what else the machine does moves both. Given are the median and the quartiles of
the rounds. The first round only warms up.

The storm runs with real-time priority on one processor where that is allowed, so that what else the
machine does takes its caches less often.

The time is the storm's own, user and system. What a tracer costs in a thread of its own (reading
its tables, printing) is not in it: that is the last table, with the memory its maps take.

The peer is libbpf-tools memleak where --memleak or MEMLEAK names its binary.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

SETTLED_S = 1.5  # longer than a tracer looks at its own cost
TABLE = 1 << 20  # live allocations that the tracer of the last table has room for


class Storm:
    def __init__(self, path):
        self.process = subprocess.Popen(
            [path, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            os.sched_setaffinity(self.process.pid, {max(os.sched_getaffinity(0))})
            os.sched_setscheduler(self.process.pid, os.SCHED_FIFO, os.sched_param(1))
        except OSError as error:
            print(f"the storm has no priority: {error}", file=sys.stderr)

    def cpu_s(self, turns):
        self.process.stdin.write(f"{turns}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[0]) / 1e9


def probes(pid):
    """Attached probes among the file descriptors of a process."""
    count = 0
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{name}")
            except OSError:
                continue
            count += any(word in target for word in ("bpf_link", "bpf-link", "perf_event", "raw-tp",
                                                     "raw_tracepoint"))
    except OSError:
        pass
    return count


def wait_for_probes(process, meanwhile, seconds=30):
    """Attached means: there are probes, and for a while no new ones."""
    end = time.monotonic() + seconds
    seen, since = 0, time.monotonic()
    while time.monotonic() < end:
        now = probes(process.pid)
        if now != seen:
            seen, since = now, time.monotonic()
        elif seen and time.monotonic() - since > SETTLED_S:
            return
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}")
        meanwhile()
    sys.exit(f"{process.args[0]}: no probe was attached in {seconds} s")


class Tracer:
    """A tracer that runs while the storm does; start() returns once it records.

    The storm runs while it starts, so that what adapts (ullage trace: the share of the addresses it
    can afford) has done so; `calm` starts it before the storm instead.
    """

    def __init__(self, name, bound, command, says_ready=False, calm=False):
        self.name, self.bound, self.command, self.says_ready = name, bound, command, says_ready
        self.calm = calm
        self.ratios = []
        self.process = None

    def start(self, storm=None):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self.says_ready:
            if self.process.stdout.readline().strip() != "ready":
                sys.exit(f"{self.command[0]} did not get ready")
        else:
            wait_for_probes(self.process, lambda: time.sleep(0.02) if self.calm or not storm
                            else storm.cpu_s(1000))

    def stop(self):
        if self.says_ready:
            output = self.process.communicate()[0]
            return output
        self.process.kill()
        self.process.communicate()
        return ""


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def measure(storm, tracers, rounds, turns):
    for number in range(rounds + 1):
        bare = storm.cpu_s(turns)
        for tracer in tracers:
            tracer.start(storm)
            traced = storm.cpu_s(turns)
            tracer.stop()
            after = storm.cpu_s(turns)
            if number:
                tracer.ratios.append(traced / ((bare + after) / 2))
            bare = after


def events_of_storm(build, storm, turns):
    """Slab events of the whole machine during a turn."""
    counter = Tracer("", "", [f"{build}/tests/bench/trace_mode", "count"], True)
    counter.start()
    storm.cpu_s(turns)
    return int(counter.stop().split()[0]) / turns


def share_of_cache(build, storm, turns, cache):
    """Share of the storm's allocations that come out of one cache."""
    seen = []
    for arguments in ([], [cache]):
        counter = Tracer("", "", [f"{build}/tests/bench/trace_mode", "count", *arguments], True)
        counter.start()
        storm.cpu_s(turns)
        seen.append(int(counter.stop().split()[0]))
    return seen[1] / seen[0] if seen[0] else 0


def held_objects(build, count, max_live):
    """Trace while `count` eventfds are made and held; the line trace_mode prints."""
    tracer = Tracer("", "", [f"{build}/tests/bench/trace_mode", "stacks", str(max_live)], True)
    tracer.start()
    hold = subprocess.Popen([f"{build}/tests/bench/storm", "hold", str(count)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ready = hold.stdout.readline().strip() == "ready"
    fields = tracer.stop().split()
    hold.communicate()
    if not ready or len(fields) != 5:
        sys.exit("storm hold: could not make the objects")
    return [float(field) for field in fields]


def rare_cache():
    """The cache of pipe buffers: in the storm, and a small part of it."""
    with open("/proc/slabinfo", encoding="ascii") as slabinfo:
        names = {line.split()[0] for line in slabinfo}
    return next((name for name in ("kmalloc-cg-1k", "kmalloc-1k") if name in names), "kmalloc-1024")


def compare(options, build, ullage, mode, cache):
    storm = Storm(f"{build}/tests/bench/storm")
    storm.cpu_s(options.turns)
    events = events_of_storm(build, storm, options.turns)
    share = share_of_cache(build, storm, options.turns, cache)
    tracers = [
        Tracer("ullage trace (default)", 1.25, [ullage, "trace", "--for", "1h"]),
        Tracer("... started before the storm", 1.25, [ullage, "trace", "--for", "1h"], calm=True),
        Tracer(f"ullage trace --cache {cache}", 1.3,
               [ullage, "trace", "--cache", cache, "--for", "1h"]),
        Tracer("count by call site (first step of find)", 1.6, [mode, "count"], True),
    ]
    if options.memleak:
        tracers.append(Tracer("libbpf-tools memleak", None, [options.memleak, "3600"]))
    measure(storm, tracers, options.rounds, options.turns)
    bare = storm.cpu_s(options.turns) / options.turns
    storm.process.kill()

    print(f"Allocation storm: {1e6 * bare:.1f} us of CPU and {events:.0f} slab events a turn (of all "
          f"that runs); {cache} is {100 * share:.1f} % of them")
    print(f"{'CPU time with / without, ' + str(options.rounds) + ' rounds':<44}"
          f"{'median':>8}{'quartiles':>14}{'bound':>8}")
    for tracer in tracers:
        low, middle, high = quartiles(tracer.ratios)
        bound = "" if tracer.bound is None else f"{tracer.bound:.2f}"
        missed = "  over" if tracer.bound and middle > tracer.bound else ""
        print(f"{tracer.name:<44}{middle:>8.2f}{f'{low:.2f} - {high:.2f}':>14}{bound:>8}{missed}")


def report(options, build):
    _, live, map_bytes, collect_ms, report_ms = held_objects(build, options.held, TABLE)
    million = live / 1e6
    print(f"\n{live:.0f} live allocations (table for {TABLE})")
    for name, value, unit, bound in (
            ("BPF maps", map_bytes / 2**20, "MiB", None),
            ("BPF maps, per million that fit", map_bytes / 2**20 / (TABLE / 1e6), "MiB", 32),
            ("reading the tables, CPU", collect_ms, "ms", None),
            ("naming and merging sites, CPU", report_ms, "ms", None),
            ("report, per million live", (collect_ms + report_ms) / million, "ms", 500)):
        against = "" if bound is None else f"{bound} {unit}"
        over = "  over" if bound is not None and value > bound else ""
        print(f"  {name:<42}{value:>8.0f} {unit:<4}{against:>8}{over}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=10, help="0: only the last table")
    parser.add_argument("--turns", type=int, default=25000)
    parser.add_argument("--cache", default=None)
    parser.add_argument("--memleak", default=os.environ.get("MEMLEAK"))
    parser.add_argument("--held", type=int, default=250000, help="eventfds of the last table")
    options = parser.parse_args()
    build, cache = options.build, options.cache or rare_cache()
    ullage, mode = f"{build}/ullage", f"{build}/tests/bench/trace_mode"

    if options.rounds:
        compare(options, build, ullage, mode, cache)
    report(options, build)


if __name__ == "__main__":
    main()
