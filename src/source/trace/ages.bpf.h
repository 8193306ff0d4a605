/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How old objects were when they were freed, by site: one counter for each doubling of the age.
 * Ages are as exact as the records' times: a tick. Beside them, how many objects the freed records
 * of a share of the addresses stand for. Included once, by tables.bpf.h.
 */
#ifndef UL_SOURCE_TRACE_AGES_BPF_H
#define UL_SOURCE_TRACE_AGES_BPF_H

/* By the index of a site. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ult_ages);
} site_ages SEC(".maps");

/* Bits of @value: 0 for 0. Straight on, for the verifier of 5.10. */
static __always_inline __u32 bits_of(__u64 value)
{
	__u32 bits = 0;
	if (value >> 32)
		return 32;
	if (value >> 16) {
		value >>= 16;
		bits += 16;
	}
	if (value >> 8) {
		value >>= 8;
		bits += 8;
	}
	if (value >> 4) {
		value >>= 4;
		bits += 4;
	}
	if (value >> 2) {
		value >>= 2;
		bits += 2;
	}
	return bits + (value >> 1 ? 2 : value ? 1 : 0);
}

static __always_inline void count_age(__u32 site, __u64 age_ns)
{
	const __u32 bits = bits_of(age_ns >> ULT_AGE_SHIFT);
	const __u32 last = ULT_AGE_CLASSES - 1;
	struct ult_ages *ages = bpf_map_lookup_elem(&site_ages, &site);
	if (ages)
		__sync_fetch_and_add(&ages->freed[bits < last ? bits : last], 1);
}

/* A freed record that stands for @objects, more than one. */
static __always_inline void count_group(__u32 site, __u64 hash, __u64 objects)
{
	struct ult_ages *ages = bpf_map_lookup_elem(&site_ages, &site);
	if (ages)
		__sync_fetch_and_add(&ages->groups[ult_group(hash)], objects);
}

#endif
