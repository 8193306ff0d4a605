#!/usr/bin/env bash
# What allocates and frees all the time is never called a leak, in a guest, by `ullage find`, while a real
# leak beside it is still found. Usage: test_churn.sh SERIES [GROUP]...   Last line: "N passed, N failed".
#
# A group of sorts of churn (tests/churn/churn.c, stress-ng) runs until each has done OPERATIONS
# (20,000) turns; searches of FOR (30s) follow each other meanwhile, at least one and at most
# SEARCHES (12). A group that could not do its turns in that time fails. Beside it a thread of the leak
# module loses fifty objects a second, which every search must name. The last lines but one are a table:
# turns of each sort, searches beside it, leaks called wrongly, searches that named the leak.
#
# GROUP may also be sorts joined by `+`, which then run beside each other (fork+exec+netns). KEEP=DIR
# keeps the guest's output; LIMIT=3000 is its time in seconds. A machine that dies of the emulator
# (boot.sh says how) is tried three times in all, the third in one thread; THREAD=single: each.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
series=${1:?usage: test_churn.sh SERIES [GROUP]...}
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Sorts that share a group run beside each other.
groups() {
	cat <<-'EOT'
		memory	epoll mmap
		files	tmpfs file
		network	udp tcp socket
		uring	uring uring_io
		processes	fork exec
		cgroups	cgroup
		namespaces	netns
		modules	module
		stress	stress
	EOT
}

[ $# -gt 0 ] || mapfile -t groups_wanted < <(groups | cut -f1)
[ $# -eq 0 ] || groups_wanted=("$@")

cc -O1 -static -D_GNU_SOURCE -o "$work/churn" "$here/../churn/churn.c"

cat >"$work/guest.sh" <<'EOG'
insmod /lib/modules/leakstat.ko || exit 90
mount -t cgroup2 none /sys/fs/cgroup && echo '+memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
mkdir /tmp/ops
modules="ts_fsm ts_kmp ts_bm"
rmmod $modules
echo 'rate 20 1 0 cache' >/proc/leakctl

# turns_of SORT TURNS. Modules one after the other: two processes that load wait for each other's flushes of
# translations, seven times as long for a turn.
turns_of() {
	local name
	if [ "$1" != module ]; then
		churn "$1" "$2"
		return
	fi
	for name in $modules; do
		churn module $(($2 / 3)) "$(ls /lib/modules/*/$name.ko)" || return
	done
}

# Turns of one sort until the file `stop` is there. netns and cgroup leave room for what frees them: a
# work queue that cannot keep up is growth, and no false one.
churn_on() {
	local sort=$1 batch=500 rest=0 done=0
	case $sort in
	epoll | mmap | udp | tcp | uring_io) batch=2000 ;;
	tmpfs | file | fork | exec) batch=200 ;;
	netns) batch=10 rest=0.05 ;;
	cgroup) batch=50 rest=0.05 ;;
	# A turn waits for grace periods: 8 ms instead of 24 when these are expedited.
	module) batch=300 && echo 1 >/sys/kernel/rcu_expedited ;;
	esac
	until [ -e /tmp/stop ]; do
		turns_of "$sort" $batch >/dev/null 2>>/tmp/churn.err || { echo "$sort broke" >>/tmp/churn.err; return; }
		done=$((done + batch))
		echo $done >/tmp/ops/$sort
		[ $rest = 0 ] || sleep $rest
	done
}

# Bogus operations of a mixture that stays within the machine's memory.
stress_on() {
	local done=0 more
	until [ -e /tmp/stop ]; do
		stress-ng --clone 1 --dentry 1 --dentries 256 --epoll 1 --eventfd 1 --futex 1 --inotify 1 --key 1 \
			--mq 1 --msg 1 --pipe 1 --sem 1 --shm-sysv 1 --shm-sysv-bytes 4M --signal 1 --timerfd 1 \
			--unshare 1 --temp-path /tmp --timeout 10 --metrics-brief >/tmp/stress.out 2>&1
		more=$(awk '$2 == "metrc:" && $5 ~ /^[0-9]+$/ && $6 ~ /^[0-9.]+$/ { n += $5 } END { print n + 0 }' /tmp/stress.out)
		done=$((done + more))
		echo $done >/tmp/ops/stress
		[ $more -gt 0 ] || { cat /tmp/stress.out >>/tmp/churn.err; return; }
	done
}

# enough SORT...: each has done its turns.
enough() {
	for sort; do
		[ "$(cat /tmp/ops/$sort 2>/dev/null || echo 0)" -ge "$operations" ] || return 1
	done
}

group() {
	local name=$1 n=0 pids= sort
	shift
	rm -f /tmp/stop
	for sort; do
		if [ "$sort" = stress ]; then stress_on & else churn_on "$sort" & fi
		pids="$pids $!"
		# A trace's programs take a second of a real processor to be verified, minutes in an
		# emulator where ten others want it.
		renice -n 10 -p $! >/dev/null || exit 92
	done
	while :; do
		n=$((n + 1))
		ullage find --for "$window" --json >/tmp/find.json || exit 91
		echo "find $name $(cat /tmp/find.json)"
		# After each search: a machine that is stopped has said how far it came.
		for sort; do
			echo "turns $name $sort $(cat /tmp/ops/$sort 2>/dev/null || echo 0) $n"
		done
		if enough "$@" || [ $n -ge "$searches" ]; then break; fi
	done
	: >/tmp/stop
	wait $pids
}
EOG
{
	echo "operations=${OPERATIONS:-20000} window=${FOR:-30s} searches=${SEARCHES:-12}"
	for group in "${groups_wanted[@]}"; do
		sorts=$(groups | awk -v g="$group" -F'\t' '$1 == g { print $2 }')
		[[ $group != *+* ]] || sorts=${group//+/ }
		[ -n "$sorts" ] || { echo "no group called $group" >&2; exit 2; }
		echo "group $group $sorts"
	done
	echo 'cat /tmp/churn.err >&2; exit 0'
} >>"$work/guest.sh"

programs=(--program "$work/churn")
if stress=$(command -v stress-ng); then
	programs+=(--program "$stress")
else
	echo "# no stress-ng here"
fi
echo "# booting Linux $series: ${groups_wanted[*]}"
started=$SECONDS
status=0
# Out of time is an answer here: what was done is told.
BOOT_AGAIN=125 boot "$work/out" "$work/err" --kernel "$series" --timeout "${LIMIT:-3000}" \
	--module ts_fsm --module ts_kmp --module ts_bm "${programs[@]}" -- "$work/guest.sh" || status=$?
if [ "$status" != 0 ]; then
	echo "not ok - the guest's script failed: $status"
	tail -n 40 "$work/err"
	failed=1
fi
sed 's/^/# /' "$work/err" | head -n 20
[ -z "${KEEP:-}" ] || cp "$work/out" "$KEEP/churn.$series.$(IFS=,; echo "${groups_wanted[*]}").out"

# Leaks that are none, and whether a search named the one that is.
# shellcheck disable=SC2016 # jq, not shell
terms='def wrong: [.findings[] | select(.verdict == "leak" and .kind != "process" and .account != "leakstat_obj")];
	def named: any(.findings[]; .verdict == "leak" and .account == "leakstat_obj" and
		.function == "leakstat_leak_cache");'

none_is_wrong() {
	jq -se "$terms"'length > 0 and all(.[]; wrong == [])' "$1" >/dev/null || {
		jq -c '.findings[] | select(.verdict == "leak" and .account != "leakstat_obj") |
			{kind, account, function, confidence, bytes_per_s, survivors, why,
			 stack: [.site.stack[]?.function][0:8]}' "$1"
		return 1
	}
}

leak_is_found() {
	jq -se "$terms"'length > 0 and all(.[]; named)' "$1" >/dev/null || {
		jq -c '.findings[] | {verdict, account, function, confidence, why}' "$1" | head -n 20
		return 1
	}
}

for group in "${groups_wanted[@]}"; do
	sed -n "s/^find $group //p" "$work/out" >"$work/$group.json"
	ok "$series $group: nothing that churns is called a leak" none_is_wrong "$work/$group.json"
	ok "$series $group: the leak beside it is found" leak_is_found "$work/$group.json"
	while read -r _ _ sort turns searches; do
		ok "$series $group: $turns turns of $sort in $searches searches" \
			[ "$turns" -ge "${OPERATIONS:-20000}" ]
		printf '%s\t%s\t%s\t%s\t%s\n' "$series" "$sort" "$turns" "$searches" "$(jq -sr "$terms"'
			"\(map(wrong | length) | add // 0)\t\(map(select(named)) | length)"' "$work/$group.json")" >>"$work/table"
	done < <(grep "^turns $group " "$work/out" | tac | awk '!seen[$3]++' || echo "turns $group none 0 0")
done
printf 'kernel\tsort\tturns\tsearches\twrongly\tnamed\n' | cat - "$work/table" | expand -t 8,20,32,42,50
echo "# $((SECONDS - started)) s"
report
