/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stacks: walked by the kernel's unwinder, or known again. Included once, by trace.bpf.c.
 *
 * Unwinding costs some 200 ns a frame (ORC: a search in a table for each), most of what a record
 * costs. But a site's stack is nearly always one that was walked before, at the same depth of the
 * same kernel stack. So a walk notes where on the stack its return addresses lay; the next time the
 * words at these places are read, and when their hash, of 64 bits, is that of the walk, they are
 * its frames. Which places to look at is told by the program, the call site, the depth, and the
 * number of the system call.
 *
 * What could deceive is a word left over from an earlier call, at its old place in a frame that
 * does not write there, beside all others at theirs. One known stack in ULT_KNOWN_CHECK is
 * walked none the less, and what differs is counted (ULT_STACK_STALE, of ULT_STACK_CHECKED).
 *
 * Frames below the context of the program (itself, and the kernel's function that runs it) are not
 * looked for: they are the program's own, always the same. Stacks that lie on two (interrupts),
 * reach deeper than ULT_STACK_BYTES or have more than ULT_KNOWN_FRAMES frames are walked.
 */
#ifndef UL_SOURCE_TRACE_STACK_BPF_H
#define UL_SOURCE_TRACE_STACK_BPF_H

#include "tables.bpf.h"

const volatile bool know_stacks = true; /**< false: every stack is walked (tests compare) */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ULT_KNOWN_STACKS);
	__type(key, __u32);
	__type(value, struct ult_known_stack);
} known_stacks SEC(".maps");

/* Hash of frames, from here on by mix(). */
#define STACK_HASH_SEED 0x51ed270b1a2f3c4dULL

static __always_inline __u64 stack_hash(__u64 sum)
{
	return sum > ULT_STACK_LOST ? sum : sum + 2;
}

/*
 * Reads what lies on the stack above the context of the program; its bytes, 0: not all of it.
 * Kernel stacks lie at multiples of their size (Linux include/linux/thread_info.h THREAD_ALIGN), so
 * an address on one says where it ends. Where they are larger than ULT_KERNEL_STACK the rest is not
 * seen, and frames there are not found.
 */
static __always_inline __u32 read_stack(void *ctx, struct ult_scratch *scratch)
{
	// The verifier computes nothing with a pointer: one that was stored is a number.
	*(volatile __u64 *)&scratch->at = (__u64)ctx;
	const __u64 at = *(volatile __u64 *)&scratch->at;
	const __u32 bytes = -at & (ULT_KERNEL_STACK - 1);
	if (bytes < 8 || bytes > ULT_STACK_BYTES ||
	    bpf_probe_read_kernel(scratch->words, bytes, (void *)at))
		return 0;
	return bytes;
}

/* Where a stack like this one was noted. */
static __always_inline __u32 place_of(const struct ult_scratch *scratch, __u32 bytes, __u32 walker,
				      __u64 call_site)
{
	// Linux arch/x86/include/asm/ptrace.h: orig_ax is the sixth word from the end of the stack.
	const __u64 system_call = scratch->words[(bytes / 8 - 6) % ULT_STACK_WORDS];
	return (mix(mix(mix(walker, call_site), bytes), system_call) >> 40) % ULT_KNOWN_STACKS;
}

/*
 * The frames of @walker's stack, of which @bytes were read, by what is known at @place; their hash,
 * 0: they are not those. Not static, like note_stack(): the verifier looks at such a function once,
 * whoever calls it.
 */
__noinline __u64 known_frames(__u32 place, __u32 walker, __u32 bytes)
{
	const struct ult_known_stack *known = bpf_map_lookup_elem(&known_stacks, &place);
	struct ult_scratch *scratch = bpf_map_lookup_elem(&scratches, &walker);
	__u64 sum = STACK_HASH_SEED;
	if (!known || !scratch)
		return 0;
	const __u32 len = known->len;
	scratch->frames[len % ULT_STACK_FRAMES] = 0;
	scratch->frames_len = len;
	for (__u32 i = 0; i < ULT_KNOWN_FRAMES; i++) {
		if (i >= len)
			break;
		const __u32 word = known->places[i];
		// Beyond lies what an earlier, deeper stack left there.
		if (i >= known->below && word >= bytes / 8)
			return 0;
		const __u64 frame = i < known->below ? known->frames[i % ULT_STACK_BELOW]
						     : scratch->words[word % ULT_STACK_WORDS];
		scratch->frames[i] = frame;
		sum = mix(sum, frame);
	}
	const __u64 hash = stack_hash(sum);
	return len && hash == known->hash ? hash : 0;
}

/* Which of the innermost frames this word of the stack is; ULT_STACK_BELOW: none. */
static __always_inline __u32 innermost(const struct ult_scratch *scratch, __u64 word)
{
#pragma unroll
	for (__u32 i = 0; i < ULT_STACK_BELOW; i++)
		if (scratch->frames[i] == word)
			return i;
	return ULT_STACK_BELOW;
}

/*
 * Note at @place where the frames just walked lie; a stack of which one is not found is not noted.
 * What the loop carries is kept in memory: of a number there the verifier remembers nothing, so
 * that it need not follow every course of the loop.
 */
__noinline int note_stack(__u32 place, __u32 walker, __u32 bytes, __u64 hash)
{
	struct ult_known_stack *known = bpf_map_lookup_elem(&known_stacks, &place);
	struct ult_scratch *scratch = bpf_map_lookup_elem(&scratches, &walker);
	if (!known || !scratch || scratch->frames_len <= ULT_STACK_BELOW ||
	    scratch->frames_len > ULT_KNOWN_FRAMES || !claim(&known->busy, 1))
		return 0;
	volatile __u32 *found = &scratch->found;
	known->len = 0;
	known->below = ULT_STACK_BELOW;
	*found = 0;
	for (__u32 i = 0; i < ULT_STACK_WORDS; i++) {
		if (i >= bytes / 8)
			break;
		const __u64 word = scratch->words[i];
		if (known->below >= ULT_STACK_BELOW) {
			*found = innermost(scratch, word);
			known->below = *found;
		}
		const __u32 next = *found;
		if (next < ULT_KNOWN_FRAMES && word == scratch->frames[next]) {
			known->places[next] = i;
			*found = next + 1;
		}
	}
	for (__u32 i = 0; i < ULT_STACK_BELOW; i++)
		known->frames[i] = scratch->frames[i];
	known->hash = hash;
	// Behind the last frame is a zero, which words of zero seem to find.
	if (known->below < ULT_STACK_BELOW && *found >= scratch->frames_len)
		known->len = scratch->frames_len;
	release(&known->busy, 1);
	return 0;
}

/* The kernel's own walk into @scratch; the hash of its frames, 0: it failed. */
static __always_inline __u64 unwind(void *ctx, struct ult_scratch *scratch)
{
	const int bytes = (int)bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);
	if (bytes <= 0)
		return 0;
	const __u32 len = (__u32)bytes / sizeof(__u64);
	// Before the loop: after it `len` is not used, so the verifier need not follow what comes
	// next for each of the lengths at which the loop may have ended.
	if (len < ULT_STACK_FRAMES)
		scratch->frames[len] = 0;
	scratch->frames_len = len;
	__u64 sum = STACK_HASH_SEED;
	for (__u32 i = 0; i < ULT_STACK_FRAMES; i++) {
		if (i >= len)
			break;
		sum = mix(sum, scratch->frames[i]);
	}
	return stack_hash(sum);
}

/* The stack of here, known or walked; 0: it could not be walked. */
static __always_inline __u64 stack_of(void *ctx, struct ult_scratch *scratch, __u32 walker,
				      __u64 call_site)
{
	const __u32 bytes = know_stacks ? read_stack(ctx, scratch) : 0;
	const __u32 place = place_of(scratch, bytes, walker, call_site);
	const __u64 expected = bytes ? known_frames(place, walker, bytes) : 0;
	if (expected && bpf_get_prandom_u32() % ULT_KNOWN_CHECK)
		return expected;
	const __u64 hash = unwind(ctx, scratch);
	if (expected) {
		count(ULT_STACK_CHECKED);
		if (hash != expected)
			count(ULT_STACK_STALE);
	}
	if (bytes && hash && hash != expected)
		note_stack(place, walker, bytes, hash);
	return hash;
}

/*
 * The stack of here in the walker's scratch room, for enter_site(); @hash of all frames tells
 * stacks apart, so that no two share a place. Whoever gets a room gives it back with end_walk().
 */
static __noinline struct ult_scratch *walk_stack(void *ctx, __u32 walker, __u64 call_site,
						 __u64 *hash)
{
	struct ult_scratch *scratch = bpf_map_lookup_elem(&scratches, &walker);
	*hash = ULT_STACK_LOST;
	if (!scratch || scratch->busy) {
		count(ULT_STACK_FAILED);
		return 0;
	}
	scratch->busy = 1;
	*hash = stack_of(ctx, scratch, walker, call_site);
	if (*hash)
		return scratch;
	*hash = ULT_STACK_LOST;
	scratch->busy = 0;
	count(ULT_STACK_FAILED);
	return 0;
}

static __always_inline void end_walk(struct ult_scratch *scratch)
{
	if (scratch)
		scratch->busy = 0;
}

#endif
