// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/document.h"
#include "view/find.h"
#include "view/fixes.h"
#include "view/origin.h"
#include "view/site.h"

static void put_texts(struct ul_json *json, const char *key, char *const *texts, size_t len)
{
	ul_json_array_begin(json, key);
	for (size_t i = 0; i < len; i++)
		ul_json_string(json, NULL, texts[i]);
	ul_json_array_end(json);
}

static void put_process(struct ul_json *json, const struct ul_finding_process *process)
{
	if (!process->pid) {
		ul_json_null(json, "process");
		return;
	}
	ul_json_object_begin(json, "process");
	ul_json_int(json, "pid", process->pid);
	ul_json_string(json, "comm", process->comm);
	if (process->has_mapping) {
		ul_json_string(json, "mapping", ul_mapping_kind_name(process->mapping));
		ul_json_int(json, "mapping_bytes", process->mapping_bytes);
		ul_json_string(json, "mapping_name", process->mapping_name);
	} else {
		ul_json_null(json, "mapping");
	}
	ul_json_object_end(json);
}

/** "7 for every 2 runs": null where there is no simple ratio. */
static void put_ratio(struct ul_json *json, const struct ul_per_run *lost)
{
	if (!lost->numerator) {
		ul_json_null(json, "ratio");
		return;
	}
	ul_json_object_begin(json, "ratio");
	ul_json_uint(json, "objects", lost->numerator);
	ul_json_uint(json, "runs", lost->denominator);
	ul_json_object_end(json);
}

static void put_companions(struct ul_json *json, const struct ul_finding *finding)
{
	ul_json_array_begin(json, "companions");
	ul_vec_foreach (companion, &finding->companions) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "account", companion->account);
		ul_json_string(json, "function", companion->function);
		ul_json_identity(json, companion->identity, companion->identity_objects,
				 companion->identity_looked_at);
		ul_json_uint(json, "survivors", companion->survivors);
		ul_json_double(json, "bytes_per_s", companion->bytes_per_s);
		if (finding->trigger.runs) {
			ul_json_double(json, "per_run", companion->lost.per_run);
			put_ratio(json, &companion->lost);
		}
		ul_json_string(json, "pointed_by", companion->pointed_by);
		ul_json_uint(json, "pointed", companion->pointed);
		ul_json_uint(json, "looked_at", companion->looked_at);
		ul_json_refcount(json, "references", &companion->refcount);
		ul_json_patterns(json, &companion->patterns);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_growth(struct ul_json *json, const struct ul_finding *finding)
{
	const struct ul_growth *growth = &finding->growth;
	if (finding->trigger.runs) { // no curve was sampled: what is known is in `trigger`
		ul_json_null(json, "growth");
		return;
	}
	ul_json_object_begin(json, "growth");
	ul_json_string(json, "verdict", ul_growth_verdict_name(growth->verdict));
	ul_json_double(json, "low", growth->low);
	ul_json_double(json, "high", growth->high);
	ul_json_double(json, "objects_per_s", growth->objects_per_s);
	ul_json_int(json, "first", growth->first);
	ul_json_int(json, "last", growth->last);
	ul_json_double(json, "score", growth->score);
	ul_json_object_end(json);
}

static void put_survivors(struct ul_json *json, const struct ul_finding *finding)
{
	ul_json_object_begin(json, "survivors");
	ul_json_uint(json, "objects", finding->survivors);
	ul_json_uint(json, "bytes", finding->survivor_bytes);
	if (finding->grown_objects >= 0)
		ul_json_int(json, "account_grew_objects", finding->grown_objects);
	else
		ul_json_null(json, "account_grew_objects");
	ul_json_int(json, "account_grew_bytes", finding->grown_bytes);
	ul_json_object_end(json);
}

static const char *difference_name(enum ul_difference_kind kind)
{
	switch (kind) {
	case UL_DIFFERENCE_CALLER:
		return "caller";
	case UL_DIFFERENCE_SYMBOL:
		return "symbol";
	case UL_DIFFERENCE_PROCESS:
		return "process";
	case UL_DIFFERENCE_TEXT:
		break;
	}
	return "text";
}

static void put_difference(struct ul_json *json, const struct ul_difference *difference)
{
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "kind", difference_name(difference->kind));
	ul_json_string(json, "what", difference->what);
	ul_json_string(json, "module", difference->module);
	ul_json_string(json, "account", difference->account);
	if (difference->kind == UL_DIFFERENCE_SYMBOL)
		ul_json_uint(json, "offset", difference->offset);
	else
		ul_json_null(json, "offset");
	ul_json_double(json, "lost_share", difference->lost);
	ul_json_double(json, "freed_share", difference->freed);
	ul_json_uint(json, "freed_sampled", difference->sampled);
	ul_json_object_end(json);
}

static void put_free_path(struct ul_json *json, const struct ul_finding_free_path *path)
{
	if (!path->usual && !path->freed) {
		ul_json_null(json, "free_path");
		return;
	}
	ul_json_object_begin(json, "free_path");
	ul_json_string(json, "usual", path->usual);
	ul_json_string(json, "module", path->usual_module);
	ul_json_uint(json, "freed", path->freed);
	ul_json_double(json, "usual_share", path->usual_share);
	if (path->path)
		ul_json_stack(json, "stack", &path->path->stack);
	else
		ul_json_null(json, "stack");
	ul_json_string(json, "missing", path->missing);
	ul_json_array_begin(json, "differences");
	ul_vec_foreach (difference, &path->differences)
		put_difference(json, difference);
	ul_json_array_end(json);
	ul_json_object_end(json);
}

static void put_reach(struct ul_json *json, const struct ul_finding_reach *reach)
{
	if (!reach->looked_at) {
		ul_json_null(json, "orphans");
		return;
	}
	ul_json_object_begin(json, "orphans");
	ul_json_uint(json, "looked_at", reach->looked_at);
	if (reach->complete)
		ul_json_uint(json, "lost", reach->looked_at - reach->held);
	else
		ul_json_null(json, "lost");
	ul_json_uint(json, "held", reach->held);
	ul_json_object_end(json);
}

static void put_suspects(struct ul_json *json, const struct ul_finding *finding)
{
	ul_json_array_begin(json, "suspects");
	ul_vec_foreach (suspect, &finding->suspects) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "function", suspect->function);
		ul_json_string(json, "module", suspect->module);
		ul_json_double(json, "score", suspect->score);
		ul_json_string(json, "why", suspect->why);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_place(struct ul_json *json, const char *name, const char *function,
		      const char *caller, const char *module)
{
	if (!function) {
		ul_json_null(json, name);
		return;
	}
	ul_json_object_begin(json, name);
	ul_json_string(json, "function", function);
	ul_json_string(json, "caller", caller);
	ul_json_string(json, "module", module);
	ul_json_object_end(json);
}

static void put_imbalances(struct ul_json *json, const struct ul_finding *finding)
{
	ul_json_array_begin(json, "balance");
	ul_vec_foreach (imbalance, &finding->imbalances) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "type", imbalance->type);
		put_place(json, "get", imbalance->get, imbalance->get_caller,
			  imbalance->get_module);
		put_place(json, "put", imbalance->put, imbalance->put_caller,
			  imbalance->put_module);
		ul_json_uint(json, "lost", imbalance->lost);
		ul_json_uint(json, "lost_of", imbalance->lost_of);
		ul_json_uint(json, "freed", imbalance->freed);
		ul_json_uint(json, "freed_of", imbalance->freed_of);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_known(struct ul_json *json, const struct ul_finding *finding)
{
	ul_json_array_begin(json, "known");
	ul_vec_foreach (known, &finding->known) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "name", known->name);
		ul_json_string(json, "is", ul_known_as_name(known->as));
		ul_json_bool(json, "certain", known->certain);
		ul_json_string(json, "why", known->why);
		ul_json_string(json, "what", known->what);
		ul_json_string(json, "test", known->test);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_trigger(struct ul_json *json, const struct ul_finding_trigger *trigger)
{
	const struct ul_per_run *lost = &trigger->lost;
	if (!trigger->runs) {
		ul_json_null(json, "trigger");
		return;
	}
	ul_json_object_begin(json, "trigger");
	ul_json_string(json, "shape", ul_per_run_shape_name(lost->shape));
	ul_json_uint(json, "runs", trigger->runs);
	ul_json_uint(json, "lost", lost->lost);
	ul_json_uint(json, "lost_with_warm_up", lost->lost_in_all);
	ul_json_double(json, "per_run", lost->per_run);
	ul_json_double(json, "low", lost->low);
	ul_json_double(json, "high", lost->high);
	put_ratio(json, lost);
	if (trigger->control_runs)
		ul_json_double(json, "control_per_run", trigger->control_per_run);
	else
		ul_json_null(json, "control_per_run");
	ul_json_object_end(json);
}

static void put_finding(struct ul_json *json, const struct ul_finding *finding)
{
	ul_json_object_begin(json, NULL);
	ul_json_uint(json, "rank", finding->rank);
	ul_json_string(json, "kind", ul_finding_kind_name(finding->kind));
	ul_json_string(json, "account", finding->account);
	ul_json_string(json, "aliases", finding->aliases);
	ul_json_string(json, "verdict", ul_finding_verdict_name(finding->verdict));
	ul_json_double(json, "confidence", finding->confidence);
	ul_json_double(json, "bytes_per_s", finding->growth.bytes_per_s);
	ul_json_double(json, "group_bytes_per_s", finding->group_bytes_per_s);
	put_growth(json, finding);
	ul_json_string(json, "function", finding->function);
	ul_json_string(json, "module", finding->module);
	if (finding->site)
		ul_json_site(json, "site", finding->site);
	else
		ul_json_null(json, "site");
	put_survivors(json, finding);
	ul_json_patterns(json, &finding->patterns);
	put_process(json, &finding->process);
	put_trigger(json, &finding->trigger);
	put_companions(json, finding);
	put_reach(json, &finding->reach);
	ul_json_identity(json, finding->identity, finding->identity_objects,
			 finding->identity_looked_at);
	ul_json_origins(json, &finding->origins);
	ul_json_refcount(json, "references", &finding->refcount);
	ul_json_release(json, "release", &finding->release);
	put_free_path(json, &finding->free_path);
	ul_json_array_begin(json, "holders");
	if (finding->reach.chain)
		ul_json_string(json, NULL, finding->reach.chain);
	if (finding->holder)
		ul_json_string(json, NULL, finding->holder);
	ul_json_array_end(json);
	put_suspects(json, finding);
	put_imbalances(json, finding);
	put_known(json, finding);
	ul_json_fix_matches(json, "fixes", &finding->fixes);
	put_texts(json, "why", finding->why.data, finding->why.len);
	put_texts(json, "next", finding->next.data, finding->next.len);
	ul_json_object_end(json);
}

static void put_runs(struct ul_json *json, const struct ul_find_result *result)
{
	if (!result->trigger) {
		ul_json_null(json, "trigger");
		return;
	}
	ul_json_object_begin(json, "trigger");
	ul_json_string(json, "command", result->trigger);
	ul_json_uint(json, "runs", result->runs);
	ul_json_uint(json, "warm_up_runs", result->warm_up_runs);
	ul_json_uint(json, "failed_runs", result->failed_runs);
	ul_json_string(json, "control", result->control);
	ul_json_uint(json, "control_runs", result->control_runs);
	ul_json_object_end(json);
}

struct ul_error *ul_json_find(FILE *out, bool pretty, const struct ul_find_result *result)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "find", result->kernel);
	ul_json_double(&json, "window_s", result->findings->window_s);
	ul_json_bool(&json, "interrupted", result->interrupted);
	ul_json_bool(&json, "traced", result->traced);
	ul_json_uint(&json, "mem_total", result->ledger->mem_total);
	put_runs(&json, result);
	ul_json_array_begin(&json, "findings");
	ul_vec_foreach (finding, &result->findings->items)
		put_finding(&json, finding);
	ul_json_array_end(&json);
	return ul_json_document_end(&json, &result->findings->losses);
}
