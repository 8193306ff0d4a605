#!/usr/bin/env bash
# Driver pages that are leaked move the ledger's `unaccounted` and the count of page flags by just as
# many pages. Usage: test_pages.sh [SERIES]   (default 6.1). Last line: "N passed, N failed".
#
# What both move by when nothing is leaked is measured first, in the same machine, and is the
# tolerance: three deviations of it, and 64 pages at the least.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
series=${1:-6.1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

singles=2003 # of order 0: a prime number of each
blocks=1009  # of order 2
leaked=$((singles + 4 * blocks))

cat >"$work/pages.sh" <<EOF
insmod /lib/modules/leakstat.ko || exit 90
sleep 2
for i in 1 2 3 4 5 6 7 8; do
	ullage account --pages --limit 1h --json || exit 91
done
echo "pages 0 $singles" >/proc/leakctl || exit 92
echo "pages 2 $blocks" >/proc/leakctl || exit 93
sleep 1
for i in 1 2 3 4 5 6 7 8; do
	ullage account --pages --limit 1h --json || exit 94
done
ullage account --pages --limit 1ms --json || exit 95
echo 'rate 20 3 0 pages 0' >/proc/leakctl
ullage find --for 30s --json || exit 96
ullage account --pages --limit 1h >&2
EOF

# Before: 0 to 7; after: 8 to 15; sampled: 16; find: 17.
# shellcheck disable=SC2016 # names of jq
common='
def mean: add / length;
def deviation: mean as $m | map((. - $m) * (. - $m)) | add / (length - 1) | sqrt;
def unaccounted: .pages.compare.unaccounted_bytes / 4096;
def unowned: .pages.compare.unowned_bytes / 4096;
def moved(figure): ([.[8:16][] | figure] | mean) - ([.[0:8][] | figure] | mean);
def noise(figure): [([.[0:8][] | figure] | deviation), ([.[8:16][] | figure] | deviation)] | max;
def tolerance(figure): [3 * noise(figure), 64] | max;
def confirmation: [.[17].findings[] | select(.kind == "pages") | .why[]] | map(select(test("page flags")));
'

# check WHAT JQ-EXPRESSION: true of all documents in one array.
check() {
	ok "$1" jq -se --argjson leaked "$leaked" "$common $2" "$work/out"
}

echo "# booting Linux $series"
if ! "$here/vm" run --kernel "$series" --timeout 400 -- "$work/pages.sh" >"$work/out" 2>"$work/err"; then
	echo "not ok - the guest's script failed"
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi
# shellcheck disable=SC2016 # names of jq
jq -sr --argjson leaked "$leaked" "$common"'
	"leaked \($leaked) pages",
	"unaccounted moved by \(moved(unaccounted) | round), deviation \(noise(unaccounted) * 10 | round / 10)",
	"page flags moved by \(moved(unowned) | round), deviation \(noise(unowned) * 10 | round / 10)",
	"page flags less unaccounted: \([.[0:16][] | unowned - unaccounted | round] | tostring)",
	"large kmalloc is marked slab: \(.[0].pages.compare.large_kmalloc_is_slab)",
	(.[16].pages | "sampled \(.read) of \(.counted): \(.compare.unowned_bytes / 4096 | round) +/- \(.compare.unowned_margin_bytes / 4096 | round)"),
	"find: \([.[17].findings[] | "\(.kind) \(.verdict)"] | tostring) \(confirmation | tostring)",
	"\([.[17].loss[].what | select(test("page"))] | tostring)"
	' "$work/out" | sed 's/^/# /'
sed -n '/Page by page/,$p' "$work/err" | sed 's/^/# /'

check 'every page is counted, none sampled' \
	'[.[0:16][].pages | .sampled == false and .read == .counted] | all'
check 'classes add up to what zones span' \
	'[.[0:16][].pages.by_zone[] | ([.classes[].pages] | add) == .spanned] | all'
# shellcheck disable=SC2016 # names of jq
check 'unaccounted moves by what was leaked' \
	'(moved(unaccounted) - $leaked | fabs) <= tolerance(unaccounted)'
# shellcheck disable=SC2016 # names of jq
check 'the page flags move by what was leaked' \
	'(moved(unowned) - $leaked | fabs) <= tolerance(unowned)'
check 'every class agrees with its counter within 1 % of MemTotal' \
	'[.[0:16][].pages.compare.rows[] | .differs == false] | all'
check 'no flag is unknown' \
	'[.[0:16][].pages.classes[] | select(.name == "unknown") | .pages == 0] | all'
check 'a sample says that it is one, and its interval holds the full count' \
	'.[16].pages.sampled and .[16].pages.read < .[16].pages.counted and
	 ((.[16] | unowned) - (.[15] | unowned) | fabs) <=
	 2 * .[16].pages.compare.unowned_margin_bytes / 4096 + 64'
check 'find has the leak confirmed by the page flags' \
	'confirmation | length > 0 and all(test("^the page flags confirm it: [0-9,]+ more pages"))'
report
