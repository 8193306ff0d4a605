#!/usr/bin/env bash
# Memory dumps of a kernel of which the truth is known, for whatever reads images:
# dump.sh SERIES DIRECTORY [NAME [OPTION of vm run]...]. NAME (default SERIES) begins each file's name.
#
# The machine has a mixed load behind it and around it: processes that sleep in system calls, open
# files, tmpfs, pipes, connected sockets, cgroups, network namespaces, file systems and drivers as
# modules. The module has lost what it can lose, and holds what looks lost and is not.
#   NAME.elf          the dump, as QEMU writes it, with a VMCOREINFO note
#   NAME.slabinfo     /proc/slabinfo of the moment before
#   NAME.leakctl      what the module lost and holds, by kind: "NAME objects=N bytes=N"
#   NAME.truth        each object: "KIND ADDRESS BYTES"; the kinds held_*, weak_*, kept_* are no orphans
#                     (leakstat.h says how each differs), all others are
#   NAME.charged      "KIND CGROUP": what was lost in a memory cgroup
#   NAME.kallsyms, .iomem, .vmallocinfo, .meminfo, .modules, .buddyinfo, .version
# The options may name further dumps of the same instant: --dump FILE --dump-format kdump-zlib.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:?usage: dump.sh SERIES DIRECTORY [NAME [OPTION]...]}
directory=${2:?usage: dump.sh SERIES DIRECTORY [NAME [OPTION]...]}
shift 2
name=$series
if [ $# -gt 0 ]; then
	name=$1
	shift
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$directory"

# Modules without a device of their own; they bring caches, tables and areas.
modules=(ext4 xfs overlay veth bridge nf_tables nf_conntrack tun loop dm_mod)

cat >"$work/guest.sh" <<'EOG'
insmod /lib/modules/leakstat.ko || exit 90
ctl=/proc/leakctl
echo record 30000 >$ctl

# What stays: each of these is asleep in the kernel, somewhere else.
sleep 1000 &
cat /dev/zero | (sleep 1000) &
mkfifo /tmp/pipe
cat /tmp/pipe >/dev/null &
sleep 1000 >/tmp/pipe &
nc -l -p 4711 >/dev/null &
sleep 1
(sleep 1000 | nc 127.0.0.1 4711 >/dev/null) &
tail -f /etc/passwd /etc/group >/dev/null &
unshare -n sh -c 'ip link set lo up; ip link add name a type veth; ip addr add 10.9.8.7/24 dev a; ip link set a up; exec sleep 1000' &
unshare -m sh -c 'mount -t tmpfs inner /mnt; echo inside >/mnt/file; exec sleep 1000' &
mount -t cgroup2 none /sys/fs/cgroup
echo '+memory +pids +cpu' >/sys/fs/cgroup/cgroup.subtree_control
for i in 1 2 3 4 5 6 7; do
	mkdir -p /sys/fs/cgroup/g$i/inner
	sh -c 'echo $$ >/sys/fs/cgroup/g'$i'/cgroup.procs; exec sleep 1000' &
done
brctl addbr br0
mount -t tmpfs -o size=64m load /mnt
i=0; while [ $i -lt 500 ]; do echo "file $i" >/mnt/file$i; i=$((i + 1)); done
dd if=/dev/zero of=/mnt/disk bs=1M count=24 2>/dev/null

# What goes again.
i=0; while [ $i -lt 300 ]; do : </etc/passwd; ls /mnt >/dev/null; cat /proc/leakstat_ok >/dev/null; i=$((i + 1)); done
i=0; while [ $i -lt 40 ]; do unshare -n true; mkdir /sys/fs/cgroup/t$i; rmdir /sys/fs/cgroup/t$i; i=$((i + 1)); done
i=0; while [ $i -lt 200 ]; do rm /mnt/file$i; i=$((i + 1)); done
echo 'rcu_storm 20 50' >$ctl; echo 'bulk_storm 20 50' >$ctl; echo 'kmalloc_pairs 20 50' >$ctl

# What is lost, and what is held.
# The seq_files in a cgroup, as a container would: they are charged to it.
job=/sys/fs/cgroup/test.slice/job-17
mkdir -p ${job%/*}
echo '+memory' >${job%/*}/cgroup.subtree_control
mkdir -p $job
sh -c 'echo $$ >'$job'/cgroup.procs
	i=0; while [ $i -lt 53 ]; do cat /proc/leakstat >/dev/null; i=$((i + 1)); done'
echo 'seq_file /test.slice/job-17' >/tmp/charged
for command in 'kmalloc 272 1009' 'kmalloc 32 307' 'kmalloc 4096 61' 'kmalloc 65536 11' 'cache 503' \
	'cache_merged 211' 'pages 0 67' 'pages 2 13' 'vmalloc 20480 17' 'percpu 256 53' 'list 1013' \
	'orphan_list 199 1' 'pairs 307' 'cycles 5 41' 'parents 3 59' 'skbs 1500 101' 'hold all 61' \
	'lost request 37' 'lost job 41' 'lost session 43' 'lost name 47' 'lost fragment 23' 'lost route 29' \
	'lost socket 19' 'lost skb 31' 'lost quota 20' 'lost warm 300' 'lost ring 300'; do
	echo "$command" >$ctl || exit 91
done
i=0
while [ $i -lt 13 ]; do
	(echo lost cred 1 >$ctl)
	(echo lost pid 1 >$ctl)
	(echo lost task 1 >$ctl)
	(exec 5</etc/passwd; echo lost file 1 5 >$ctl)
	: >/tmp/gone$i
	echo "lost dentry 1 /tmp/gone$i" >$ctl
	rm /tmp/gone$i
	i=$((i + 1))
done
echo 'bounded 401 10 10' >$ctl
sleep 3
i=0; while [ $i -lt 300 ]; do cat /proc/meminfo >/dev/null; i=$((i + 1)); done
echo stop >$ctl
sleep 2

cd /tmp
uname -r >version
cat /proc/kallsyms >kallsyms
cat /proc/iomem >iomem
cat /proc/modules >modules
cat /proc/vmallocinfo >vmallocinfo
cat /proc/meminfo >meminfo
cat /proc/buddyinfo >buddyinfo
cat /proc/leakaddr >truth
cat $ctl >leakctl
sync
cat /proc/slabinfo >slabinfo
vm-dump all || exit 92
tar cf - version kallsyms iomem modules vmallocinfo meminfo buddyinfo truth leakctl slabinfo charged | gzip -c
EOG

options=()
for module in "${modules[@]}"; do
	options+=(--module "$module")
done
boot "$work/out.tar.gz" "$work/err" --kernel "$series" --mem 512M --timeout 900 "${options[@]}" \
	--dump "$directory/$name.elf" "$@" -- "$work/guest.sh" || {
	cat "$work/err" >&2
	exit 1
}
mkdir "$work/out"
tar xzf "$work/out.tar.gz" -C "$work/out"
for file in "$work"/out/*; do
	cp "$file" "$directory/$name.${file##*/}"
done
