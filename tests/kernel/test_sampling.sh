#!/usr/bin/env bash
# The error bar of a sampled trace: RUNS times a module loses a known number of objects while only a share
# of all addresses is recorded; the estimate's 95 % interval must hold the truth in all but so few runs
# as chance allows. Usage: test_sampling.sh [SERIES [RUNS]]   (6.1, 50)   Last line: "N passed, N failed".
# BUDGET=20 is the share of the processors in percent: an emulated one takes ten times as long for a
# record. With TABLE=FILE the runs are added to those that FILE has from before and judged together with
# them: fifty need not be made at one time.
#
# Chance: of 50 intervals that are right 19 times of 20, fewer than 43 hold the truth once in 300 tries
# (binomial); of N the bound is the largest whose probability is below that.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:-6.1}
runs=${2:-50}
objects=2003
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/guest.sh" <<EOG
runs=$runs objects=$objects BUDGET=${BUDGET:-20}
EOG
cat >>"$work/guest.sh" <<'EOG'
insmod /lib/modules/leakstat.ko || exit 90
# A load, so that the budget does not allow everything.
echo 'kmalloc_pairs 5 200' >/proc/leakctl
echo 'rcu_storm 20 50' >/proc/leakctl
run=0
while [ $run -lt $runs ]; do
	run=$((run + 1))
	before=$(sed -n 's/^cache objects=\([0-9]*\) .*/\1/p' /proc/leakctl)
	ullage trace --slab --budget cpu=$BUDGET% --for 10m --json >/tmp/trace.json 2>/tmp/err &
	until ls -l "/proc/$!/fd" | grep -q 'bpf[-_]\(link\|raw\)'; do usleep 300000; done 2>/dev/null
	sleep 3 # the share has found its level by then
	echo "cache $objects" >/proc/leakctl
	kill -INT $! # recording ends behind the last object, however slow the machine
	wait $! || { cat /tmp/err; exit 91; }
	after=$(sed -n 's/^cache objects=\([0-9]*\) .*/\1/p' /proc/leakctl)
	echo "$((after - before)) $(cat /tmp/trace.json)"
done
EOG
if ! boot "$work/out" "$work/err" --kernel "$series" --timeout $((120 + runs * 40)) -- "$work/guest.sh"; then
	echo "not ok - the guest's script failed"
	tail -n 20 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi

# One line a run: truth, share, estimate, its error. No record at all holds whatever the score interval
# of none does: z^2 (1 - p) / p.
while read -r truth document; do
	jq -r --argjson truth "$truth" '. as $d | [.sites[] | select(any(.stack[]?; .function == "leakstat_leak_cache"))] |
		[$truth, $d.share, (map(.survivor_objects) | add // 0),
		 (map(.survivor_error * .survivor_error) | add // (3.8416 * (1 / $d.share - 1) | . * .) | sqrt)] |
		@tsv' <<<"$document"
done <"$work/out" | tee "$work/table"
if [ -n "${TABLE:-}" ]; then
	cat "$work/table" >>"$TABLE"
	cp "$TABLE" "$work/table"
	runs=$(wc -l <"$work/table")
fi

awk -v runs="$runs" '
	{ n++; if (($3 - $1) ^ 2 <= $4 ^ 2) inside++; sum += $3 / $1; share += $2; if ($2 < 1) sampled++; error += $4 / $1 }
	END {
		if (!n) { print "not ok - no runs"; exit 1 }
		# The largest bound below which chance falls with less than 1/300.
		bound = 0; cumulated = 0
		for (k = 0; k <= n; k++) {
			log_p = 0
			for (i = 1; i <= k; i++) log_p += log(n - k + i) - log(i)
			cumulated += exp(log_p + k * log(0.95) + (n - k) * log(0.05))
			if (cumulated > 1 / 300) { bound = k; break }
		}
		printf "# %d runs, share %.4f, estimate / truth %.4f on average, error bar %.1f %% of the truth\n", n, share / n, sum / n, 100 * error / n
		ok = 0
		good = inside >= bound; ok += good
		printf "%s - %d of %d intervals hold the truth, at least %d\n", good ? "ok" : "not ok", inside, n, bound
		good = sampled == n; ok += good
		printf "%s - %d of %d runs were sampled\n", good ? "ok" : "not ok", sampled, n
		good = n == runs; ok += good
		printf "%s - %d of %d runs\n", good ? "ok" : "not ok", n, runs
		printf "%d passed, %d failed\n", ok, 3 - ok
		exit ok < 3
	}' "$work/table"
