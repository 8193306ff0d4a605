#!/usr/bin/env python3
"""How often `ullage fixes` names the right commit: a held-out evaluation.

The split is by time, with the 6.1.y stable series as the clock. Fixes that 6.1.y got after CUT are
held out: the index is built from the facts known before CUT only. Then it is extended as a user would
extend it, by `ullage fixes --update` with the changelog of a newer kernel package, which brings
titles and versions but neither functions nor files nor commits. The queries are the functions that
the kernel CNA's records of the held-out fixes name (an independent source that the index has not
seen), asked for the release just before the fix, and again for the one that has it.

Printed: how often the right title is first and among the first three, how often an answer says that
a kernel lacks a fix which it has, and the same for questions whose answer is not in the index at
all. With --without-title the functions that the title names are kept from the query.

Usage: fixes_eval.py ULLAGE CHANGELOG [--cut 6.1.150] [--until 6.1.999] [--without-title]
"""
import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SERIES = "6.1"
FUNCTIONS_MOST = 12


def key(version):
    return [int(number) for number in re.findall(r"\d+", version)]


def before(version):
    numbers = key(version)
    return f"{numbers[0]}.{numbers[1]}.{numbers[2] - 1}"


def load(cut, until):
    """Records known at the cut, and those that 6.1.y got after it."""
    with gzip.open(os.path.join(ROOT, "data", "leak-fixes.jsonl.gz"), "rt") as lines:
        records = [json.loads(line) for line in lines]
    known, held = [], []
    for record in records:
        fixed = record.get("fixed_in", {}).get(SERIES)
        if fixed is None:
            # No version of the series: it could be from either side. Left out where it is not older.
            if record.get("mainline") and key(record["mainline"]) <= [6, 1]:
                known.append(record)
        elif key(fixed) <= key(cut):
            known.append(record)
        elif key(fixed) <= key(until) and record["source"] == "cna" and record.get("functions"):
            held.append(record)
    return known, held


def build_index(ullage, known, changelog, work):
    records = os.path.join(work, "known.jsonl")
    with open(records, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(record) + "\n" for record in known)
    base = os.path.join(work, "base.txt")
    with open(base, "w", encoding="utf-8") as out:
        subprocess.run([sys.executable, os.path.join(ROOT, "tools", "fixes_records.py"), records],
                       stdout=out, check=True)
    extended = os.path.join(work, "extended.gz")
    subprocess.run([ullage, "fixes", "--update", "--index", base, "-o", extended, changelog],
                   stdout=subprocess.DEVNULL, check=True)
    return base, extended


def ask(ullage, index, release, functions):
    done = subprocess.run([ullage, "fixes", "--json", "--index", index, "--release", release,
                           *functions], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)["fixes"]


def functions_of(record, without_title):
    in_title = record.get("title_functions", [])
    names = [name for name in record["functions"] if not (without_title and name in in_title)]
    return names[:FUNCTIONS_MOST]


def same(answer, record):
    return answer["title"] == record["title"]


def rank_of(answers, record):
    return next((i for i, answer in enumerate(answers, 1) if same(answer, record)), 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ullage")
    parser.add_argument("changelog")
    parser.add_argument("--cut", default="6.1.150")
    parser.add_argument("--until", default="6.1.999")
    parser.add_argument("--without-title", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    known, held = load(arguments.cut, arguments.until)
    asked = first = three = absent = missed = false_positive = 0
    claims = wrong_claims = 0
    with tempfile.TemporaryDirectory() as work:
        base, extended = build_index(arguments.ullage, known, arguments.changelog, work)
        with gzip.open(extended, "rt") as lines:
            titles = {line.split("\t")[1] for line in lines if "\t" in line}
        for record in held:
            functions = functions_of(record, arguments.without_title)
            if not functions:
                continue
            fixed = record["fixed_in"][SERIES]
            if record["title"] not in titles:
                absent += 1
                continue
            asked += 1
            answers = ask(arguments.ullage, extended, before(fixed), functions)
            rank = rank_of(answers, record)
            first += rank == 1
            three += 0 < rank <= 3
            missed += not answers
            if arguments.verbose and not 0 < rank <= 3:
                print(f"  {rank} {record['title']} <- {' '.join(functions)}")
                for answer in answers[:3]:
                    print(f"      {answer['score']:.1f} {answer['title']}: {answer['why']}")
            # What is said of kernels on both sides of the fix, of the right one and of others.
            for release, has_it in ((before(fixed), False), (fixed, True)):
                for answer in ask(arguments.ullage, extended, release, functions):
                    if answer["in_this_kernel"] != "no":
                        continue
                    claims += 1
                    wrong_claims += same(answer, record) and has_it
                    # Of other fixes the series' own record tells, where there is one.
                    if not same(answer, record) and answer["fixed_in"]:
                        wrong_claims += key(answer["fixed_in"]) <= key(release)
            # The index of the cut does not have it: any answer above the threshold is chance.
            false_positive += any(answer["score"] >= 14 for answer in
                                  ask(arguments.ullage, base, before(fixed), functions)[:1])
    print(f"index: {len(known)} fixes known at {arguments.cut}, extended to {len(titles)}")
    print(f"held out: {asked} asked, {absent} more whose title the changelog does not have")
    print(f"right commit first {first} of {asked} ({100 * first / asked:.0f} %), "
          f"among the first three {three} ({100 * three / asked:.0f} %), no answer {missed}")
    print(f"\"your kernel lacks this fix\" said {claims} times, wrongly {wrong_claims} "
          f"({100 * wrong_claims / max(claims, 1):.1f} %)")
    print(f"asked of the index without them: {false_positive} of {asked} answered with a score of 14 "
          f"or more ({100 * false_positive / asked:.0f} %)")


if __name__ == "__main__":
    main()
