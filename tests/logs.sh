#!/bin/bash
# tests/logs.sh ULLAGE GOLDEN: logs recorded on real machines, and what ullage makes of them. The
# expected figures are counted out of the logs by awk, not by ullage.
set -u

ullage=$1
golden=$2
command -v jq >/dev/null || { echo "no jq"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

check() {
	local name=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $name"
		head -n 20 "$work/out"
	fi
}

# json FILTER COMMAND...: the filter is true of the document.
json() {
	local filter=$1
	shift
	"$ullage" "$@" --json >"$work/json" 2>"$work/err" || { cat "$work/err"; return 1; }
	jq -e "$filter" "$work/json" || { head -c 600 "$work/json"; return 1; }
}

refused() {
	local words=$1
	shift
	"$ullage" "$@" >/dev/null 2>"$work/err" && { echo "accepted"; return 1; }
	cat "$work/err"
	grep -q -- "$words" "$work/err"
}

# A guest of Linux 6.1 that reads /proc/leakstat ten times a second: 4 KiB lost each time.
log=$golden/slabinfo-leaking.log
check 'the leaking cache is named first' \
	json '.accounts[0] | .name == "kmalloc-cg-4k" and .verdict == "leak-like"' grow "$log"
objects=$(awk '$1 == "kmalloc-cg-4k" { n = $2 } END { print n }' "$log")
check 'its objects are those of the log' json \
	"[.caches[] | select(.name == \"kmalloc-cg-4k\")][0].objects == $objects" account "$log"
check 'no time is a loss' json '[.loss[].what | test("times of snapshots")] | any' grow "$log"
check 'no MemTotal is made up' json '.mem_total == 0' account "$log"
check 'nothing is unaccounted without it' \
	json '[.accounts[] | select(.kind == "unaccounted")] == []' grow "$log"
check '--every gives the times' json '.samples == 20 and .window_s == 57' \
	import "$log" --every 3s -o "$work/g.ullage"
check 'and says no loss of them' json '[.loss[].what | test("times of snapshots")] | any | not' \
	grow "$work/g.ullage"
check 'the recording says the same as the log' json \
	'.accounts[0] | .name == "kmalloc-cg-4k" and .verdict == "leak-like"' grow "$work/g.ullage"
check 'an existing recording is left alone' refused 'exists already' import "$log" -o "$work/g.ullage"
check 'a diff counts objects' json \
	'.caches[0] | .name == "kmalloc-cg-4k" and .objects_after > .objects_before' diff "$log"

# The same, mangled.
head -c 49000 "$log" >"$work/cut.log"
check 'a log cut short' json \
	'(.accounts[0].name == "kmalloc-cg-4k") and ([.loss[].what | test("cut off")] | any)' \
	grow "$work/cut.log"
sed 's/$/\r/' "$log" >"$work/dos.log"
check 'a log with carriage returns' json '.accounts[0].name == "kmalloc-cg-4k"' grow "$work/dos.log"
grep -v -e '^slabinfo' -e '^#' -e '^=' "$log" >"$work/grep.log"
check 'lines without their headers' json \
	'(.accounts[0].name == "kmalloc-cg-4k") and .samples == 20' grow "$work/grep.log"
gzip -c "$log" >"$work/log.gz"
check 'a packed log says how' refused 'zcat' grow "$work/log.gz"
# shellcheck disable=SC2016 # the inner shell expands it
check 'a packed log by a pipe' bash -c \
	'zcat "$2" | "$1" import - -q -o "$3"' bash "$ullage" "$work/log.gz" "$work/z.ullage"

# Linux 2.6's size-4096, cut out by grep; slabinfo 1.1 with dates.
check 'size-4096' json \
	'[.accounts[] | select(.name == "size-4096") | .first, .last] == [409600, 1228800]' \
	grow "$golden/size-4096.log"
check 'version 1.1' json \
	'.window_s == 30 and ([.accounts[] | select(.name == "size-4096") | .last] == [819200])' \
	grow "$golden/slabinfo-1.1.log"

# slabtop and sar of this project's machine.
bytes=$(awk '$NF == "dentry" { n = $7 } END { printf "%.0f", n * 1024 }' "$golden/slabtop.log")
check 'slabtop' json ".samples == 3 and ([.accounts[] | select(.name == \"dentry\") | .last] == [$bytes])" \
	grow "$golden/slabtop.log"
check 'slabtop: the end of the list is a loss' \
	json '[.loss[].what | test("did not list")] | any' account "$golden/slabtop.txt"
total=$(awk '$1 ~ /^[0-9]/ && $2 ~ /^[0-9]/ { printf "%.0f", ($2 + $4 + $6 + $7 + $14) * 1024; exit }' \
	"$golden/sar-r-all.txt")
check 'sar -r ALL: the books balance' json \
	".mem_total == $total and ([.accounts[].bytes] | add) + .unaccounted.bytes == .mem_total" \
	account "$golden/sar-r-all.txt"
check 'sar -r -B' json '.samples == 3' grow "$golden/sar-r-B.txt"
check 'sar, 12 hours, commas, restart' json \
	'.samples == 4 and .window_s == 33600 and ([.loss[].what | test("restarts")] | any)' \
	grow "$golden/sar-12h.txt"
check 'sadf -d' json '.samples == 2' grow "$golden/sadf-d.txt"

# Directories.
mkdir -p "$work/caps/20231012-101112" "$work/caps/20231012-101212"
cp -r "$golden/../proc/recorded/proc" "$work/caps/20231012-101112/"
cp -r "$golden/../proc/recorded/proc" "$work/caps/20231012-101212/"
check 'directories by time' json '.samples == 2 and .window_s == 60 and .format == "directory"' \
	import "$work/caps" -o "$work/caps.ullage"
total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' "$golden/../proc/recorded/proc/meminfo")
check 'their books balance' json \
	".mem_total == $total * 1024 and ([.accounts[].bytes] | add) + .unaccounted.bytes == .mem_total" \
	account "$work/caps.ullage"

# Two moments.
"$ullage" record -q -o "$work/a.ullage" --for 1s --every 200ms >/dev/null
check 'diff of a recording: changes add up' json \
	'([.accounts[].change] | add) + .unaccounted.change == .mem_total.after - .mem_total.before' \
	diff "$work/a.ullage"
check 'diff with now' json '.window_s >= 0 and .schema == "ullage/diff/1"' diff "$work/a.ullage" live
check 'diff at the same moment is nothing' json '[.accounts[].change] | all(. == 0)' \
	diff "$work/a.ullage" --from start --to start
check 'diff refuses nonsense' refused 'not a time' diff "$work/a.ullage" --from soon

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
