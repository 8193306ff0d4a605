#!/usr/bin/env bash
# The kernel's own counts (ullage trace --engine, ullage find) against a module that says exactly what it
# lost. Debian's kernels keep SLUB's traces when booted to (slab_debug=U); none has page_owner,
# allocation profiling or kmemleak built in, so there the refusal is tested.
# Usage: test_exact.sh SERIES. Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
series=${1:?usage: test_exact.sh SERIES}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/guest.sh" <<'EOG'
insmod /lib/modules/leakstat.ko || exit 90
echo 'cache 1009' >/proc/leakctl
echo 'kmalloc 4096 211' >/proc/leakctl
for i in 1 2 3 4 5 6 7; do cat /proc/leakstat >/dev/null; done
cat /proc/leakctl >/tmp/truth
section() { echo "=== $1"; shift; "$@" 2>/tmp/err; echo "exit $?"; cat /tmp/err; }
section truth cat /tmp/truth
section cache ullage trace --engine slub_debug --cache leakstat_obj --json
section kmalloc ullage trace --engine exact --cache kmalloc-4k --json
section text ullage trace --engine slub_debug --cache leakstat_obj
section page_owner ullage trace --engine page_owner
section allocinfo ullage trace --engine allocinfo
section kmemleak ullage trace --engine kmemleak
section no_traces ullage trace --engine slub_debug --cache kmalloc-64
section pid ullage trace --engine slub_debug --pid 1
# Over a time: the leak comes once ullage sleeps (system call 230) between its two counts.
(
	until pid=$(pidof ullage) && grep -q '^230 ' "/proc/$pid/syscall"; do sleep 1; done
	echo 'cache 307' >/proc/leakctl
) 2>/dev/null &
section since ullage trace --engine slub_debug --cache leakstat_obj --for 20s --json
wait
echo 'rate 20 1 0 cache' >/proc/leakctl
echo 'kmalloc_pairs 20 50' >/proc/leakctl
section find ullage find --for 25s --json
section find_exact ullage find --for 15s --engine exact --json
EOG

echo "# booting Linux $series"
"$here/vm" run --kernel "$series" --timeout 600 \
	--append 'slub_debug=U,kmalloc-cg-4k,kmalloc-4k,leakstat_obj,seq_file page_owner=on' \
	-- "$work/guest.sh" >"$work/out" 2>"$work/err" || {
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
}

section() {
	awk -v name="=== $1" '$0 == name { on = 1; next } /^=== / { on = 0 } on' "$work/out"
}

document() {
	section "$1" | grep -v '^exit ' | head -n 1
}

check() { # WHAT SECTION JQ-EXPRESSION
	ok "$1" jq -en "input | $3" <<<"$(document "$2")"
}

says() { # WHAT SECTION PATTERN
	ok "$1" grep -qE "$3" <<<"$(section "$2")"
}

truth() {
	section truth | sed -n "s/^$1 objects=\([0-9]*\).*/\1/p"
}

site='[.sites[] | select(any(.stack[]; .function == "'
check "objects of a cache: exactly what the module lost" cache \
	"$site"'leakstat_leak_cache"))] | map(.survivor_objects) | add == '"$(truth cache)"
check "by its function and module, in its cache" cache \
	'.engine == "slub_debug" and (.sites[0] | .function == "leakstat_leak_cache" and
	 .module == "leakstat" and .cache == "leakstat_obj" and .trust == 1)'
check "ages in seconds" cache '.sites[0].age_p50_s | . > 0 and . < 120'
check "kmallocs: exactly what the module lost" kmalloc \
	"$site"'leakstat_leak_kmalloc"))] | map(.survivor_objects) | add == '"$(truth kmalloc)"
says "the text says that it is a count" text '^slub_debug: 1,009 allocations live now'
says "page_owner is refused with what it needs" page_owner 'CONFIG_PAGE_OWNER'
says "allocinfo is refused with what it needs" allocinfo 'CONFIG_MEM_ALLOC_PROFILING'
says "kmemleak is refused with what it needs" kmemleak 'CONFIG_DEBUG_KMEMLEAK'
says "a cache without traces is refused with the boot option" no_traces 'slab_debug=U,kmalloc-64'
says "processes cannot be told apart" pid 'exit 2'
check "the difference of a time is exactly what was lost in it" since \
	'.window_s >= 20 and (.sites | length == 1) and .sites[0].survivor_objects == 307'
check "find: the leak is first" find \
	'.findings[0] | .verdict == "leak" and .account == "leakstat_obj" and
	 .site.function == "leakstat_leak_cache"'
check "find: counted by the kernel, with objects to look into" find \
	'.findings[0] | .site.trust == 1 and any(.why[]; test("own count")) and
	 (.patterns | length > 0)'
check "find without tracing: the same leak" find_exact \
	'.findings[0] | .verdict == "leak" and .site.function == "leakstat_leak_cache"'

if [ "$failed" -gt 0 ]; then
	for name in truth page_owner no_traces pid text; do section "$name" | head -n 30; done
	for name in cache kmalloc since find find_exact; do
		document "$name" | jq -c '{engine, window_s, sites: [.sites[0:3][]? | {function, cache,
			survivor_objects, age_p50_s}], findings: [.findings[0:3][]? | {account, verdict,
			confidence, function, survivors, why}], loss}' || section "$name" | head -n 5
	done
fi
report
