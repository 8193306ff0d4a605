// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mark and sweep over heaps made by arithmetic: how fast, and in how much memory.
 *
 *   orphans_synthetic rate MIB
 *       objects of 256 bytes in mapped memory, a fifth of the words are pointers to random ones:
 *       rate of marking, by threads
 *   orphans_synthetic size OBJECTS
 *       a tree of so many objects in 64 GiB that exist only when they are read; some branches are
 *       cut: what is found is compared with what was cut, and the memory it took is told
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "analysis/reach.h"
#include "model/heap.h"

#define DIRECT UINT64_C(0xffff888000000000)
#define IMAGE  UINT64_C(0xffffffff81000000)

enum { PAGE = 4096, SLOTS = 21, SLOT_BYTES = 192, RATE_BYTES = 256, CUT_EVERY = 100003 };

struct made_memory {
	struct ul_memory memory;
	uint64_t objects; /**< size: of the tree */
	uint8_t *bytes;	  /**< rate: what is mapped at DIRECT */
	uint64_t bytes_len;
	uint64_t root[PAGE / 8];
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/** Of all threads: what other programs do meanwhile does not count. */
static double cpu_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(struct ul_error *error)
{
	if (!error)
		return;
	fprintf(stderr, "%s\n", error->message);
	exit(1);
}

static uint64_t object_kaddr(uint64_t object)
{
	return DIRECT + object / SLOTS * PAGE + object % SLOTS * SLOT_BYTES;
}

/** Is object @p child cut from its parent? */
static bool is_cut(uint64_t child)
{
	return child % CUT_EVERY == 999;
}

/** One aligned word of the tree. */
static uint64_t tree_word(const struct made_memory *made, uint64_t kaddr)
{
	const uint64_t page = (kaddr - DIRECT) / PAGE;
	const uint64_t in_page = (kaddr - DIRECT) % PAGE;
	const uint64_t object = page * SLOTS + in_page / SLOT_BYTES;
	const uint64_t child = 2 * object + 1 + in_page % SLOT_BYTES / 8;
	if (in_page >= SLOTS * SLOT_BYTES || in_page % SLOT_BYTES >= 16 || child >= made->objects ||
	    is_cut(child))
		return 0;
	return object_kaddr(child);
}

static struct ul_error *made_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				  size_t len, size_t *ret_read)
{
	const struct made_memory *made = (const struct made_memory *)(const void *)memory;
	uint8_t *out = buffer;
	*ret_read = len;
	if (kaddr >= IMAGE) {
		memcpy(buffer, (const uint8_t *)made->root + (kaddr - IMAGE), len);
		return NULL;
	}
	for (size_t at = 0; at + 8 <= len; at += 8) {
		const uint64_t word = tree_word(made, kaddr + at);
		memcpy(out + at, &word, sizeof(word));
	}
	return NULL;
}

static const void *made_map(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len)
{
	const struct made_memory *made = (const struct made_memory *)(const void *)memory;
	if (!made->bytes || kaddr - DIRECT >= made->bytes_len)
		return NULL;
	*ret_len = made->bytes_len - (kaddr - DIRECT);
	return made->bytes + (kaddr - DIRECT);
}

static void made_destroy(struct ul_memory *memory)
{
	(void)memory;
}

static const struct ul_memory_ops made_ops = {
	.read = made_read, .destroy = made_destroy, .map = made_map};

static void make_heap(struct ul_heap *heap, uint64_t max_pfn, uint32_t object_bytes)
{
	const struct ul_address_space space = {
		.page_bytes = PAGE, .page_offset = DIRECT, .max_pfn = max_pfn};
	const struct ul_root root = {.kaddr = IMAGE, .bytes = PAGE, .kind = UL_ROOT_IMAGE};
	check(ul_heap_init(heap, &space));
	struct ul_heap_cache *cache = ul_vec_add(&heap->caches);
	if (!cache || !ul_vec_push(&heap->roots, root))
		exit(1);
	cache->name = strdup("made");
	cache->object_bytes = cache->slot_bytes = object_bytes;
}

static void add_slab(struct ul_heap *heap, uint64_t pfn, uint32_t slots, uint32_t slot_bytes)
{
	const struct ul_block block = {
		.kaddr = DIRECT + pfn * PAGE,
		.bytes = (uint64_t)slots * slot_bytes,
		.slot_bytes = slot_bytes,
		.slots = slots,
		.kind = UL_BLOCK_SLAB,
	};
	check(ul_heap_add_block(heap, &block));
}

static double reach(struct made_memory *made, const struct ul_heap *heap, unsigned int threads,
		    struct ul_orphans *ret)
{
	struct ul_image image = {.kind = "made", .memory = &made->memory};
	const struct ul_reach_options options = {
		.threads = threads, .no_second_pass = true, .clock = cpu_now};
	check(ul_reach(&image, heap, &options, ret));
	return ret->scan_seconds;
}

static uint64_t noise(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static int rate(uint64_t mib)
{
	const uint64_t pages = mib * 256;
	const uint64_t objects = pages * (PAGE / RATE_BYTES);
	struct made_memory made = {.memory = {.ops = &made_ops, .concurrent = true}};
	struct ul_heap heap;
	uint64_t seed = 1;
	made.bytes_len = pages * PAGE;
	made.bytes = malloc(made.bytes_len);
	if (!made.bytes)
		return 1;
	for (uint64_t at = 0; at < made.bytes_len; at += 8) {
		const uint64_t word = noise(&seed) % 5
					      ? noise(&seed)
					      : DIRECT + noise(&seed) % objects * RATE_BYTES;
		memcpy(made.bytes + at, &word, sizeof(word));
	}
	made.root[1] = DIRECT;
	make_heap(&heap, pages, RATE_BYTES);
	for (uint64_t pfn = 0; pfn < pages; pfn++)
		add_slab(&heap, pfn, PAGE / RATE_BYTES, RATE_BYTES);
	check(ul_heap_finish(&heap));
	memset(heap.allocated, 0xff, heap.objects / 8);
	for (unsigned int threads = 1; threads <= 2; threads++) {
		double best = 1e9;
		uint64_t bytes = 0;
		for (int run = 0; run < 5; run++) {
			UL_CLEANUP_ORPHANS struct ul_orphans orphans;
			const double seconds = reach(&made, &heap, threads, &orphans);
			best = seconds < best ? seconds : best;
			bytes = orphans.scan_bytes;
		}
		printf("%u thread%s  %.2f GB/s of CPU time (%.0f MB in %.3f s, best of 5)\n",
		       threads, threads == 1 ? " " : "s", (double)bytes / best / 1e9,
		       (double)bytes / 1e6, best);
	}
	ul_heap_deinit(&heap);
	free(made.bytes);
	return 0;
}

/** Objects below a cut, by going up from each: another way than the search's. */
static uint64_t count_cut(uint64_t objects)
{
	uint64_t count = 0;
	for (uint64_t object = 0; object < objects; object++)
		for (uint64_t up = object; up; up = (up - 1) / 2)
			if (is_cut(up)) {
				count++;
				break;
			}
	return count;
}

static int size(uint64_t objects)
{
	struct made_memory made = {.memory = {.ops = &made_ops, .concurrent = true},
				   .objects = objects};
	struct ul_heap heap;
	struct rusage usage;
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
	double start = now();
	made.root[0] = DIRECT;
	make_heap(&heap, UINT64_C(64) << 18, SLOT_BYTES);
	for (uint64_t first = 0; first < objects; first += SLOTS)
		add_slab(&heap, first / SLOTS, SLOTS, SLOT_BYTES);
	check(ul_heap_finish(&heap));
	for (uint64_t object = 0; object < objects; object++)
		ul_heap_set_allocated(&heap, object, true);
	getrusage(RUSAGE_SELF, &usage);
	printf("heap of %llu objects: %.1f s, %.1f bytes an object\n", (unsigned long long)objects,
	       now() - start, (double)usage.ru_maxrss * 1024 / (double)objects);
	start = now();
	reach(&made, &heap, 0, &orphans);
	getrusage(RUSAGE_SELF, &usage);
	const uint64_t wanted = count_cut(objects);
	printf("mark and sweep: %.1f s of CPU, %.1f bytes an object at the most\n",
	       orphans.scan_seconds, (double)usage.ru_maxrss * 1024 / (double)objects);
	printf("orphans: %llu, cut: %llu\n", (unsigned long long)orphans.items.len,
	       (unsigned long long)wanted);
	ul_heap_deinit(&heap);
	return orphans.items.len != wanted;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "rate"))
		return rate(strtoull(argv[2], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "size"))
		return size(strtoull(argv[2], NULL, 10));
	fprintf(stderr, "usage: %s rate MIB | size OBJECTS\n", argv[0]);
	return 2;
}
