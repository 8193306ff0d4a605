#!/usr/bin/env bash
# What is lost together is one finding, by who points to whom, though other things are lost at the same time
# by the same program: packets with their heads, sockets, and objects of which each holds five smaller ones,
# so that their numbers differ.
# Usage: test_together.sh SERIES. Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
series=${1:?usage: test_together.sh SERIES}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/guest.sh" <<'EOF'
insmod /lib/modules/leakstat.ko || exit 90
( while :; do echo lost socket 20 >/proc/leakctl; sleep 0.1; done ) &
( while :; do echo lost skb 35 >/proc/leakctl; sleep 0.1; done ) &
( while :; do echo parents 5 10 >/proc/leakctl; sleep 0.1; done ) &
sleep 2
ullage find --for 30s --json || exit 91
EOF

echo "# booting Linux $series"
if ! boot "$work/find.json" "$work/err" --kernel "$series" --timeout 500 -- "$work/guest.sh"; then
	echo "not ok - the guest's script failed"
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi
[ -z "${KEEP:-}" ] || cp "$work/find.json" "$KEEP/together.$series.json"

check() {
	ok "$1" jq -en "input | $2" "$work/find.json"
}

leaks='[.findings[] | select(.verdict == "leak")]'
check "three leaks" "$leaks | length == 3"
check "the packets' is under the packet, which points to its head" \
	"$leaks | any(.account == \"skbuff_head_cache\" and (.companions | length == 1) and (.companions[0] |
	 .pointed_by == \"skbuff_head_cache\" and .pointed > 0.9 * .looked_at and
	 (.account | test(\"^kmalloc-|^skbuff_small_head\$\"))))"
# Their inodes are reclaimable, so not traced: what hangs from the sock is what its security module keeps, if
# there is one. Its cache may be merged with others.
socket='select([.account, (.aliases // "" | split(", ")[])] | any(. == "UDP"))'
check "the sockets' is a finding of its own" \
	"$leaks | map($socket) | length == 1 and
	 all(.[0].companions[]; .function == \"security_sk_alloc\" and .pointed > 0.9 * .looked_at)"
check "packets and sockets are not mixed up: seven to four" \
	"$leaks | (map(select(.account == \"skbuff_head_cache\"))[0].survivors.objects * 4 /
	 (map($socket)[0].survivors.objects * 7)) | . > 0.7 and . < 1.4"
check "what holds five others stands for them, though they are five times as many" \
	"$leaks | any(.function == \"leakstat_leak_parents\" and (.companions | length == 1) and
	 .companions[0].survivors > 4 * .survivors.objects and .companions[0].survivors < 6 * .survivors.objects and
	 .companions[0].pointed_by == .account)"
[ "$failed" -eq 0 ] || jq -c '.findings[] | {rank, verdict, account, function, survivors: .survivors.objects,
	companions: [.companions[] | [.account, .function, .survivors, .pointed_by, .pointed, .looked_at]]}' "$work/find.json"
report
