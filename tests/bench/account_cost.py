#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What looking at memory costs: `account` and `record` beside the tools people use for it.

    account_cost.py BUILD_DIR [--processes 200,20000] [--rounds N] [--record SECONDS]

For each number of sleeping processes (tests/bench/sleepers, beside those that are there), every
tool runs once a round, interleaved; given are the medians of wall and CPU time (user and system)
and the ratio of CPU to `ullage account` of the same round. What else the machine does lengthens
the wall time, so the bound is held against the least of it. smem reads smaps of every process, so
it is run once where there are many. `record` then runs at 1 Hz: CPU, resident memory and bytes of
its file: what a recording of the whole time holds more than one of half the time, both ended (a
running one has pages in its log that are in the file, too), and its payload, not its pages, which
take minutes to fill. atop and sadc write the same kind of file; they run beside it where they are
installed.

A sleeping child maps far less than a real process: tools that read smaps find it cheap.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROCESSES_MANY = 2000


def run(command):
    """Wall and CPU seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command[0]}: exit code {done.returncode}: {done.stderr.decode()[:200]}")
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def account_bound_ms(processes):
    return 50 if processes <= 200 else 2000 if processes <= 20000 else None


def tools(ullage):
    found = [("ullage account", [ullage, "account"]),
             ("ullage account --json", [ullage, "account", "--json"])]
    for name, command in (("smem", ["smem"]), ("slabtop -o", ["slabtop", "-o"]),
                          ("ps (RSS only)", ["ps", "-eo", "pid,comm,rss"])):
        if shutil.which(command[0]):
            found.append((name, command))
    return found


def start(command):
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure_account(ullage, rounds):
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    seen = {name: [] for name, _ in tools(ullage)}
    for number in range(rounds + 1):
        for name, command in tools(ullage):
            if name == "smem" and processes > PROCESSES_MANY and number != 1:
                continue
            measured = run(command)
            if number:
                seen[name].append(measured)
    print(f"\n{processes} processes, {rounds} rounds")
    print(f"{'':<26}{'wall ms':>10}{'(least)':>10}{'CPU ms':>10}{'CPU ratio':>11}{'bound':>14}")
    base = seen["ullage account"]
    for name, values in seen.items():
        wall_ms = 1e3 * statistics.median(wall for wall, _ in values)
        least_ms = 1e3 * min(wall for wall, _ in values)
        cpu_ms = 1e3 * statistics.median(cpu for _, cpu in values)
        ratio = statistics.median(cpu / max(base[i][1], 1e-6) for i, (_, cpu) in enumerate(values))
        bound = account_bound_ms(processes_class(processes)) if name == "ullage account" else None
        text = "" if bound is None else f"{bound} ms" + (" over" if least_ms > bound else "")
        print(f"{name:<26}{wall_ms:>10.1f}{least_ms:>10.1f}{cpu_ms:>10.1f}{ratio:>11.2f}{text:>14}")


def processes_class(count):
    """The bound is for 200 and 20,000 beside what the machine runs itself."""
    return 200 if count < 1000 else 20000


def rss_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size_bytes(path):
    """Payload of an SQLite file, else size of the file."""
    with open(path, "rb") as file:
        is_recording = file.read(15) == b"SQLite format 3"
    if is_recording:
        done = subprocess.run(["sqlite3", path, "select sum(payload) from dbstat"],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return int(done.stdout)
    return os.stat(path).st_size


def recorders(ullage, directory):
    found = [("ullage record", lambda path: [ullage, "record", "--quiet", "--every", "1s", "-o",
                                             path])]
    if shutil.which("atop"):
        found.append(("atop -w", lambda path: ["atop", "-w", path, "1"]))
    for sadc in ("/usr/lib/sysstat/sadc", "/usr/lib64/sa/sadc"):
        if os.path.exists(sadc):
            found.append(("sadc -S ALL", lambda path, sadc=sadc: [sadc, "-S", "ALL", "1", path]))
            break
    return [(name, command(os.path.join(directory, name.split()[0] + ".file")),
             os.path.join(directory, name.split()[0] + ".file")) for name, command in found]


def end(process):
    process.terminate()
    process.wait()


def measure_record(ullage, seconds):
    with tempfile.TemporaryDirectory() as directory:
        running = []
        half_path = os.path.join(directory, "half.file")
        for name, command, path in recorders(ullage, directory):
            running.append((name, start(command), path))
        half = start([ullage, "record", "--quiet", "--every", "1s", "-o", half_path])
        time.sleep(seconds / 2)
        end(half)
        middle = [(cpu_s(process.pid), size_bytes(half_path if name == "ullage record" else path))
                  for name, process, path in running]
        time.sleep(seconds / 2)
        print(f"\nrecording at 1 Hz for {seconds} s, all at once; CPU and bytes of the second half")
        print(f"{'':<26}{'% of a core':>12}{'MiB resident':>14}{'MiB a day':>12}")
        for (name, process, path), (middle_cpu, middle_bytes) in zip(running, middle):
            if process.poll() is not None:
                print(f"{name:<26} ended with {process.returncode}")
                continue
            cpu = 100 * (cpu_s(process.pid) - middle_cpu) / (seconds / 2)
            resident = rss_bytes(process.pid) / 2**20
            end(process)
            day = (size_bytes(path) - middle_bytes) / (seconds / 2) * 86400 / 2**20
            over = cpu > 1 or resident > 16 or day > 20
            print(f"{name:<26}{cpu:>12.2f}{resident:>14.1f}{day:>12.1f}"
                  f"{'  over' if over and name == 'ullage record' else ''}")
        print(f"{'bound':<26}{1:>12.2f}{16:>14.1f}{20:>12.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--processes", default="200,20000")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--record", type=int, default=60, help="seconds; 0: not")
    options = parser.parse_args()
    ullage = f"{options.build}/ullage"
    if options.record:
        measure_record(ullage, options.record)
    for count in map(int, options.processes.split(",")):
        sleepers = subprocess.Popen([f"{options.build}/tests/bench/sleepers", str(count)],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if sleepers.stdout.readline().strip() != "ready":
            print(f"\n{count} processes: this machine does not allow so many")
            continue
        measure_account(ullage, options.rounds if count <= PROCESSES_MANY else 3)
        sleepers.communicate()


if __name__ == "__main__":
    main()
