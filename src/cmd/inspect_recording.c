// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sites of a recorded trace that `inspect` is asked about. Addresses mean something in the boot
 * they were taken in, and in no other: this is checked before anything is looked at.
 */
#include <inttypes.h>
#include <string.h>

#include "analysis/revisit.h"
#include "base/buf.h"
#include "cmd/inspect.h"
#include "cmd/measure.h"

enum { SITES_NAMED = 6 };

void ul_inspect_recording_deinit(struct ul_inspect_recording *recording)
{
	free(recording->sites);
	ul_trace_deinit(&recording->trace);
}

/* ---- which sites ---- */

static struct ul_error *no_trace(const char *path)
{
	return ul_error_hint(ul_error_new(UL_ERR_USAGE, "%s holds no trace, so no survivors", path),
			     "sudo ullage trace -r FILE or ullage find -r FILE records one");
}

/** "1 alloc_fdtable, 2 do_eventfd, ..." */
static struct ul_error *no_site(const struct ul_inspect_recording *recording, const char *wanted)
{
	struct ul_buf names UL_CLEANUP_BUF = {0};
	size_t number = 0;
	ul_vec_foreach (site, &recording->trace.sites) {
		if (!ul_site_is_listed(site) || ++number > SITES_NAMED)
			continue;
		ul_buf_printf(&names, "%s%zu %s", number > 1 ? ", " : "", number,
			      site->function ? site->function : "unknown function");
	}
	if (!number)
		return ul_error_new(UL_ERR_USAGE, "%s has no site with survivors", recording->path);
	return ul_error_hint(ul_error_new(UL_ERR_USAGE, "--site: %s has no site %s with survivors",
					  recording->path, wanted),
			     "it has %s%s", ul_buf_str(&names),
			     number > SITES_NAMED ? " and more" : "");
}

static struct ul_error *check_addresses(const struct ul_inspect_recording *recording)
{
	for (size_t i = 0; i < recording->sites_len; i++)
		if (recording->sites[i]->examples.len)
			return NULL;
	return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
					  "%s does not have the addresses of these survivors",
					  recording->path),
			     "an imported trace has none of pages, and hashes where it is text "
			     "made by the kernel; import its trace.dat, or record with ullage "
			     "trace -r FILE");
}

struct ul_error *ul_inspect_recording_open(const struct ul_options *options,
					   struct ul_inspect_recording *ret)
{
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_inspect_recording recording UL_CLEANUP_INSPECT_RECORDING = {
		.path = options->recording};
	struct ul_record_info info;
	bool found = false;
	UL_TRY(ul_cmd_open_record(recording.path, &record, &info));
	UL_TRY(ul_record_read_trace(record, &found, &recording.trace));
	if (!found)
		return no_trace(recording.path);
	recording.kernel = info.kernel;
	recording.sites = calloc(recording.trace.sites.len + 1, sizeof(*recording.sites));
	if (!recording.sites)
		return &ul_enomem;
	recording.sites_len = ul_revisit_sites(&recording.trace, options->site, recording.sites);
	if (!recording.sites_len)
		return no_site(&recording, options->site ? options->site : "");
	UL_TRY(check_addresses(&recording));
	*ret = recording;
	recording = (struct ul_inspect_recording){0};
	return NULL;
}

/* ---- which boot ---- */

static bool differ(const char *left, const char *right)
{
	return *left && *right && strcmp(left, right) != 0;
}

static struct ul_error *other_boot(const struct ul_inspect_recording *recording,
				   const struct ul_image *image, const char *what)
{
	struct ul_error *error = ul_error_new(
		UL_ERR_USAGE,
		"%s was recorded in another %s than %s: its addresses mean nothing there",
		recording->path, what, image->live ? "the one that runs" : "the dump is of");
	return ul_error_hint(error, image->live ? "name a dump of that boot with --core"
						: "name the dump of the boot it was recorded in");
}

struct ul_error *ul_inspect_recording_fits(const struct ul_inspect_recording *recording,
					   const struct ul_image *image, struct ul_losses *losses)
{
	const struct ul_kernel *then = &recording->kernel;
	const struct ul_kernel *now = &image->kernel;
	const bool named = strcmp(then->release, "unknown") != 0;
	if ((named && differ(then->release, now->release)) || differ(then->version, now->version))
		return other_boot(recording, image, "kernel");
	if (differ(then->boot_id, now->boot_id))
		return other_boot(recording, image, "boot");
	if (*then->boot_id && *now->boot_id)
		return NULL;
	return ul_losses_add(losses, UL_BIAS_UNKNOWN, 0,
			     "whether the recording is of this boot: %s does not say of which it "
			     "is; of another one, these are not the objects it saw",
			     *then->boot_id ? "the dump" : "it");
}

/* ---- what is said of them ---- */

char *ul_inspect_recording_what(const struct ul_inspect_recording *recording, const char *site)
{
	struct ul_buf what UL_CLEANUP_BUF = {0};
	const char *function = recording->sites[0]->function;
	if (recording->sites_len == 1)
		ul_buf_printf(&what, "survivors of %s in %s",
			      function ? function : "an unknown function", recording->path);
	else
		ul_buf_printf(&what, "survivors of %zu sites%s%s in %s", recording->sites_len,
			      site ? " with " : "", site ? site : "", recording->path);
	return what.failed ? NULL : UL_TAKE(what.data);
}

struct ul_error *ul_inspect_recording_losses(const struct ul_revisit *revisit,
					     struct ul_losses *losses)
{
	if (revisit->survivors > revisit->kept)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, revisit->survivors - revisit->kept,
				     "survivors without an address: of each site the recording "
				     "has those of the oldest"));
	if (revisit->now[UL_REVISITED_UNKNOWN] + revisit->now[UL_REVISITED_NO_OBJECT])
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER,
				     revisit->now[UL_REVISITED_UNKNOWN] +
					     revisit->now[UL_REVISITED_NO_OBJECT],
				     "survivors that may be there and were not looked into"));
	if (revisit->now[UL_REVISITED_THERE])
		UL_TRY(ul_losses_add(losses, UL_BIAS_OVER, 0,
				     "survivors that were freed and whose slot the same cache has "
				     "given out again since: they pass for those recorded"));
	return NULL;
}
