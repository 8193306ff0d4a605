// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/span.h"
#include "base/text.h"
#include "base/vec.h"

static void an_error_keeps_its_words_in_order(void **state)
{
	(void)state;
	struct ul_error *error = ul_error_new(UL_ERR_BAD_DATA, "line %d: no colon", 7);
	error = ul_error_prepend(error, "parsing %s", "meminfo");
	error = ul_error_hint(error, "first");
	error = ul_error_hint(error, "mount %s", "/proc");
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
	assert_string_equal(error->message, "parsing meminfo: line 7: no colon");
	assert_string_equal(error->hint, "mount /proc");
	ul_error_destroy(error);
}

static void an_os_error_says_which_and_whether_it_was_denied(void **state)
{
	(void)state;
	UL_CLEANUP_ERROR struct ul_error *absent = ul_error_os(ENOENT, "opening %s", "x");
	assert_int_equal(absent->code, UL_ERR_OS);
	assert_int_equal(absent->errno_value, ENOENT);
	assert_string_equal(absent->message, "opening x: No such file or directory");
	UL_CLEANUP_ERROR struct ul_error *denied = ul_error_os(EPERM, "bpf");
	assert_int_equal(denied->code, UL_ERR_PERMISSION);
	UL_CLEANUP_ERROR struct ul_error *access = ul_error_os(EACCES, "bpf");
	assert_int_equal(access->code, UL_ERR_PERMISSION);
}

static void out_of_memory_is_static_and_cannot_be_changed(void **state)
{
	(void)state;
	struct ul_error *error = ul_error_os(ENOMEM, "anything");
	assert_ptr_equal(error, &ul_enomem);
	error = ul_error_prepend(error, "words");
	error = ul_error_hint(error, "words");
	assert_ptr_equal(error, &ul_enomem);
	assert_string_equal(error->message, "out of memory");
	assert_null(error->hint);
	ul_error_destroy(error);
	ul_error_destroy(NULL);
}

static struct ul_error *fail_if(bool wanted, int *ret)
{
	if (wanted)
		return ul_error_new(UL_ERR_LIMIT, "wanted");
	*ret = 1;
	return NULL;
}

static struct ul_error *try_it(bool wanted, int *ret)
{
	UL_TRY(fail_if(wanted, ret));
	*ret += 1;
	return NULL;
}

static void try_returns_the_error_and_leaves_the_result(void **state)
{
	(void)state;
	int result = 40;
	UL_CLEANUP_ERROR struct ul_error *error = try_it(true, &result);
	assert_non_null(error);
	assert_int_equal(result, 40);
	assert_null(try_it(false, &result));
	assert_int_equal(result, 2);
}

static void a_buffer_is_always_a_string(void **state)
{
	(void)state;
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	assert_string_equal(ul_buf_str(&buf), "");
	ul_buf_clear(&buf);
	ul_buf_puts(&buf, "cache ");
	ul_buf_printf(&buf, "%s-%d", "kmalloc", 4096);
	ul_buf_putc(&buf, '!');
	ul_buf_add(&buf, NULL, 0);
	assert_string_equal(ul_buf_str(&buf), "cache kmalloc-4096!");
	assert_int_equal(buf.len, 19);
	ul_buf_clear(&buf);
	assert_string_equal(ul_buf_str(&buf), "");
	for (int i = 0; i < 1000; i++)
		ul_buf_printf(&buf, "%03d", i);
	assert_int_equal(buf.len, 3000);
	assert_memory_equal(buf.data + 2997, "999", 4);
	assert_false(buf.failed);
}

static void a_buffer_that_cannot_grow_remembers_it(void **state)
{
	(void)state;
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	ul_buf_puts(&buf, "kept");
	assert_false(ul_buf_reserve(&buf, SIZE_MAX));
	assert_true(buf.failed);
	assert_string_equal(ul_buf_str(&buf), "kept");
}

static void lines_and_words_cover_the_text_once(void **state)
{
	(void)state;
	struct ul_span rest = ul_span_of("MemTotal:  16 kB\n\n last\t");
	struct ul_span line;
	struct ul_span word;
	uint64_t number = 0;
	assert_true(ul_span_line(&rest, &line));
	assert_true(ul_span_starts(line, "MemTotal"));
	assert_true(ul_span_cut(&line, ':', &word));
	assert_true(ul_span_equal(word, "MemTotal"));
	assert_true(ul_span_word_u64(&line, &number));
	assert_int_equal(number, 16);
	assert_false(ul_span_word_u64(&line, &number));
	assert_false(ul_span_cut(&line, ':', &word));
	assert_true(ul_span_line(&rest, &line));
	assert_int_equal(line.len, 0);
	assert_true(ul_span_line(&rest, &line));
	assert_true(ul_span_equal(ul_span_trim(line), "last"));
	assert_true(ul_span_word(&line, &word));
	assert_false(ul_span_word(&line, &word));
	assert_false(ul_span_line(&rest, &line));
	assert_int_equal(ul_span_trim(ul_span_of(" \n\t ")).len, 0);
	rest = ul_span_of("UDP, UDP-Lite");
	assert_true(ul_span_item(&rest, &word));
	assert_true(ul_span_equal(word, "UDP"));
	assert_true(ul_span_item(&rest, &word));
	assert_true(ul_span_equal(word, "UDP-Lite"));
	assert_false(ul_span_item(&rest, &word));
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	uint64_t value = 5;
	assert_true(ul_span_u64(ul_span_of("18446744073709551615"), &value));
	assert_true(value == UINT64_MAX);
	value = 5;
	assert_false(ul_span_u64(ul_span_of("18446744073709551616"), &value));
	assert_false(ul_span_u64(ul_span_of(""), &value));
	assert_false(ul_span_u64(ul_span_of("-1"), &value));
	assert_false(ul_span_u64(ul_span_of("12x"), &value));
	assert_false(ul_span_hex(ul_span_of("0x"), &value));
	assert_false(ul_span_hex(ul_span_of("11112222333344445"), &value));
	assert_false(ul_span_hex(ul_span_of("fg"), &value));
	assert_int_equal(value, 5);
	assert_true(ul_span_hex(ul_span_of("0xffffffff81000000"), &value));
	assert_true(value == 0xffffffff81000000ULL);
	assert_true(ul_span_hex(ul_span_of("aB"), &value));
	assert_int_equal(value, 171);
}

static void spans_are_searched_and_copied_within_bounds(void **state)
{
	(void)state;
	static const char bytes[] = {'a', 'b', '\0', 'c', 'd'};
	const struct ul_span span = {bytes, sizeof(bytes)};
	size_t offset = 99;
	assert_true(ul_span_find(span, "cd", &offset));
	assert_int_equal(offset, 3);
	assert_false(ul_span_find(span, "cde", &offset));
	assert_false(ul_span_find((struct ul_span){0}, "a", NULL));
	assert_false(ul_span_starts(span, "abc"));
	char small[3];
	ul_span_copy(ul_span_of("long"), small, sizeof(small));
	assert_string_equal(small, "lo");
	UL_CLEANUP_FREE char *copy = ul_span_dup((struct ul_span){bytes, 2});
	assert_string_equal(copy, "ab");
}

static void owned_text_is_replaced_and_compared(void **state)
{
	(void)state;
	UL_CLEANUP_FREE char *slot = NULL;
	assert_true(ul_text_set(&slot, "one"));
	assert_true(ul_text_set(&slot, slot));
	assert_string_equal(slot, "one");
	assert_true(ul_text_equal(slot, "one"));
	assert_false(ul_text_equal(slot, NULL));
	assert_true(ul_text_set(&slot, NULL));
	assert_null(slot);
	assert_true(ul_text_equal(slot, NULL));
	char small[4];
	ul_text_copy(small, sizeof(small), "cutoff");
	assert_string_equal(small, "cut");
}

static void a_vector_grows_and_is_walked_in_order(void **state)
{
	(void)state;
	UL_VEC(int) numbers = {0};
	ul_vec_foreach (number, &numbers)
		fail_msg("%d in an empty vector", *number);
	for (int i = 0; i < 1000; i++)
		assert_true(ul_vec_push(&numbers, i));
	assert_non_null(ul_vec_add(&numbers));
	assert_int_equal(numbers.data[1000], 0);
	numbers.data[1000] = 1000;
	const __typeof__(numbers) *const view = &numbers;
	int expected = 0;
	ul_vec_foreach (number, view)
		assert_int_equal(*number, expected++);
	assert_int_equal(expected, 1001);
	ul_vec_deinit(&numbers);
	assert_int_equal(numbers.len, 0);
	assert_null(numbers.data);
}

static void a_vector_too_large_is_refused_unchanged(void **state)
{
	(void)state;
	UL_VEC(uint64_t) numbers = {0};
	assert_true(ul_vec_push(&numbers, 7));
	const size_t cap = numbers.cap;
	assert_false(ul_vec_reserve(&numbers, SIZE_MAX));
	assert_false(ul_vec_reserve(&numbers, SIZE_MAX / 8 + 2));
	assert_int_equal(numbers.cap, cap);
	assert_int_equal(numbers.data[0], 7);
	ul_vec_deinit(&numbers);
}

static void arena_pieces_are_aligned_and_do_not_overlap(void **state)
{
	(void)state;
	struct ul_arena arena = {0};
	unsigned char *pieces[300];
	for (size_t i = 0; i < UL_ARRAY_LEN(pieces); i++) {
		pieces[i] = ul_arena_alloc(&arena, i * 3);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 8, 0);
		memset(pieces[i], (int)(i & 0xff), i * 3);
	}
	unsigned char *large = ul_arena_alloc(&arena, 1 << 20);
	assert_non_null(large);
	memset(large, 0xee, 1 << 20);
	for (size_t i = 0; i < UL_ARRAY_LEN(pieces); i++)
		for (size_t byte = 0; byte < i * 3; byte++)
			assert_int_equal(pieces[i][byte], i & 0xff);
	assert_string_equal(ul_arena_strdup(&arena, (struct ul_span){"name]", 4}), "name");
	assert_null(ul_arena_alloc(&arena, SIZE_MAX));
	ul_arena_deinit(&arena);
	assert_null(arena.blocks);
}

static void an_arena_refuses_a_size_that_overflows_with_its_header(void **state)
{
	(void)state;
	struct ul_arena arena = {0};
	assert_null(ul_arena_alloc(&arena, SIZE_MAX - 15));
	ul_arena_deinit(&arena);
}

static void a_map_keeps_what_was_put_while_it_grows(void **state)
{
	(void)state;
	enum { KEYS = 5003 };
	UL_CLEANUP(ul_map_deinit) struct ul_map map = {0};
	assert_null(ul_map_find(&map, 8));
	for (uint32_t i = 1; i <= KEYS; i++)
		assert_true(ul_map_put(&map, (uint64_t)i << 12, i));
	assert_true(ul_map_put(&map, 7 << 12, 0));
	for (uint32_t i = 1; i <= KEYS; i++)
		assert_int_equal(ul_map_get(&map, (uint64_t)i << 12), i == 7 ? 0 : i);
	// A value of 0 is there, what was never put is not.
	assert_non_null(ul_map_find(&map, 7 << 12));
	assert_null(ul_map_find(&map, (KEYS + 1ULL) << 12));
	assert_null(ul_map_find(&map, 0));
	assert_int_equal(ul_map_get(&map, 1), 0);
}

/** A temporary file of @p size bytes 'x' in a new directory; returns the directory's fd. */
static int make_file(char directory[static 32], size_t size)
{
	strcpy(directory, "/tmp/ullage-base-XXXXXX");
	assert_non_null(mkdtemp(directory));
	const int dirfd = open(directory, O_RDONLY | O_DIRECTORY);
	assert_true(dirfd >= 0);
	UL_CLEANUP_CLOSE const int fd = openat(dirfd, "file", O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	UL_CLEANUP_FREE char *bytes = malloc(size + 1);
	assert_non_null(bytes);
	memset(bytes, 'x', size);
	assert_int_equal(write(fd, bytes, size), size);
	return dirfd;
}

static void remove_file(const char *directory, int dirfd)
{
	unlinkat(dirfd, "file", 0);
	rmdir(directory);
}

static void a_file_is_read_whole_up_to_its_limit(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300000};
	for (size_t i = 0; i < UL_ARRAY_LEN(sizes); i++) {
		char directory[32];
		UL_CLEANUP_CLOSE const int dirfd = make_file(directory, sizes[i]);
		UL_CLEANUP_BUF struct ul_buf buf = {0};
		ul_buf_puts(&buf, "head");
		struct ul_error *error = ul_file_read(dirfd, "file", sizes[i], &buf);
		UL_CLEANUP_BUF struct ul_buf small = {0};
		UL_CLEANUP_ERROR struct ul_error *limit =
			sizes[i] ? ul_file_read(dirfd, "file", sizes[i] - 1, &small) : NULL;
		remove_file(directory, dirfd);
		assert_null(error);
		assert_int_equal(buf.len, sizes[i] + 4);
		assert_int_equal(strlen(buf.data), sizes[i] + 4);
		assert_memory_equal(buf.data, sizes[i] ? "headx" : "head", sizes[i] ? 5 : 4);
		if (sizes[i])
			assert_int_equal(limit->code, UL_ERR_LIMIT);
	}
}

static void a_missing_file_is_named(void **state)
{
	(void)state;
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	UL_CLEANUP_ERROR struct ul_error *error = ul_file_read(AT_FDCWD, "/nonexistent", 10, &buf);
	assert_non_null(error);
	assert_int_equal(error->errno_value, ENOENT);
	assert_non_null(strstr(error->message, "/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_keeps_its_words_in_order),
		cmocka_unit_test(an_os_error_says_which_and_whether_it_was_denied),
		cmocka_unit_test(out_of_memory_is_static_and_cannot_be_changed),
		cmocka_unit_test(try_returns_the_error_and_leaves_the_result),
		cmocka_unit_test(a_buffer_is_always_a_string),
		cmocka_unit_test(a_buffer_that_cannot_grow_remembers_it),
		cmocka_unit_test(lines_and_words_cover_the_text_once),
		cmocka_unit_test(numbers_that_do_not_fit_are_refused),
		cmocka_unit_test(spans_are_searched_and_copied_within_bounds),
		cmocka_unit_test(owned_text_is_replaced_and_compared),
		cmocka_unit_test(a_vector_grows_and_is_walked_in_order),
		cmocka_unit_test(a_vector_too_large_is_refused_unchanged),
		cmocka_unit_test(arena_pieces_are_aligned_and_do_not_overlap),
		cmocka_unit_test(an_arena_refuses_a_size_that_overflows_with_its_header),
		cmocka_unit_test(a_map_keeps_what_was_put_while_it_grows),
		cmocka_unit_test(a_file_is_read_whole_up_to_its_limit),
		cmocka_unit_test(a_missing_file_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
