#!/usr/bin/env bash
# A trace.dat recorded in the machine with trace-cmd's own line, and the live trace of the same time, must
# say the same: test_import.sh [SERIES]. Needs trace-cmd; the ullage to test is ULLAGE_BINARY.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
series=${1:-6.1}
ullage=${ULLAGE_BINARY:-$here/../../build/ullage}
trace_cmd=$(command -v trace-cmd) || { echo "no trace-cmd"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# 53 reads of a file that leaks its buffer, 31 of one that does not, and one of leakctl, which does not.
cat >"$work/in-guest.sh" <<'EOF'
insmod /lib/modules/leakstat.ko
ullage trace --size 4096 --for 40s --drain 3s --json >/tmp/live.json &
live=$!
/test/trace-cmd record -q -o /tmp/trace.dat -e kmalloc -f 'bytes_alloc==4096' -e kfree -T sleep 50 >/dev/null 2>&1 &
recorder=$!
sleep 15
i=0
while [ $i -lt 53 ]; do
	cat /proc/leakstat >/dev/null
	[ $i -ge 31 ] || cat /proc/leakstat_ok >/dev/null
	i=$((i + 1))
done
echo 'kmalloc 4000 101' >/proc/leakctl
cat /proc/leakctl >/tmp/leakctl
wait $live
wait $recorder
cd /tmp
tar cf - live.json trace.dat leakctl | gzip -c
EOF

ULLAGE_BINARY=$ullage "$here/vm" run --kernel "$series" --timeout 400 --add "$trace_cmd" -- \
	"$work/in-guest.sh" >"$work/out.tar.gz"
tar xzf "$work/out.tar.gz" -C "$work"
"$ullage" import "$work/trace.dat" --json >"$work/import.json"

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

# counts FILE FUNCTION: allocated, freed and live of the sites of one function, 4096 bytes each
counts() {
	jq -r --arg f "$2" '[.sites[] | select(.function | startswith($f)) |
		select(.allocated > 40)] |
		"\([.[].allocated] | add) \([.[].freed] | add) \([.[].live_objects] | add)"' "$1"
}

leaked() {
	sed -n "s/^$1 objects=\([0-9]*\) .*/\1/p" "$work/leakctl"
}

check "what the module says of buffers" "$(leaked seq_buffer)" 53
check "what the module says of kmallocs" "$(leaked kmalloc)" 101
check "seq_read, imported" "$(counts "$work/import.json" seq_read)" "85 32 53"
check "seq_read, live" "$(counts "$work/live.json" seq_read)" "85 32 53"
check "leakstat_leak_kmalloc, imported" "$(counts "$work/import.json" leakstat_leak_kmalloc)" "101 0 101"
check "leakstat_leak_kmalloc, live" "$(counts "$work/live.json" leakstat_leak_kmalloc)" "101 0 101"
check "events lost" "$(jq '[.loss[] | select(.what | test("lost"))] | length' "$work/import.json")" 0
exit $failed
