// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Samples of the live ledger, one after the other: does each balance to the byte, and how does the
 * unaccounted rest scatter? Usage: balance SAMPLES [EVERY_MS]. Exit code 1: one did not balance.
 *
 * The sum is computed here again and with overflow checks, not asked of the model, and MemTotal is
 * compared with the first sample's. The scatter is that of the noise only while what runs beside
 * takes no driver pages.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "source/proc/proc.h"

enum { MAX_SAMPLES = 1000000 };

static bool balances(const struct ul_ledger *ledger, uint64_t mem_total)
{
	int64_t sum = ledger->unaccounted.bytes;
	ul_vec_foreach (account, &ledger->accounts)
		if (account->bytes < 0 || __builtin_add_overflow(sum, account->bytes, &sum))
			return false;
	return sum >= 0 && (uint64_t)sum == ledger->mem_total && ledger->mem_total == mem_total;
}

static bool in_bounds(const struct ul_ledger *ledger)
{
	return ledger->unaccounted.low <= ledger->unaccounted.bytes &&
	       ledger->unaccounted.bytes <= ledger->unaccounted.high;
}

static int ascending(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;
	return a < b ? -1 : a > b;
}

static void show(double *rest_bytes, size_t count, size_t balanced, size_t bounded, size_t losses,
		 double wall_s)
{
	qsort(rest_bytes, count, sizeof(*rest_bytes), ascending);
	const double median = rest_bytes[count / 2];
	double squares = 0;
	for (size_t i = 0; i < count; i++)
		squares += (rest_bytes[i] - median) * (rest_bytes[i] - median);
	printf("%-44s %zu of %zu (bound: all)\n", "samples that balance to the byte", balanced,
	       count);
	printf("%-44s %zu\n", "... with the rest within its own bounds", bounded);
	printf("%-44s %zu\n", "... with a loss", losses);
	printf("%-44s %.2f ms\n", "time a sample", 1e3 * wall_s / (double)count);
	printf("unaccounted, MiB from the median of %.1f: deviation %.2f\n", median / UL_MIB,
	       sqrt(squares / (double)count) / UL_MIB);
	static const double quantiles[] = {0, 0.001, 0.01, 0.05, 0.25, 0.75, 0.95, 0.99, 0.999, 1};
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		printf("  %5.1f %%  %+9.2f\n", 100 * quantiles[i],
		       (rest_bytes[(size_t)(quantiles[i] * (double)(count - 1))] - median) /
			       UL_MIB);
}

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct ul_error *run(size_t count, useconds_t every_us, bool *ret_balanced)
{
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	double *rest_bytes UL_CLEANUP_FREE = calloc(count, sizeof(*rest_bytes));
	if (!rest_bytes)
		return &ul_enomem;
	UL_TRY(ul_proc_open(&(struct ul_proc_options){0}, &proc));
	uint64_t mem_total = 0;
	size_t balanced = 0, bounded = 0, losses = 0;
	const double begin_s = now_s();
	double slept_s = 0;
	for (size_t i = 0; i < count; i++) {
		struct ul_ledger ledger UL_CLEANUP_LEDGER;
		ul_ledger_init(&ledger);
		UL_TRY(ul_proc_ledger(proc, &(struct ul_proc_want){0}, &ledger));
		if (!i)
			mem_total = ledger.mem_total;
		balanced += balances(&ledger, mem_total);
		bounded += in_bounds(&ledger);
		losses += ledger.losses.items.len > 0;
		rest_bytes[i] = (double)ledger.unaccounted.bytes;
		const double before_s = now_s();
		if (every_us)
			usleep(every_us);
		slept_s += now_s() - before_s;
	}
	show(rest_bytes, count, balanced, bounded, losses, now_s() - begin_s - slept_s);
	*ret_balanced = balanced == count;
	return NULL;
}

int main(int argc, char **argv)
{
	const long count = argc >= 2 && argc <= 3 ? strtol(argv[1], NULL, 10) : 0;
	const long every_ms = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	if (count <= 0 || count > MAX_SAMPLES || every_ms < 0 || every_ms >= 1000) {
		fprintf(stderr, "usage: balance SAMPLES [EVERY_MS]\n");
		return 2;
	}
	bool balanced = false;
	struct ul_error *error = run((size_t)count, (useconds_t)every_ms * 1000, &balanced);
	if (error)
		fprintf(stderr, "balance: %s\n", error->message);
	const bool failed = error != NULL;
	ul_error_destroy(error);
	return failed || !balanced;
}
