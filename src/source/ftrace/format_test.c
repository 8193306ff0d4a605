// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* As Linux 6.18 prints it, its table of flags cut down to five of them. */
static const char cache_alloc[] =
	"name: kmem_cache_alloc\n"
	"ID: 659\n"
	"format:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	"\n"
	"\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n"
	"\tfield:size_t bytes_alloc;\toffset:40;\tsize:8;\tsigned:0;\n"
	"\n"
	"print fmt: \"call_site=%pS\", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", "
	"{( unsigned long)(((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) | "
	"(( gfp_t)((((1UL))) << (6)))) | (( gfp_t)((((1UL))) << (22)))), \"GFP_KERNEL_ACCOUNT\"}, "
	"{( unsigned long)(( gfp_t)((((1UL))) << (4))), \"__GFP_RECLAIMABLE\"}, "
	"{( unsigned long)(( gfp_t)((((1UL))) << (22))), \"__GFP_ACCOUNT\"}, "
	"{( unsigned long)(( gfp_t)((((1UL))) << (0))), \"__GFP_DMA\"}) : \"none\"\n";

static struct ul_ftrace_format parse(const char *text)
{
	struct ul_ftrace_format format;
	assert_true(ul_ftrace_format_parse(ul_span_of(text), &format));
	return format;
}

static void fields_lie_where_the_format_says(void **state)
{
	const struct ul_ftrace_format format = parse(cache_alloc);
	assert_int_equal(format.id, 659);
	assert_int_equal(format.fields[UL_FTRACE_COMMON_PID].offset, 4);
	assert_int_equal(format.fields[UL_FTRACE_PTR].offset, 16);
	assert_int_equal(format.fields[UL_FTRACE_PTR].size, 8);
	assert_true(format.fields[UL_FTRACE_NAME].data_loc);
	assert_false(format.fields[UL_FTRACE_PFN].exists);
}

static void flags_of_several_kernels(void **state)
{
	const struct ul_ftrace_format shifts = parse(cache_alloc);
	assert_int_equal(shifts.gfp_account, 1 << 22);
	assert_int_equal(shifts.gfp_reclaimable, 1 << 4);
	assert_int_equal(shifts.gfp_dma, 1);
	// 5.10 prints the bits; 4.x calls the zone GFP_DMA; enumerators say nothing.
	const struct ul_ftrace_format bits = parse(
		"field:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\nprint fmt: "
		"{(unsigned long)((gfp_t)0x400000u), \"__GFP_ACCOUNT\"}, {(unsigned "
		"long)((gfp_t)0x10u), \"__GFP_RECLAIMABLE\"}, {(unsigned long)((gfp_t)0x01u), "
		"\"GFP_DMA\"}");
	assert_int_equal(bits.gfp_account, 0x400000);
	assert_int_equal(bits.gfp_reclaimable, 0x10);
	assert_int_equal(bits.gfp_dma, 1);
	const struct ul_ftrace_format names =
		parse("field:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\nprint fmt: "
		      "{(gfp_t)((((1UL))) << (___GFP_ACCOUNT_BIT)), \"__GFP_ACCOUNT\"}");
	assert_int_equal(names.gfp_account, 0);
}

static void arrays_and_the_page_header(void **state)
{
	const struct ul_ftrace_format stack =
		parse("ID: 4\n\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
		      "\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n");
	assert_int_equal(stack.fields[UL_FTRACE_CALLER].offset, 16);
	const struct ul_ftrace_format page =
		parse("\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		      "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
		      "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		      "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n");
	assert_int_equal(page.fields[UL_FTRACE_COMMIT].size, 8);
	assert_int_equal(page.fields[UL_FTRACE_DATA].offset, 16);
}

static void values_out_of_a_record(void **state)
{
	const struct ul_ftrace_format format = parse(cache_alloc);
	uint8_t record[56] = {0};
	const uint64_t pointer = 0xffff888115cb33c0;
	const uint32_t place = 48 | 5u << 16; // five bytes at 48
	memcpy(record + 16, &pointer, sizeof(pointer));
	memcpy(record + 24, &place, sizeof(place));
	memcpy(record + 48, "filp", 5);
	assert_true(ul_ftrace_number(&format.fields[UL_FTRACE_PTR], record, 56) == pointer);
	assert_true(ul_span_equal(ul_ftrace_string(&format.fields[UL_FTRACE_NAME], record, 56),
				  "filp"));
	// What lies beyond the record is not read.
	assert_int_equal(ul_ftrace_number(&format.fields[UL_FTRACE_PTR], record, 23), 0);
	assert_int_equal(ul_ftrace_string(&format.fields[UL_FTRACE_NAME], record, 52).len, 0);
}

static void other_texts_are_no_formats(void **state)
{
	struct ul_ftrace_format format;
	assert_false(ul_ftrace_format_parse(ul_span_of("enabled\n"), &format));
	assert_false(ul_ftrace_format_parse(ul_span_of("field:int x;"), &format));
	assert_false(ul_ftrace_format_parse(
		ul_span_of("field:int x;\toffset:99999999;\tsize:4;\tsigned:1;"), &format));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_lie_where_the_format_says),
		cmocka_unit_test(flags_of_several_kernels),
		cmocka_unit_test(arrays_and_the_page_header),
		cmocka_unit_test(values_out_of_a_record),
		cmocka_unit_test(other_texts_are_no_formats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
