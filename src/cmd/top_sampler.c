// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/top_sampler.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum state { STATE_IDLE, STATE_ASKED, STATE_DONE };

struct ul_sampler {
	struct ul_proc *proc;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int fd;
	// Under the lock; while ASKED, request and result belong to the thread.
	enum state state;
	bool quit;
	struct ul_sampler_result result;
	struct ul_error *error;
};

static double cpu_s(void)
{
	struct timespec used;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static struct ul_error *work(struct ul_sampler *sampler)
{
	struct ul_sampler_result *result = &sampler->result;
	const struct ul_sampler_request *request = &result->request;
	const double begin_s = cpu_s();
	if (request->ledger) {
		const struct ul_proc_want want = {.processes = request->processes,
						  .pss_of_top = request->pss};
		UL_TRY(ul_proc_ledger(sampler->proc, &want, &result->ledger));
	}
	result->cpu_s = cpu_s() - begin_s;
	if (request->mappings) {
		// A process that has exited has no mappings: nothing to report.
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_proc_mappings(sampler->proc, request->mappings, &result->mappings);
		result->has_mappings = !error;
	}
	return NULL;
}

static void *serve(void *argument)
{
	struct ul_sampler *sampler = argument;
	const uint64_t one = 1;
	pthread_mutex_lock(&sampler->lock);
	while (!sampler->quit) {
		if (sampler->state != STATE_ASKED) {
			pthread_cond_wait(&sampler->changed, &sampler->lock);
			continue;
		}
		pthread_mutex_unlock(&sampler->lock);
		struct ul_error *error = work(sampler);
		pthread_mutex_lock(&sampler->lock);
		sampler->error = error;
		sampler->state = STATE_DONE;
		// A counter at its limit is readable already.
		if (write(sampler->fd, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&sampler->lock);
	return NULL;
}

static int start(struct ul_sampler *sampler)
{
	sigset_t all;
	sigset_t before;
	// Signals are the main thread's: it waits for them.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int failed = pthread_create(&sampler->thread, NULL, serve, sampler);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

struct ul_error *ul_sampler_create(struct ul_proc *proc, struct ul_sampler **ret)
{
	struct ul_sampler *sampler UL_CLEANUP_FREE = calloc(1, sizeof(*sampler));
	if (!sampler)
		return &ul_enomem;
	sampler->proc = proc;
	pthread_mutex_init(&sampler->lock, NULL);
	pthread_cond_init(&sampler->changed, NULL);
	sampler->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sampler->fd < 0)
		return ul_error_os(errno, "making an eventfd");
	const int failed = start(sampler);
	if (failed) {
		close(sampler->fd);
		return ul_error_os(failed, "starting the thread that samples");
	}
	*ret = UL_TAKE(sampler);
	return NULL;
}

void ul_sampler_destroy(struct ul_sampler *sampler)
{
	if (!sampler)
		return;
	pthread_mutex_lock(&sampler->lock);
	sampler->quit = true;
	pthread_cond_signal(&sampler->changed);
	pthread_mutex_unlock(&sampler->lock);
	pthread_join(sampler->thread, NULL);
	if (sampler->state == STATE_DONE)
		ul_ledger_deinit(&sampler->result.ledger);
	ul_error_destroy(sampler->error);
	close(sampler->fd);
	pthread_cond_destroy(&sampler->changed);
	pthread_mutex_destroy(&sampler->lock);
	free(sampler);
}

int ul_sampler_fd(const struct ul_sampler *sampler)
{
	return sampler->fd;
}

bool ul_sampler_busy(struct ul_sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	const bool busy = sampler->state != STATE_IDLE;
	pthread_mutex_unlock(&sampler->lock);
	return busy;
}

void ul_sampler_request(struct ul_sampler *sampler, const struct ul_sampler_request *request)
{
	pthread_mutex_lock(&sampler->lock);
	sampler->result = (struct ul_sampler_result){.request = *request};
	ul_ledger_init(&sampler->result.ledger);
	sampler->state = STATE_ASKED;
	pthread_cond_signal(&sampler->changed);
	pthread_mutex_unlock(&sampler->lock);
}

struct ul_error *ul_sampler_take(struct ul_sampler *sampler, bool *ret_any,
				 struct ul_sampler_result *ret)
{
	uint64_t count;
	struct ul_error *error = NULL;
	*ret = (struct ul_sampler_result){0};
	*ret_any = false;
	ul_ledger_init(&ret->ledger);
	pthread_mutex_lock(&sampler->lock);
	if (sampler->state == STATE_DONE) {
		*ret_any = read(sampler->fd, &count, sizeof(count)) >= 0 || errno == EAGAIN;
		*ret = sampler->result;
		sampler->result = (struct ul_sampler_result){0};
		error = UL_TAKE(sampler->error);
		sampler->state = STATE_IDLE;
	}
	pthread_mutex_unlock(&sampler->lock);
	return error;
}
