#!/usr/bin/env bash
# Sourced by the tests: a guest that the emulator kills is booted again.
#
# Kernels patch their code while they run (a tracepoint that is switched on, a static key); now and then
# QEMU's emulation without acceleration goes on executing what stood there before, and a processor
# spins for ever (seen where a probe is attached to what a thread calls all the time) or dies of a
# breakpoint that is nobody's. `vm` lets such a machine panic; one that hangs all the same runs out of time.

# boot OUT ERR [arguments of vm run]: at most three times, the third in one thread, where that cannot
# happen (THREAD=single: each); each death is said. `vm`'s exit code. BOOT_AGAIN: the codes that are deaths.
boot() {
	local out=$1 err=$2 status try thread=${THREAD:-multi}
	shift 2
	for try in 1 2 3; do
		status=0
		[ $try -lt 3 ] || thread=single
		"$(dirname "${BASH_SOURCE[0]}")/vm" run --thread "$thread" "$@" >"$out" 2>"$err" || status=$?
		[[ " ${BOOT_AGAIN:-124 125} " == *" $status "* ]] || break
		echo "# the machine died (status $status), try $try"
		grep -E 'RIP: 0010|Code:|panic|lockup|vm:' "$err" | tail -n 20 | sed 's/^/#   /' || true
	done
	return "$status"
}
