// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sampling keeps to a grid (start + n * every): sleeping "every" after each sample would add the
 * cost of the samples to the interval. A sample that is late by more than an interval (a suspended
 * machine, a stopped process) skips the missed places and counts them as lost: no sample is made
 * up.
 */
#include "cmd/measure.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "analysis/freepath.h"
#include "analysis/survival.h"
#include "base/units.h"
#include "cmd/logs.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40, WIDTH_MAX = 200 };

struct ul_error *ul_cmd_open_proc(const struct ul_cmd_context *context, struct ul_proc **ret)
{
	const struct ul_proc_options options = {.proc_root = context->options.proc_root,
						.sys_root = context->options.sys_root};
	return ul_proc_open(&options, ret);
}

struct ul_error *ul_cmd_open_growing_proc(const struct ul_cmd_context *context,
					  struct ul_proc **ret)
{
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	return ul_cmd_open_proc(context, ret);
}

struct ul_error *ul_cmd_create_record(struct ul_proc *proc, const char *path,
				      struct ul_record **ret)
{
	struct ul_kernel kernel;
	UL_TRY(ul_proc_kernel(proc, &kernel));
	return ul_record_create(path, &kernel, false, ret);
}

/** A log is imported into memory first: every command that reads a recording reads logs. */
static struct ul_error *open_log(const char *path, struct ul_record **ret)
{
	UL_CLEANUP_IMPORT_RESULT struct ul_import_result result = {0};
	const struct ul_import import = {.files = &path, .files_len = 1};
	return ul_import_logs(&import, ret, &result);
}

struct ul_error *ul_cmd_open_record(const char *path, struct ul_record **ret,
				    struct ul_record_info *ret_info)
{
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	UL_TRY(ul_import_is_log(path) ? open_log(path, &record) : ul_record_open(path, &record));
	UL_TRY(ul_record_info(record, ret_info));
	*ret = UL_TAKE(record);
	return NULL;
}

struct ul_error *ul_cmd_read_trace(struct ul_record *record, bool *ret_found, struct ul_trace *ret)
{
	UL_TRY(ul_record_read_trace(record, ret_found, ret));
	UL_TRY(ul_survival_of_trace(ret));
	ul_vec_foreach (site, &ret->sites)
		UL_TRY(ul_freepath_digest(site));
	return NULL;
}

static unsigned int width_of(FILE *file, bool is_tty)
{
	struct winsize size;
	uint64_t columns = 0;
	const char *variable = getenv("COLUMNS");
	struct ul_error *error = variable ? ul_parse_number(variable, 1, 10000, &columns) : NULL;
	if (error) // somebody's nonsense in the environment is no reason to fail
		columns = 0;
	ul_error_destroy(error);
	if (!columns && is_tty && ioctl(fileno(file), TIOCGWINSZ, &size) == 0)
		columns = size.ws_col;
	if (!columns)
		columns = WIDTH_DEFAULT;
	return columns < WIDTH_MIN   ? WIDTH_MIN
	       : columns > WIDTH_MAX ? WIDTH_MAX
				     : (unsigned)columns;
}

static bool color_wanted(const struct ul_cmd_context *context)
{
	const char *no_color = getenv("NO_COLOR");
	const char *type = getenv("TERM");
	switch (context->options.color) {
	case UL_COLOR_ALWAYS:
		return true;
	case UL_COLOR_NEVER:
		return false;
	case UL_COLOR_AUTO:
		break;
	}
	return context->out_is_tty && !(no_color && *no_color) && type && *type &&
	       strcmp(type, "dumb") != 0;
}

void ul_cmd_term(const struct ul_cmd_context *context, struct ul_term *ret)
{
	*ret = (struct ul_term){.out = context->out,
				.width = width_of(stdout, context->out_is_tty),
				.color = color_wanted(context)};
}

void ul_cmd_progress(const struct ul_cmd_context *context, struct ul_progress *ret)
{
	const char *type = getenv("TERM");
	const bool dumb = !type || !*type || !strcmp(type, "dumb");
	const bool draw =
		context->err_is_tty && !dumb && !context->options.quiet && !context->options.json;
	ul_progress_init(ret, draw ? context->err : NULL,
			 width_of(context->err, context->err_is_tty), ul_cmd_now_ns());
}

bool ul_cmd_wait(const struct ul_cmd_context *context, struct ul_progress *progress,
		 const char *what, int64_t start_ns, int64_t end_ns, int64_t deadline_ns)
{
	const int64_t redraw_ns = UL_NS_PER_S / 5;
	for (;;) {
		const int64_t now_ns = ul_cmd_now_ns();
		const double whole_s = (double)(end_ns - start_ns);
		ul_progress_update(progress, now_ns,
				   end_ns ? (double)(now_ns - start_ns) / whole_s : NAN,
				   end_ns ? (double)(end_ns - now_ns) / UL_NS_PER_S : NAN, what);
		const bool last = !progress->out || deadline_ns - now_ns <= redraw_ns;
		const int64_t until_ns = last ? deadline_ns : now_ns + redraw_ns;
		if (!ul_cmd_sleep_until(context, until_ns))
			return false;
		if (last)
			return true;
	}
}

/** The same loss in every sample is one loss: "slabinfo is not readable", not thirty of them. */
static struct ul_error *note_losses(struct ul_losses *losses, const struct ul_losses *sample)
{
	ul_vec_foreach (loss, &sample->items) {
		struct ul_loss *known = NULL;
		ul_vec_foreach (other, &losses->items)
			if (other->bias == loss->bias && !strcmp(other->what, loss->what))
				known = other;
		if (!known)
			UL_TRY(ul_losses_add(losses, loss->bias, loss->count, "%s", loss->what));
		else if (loss->count > known->count)
			known->count = loss->count;
	}
	return NULL;
}

/** This process grows by what it records of the others; that is nobody's leak. */
static void leave_out_ourselves(struct ul_ledger *ledger)
{
	const pid_t self = getpid();
	size_t kept = 0;
	for (size_t i = 0; i < ledger->processes.len; i++)
		if (ledger->processes.data[i].pid != self)
			ledger->processes.data[kept++] = ledger->processes.data[i];
	ledger->processes.len = kept;
}

struct ul_error *ul_cmd_not_recorded(struct ul_losses *losses, struct ul_error *error,
				     const char *what)
{
	if (!error || error->code != UL_ERR_OS)
		return error;
	return ul_losses_add_error(losses, UL_BIAS_NONE, error, what);
}

static struct ul_error *write_sample(const struct ul_sampling *sampling,
				     const struct ul_ledger *ledger)
{
	if (!sampling->record || (sampling->record_failed && *sampling->record_failed))
		return NULL;
	struct ul_error *error = ul_record_write_ledger(sampling->record, ledger);
	if (!error || !sampling->record_failed || !sampling->losses)
		return error;
	*sampling->record_failed = error->code == UL_ERR_OS;
	return ul_cmd_not_recorded(sampling->losses, error,
				   "the recording ends early, the answer does not");
}

static struct ul_error *take_sample(const struct ul_sampling *sampling)
{
	struct ul_ledger ledger UL_CLEANUP_LEDGER;
	ul_ledger_init(&ledger);
	UL_TRY(ul_proc_ledger(sampling->proc, &sampling->want, &ledger));
	leave_out_ourselves(&ledger);
	if (sampling->set)
		UL_TRY(ul_series_set_add_ledger(sampling->set, &ledger));
	UL_TRY(write_sample(sampling, &ledger));
	return sampling->losses ? note_losses(sampling->losses, &ledger.losses) : NULL;
}

static struct ul_error *sample_on_grid(const struct ul_cmd_context *context,
				       const struct ul_sampling *sampling,
				       struct ul_progress *progress, size_t *samples)
{
	const int64_t start_ns = ul_cmd_now_ns();
	const int64_t end_ns = sampling->for_ns ? start_ns + sampling->for_ns : 0;
	int64_t next_ns = start_ns;
	uint64_t missed = 0;
	for (;;) {
		UL_TRY(take_sample(sampling));
		(*samples)++;
		next_ns += sampling->every_ns;
		const int64_t late_ns = ul_cmd_now_ns() - next_ns;
		if (late_ns > 0) {
			const int64_t places = late_ns / sampling->every_ns + 1;
			missed += (uint64_t)places;
			next_ns += places * sampling->every_ns;
		}
		if (end_ns && next_ns > end_ns)
			break;
		const bool shared = sampling->progress != NULL;
		if (!ul_cmd_wait(context, progress, sampling->what,
				 shared ? sampling->bar_start_ns : start_ns,
				 shared ? sampling->bar_end_ns : end_ns, next_ns))
			break;
	}
	if (missed && sampling->losses)
		return ul_losses_add(sampling->losses, UL_BIAS_NONE, missed,
				     "samples left out: taking one took longer than --every");
	return NULL;
}

struct ul_error *ul_cmd_sample(const struct ul_cmd_context *context,
			       const struct ul_sampling *sampling, size_t *ret_samples)
{
	struct ul_progress own;
	size_t samples = 0;
	if (sampling->set && sampling->for_ns)
		ul_series_set_expect(sampling->set,
				     (size_t)(sampling->for_ns / sampling->every_ns) + 1);
	ul_cmd_progress(context, &own);
	struct ul_progress *progress = sampling->progress ? sampling->progress : &own;
	struct ul_error *error = sample_on_grid(context, sampling, progress, &samples);
	ul_progress_end(&own);
	if (error)
		return error;
	*ret_samples = samples;
	return NULL;
}
