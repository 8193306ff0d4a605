// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Variables of a kernel whose kallsyms names only functions (CONFIG_KALLSYMS_ALL off), found by
 * what they hold. The kernel's image is read once and searched; a variable gets its name only when
 * exactly one place fits, and every place is proved by a chain that closes:
 *
 *   init_task: a task_struct with pid 0 and comm "swapper...", whose list of tasks comes back.
 *
 *   __per_cpu_start: a task's run queue says where a CPU's area lies (BTF knows the offset of
 *   `runqueues` in it); `this_cpu_off` in that area is its distance from the start.
 *
 *   __per_cpu_offset: an array in which every CPU's word is what `this_cpu_off` of its area says.
 *
 *   Per-CPU variables: the start plus their offset in BTF's section .data..percpu.
 *
 *   pcpu_base_addr: the one word that holds the lowest of those areas.
 *
 *   pcpu_chunk_lists: a pointer to an array of lists that come back, one of which has the chunk
 *   that lies in the first area; pcpu_nr_slots is their number, near pcpu_base_addr.
 *
 *   vmap_nodes: a pointer to an array of vmap_node, one for each CPU (Linux mm/vmalloc.c
 *   vmap_init_nodes()), whose lists come back and whose first area makes sense.
 *
 *   sysctl_table_root: a struct ctl_table_root whose own header says that it belongs to that root
 *   and to the set in it, with its table twice (Linux fs/proc/proc_sysctl.c).
 *
 * VMCOREINFO names a few more. What stays without a name is said as before.
 */
#include <string.h>

#include "source/image/image_internal.h"
#include "source/image/percpu_btf.h"

enum {
	DATA_LIMIT = 256 << 20, /**< bytes of the image that are searched */
	TASKS_LIMIT = 1 << 16,
	CPUS_LIMIT = 8192,
	VMAP_NODES_LIMIT = 128, /**< Linux mm/vmalloc.c vmap_init_nodes() */
	READ_BYTES = 1 << 20,
	SLOTS_MIN = 4, /**< lists of chunks; Linux mm/percpu.c has two dozen */
	SLOTS_LIMIT = 64,
	CHUNKS_LIMIT = 256,    /**< of one list, looked at */
	FIRST_CHUNK = 1 << 20, /**< its base is no further from pcpu_base_addr */
	VICINITY = 4096,       /**< bytes around it where pcpu_chunk_lists lies */
	NEIGHBOURS = 512,      /**< bytes around pcpu_base_addr where pcpu_nr_slots lies */
};

struct search {
	struct ul_image *image;
	uint8_t *data; /**< copy of the image from `start` on; what cannot be read is zero */
	uint64_t start;
	size_t bytes;
	uint64_t init_task;
	uint64_t percpu_base; /**< value of pcpu_base_addr; 0: not known */
	uint64_t names;	      /**< given */
};

static bool place(const struct search *search, const char *name, const char *path, uint32_t *ret)
{
	struct ul_place found;
	if (!ul_types_place(search->image->types, name, path, &found))
		return false;
	*ret = found.offset;
	return true;
}

/** The same of a word; false also when it does not lie within the type. */
static bool word_place(const struct search *search, const char *name, const char *path,
		       uint32_t *ret)
{
	const uint32_t bytes = ul_types_sizeof(search->image->types, name);
	return place(search, name, path, ret) && bytes >= 8 && *ret <= bytes - 8;
}

static bool word_at(const struct search *search, uint64_t kaddr, uint64_t *ret)
{
	return ul_memory_u64(search->image->memory, kaddr, ret);
}

static bool u32_at(const struct search *search, uint64_t kaddr, uint32_t *ret)
{
	size_t got = 0;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(search->image->memory, kaddr, ret, sizeof(*ret), &got);
	return !error && got == sizeof(*ret);
}

static uint64_t data_word(const struct search *search, size_t at)
{
	uint64_t word;
	memcpy(&word, search->data + at, sizeof(word));
	return word;
}

static struct ul_error *give(struct search *search, uint64_t kaddr, const char *name)
{
	uint64_t known;
	if (ul_symtab_address(search->image->symtab, name, &known))
		return NULL;
	search->names++;
	return ul_symtab_add(search->image->symtab, kaddr, 'D', name, NULL);
}

static struct ul_error *read_data(struct search *search)
{
	const struct ul_range *image = &search->image->space.image;
	uint64_t etext;
	search->start = image->start;
	if (ul_symtab_address(search->image->symtab, "_etext", &etext) && etext > image->start &&
	    etext < image->end)
		search->start = etext & ~7ULL;
	if (image->end <= search->start || image->end - search->start > DATA_LIMIT)
		return NULL;
	const size_t bytes = (size_t)(image->end - search->start) & ~(size_t)7;
	search->data = calloc(1, bytes);
	if (!search->data)
		return &ul_enomem;
	search->bytes = bytes;
	for (size_t at = 0; at < bytes;) {
		const size_t piece = bytes - at < READ_BYTES ? bytes - at : READ_BYTES;
		size_t got = 0;
		UL_TRY(ul_memory_read(search->image->memory, search->start + at, search->data + at,
				      piece, &got));
		// A page that cannot be read stays zero.
		const uint64_t next = search->start + at + got;
		at += got == piece ? piece : got + 4096 - next % 4096;
	}
	return NULL;
}

/* ---- tasks ---- */

static bool is_init_task(const struct search *search, size_t at, uint32_t comm, uint32_t pid,
			 uint32_t tasks)
{
	uint32_t number;
	uint64_t back;
	const uint64_t head = search->start + at + tasks;
	memcpy(&number, search->data + at + pid, sizeof(number));
	return !memcmp(search->data + at + comm, "swapper", strlen("swapper")) && !number &&
	       data_word(search, at + tasks) >> 63 &&
	       word_at(search, data_word(search, at + tasks) + 8, &back) && back == head;
}

static struct ul_error *find_init_task(struct search *search)
{
	const uint32_t bytes = ul_types_sizeof(search->image->types, "task_struct");
	uint32_t comm;
	uint32_t pid;
	uint32_t tasks;
	if (!word_place(search, "task_struct", "comm", &comm) ||
	    !word_place(search, "task_struct", "pid", &pid) ||
	    !word_place(search, "task_struct", "tasks", &tasks))
		return NULL;
	for (size_t at = 0; at + bytes <= search->bytes; at += 8) {
		if (search->data[at + comm] != 's' || !is_init_task(search, at, comm, pid, tasks))
			continue;
		search->init_task = search->start + at;
		return give(search, search->init_task, "init_task");
	}
	return NULL;
}

/* ---- per-CPU areas ---- */

/** One CPU whose area is known. */
struct area {
	uint32_t cpu;
	uint64_t start;	 /**< of the section, as linked: __per_cpu_start */
	uint64_t offset; /**< what __per_cpu_offset[cpu] must hold */
};

/* The area of the CPU that @p task is on. */
static bool area_of_task(const struct search *search, const struct ul_percpu_btf *btf,
			 uint64_t task, struct area *ret)
{
	const struct ul_range *image = &search->image->space.image;
	const struct ul_percpu_variable *queues = ul_percpu_btf_find(btf, "runqueues");
	const struct ul_percpu_variable *own = ul_percpu_btf_find(btf, "this_cpu_off");
	uint32_t task_queue;
	uint32_t queue_rq;
	uint32_t rq_cpu;
	uint64_t queue;
	uint64_t rq;
	if (!queues || !own || !place(search, "task_struct", "se.cfs_rq", &task_queue) ||
	    !place(search, "cfs_rq", "rq", &queue_rq) || !place(search, "rq", "cpu", &rq_cpu) ||
	    !word_at(search, task + task_queue, &queue) || !(queue >> 63) ||
	    !word_at(search, queue + queue_rq, &rq) || !(rq >> 63) ||
	    !u32_at(search, rq + rq_cpu, &ret->cpu) || ret->cpu >= CPUS_LIMIT)
		return false;
	const uint64_t area = rq - queues->offset;
	if (!word_at(search, area + own->offset, &ret->offset))
		return false;
	ret->start = area - ret->offset;
	return !(ret->start & 4095) &&
	       (ret->start == 0 || (ret->start >= image->start && ret->start < image->end));
}

static bool find_area(const struct search *search, const struct ul_percpu_btf *btf,
		      struct area *ret)
{
	uint32_t tasks;
	uint64_t next;
	if (!search->init_task || !place(search, "task_struct", "tasks", &tasks))
		return false;
	uint64_t task = search->init_task;
	for (int i = 0; i < TASKS_LIMIT; i++) {
		if (area_of_task(search, btf, task, ret))
			return true;
		if (!word_at(search, task + tasks, &next) || next - tasks == search->init_task)
			return false;
		task = next - tasks;
	}
	return false;
}

/* Whether the array at @p at of the data holds every CPU's offset; *@p ret_base: lowest area. */
static bool are_offsets(const struct search *search, const struct area *area, uint64_t own,
			size_t at, uint64_t *ret_base)
{
	const uint32_t cpus = search->image->kernel.cpus ? search->image->kernel.cpus : 1;
	uint64_t base = UINT64_MAX;
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		uint64_t said;
		if (at + 8 * (uint64_t)cpu + 8 > search->bytes)
			return false;
		const uint64_t offset = data_word(search, at + 8 * (size_t)cpu);
		if (!word_at(search, area->start + offset + own, &said) || said != offset)
			return false;
		if (area->start + offset < base)
			base = area->start + offset;
	}
	*ret_base = base;
	return true;
}

/* The one place whose word is @p value; false when there is none, or another. */
static bool only_place(const struct search *search, uint64_t value, uint64_t *ret)
{
	size_t found = 0;
	for (size_t at = 0; at < search->bytes; at += 8) {
		if (data_word(search, at) != value)
			continue;
		*ret = search->start + at;
		found++;
	}
	return found == 1;
}

static struct ul_error *name_offsets(struct search *search, const struct area *area, uint64_t own)
{
	const size_t before = 8 * (size_t)area->cpu;
	for (size_t at = before; at < search->bytes; at += 8) {
		uint64_t base;
		uint64_t place_of_base;
		if (data_word(search, at) != area->offset ||
		    !are_offsets(search, area, own, at - before, &base))
			continue;
		UL_TRY(give(search, search->start + at - before, "__per_cpu_offset"));
		if (!only_place(search, base, &place_of_base))
			return NULL;
		search->percpu_base = base;
		return give(search, place_of_base, "pcpu_base_addr");
	}
	return NULL;
}

static struct ul_error *find_percpu(struct search *search)
{
	UL_CLEANUP_PERCPU_BTF struct ul_percpu_btf *btf = NULL;
	struct area area;
	// Without the section of BTF nothing is lost but these names.
	UL_TRY(ul_percpu_btf_load(&btf));
	if (!btf || !find_area(search, btf, &area))
		return NULL;
	UL_TRY(give(search, area.start, "__per_cpu_start"));
	UL_TRY(give(search, area.start + btf->bytes, "__per_cpu_end"));
	UL_TRY(name_offsets(search, &area, ul_percpu_btf_find(btf, "this_cpu_off")->offset));
	ul_vec_foreach (variable, &btf->variables)
		UL_TRY(give(search, area.start + variable->offset, variable->name));
	return NULL;
}

/* Whether the list at @p head comes back; *@p ret_first: it has the chunk of the first area. */
static bool is_chunk_list(const struct search *search, uint64_t head, uint32_t list, uint32_t base,
			  bool *ret_first)
{
	uint64_t at = head;
	for (int i = 0; i < CHUNKS_LIMIT; i++) {
		uint64_t next;
		uint64_t back;
		uint64_t kaddr;
		if (!word_at(search, at, &next) || !(next >> 63) || next & 7 ||
		    !word_at(search, next + 8, &back) || back != at)
			return false;
		if (next == head)
			return true;
		if (word_at(search, next - list + base, &kaddr) &&
		    kaddr - search->percpu_base < FIRST_CHUNK)
			*ret_first = true;
		at = next;
	}
	return true;
}

/* How many lists of chunks lie in a row at @p lists; 0: they are none. */
static uint32_t count_chunk_lists(const struct search *search, uint64_t lists, uint32_t list,
				  uint32_t base)
{
	bool first = false;
	uint32_t count = 0;
	while (count < SLOTS_LIMIT &&
	       is_chunk_list(search, lists + count * 16ULL, list, base, &first))
		count++;
	return first && count >= SLOTS_MIN ? count : 0;
}

/* The one number around pcpu_base_addr that is @p count. */
static struct ul_error *name_slots(struct search *search, uint32_t count)
{
	uint64_t kaddr;
	uint64_t found = 0;
	if (!ul_symtab_address(search->image->symtab, "pcpu_base_addr", &kaddr))
		return NULL;
	const size_t middle = (size_t)(kaddr - search->start);
	for (size_t at = middle < NEIGHBOURS ? 0 : middle - NEIGHBOURS;
	     at < middle + NEIGHBOURS && at + 4 <= search->bytes; at += 4) {
		uint32_t number;
		memcpy(&number, search->data + at, sizeof(number));
		if (number != count)
			continue;
		if (found)
			return NULL;
		found = search->start + at;
	}
	return found ? give(search, found, "pcpu_nr_slots") : NULL;
}

static struct ul_error *find_chunk_lists(struct search *search)
{
	uint32_t list;
	uint32_t base;
	uint64_t found = 0;
	uint32_t count = 0;
	uint64_t kaddr;
	if (!search->percpu_base ||
	    !ul_symtab_address(search->image->symtab, "pcpu_base_addr", &kaddr) ||
	    !place(search, "pcpu_chunk", "list", &list) ||
	    !place(search, "pcpu_chunk", "base_addr", &base))
		return NULL;
	// Both are written once at boot and lie together; each look elsewhere costs a read.
	const size_t middle = (size_t)(kaddr - search->start) & ~(size_t)7;
	for (size_t at = middle < VICINITY ? 0 : middle - VICINITY;
	     at < middle + VICINITY && at + 8 <= search->bytes; at += 8) {
		const uint64_t word = data_word(search, at);
		uint64_t pfn;
		if (word & 7 || !ul_space_direct_pfn(&search->image->space, word, &pfn))
			continue;
		const uint32_t lists = count_chunk_lists(search, word, list, base);
		if (!lists)
			continue;
		if (found)
			return NULL;
		found = search->start + at;
		count = lists;
	}
	if (!found)
		return NULL;
	UL_TRY(give(search, found, "pcpu_chunk_lists"));
	return name_slots(search, count);
}

/* ---- vmalloc ---- */

struct vmap_places {
	uint32_t node_bytes;
	uint32_t root; /**< busy.root.rb_node in vmap_node */
	uint32_t head; /**< busy.head in vmap_node */
	uint32_t area_node;
	uint32_t area_start;
	uint32_t area_end;
};

static bool vmap_places(const struct search *search, struct vmap_places *ret)
{
	ret->node_bytes = ul_types_sizeof(search->image->types, "vmap_node");
	return ret->node_bytes && place(search, "vmap_node", "busy.root.rb_node", &ret->root) &&
	       place(search, "vmap_node", "busy.head", &ret->head) &&
	       place(search, "vmap_area", "rb_node", &ret->area_node) &&
	       place(search, "vmap_area", "va_start", &ret->area_start) &&
	       place(search, "vmap_area", "va_end", &ret->area_end);
}

/* A node whose list comes back to itself and whose first area, if any, lies in vmalloc space. */
static bool is_vmap_node(const struct search *search, const struct vmap_places *places,
			 uint64_t node, bool *ret_used)
{
	const struct ul_range *vmalloc = &search->image->space.vmalloc;
	uint64_t root;
	uint64_t next;
	uint64_t back;
	uint64_t start;
	uint64_t end;
	if (!word_at(search, node + places->root, &root) ||
	    !word_at(search, node + places->head, &next) || !(next >> 63) ||
	    !word_at(search, next + 8, &back) || back != node + places->head)
		return false;
	*ret_used = root;
	if (!root)
		return next == node + places->head;
	const uint64_t area = root - places->area_node;
	return root >> 63 && word_at(search, area + places->area_start, &start) &&
	       word_at(search, area + places->area_end, &end) && start < end &&
	       !((start | end) & 4095) && start >= vmalloc->start && end <= vmalloc->end;
}

static bool are_vmap_nodes(const struct search *search, const struct vmap_places *places,
			   uint64_t nodes)
{
	const uint32_t cpus = search->image->kernel.cpus;
	const uint32_t count = cpus < VMAP_NODES_LIMIT ? cpus : VMAP_NODES_LIMIT;
	bool any = false;
	for (uint32_t i = 0; i < count; i++) {
		bool used = false;
		if (!is_vmap_node(search, places, nodes + (uint64_t)i * places->node_bytes, &used))
			return false;
		any = any || used;
	}
	return any;
}

static struct ul_error *find_vmap_nodes(struct search *search)
{
	const struct ul_address_space *space = &search->image->space;
	struct vmap_places places;
	uint64_t found = 0;
	uint64_t nodes = 0;
	if (!vmap_places(search, &places))
		return NULL;
	for (size_t at = 0; at < search->bytes; at += 8) {
		const uint64_t word = data_word(search, at);
		uint64_t pfn;
		if (word & 7 || word == nodes || !ul_space_direct_pfn(space, word, &pfn) ||
		    !are_vmap_nodes(search, &places, word))
			continue;
		if (found)
			return NULL;
		found = search->start + at;
		nodes = word;
	}
	return found ? give(search, found, "vmap_nodes") : NULL;
}

/* ---- sysctl ---- */

static struct ul_error *find_sysctl_root(struct search *search)
{
	uint32_t root;
	uint32_t set;
	uint32_t own_set;
	uint32_t table;
	uint32_t table_arg;
	uint64_t found = 0;
	if (!word_place(search, "ctl_table_root", "default_set.dir.header.root", &root) ||
	    !word_place(search, "ctl_table_root", "default_set.dir.header.set", &set) ||
	    !word_place(search, "ctl_table_root", "default_set.dir.header.ctl_table", &table) ||
	    !word_place(search, "ctl_table_root", "default_set.dir.header.ctl_table_arg",
			&table_arg) ||
	    !place(search, "ctl_table_root", "default_set", &own_set))
		return NULL;
	const uint32_t bytes = ul_types_sizeof(search->image->types, "ctl_table_root");
	for (size_t at = 0; at + bytes <= search->bytes; at += 8) {
		const uint64_t kaddr = search->start + at;
		if (data_word(search, at + root) != kaddr ||
		    data_word(search, at + set) != kaddr + own_set ||
		    !(data_word(search, at + table) >> 63) ||
		    data_word(search, at + table) != data_word(search, at + table_arg))
			continue;
		if (found)
			return NULL;
		found = kaddr;
	}
	return found ? give(search, found, "sysctl_table_root") : NULL;
}

/* ---- VMCOREINFO ---- */

static struct ul_error *name_by_vmcoreinfo(struct search *search)
{
	struct ul_span rest = search->image->vmcoreinfo ? ul_span_of(search->image->vmcoreinfo)
							: (struct ul_span){0};
	ul_span_foreach_line (line, rest) {
		char name[64];
		struct ul_span word;
		uint64_t kaddr;
		if (!ul_span_cut(&line, '(', &word) || !ul_span_equal(word, "SYMBOL") ||
		    !ul_span_cut(&line, ')', &word) || !ul_span_starts(line, "=") ||
		    word.len >= sizeof(name))
			continue;
		ul_span_copy(word, name, sizeof(name));
		line.data++;
		line.len--;
		// mem_section is what the variable holds, not where it is.
		if (ul_span_hex(line, &kaddr) && kaddr >> 63 && strcmp(name, "mem_section") != 0)
			UL_TRY(give(search, kaddr, name));
	}
	return NULL;
}

static struct ul_error *find_all(struct search *search)
{
	UL_TRY(name_by_vmcoreinfo(search));
	UL_TRY(read_data(search));
	if (!search->data)
		return NULL;
	UL_TRY(find_init_task(search));
	UL_TRY(find_sysctl_root(search));
	// The offsets are those of the running kernel's BTF.
	if (search->image->live)
		UL_TRY(find_percpu(search));
	// The two that follow read what they look for by names given so far.
	ul_symtab_finish(search->image->symtab);
	UL_TRY(find_chunk_lists(search));
	return find_vmap_nodes(search);
}

struct ul_error *ul_image_name_unnamed(struct ul_image *image)
{
	struct search search = {.image = image};
	if (!image->symtab || !image->types || ul_symtab_has_data(image->symtab))
		return NULL;
	struct ul_error *error = find_all(&search);
	free(search.data);
	if (!error && search.names) {
		ul_symtab_finish(image->symtab);
		error = ul_image_trust(image,
				       "%llu variables without names found by what they hold",
				       (unsigned long long)search.names);
	}
	return error;
}
