#!/usr/bin/env bash
# Tests the kernel test bed itself: that vm carries output and status exactly, and that leakstat
# leaks what it says, checked against what the kernel counts. The last line is "N passed, N failed".
#
# usage: test_vm.sh [SERIES [TEST]...]   (default 6.1, all: the functions called at the end)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm=$here/vm
series=${1:-6.1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

pass() {
	passed=$((passed + 1))
	echo "ok - $1"
}

fail() {
	failed=$((failed + 1))
	echo "not ok - $1"
}

# check NAME COMMAND...: passes when the command succeeds.
check() {
	local name=$1
	shift
	if "$@"; then
		pass "$name"
	else
		fail "$name"
	fi
}

# run OUT [vm run's arguments]: standard output to OUT.out, error to OUT.err, sets $status.
run() {
	local name=$1
	shift
	status=0
	"$vm" run --kernel "$series" "$@" >"$work/$name.out" 2>"$work/$name.err" || status=$?
}

contains() {
	grep -q -- "$1" "$2" || {
		echo "# no '$1' in:"
		sed 's/^/#   /' "$2"
		return 1
	}
}

same() {
	[[ $1 = "$2" ]] || {
		echo "# '$1' instead of '$2'"
		return 1
	}
}

# The lines of a guest's own checks, and that it said all of them.
take_lines() {
	local name=$1 line
	while read -r line; do
		case $line in
		'ok - '*) pass "${line#ok - }" ;;
		'not ok - '*) fail "${line#not ok - }" ;;
		*) echo "# $line" ;;
		esac
	done <"$work/$name.out"
	check "the script $name came to its end" same "$status $(tail -n 1 "$work/$name.out")" '0 end'
	[[ $status = 0 ]] || sed 's/^/# /' "$work/$name.err"
}

explains_itself() {
	"$vm" >"$work/help" && contains 'usage: vm run' "$work/help"
	"$vm" --help >"$work/help2" && cmp "$work/help" "$work/help2"
	status=0
	"$vm" run --kernel 1.2 -- true >"$work/unknown.out" 2>"$work/unknown.err" || status=$?
	check 'an unknown series is a failure of the harness' same "$status" 125
	check 'and the message names the known ones' contains "known: .*$series" "$work/unknown.err"
}

carries_output_exactly() {
	head -c 3000000 /dev/urandom >"$work/blob"
	printf '#!/bin/sh\necho "from the added program"\n' >"$work/program"
	chmod 755 "$work/program"
	chmod 640 "$work/blob"
	cat >"$work/exact.sh" <<-'EOF'
		# All bytes once, in order, without a newline at the end.
		i=0
		while [ $i -lt 256 ]; do printf "\\$(printf %o $i)"; i=$((i + 1)); done
		cat /test/blob
		echo "to stderr" >/dev/stderr
		/test/program >&2
		stat -c '%a %n' /test/blob >&2
		ullage --version | head -n 1 >&2
		# Left behind on purpose: must not keep the machine waiting.
		sleep 1000 &
		exit 3
	EOF
	{
		for ((i = 0; i < 256; i++)); do printf '%b' "\\x$(printf %x "$i")"; done
		cat "$work/blob"
	} >"$work/exact.want"
	# Any dynamic program shows that libraries and loader come along.
	ULLAGE_BINARY=$(command -v xz) run exact --add "$work/blob" --add "$work/program" -- "$work/exact.sh"
	check "the script's exit status 3 is vm's" same "$status" 3
	check '3 MB of any bytes arrive exactly' cmp "$work/exact.want" "$work/exact.out"
	check 'standard error arrives' contains '^to stderr$' "$work/exact.err"
	check 'an added program keeps its mode and runs' contains '^from the added program$' "$work/exact.err"
	check 'the program of ULLAGE_BINARY runs as ullage' contains '^xz (XZ Utils)' "$work/exact.err"
	check 'an added file keeps its mode' contains '^640 /test/blob$' "$work/exact.err"
}

streams_beside_another() {
	local pid other
	# Two machines at once must not disturb each other. The status goes through a file, as the
	# subshell has its own variables. No time is assumed: a loaded host may boot for a minute.
	(
		run streaming -- 'echo first; sleep 10; echo last; exit 9'
		echo "$status" >"$work/streaming.status"
	) &
	pid=$!
	"$vm" run --kernel "$series" -- 'echo zero; [ -s /sys/kernel/btf/vmlinux ] && [ -d /sys/kernel/tracing/events/kmem ] && grep -q " /sys/fs/bpf bpf " /proc/mounts && ping -c 1 127.0.0.1 >&2' >"$work/zero.out" 2>"$work/zero.err" &
	other=$!
	while kill -0 "$pid" 2>/dev/null && [[ ! -s $work/streaming.out ]]; do
		sleep 0.1
	done
	check 'output arrives while the script runs' same "$(cat "$work/streaming.out")" first
	wait "$pid" || true
	check 'and the rest later' same "$(cat "$work/streaming.status" "$work/streaming.out" | paste -sd' ')" '9 first last'
	status=0
	wait "$other" || status=$?
	check 'success is status 0; BTF, tracefs, bpffs and lo are there' same "$status $(cat "$work/zero.out")" '0 zero'
}

stops_in_time() {
	run late --timeout 8 -- 'sleep 1000'
	check 'a script that does not end is status 124' same "$status" 124
	check 'and vm says so' contains 'not finished after 8 s' "$work/late.err"
}

runs_in_one_thread() {
	run single --thread single -- 'grep -c ^processor /proc/cpuinfo'
	check 'a machine in one thread has its processors' same "$status $(cat "$work/single.out")" '0 2'
	status=0
	"$vm" run --kernel "$series" --thread two -- true >"$work/two.out" 2>"$work/two.err" || status=$?
	check 'an unknown way is a failure of the harness' same "$status" 125
	check 'and the message names the known ones' contains 'multi or single' "$work/two.err"
}

reports_a_panic() {
	# What a script says goes through a program of the guest: a panic at once may come before it.
	# The complaint before it has more lines behind it than are shown of a machine without one.
	# shellcheck disable=SC2016 # the guest expands it
	run panic -- 'echo before; sleep 1; echo "<3>BUG: the first complaint" >/dev/kmsg
		i=0; while [ $i -lt 60 ]; do echo "<3>line $i behind it" >/dev/kmsg; i=$((i + 1)); done
		echo c >/proc/sysrq-trigger; sleep 100'
	check 'a dead kernel is status 125' same "$status" 125
	check 'its last words are on standard error' contains 'sysrq triggered crash' "$work/panic.err"
	check 'from its first complaint on' contains 'BUG: the first complaint' "$work/panic.err"
	check 'what the script said before is not lost' same "$(cat "$work/panic.out")" before
}

# By request, several, and one that is left for the end.
# shellcheck disable=SC2016 # the guest expands it
writes_dumps() {
	run dumps --mem 256M --dump "$work/first.elf" --dump "$work/same.kdump" --dump-format kdump-zlib \
		--dump "$work/same.raw" --dump-format raw --dump "$work/end.elf" -- \
		'echo "needle in a $((6 * 7))-fold haystack" >/tmp/needle; vm-dump && rm /tmp/needle && echo on; vm-dump; vm-dump; echo last'
	check 'the script goes on after a dump' same "$status $(paste -sd' ' "$work/dumps.out")" '0 on last'
	check 'an ELF dump holds what was in memory' grep -qa 'needle in a 42-fold haystack' "$work/first.elf"
	check 'and a VMCOREINFO note' grep -qa "OSRELEASE=$series" <(head -c 16384 "$work/first.elf" | tr -d '\0')
	check 'kdump format begins with its name' same "$(head -c 12 "$work/same.kdump")" makedumpfile
	check 'a raw dump is as long as memory' same "$(stat -c %s "$work/same.raw")" $((256 << 20))
	check 'what is left is written at the end' same "$(head -c 4 "$work/end.elf" | tail -c 3)" ELF
	rm -f "$work"/*.elf "$work/same.kdump" "$work/same.raw"
	run nodump -- 'vm-dump'
	check 'vm-dump fails where no dump was asked for' contains 'started without --dump' "$work/nodump.err"
}

# All numbers wanted here are those of the commands in the script; the counts of the kernel are its
# own. A cache is shrunk before it is read: SLUB counts free objects of a CPU's slab as used.
leaks_what_it_says() {
	cat >"$work/leaks.sh" <<-'EOF'
		ctl=/proc/leakctl
		caches=/sys/kernel/slab
		say() { echo "$*"; }
		# between NAME VALUE LOW HIGH
		between() {
			if [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then echo "ok - $1 ($2)"; else echo "not ok - $1: $2, not in $3..$4"; fi
		}
		truth() { grep "^$1 " $ctl; }
		is() { if [ "$(truth "$2")" = "$2 $3" ]; then echo "ok - $1"; else echo "not ok - $1: '$(truth "$2")', not '$2 $3'"; fi; }
		objects() {
			echo 1 >$caches/$1/shrink
			awk -v c="$1" '$1 == c { print $2 }' /proc/slabinfo
		}
		free_pages() { awk '$1 == "nr_free_pages" { print $2 }' /proc/vmstat; }
		percpu_kb() { awk '$1 == "Percpu:" { print $2 }' /proc/meminfo; }

		insmod /lib/modules/leakstat.ko || exit 1
		[ "$(grep -c . $ctl)" = "$(grep -c ' objects=0 bytes=0$' $ctl)" ] && say "ok - nothing is lost at first" || say "not ok - $(cat $ctl)"

		before=$(objects kmalloc-4k); echo kmalloc 4096 101 >$ctl; after=$(objects kmalloc-4k)
		between "kmalloc-4k grew by 101" $((after - before)) 85 117
		is "101 kmallocs of 4096" kmalloc "objects=101 bytes=413696"

		echo cache 97 >$ctl
		between "leakstat_obj has 97 objects" "$(objects leakstat_obj)" 97 97
		is "97 objects of 328" cache "objects=97 bytes=31816"

		echo cache_merged 89 >$ctl
		is "89 objects of 192" cache_merged "objects=89 bytes=17088"

		before=$(free_pages); echo pages 5 53 >$ctl; after=$(free_pages)
		# Others free and take pages meanwhile; the counter lags by some tens for each processor.
		between "1696 pages are gone" $((before - after)) 1550 2100
		is "53 blocks of order 5" pages "objects=53 bytes=6946816"

		echo vmalloc 20000 31 >$ctl
		between "vmallocinfo names 31 areas" "$(grep -c leakstat_leak_vmalloc /proc/vmallocinfo)" 31 31
		is "31 areas of 5 pages" vmalloc "objects=31 bytes=634880"

		before=$(percpu_kb); echo percpu 4096 37 >$ctl; after=$(percpu_kb)
		between "percpu memory grew by 296 kB" $((after - before)) 264 400
		is "37 percpu objects on 2 processors" percpu "objects=37 bytes=303104"

		# Reading slabinfo takes a 4096-byte buffer itself, so each of two processors may own a slab
		# of 8 that counts as full: 16 objects either way.
		# The case: since 5.14 the buffer is in a cache of its own, for accounted memory.
		buffers=kmalloc-cg-4k; [ -d $caches/$buffers ] || buffers=kmalloc-4k
		before=$(objects $buffers)
		i=0; while [ $i -lt 307 ]; do cat /proc/leakstat_ok >/dev/null; i=$((i + 1)); done
		after=$(objects $buffers)
		between "307 reads of leakstat_ok leave nothing" $((after - before)) -16 16
		before=$(objects $buffers)
		i=0; while [ $i -lt 307 ]; do cat /proc/leakstat >/dev/null; i=$((i + 1)); done
		after=$(objects $buffers)
		between "307 reads of leakstat lose 307 buffers" $((after - before)) 291 323
		is "307 buffers" seq_buffer "objects=307 bytes=1257472"
		[ "$(truth seq_file | cut -d' ' -f2)" = objects=307 ] && say "ok - 307 seq_files" || say "not ok - $(truth seq_file)"
		head -n 1 /proc/leakstat | grep -qx 'version 15' && say "ok - looks like schedstat" || say "not ok - does not look like schedstat"

		echo rate 20 3 109 cache >$ctl
		echo rate 10 2 53 pages 0 >$ctl
		echo bounded 211 10 5 >$ctl
		echo list 307 >$ctl
		echo rcu_storm 10 20 >$ctl; echo bulk_storm 10 16 >$ctl; echo kmalloc_pairs 10 16 >$ctl
		for t in leakstat_rate leakstat_bound leakstat_rcu leakstat_bulk leakstat_pairs; do
			grep -qx $t /proc/[0-9]*/comm && say "ok - thread $t" || say "not ok - no thread $t"
		done
		i=0
		while [ $i -lt 100 ] && ! { truth cache | grep -q objects=206 && truth bounded | grep -q objects=211 && truth pages | grep -q objects=106; }; do
			sleep 0.1; i=$((i + 1))
		done
		sleep 1
		is "the rate ends at 97 + 109 exactly" cache "objects=206 bytes=67568"
		is "two rates at once: 53 + 53" pages "objects=106 bytes=7163904"
		is "bounded ends at 211" bounded "objects=211 bytes=40512"
		between "leakstat_bounded has 211 objects" "$(objects leakstat_bounded)" 211 211
		is "the list holds 307" list "objects=307 bytes=58944"
		echo stop >$ctl
		grep -q '^leakstat_' /proc/[0-9]*/comm && say "not ok - threads after stop" || say "ok - stop ends all threads"
		between "the bulk storm left nothing" "$(objects leakstat_bulk)" 0 0

		cd /sys/kernel/tracing
		echo stacktrace >events/kmem/kmalloc/trigger
		echo stacktrace >events/kmem/mm_page_alloc/trigger
		echo stacktrace >events/kmem/kmem_cache_alloc/trigger
		echo kmalloc 3000 1 >$ctl; echo pages 3 1 >$ctl; echo cache 1 >$ctl
		for t in kmalloc mm_page_alloc kmem_cache_alloc; do echo '!stacktrace' >events/kmem/$t/trigger; done
		for f in kmalloc pages cache; do
			grep -q "=> leakstat_leak_$f\$" trace && say "ok - leakstat_leak_$f is on the stack" || say "not ok - no leakstat_leak_$f on a stack"
		done
		cd /

		negative() { echo 1 >/dev/null; awk '{ print $5 }' /proc/sys/fs/dentry-state; }
		mount -t leakfs none /mnt
		before=$(negative)
		i=0; while [ $i -lt 200 ]; do [ -e /mnt/x$i ]; i=$((i + 1)); done
		between "200 negative dentries of leakfs" $(($(negative) - before)) 195 230
		echo 2 >/proc/sys/vm/drop_caches
		between "reclaim takes them back" "$(negative)" 0 $((before + 60))
		umount /mnt

		for wrong in nonsense 'kmalloc 4096' 'kmalloc -1 1' 'pages 11 1' 'rate 1 1 1 stop' 'bounded 0 1 1' ''; do
			echo "$wrong" 2>/dev/null >$ctl && say "not ok - '$wrong' was taken" || say "ok - '$wrong' is refused"
		done

		rmmod leakstat && say "ok - rmmod" || say "not ok - rmmod"
		dmesg | grep -E 'WARNING:|BUG:|Oops|left behind' && say "not ok - the kernel complains" || say "ok - the kernel has no complaint"
		echo end
	EOF
	run leaks --timeout 400 -- "$work/leaks.sh"
	take_lines leaks
}

# Each control, each shape of loss and each loss in the style of real ones: counted and on record.
loses_like_the_real_ones() {
	cat >"$work/styles.sh" <<-'EOF'
		ctl=/proc/leakctl
		count() { sed -n "s/^$1 objects=\([0-9]*\) .*/\1/p" $ctl; }
		is() { if [ "$2" = "$3" ]; then echo "ok - $1"; else echo "not ok - $1: $2, not $3"; fi; }
		insmod /lib/modules/leakstat.ko || exit 1
		echo record 20000 >$ctl
		echo orphan_list 29 2 >$ctl
		echo pairs 31 >$ctl
		echo cycles 5 7 >$ctl
		echo parents 3 41 >$ctl
		echo skbs 1500 43 >$ctl
		is "two lists of 29" "$(count orphan_list)" 58
		is "31 pairs" "$(count pairs)" 62
		is "7 rings of 5" "$(count cycles)" 35
		is "41 parents with 3 children each" "$(count parents) $(count children)" "41 123"
		is "43 packets with their heads" "$(count skbs) $(count skb_heads)" "43 43"
		echo hold all 47 >$ctl
		sleep 1
		for kind in $(sed -n 's/^\(\(held\|weak\)_[a-z_]*\) .*/\1/p' $ctl); do
			case $kind-$(uname -r) in
			held_maple-5.10*) is "$kind" "$(count $kind)" 0 ;;
			*) is "$kind" "$(count $kind)" 47 ;;
			esac
		done
		tab=$(printf '\t')
		grep -v '^#' /test/LEAKS >/tmp/leaks
		while IFS=$tab read -r name trigger allocator guilty reachable bounded cache; do
			eval "$trigger"; eval "$trigger"
			before=$(count lost_$name)
			eval "$(echo "$trigger" | sed 's/lost/fine/')"
			case $name in
			warm | ring) is "$name holds two" "$(count $name)" 3 ;;
			*)
				is "two of $name are lost" "$before" 2
				is "the right way loses no $name" "$(count lost_$name)" 2
				;;
			esac
		done </tmp/leaks
		echo lost quota 40 >$ctl
		echo lost warm 300 >$ctl
		echo lost ring 300 >$ctl
		is "quota ends at 17" "$(count lost_quota)" 17
		is "warm is full at 101" "$(count warm)" 101
		is "ring keeps 67" "$(count ring)" 67
		awk '{ print $1 }' /proc/leakaddr | sort | uniq -c >/tmp/recorded
		is "each object of parents is on record" "$(awk '$2 == "parents" { print $1 }' /tmp/recorded)" 41
		is "what is reachable is called kept" "$(awk '$2 == "kept_session" { print $1 }' /tmp/recorded)" 2
		is "addresses are kernel addresses" "$(grep -cv '^[a-z_]* ff[0-9a-f]\{14\} [0-9]*$' /proc/leakaddr)" 0
		is "none is there twice" "$(awk '!/^(held_ring|seq)/ { print $2 }' /proc/leakaddr | sort | uniq -d | wc -l)" 0
		rmmod leakstat && echo "ok - rmmod" || echo "not ok - rmmod"
		sleep 1
		dmesg | grep -E 'WARNING:|BUG:|Oops' && echo "not ok - the kernel complains" || echo "ok - the kernel has no complaint"
		echo end
	EOF
	run styles --timeout 200 --add "$here/leakstat/LEAKS" -- "$work/styles.sh"
	take_lines styles
}

shift || true
[[ $# -gt 0 ]] || set -- explains_itself carries_output_exactly streams_beside_another stops_in_time \
	runs_in_one_thread reports_a_panic writes_dumps leaks_what_it_says loses_like_the_real_ones
for test; do
	"$test"
done
echo "$passed passed, $failed failed"
[[ $failed = 0 ]]
