#!/usr/bin/env bash
# Does the running kernel have a fix? `ullage fixes` in a guest of each series, where only the kernel's own
# banner tells, compared with the changelog of the package the kernel came in, which the guest has not.
# Usage: test_fixes.sh [SERIES]... (default: all). Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
# shellcheck source=tests/kernel/report.sh
. "$here/report.sh"
[ $# -gt 0 ] || set -- 5.10 6.1 6.12 7.2 7.3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Function, commit, first release with the bug (all: older than any here), mainline release with the
# fix, and its title.
cat >"$work/fixes" <<'EOF'
schedstat_open	8e0bcc722289	all	3.10	fix a leak in /proc/schedstats
helper_firmware_cb	63c2391deefb	all	7.2	wifi: libertas: fix memory leak in helper_firmware_cb()
mmio_close	c1d87e724ae5	all	7.2	tracing: Fix resource leak on mmiotrace trace_pipe close
sunxi_reset_init	1a8c89f8c112	all	7.2	reset: sunxi: fix memory region leak on ioremap failure
xhci_ring_to_sgtable	49f6e3c3ef19	6.16	7.2	xhci: sideband: fix ring sg table pages leak
EOF

cat >"$work/guest.sh" <<'EOF'
cat /proc/version
for function in schedstat_open helper_firmware_cb mmio_close sunxi_reset_init xhci_ring_to_sgtable; do
	echo "json $(ullage fixes "$function" --json)"
done
EOF

# older A B: version A comes before B.
older() {
	[ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# What the changelog of the kernel's package says of a fix.
expected() {
	local since=$1 mainline=$2 title=$3
	if [ "$since" != all ] && older "$series" "$since"; then
		echo 'not affected'
	elif ! older "$series" "$mainline" || grep -qF -- "$title" "$work/changelog"; then
		echo yes
	else
		echo no
	fi
}

# The changelog of the package that the series' kernel came in; long titles are broken in it.
read_changelog() {
	local release=$1 package=$2 found
	found=$(find "${ULLAGE_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ullage-vm}" \
		-path "*/$release@$package/root/usr/share/doc/linux-*" -name changelog.Debian.gz | head -n 1)
	[ -n "$found" ] && zcat "$found" | tr -s ' \n' ' ' >"$work/changelog"
}

one_series() {
	local function commit since mainline title release package answer
	boot "$work/out" "$work/err" --kernel "$series" --timeout 300 -- "$work/guest.sh" || {
		echo "not ok - $series: the guest's script failed"
		tail -n 20 "$work/err"
		failed=$((failed + 1))
		return 0
	}
	read -r release package < <("$here/vm" kernels | awk -v s="$series" '$1 == s { print $2, $3 }')
	read_changelog "$release" "$package" || {
		echo "not ok - $series: no changelog beside the kernel"
		failed=$((failed + 1))
		return 0
	}
	sed -n 's/^json //p' "$work/out" >"$work/answers"
	equal "$series: the guest runs the package" \
		"$(sed -n 's/.*Debian \([0-9][^ ]*\) ([0-9].*/\1/p' "$work/out" | head -n 1)" "$package"
	equal "$series: it is known as that package" "$(jq -r .package "$work/answers" | sort -u)" "$package"
	while IFS=$'\t' read -r function commit since mainline title; do
		answer=$(jq -r --arg c "$commit" '.fixes[] | select(.commit == $c) | .in_this_kernel' \
			"$work/answers" | sort -u)
		equal "$series: $function, $commit" "${answer:-not named}" \
			"$(expected "$since" "$mainline" "$title")"
	done <"$work/fixes"
}

for series; do
	one_series
done
report
