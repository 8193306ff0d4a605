#!/usr/bin/env bash
# The engine without BPF must say what the module lost, to the object, and what BPF says at the same
# time: test_ftrace.sh [SERIES...]. The ullage to test is ULLAGE_BINARY.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ullage=${ULLAGE_BINARY:-$here/../../build/ullage}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Primes of everything that can be lost; one file is read through a leaking and a clean release.
# One trace is killed: what it leaves in the kernel must be gone after the next.
cat >"$work/in-guest.sh" <<'EOF'
insmod /lib/modules/leakstat.ko
mount -t tracefs none /sys/kernel/tracing 2>/dev/null
tracing=/sys/kernel/tracing
ullage trace --engine ftrace --size 4096 --for 60s >/dev/null 2>&1 &
killed=$!
until ls $tracing/instances | grep -q frees; do sleep 0.1; done
kill -9 $killed
wait $killed 2>/dev/null
ls $tracing/instances | wc -l >/tmp/left
ullage doctor | grep -c 'left by an ullage that was killed' >/tmp/doctor
ullage trace --engine bpf --size 1-4M --for 110s --drain 3s --json >/tmp/slab.json 2>/tmp/bpf.err &
slab=$!
ullage trace --engine bpf --pages --for 110s --drain 3s --json >/tmp/pages.json 2>>/tmp/bpf.err &
pages=$!
sleep 40
umount $tracing 2>/dev/null
ullage trace --engine ftrace --for 60s --drain 3s --budget mem=96M --json >/tmp/ftrace.json 2>/tmp/ftrace.err &
ftrace=$!
sleep 5
mount -t tracefs none $tracing
until [ "$(cat $tracing/instances/ullage-*-allocs/tracing_on 2>/dev/null)" = 1 ]; do sleep 0.5; done
umount $tracing 2>/dev/null
sleep 2
i=0
while [ $i -lt 53 ]; do
	cat /proc/leakstat >/dev/null
	[ $i -ge 31 ] || cat /proc/leakstat_ok >/dev/null
	i=$((i + 1))
done
for command in 'kmalloc 4000 101' 'kmalloc 96 1009' 'cache 211' 'pages 0 503' 'pages 2 37' 'percpu 64 29'; do
	echo "$command" >/proc/leakctl
done
cat /proc/leakctl >/tmp/leakctl
wait $ftrace $slab $pages
mount -t tracefs none $tracing
ls $tracing/instances | wc -l >>/tmp/left
cat $tracing/tracing_on >>/tmp/left
cd /tmp
tar cf - ftrace.json ftrace.err bpf.err slab.json pages.json leakctl left doctor | gzip -c
EOF

failed=0

# check WHAT VALUE EXPECTED
check() {
	if [[ $2 == "$3" ]]; then
		printf 'ok: %s: %s\n' "$1" "$2"
	else
		printf 'FAILED: %s: %s, not %s\n' "$1" "$2" "$3"
		failed=1
	fi
}

# counts FILE FUNCTION BYTES: survivors of the sites through a function, of one size; not the pages
# that the slab allocator took there
counts() {
	jq -r --arg f "$2" --argjson b "$3" '[.sites[] |
		select(any(.stack[]; .function == "allocate_slab" or .function == "new_slab") | not) |
		select(any(.stack[]; .function != null and (.function | startswith($f)))) |
		select(.survivor_objects > 0 and .survivor_bytes / .survivor_objects == $b)
		| .survivor_objects] | add // 0' "$1"
}

series_test() {
	local series=$1 dir=$work/$1
	mkdir "$dir"
	ULLAGE_BINARY=$ullage "$here/vm" run --kernel "$series" --timeout 560 -- \
		"$work/in-guest.sh" >"$dir/out.tar.gz"
	tar xzf "$dir/out.tar.gz" -C "$dir"
	local lost
	check "$series: instances left when killed, then after a run; the machine's own tracing" \
		"$(tr -s '\n ' ' ' <"$dir/left")" "2 0 1 "
	check "$series: doctor says so" "$(cat "$dir/doctor")" 1
	check "$series: engine" "$(jq -r .engine "$dir/ftrace.json")" ftrace
	while read -r what function bytes count other; do
		check "$series: $what, ftrace" "$(counts "$dir/ftrace.json" "$function" "$bytes")" "$count"
		[[ $other == - ]] || check "$series: $what, BPF" \
			"$(counts "$dir/$other.json" "$function" "$bytes")" "$count"
	done <<-'EOF'
		buffers-of-seq_read seq_read 4096 53 slab
		kmallocs-of-4096 leakstat_leak_kmalloc 4096 101 slab
		kmallocs-of-96 leakstat_leak_kmalloc 96 1009 slab
		pages leakstat_leak_pages 4096 503 pages
		page-blocks leakstat_leak_pages 16384 37 pages
	EOF
	check "$series: objects of a cache, ftrace and BPF" \
		"$(for file in ftrace slab; do
			jq '[.sites[] | select(.cache == "leakstat_obj") | .survivor_objects] | add' \
				"$dir/$file.json"
		done | tr '\n' ' ')" "211 211 "
	check "$series: percpu areas, ftrace" \
		"$(jq '[.sites[] | select(any(.stack[]; .function != null and
			(.function | startswith("leakstat_leak_percpu")))) | .survivor_objects] | add' \
			"$dir/ftrace.json")" 29
	lost=$(jq -r '.loss[] | select(.what | test("lost")) | "\(.count) \(.what)"' "$dir/ftrace.json")
	[[ -z $lost ]] || printf 'lost: %s\n' "$lost"
}

[[ $# -gt 0 ]] || set -- 6.1
for series; do
	series_test "$series"
done
exit $failed
