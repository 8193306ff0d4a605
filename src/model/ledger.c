// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/ledger.h"

#include <string.h>

#include "base/text.h"

static const struct {
	enum ul_kind kind;
	const char *name;
} kind_names[] = {
	{UL_KIND_FREE, "free"},
	{UL_KIND_ANON, "anon"},
	{UL_KIND_FILE, "file"},
	{UL_KIND_SHMEM, "shmem"},
	{UL_KIND_SLAB, "slab"},
	{UL_KIND_KERNEL_STACK, "kernel_stack"},
	{UL_KIND_PAGE_TABLES, "page_tables"},
	{UL_KIND_PERCPU, "percpu"},
	{UL_KIND_VMALLOC, "vmalloc"},
	{UL_KIND_HUGETLB, "hugetlb"},
	{UL_KIND_KERNEL_OTHER, "kernel_other"},
	{UL_KIND_UNACCOUNTED, "unaccounted"},
	{UL_KIND_PROCESS, "process"},
	{UL_KIND_NOTE, "note"},
	{UL_KIND_COMPRESSED, "compressed"},
	{UL_KIND_CGROUP, "cgroup"},
	{UL_KIND_PROCESS_FDS, "process_fds"},
	{UL_KIND_PROCESS_TABLES, "process_tables"},
	{UL_KIND_PROCESS_FILES, "process_files"},
};

const char *ul_kind_name(enum ul_kind kind)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(kind_names); i++)
		if (kind_names[i].kind == kind)
			return kind_names[i].name;
	return "unknown";
}

bool ul_kind_of_process(enum ul_kind kind)
{
	return kind == UL_KIND_PROCESS || kind == UL_KIND_PROCESS_FDS ||
	       kind == UL_KIND_PROCESS_TABLES || kind == UL_KIND_PROCESS_FILES;
}

bool ul_kind_parse(const char *name, enum ul_kind *ret)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(kind_names); i++) {
		if (!strcmp(kind_names[i].name, name)) {
			*ret = kind_names[i].kind;
			return true;
		}
	}
	return false;
}

void ul_ledger_init(struct ul_ledger *ledger)
{
	*ledger = (struct ul_ledger){0};
}

static void cache_deinit(struct ul_cache *cache)
{
	free(cache->name);
	ul_vec_foreach (alias, &cache->aliases)
		free(*alias);
	ul_vec_deinit(&cache->aliases);
}

void ul_ledger_deinit(struct ul_ledger *ledger)
{
	ul_vec_foreach (account, &ledger->accounts)
		free(account->name);
	ul_vec_deinit(&ledger->accounts);
	ul_vec_foreach (cache, &ledger->caches)
		cache_deinit(cache);
	ul_vec_deinit(&ledger->caches);
	ul_vec_deinit(&ledger->processes);
	ul_vec_foreach (cgroup, &ledger->cgroups)
		free(cgroup->path);
	ul_vec_deinit(&ledger->cgroups);
	ul_vec_foreach (note, &ledger->notes)
		free(note->name);
	ul_vec_deinit(&ledger->notes);
	ul_losses_deinit(&ledger->losses);
}

static struct ul_account *find(const struct ul_ledger *ledger, enum ul_kind kind, const char *name)
{
	ul_vec_foreach (account, &ledger->accounts)
		if (account->kind == kind && !strcmp(account->name, name))
			return account;
	return NULL;
}

struct ul_error *ul_ledger_add(struct ul_ledger *ledger, enum ul_kind kind, const char *name,
			       int64_t bytes, int64_t objects, bool reclaimable)
{
	struct ul_account *account = find(ledger, kind, name);
	if (!account) {
		// The name first: an account without one would trip the next look-up.
		char *copy UL_CLEANUP_FREE = strdup(name);
		account = copy ? ul_vec_add(&ledger->accounts) : NULL;
		if (!account)
			return &ul_enomem;
		account->name = UL_TAKE(copy);
		account->kind = kind;
		account->objects = -1;
		account->reclaimable = reclaimable;
	}
	account->bytes += bytes;
	if (objects >= 0)
		account->objects = (account->objects < 0 ? 0 : account->objects) + objects;
	return NULL;
}

struct ul_error *ul_ledger_note(struct ul_ledger *ledger, const char *name, uint64_t bytes)
{
	char *copy UL_CLEANUP_FREE = strdup(name);
	struct ul_note *note = copy ? ul_vec_add(&ledger->notes) : NULL;
	if (!note)
		return &ul_enomem;
	note->name = UL_TAKE(copy);
	note->bytes = bytes;
	return NULL;
}

struct ul_error *ul_ledger_add_cgroup(struct ul_ledger *ledger, const char *path, uint64_t bytes,
				      uint64_t held_bytes, int64_t objects)
{
	char *copy UL_CLEANUP_FREE = strdup(path);
	struct ul_cgroup *cgroup = copy ? ul_vec_add(&ledger->cgroups) : NULL;
	if (!cgroup)
		return &ul_enomem;
	*cgroup = (struct ul_cgroup){UL_TAKE(copy), bytes, held_bytes, objects};
	return NULL;
}

uint64_t ul_process_fds_bytes(const struct ul_process *process)
{
	enum { FILE_BYTES = 256, WORTH = 64 };
	return process->has_fds && process->fds >= WORTH ? process->fds * FILE_BYTES : 0;
}

uint64_t ul_process_tables_bytes(const struct ul_process *process)
{
	enum { WORTH = 256 * 1024 };
	return process->has_tables && process->table_bytes >= WORTH ? process->table_bytes : 0;
}

static int larger_first(const void *left, const void *right)
{
	const struct ul_account *a = left;
	const struct ul_account *b = right;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return strcmp(a->name, b->name);
}

static int64_t accounts_bytes(const struct ul_ledger *ledger)
{
	int64_t sum = 0;
	ul_vec_foreach (account, &ledger->accounts)
		sum += account->bytes;
	return sum;
}

void ul_ledger_close(struct ul_ledger *ledger, uint64_t over, uint64_t under)
{
	if (ledger->accounts.len)
		qsort(ledger->accounts.data, ledger->accounts.len, sizeof(*ledger->accounts.data),
		      larger_first);
	ledger->unaccounted.bytes = (int64_t)ledger->mem_total - accounts_bytes(ledger);
	ledger->unaccounted.low = ledger->unaccounted.bytes - (int64_t)under;
	ledger->unaccounted.high = ledger->unaccounted.bytes + (int64_t)over;
}

bool ul_ledger_balanced(const struct ul_ledger *ledger)
{
	ul_vec_foreach (account, &ledger->accounts)
		if (account->bytes < 0)
			return false;
	return accounts_bytes(ledger) + ledger->unaccounted.bytes == (int64_t)ledger->mem_total &&
	       ledger->unaccounted.low <= ledger->unaccounted.bytes &&
	       ledger->unaccounted.bytes <= ledger->unaccounted.high;
}

int64_t ul_ledger_kind_bytes(const struct ul_ledger *ledger, enum ul_kind kind)
{
	int64_t sum = 0;
	ul_vec_foreach (account, &ledger->accounts)
		if (account->kind == kind)
			sum += account->bytes;
	return sum;
}

const struct ul_account *ul_ledger_find(const struct ul_ledger *ledger, enum ul_kind kind,
					const char *name)
{
	return find(ledger, kind, name);
}

const struct ul_cache *ul_ledger_cache(const struct ul_ledger *ledger, const char *name)
{
	ul_vec_foreach (cache, &ledger->caches)
		if (!strcmp(cache->name, name))
			return cache;
	ul_vec_foreach (cache, &ledger->caches)
		ul_vec_foreach (alias, &cache->aliases)
			if (!strcmp(*alias, name))
				return cache;
	return NULL;
}

bool ul_cache_add_alias(struct ul_cache *cache, const char *alias)
{
	char *copy = strdup(alias);
	if (!copy)
		return false;
	if (!ul_vec_push(&cache->aliases, copy)) {
		free(copy);
		return false;
	}
	return true;
}
