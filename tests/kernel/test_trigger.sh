#!/usr/bin/env bash
# `ullage find --trigger` on the leaks of leakstat/LEAKS: how much each run loses, and which function
# loses it, without and with a control. What stops by itself is never called a leak.
# Usage: test_trigger.sh SERIES [NAME]...   Environment: WAYS="alone control" (default: both).
# Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
series=${1:?usage: test_trigger.sh SERIES [NAME]...}
shift
ways=${WAYS:-alone control}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wanted=" $* "

grep -v '^#' "$here/leakstat/LEAKS" | while IFS=$'\t' read -r name trigger _ guilty _ bounded cache; do
	[ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || continue
	printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$guilty" "$bounded" "$cache" "$trigger"
done >"$work/rows"

# What is full at 101 and what keeps 67 can be told only by more runs than that; so can a page that
# serves sixteen runs.
times_of() {
	case $1 in
	warm | ring | fragment) echo 240 ;;
	*) echo 40 ;;
	esac
}

# Not a row: it loses its pid elsewhere, but each visit gives back what it took.
balanced="sh -c 'echo fine visitor 1 >/proc/leakctl; echo lost pid 1 >/proc/leakctl'"
trigger_of() {
	[ "$1" != balanced ] || echo "$balanced"
	awk -F'\t' -v n="$1" '$1 == n { print $5 }' "$work/rows"
}

# searches: "NAME WAY" of all that is to be run.
while IFS=$'\t' read -r name guilty _; do
	for way in $ways; do
		[ "$guilty" = - ] && [ "$way" != alone ] || echo "$name $way"
		[ "$name $way" != "visitor alone" ] || echo balanced alone
	done
done <"$work/rows" >"$work/searches"
: >"$work/out"

# script: of what has no answer yet, a machine's fill; a line of JSON each.
script() {
	local name way trigger control
	echo 'insmod /lib/modules/leakstat.ko || exit 90'
	grep -vxFf <(cut -d' ' -f1,2 "$work/out") "$work/searches" | head -n 8 | while read -r name way; do
		trigger=$(trigger_of "$name")
		control=
		[ "$way" = alone ] || control="--control $(printf %q "${trigger/lost $name/fine $name}")"
		echo "t=\$(date +%s)"
		echo "ullage find --trigger $(printf %q "$trigger") $control --times $(times_of "$name") --json >/tmp/out 2>/tmp/err || { cat /tmp/err >&2; echo '{}' >/tmp/out; }"
		echo "echo \"$name $way \$((\$(date +%s) - t)) \$(cat /tmp/out)\""
	done
	# Killed while it traces functions: nothing of it stays.
	cat <<-'EOG'
		ullage find --trigger 'echo lost request 1 >/proc/leakctl' --times 20 >/dev/null 2>&1 &
		until ls /sys/kernel/tracing/instances | grep -q calls || ! kill -0 $!; do usleep 50000; done
		kill -9 $!
		sleep 3
		echo "instances left $(ls /sys/kernel/tracing/instances | wc -l)"
	EOG
}

# A machine that dies of the emulator (boot.sh says how): said, and gone on with what is left.
deaths=0
thread=${THREAD:-multi}
while [ "$(grep -c ^ "$work/searches")" -gt "$(grep -c '^[a-z]* [a-z]* [0-9]* {' "$work/out")" ]; do
	echo "# booting Linux $series"
	script >"$work/guest.sh"
	status=0
	"$here/vm" run --kernel "$series" --thread "$thread" --timeout 900 -- "$work/guest.sh" >"$work/now" 2>"$work/err" || status=$?
	grep '^[a-z]* [a-z]* [0-9]* {.*}$' "$work/now" >>"$work/out" || true
	sed -n 's/^instances left //p' "$work/now" >>"$work/left"
	[ "$status" != 0 ] || continue
	echo "# the machine ended with status $status"
	tail -n 30 "$work/err"
	deaths=$((deaths + 1))
	[ "$deaths" -lt 2 ] || thread=single
	[ "$deaths" -lt 3 ] || break
done
[ -z "${KEEP:-}" ] || cp "$work/out" "$KEEP/trigger.$series.out"

# of NAME WAY: the document. seconds NAME WAY.
of() {
	sed -n "s/^$1 $2 [0-9]* //p" "$work/out"
}

# Findings that are about the row's cache, or have it as a companion.
# shellcheck disable=SC2016 # the variables are jq's
about='def about($c): [.account, ((.aliases // "") | split(", ")[]), .companions[].account] |
	any(. as $x | ($c | split("|")) | any(. as $k |
		($x == $k) or ($k == "pages" and $x == "unaccounted") or
		($k == "skbuff_head_cache" and $x == "skbuff_small_head") or
		($k == "cred_jar" and $x == "cred") or
		($k | startswith("kmalloc-")) and ($x | test("^kmalloc-(cg-|rcl-|rnd-[0-9]+-)?" + ($k | ltrimstr("kmalloc-")) + "$"))));'

# What every run loses, of the finding about the cache and its companions: the ratio, where there is
# one (a mean of 40 runs moves by the one object of somebody else). 16 fragments share a page.
per_run() {
	of "$1" "$2" | jq -c --arg c "$3" "$about"' def rate: if .ratio then .ratio.objects / .ratio.runs else .per_run end;
		[.findings[] | select(about($c) and .trigger.shape == "steady")][0] |
		if . == null then null else [.trigger, .companions[]] | map(rate * 1000 | round / 1000) end'
}

# Place of the guilty function among the suspects of that finding; 0: it is none of them.
place() {
	of "$1" "$2" | jq --arg c "$3" --arg g "$4" "$about"' [.findings[] | select(about($c) and .trigger.shape == "steady")][0] |
		((.suspects // []) | map(.function | sub("\\..*"; "")) | index($g)) as $at | if $at == null then 0 else $at + 1 end'
}

# Rows in which nothing that stops is called a leak.
wrongly() {
	of "$1" "$2" | jq -c --arg c "$3" "$about"' [.findings[] | select(about($c) and .verdict == "leak") | .account]'
}

# How what stops is said to stop.
stops() {
	of "$1" "$2" | jq -r --arg c "$3" "$about"' [.findings[] | select(about($c))][0] // empty |
		"\(.trigger.shape) \(.trigger.lost_with_warm_up)"'
}

# Who took a reference and who should have given it back, of that finding: "GET_CALLER PUT_CALLER".
# shellcheck disable=SC2016
balance() {
	of "$1" "$2" | jq -r --arg c "$3" "$about"' [.findings[] | select(about($c) and .trigger.shape == "steady")][0] |
		.balance[]? | "\(.get.caller // "-") \(.put.caller // "-")"'
}

# A tail call shows its caller's caller: of the module's file, turn_file for watch_open and watch_close.
check_balance() {
	local found
	found=$(balance "$1" "$2" "$3")
	case "$1 $2" in
	"visitor "*)
		ok "$1, $2: who takes the pid and who forgets it: ${found:--}" \
			grep -qx 'leakstat_visitor_enter leakstat_visitor_leave' <<<"$found"
		;;
	"file control" | "pid control" | "route control")
		ok "$1, $2: who forgets it: ${found:--}" \
			grep -qE " leakstat_(turn_(file|pid|route)|watch_close|owner_drop|route_confirm)$" <<<"$found"
		;;
	"balanced "*)
		ok "visits that give back what they took: nobody of them is accused: ${found:--}" \
			[ "${found/leakstat_visitor/}" = "$found" ]
		ok "and the pid is lost" jq -en "$(per_run "$1" "$2" "$3") | any(. == 1)"
		;;
	esac
}

among=0
asked=0
ok "no instance is left of a search that was killed" [ "$(sort -u "$work/left")" = 0 ]
printf 'leak\tway\tlost a run\tguilty is suspect\tseconds\n' >"$work/table"
while IFS=$'\t' read -r name guilty bounded cache trigger; do
	for way in $ways; do
		[ "$guilty" != - ] || [ "$way" = alone ] || continue
		seconds=$(sed -n "s/^$name $way \([0-9]*\) .*/\1/p" "$work/out")
		if [ "$bounded" = yes ]; then
			wrong=$(wrongly "$name" "$way" "$cache")
			ok "$name, $way: not called a leak without limit" [ "$wrong" = '[]' ]
			how=$(stops "$name" "$way" "$cache")
			case $name in
			quota) [ "$way" != alone ] || ok "$name, $way: stopped after 17: $how" [ "$how" = "stopped 17" ] ;;
			warm) ok "$name, $way: stopped after 101: $how" [ "$how" = "stopped 101" ] ;;
			ring) ok "$name, $way: only what is recent: $how" grep -q '^recent' <<<"$how" ;;
			esac
			printf '%s\t%s\t%s\t-\t%s\n' "$name" "$way" "${how:--}" "$seconds" >>"$work/table"
			continue
		fi
		rate=$(per_run "$name" "$way" "$cache")
		if [ "$name" = fragment ]; then
			ok "$name, $way: a page for 15 or 16 runs: $rate" jq -en "$rate | any(. > 0.05 and . < 0.08)"
		else
			ok "$name, $way: one object a run: $rate" jq -en "$rate | any(. == 1)"
		fi
		check_balance "$name" "$way" "$cache"
		[ "$name $way" != "visitor alone" ] || check_balance balanced alone "$cache"
		at=$(place "$name" "$way" "$cache" "$guilty")
		asked=$((asked + 1))
		[ "${at:-0}" -ge 1 ] && [ "$at" -le 3 ] && among=$((among + 1))
		printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$way" "$rate" "${at:-0}" "$seconds" >>"$work/table"
		[ "${at:-0}" -ge 1 ] && [ "$at" -le 3 ] || of "$name" "$way" | jq -c '.findings[0:3][] | {account, verdict, trigger: .trigger.shape, suspects: [.suspects[0:5][] | {function, score, why}]}' || true
	done
done <"$work/rows"
expand -t 12,22,44,64 "$work/table"
ok "the guilty function is among the first three suspects in $among of $asked, 80 % are asked for" \
	[ $((among * 100)) -ge $((asked * 80)) ]
report
