#!/usr/bin/env bash
# The free path: `ullage find` says how buffers of seq_file are freed as a rule, and what those have in
# common that are not; and, as `orphans` and `inspect` do of a dump of the same machine, the /proc file and
# the release that forgets them, though neither is on an allocation's stack, and though another file that
# does release shares its operations. Usage: test_freepath.sh SERIES. Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:?usage: test_freepath.sh SERIES}
passed=0
failed=0
ullage=${ULLAGE_BINARY:-$here/../../build/ullage}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Beside the leak: others that open, read and close files of seq_file, and do free.
cat >"$work/guest.sh" <<'EOF'
insmod /lib/modules/leakstat.ko || exit 90
( while :; do cat /proc/leakstat_ok >/dev/null; sleep 0.05; done ) &
( while :; do cat /proc/meminfo /proc/self/maps /proc/mounts /proc/modules >/dev/null; sleep 0.05; done ) &
( while :; do cat /proc/leakstat >/dev/null; done ) &
sleep 2
ullage find --for 30s -r /tmp/case.ullage --json >/tmp/live.json || exit 91
ullage find --json /tmp/case.ullage >/tmp/recorded.json || exit 92
cat /tmp/live.json /tmp/recorded.json
echo recording
base64 /tmp/case.ullage
EOF

echo "# booting Linux $series"
if ! boot "$work/out" "$work/err" --kernel "$series" --timeout 400 --dump "$work/dump.elf" -- \
	"$work/guest.sh"; then
	echo "not ok - the guest's script failed"
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi
sed '/^recording$/,$d' "$work/out" >"$work/both.json"
sed '1,/^recording$/d' "$work/out" | base64 -d >"$work/case.ullage"
"$ullage" orphans --core "$work/dump.elf" --json >"$work/orphans.json"
"$ullage" inspect --core "$work/dump.elf" --orphans --cache seq_file --json >"$work/inspect.json"
"$ullage" inspect --core "$work/dump.elf" --recording "$work/case.ullage" --site seq_open --json >"$work/site.json"
jq -n '[inputs] | {live: .[0], recorded: .[1], orphans: .[2], inspect: .[3], site: .[4]}' "$work/both.json" \
	"$work/orphans.json" "$work/inspect.json" "$work/site.json" >"$work/case.json"

check() {
	if jq -e "$2" "$work/case.json" >/dev/null; then
		echo "ok - $1"
		passed=$((passed + 1))
	else
		echo "not ok - $1"
		failed=$((failed + 1))
		jq '.live.findings[0] | {account, verdict, function, survivors, companions, release,
			suspects: .suspects[:2], free_path: (.free_path | del(.stack)), why}' "$work/case.json"
	fi
}

check "the leak is first, under the object that points to the rest" \
	'.live.findings[0] | .verdict == "leak" and .account == "seq_file" and .function == "seq_open"'
check "such buffers are freed in the release of seq_file" \
	'.live.findings[0].free_path.usual | test("^seq_release")'
check "its stack is known" \
	'[.live.findings[0].free_path.stack[].function] | any(test("__fput"))'
check "the buffers are lost with the seq_files, which point to them" \
	'[.live.findings[0].companions[] | select(.account | test("4k$"))] |
	 length == 1 and (.[0] | .pointed_by == "seq_file" and .pointed > 0.9 * .looked_at)'
check "in no other finding" \
	'[.live.findings[1:][] | .account, .companions[].account] | all(test("seq_file|4k$") | not)'
check "as many as the buffers, by number and by growth" \
	'.live.findings[0] | .companions[0].survivors > 0.9 * .survivors.objects and
	 .companions[0].survivors < 1.1 * .survivors.objects'
check "operations that freed ones have, too, are no difference" \
	'[.live.findings[0].free_path.differences[].what] | all(. != "leakstat_seq_ops [leakstat]")'
guilty='.file == "/proc/leakstat" and .function == "leakstat_release" and .module == "leakstat" and
	.never_calls == "seq_release"'
check "the file and the release that forgets are named" ".live.findings[0].release | $guilty"
check "the release is the first suspect" \
	'.live.findings[0].suspects[0] | .function == "leakstat_release" and .module == "leakstat"'
check "the sentence names both" \
	'.live.findings[0].free_path.missing |
	 test("leakstat_release \\[leakstat\\], the release of /proc/leakstat, was not seen to call seq_release")'
check "neither is on an allocation stack" \
	'[.live.findings[0].site.stack[].function] | all(. != "leakstat_release" and . != "leakstat_open")'
check "the orphans of a dump name both" \
	"[.orphans.groups[] | select(.cache | test(\"seq_file\")) | .release // {}] | any($guilty)"
check "the contents in a dump name both" "[.inspect.identities[].release // {}] | any($guilty)"
check "the survivors of the recording are still there in the dump" \
	'.site.survivors | .sites == 1 and .with_address > 16 and .there > 0.9 * .with_address'
check "their contents name both" "[.site.identities[].release // {}] | any($guilty)"
check "the file that does release is not accused" \
	'[.. | .release? // {} | .file?] | all(. != "/proc/leakstat_ok")'
check "in the dump the buffers hang from the seq_files" \
	".orphans.groups as \$all | [\$all[] | select(.cache | test(\"4k\$\")) | .hangs_from[] | \$all[.].cache] |
	 any(test(\"seq_file\"))"
# Without memory to read, numbers join them: under the buffers, which grow most.
check "a recording keeps who frees, and what is lost together" \
	'.recorded.findings[0] | (.free_path.usual | test("^seq_release")) and .free_path.freed > 16 and
	 ([.account, .companions[].account] | any(test("seq_file")) and any(test("4k$")))'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
