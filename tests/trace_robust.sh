#!/bin/bash
# tests/trace_robust.sh ULLAGE STORM: what a trace survives on the live machine.
#
#   killed     after SIGKILL no program and no map of ours is left in the kernel
#   stopped    the tool is stopped (SIGSTOP) while allocations go on: nothing is lost, books balance
#   reused_pid two processes that had one pid are told apart
#   full_disk  no room for the recording: the answer is given all the same, and it is said
#   full       a table far too small: what it could not record is a loss, the rest balances
#
# STORM is tests/bench/storm.c. Exit code 77: skipped, BPF does not work here.
set -u

ullage=$1
storm=$2
work=$(mktemp -d)
passed=0
failed=0
tracing=

end() {
	[ -z "${KEEP:-}" ] || cp -r "$work" "$KEEP"
	[ -z "$tracing" ] || kill -9 "$tracing" 2>/dev/null
	rm -rf "$work" /dev/shm/ul-robust.*
}
trap end EXIT

skip() {
	echo "trace_robust: skipped: $*"
	exit 77
}

[ "$(id -u)" -eq 0 ] || skip "needs root"
for tool in jq bpftool; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
"$ullage" trace --for 1s --drain 1s --slab --json >"$work/trace" 2>"$work/err"
case $? in
0) ;;
4 | 5) skip "$(head -n 1 "$work/err")" ;;
*) cat "$work/err"; exit 1 ;;
esac

check() {
	local what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $what: $*"
	fi
}

# holds FILTER: jq says true of the last document.
holds() {
	jq -e "$1" "$work/out" >/dev/null
}

# ids_of PID FIELD: of its programs (prog_id) or maps (map_id).
ids_of() {
	sed -n "s/^$2:[[:space:]]*//p" /proc/"$1"/fdinfo/* 2>/dev/null | sort -un
}

# And recording: the thread that watches the budget begins with it.
attached() {
	for _ in $(seq 200); do
		[ "$(ids_of "$tracing" prog_id | wc -l)" -ge 4 ] &&
			[ "$(find "/proc/$tracing/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 2 ] && return 0
		sleep 0.05
	done
	return 1
}

start() {
	"$ullage" trace --json "$@" >"$work/out" 2>"$work/err" &
	tracing=$!
	check "the programs are attached" attached
	sleep 1 # attached is not yet recording
}

finish() {
	wait "$tracing"
	check "exit code" [ $? -eq 0 ]
	tracing=
}

# How many of the ids in a file the kernel still knows; they go after a grace period.
left_of() {
	local id left
	for _ in $(seq 100); do
		left=0
		while read -r id; do
			! bpftool "$1" show id "$id" >/dev/null 2>&1 || left=$((left + 1))
		done <"$2"
		[ "$left" -gt 0 ] || break
		sleep 0.1
	done
	echo "$left"
}

killed() {
	start --for 1h
	ids_of "$tracing" prog_id >"$work/programs"
	ids_of "$tracing" map_id >"$work/maps"
	check "there were maps" [ "$(wc -l <"$work/maps")" -ge 8 ]
	check "the kernel knew them" bpftool map show id "$(head -n 1 "$work/maps")" >"$work/shown"
	kill -9 "$tracing"
	wait "$tracing" 2>/dev/null
	tracing=
	check "no program is left" [ "$(left_of prog "$work/programs")" -eq 0 ]
	check "no map is left" [ "$(left_of map "$work/maps")" -eq 0 ]
}

# A turn of the storm makes one pipe: two allocations by alloc_pipe_info().
pipes='[.sites[] | select(.function == "alloc_pipe_info")]'
balanced='all(.sites[]; .allocated >= .freed + .live_objects)'

stopped() {
	start --slab --comm storm --for 4s --drain 1s
	kill -STOP "$tracing"
	"$storm" turns 20011 >/dev/null
	sleep 1
	kill -CONT "$tracing"
	finish
	check "every pipe was seen" holds "$pipes | any(.allocated == 20011 and .freed == 20011)"
	check "books balance" holds "$balanced"
	check "nothing was full" holds '[.loss[] | select(.what | test("was full"))] == []'
}

# as_pid PID NAME COMMAND...: run a copy of a program under that pid, or fail.
as_pid() {
	local pid=$1
	shift
	echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid || return 1
	"$@" &
	local got=$!
	wait "$got"
	[ "$got" -eq "$pid" ]
}

objects_of() {
	printf '[.sites[].processes[] | select(.comm == "%s").objects] | add' "$1"
}

reused_pid() {
	local directory last try
	[ -w /proc/sys/kernel/ns_last_pid ] || return 0
	directory=$(mktemp -d /dev/shm/ul-robust.XXXXXX)
	cp "$(command -v mkdir)" "$work/ul-first"
	cp "$(command -v mkdir)" "$work/ul-second"
	start --slab --for 6s --drain 1s --cache shmem_inode_cache
	last=
	for try in $(seq 50); do
		mkdir "$directory/$try"
		last=$(($(cat /proc/sys/kernel/ns_last_pid) + 50))
		as_pid "$last" "$work/ul-first" "$directory/$try"/first-{1..7} &&
			as_pid "$last" "$work/ul-second" "$directory/$try"/second-{1..11} && break
		last=
	done
	finish
	[ -n "$last" ] || { echo "reused_pid: never got the same pid twice"; return 0; }
	# Tries that failed may have made directories, too, all of a process's or none.
	check "seven by the first" holds "$(objects_of ul-first) | . > 0 and . % 7 == 0"
	check "eleven by the second" holds "$(objects_of ul-second) | . > 0 and . % 11 == 0"
}

full_disk() {
	mkdir "$work/disk"
	# shellcheck disable=SC2016 # shell code for a shell started here
	unshare -m sh -c 'mount -t tmpfs -o size=150k none "$2" &&
		exec "$1" trace --slab --comm storm --for 4s --drain 1s --json -r "$2/recording"' \
		sh "$ullage" "$work/disk" >"$work/out" 2>"$work/err" &
	tracing=$!
	check "the programs are attached" attached
	"$storm" hold 18000 <"$work/fifo" >"$work/ready" &
	local holding=$!
	exec 3>"$work/fifo"
	finish
	exec 3>&-
	wait "$holding"
	check "it is shown, and what is not kept is said" holds '
		(.sites | length) > 0 and any(.loss[]; .what | test("the trace is not kept: "))'
}

full() {
	start --slab --comm storm --for 4s --drain 1s --budget mem=1M
	"$storm" hold 18000 <"$work/fifo" >"$work/ready" &
	local holding=$!
	exec 3>"$work/fifo"
	finish
	exec 3>&-
	wait "$holding"
	check "the share fell, and that is said" holds '.share < 1 and
		any(.loss[]; .what | test("because a table was filling up"))'
	check "books balance" holds "$balanced"
	# struct eventfd_ctx: one each, made by do_eventfd(). Three deviations either way; and where the
	# table filled before the share could fall, what found no room is a loss that was counted.
	# shellcheck disable=SC2016 # jq expands it
	check "the estimate and the losses hold" holds '
		([.loss[] | select(.what | test("table of live allocations was full")) | .count] | add // 0) as $lost |
		[.sites[] | select(.function == "do_eventfd")] |
		((map(.survivor_objects) | add) - 18000) as $off |
		(map(.survivor_error * .survivor_error) | add | sqrt) as $error |
		$off < 1.6 * $error and -$off < 1.6 * $error + 500 + $lost'
}

mkfifo "$work/fifo"
for part in ${PARTS:-killed stopped reused_pid full_disk full}; do
	$part
done
echo "trace_robust: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
