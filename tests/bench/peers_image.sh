#!/bin/bash
# tests/bench/peers_image.sh BUILD DUMP VMLINUX: the objects of each slab cache of one dump by ullage,
# crash and drgn, and what each costs. The peers need the kernel's debug information (VMLINUX, of
# linux-image-VERSION-dbg); those that are not installed are left out. DRGN: how drgn is called.
set -euo pipefail

[ $# -eq 3 ] || {
	echo "usage: $0 BUILD DUMP VMLINUX" >&2
	exit 2
}
ullage=$1/ullage dump=$2 vmlinux=$3
read -ra drgn <<<"${DRGN:-drgn}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TIMEFORMAT='%U %S %R'

# timed NAME COMMAND...: its output in NAME.out, "user system real" seconds in NAME.time.
timed() {
	local name=$1
	shift
	{ time "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null; } 2>"$work/$name.time" || {
		echo "$name failed: $(tail -n 1 "$work/$name.err")" >&2
		rm -f "$work/$name.time"
	}
}

# "NAME IN-USE" of each cache, a name that comes twice added up.
sum_up() {
	awk -F '\t' '{ sum[$1] += $2 } END { for (name in sum) print name "\t" sum[name] }' | sort
}

timed ullage "$ullage" account --core "$dump" --json
jq -r '.caches[] | [.name, .objects] | @tsv' "$work/ullage.out" | sum_up >"$work/ullage.caches"

if command -v crash >/dev/null; then
	printf 'kmem -s\nquit\n' >"$work/crash.in"
	timed crash crash -s -i "$work/crash.in" "$vmlinux" "$dump"
	# CACHE OBJSIZE ALLOCATED TOTAL SLABS SSIZE NAME
	awk 'NF >= 7 && length($1) == 16 && $1 ~ /^[0-9a-f]+$/ && $3 ~ /^[0-9]+$/ { used = $3; $1 = $2 = $3 = $4 = $5 = $6 = ""
		sub(/^ +/, ""); print $0 "\t" used }' "$work/crash.out" | sum_up >"$work/crash.caches"
fi
if command -v "${drgn[0]}" >/dev/null; then
	cat >"$work/count.py" <<-'END'
		from drgn.helpers.linux.slab import for_each_slab_cache, slab_cache_for_each_allocated_object
		for cache in for_each_slab_cache(prog):
		    count = sum(1 for _ in slab_cache_for_each_allocated_object(cache, "void"))
		    print(cache.name.string_().decode(), count, sep="\t")
	END
	timed drgn "${drgn[@]}" -q -c "$dump" -s "$vmlinux" "$work/count.py"
	sum_up <"$work/drgn.out" >"$work/drgn.caches"
fi

printf '%-8s %8s %10s %10s %10s %s\n' '' caches objects 'CPU s' 'wall s' 'lines unlike ullage'
failed=0
for name in ullage crash drgn; do
	[ -s "$work/$name.time" ] || continue
	unlike=$(diff "$work/ullage.caches" "$work/$name.caches" | grep -c '^[<>]' || true)
	[ "$unlike" -eq 0 ] || failed=1
	read -r user system real <"$work/$name.time"
	awk -v name="$name" -v cpu="$(awk "BEGIN { print $user + $system }")" -v real="$real" \
		-v unlike="$unlike" -F '\t' '{ n += $2 } END {
			printf "%-8s %8d %10d %10.2f %10.2f %s\n", name, NR, n, cpu, real, unlike }' "$work/$name.caches"
done
exit "$failed"
