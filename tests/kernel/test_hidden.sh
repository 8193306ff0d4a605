#!/usr/bin/env bash
# What the kernel allocates and frees without an event: `ullage trace` of all allocators finds exactly
# what was leaked, and storms of kfree_rcu and of bulk calls leave nothing. Usage: test_hidden.sh SERIES
# Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:?usage: test_hidden.sh SERIES}
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/guest.sh" <<'EOF'
insmod /lib/modules/leakstat.ko || exit 90
# The thread that keeps the budget runs while it records.
wait_recording() {
	until grep -q 'Threads:[^0-9]*[2-9]' "/proc/$1/status"; do sleep 0.5; done
	sleep 2
}
# Complete, since it is filtered: this shell asks for the leaks.
ullage trace --comm sh --for 5m --drain 4s --json >/tmp/leaks.json &
tracer=$!
wait_recording $tracer
for leak in 'kmalloc 4096 211' 'vmalloc 20480 101' 'percpu 64 53' 'pages 2 37' 'pages 0 41' 'cache 307' 'split 3 23'; do
	echo "$leak" > /proc/leakctl
done
sleep 5
kill -INT $tracer
wait $tracer || exit 91
# Everything, within a budget: threads of the kernel allocate and free.
echo 'rcu_storm 20 50' > /proc/leakctl
echo 'bulk_storm 20 50' > /proc/leakctl
ullage trace --budget cpu=100% --for 8s --drain 4s --json >/tmp/storms.json || exit 92
cat /tmp/leaks.json /tmp/storms.json
EOF

echo "# booting Linux $series"
if ! boot "$work/all.json" "$work/err" --kernel "$series" --timeout 400 -- "$work/guest.sh"; then
	echo "not ok - the guest's script failed"
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi

jq -n '[inputs] | {leaks: .[0], storms: .[1]}' "$work/all.json" >"$work/both.json"

# check WHAT JQ-EXPRESSION: the expression must be true of the trace.
check() {
	if jq -e "$2" "$work/both.json" >/dev/null; then
		echo "ok - $1"
		passed=$((passed + 1))
	else
		echo "not ok - $1"
		failed=$((failed + 1))
		jq -c '.[] | {share, loss: [.loss[].what]}, (.sites[] | select(.survivor_objects > 0) |
			[.function, .module, .account, .allocated, .freed, .missed, .survivor_objects])' "$work/both.json"
	fi
}

# exact KIND SITE-CONDITION SURVIVORS: so many survive, in one account, of as many allocated.
exact() {
	check "$1: exactly $3 of $3" \
		"[.leaks.sites[] | select(.nested | not) | select($2)] |
		 (map(.survivor_objects) | add) == $3 and (map(.allocated) | add) == $3"
}

check "all addresses are recorded" '.leaks.share == 1'
exact kmalloc '.function == "leakstat_leak_kmalloc" and .allocator == "slab"' 211
exact cache '.cache == "leakstat_obj"' 307
exact percpu '.function == "leakstat_leak_percpu" and .allocator == "percpu"' 53
exact 'pages, order 0 and 2' '.function == "leakstat_leak_pages" and .allocator == "pages"' 78
exact vmalloc '.allocator == "vmalloc" and .account == "leakstat_leak_vmalloc [leakstat]"' 101
exact 'page blocks freed in part' '.function == "leakstat_leak_split" and .allocator == "pages"' 23
check "half of their bytes" \
	'[.leaks.sites[] | select(.function == "leakstat_leak_split") | .survivor_bytes] | add == 23 * 4 * 4096'
check "the pages of vmalloc, percpu and slab are nested" \
	'[.leaks.sites[] | select(.allocator == "pages" and (.nested | not) and .module == "leakstat") | .function] -
	 ["leakstat_leak_pages", "leakstat_leak_split"] == []'
check "the storm of kfree_rcu leaves nothing and is trusted" \
	'[.storms.sites[] | select(.function == "leakstat_step_rcu" and .allocator == "slab")] |
	 length > 0 and all(.survivor_objects == 0 and .trust > 0.99 and .allocated > 1000)'
check "the storm of bulk calls leaves nothing and is trusted" \
	'[.storms.sites[] | select(.function == "leakstat_step_bulk" and .allocator == "slab")] |
	 length > 0 and all(.survivor_objects == 0 and .trust > 0.99 and .allocated > 1000)'
check "objects allocated in bulk are seen" \
	'[.storms.sites[] | select(.function == "leakstat_step_bulk" and .cache == "leakstat_bulk")] | length >= 2'
check "no blind spot is left to be confessed" \
	'[.[].loss[].what | select(test("no probe can be set here"))] == []'
check "the books balance" '[.[].sites[]] | all(.allocated == .freed + .live_objects + .missed)'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
