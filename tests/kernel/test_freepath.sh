#!/usr/bin/env bash
# The free path: `ullage find` says how buffers of seq_file are freed as a rule, and what those have in
# common that are not. Usage: test_freepath.sh SERIES. Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
series=${1:?usage: test_freepath.sh SERIES}
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Beside the leak: others that open, read and close files of seq_file, and do free.
cat >"$work/guest.sh" <<'EOF'
insmod /lib/modules/leakstat.ko || exit 90
( while :; do cat /proc/meminfo /proc/self/maps /proc/mounts /proc/modules >/dev/null; done ) &
( while :; do cat /proc/leakstat >/dev/null; sleep 0.02; done ) &
sleep 2
ullage find --for 30s -r /tmp/case.ullage --json >/tmp/live.json || exit 91
ullage find --json /tmp/case.ullage >/tmp/recorded.json || exit 92
cat /tmp/live.json /tmp/recorded.json
EOF

echo "# booting Linux $series"
if ! "$here/vm" run --kernel "$series" --timeout 400 -- "$work/guest.sh" >"$work/both.json" 2>"$work/err"; then
	echo "not ok - the guest's script failed"
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi
jq -n '[inputs] | {live: .[0], recorded: .[1]}' "$work/both.json" >"$work/case.json"

check() {
	if jq -e "$2" "$work/case.json" >/dev/null; then
		echo "ok - $1"
		passed=$((passed + 1))
	else
		echo "not ok - $1"
		failed=$((failed + 1))
		jq '.live.findings[0] | {account, verdict, function, survivors, companions, free_path, why}' "$work/case.json"
	fi
}

check "the leak is first" '.live.findings[0] | .verdict == "leak" and (.account | test("4k$"))'
check "such buffers are freed in the release of seq_file" \
	'.live.findings[0].free_path.usual | test("^seq_release")'
check "its stack is known" \
	'[.live.findings[0].free_path.stack[].function] | any(test("__fput"))'
check "the seq_file is lost with the buffer" \
	'[.live.findings[0].companions[].account] | any(test("seq_file|kmalloc-"))'
check "the lost ones belong to leakstat, and the freed ones do not" \
	'[.live.findings[0].free_path.differences[] | select(.kind == "symbol" and .module == "leakstat")] |
	 any(.what == "leakstat_seq_ops [leakstat]" and .lost_share > 0.9 and .freed_share == 0 and
	     .freed_sampled >= 16)'
check "the sentence names the module and the function it does not call" \
	'.live.findings[0].free_path.missing | test("leakstat") and test("does not call seq_release")'
check "a recording keeps who frees" \
	'.recorded.findings[0].free_path.usual == .live.findings[0].free_path.usual and
	 .recorded.findings[0].free_path.freed == .live.findings[0].free_path.freed'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
