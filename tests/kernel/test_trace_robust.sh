#!/usr/bin/env bash
# What a trace survives in a guest: a processor that goes and comes back while recording, and a module
# that is unloaded while sites of its code have live allocations.
# Usage: test_trace_robust.sh SERIES. Last line: "N passed, N failed".
# shellcheck disable=SC2016 # the guest's shell expands it
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
series=${1:?usage: test_trace_robust.sh SERIES}
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/script" <<'EOF_GUEST'
# Emulated, the tracer takes its time to start: it records right after the last link is made.
recording() {
	until [ "$(cat /proc/$tracer/fdinfo/* 2>/dev/null | grep -c link_type)" -ge 4 ]; do sleep 1; done
	sleep 2
}
# Processor 1 is away for a second in the middle of the trace; pipes are made all the time.
ullage trace --slab --size 1-8192 --for 15s --drain 2s --json > /tmp/hotplug & tracer=$!
recording
(i=0; while [ $i -lt 40 ]; do true | true; i=$((i + 1)); done) & pipes=$!
echo 0 > /sys/devices/system/cpu/cpu1/online; echo "offline $(cat /sys/devices/system/cpu/online)"
sleep 1
echo 1 > /sys/devices/system/cpu/cpu1/online; echo "online $(cat /sys/devices/system/cpu/online)"
wait $pipes
wait $tracer; echo "hotplug exit $?"
echo "hotplug $(cat /tmp/hotplug)"
# 97 buffers of a module's file are lost, and the module goes while the trace still records.
insmod /lib/modules/leakstat.ko
ullage trace --slab --size 3000-8192 --for 20s --drain 2s --json > /tmp/unload & tracer=$!
recording
i=0; while [ $i -lt 97 ]; do read -r x < /proc/leakstat; i=$((i + 1)); done
rmmod leakstat; echo "rmmod $?"
wait $tracer; echo "unload exit $?"
echo "unload $(cat /tmp/unload)"
EOF_GUEST

check() {
	local what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $what: $*"
	fi
}

status=0
"$here/vm" run --kernel "$series" --timeout 400 -- "$(cat "$work/script")" >"$work/out" 2>"$work/err" || status=$?
[ "$status" -eq 0 ] || { cat "$work/out" "$work/err"; }
check "the guest lived" [ "$status" -eq 0 ]
for part in hotplug unload; do
	sed -n "s/^$part {/{/p" "$work/out" >"$work/$part"
	check "$part: exit code" grep -q "^$part exit 0" "$work/out"
	check "$part: books balance" jq -en 'input | all(.sites[]; .allocated >= .freed + .live_objects)' "$work/$part"
done
check "a processor went" grep -qx 'offline 0' "$work/out"
check "and came back" grep -qx 'online 0-1' "$work/out"
check "every pipe was seen" jq -en 'input | [.sites[] | select(.function == "alloc_pipe_info").allocated] |
	max >= 40' "$work/hotplug"
check "the module was unloaded" grep -qx 'rmmod 0' "$work/out"
# Each cat loses the buffer of its seq_file (4096 bytes); the site is the kernel's own seq_read.
check "what it lost is counted" jq -en 'input | [.sites[] | select(.object_bytes == 4096).survivor_objects] |
	add >= 97' "$work/unload"
jq -c '[.sites[] | [.function, .object_bytes, .allocated, .survivor_objects]] | .[0:4]' "$work/unload" || true
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
