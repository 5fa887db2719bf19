/* Allocation, environment, rank lists, clocks, fault injection: gurt/common.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <gurt/common.h>

static void
allocation_macros(void **state)
{
	int *numbers;
	int *more;
	char *text;

	D_ALLOC_ARRAY(numbers, 4);
	assert_non_null(numbers);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(numbers[i], 0);
		numbers[i] = i;
	}
	D_REALLOC_ARRAY(more, numbers, 4, 100);
	assert_non_null(more);
	assert_null(numbers);
	for (int i = 0; i < 100; i++)
		assert_int_equal(more[i], i < 4 ? i : 0);
	D_FREE(more);
	assert_null(more);

	D_STRNDUP(text, "abcdef", 3);
	assert_string_equal(text, "abc");
	D_FREE(text);
	D_ASPRINTF(text, "%s-%d-%.2f-%ld-%c-%u-%s", "many", 1, 2.5, 3L, '4', 5U, "arguments");
	assert_string_equal(text, "many-1-2.50-3-4-5-arguments");
	D_FREE(text);
	assert_int_equal(d_asprintf(&text, "%.1f %.1f %.1f %.1f %.1f %.1f %.1f %.1f %.1f %d", 1.0,
				    2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10),
			 38);
	assert_string_equal(text, "1.0 2.0 3.0 4.0 5.0 6.0 7.0 8.0 9.0 10");
	D_FREE(text);
	D_REALPATH(text, "/tmp/..");
	assert_string_equal(text, "/");
	D_FREE(text);
	D_ALIGNED_ALLOC(text, 4096, 8192);
	assert_int_equal((uintptr_t)text % 4096, 0);
	assert_int_equal(text[8191], 0);
	D_FREE(text);
}

static void
failing_allocations(void **state)
{
	struct d_fault_attr_t attr = {
		.fa_probability_x = 1, .fa_probability_y = 1, .fa_max_faults = 2};
	struct d_fault_attr_t *rule;
	char *text = NULL;

	assert_int_equal(d_fault_inject_init(), 0);
	assert_int_equal(d_fault_inject_enable(), -DER_NOSYS);
	assert_null(d_fault_attr_lookup(0));
	attr.fa_err_code = -DER_NOSPACE;
	assert_int_equal(d_fault_attr_set(0, attr), 0);
	assert_int_equal(d_fault_attr_err_code(0), -DER_NOSPACE);
	assert_int_equal(d_fault_attr_err_code(1), -DER_INVAL);
	rule = d_fault_attr_lookup(0);
	assert_non_null(rule);

	/* What reading a configuration does. */
	d_fault_attr_mem = rule;
	d_fault_inject = 1;
	assert_true(d_fault_inject_is_enabled());
	d_fault_inject_thread_enable(false);
	D_ALLOC(text, 10);
	assert_non_null(text);
	D_FREE(text);
	d_fault_inject_thread_enable(true);
	for (int i = 0; i < 2; i++) {
		D_ALLOC(text, 10);
		assert_null(text);
	}
	D_ALLOC(text, 10);
	assert_non_null(text);
	D_FREE(text);
	assert_int_equal(rule->fa_num_faults, 2);

	attr.fa_max_faults = 0;
	attr.fa_interval = 3;
	assert_int_equal(d_fault_attr_set(0, attr), 0);
	for (int i = 1; i <= 9; i++)
		assert_int_equal(D_SHOULD_FAIL(rule), i % 3 == 0);
	assert_int_equal(d_fault_inject_disable(), 0);
	assert_false(D_SHOULD_FAIL(rule));
	assert_int_equal(d_fault_inject_fini(), 0);
}

static void
environment(void **state)
{
	bool flag = true;
	unsigned number = 7;
	uint64_t large = 7;
	char letter = 'x';
	char buf[4];
	char *copy;

	assert_int_equal(d_unsetenv("GURT_TEST"), 0);
	assert_false(d_isenv_def("GURT_TEST"));
	assert_int_equal(d_agetenv_str(&copy, "GURT_TEST"), -DER_NONEXIST);
	assert_null(copy);
	assert_int_equal(d_getenv_uint("GURT_TEST", &number), -DER_NONEXIST);
	assert_int_equal(number, 7);

	assert_int_equal(d_setenv("GURT_TEST", "42", 1), 0);
	assert_int_equal(d_setenv("GURT_TEST", "43", 0), 0);
	assert_true(d_isenv_def("GURT_TEST"));
	assert_int_equal(d_getenv_uint("GURT_TEST", &number), 0);
	assert_int_equal(number, 42);
	assert_int_equal(d_getenv_uint64_t("GURT_TEST", &large), 0);
	assert_int_equal(large, 42);
	assert_int_equal(d_getenv_char("GURT_TEST", &letter), -DER_INVAL);
	assert_int_equal(d_agetenv_str(&copy, "GURT_TEST"), 0);
	assert_string_equal(copy, "42");
	d_freeenv_str(&copy);
	assert_null(copy);

	assert_int_equal(d_setenv("GURT_TEST", "abcdef", 1), 0);
	assert_int_equal(d_getenv_str(buf, sizeof(buf), "GURT_TEST"), -DER_TRUNC);
	assert_string_equal(buf, "abc");
	assert_int_equal(d_getenv_uint("GURT_TEST", &number), -DER_INVAL);
	assert_int_equal(number, 42);
	assert_int_equal(d_setenv("GURT_TEST", "4294967296", 1), 0);
	assert_int_equal(d_getenv_uint32_t("GURT_TEST", &number), -DER_INVAL);
	assert_int_equal(d_setenv("GURT_TEST", "0", 1), 0);
	assert_int_equal(d_getenv_bool("GURT_TEST", &flag), 0);
	assert_false(flag);
	assert_int_equal(d_getenv_char("GURT_TEST", &letter), 0);
	assert_int_equal(letter, '0');
}

static void
rank_lists(void **state)
{
	d_rank_list_t *list = d_rank_list_alloc(5);
	d_rank_list_t *copy;
	char *text;
	int at;

	assert_non_null(list);
	assert_int_equal(list->rl_nr, 5);
	assert_int_equal(d_rank_list_append(list, 3), 0);
	assert_int_equal(d_rank_list_append(list, 9), 0);
	assert_true(d_rank_list_find(list, 9, &at));
	assert_int_equal(at, 6);
	assert_int_equal(d_rank_list_dup_sort_uniq(&copy, list), 0);
	assert_int_equal(copy->rl_nr, 6);
	assert_int_equal(d_rank_list_to_str(copy, &text), 0);
	assert_string_equal(text, "[0-4,9]");
	D_FREE(text);
	assert_int_equal(d_rank_list_del(list, 3), 0);
	assert_true(d_rank_list_identical(list, copy));
	assert_int_equal(d_rank_list_resize(copy, 0), 0);
	assert_null(copy->rl_ranks);
	assert_int_equal(d_rank_list_merge(copy, list), 0);
	assert_int_equal(copy->rl_nr, 6);
	d_rank_list_free(copy);
	d_rank_list_free(list);
	d_rank_list_free(NULL);
}

static void
clocks(void **state)
{
	uint64_t before = d_hlc_get();
	uint64_t after;
	struct timespec ts;
	struct timespec now;

	assert_int_equal(d_hlc_get_msg(before + 100, &after, NULL), 0);
	assert_true(after > before + 100);
	assert_int_equal(d_hlc_get_msg(before + d_sec2hlc(3600), NULL, NULL), -DER_HLC_SYNC);
	assert_int_equal(d_hlc2timespec(before, &ts), 0);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	assert_true(now.tv_sec - ts.tv_sec >= 0 && now.tv_sec - ts.tv_sec < 600);
	assert_int_equal(d_unixnsec2hlc(d_hlc2unixnsec(before)), before & ~(uint64_t)0xf);
}

static void
growing_waits(void **state)
{
	struct d_backoff_seq seq;

	assert_int_equal(d_backoff_seq_init(&seq, 0, 0, 1, 1), -DER_INVAL);
	assert_int_equal(d_backoff_seq_init(&seq, 1, 4, 16, 100), 0);
	assert_int_equal(d_backoff_seq_next(&seq), 0);
	assert_in_range(d_backoff_seq_next(&seq), 0, 16);
	assert_in_range(d_backoff_seq_next(&seq), 0, 64);
	assert_in_range(d_backoff_seq_next(&seq), 0, 100);
	assert_in_range(d_backoff_seq_next(&seq), 0, 100);
	d_backoff_seq_fini(&seq);
}

static void
string_buffers(void **state)
{
	struct d_string_buffer_t buf = {0};

	for (int i = 0; i < 50; i++)
		assert_int_equal(d_write_string_buffer(&buf, "%02d,", i), 0);
	assert_int_equal(buf.str_size, 150);
	assert_int_equal(strlen(buf.str), 150);
	assert_memory_equal(buf.str + 147, "49,", 3);
	d_free_string(&buf);
	assert_null(buf.str);
}

static void
scatter_gather_lists(void **state)
{
	d_sg_list_t sgl;

	assert_int_equal(d_sgl_init(&sgl, 2), 0);
	D_ALLOC(sgl.sg_iovs[0].iov_buf, 10);
	sgl.sg_iovs[0].iov_buf_len = 10;
	assert_int_equal(d_sgl_buf_size(&sgl), 10);
	d_sgl_fini(&sgl, true);
	assert_int_equal(sgl.sg_nr, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocation_macros),
		cmocka_unit_test(failing_allocations),
		cmocka_unit_test(environment),
		cmocka_unit_test(rank_lists),
		cmocka_unit_test(clocks),
		cmocka_unit_test(growing_waits),
		cmocka_unit_test(string_buffers),
		cmocka_unit_test(scatter_gather_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
