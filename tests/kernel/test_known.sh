#!/usr/bin/env bash
# What data/knowledge.txt knows is recognised where it happens: a program makes the situations in a guest
# (tests/known/provoke.c), `ullage trace` says what is allocated through which functions, and the shipped
# entries are asked of each. What else was allocated beside must not be taken for any of them.
# Usage: test_known.sh SERIES. Needs the built tests/known/known_test (KNOWN_TEST names it).
# Last line: "N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:?usage: test_known.sh SERIES}
known=${KNOWN_TEST:-$here/../../build/tests/known/known_test}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cc -O1 -static -D_GNU_SOURCE -o "$work/provoke" "$here/../known/provoke.c"
cat >"$work/guest.sh" <<'EOF'
insmod /lib/modules/leakstat.ko || exit 90
mkdir -p /tmp/leakfs && mount -t leakfs none /tmp/leakfs
mount -t cgroup2 none /sys/fs/cgroup && echo '+memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
mount -t tracefs none /sys/kernel/tracing 2>/dev/null
echo "before $(cat /proc/sys/fs/dentry-state)"
(
	until ls -l "/proc/$(pidof ullage)/fd" | grep -q 'bpf[-_]\(link\|raw\)'; do sleep 1; done 2>/dev/null
	sleep 5
	exec /test/provoke 200 >/tmp/made
) &
ullage trace --comm provoke --for 40s --drain 3s --json >/tmp/trace.json || exit 91
cat /tmp/made >&2
echo "groups $(grep -E '^nr_(dying_)?descendants ' /sys/fs/cgroup/cgroup.stat | tr '\n' ' ')"
echo "after $(cat /proc/sys/fs/dentry-state)"
echo "json $(cat /tmp/trace.json)"
EOF

echo "# booting Linux $series"
if ! boot "$work/out" "$work/err" --kernel "$series" --timeout 500 --add "$work/provoke" -- "$work/guest.sh"; then
	echo "not ok - the guest's script failed"
	tail -n 30 "$work/err"
	echo "0 passed, 1 failed"
	exit 1
fi
sed -n 's/^json //p' "$work/out" >"$work/trace.json"
[ -z "${KEEP:-}" ] || cp "$work/trace.json" "$KEEP/known.$series.json"
grep -E '^(not )?made' "$work/err" | sed 's/^/# /' || true

# Entry, and a function through which it is allocated. What the slab allocator takes on behalf of any is no
# situation of its own.
cat >"$work/situations" <<'EOF'
fsnotify-queue	inotify_handle_inode_event
unix-in-flight	scm_fp_dup|unix_attach_fds|__scm_send|scm_fp_copy
pipes	alloc_pipe_info|pipe_write|anon_pipe_write
bpf-maps	htab_map_alloc
perf-buffers	rb_alloc
io-uring	io_ring_ctx_alloc|io_uring_setup|io_uring_create|__io_uring_add_tctx_node
neighbours	___neigh_create|__neigh_create|neigh_alloc
dying-cgroups	mem_cgroup_css_alloc|mem_cgroup_alloc|cgroup_mkdir
printk-and-trace-buffers	__rb_allocate_pages
EOF
jq -r --rawfile table "$work/situations" '
	($table | split("\n") | map(select(. != "") | split("\t"))) as $known |
	.sites[] | select(.survivor_objects >= 100 and .account != null and (.nested | not)) |
	[.stack[].function | select(. != null)] as $frames |
	select(all($frames[]; . != "allocate_slab" and . != "alloc_slab_obj_exts")) |
	([$known[] | select(.[1] as $of | any($frames[]; test("^(" + $of + ")(\\.|$)")))][0] // null) as $is |
	select($is == null or (.account | test("^(kmalloc|unaccounted|percpu|perf_event)"))) |
	(if $is then ["is", $is[0]] else ["none", "-"] end) + [.account, ($frames | join(","))] | @tsv' \
	"$work/trace.json" >"$work/sites"
# "nr_descendants N nr_dying_descendants N", of which each pair is a line.
printf 'set\t/sys/fs/cgroup/cgroup.stat\t%s\n' \
	"$(sed -n 's/^groups //p' "$work/out" | sed -E 's/([^ ]+ [^ ]+) */\1\\n/g')" |
	cat - "$work/sites" >"$work/recorded"
while IFS=$'\t' read -r name _; do
	grep -q "^is	$name	" "$work/recorded" || printf 'is\t%s\tnot made\t-\n' "$name" >>"$work/recorded"
done <"$work/situations"
for when in before after; do
	printf 'set\t/proc/sys/fs/dentry-state\t%s\n' "$(sed -n "s/^$when //p" "$work/out" | tr '\t' ' ')"
	[ $when = before ] && printf 'not\tnegative-dentries\tdentry\t-\n'
	[ $when = before ] || printf 'is\tnegative-dentries\tdentry\t-\n'
done >>"$work/recorded"
[ -z "${KEEP:-}" ] || cp "$work/recorded" "$KEEP/known.$series.txt"
"$known" "$work/recorded"
