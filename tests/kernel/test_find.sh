#!/usr/bin/env bash
# `ullage find` against kernels that lose exact amounts of memory: everything that is leaked is found
# and named, nothing else is called a leak. Usage: test_find.sh SERIES [SCENARIO...]
# Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:?usage: test_find.sh SERIES [SCENARIO...]}
shift
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Beside every leak: controls that look like leaks and are not, and the noise of a busy machine.
cat >"$work/controls" <<'EOF'
insmod /lib/modules/leakstat.ko || exit 90
mkdir -p /tmp/leakfs && mount -t leakfs none /tmp/leakfs
( while :; do cat /proc/leakstat_ok /proc/meminfo >/dev/null; done ) &
( n=0; while :; do echo x > /tmp/f$n; rm -f /tmp/f$n; : < /tmp/leakfs/none$n; n=$((n+1)); done ) 2>/dev/null &
( while :; do nc -l -p 4711 -w 1 >/dev/null & nc 127.0.0.1 4711 </dev/null >/dev/null; wait; done ) 2>/dev/null &
echo 'bounded 2003 20 23' > /proc/leakctl
echo 'list 5003' > /proc/leakctl
echo 'rcu_storm 20 50' > /proc/leakctl
echo 'bulk_storm 20 50' > /proc/leakctl
echo 'kmalloc_pairs 20 50' > /proc/leakctl
EOF

# guest NAME: controls and the leak on standard input in one script; findings go to NAME.json.
guest() {
	local name=$1
	cat "$work/controls" - >"$work/$name.sh"
	cat >>"$work/$name.sh" <<'EOF'
sleep 2
ullage find --for 30s --json || exit 91
cat /proc/leakctl >&2
EOF
	echo "# $name: booting Linux $series"
	if ! boot "$work/$name.json" "$work/$name.err" --kernel "$series" --timeout 400 -- "$work/$name.sh"; then
		echo "not ok - $name: the guest's script failed"
		tail -n 30 "$work/$name.err"
		failed=$((failed + 1))
		return 1
	fi
}

# check NAME WHAT JQ-EXPRESSION: the expression must be true of NAME.json.
check() {
	local name=$1 what=$2 expression=$3
	if jq -en "input | $expression" "$work/$name.json" >/dev/null; then
		echo "ok - $name: $what"
		passed=$((passed + 1))
	else
		echo "not ok - $name: $what"
		jq '{findings: [.findings[] | {rank, kind, account, verdict, confidence, function,
			processes: (.site.processes? // [])[0:3], survivors, companions,
			text: (.patterns[0].text? // "")[0:100], why}], loss}' "$work/$name.json" || true
		failed=$((failed + 1))
	fi
}

# Controls and bystanders are in no leak finding: every leak names one of the functions in $2.
only_leaks() {
	check "$1" "nothing but the leak is called one" \
		"[.findings[] | select(.verdict == \"leak\") | .function // \"?\"] -
		 ($2) == []"
}

scenario_seq_file() {
	guest seq_file <<'EOF' || return 0
( while :; do cat /proc/leakstat >/dev/null; done ) &
EOF
	check seq_file "the leak is first" '.findings[0].verdict == "leak"'
	check seq_file "of kind slab" '.findings[0].kind == "slab"'
	check seq_file "the seq_file, which points to its buffer" \
		'.findings[0] | .account == "seq_file" and .site.function == "seq_open"'
	check seq_file "by cat" '.findings[0].site.processes[0].comm == "cat"'
	check seq_file "with the buffer, allocated in the read path of seq_file" \
		'[.findings[0].companions[] | select(.account | test("^kmalloc-(cg-|rnd-[0-9]+-)?4k$"))] |
		 length == 1 and (.[0] | .pointed_by == "seq_file" and (.function | test("^seq_read")))'
	check seq_file "the buffers hold the file's words" \
		'[.findings[0].companions[].patterns[0] | select(.kind == "text" and .share > 0.9) | .text] |
		 any(test("version 15") and test("timestamp"))'
	check seq_file "the file and the release that forgets are named" \
		'.findings[0].release | .file == "/proc/leakstat" and .function == "leakstat_release"'
	check seq_file "survivors agree with the growth of the cache" \
		'.findings[0].survivors | .objects > 50 and
		 .account_grew_objects > 0.7 * .objects and .account_grew_objects < 1.5 * .objects'
	only_leaks seq_file '["seq_read_iter", "seq_read", "seq_open"]'
}

scenario_pages() {
	guest pages <<'EOF' || return 0
echo 'rate 20 1 0 pages 0' > /proc/leakctl
echo 'rate 50 1 0 pages 2' > /proc/leakctl
EOF
	check pages "the leak is first" \
		'.findings[0] | .verdict == "leak" and .kind == "pages" and .account == "unaccounted"'
	check pages "named by its function and module" \
		'.findings[0].site | .function == "leakstat_leak_pages" and .module == "leakstat"'
	check pages "both orders are seen" \
		'[.findings[] | select(.verdict == "leak") | .site.object_bytes] | sort ==
		 [4096, 16384]'
	check pages "their text is read" '.findings[0].patterns[0].text | test("leakstat pages")'
	only_leaks pages '["leakstat_leak_pages"]'
}

scenario_cache() {
	guest cache <<'EOF' || return 0
echo 'rate 20 1 0 cache' > /proc/leakctl
EOF
	check cache "the leak is first" \
		'.findings[0] | .verdict == "leak" and .kind == "slab" and .account == "leakstat_obj"'
	check cache "named by its function and module" \
		'.findings[0].site | .function == "leakstat_leak_cache" and .module == "leakstat"'
	check cache "its objects point to the module's operations" \
		'[.findings[0].patterns[0].words[] | select(.symbol != null) | .symbol] |
		 any(test("leakstat_obj_ops"))'
	only_leaks cache '["leakstat_leak_cache"]'
}

scenario_vmalloc() {
	guest vmalloc <<'EOF' || return 0
echo 'rate 100 1 0 vmalloc 20480' > /proc/leakctl
EOF
	check vmalloc "the leak is first, by its caller" \
		'.findings[0] | .verdict == "leak" and .kind == "vmalloc" and
		 .function == "leakstat_leak_vmalloc" and .module == "leakstat"'
	check vmalloc "its areas are traced by probes, with no event at all" \
		'.findings[0].site | any(.stack[]; .function == "leakstat_thread")'
	only_leaks vmalloc '["leakstat_leak_vmalloc"]'
}

scenario_controls() {
	guest controls </dev/null || return 0
	check controls "no leak where there is none" \
		'[.findings[] | select(.verdict == "leak")] == []'
}

scenarios=("$@")
[ ${#scenarios[@]} -gt 0 ] || scenarios=(seq_file pages cache vmalloc controls)
for scenario in "${scenarios[@]}"; do
	"scenario_$scenario"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
