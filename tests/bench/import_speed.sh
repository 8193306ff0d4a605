#!/usr/bin/env bash
# How fast a recorded trace becomes sites, beside how fast trace-cmd prints it: import_speed.sh BUILD [LINES]
#
# An allocation storm is recorded into a ring buffer of its own (root; trace-cmd), saved as trace.dat,
# printed by `trace-cmd report`, and both are imported. First without stacks, LINES of text (default 10
# million), then with stacks. Times are wall and CPU; on a machine that does other things CPU is what
# tells.
set -Eeuo pipefail

build=${1:?usage: import_speed.sh BUILD_DIRECTORY [LINES]}
lines=${2:-10000000}
tracing=/sys/kernel/tracing
instance=$tracing/instances/ullage-import-speed
work=$(mktemp -d "${TMPDIR:-/tmp}/import-speed.XXXXXX")
events="kmalloc kfree kmem_cache_alloc kmem_cache_free mm_page_alloc mm_page_free"
# A turn of the storm leaves some 60 events.
per_turn=60
# Bytes of the ring for each event, without and with its stack, on the generous side.
plain_bytes=110
stack_bytes=320

cleanup() {
	[[ ! -d $instance ]] || rmdir "$instance"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'echo "import_speed.sh: line $LINENO failed" >&2' ERR

# record FILE EVENTS STACKS BYTES_PER_EVENT
record() {
	local cpus turns event storms=() storm
	cpus=$(nproc)
	turns=$(($2 / per_turn / cpus))
	mkdir "$instance"
	echo $(($2 * $4 / cpus / 1024)) >"$instance/buffer_size_kb"
	echo "$3" >"$instance/options/stacktrace"
	for event in $events; do
		echo 1 >"$instance/events/kmem/$event/enable"
	done
	for ((cpu = 0; cpu < cpus; cpu++)); do
		taskset -c "$cpu" "$build/tests/bench/storm" turns "$turns" >/dev/null &
		storms+=($!)
	done
	for storm in "${storms[@]}"; do
		wait "$storm"
	done
	echo 0 >"$instance/events/enable"
	trace-cmd extract -B "$(basename "$instance")" -o "$1" >/dev/null 2>&1
	[[ ! -d $instance ]] || rmdir "$instance"
}

# timed NAME COMMAND...: "NAME: R s, U s CPU"; the command's output goes to $work/out
timed() {
	local name=$1 took
	shift
	TIMEFORMAT='%R %U %S'
	took=$({ time "$@" >"$work/out" 2>"$work/err"; } 2>&1)
	read -r wall user system <<<"$took"
	cpu=$(awk -v u="$user" -v s="$system" 'BEGIN { print u + s }')
	printf '%-24s %8.2f s, %8.2f s CPU\n' "$name" "$wall" "$cpu"
}

imported() {
	jq -r --arg cpu "$cpu" --arg wall "$wall" '"  \(.events) events: \((.events / ($cpu | tonumber)) | floor) a second of CPU, \((.events / ($wall | tonumber)) | floor) of wall; \([.sites[].live_objects] | add) live, \(.sites | length) sites"' "$work/out"
}

# compare TITLE
compare() {
	printf '%s: trace.dat of %d MB\n' "$1" $(($(stat -c %s "$work/trace.dat") >> 20))
	timed "trace-cmd report" trace-cmd report "$work/trace.dat"
	mv "$work/out" "$work/trace.txt"
	printf '  %d lines, %d MB\n' "$(wc -l <"$work/trace.txt")" $(($(stat -c %s "$work/trace.txt") >> 20))
	timed "ullage import, text" "$build/ullage" import --json "$work/trace.txt"
	imported
	timed "ullage import, trace.dat" "$build/ullage" import --json "$work/trace.dat"
	imported
}

ninja -C "$build" ullage tests/bench/storm >/dev/null
record "$work/trace.dat" "$lines" 0 "$plain_bytes"
compare "without stacks"
rm -f "$work"/trace.*
record "$work/trace.dat" $((lines / 12)) 1 "$stack_bytes"
compare "with stacks"
