// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/fixes/fixes_internal.h"

/* Titles of real commits. */
static void titles_that_mend_a_leak_of_memory_are_told(void **state)
{
	static const char *const leaks[] = {
		"tty: vt: fix memory leak in vc_allocate()",
		"SUNRPC: fix a memleak in gss_import_v2_context",
		"sched/deadline: Fix task_struct reference leak",
		"usb: gadget: f_midi: Fix memleak in f_midi_alloc",
		"ASoC: Intel: bytcht_es8316: Add missed put_device()",
		"MCE/AMD: Decrement threshold_bank refcount when removing threshold",
		"drm/vc4: Free the BO cache size list on teardown",
		"xen/netfront: don't leak the skb when xennet_fill_frags() fails",
		"ALSA: es1968: Fix the missing snd_card_free() call at probe error",
	};
	for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++)
		if (!ul_fix_title_is_leak(ul_span_of(leaks[i])))
			fail_msg("not taken for a leak: %s", leaks[i]);
}

static void other_titles_are_not(void **state)
{
	static const char *const others[] = {
		"scsi: sr: Do not leak information in ioctl to userspace",
		"perf/x86/amd/lbr: Fix kernel address leakage in kernel stack",
		"mm/kmemleak: fix UAF bug in kmemleak_scan()",
		"rtc: dev: zero-initialize struct rtc_wkalrm to prevent information leak",
		"btrfs: fix use-after-free on readahead extent after failure to create it",
		"net: mdio: thunder: Fix a double free issue in the .remove",
		"Revert \"drm/qxl: do not run release if qxl failed to init\"",
		"ext4: fix NULL folio dereference in mballoc",
		"net: neigh: don't call kfree_skb() under spin_lock_irqsave()",
		"",
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (ul_fix_title_is_leak(ul_span_of(others[i])))
			fail_msg("taken for a leak: %s", others[i]);
}

static void functions_in_titles_are_found(void **state)
{
	static const struct {
		const char *title;
		const char *functions[4];
	} cases[] = {
		{"tty: vt: fix memory leak in vc_allocate()", {"vc_allocate"}},
		{"usb: gadget: f_midi: Fix memleak in f_midi_alloc", {"f_midi_alloc"}},
		{"orangefs: Fix leak in foo() and bar_baz", {"foo", "bar_baz"}},
		{"scsi: qla2xxx: fix leak of SRB_ELS with PCI_IRQ_MSIX", {NULL}},
		{"can: mcba_usb: mcba_usb_start_xmit(): fix leak", {"mcba_usb_start_xmit"}},
		{"fix 3_times leak", {NULL}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		UL_CLEANUP(ul_fix_span_list_deinit) struct ul_span_list list = {0};
		size_t wanted = 0;
		assert_null(ul_fix_title_functions(ul_span_of(cases[i].title), &list));
		while (wanted < 4 && cases[i].functions[wanted])
			wanted++;
		assert_int_equal(list.items.len, wanted);
		for (size_t f = 0; f < wanted; f++)
			assert_true(ul_span_equal(list.items.data[f], cases[i].functions[f]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_that_mend_a_leak_of_memory_are_told),
		cmocka_unit_test(other_titles_are_not),
		cmocka_unit_test(functions_in_titles_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
