#!/usr/bin/env python3
"""Check the includes of src/ against the direction of dependency between the layers.

    base <- model <- source/<x>, analysis, view <- cmd <- main.c

Each layer may include what stands in its row below and nothing else, the kernels of BPF programs
only their own shared header. An outside library may be included only where its row says so. What
this does not see: a declaration copied by hand instead of included; the linker sees that, because
each layer is a library and its tests link only what lies below.

Usage: check_layers.py [SOURCE_DIRECTORY]     prints "file:line: why" and exits 1
       check_layers.py --self-test
"""
import os
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Layer -> layers whose headers it may include. "self" is the directory of the file.
MAY_INCLUDE = {
    "base": {"base"},
    "model": {"base", "model"},
    "source": {"base", "model", "self"},
    "analysis": {"base", "model", "analysis"},
    "view": {"base", "model", "view"},
    "cmd": {"base", "model", "source", "analysis", "view", "cmd"},
    "main": {"base", "model", "source", "analysis", "view", "cmd"},
}

# Header of an outside library (pattern) -> directories of src/ that may include it.
LIBRARIES = [
    (r"sqlite3\.h", {"source/record"}),
    (r"bpf/.*", {"source/image", "source/trace"}),
    (r"(elfutils/.*|libelf\.h|gelf\.h|dwarf\.h)", {"source/symbols", "source/image"}),
    (r"(libdeflate|snappy-c|lzo/lzo1x|libkdumpfile/.*)\.h", {"source/image"}),
    (r"(zlib|zstd|lzma)\.h", {"source/fixes", "source/symbols", "source/image", "source/record", "view"}),
    (r"(trace-cmd|traceevent)/.*", {"source/tracefile"}),
    (r"(ncurses.*|curses|panel|term)\.h", {"view", "view/tui"}),
    (r"cmocka\.h", None),  # only in FOR_TESTS
    (r"linux/.*", {"source/ftrace", "source/image", "source/trace", "source/proc", "source/symbols"}),
]
# Libraries not named above are not in the project: only libc's headers remain.
LIBC = re.compile(r"^(sys|arpa|net|netinet|asm)/.+\.h$|^[a-z0-9_]+\.h$")
FOR_TESTS = ("_test.c", "_fixture.h")
OF_BPF = {"vmlinux.h", "compat.bpf.h"}


def layer_of(directory):
    return directory.split("/")[0] if directory else "main"


def check_project_include(directory, target):
    """Why `directory` may not include the project header `target`, or None."""
    layer = layer_of(directory)
    if layer not in MAY_INCLUDE:
        return f"{directory} is no layer of the table"
    other = os.path.dirname(target)
    allowed = MAY_INCLUDE[layer]
    if layer_of(other) in allowed or ("self" in allowed and other == directory):
        return None
    return f"{layer if layer != 'source' else directory} may not include {target}"


def check_system_include(directory, name, header):
    """Why file `name` may not include the system header `header`, or None."""
    for pattern, where in LIBRARIES:
        if not re.fullmatch(pattern, header):
            continue
        if where is None:
            return None if name.endswith(FOR_TESTS) else f"{header} belongs in *_test.c only"
        if directory in where:
            return None
        return f"{header} may be included only in {', '.join(sorted(where))}"
    return None if LIBC.match(header) else f"{header} belongs to no library of the table"


def check_bpf_include(directory, kind, header):
    """A BPF program is compiled for another machine: types of the host must stay out."""
    if kind == "<":
        good = header.startswith("bpf/") or header.startswith("linux/") or header in (
            "stdbool.h", "stdint.h", "stddef.h")
    else:
        base = os.path.basename(header)
        good = base in OF_BPF or os.path.dirname(header) in ("", directory)
    return None if good else f"a BPF program may not include {header}"


def check_file(root, path):
    directory = os.path.dirname(os.path.relpath(path, root)).replace(os.sep, "/")
    name = os.path.basename(path)
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            kind, header = match.groups()
            if name.endswith((".bpf.c", ".bpf.h")):
                why = check_bpf_include(directory, kind, header)
            elif kind == "<":
                why = check_system_include(directory, name, header)
            elif header.endswith(".skel.h") and "/" not in header:
                why = None if directory.startswith("source/") else f"{header} outside source/"
            elif "/" not in header:
                why = f'{header}: includes are written from src/ ("{directory}/{header}")'
            else:
                why = check_project_include(directory, header)
            if why:
                yield f"{path}:{number}: {why}"


def check_tree(root):
    found = []
    files = 0
    for directory, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                files += 1
                found.extend(check_file(root, os.path.join(directory, name)))
    return files, found


# Text of a file -> a word of the complaint, or None where there must be none.
SELF_TEST = [
    ("base/a.c", '#include "base/b.h"', None),
    ("base/a.c", '#include "model/b.h"', "base may not include model/b.h"),
    ("model/a.c", '#include "view/b.h"', "model may not include"),
    ("model/a.h", '#  include  "source/proc/b.h"', "model may not include"),
    ("source/proc/a.c", '#include "source/proc/b.h"', None),
    ("source/proc/a.c", '#include "source/trace/b.h"', "source/proc may not include"),
    ("source/proc/a.c", '#include "analysis/b.h"', "source/proc may not include"),
    ("analysis/a.c", '#include "source/proc/proc.h"', "analysis may not include"),
    ("analysis/a_test.c", "#include <cmocka.h>", None),
    ("analysis/a.c", "#include <cmocka.h>", "_test.c only"),
    ("view/a.c", '#include "analysis/growth.h"', "view may not include"),
    ("view/a.c", "#include <bpf/libbpf.h>", "may be included only in"),
    ("cmd/a.c", '#include "source/proc/proc.h"', None),
    ("cmd/a.c", "#include <sqlite3.h>", "may be included only in"),
    ("source/record/a.c", "#include <sqlite3.h>", None),
    ("source/trace/a.bpf.c", "#include <stdio.h>", "BPF program"),
    ("source/trace/a.bpf.c", '#include "source/trace/shared.h"', None),
    ("source/trace/a.bpf.c", '#include "base/error.h"', "BPF program"),
    ("source/trace/a.bpf.h", '#include "b.bpf.h"', None),
    ("source/trace/a.bpf.h", "#include <stdio.h>", "BPF program"),
    ("main.c", '#include "cmd/cmd.h"', None),
    ("main.c", "#include <foo/bar.h>", "no library of the table"),
    ("view/a.c", '#include "b.h"', "written from src/"),
    ("other/a.c", '#include "base/b.h"', "no layer"),
]


def self_test():
    failed = 0
    for path, text, wanted in SELF_TEST:
        with tempfile.TemporaryDirectory() as root:
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as out:
                out.write("// first line\n" + text + "\n")
            _, found = check_tree(root)
            good = (not found) if wanted is None else (
                len(found) == 1 and wanted in found[0] and f"{path}:2:" in found[0])
            if not good:
                failed += 1
                print(f"self test: {path}: {text}: wanted {wanted!r}, got {found}")
    print(f"self test: {len(SELF_TEST) - failed} passed, {failed} failed")
    return failed


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    files, found = check_tree(arguments[0] if arguments else os.path.join(here, "src"))
    print("\n".join(found) if found else f"{files} files keep to the layers")
    if not files:
        print("no files: wrong directory?")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
