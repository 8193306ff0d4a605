// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/inspect.h"

#define THIS_BOOT  "3f2b8c1e-0a77-4d15-9b6e-c0ffee123456"
#define OTHER_BOOT "00000001-0a77-4d15-9b6e-c0ffee123456"

static struct ul_kernel kernel_of(const char *release, const char *version, const char *boot_id)
{
	struct ul_kernel kernel = {.page_bytes = 4096};
	ul_text_copy(kernel.release, sizeof(kernel.release), release);
	ul_text_copy(kernel.version, sizeof(kernel.version), version);
	ul_text_copy(kernel.boot_id, sizeof(kernel.boot_id), boot_id);
	return kernel;
}

/** What is said of a recording in @p then that is to be looked up in @p now; 0: it fits. */
static enum ul_error_code judge(struct ul_kernel then, struct ul_kernel now, size_t *ret_losses)
{
	const struct ul_inspect_recording recording = {.path = "case.ullage", .kernel = then};
	const struct ul_image image = {.kernel = now};
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_inspect_recording_fits(&recording, &image, &losses);
	*ret_losses = losses.items.len;
	return error ? error->code : 0;
}

static void addresses_of_another_boot_are_refused(void **state)
{
	size_t losses;
	const struct ul_kernel now = kernel_of("6.1.0", "#1 SMP", THIS_BOOT);
	(void)state;
	assert_int_equal(judge(now, now, &losses), 0);
	assert_int_equal(losses, 0);
	assert_int_equal(judge(kernel_of("6.1.0", "#1 SMP", OTHER_BOOT), now, &losses),
			 UL_ERR_USAGE);
	assert_int_equal(judge(kernel_of("6.1.1", "#1 SMP", ""), now, &losses), UL_ERR_USAGE);
	assert_int_equal(judge(kernel_of("6.1.0", "#2 SMP", ""), now, &losses), UL_ERR_USAGE);
}

static void a_boot_that_is_not_known_is_said(void **state)
{
	size_t losses;
	const struct ul_kernel now = kernel_of("6.1.0", "#1 SMP", THIS_BOOT);
	const struct ul_kernel silent = kernel_of("6.1.0", "#1 SMP", "");
	(void)state;
	assert_int_equal(judge(silent, now, &losses), 0);
	assert_int_equal(losses, 1);
	assert_int_equal(judge(now, silent, &losses), 0);
	assert_int_equal(losses, 1);
	// An imported trace need not even name its kernel.
	assert_int_equal(judge(kernel_of("unknown", "", ""), now, &losses), 0);
	assert_int_equal(losses, 1);
}

/** A recording with a trace of one site that has a survivor, with or without its address. */
static void write_recording(const char *path, bool with_address)
{
	const struct ul_kernel kernel = kernel_of("6.1.0", "#1 SMP", THIS_BOOT);
	UL_CLEANUP_RECORD struct ul_record *record = NULL;
	UL_CLEANUP_TRACE struct ul_trace trace = {.engine = "test"};
	const struct ul_allocation survivor = {.key = 0xffff888000001000, .survivor = true};
	struct ul_site *site = ul_vec_add(&trace.sites);
	assert_non_null(site);
	site->allocator = UL_ALLOCATOR_SLAB;
	site->allocated = site->live = site->survivors = 1;
	if (with_address)
		assert_true(ul_vec_push(&site->examples, survivor));
	assert_null(ul_record_create(path, &kernel, true, &record));
	assert_null(ul_record_write_trace(record, &trace));
}

static void refuses(const struct ul_options *options, enum ul_error_code code, const char *words)
{
	struct ul_inspect_recording recording UL_CLEANUP_INSPECT_RECORDING = {0};
	UL_CLEANUP_ERROR struct ul_error *error = ul_inspect_recording_open(options, &recording);
	assert_non_null(error);
	assert_int_equal(error->code, code);
	assert_non_null(strstr(error->message, words));
	assert_non_null(error->hint);
}

static void what_a_recording_lacks_is_named(void **state)
{
	char path[] = "/tmp/ullage-inspect-XXXXXX";
	const struct ul_kernel kernel = kernel_of("6.1.0", "#1 SMP", THIS_BOOT);
	struct ul_options options = {.recording = path};
	(void)state;
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	{
		UL_CLEANUP_RECORD struct ul_record *record = NULL;
		assert_null(ul_record_create(path, &kernel, false, &record));
	}
	refuses(&options, UL_ERR_USAGE, "holds no trace");
	write_recording(path, false);
	refuses(&options, UL_ERR_UNSUPPORTED, "does not have the addresses");
	write_recording(path, true);
	{
		struct ul_inspect_recording recording UL_CLEANUP_INSPECT_RECORDING = {0};
		assert_null(ul_inspect_recording_open(&options, &recording));
		assert_int_equal(recording.sites_len, 1);
		assert_true(recording.sites[0]->examples.data[0].key == 0xffff888000001000);
		assert_string_equal(recording.kernel.boot_id, THIS_BOOT);
	}
	options.site = "2";
	refuses(&options, UL_ERR_USAGE, "no site 2");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_another_boot_are_refused),
		cmocka_unit_test(a_boot_that_is_not_known_is_said),
		cmocka_unit_test(what_a_recording_lacks_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
