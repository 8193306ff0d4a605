// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bytes of `accounts` plus unaccounted.bytes are mem_total, so `accounts` is never cut; the
 * lists beside it, which overlap it, may be.
 */
#include "view/account.h"
#include "view/document.h"

void ul_json_accounts(struct ul_json *json, const struct ul_ledger *ledger)
{
	ul_json_uint(json, "mem_total", ledger->mem_total);
	ul_json_array_begin(json, "accounts");
	ul_vec_foreach (account, &ledger->accounts) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "name", account->name);
		ul_json_string(json, "kind", ul_kind_name(account->kind));
		ul_json_int(json, "bytes", account->bytes);
		if (account->objects >= 0)
			ul_json_int(json, "objects", account->objects);
		ul_json_bool(json, "reclaimable", account->reclaimable);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_object_begin(json, "unaccounted");
	ul_json_int(json, "bytes", ledger->unaccounted.bytes);
	ul_json_int(json, "low", ledger->unaccounted.low);
	ul_json_int(json, "high", ledger->unaccounted.high);
	ul_json_object_end(json);
}

static size_t rows(size_t len, size_t top)
{
	return top && top < len ? top : len;
}

static void put_caches(struct ul_json *json, const struct ul_ledger *ledger, size_t top)
{
	ul_json_array_begin(json, "caches");
	for (size_t i = 0; i < rows(ledger->caches.len, top); i++) {
		const struct ul_cache *cache = &ledger->caches.data[i];
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "name", cache->name);
		ul_json_array_begin(json, "aliases");
		ul_vec_foreach (alias, &cache->aliases)
			ul_json_string(json, NULL, *alias);
		ul_json_array_end(json);
		ul_json_uint(json, "bytes", cache->bytes);
		ul_json_uint(json, "objects", cache->objects);
		ul_json_uint(json, "objects_total", cache->objects_total);
		ul_json_uint(json, "object_size", cache->object_size);
		ul_json_bool(json, "reclaimable", cache->reclaimable);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_processes(struct ul_json *json, const struct ul_ledger *ledger, size_t top)
{
	ul_json_array_begin(json, "processes");
	for (size_t i = 0; i < rows(ledger->processes.len, top); i++) {
		const struct ul_process *process = &ledger->processes.data[i];
		ul_json_object_begin(json, NULL);
		ul_json_int(json, "pid", process->pid);
		ul_json_string(json, "comm", process->comm);
		if (process->has_pss)
			ul_json_uint(json, "pss", process->pss_bytes);
		else
			ul_json_null(json, "pss");
		ul_json_uint(json, "rss", process->rss_bytes);
		ul_json_uint(json, "swap", process->swap_bytes);
		ul_json_bool(json, "kernel_thread", process->kernel_thread);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

struct ul_error *ul_json_account(FILE *out, bool pretty, const struct ul_kernel *kernel,
				 const struct ul_ledger *ledger, const struct ul_pages *pages,
				 const struct ul_holders *holders, size_t top)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "account", kernel);
	ul_json_int(&json, "time_ns", ledger->time_ns);
	ul_json_accounts(&json, ledger);
	put_caches(&json, ledger, top);
	put_processes(&json, ledger, top);
	ul_json_array_begin(&json, "notes");
	ul_vec_foreach (note, &ledger->notes) {
		ul_json_object_begin(&json, NULL);
		ul_json_string(&json, "name", note->name);
		ul_json_uint(&json, "bytes", note->bytes);
		ul_json_object_end(&json);
	}
	ul_json_array_end(&json);
	if (pages)
		ul_json_pages(&json, pages);
	else
		ul_json_null(&json, "pages");
	if (ledger->ram_bytes)
		ul_json_uint(&json, "system_ram", ledger->ram_bytes);
	if (holders)
		ul_json_holders(&json, holders, top);
	return ul_json_document_end(&json, &ledger->losses);
}
