// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/record_fixture.h"

#include "source/record/codec.h"
#include "source/record/thin.h"

static void put(struct ul_buf *packed, bool full, uint32_t id, bool ends, int64_t bytes,
		int64_t objects, uint32_t *last)
{
	const struct ul_codec_change change = {id, ends, bytes, objects};
	ul_codec_put_change(packed, full, &change, last);
}

static struct ul_span span_of(const struct ul_buf *buf)
{
	return (struct ul_span){ul_buf_str(buf), buf->len};
}

static void holds_value(const struct ul_thin_state *state, size_t at, uint32_t id, int64_t bytes,
			int64_t objects)
{
	assert_int_equal(state->values.data[at].id, id);
	assert_int_equal(state->values.data[at].bytes, bytes);
	assert_int_equal(state->values.data[at].objects, objects);
}

/** Series 3 (10, 1), 5 (20, none), 9 (4096, 7). */
static void first_state(struct ul_thin_state *state)
{
	UL_CLEANUP_BUF struct ul_buf packed = {0};
	uint32_t last = 0;
	bool fits = false;
	put(&packed, true, 3, false, 10, 2, &last);
	put(&packed, true, 5, false, 20, 0, &last);
	put(&packed, true, 9, false, 4096, 8, &last);
	OK(ul_thin_apply(state, span_of(&packed), true, &fits));
	assert_true(fits);
}

static void a_full_sample_begins_from_nothing(void **state)
{
	UL_CLEANUP_THIN_STATE struct ul_thin_state values = {0};
	first_state(&values);
	first_state(&values);
	assert_int_equal(values.values.len, 3);
	holds_value(&values, 0, 3, 10, 1);
	holds_value(&values, 1, 5, 20, -1);
	holds_value(&values, 2, 9, 4096, 7);
}

static void changes_begin_move_and_end_series(void **state)
{
	UL_CLEANUP_THIN_STATE struct ul_thin_state values = {0};
	UL_CLEANUP_BUF struct ul_buf packed = {0};
	uint32_t last = 0;
	bool fits = false;
	first_state(&values);
	put(&packed, false, 1, false, 5, 0, &last);
	put(&packed, false, 3, false, -3, 4, &last);
	put(&packed, false, 5, true, 0, 0, &last);
	put(&packed, false, 12, false, 8, 1, &last);
	OK(ul_thin_apply(&values, span_of(&packed), false, &fits));
	assert_true(fits);
	assert_int_equal(values.values.len, 4);
	holds_value(&values, 0, 1, 5, -1);
	holds_value(&values, 1, 3, 7, 5);
	holds_value(&values, 2, 9, 4096, 7);
	holds_value(&values, 3, 12, 8, 0);
}

static void an_end_of_nothing_and_cut_bytes_do_not_fit(void **state)
{
	UL_CLEANUP_THIN_STATE struct ul_thin_state values = {0};
	UL_CLEANUP_BUF struct ul_buf packed = {0};
	uint32_t last = 0;
	bool fits = true;
	first_state(&values);
	put(&packed, false, 4, true, 0, 0, &last);
	OK(ul_thin_apply(&values, span_of(&packed), false, &fits));
	assert_false(fits);
	ul_buf_clear(&packed);
	last = 0;
	put(&packed, false, 3, false, 1 << 20, 9, &last);
	fits = true;
	OK(ul_thin_apply(&values, (struct ul_span){packed.data, packed.len - 1}, false, &fits));
	assert_false(fits);
}

/** From a state to one after many samples: what encode() says must lead there in one step. */
static void one_encoded_step_equals_many(void **state)
{
	UL_CLEANUP_THIN_STATE struct ul_thin_state values = {0};
	UL_CLEANUP_THIN_STATE struct ul_thin_state before = {0};
	UL_CLEANUP_BUF struct ul_buf step = {0};
	bool fits = false;
	first_state(&values);
	OK(ul_thin_copy(&values, &before));
	for (int i = 0; i < 50; i++) {
		UL_CLEANUP_BUF struct ul_buf packed = {0};
		uint32_t last = 0;
		put(&packed, false, 3, false, 4096, 1, &last);
		if (i == 20)
			put(&packed, false, 5, true, 0, 0, &last);
		put(&packed, false, 9, false, i % 2 ? 100 : -100, 0, &last);
		if (i == 30)
			put(&packed, false, 40, false, 77, 0, &last);
		// A series that came and went between leaves no trace.
		if (i == 31 || i == 33)
			put(&packed, false, 41, i == 33, 5, 0, &last);
		OK(ul_thin_apply(&values, span_of(&packed), false, &fits));
		assert_true(fits);
	}
	OK(ul_thin_encode(&before, &values, &step));
	OK(ul_thin_apply(&before, span_of(&step), false, &fits));
	assert_true(fits);
	assert_int_equal(before.values.len, 3);
	holds_value(&before, 0, 3, 10 + 50 * 4096, 51);
	holds_value(&before, 1, 9, 4096, 7);
	holds_value(&before, 2, 40, 77, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_sample_begins_from_nothing),
		cmocka_unit_test(changes_begin_move_and_end_series),
		cmocka_unit_test(an_end_of_nothing_and_cut_bytes_do_not_fit),
		cmocka_unit_test(one_encoded_step_equals_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
