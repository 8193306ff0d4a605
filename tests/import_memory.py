#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of `ullage import` does not grow with what was freed: import_memory.py ULLAGE

A trace in which LIVE objects stay and PAIRS others are allocated and freed, as text through a pipe, is
imported with PAIRS and with ten times as many. The most memory the process ever had may differ by a
MiB at most; with ten times as many LIVE objects it must grow (else this test sees nothing), and the
document must count what was written.
"""
import json
import os
import subprocess
import sys
import tempfile

LIVE = 2000
PAIRS = 40000
MIB = 1 << 20


def events(live, pairs):
    """Lines as `trace-cmd report` prints them. Every pair has an address of its own."""
    clock = 1.0
    for i in range(live + pairs):
        clock += 0.00001
        address = 0xFFFF888000000000 + i * 64
        yield (f"             cat-7     [000] {clock:13.6f}: kmalloc:              "
               f"(seq_read_iter+0x10) call_site=ffffffff81234567 ptr=0x{address:x} bytes_req=60 "
               "bytes_alloc=64 gfp_flags=GFP_KERNEL\n")
        if i >= live:
            yield (f"             cat-7     [000] {clock:13.6f}: kfree:                "
                   f"(seq_release+0x10) call_site=ffffffff81234777 ptr=0x{address:x}\n")


def imported(ullage, live, pairs):
    """Most bytes resident, and the document."""
    environment = dict(os.environ)
    # The address sanitizer keeps what was freed; that is no memory of ours.
    options = environment.get("ASAN_OPTIONS", "")
    environment["ASAN_OPTIONS"] = options + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([ullage, "import", "--format", "trace", "--json", "--drain", "1ms", "-"], text=True,
                                   stdin=subprocess.PIPE, stdout=out, env=environment)
        for line in events(live, pairs):
            process.stdin.write(line)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if process.returncode:
            raise SystemExit(f"import failed: {process.returncode}")
        return usage.ru_maxrss * 1024, json.load(out)


def main():
    ullage = sys.argv[1]
    failed = 0

    def check(what, good):
        nonlocal failed
        print(("ok - " if good else "not ok - ") + what)
        failed += not good

    results = {}
    for live, pairs in ((LIVE, PAIRS), (LIVE, 10 * PAIRS), (100 * LIVE, PAIRS)):
        most, document = imported(ullage, live, pairs)
        results[live, pairs] = most
        allocated = sum(site["allocated"] for site in document["sites"])
        freed = sum(site["freed"] for site in document["sites"])
        check(f"{live + pairs} allocated, {pairs} freed: {most / MIB:.1f} MiB",
              (allocated, freed) == (live + pairs, pairs))
    few, many, larger = results.values()
    check(f"ten times as many freed take {(many - few) / MIB:.2f} MiB more", many - few < MIB)
    check(f"a hundred times as many live take {(larger - few) / MIB:.2f} MiB more",
          larger - few > 2 * MIB)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
