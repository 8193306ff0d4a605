// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One piece of work as kernels of different times and tools print it: a cat that allocates three
 * buffers of 4096 bytes, frees one of them by kfree and one page, while another processor's events
 * lie in between. Written by hand from the formats: Linux kernel/trace/trace_output.c,
 * include/trace/events/kmem.h, tools/perf/builtin-script.c, trace-cmd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/tracefile/tracefile.h"

struct seen {
	uint64_t allocated, freed, pages_freed, reused;
	uint64_t keys[8];
	bool hashed;
	uint32_t stack; /**< of the last allocation by cat */
};

static struct ul_error *take(void *context, const struct ul_event *event)
{
	struct seen *seen = context;
	if (event->kind == UL_EVENT_ALLOC && event->bytes == 4096) {
		seen->keys[seen->allocated++ % 8] = event->key;
		seen->stack = event->stack;
		seen->hashed |= event->hashed;
	} else if (event->kind == UL_EVENT_FREE && event->allocator == UL_ALLOCATOR_SLAB) {
		for (size_t i = 0; i < 8; i++)
			seen->freed += seen->keys[i] && seen->keys[i] == event->key;
	}
	seen->pages_freed += event->kind == UL_EVENT_FREE &&
			     event->allocator == UL_ALLOCATOR_PAGES && !event->repeats;
	seen->reused += event->kind == UL_EVENT_REUSE;
	return NULL;
}

struct era {
	const char *name;
	enum ul_tracefile_format format;
	const char *function; /**< innermost of the last buffer's stack */
	bool hashed;
	const char *text;
};

/* v2.6.32: no flags in front, call sites as numbers, page events of their old names, SLAB. */
static const struct era linux_2_6_32 = {
	"2.6.32, trace",
	UL_TRACEFILE_FTRACE,
	"seq_read",
	false,
	"# tracer: nop\n"
	"#\n"
	"#           TASK-PID    CPU#    TIMESTAMP  FUNCTION\n"
	"#              | |       |          |         |\n"
	"             cat-3021  [001]  1234.567890: kmalloc: call_site=ffffffff811a5c5b "
	"ptr=ffff88003d2c1000 bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL\n"
	"          <idle>-0     [000]  1234.567891: kmem_cache_free: call_site=ffffffff8110a1b2 "
	"ptr=ffff88003dbb0180\n"
	"             cat-3021  [001]  1234.567892: kmalloc_node: call_site=ffffffff811a5c5b "
	"ptr=ffff88003d2c3000 bytes_req=4000 bytes_alloc=4096 gfp_flags=GFP_KERNEL|GFP_ZERO "
	"node=-1\n"
	"             cat-3021  [001]  1234.567893: kfree: call_site=ffffffff811a5c00 "
	"ptr=ffff88003d2c1000\n"
	"             cat-3021  [001]  1234.567894: mm_page_free_direct: page=ffffea0000d5f0a0 "
	"pfn=249900 order=0\n"
	"             cat-3021  [001]  1234.567895: mm_page_alloc: page=ffffea0000d5f0a0 "
	"pfn=249900 order=0 migratetype=2 gfp_flags=GFP_HIGHUSER_MOVABLE\n"
	"             cat-3021  [001]  1234.567896: kmalloc: call_site=ffffffff811a5c5b "
	"ptr=ffff88003d2c5000 bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL\n"
	"             cat-3021  [001]  1234.567897: <stack trace>\n"
	" => seq_read\n"
	" => proc_reg_read\n"
	" => vfs_read\n",
};

/* v3.10 as trace-cmd prints its records; the frames have addresses behind. */
static const struct era linux_3_10 = {
	"3.10, trace-cmd report",
	UL_TRACEFILE_REPORT,
	"seq_read",
	false,
	"version = 6\n"
	"cpus=2\n"
	"             cat-3021  [001]   234.567890: kmalloc:              (seq_read+0x1ab) "
	"call_site=ffffffff811a5c5b ptr=0xffff88003d2c1000 bytes_req=4096 bytes_alloc=4096 "
	"gfp_flags=GFP_KERNEL\n"
	"             cat-3021  [001]   234.567891: kernel_stack:         <stack trace>\n"
	"=> seq_read (ffffffff811a5c5b)\n"
	"=> vfs_read (ffffffff81183f2e)\n"
	"          <idle>-0     [000]   234.567891: kmem_cache_free:      "
	"call_site=ffffffff8110a1b2 ptr=0xffff88003dbb0180\n"
	"             cat-3021  [001]   234.567892: kmalloc:              "
	"call_site=ffffffff811a5c5b ptr=0xffff88003d2c3000 bytes_req=4000 bytes_alloc=4096 "
	"gfp_flags=GFP_KERNEL|GFP_ZERO\n"
	"             cat-3021  [001]   234.567893: kfree:                "
	"call_site=ffffffff811a5c00 ptr=0xffff88003d2c1000\n"
	"             cat-3021  [001]   234.567894: mm_page_free:         "
	"page=0xffffea0000d5f0a0 pfn=249900 order=0\n"
	"             cat-3021  [001]   234.567895: mm_page_alloc:        "
	"page=0xffffea0000d5f0a0 pfn=249900 order=0 migratetype=2 "
	"gfp_flags=GFP_HIGHUSER_MOVABLE\n"
	"             cat-3021  [001]   234.567896: kmalloc:              "
	"call_site=ffffffff811a5c5b ptr=0xffff88003d2c5000 bytes_req=4096 bytes_alloc=4096 "
	"gfp_flags=GFP_KERNEL\n"
	"             cat-3021  [001]   234.567897: kernel_stack:         <stack trace>\n"
	"=> seq_read (ffffffff811a5c5b)\n"
	"=> vfs_read (ffffffff81183f2e)\n",
};

/* v5.4: hashed addresses, flags in front; the batch repeats the free. trace_pipe after a loss. */
static const struct era linux_5_4 = {
	"5.4, trace_pipe",
	UL_TRACEFILE_FTRACE,
	"kvmalloc_node",
	true,
	"             cat-3021  [001] ....   234.567890: kmalloc: call_site=000000004bd3a1b2 "
	"ptr=00000000f2c1d0aa bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL\n"
	"          <idle>-0     [000] ..s.   234.567891: kmem_cache_free: "
	"call_site=00000000bb1c22d3 ptr=00000000ad1bb018\n"
	"CPU:0 [LOST 13 EVENTS]\n"
	"             cat-3021  [001] ....   234.567892: kmalloc_node: "
	"call_site=000000004bd3a1b2 ptr=00000000f2c1d0ab bytes_req=4000 bytes_alloc=4096 "
	"gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1\n"
	"             cat-3021  [001] ....   234.567893: kfree: call_site=000000004bd3a100 "
	"ptr=00000000f2c1d0aa\n"
	"             cat-3021  [001] ....   234.567894: mm_page_free: page=000000000d5f0a01 "
	"pfn=249900 order=0\n"
	"             cat-3021  [001] ....   234.567894: mm_page_free_batched: "
	"page=000000000d5f0a01 pfn=249900 order=0\n"
	"             cat-3021  [001] ....   234.567895: mm_page_alloc: page=000000000d5f0a01 "
	"pfn=249900 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_ZERO\n"
	"             cat-3021  [001] ....   234.567896: kmalloc_node: "
	"call_site=000000004bd3a1b2 ptr=00000000f2c1d0ac bytes_req=4096 bytes_alloc=4096 "
	"gfp_flags=GFP_KERNEL_ACCOUNT node=-1\n"
	"             cat-3021  [001] ....   234.567897: <stack trace>\n"
	" => kvmalloc_node\n"
	" => seq_read\n"
	" => vfs_read\n",
};

/* v6.18: symbols as call sites, five flags, names of caches, pfn in hexadecimal. */
static const struct era linux_6_18 = {
	"6.18, trace",
	UL_TRACEFILE_FTRACE,
	"__kvmalloc_node_noprof",
	true,
	"# tracer: nop\n"
	"#\n"
	"# entries-in-buffer/entries-written: 9/9   #P:2\n"
	"#\n"
	"#                                _-----=> irqs-off/BH-disabled\n"
	"#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
	"             cat-3021    [001] .....   234.567890: kmalloc: "
	"call_site=seq_read_iter+0x38e/0x490 ptr=00000000f2c1d0aa bytes_req=4096 "
	"bytes_alloc=4096 gfp_flags=GFP_KERNEL_ACCOUNT node=-1 accounted=true\n"
	"          <idle>-0       [000] d.s1.   234.567891: kmem_cache_free: "
	"call_site=i_callback+0x12/0x40 ptr=00000000ad1bb018 name=ext4_inode_cache\n"
	"             cat-3021    [001] .....   234.567892: kmem_cache_alloc: "
	"call_site=getname_flags.part.0+0x2b/0x1c0 ptr=00000000f2c1d0ab name=names_cache "
	"bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 accounted=false\n"
	"             cat-3021    [001] .....   234.567893: kfree: "
	"call_site=single_release+0x3a/0x50 ptr=00000000f2c1d0aa\n"
	"             cat-3021    [001] .....   234.567894: mm_page_free: page=00000000d5f0a001 "
	"pfn=0x3d02c order=0\n"
	"             cat-3021    [001] .....   234.567895: mm_page_alloc: page=00000000d5f0a001 "
	"pfn=0x3d02c order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_ZERO\n"
	"             cat-3021    [001] .....   234.567896: kmalloc: "
	"call_site=seq_read_iter+0x38e/0x490 ptr=00000000f2c1d0ac bytes_req=4000 "
	"bytes_alloc=4096 gfp_flags=GFP_KERNEL_ACCOUNT node=-1 accounted=true\n"
	"             cat-3021    [001] .....   234.567897: <stack trace>\n"
	" => __kvmalloc_node_noprof+0x303/0x570\n"
	" => seq_read_iter+0x38e/0x490\n"
	" => vfs_read+0xa5/0x2b0\n",
};

/* perf script of v6.1, callchains below their events, users' frames at their ends. */
static const struct era perf_6_1 = {
	"6.1, perf script",
	UL_TRACEFILE_PERF,
	"__kmalloc_node",
	false,
	"cat  3021 [001]   234.567890: kmem:kmalloc: call_site=kvmalloc_node+0x4a "
	"ptr=0xffff88003d2c1000 bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 "
	"accounted=false\n"
	"\tffffffff8128a1c7 __kmalloc_node+0xa7 ([kernel.kallsyms])\n"
	"\tffffffff811a5c5b seq_read_iter+0x370 ([kernel.kallsyms])\n"
	"\t    7f0a1b2c3d4e read+0xe (/usr/lib/x86_64-linux-gnu/libc.so.6)\n"
	"\n"
	"swapper     0 [000]   234.567891: kmem:kmem_cache_free: call_site=i_callback+0x12 "
	"ptr=0xffff88003dbb0180 name=ext4_inode_cache\n"
	"\tffffffff8128a2c7 kmem_cache_free+0x2a7 ([kernel.kallsyms])\n"
	"\n"
	"cat  3021 [001]   234.567892: kmem:kmalloc: call_site=kvmalloc_node+0x4a "
	"ptr=0xffff88003d2c3000 bytes_req=4000 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 "
	"accounted=false\n"
	"\tffffffff8128a1c7 __kmalloc_node+0xa7 ([kernel.kallsyms])\n"
	"\n"
	"cat  3021 [001]   234.567893: kmem:kfree: call_site=single_release+0x3a "
	"ptr=0xffff88003d2c1000\n"
	"\n"
	"cat  3021 [001]   234.567894: kmem:mm_page_free: page=0xffffea0000d5f0a0 pfn=0x3d02c "
	"order=0\n"
	"\n"
	"cat  3021 [001]   234.567895: kmem:mm_page_alloc: page=0xffffea0000d5f0a0 pfn=0x3d02c "
	"order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE\n"
	"\n"
	"cat  3021 [001]   234.567896: kmem:kmalloc: call_site=kvmalloc_node+0x4a "
	"ptr=0xffff88003d2c5000 bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 "
	"accounted=false\n"
	"\tffffffff8128a1c7 __kmalloc_node+0xa7 ([kernel.kallsyms])\n"
	"\tffffffff811a5c5b seq_read_iter+0x370 ([kernel.kallsyms])\n"
	"\n",
};

static void expect_era(const struct era *era)
{
	UL_CLEANUP_TRACEFILE struct ul_tracefile *file = NULL;
	struct seen seen = {0};
	FILE *temporary = tmpfile();
	assert_non_null(temporary);
	assert_true(fputs(era->text, temporary) >= 0);
	assert_int_equal(fflush(temporary), 0);
	assert_int_equal(lseek(fileno(temporary), 0, SEEK_SET), 0);
	assert_null(ul_tracefile_open(fileno(temporary), era->name, &file));
	assert_null(ul_tracefile_read(file, take, &seen));
	assert_int_equal(ul_tracefile_info(file)->format, era->format);
	assert_int_equal(seen.allocated, 3);
	assert_int_equal(seen.freed, 1);
	assert_int_equal(seen.pages_freed, 1);
	assert_int_equal(seen.reused, 1); // the movable page
	assert_int_equal(seen.hashed, era->hashed);
	const struct ul_stack *stack =
		ul_dictionary_stack_of(ul_tracefile_dictionary(file), seen.stack);
	assert_non_null(stack);
	assert_string_equal(stack->frames.data[0].function, era->function);
	assert_true(stack->frames.len >= 2);
	assert_int_equal(ul_tracefile_losses(file)->items.len, 0);
	fclose(temporary);
}

static void kernels_of_many_years_say_the_same(void **state)
{
	expect_era(&linux_2_6_32);
	expect_era(&linux_3_10);
	expect_era(&linux_5_4);
	expect_era(&linux_6_18);
	expect_era(&perf_6_1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_of_many_years_say_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
