#!/usr/bin/env bash
# Sourced by the tests: what holds and what does not, a line each, and how many of both.
passed=0
failed=0

# ok WHAT CONDITION...: what a condition says that does not hold is shown.
ok() {
	local what=$1 says
	shift
	if says=$("$@" 2>&1); then
		echo "ok - $what"
		passed=$((passed + 1))
	else
		echo "not ok - $what"
		[ -z "$says" ] || head -n 40 <<<"$says" | sed 's/^/#   /'
		failed=$((failed + 1))
	fi
}

# equal WHAT GOT WANTED
equal() {
	if [ "$2" = "$3" ]; then
		ok "$1: $2" true
	else
		ok "$1: $2, not $3" false
	fi
}

# report: the last line of a test; false when something did not hold.
report() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
