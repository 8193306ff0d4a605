#!/usr/bin/env bash
# `trace --cgroup` in guests: of two programs that make eventfds only that in a group below the one asked
# for is recorded, to the object; by the hierarchy of version 2, and by that of the memory controller.
# Usage: test_cgroup.sh [SERIES]... Last line: "N passed, N failed".
# shellcheck disable=SC2016 # the guest's shell expands it
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
storm=${STORM:-$here/../../build/tests/bench/storm}
[ -x "$storm" ] || ninja -C "$here/../../build" tests/bench/storm >/dev/null
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/script" <<'EOF_GUEST'
mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup && mkdir memory unified || exit 91
mount -t cgroup2 none unified || exit 92
hierarchies=unified
mount -t cgroup -o memory none memory && hierarchies="memory unified" # newer kernels are built without
echo "hierarchies $hierarchies"
# Emulated, the tracer takes its time to start: it records right after the last link is made.
recording() {
	until [ "$(cat /proc/$tracer/fdinfo/* 2>/dev/null | grep -c link_type)" -ge 4 ]; do sleep 1; done
	sleep 2
}
# hold GROUP COUNT: that many eventfds, by a program in that group.
hold() {
	(echo 0 >"$1/cgroup.procs"; sleep 1000 | storm hold "$2") &
}
for hierarchy in $hierarchies; do
	mkdir -p $hierarchy/asked/below $hierarchy/other
	ullage trace --cgroup /sys/fs/cgroup/$hierarchy/asked --for 12s --drain 2s --json >/tmp/$hierarchy &
	tracer=$!
	recording
	hold $hierarchy/asked/below 211
	hold $hierarchy/other 307
	wait $tracer; echo "$hierarchy exit $?"
	echo "$hierarchy $(cat /tmp/$hierarchy)"
done
EOF_GUEST

# survivors HIERARCHY: eventfds that survived (small ones of the site: vectors for slabs of theirs).
survivors() {
	sed -n "s/^$1 {/{/p" "$work/out" | jq '[.sites[] | select(.function == "do_eventfd").survivor_objects] | max'
}

for series in "${@:-6.1}"; do
	boot "$work/out" "$work/err" --kernel "$series" --program "$storm" --timeout 300 -- "$work/script" ||
		cat "$work/err"
	ok "$series: there are cgroups" grep -q '^hierarchies ' "$work/out"
	read -r -a hierarchies < <(sed -n 's/^hierarchies //p' "$work/out")
	for hierarchy in "${hierarchies[@]}"; do
		ok "$series $hierarchy: it ends well" grep -qx "$hierarchy exit 0" "$work/out"
		equal "$series $hierarchy: only what the group keeps" "$(survivors "$hierarchy")" 211
	done
done
report
