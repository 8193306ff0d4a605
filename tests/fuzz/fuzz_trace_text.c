// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text may be called a trace. Read whole and read in pieces it gives the same events, and
 * whatever they are, the books of every site balance.
 */
#include <string.h>

#include "analysis/pairing.h"
#include "base/buf.h"
#include "source/tracefile/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct ul_dictionary dictionary;
	struct ul_tracefile_info info;
	struct ul_losses losses;
	struct ul_pairing *pairing;
	uint64_t sum; /**< of all events */
};

static struct ul_error *take(void *context, const struct ul_event *event)
{
	struct run *run = context;
	run->sum = run->sum * 31 + event->key + (uint64_t)event->kind + event->bytes +
		   event->stack + (uint64_t)event->time_ns;
	return ul_pairing_add(run->pairing, event);
}

static struct ul_error *read_all(struct run *run, struct ul_trace_text *text, const uint8_t *data,
				 size_t size, size_t piece)
{
	struct ul_buf held UL_CLEANUP_BUF = {0};
	for (size_t at = 0; at < size;) {
		const size_t more = size - at < piece ? size - at : piece;
		size_t used;
		ul_buf_add(&held, data + at, more);
		at += more;
		UL_TRY(ul_trace_text_feed(text, (struct ul_span){held.data, held.len}, at == size,
					  &used));
		if (used > held.len)
			__builtin_trap();
		memmove(held.data, held.data + used, held.len - used);
		held.len -= used;
	}
	return ul_trace_text_finish(text);
}

static struct ul_error *run_in_pieces(struct run *run, const uint8_t *data, size_t size,
				      size_t piece)
{
	UL_CLEANUP_TRACE_TEXT struct ul_trace_text *text = NULL;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	UL_TRY(ul_pairing_create(&(struct ul_pairing_options){.drain_ns = -1}, &run->pairing));
	UL_TRY(ul_trace_text_create(&run->dictionary, &run->info, &run->losses, take, run, &text));
	UL_TRY(read_all(run, text, data, size, piece));
	UL_TRY(ul_pairing_finish(run->pairing, &run->dictionary, &trace));
	ul_vec_foreach (site, &trace.sites)
		if (!ul_site_balanced(site))
			__builtin_trap();
	return NULL;
}

static void run_deinit(struct run *run)
{
	ul_pairing_destroy(run->pairing);
	ul_dictionary_deinit(&run->dictionary);
	ul_losses_deinit(&run->losses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole UL_CLEANUP(run_deinit) = {0};
	struct run pieces UL_CLEANUP(run_deinit) = {0};
	UL_CLEANUP_ERROR struct ul_error *err = run_in_pieces(&whole, data, size, SIZE_MAX);
	UL_CLEANUP_ERROR struct ul_error *other = run_in_pieces(&pieces, data, size, 61);
	if (!err && !other &&
	    (whole.sum != pieces.sum || whole.info.events != pieces.info.events ||
	     whole.info.lines != pieces.info.lines))
		__builtin_trap();
	ul_tracefile_sniff((struct ul_span){(const char *)data, size});
	return 0;
}
