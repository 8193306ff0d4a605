// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which functions can be watched is not looked up: as in hidden.c, BTF says which there are, and a
 * trampoline is tried, then a kprobe. One that cannot be watched is a loss; none at all, an error.
 */
#include "source/trace/references.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "source/trace/hidden.h"
#include "source/trace/references_shared.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include "references.skel.h"
#pragma GCC diagnostic pop

enum {
	TYPES_MOST = 8,
	LINKS_MOST = ULR_SLOTS + 3,
	RECORDS_MOST = 1 << 20, /**< in memory */
};
_Static_assert((int)UL_REFERENCE_FRAMES == (int)ULR_FRAMES, "records hold what events hold");

/** A function, its slot in the BPF object, and how it is watched. */
struct slot {
	const struct ul_reference_type *type;
	const char *name;
	uint32_t function;			 /**< index in type->functions */
	struct bpf_program *trampoline, *kprobe; /**< NULL: not so */
	bool attached;
};

struct ul_reference_probe {
	struct references_bpf *skeleton;
	struct ring_buffer *ring;
	const struct ul_reference_type *types[TYPES_MOST];
	size_t types_len;
	struct slot slots[ULR_SLOTS];
	size_t slots_len;
	bool no_trampolines;
	size_t left_out; /**< functions for which there was no slot */
	struct bpf_link *links[LINKS_MOST];
	size_t links_len;
	struct ul_reference_records *to; /**< while records are taken */
	uint64_t no_room;
	bool out_of_memory;
};

void ul_reference_probe_destroy(struct ul_reference_probe *probe)
{
	if (!probe)
		return;
	for (size_t i = 0; i < probe->links_len; i++)
		bpf_link__destroy(probe->links[i]);
	ring_buffer__free(probe->ring);
	references_bpf__destroy(probe->skeleton);
	free(probe);
}

static bool returns_object(const struct slot *slot)
{
	return !slot->type->functions[slot->function].puts;
}

/** Functions of the types that this kernel has, to slots. */
static void list_slots(struct ul_reference_probe *probe, const struct btf *btf)
{
	for (size_t t = 0; t < probe->types_len; t++)
		for (uint32_t f = 0; probe->types[t]->functions[f].name; f++) {
			const char *name = probe->types[t]->functions[f].name;
			if (!ul_hidden_prototype_of(btf, name))
				continue;
			if (probe->slots_len == ULR_SLOTS) {
				probe->left_out++;
				continue;
			}
			probe->slots[probe->slots_len++] =
				(struct slot){.type = probe->types[t], .name = name, .function = f};
		}
}

static struct bpf_program *program_of(const struct ul_reference_probe *probe, const char *prefix,
				      size_t slot)
{
	char name[32];
	snprintf(name, sizeof(name), "%s_%zu", prefix, slot);
	return bpf_object__find_program_by_name(probe->skeleton->obj, name);
}

/** Choose the program of a slot, between open and load. */
static void configure_slot(struct ul_reference_probe *probe, const struct btf *btf, size_t at,
			   bool kprobes)
{
	struct slot *slot = &probe->slots[at];
	const bool result = returns_object(slot);
	struct bpf_program *trampoline = program_of(probe, "ul_call", at);
	struct bpf_program *kprobe = program_of(probe, "ulk_call", at);
	const struct btf_type *prototype = ul_hidden_prototype_of(btf, slot->name);
	probe->skeleton->rodata->words[at] = result ? btf_vlen(prototype) : 0;
	probe->skeleton->rodata->results[at] = result;
	if (!probe->no_trampolines && ul_hidden_has_trampoline(btf, slot->name) &&
	    !bpf_program__set_expected_attach_type(trampoline,
						   result ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY) &&
	    !bpf_program__set_attach_target(trampoline, 0, slot->name))
		slot->trampoline = trampoline;
	else if (kprobes)
		slot->kprobe = kprobe;
	bpf_program__set_autoload(trampoline, slot->trampoline);
	bpf_program__set_autoload(kprobe, slot->kprobe);
}

/** Where the functions that allocate lie. */
static void configure_ranges(struct ul_reference_probe *probe, const struct ul_symtab *symtab)
{
	struct references_bpf *skeleton = probe->skeleton;
	struct ul_symbol symbol;
	uint64_t bytes;
	uint32_t len = 0;
	for (size_t i = 0; len < ULR_RANGES && ul_symtab_at(symtab, i, &symbol, &bytes); i++) {
		if (!symbol.code || symbol.module)
			continue;
		const struct ul_reference_type *type = ul_reference_type_of(symbol.name);
		for (size_t t = 0; type && t < probe->types_len; t++) {
			if (probe->types[t] != type)
				continue;
			skeleton->rodata->ranges[len].start = symbol.start;
			skeleton->rodata->ranges[len].end = symbol.start + bytes;
			skeleton->rodata->ranges[len++].type = t;
		}
	}
	skeleton->rodata->ranges_len = len;
}

/** True when there is a link; else errno says why not. */
static bool keep(struct ul_reference_probe *probe, struct bpf_link *link)
{
	if (!link)
		return false;
	probe->links[probe->links_len++] = link;
	return true;
}

static struct ul_error *attach_to_objects(struct ul_reference_probe *probe)
{
	if (!keep(probe, bpf_program__attach(probe->skeleton->progs.ul_allocated)) ||
	    !keep(probe, bpf_program__attach(probe->skeleton->progs.ul_freed)))
		return ul_error_os(errno, "attaching to the events of slab objects");
	(void)keep(probe, bpf_program__attach(probe->skeleton->progs.ul_allocated_node));
	return NULL;
}

static struct ul_error *attach(struct ul_reference_probe *probe)
{
	size_t attached = 0;
	UL_TRY(attach_to_objects(probe));
	for (size_t i = 0; i < probe->slots_len; i++) {
		struct slot *slot = &probe->slots[i];
		if (slot->trampoline)
			slot->attached = keep(probe, bpf_program__attach_trace(slot->trampoline));
		else if (slot->kprobe)
			slot->attached = keep(
				probe, bpf_program__attach_kprobe(
					       slot->kprobe, returns_object(slot), slot->name));
		attached += slot->attached;
	}
	return attached ? NULL
			: ul_error_new(UL_ERR_UNSUPPORTED,
				       "no probe can be set on the functions that take and give "
				       "back references");
}

static int on_event(void *context, void *data, size_t len)
{
	struct ul_reference_probe *probe = context;
	struct ulr_event event;
	if (len < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	struct ul_reference_record record = {.time_ns = (int64_t)event.time_ns,
					     .object = event.object};
	if (event.what == ULR_CALLED) {
		if (event.number >= probe->slots_len)
			return 0;
		record.what = UL_REFERENCE_CALLED;
		record.type = probe->slots[event.number].type;
		record.function = probe->slots[event.number].function;
		memcpy(record.frames, event.frames, sizeof(record.frames));
	} else {
		record.what = event.what == ULR_FREED ? UL_REFERENCE_FREED : UL_REFERENCE_ALLOCATED;
		if (event.number < probe->types_len)
			record.type = probe->types[event.number];
	}
	if (probe->to->items.len >= RECORDS_MOST)
		probe->no_room++;
	else if (!ul_vec_push(&probe->to->items, record))
		probe->out_of_memory = true;
	return 0;
}

static struct ul_error *load(struct ul_reference_probe *probe, const struct ul_symtab *symtab,
			     const struct btf *btf)
{
	const bool kprobes = ul_hidden_has_kprobes();
	size_t watched = 0;
	probe->skeleton = references_bpf__open();
	if (!probe->skeleton)
		return ul_error_os(errno, "opening the BPF program that follows references");
	list_slots(probe, btf);
	for (size_t i = 0; i < probe->slots_len; i++) {
		configure_slot(probe, btf, i, kprobes);
		watched += probe->slots[i].trampoline || probe->slots[i].kprobe;
	}
	if (!watched)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "this kernel has no probes (kprobes, BPF trampolines) for the "
				    "functions that take and give back references");
	configure_ranges(probe, symtab);
	const int status = references_bpf__load(probe->skeleton);
	return status ? ul_error_os(-status, "loading the BPF program that follows references")
		      : NULL;
}

static struct ul_error *open_ring(struct ul_reference_probe *probe)
{
	probe->ring =
		ring_buffer__new(bpf_map__fd(probe->skeleton->maps.events), on_event, probe, NULL);
	return probe->ring ? NULL : ul_error_os(errno, "opening the ring of reference events");
}

struct ul_error *ul_reference_probe_open(const struct ul_reference_type *const *types,
					 size_t types_len, const struct ul_symtab *symtab,
					 bool no_trampolines, struct ul_reference_probe **ret)
{
	UL_CLEANUP_REFERENCE_PROBE struct ul_reference_probe *probe = calloc(1, sizeof(*probe));
	if (!probe)
		return &ul_enomem;
	probe->no_trampolines = no_trampolines;
	for (size_t i = 0; i < types_len && i < TYPES_MOST; i++)
		probe->types[probe->types_len++] = types[i];
	libbpf_set_print(NULL); // what it has to say comes back as errno
	struct btf *btf = btf__load_vmlinux_btf();
	if (!btf)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "this kernel carries no BTF type information");
	struct ul_error *error = load(probe, symtab, btf);
	btf__free(btf);
	if (!error)
		error = open_ring(probe);
	if (!error)
		error = attach(probe);
	if (error)
		return error;
	*ret = UL_TAKE(probe);
	return NULL;
}

void ul_reference_probe_record(struct ul_reference_probe *probe, bool on)
{
	probe->skeleton->bss->recording = on;
}

struct ul_error *ul_reference_probe_take(struct ul_reference_probe *probe,
					 struct ul_reference_records *records)
{
	probe->to = records;
	const int status = ring_buffer__consume(probe->ring);
	probe->to = NULL;
	if (probe->out_of_memory)
		return &ul_enomem;
	return status < 0 ? ul_error_os(-status, "reading the ring of reference events") : NULL;
}

/** Calls that the kernel did not run the program for (since v5.12; else 0). */
static uint64_t missed_calls(const struct ul_reference_probe *probe)
{
	uint64_t missed = 0;
	for (size_t i = 0; i < probe->slots_len; i++) {
		struct bpf_prog_info info = {0};
		__u32 bytes = sizeof(info);
		if (probe->slots[i].trampoline &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(probe->slots[i].trampoline), &info,
					    &bytes))
			missed += info.recursion_misses;
	}
	return missed;
}

struct ul_error *ul_reference_probe_losses(const struct ul_reference_probe *probe,
					   struct ul_losses *losses)
{
	const uint64_t dropped =
		probe->skeleton->bss->dropped + probe->no_room + missed_calls(probe);
	const uint64_t untold = probe->skeleton->bss->untold;
	if (dropped)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, dropped,
				     "references taken or given back, or objects, not noted: no "
				     "room"));
	if (untold)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, untold,
				     "objects whose references were not followed: no room"));
	if (probe->left_out)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, probe->left_out,
				     "functions that take or give back references not watched: "
				     "too many"));
	for (size_t i = 0; i < probe->slots_len; i++)
		if (!probe->slots[i].attached)
			UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, 0,
					     "%s() cannot be watched: who calls it is not known",
					     probe->slots[i].name));
	return NULL;
}
