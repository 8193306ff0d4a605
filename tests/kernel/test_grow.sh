#!/usr/bin/env bash
# `ullage grow --for 30s` in a guest: each sort of leak is the first thing named, beside a cache that
# warms up, a log that is rotated and something like a build, none of which is called leak-like.
# All scenarios run one after the other in one machine: about ten minutes for all.
# Usage: test_grow.sh SERIES [SCENARIO...]. Last line: "N passed, N failed".
# shellcheck disable=SC2016 # the guest's shell expands it
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
series=${1:?usage: test_grow.sh SERIES [SCENARIO...]}
shift
scenarios=("$@")
[ ${#scenarios[@]} -gt 0 ] ||
	scenarios=(controls heap memfd sysv shared fds tmpfs tables vmalloc cgroup dying)
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cc -O1 -static -D_GNU_SOURCE -o "$work/leaks" "$here/../churn/leaks.c"

# The programs are copied under names that say what they are.
cat >"$work/script" <<'EOF_GUEST'
insmod /lib/modules/leakstat.ko || exit 90
mount -t cgroup2 none /sys/fs/cgroup || exit 91
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/leaky /tmp/logs
mount -t tmpfs -o size=64m logs /tmp/logs
for name in warm rotate build heap memfd sysv shared fds tables file processes cgroup; do
	cp /test/leaks "/bin/l_$name"
done
ulimit -n 65536
l_rotate rotate 200 /tmp/logs/rotated.log &
l_build build 500 /dev/shm/object &
measure() {
	l_warm warm 20 & warm=$!
	sleep 1
	ullage grow --for 30s --json > "/tmp/$1.json" || exit 92
	kill $warm; wait $warm
	echo "$1 $(cat "/tmp/$1.json")"
}
leak() {
	name=$1
	shift
	"$@" & leak=$!
	measure "$name"
	kill $leak; wait $leak
}
controls() { measure controls; }
heap() { leak heap l_heap heap 500; }
memfd() { leak memfd l_memfd memfd 500; }
sysv() { leak sysv l_sysv sysv 500; ipcrm -a 2>/dev/null; }
shared() { leak shared l_shared shared 500; }
fds() { leak fds l_fds fds 100; }
tmpfs() { leak tmpfs l_file file 500 /run/grows; rm -f /run/grows; }
tables() { leak tables l_tables tables 200; }
vmalloc() { echo 'rate 300 1 0 vmalloc 20480' > /proc/leakctl; measure vmalloc; echo stop > /proc/leakctl; }
cgroup() { leak cgroup sh -c 'echo $$ > /sys/fs/cgroup/leaky/cgroup.procs; exec l_processes processes 500'; }
dying() { leak dying l_cgroup cgroup 300 /dev/shm; }
EOF_GUEST
printf '%s\n' "${scenarios[@]}" >>"$work/script"
echo "exit 0" >>"$work/script"

echo "# booting Linux $series"
if ! "$here/vm" run --kernel "$series" --timeout 1500 --add "$work/leaks" -- "$work/script" \
	>"$work/out" 2>"$work/err"; then
	echo "not ok - the guest's script failed"
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi
while read -r name document; do
	printf '%s\n' "$document" >"$work/$name.json"
done <"$work/out"

# check NAME WHAT JQ-EXPRESSION: the expression must be true of NAME.json.
check() {
	local name=$1 what=$2 expression=$3
	if jq -en "input | $expression" "$work/$name.json" >/dev/null; then
		echo "ok - $name: $what"
		passed=$((passed + 1))
	else
		echo "not ok - $name: $what"
		jq -r '.accounts[] | select(.verdict == "leak-like") |
			[.kind, .comm // .name, .bytes_per_s, .objects_per_s, .score,
			(.part_of.name // "")] | @tsv' "$work/$name.json" || true
		failed=$((failed + 1))
	fi
}

# What is no leak is not called leak-like. Page caches, dentries and the like are filling.
innocent() {
	check "$1" "nothing innocent is leak-like" \
		'[.accounts[] | select(.verdict == "leak-like" and .part_of == null) |
		 select(.comm // .name | test("^l_(warm|rotate|build)$|/tmp/logs$|^sh$|init"))] == []'
}

# first NAME KIND PATTERN: of the leak-like rows the first is of that kind and name.
first() {
	check "$1" "named first: $2 $3" \
		".accounts[0] | .verdict == \"leak-like\" and .kind == \"$2\" and
		 (.comm // .name | test(\"$3\"))"
	innocent "$1"
}

for scenario in "${scenarios[@]}"; do
	case $scenario in
	controls)
		check controls "nothing is leak-like where nothing leaks" \
			'[.accounts[] | select(.verdict == "leak-like")] == []'
		;;
	heap) first heap process '^l_heap$' ;;
	memfd) first memfd process_files '^l_memfd$' ;;
	sysv) first sysv shmem '^System V' ;;
	shared) first shared process '^l_shared$' ;;
	fds)
		first fds process_fds '^l_fds$'
		check fds "the cache of open files stands behind it" \
			'[.accounts[] | select(.name == "filp" and .verdict == "leak-like")][0] |
			 .part_of.kind == "process_fds"'
		;;
	tmpfs) first tmpfs shmem '^tmpfs /run$' ;;
	tables) first tables process_tables '^l_tables$' ;;
	vmalloc) first vmalloc vmalloc '^leakstat_leak_vmalloc' ;;
	cgroup) first cgroup cgroup '^/leaky$' ;;
	dying) first dying cgroup 'removed' ;;
	*)
		echo "not ok - no scenario $scenario"
		failed=$((failed + 1))
		;;
	esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
