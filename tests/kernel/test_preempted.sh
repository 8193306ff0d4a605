#!/usr/bin/env bash
# Where tracepoints are preemptible, a program that keeps from being preempted misses fewer events: four
# storms of allocations on one processor, traced in turns so and so. Usage: test_preempted.sh [SERIES]
# Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:-7.3}
bench=$(dirname "${ULLAGE_BINARY:-$here/../../build/ullage}")/tests/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/guest.sh" <<'EOG'
mkfifo /tmp/in
# one PREEMPTED: a line "PREEMPTED EVENTS MISSED".
one() {
	trace_mode misses "$1" </tmp/in >/tmp/out &
	tracer=$!
	exec 5>/tmp/in
	until grep -q ready /tmp/out; do sleep 0.5; done
	storms=
	for i in 1 2 3 4; do
		storm turns 400 >/dev/null &
		storms="$storms $!"
	done
	wait $storms
	exec 5>&-
	wait $tracer || exit 91
	awk -v preempted="$1" '/^[0-9]+ [0-9]+ [0-9]+ / {events = $1} / events missed/ {missed += $1}
		END {print preempted, events, missed + 0}' /tmp/out
}
for turn in 1 2 3; do
	one 1
	one 0
done
EOG

echo "# booting Linux $series"
if ! boot "$work/out" "$work/err" --kernel "$series" --cpus 1 --program "$bench/trace_mode" \
	--program "$bench/storm" --timeout 900 -- "$work/guest.sh"; then
	tail -n 30 "$work/err"
	ok "the guest's script ran" false
	report
	exit 1
fi
sed 's/^/# preempted, events, missed: /' "$work/out"
# sum PREEMPTED FIELD
sum() {
	awk -v preempted="$1" -v field="$2" '$1 == preempted {sum += $field} END {print sum + 0}' "$work/out"
}
ok "events were seen: $(sum 1 2) and $(sum 0 2)" [ "$(sum 0 2)" -gt 10000 ]
ok "preempted $(sum 1 3) missed, else $(sum 0 3): less than half" [ $(($(sum 0 3) * 2)) -lt "$(sum 1 3)" ]
report
