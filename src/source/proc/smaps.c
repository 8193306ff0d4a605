// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of /proc/PID/smaps, Linux fs/proc/task_mmu.c show_map_vma() and __show_smap():
 *
 *   START-END perms offset major:minor inode      PATH        (blanks in PATH are PATH's own)
 *   Rss:                  12 kB                               (about 20 such lines)
 *
 * A mapping is sorted by what backs it, not by who dirtied it: private pages of a file mapping stay
 * with "file". Shared memory comes under several names because tmpfs backs it all: shared anonymous
 * memory is "/dev/zero (deleted)" (mm/shmem.c shmem_zero_setup()), System V segments are
 * "/SYSV<key> (deleted)", memfd_create() gives "/memfd:NAME (deleted)", and a tmpfs is mounted on
 * /dev/shm. A private mapping of /dev/zero is anonymous memory that kept its file
 * (drivers/char/mem.c mmap_zero()). Other tmpfs files (/run, /tmp) cannot be told from disk files
 * by name and count as "file". hugetlb pages are not in Rss and thus in no class.
 */
#include "source/proc/smaps.h"

#include "source/proc/limits.h"

struct mapping {
	enum ul_mapping_kind kind;
	struct ul_span name;
	uint64_t rss_bytes;
	uint64_t pss_bytes;
	uint64_t swap_bytes;
};

static enum ul_mapping_kind classify(struct ul_span path, bool shared)
{
	static const struct {
		const char *prefix;
		enum ul_mapping_kind kind;
	} prefixes[] = {
		{"[heap]", UL_MAPPING_HEAP},	 {"[stack", UL_MAPPING_STACK},
		{"[anon:", UL_MAPPING_ANON},	 {"[anon_shmem:", UL_MAPPING_SHMEM},
		{"/memfd:", UL_MAPPING_SHMEM},	 {"/SYSV", UL_MAPPING_SHMEM},
		{"/dev/shm/", UL_MAPPING_SHMEM},
	};
	if (!path.len)
		return UL_MAPPING_ANON;
	for (size_t i = 0; i < UL_ARRAY_LEN(prefixes); i++)
		if (ul_span_starts(path, prefixes[i].prefix))
			return prefixes[i].kind;
	if (ul_span_equal(path, "/dev/zero") || ul_span_equal(path, "/dev/zero (deleted)"))
		return shared ? UL_MAPPING_SHMEM : UL_MAPPING_ANON;
	return UL_MAPPING_FILE;
}

static bool is_range(struct ul_span word)
{
	struct ul_span end = word;
	struct ul_span start;
	uint64_t value;
	return ul_span_cut(&end, '-', &start) && ul_span_hex(start, &value) &&
	       ul_span_hex(end, &value);
}

/** False when @p line is no header of a mapping. */
static bool parse_header(struct ul_span line, struct mapping *ret)
{
	struct ul_span rest = line;
	struct ul_span word;
	struct ul_span perms;
	if (!ul_span_word(&rest, &word) || !is_range(word) || !ul_span_word(&rest, &perms))
		return false;
	for (int i = 0; i < 3; i++) // offset, device, inode
		if (!ul_span_word(&rest, &word))
			return false;
	const struct ul_span path = ul_span_trim(rest);
	const bool shared = perms.len >= 4 && perms.data[3] == 's';
	*ret = (struct mapping){.kind = classify(path, shared), .name = path};
	return true;
}

static void add_clamped(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum) || *sum > UL_PROC_LIMIT_BYTES)
		*sum = UL_PROC_LIMIT_BYTES;
}

/** "Name:   NUMBER kB" with the name wanted: its bytes. */
static bool parse_field(struct ul_span line, const char *name, uint64_t *ret)
{
	uint64_t value;
	struct ul_span word;
	if (!ul_span_word(&line, &word) || !ul_span_equal(word, name) ||
	    !ul_span_word_u64(&line, &value) || value > UL_PROC_LIMIT_BYTES / 1024)
		return false;
	*ret = value * 1024;
	return true;
}

static void book(struct ul_mappings *mappings, const struct mapping *mapping)
{
	struct ul_mapping_class *to = &mappings->classes[mapping->kind];
	add_clamped(&to->rss_bytes, mapping->rss_bytes);
	add_clamped(&to->pss_bytes, mapping->pss_bytes);
	add_clamped(&to->swap_bytes, mapping->swap_bytes);
	if (mapping->rss_bytes > to->largest_bytes) {
		to->largest_bytes = mapping->rss_bytes;
		ul_span_copy(mapping->name, to->largest_name, sizeof(to->largest_name));
	}
}

void ul_smaps_parse(struct ul_span text, struct ul_mappings *ret)
{
	struct mapping mapping = {0};
	bool inside = false;
	*ret = (struct ul_mappings){0};
	ul_span_foreach_line (line, text) {
		struct mapping next;
		if (parse_header(line, &next)) {
			if (inside)
				book(ret, &mapping);
			mapping = next;
			inside = true;
		} else if (!parse_field(line, "Rss:", &mapping.rss_bytes) &&
			   !parse_field(line, "Pss:", &mapping.pss_bytes)) {
			(void)parse_field(line, "Swap:", &mapping.swap_bytes);
		}
	}
	if (inside)
		book(ret, &mapping);
}

bool ul_smaps_total(struct ul_span text, struct ul_smaps_total *ret)
{
	struct ul_smaps_total total = {0};
	bool found = false;
	ul_span_foreach_line (line, text) {
		uint64_t bytes;
		if (parse_field(line, "Pss:", &bytes)) {
			add_clamped(&total.pss_bytes, bytes);
			found = true;
		} else if (parse_field(line, "Private_Clean:", &bytes) ||
			   parse_field(line, "Private_Dirty:", &bytes)) {
			add_clamped(&total.uss_bytes, bytes);
		} else if (parse_field(line, "Swap:", &bytes)) {
			add_clamped(&total.swap_bytes, bytes);
		}
	}
	if (found)
		*ret = total;
	return found;
}
