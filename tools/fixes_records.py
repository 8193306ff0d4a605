#!/usr/bin/env python3
"""Facts about leak fixes as JSON lines -> the text of an index that `ullage fixes --index` reads.

The JSON lines are those of data/leak-fixes.jsonl.gz (data/README.md says what is in them and where
they are from). What changelogs and git know is added by `ullage fixes --update`.

Usage: fixes_records.py FILE.jsonl[.gz] >INDEX
"""
import gzip
import json
import sys

NOTICE = "# CVE and the CVE logo are registered trademarks of The MITRE Corporation.\n"
SOURCES = {"cna": "c", "debian-changelog": "d", "hand": "h"}


def listed(names, marked=()):
    return ",".join(("*" if name in marked else "") + name for name in names if "," not in name)


def line_of(record):
    title_functions = record.get("title_functions", [])
    functions = list(dict.fromkeys(title_functions + record.get("functions", [])))
    fields = [
        record.get("commit", "")[:12],
        record["title"].replace("\t", " ").strip(),
        record.get("cve", ""),
        listed(functions, title_functions),
        listed(record.get("files", [])),
        record.get("introduced_in", ""),
        record.get("mainline", ""),
        listed(record.get("fixed_in", {}).values()),
        "",  # series without a fix: the records name none
        SOURCES[record["source"]],
    ]
    return "\t".join(fields) + "\n"


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    opened = gzip.open if arguments[0].endswith(".gz") else open
    with opened(arguments[0], "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines if line.strip()]
    dates = [record["date"] for record in records if "date" in record]
    sys.stdout.write(f"# ullage fixes 1 {max(dates, default='')}\n" + NOTICE)
    sys.stdout.writelines(line_of(record) for record in records)


if __name__ == "__main__":
    main(sys.argv[1:])
