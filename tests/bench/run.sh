#!/bin/bash
# tests/bench/run.sh ULLAGE: every measurement of docs/method/costs.md, each a small table with the
# bound beside it. As root, on a machine where BPF works; about ten minutes. MEMLEAK=PATH sets
# libbpf-tools memleak beside the tracer. Nothing here fails for being slow: read the tables.
#
#   tests/bench/run.sh ULLAGE              all
#   tests/bench/run.sh ULLAGE trace ...    only these: growth, trace, build, account, balance, image
#
# `image` reads live memory, and the dumps named by IMAGES="FILE ..." beside libkdumpfile.
set -eu

ullage=$(realpath "$1")
build=$(dirname "$ullage")
bench=$(dirname "$(realpath "$0")")
shift
[ $# -gt 0 ] || set -- growth trace build account balance
churning=()

programs=(growth_rates storm trace_mode sleepers balance churn)
ninja -C "$build" "${programs[@]/#/tests/bench/}" >/dev/null

end_churn() {
	[ ${#churning[@]} -eq 0 ] || kill "${churning[@]}" 2>/dev/null || true
	churning=()
}
trap end_churn EXIT

balance() {
	local sort
	echo "10,000 samples beside churn of processes, files, sockets, mappings, tmpfs"
	for sort in fork file socket mmap tmpfs; do
		nice -n 10 "$build/tests/bench/churn" "$sort" 1000000000 &
		churning+=($!)
	done
	"$build/tests/bench/balance" 10000
	end_churn
}

for what; do
	echo "== $what"
	case $what in
	growth) "$build/tests/bench/growth_rates" ;;
	trace) "$bench/trace_cost.py" "$build" ;;
	build) "$bench/build_cost.py" "$build" ;;
	account) "$bench/account_cost.py" "$build" ;;
	balance) balance ;;
	image)
		ninja -C "$build" tests/bench/image_read >/dev/null
		"$build/tests/bench/image_read"
		# shellcheck disable=SC2086 # names of files, no spaces in them
		[ -z "${IMAGES:-}" ] || "$build/tests/bench/image_read" $IMAGES
		;;
	*)
		echo "run.sh: no measurement called '$what'" >&2
		exit 2
		;;
	esac
	echo
done
