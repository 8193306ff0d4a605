// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Features are tried, not looked up: libbpf loads a two-instruction program and makes a small map
 * of each type that the tracer uses. Its probes say yes or no only, so a refusal for want of
 * privilege is told apart by the system call itself.
 */
#include "source/trace/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char serves[] = "pairing allocations with frees (trace, find)";

/** errno of making the smallest map there is; 0: bpf() works for us. */
static int try_map(void)
{
	const int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ul_probe", 4, 8, 1, NULL);
	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static struct ul_error *add_features(struct ul_checks *checks)
{
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL) != 1)
		return ul_checks_add(checks, "BPF tracing", serves, UL_CHECK_MISSING, NULL,
				     "no raw tracepoint programs: CONFIG_BPF_EVENTS is off, or "
				     "lockdown forbids them");
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_HASH, NULL) != 1 ||
	    libbpf_probe_bpf_map_type(BPF_MAP_TYPE_STACK_TRACE, NULL) != 1)
		return ul_checks_add(checks, "BPF tracing", serves, UL_CHECK_LIMITED, NULL,
				     "no stack trace maps: sites have no stacks");
	return ul_checks_add(checks, "BPF tracing", serves, UL_CHECK_OK, NULL, "%s", "");
}

struct ul_error *ul_trace_probe(struct ul_checks *checks)
{
	const int failed = try_map();
	if (failed == EPERM)
		return ul_checks_add(checks, "BPF tracing", serves, UL_CHECK_MISSING,
				     "run as root, or with CAP_BPF and CAP_PERFMON",
				     "bpf() is not permitted to uid %u", (unsigned int)geteuid());
	if (failed)
		return ul_checks_add(checks, "BPF tracing", serves, UL_CHECK_MISSING, NULL,
				     "bpf(): %s%s", strerror(failed),
				     failed == ENOSYS ? " (built without CONFIG_BPF_SYSCALL)" : "");
	// The probes fail on purpose; their complaints are not for the user.
	const libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct ul_error *error = add_features(checks);
	libbpf_set_print(print);
	return error;
}
