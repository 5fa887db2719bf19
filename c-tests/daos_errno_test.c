/* Names and descriptions of error codes: daos_errno.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <daos_errno.h>

static void
codes_are_where_daos_has_them(void **state)
{
	assert_int_equal(DER_NO_PERM, 1001);
	assert_int_equal(DER_QUOTA_LIMIT, 1046);
	assert_int_equal(DER_IO, 2001);
	assert_int_equal(DER_IGNORE, 2052);
	assert_int_equal(DER_UNKNOWN, 501000);
}

static void
every_code_has_a_name_and_a_description(void **state)
{
	for (int code = DER_ERR_GURT_BASE + 1; code <= DER_QUOTA_LIMIT; code++) {
		assert_string_not_equal(d_errstr(-code), "DER_UNKNOWN");
		assert_null(strstr(d_errdesc(-code), "Unknown error"));
	}
	for (int code = DER_ERR_DAOS_BASE + 1; code < DER_LAST_VALID; code++) {
		assert_string_not_equal(d_errstr(-code), "DER_UNKNOWN");
		assert_null(strstr(d_errdesc(-code), "Unknown error"));
	}
}

static void
known_codes(void **state)
{
	assert_string_equal(d_errstr(DER_SUCCESS), "DER_SUCCESS");
	assert_string_equal(d_errdesc(DER_SUCCESS), "Success");
	assert_string_equal(d_errstr(-DER_NOMEM), "DER_NOMEM");
	assert_string_equal(d_errdesc(-DER_NOMEM), "Out of memory");
	assert_string_equal(d_errdesc(-DER_TX_BUSY), "TX is not committed");
}

static void
numbers_that_are_no_codes(void **state)
{
	static const int numbers[] = {DER_NOMEM, -DER_ERR_GURT_BASE, -DER_LAST_VALID, 1, INT_MAX,
				      INT_MIN};
	char text[64];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text), "Unknown error code %d", numbers[i]);
		assert_string_equal(d_errstr(numbers[i]), "DER_UNKNOWN");
		assert_string_equal(d_errdesc(numbers[i]), text);
	}
	assert_string_equal(d_errdesc(-DER_UNKNOWN), "Unknown error");
}

static void
a_code_in_a_line(void **state)
{
	char text[64];

	snprintf(text, sizeof(text), DF_RC, DP_RC(-DER_BUSY));
	assert_string_equal(text, "DER_BUSY(-1012): 'Device or resource busy'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_where_daos_has_them),
		cmocka_unit_test(every_code_has_a_name_and_a_description),
		cmocka_unit_test(known_codes),
		cmocka_unit_test(numbers_that_are_no_codes),
		cmocka_unit_test(a_code_in_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
