#!/usr/bin/env bash
# Who takes and gives back references, followed in kernels that have probes: source/trace/references_test
# in a machine of each series, by trampolines and by kprobes. Usage: test_references.sh [SERIES]...
# Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
program=${PROGRAM:-$here/../../build/src/source/trace/references_test}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ $# -gt 0 ] || set -- 5.10 6.1 6.12 7.2 7.3
echo 'references_test 2>&1' >"$work/guest.sh"
for series; do
	echo "# booting Linux $series"
	boot "$work/out" "$work/err" --kernel "$series" --timeout 100 --program "$program" -- "$work/guest.sh" || true
	for way in a_process_is_followed by_kprobes; do
		ok "$series: $way" grep -q "  OK . $way" "$work/out"
	done
	ok "$series: both could be done" [ -z "$(grep 'references$' "$work/out")" ]
done
report
