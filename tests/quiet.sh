#!/bin/bash
# tests/quiet.sh ULLAGE CHURN [ROUND]...: `ullage find` calls nothing a leak where nothing leaks.
#
# Each round is one search on the live machine; beside it runs, until the search ends,
#   quiet       nothing
#   all         every sort of churn at once (tests/churn/churn.c: kfree_rcu, bulk frees, work queues)
#   epoll ...   one sort of it, 20,000 turns and again; or stress: stress-ng, where it is installed
# Three more run commands that lose nothing again and again (`find --trigger`): run-socket, run-list, run-fill; the
# files that fill leaves may be called `filling`, as reclaim takes them back.
# Without ROUND: quiet, epoll, all and those three. A finding with the verdict `leak` fails the round and is printed;
# so does a document that is not whole. A program that grows is printed and no failure: what runs
# here beside the test may well grow. FOR=30s is the length of a search; KEEP=DIR keeps the documents.
# Exit code 77: skipped, BPF does not work here.
set -u

ullage=$1
churn=$2
shift 2
sorts="epoll mmap socket udp tcp fork exec file tmpfs netns cgroup uring uring_io"
[ $# -gt 0 ] || set -- quiet epoll all run-socket run-list run-fill
window=${FOR:-30s}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

if [ "$(id -u)" -ne 0 ]; then
	echo "quiet: skipped: needs root"
	exit 77
fi
"$ullage" trace --for 1s --drain 1s --slab --json >"$work/trace" 2>"$work/err"
case $? in
0) ;;
4 | 5)
	echo "quiet: skipped: BPF does not work here: $(head -n 1 "$work/err")"
	exit 77
	;;
*)
	cat "$work/err"
	exit 1
	;;
esac
command -v jq >/dev/null || { echo "quiet: skipped: no jq"; exit 77; }

# One sort of churn until the file `stop` is there; netns and cgroup leave room for what frees them.
churn_on() {
	local count=20000 rest=0
	case $1 in
	fork | exec | tmpfs) count=1000 ;;
	netns | cgroup) count=10 rest=0.1 ;;
	esac
	until [ -e "$work/stop" ]; do
		"$churn" "$1" "$count" >>"$work/turns.$1" 2>>"$work/churn" || { : >"$work/broken.$1"; break; }
		sleep "$rest"
	done
}

# The stressors of a machine that has other things to do: none that fills memory or floods a disk.
stress_on() {
	command -v stress-ng >/dev/null || { : >"$work/broken.stress"; return; }
	until [ -e "$work/stop" ]; do
		stress-ng --clone 1 --dentry 1 --dentries 256 --epoll 1 --eventfd 1 --futex 1 --inotify 1 \
			--key 1 --mq 1 --msg 1 --pipe 1 --sem 1 --signal 1 --timerfd 1 --unshare 1 \
			--temp-path "$work" --timeout 5 --metrics-brief 2>&1 |
			awk '$2 == "metrc:" && $5 ~ /^[0-9]+$/ && $6 ~ /^[0-9.]+$/ { print "stress", $5 }' \
				>>"$work/turns.stress"
	done
}

start() {
	local sort wanted=$1
	case $1 in
	quiet | run-*) wanted="" ;;
	all) wanted=$sorts ;;
	esac
	rm -f "$work"/stop "$work"/broken.* "$work"/turns.*
	for sort in $wanted; do
		if [ "$sort" = stress ]; then stress_on & else churn_on "$sort" & fi
	done
}

stop() {
	: >"$work/stop"
	wait
}

# What a document must have before it is believed.
# shellcheck disable=SC2016 # jq, not shell
whole='.schema == "ullage/find/1" and .kernel.release != "" and .traced != null and
	.interrupted == false and ([.loss[] | .what != "" and has("count") and .bias != null] | all) and
	([.findings[] | (.verdict | IN("leak", "held", "filling", "inconclusive")) and
	  .confidence >= 0 and .confidence <= 1 and (.why | length) > 0] | all)'

# The command of a round that has one.
command_of() {
	case $1 in
	run-socket) echo "exec 2>/dev/null; '$churn' socket 10 >/dev/null" ;;
	run-list) echo 'ls -R /proc/sys >/dev/null 2>&1' ;;
	run-fill) echo "mkdir -p '$work/fill' && mktemp '$work/fill/XXXXXX' >/dev/null" ;;
	esac
}

round() {
	local name=$1 document=$work/$1.json code leaks command
	local search=(--for "$window")
	command=$(command_of "$name")
	[ -z "$command" ] || search=(--trigger "$command" --times 60)
	start "$name"
	"$ullage" find "${search[@]}" --json >"$document" 2>"$work/err"
	code=$?
	stop
	[ -z "${KEEP:-}" ] || cp "$document" "$KEEP/$name.$(date +%s).json"
	if [ "$code" -ne 0 ] || [ "$(jq -s length "$document")" != 1 ] ||
		! jq -e "$whole" "$document" >/dev/null; then
		failed=$((failed + 1))
		echo "FAILED: $name: exit code $code, or the document is not whole"
		cat "$work/err"
		return
	fi
	leaks=$(jq '[.findings[] | select(.verdict == "leak" and .kind != "process")] | length' "$document")
	if [ "$leaks" -ne 0 ]; then
		failed=$((failed + 1))
		echo "FAILED: $name: $leaks called a leak"
		jq -c '.findings[] | select(.verdict == "leak" and .kind != "process") |
			{account, function, confidence, survivors, why,
			 stack: [.site.stack[]?.function], processes: .site.processes, process}' "$document"
		return
	fi
	passed=$((passed + 1))
	printf 'ok     %-7s no leak; %s\n' "$name" "$(jq -r '[.findings[].verdict] | group_by(.) |
		map("\(length) \(.[0])") | join(", ") | if . == "" then "no finding" else . end' "$document")"
	jq -r '.findings[] | select(.verdict == "leak" and .kind == "process") |
		"       \(.process.comm) grows, says: \(.why | join("; "))"' "$document"
	for turns in "$work"/turns.*; do
		[ ! -e "$turns" ] || awk '{ n += $2; name = $1 } END { if (n) printf "       %d turns of %s\n", n, name }' "$turns"
	done
	for broken in "$work"/broken.*; do
		[ ! -e "$broken" ] || echo "       without ${broken##*.}: $(tail -n 1 "$work/churn")"
	done
}

for name; do
	round "$name"
done
echo "quiet: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
