#!/bin/bash
# tests/json.sh ULLAGE: ask jq what it thinks of the documents, and check the books in them.
set -u

ullage=$1
command -v jq >/dev/null || { echo "no jq"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# holds NAME FILTER FILE: the jq filter is true of the document.
holds() {
	if [ -s "$3" ] && jq -e "$2" "$3" >/dev/null 2>"$work/jq"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1: $2"
		cat "$work/jq"
		head -c 300 "$3"
		echo
	fi
}

document() {
	local name=$1 command=$2
	holds "$command: schema" ".schema == \"ullage/$command/1\"" "$name"
	holds "$command: kernel" '.kernel.release and .kernel.arch' "$name"
	holds "$command: loss" '[.loss[] | .what and has("count") and .bias] | all' "$name"
	holds "$command: one document" 'true' "$name"
	[ "$(jq -s length "$name")" -eq 1 ] || failed=$((failed + 1))
}

"$ullage" account --json >"$work/account" || failed=$((failed + 1))
document "$work/account" account
# jq counts in doubles: exact to 2^53, which is 8 PiB.
holds 'the books balance' '([.accounts[].bytes] | add) + .unaccounted.bytes == .mem_total' "$work/account"
holds 'the rest is within its range' '.unaccounted | .low <= .bytes and .bytes <= .high' "$work/account"
holds 'MemTotal is the kernel'\''s' ".mem_total == $(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) * 1024" "$work/account"

# The case's own fix, and what a kernel has of one that came late to its series: by its version alone.
"$ullage" fixes schedstat_open --json >"$work/fixes" || failed=$((failed + 1))
document "$work/fixes" fixes
holds 'the fix of the case' '.fixes[0] | .commit == "8e0bcc722289" and .in_this_kernel == "yes"' "$work/fixes"
for release in 'Debian 6.1.182-1 no' 'Debian 6.1.183-1 yes' '6.1.182 no' '6.1.0-99-generic unknown' \
	'6.1.182+ unknown' 'Debian 6.1.182-1kali1 unknown' '7.2 yes'; do
	"$ullage" fixes helper_firmware_cb --release "${release% *}" --json >"$work/fixes" || failed=$((failed + 1))
	holds "$release" ".fixes[0] | .commit == \"63c2391deefb\" and .in_this_kernel == \"${release##* }\"" "$work/fixes"
done

"$ullage" account --pages --limit 1h --json >"$work/pages" || failed=$((failed + 1))
document "$work/pages" account
if [ "$(id -u)" -eq 0 ] && [ -r /proc/kpageflags ]; then
	holds 'classes of pages add up' '[.pages.by_zone[] | ([.classes[].pages] | add) == .spanned] | all' "$work/pages"
	holds 'nothing was sampled' '.pages.sampled == false and ([.pages.classes[] | .low == .bytes and .high == .bytes] | all)' "$work/pages"
	holds 'runs are the driver pages' '([.pages.driver_runs[].bytes] | add) == .pages.compare.driver_bytes' "$work/pages"
	holds 'the subtraction' '.pages.compare | .driver_bytes - .explained_bytes - .unowned_bytes | fabs < 2' "$work/pages"
else
	holds 'pages, or why not' '.pages == null and ([.loss[].what] | any(test("pages are not counted")))' "$work/pages"
fi

# The page array read as memory and the flags in /proc: two ways to the same classes. What moves
# between the two is allowed for: 2 % of memory. Pages on per-CPU lists are the first one's free pages
# and the second one's pages of no owner.
"$ullage" account --pages --json >"$work/walked" || failed=$((failed + 1))
document "$work/walked" account
if [ "$(id -u)" -eq 0 ] && [ "$(jq -r '.pages.source' "$work/walked")" = 'page array' ]; then
	holds 'classes of pages add up' '[.pages.by_zone[] | ([.classes[].pages] | add) == .spanned] | all' "$work/walked"
	jq -s '[.[] | .mem_total as $all | .pages.classes | map({key: .name, value: (.bytes / $all)}) | from_entries |
		.free += .driver + .zero_page + .reserved | del(.driver, .zero_page, .reserved)] as [$a, $b] |
		[$a | keys[] | {key: ., value: (($a[.] - $b[.]) | fabs)}] | from_entries' \
		"$work/walked" "$work/pages" >"$work/apart" || failed=$((failed + 1))
	holds 'the page array and the flags agree' '[.[] < 0.02] | all' "$work/apart"
fi

"$ullage" account --holders --json >"$work/holders" || failed=$((failed + 1))
holds 'holders beside the ledger' '.holders | .fds_looked_at > 0 and (.processes | length) > 0 and (.files, .cgroups, .queues, .segments | type == "array")' "$work/holders"
holds 'the books balance' '([.accounts[].bytes] | add) + .unaccounted.bytes == .mem_total' "$work/holders"

"$ullage" --json >"$work/overview" || failed=$((failed + 1))
document "$work/overview" overview
holds 'the books balance' '([.accounts[].bytes] | add) + .unaccounted.bytes == .mem_total' "$work/overview"

"$ullage" grow --json --for 1s --every 200ms >"$work/grow" || failed=$((failed + 1))
document "$work/grow" grow
holds 'samples' '.samples >= 4 and .window_s > 0.5' "$work/grow"
holds 'verdicts' '[.accounts[].verdict | IN("leak-like", "filling", "step", "flat", "too-short")] | all' "$work/grow"

"$ullage" doctor --json >"$work/doctor" || failed=$((failed + 1))
document "$work/doctor" doctor
holds 'states' '[.checks[].state | IN("ok", "limited", "missing")] | all' "$work/doctor"

"$ullage" record --json -o "$work/r.ullage" --for 1s --every 200ms >"$work/record" || failed=$((failed + 1))
document "$work/record" record

# Pretty or not, the same document.
"$ullage" account --pretty "$work/r.ullage" >"$work/pretty" || failed=$((failed + 1))
"$ullage" account --json "$work/r.ullage" >"$work/plain" || failed=$((failed + 1))
if [ "$(jq -cS . "$work/pretty")" = "$(jq -cS . "$work/plain")" ] && [ "$(wc -l <"$work/plain")" -eq 1 ]; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo 'FAILED: --pretty says something else than --json'
fi

# Kernel memory: of the running kernel where it may be read, else the reason.
# memory NAME COMMAND...: true when there is a document, not an error.
memory() {
	local name=$1
	shift
	"$ullage" "$@" --json >"$work/$name" 2>/dev/null && { document "$work/$name" "$1"; return; }
	holds "$1: why not" '.error.exit_code | IN(4, 5)' "$work/$name"
	return 1
}
if memory orphans orphans --for 100ms; then
	holds 'all that is allocated is reachable or not' '.objects | .allocated == .reachable + .orphans' "$work/orphans"
	holds 'groups and suppressed ones are all orphans' '([.groups[].orphans] | add // 0) + .objects.suppressed == .objects.orphans' "$work/orphans"
	holds 'members are counted' '[.groups[] | .orphans == (.members | length) and .strong == .orphans - (.weak_members | length)] | all' "$work/orphans"
	holds 'grades and roles' '[.groups[] | (.grade | IN("strong", "stale", "weak", "unreached-page")) and (.role | IN("direct", "indirect", "cycle"))] | all' "$work/orphans"
	holds 'two looks and a search or more' '.scan.looks == 2 and .scan.searches >= 1 and .scan.bytes > 0 and .image.live' "$work/orphans"
fi
# A function: it is in no object, and tables of functions refer to it.
function=$(sed -n 's/^\([0-9a-f]*\) [tT] seq_read$/\1/p' /proc/kallsyms)
if memory whatis whatis "$function" 1234; then
	holds 'a function' '.addresses[0] | .symbol == "seq_read" and .symbol_offset == 0 and .object == null' "$work/whatis"
	holds 'nothing' '.addresses[1] | .symbol == null and .object == null and .address == "0x1234"' "$work/whatis"
fi
if memory refs refs -n 3 --path "$function"; then
	holds 'who refers to it' '.targets[0] | .target.symbol == "seq_read" and (.references | length) > 0 and (has("path") | not)' "$work/refs"
	holds 'each says from where' '[.targets[0].references[] | (.where | IN("root", "object", "stale", "register")) and (.from.address // "" | startswith("0xffff"))] | all' "$work/refs"
	holds 'those beyond -n are counted' '.left_out >= 0' "$work/refs"
fi

# A site of a live trace, looked at again after some of what it left was closed. In each open file of
# /proc/PID/status is one seq_file; what is freed must not vote for this process any more.
if [ "$(id -u)" -eq 0 ] && [ "$(jq -r '.image.live' "$work/orphans")" = true ]; then
	mkfifo "$work/go" "$work/ready"
	# shellcheck disable=SC2016 # for the shell that is started here
	bash -c 'read -r _ <"$1"; for i in {1..53}; do exec {fd}</proc/self/status; done
		for i in {1..20}; do exec {fd}</proc/self/status; gone+=("$fd"); done; echo >"$2"
		read -r _ <"$1"; for fd in "${gone[@]}"; do exec {fd}<&-; done; echo >"$2"; read -r _ <"$1"' \
		_ "$work/go" "$work/ready" &
	holder=$!
	"$ullage" trace --slab --pid "$holder" --for 2m --drain 1s -q -r "$work/held.ullage" >"$work/held" 2>&1 &
	tracer=$!
	for _ in {1..300}; do # until its programs are attached
		find "/proc/$tracer/fd" -lname '*bpf_link*' 2>/dev/null | grep -q . && break
		sleep 0.1
	done
	sleep 0.5
	echo >"$work/go"
	read -r _ <"$work/ready"
	kill -TERM "$tracer"
	wait "$tracer" || failed=$((failed + 1))
	echo >"$work/go"
	read -r _ <"$work/ready"
	"$ullage" inspect --recording "$work/held.ullage" --site seq_open --json >"$work/site" || failed=$((failed + 1))
	echo >"$work/go"
	document "$work/site" inspect
	holds 'every survivor is something now' '.survivors | .sites == 1 and .with_address == 73 and .there + .freed + .reused + .unknown + .no_object == 73' "$work/site"
	holds 'what is open is there' '.chosen == .survivors.there and .survivors.there >= 53 - .survivors.unknown' "$work/site"
	holds 'they are of the type' '.types[0].type == "struct seq_file" and .types[0].objects == .chosen' "$work/site"
	holds 'what was closed does not vote' "53 - ([.identities[] | select(.identity == \"/proc/$holder/status\") | .objects] | add) | . >= 0" "$work/site"
	holds 'what is open does' "53 - ([.identities[] | select(.identity == \"/proc/$holder/status\") | .objects] | add) <= .survivors.unknown" "$work/site"
fi

# Addresses of another kernel or boot are looked up nowhere.
if [ "$(id -u)" -eq 0 ] && [ "$(jq -r '.image.live' "$work/orphans")" = true ]; then
	"$ullage" inspect --recording "$(dirname "$0")/fuzz/corpus/record/survivors-of-a-boot" --json >"$work/other" 2>/dev/null
	holds 'another kernel or boot' '.error | .exit_code == 2 and (.message | test("another (kernel|boot)"))' "$work/other"
fi

# A recorded trace is shown as it was when it was taken.
"$ullage" import "$(dirname "$0")/golden/traces/pipes.trace" -o "$work/pipes.ullage" --json >"$work/imported" ||
	failed=$((failed + 1))
"$ullage" trace "$work/pipes.ullage" --json >"$work/again" || failed=$((failed + 1))
document "$work/again" trace
jq -s . "$work/imported" "$work/again" >"$work/both"
holds 'the sites of a recorded trace' '(.[0].sites | length) > 0 and .[0].sites == .[1].sites' "$work/both"
holds 'and its losses' '.[0].loss == .[1].loss' "$work/both"

# An error is a document, too.
"$ullage" account --json "$work/absent" >"$work/error" 2>/dev/null
holds 'an error object' '.error.exit_code == 1 and (.error.message | test("absent"))' "$work/error"
"$ullage" --json frobnicate >"$work/error" 2>/dev/null
holds 'a usage error object' '.error.exit_code == 2' "$work/error"

# A process whose name is no text.
cp "$(command -v sleep)" "$work/$(printf 'a\033\377"b')"
"$work/$(printf 'a\033\377"b')" 60 &
sleeper=$!
"$ullage" account --json >"$work/odd" || failed=$((failed + 1))
kill "$sleeper"
holds 'an odd comm' '[.processes[].comm | select(startswith("a\u001b"))] | length == 1' "$work/odd"

# A recorded trace: 73 pipe buffers allocated, 20 freed (tests/golden/traces/README.md).
traces=$(dirname "$0")/golden/traces
for form in trace report perf dat; do
	"$ullage" import "$traces/pipes.$form" --drain 1ms --json >"$work/import" 2>"$work/why" || {
		grep -q 'reads no trace.dat' "$work/why" && continue
		failed=$((failed + 1))
	}
	document "$work/import" import
	holds "pipes.$form" '[.sites[] | select(.function | startswith("alloc_pipe_info"))] | length == 1 and (.[0] | .allocated == 73 and .freed == 20 and .live_objects == 53 and .cache == "kmalloc-cg-1k" and .live_bytes == 53 * 1024)' "$work/import"
	holds "pipes.$form" '.events == 113 and .format != "unknown" and .file == null' "$work/import"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
