// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/parallel.h"

#include <pthread.h>

struct start {
	struct ul_error *(*work)(void *context);
	void *context;
	struct ul_error *error;
};

static void *run(void *argument)
{
	struct start *start = argument;
	start->error = start->work(start->context);
	return NULL;
}

struct ul_error *ul_parallel(unsigned int threads, struct ul_error *(*work)(void *context),
			     void *context)
{
	pthread_t ids[UL_PARALLEL_MAX];
	struct start starts[UL_PARALLEL_MAX];
	unsigned int started = 0;
	while (started + 1 < threads && started + 1 < UL_PARALLEL_MAX) {
		starts[started] = (struct start){work, context, NULL};
		if (pthread_create(&ids[started], NULL, run, &starts[started]) != 0)
			break; // fewer threads do the same work
		started++;
	}
	struct ul_error *error = work(context);
	for (unsigned int i = 0; i < started; i++) {
		pthread_join(ids[i], NULL);
		if (error)
			ul_error_destroy(starts[i].error);
		else
			error = starts[i].error;
	}
	return error;
}
