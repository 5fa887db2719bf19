/* The feature drpc-handler alone: what goes wrong is logged, here by a d_vlog of the suite's own,
 * and nothing else is called. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <daos_errno.h>
#include <daos/drpc_modules.h>
#include <engine/drpc_handler.h>
#include <gurt/debug.h>

enum { MODULE = DRPC_MODULE_MGMT, OTHER = DRPC_MODULE_SRV };

static int lines;
static char last_line[1024];

/** gurt's, mocked. */
void
d_vlog(int flags, const char *fmt, va_list ap)
{
	lines++;
	vsnprintf(last_line, sizeof(last_line), fmt, ap);
}

static void
answer(Drpc__Call *call, Drpc__Response *response)
{
	response->status = DRPC__STATUS__SUBMITTED;
}

static int
set_up(void **state)
{
	assert_int_equal(drpc_hdlr_init(), 0);
	lines = 0;
	last_line[0] = '\0';
	return 0;
}

static int
tear_down(void **state)
{
	return drpc_hdlr_fini();
}

static void
success_says_nothing(void **state)
{
	assert_int_equal(drpc_hdlr_register(MODULE, answer), 0);
	assert_ptr_equal(drpc_hdlr_get_handler(MODULE), answer);
	assert_int_equal(drpc_hdlr_unregister(MODULE), 0);
	assert_int_equal(lines, 0);
}

static void
a_second_handler_is_logged(void **state)
{
	assert_int_equal(drpc_hdlr_register(MODULE, answer), 0);
	assert_int_equal(drpc_hdlr_register(MODULE, answer), -DER_EXIST);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "DER_EXIST"));
}

static void
an_unknown_module_is_logged_and_answered(void **state)
{
	Drpc__Call call = DRPC__CALL__INIT;
	Drpc__Response response = DRPC__RESPONSE__INIT;

	call.module = OTHER;
	drpc_hdlr_process_msg(&call, &response);
	assert_int_equal(response.status, DRPC__STATUS__UNKNOWN_MODULE);
	assert_int_equal(lines, 1);

	assert_int_equal(drpc_hdlr_register(OTHER, answer), 0);
	drpc_hdlr_process_msg(&call, &response);
	assert_int_equal(response.status, DRPC__STATUS__SUBMITTED);
	assert_int_equal(lines, 1);
}

static void
each_failure_of_a_list_is_logged(void **state)
{
	struct dss_drpc_handler list[] = {
		{MODULE, answer}, {-1, answer}, {MODULE, answer}, {OTHER, NULL}};

	assert_int_equal(drpc_hdlr_register_all(list), -DER_EXIST);
	assert_int_equal(lines, 2);
	assert_int_equal(drpc_hdlr_unregister_all(list), 0);
	assert_int_equal(lines, 3);
	assert_null(drpc_hdlr_get_handler(MODULE));
}

static void
without_a_table_everything_is_logged(void **state)
{
	struct dss_drpc_handler list[] = {{MODULE, answer}, {OTHER, NULL}};

	assert_int_equal(drpc_hdlr_fini(), 0);
	assert_int_equal(drpc_hdlr_register(MODULE, answer), -DER_UNINIT);
	assert_int_equal(drpc_hdlr_register_all(list), -DER_UNINIT);
	assert_null(drpc_hdlr_get_handler(MODULE));
	assert_int_equal(lines, 3);
}

/** A log is open, so that lines go to d_vlog. */
static int
open_log(void **state)
{
	return d_log_init();
}

static int
close_log(void **state)
{
	d_log_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(success_says_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_second_handler_is_logged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_unknown_module_is_logged_and_answered, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(each_failure_of_a_list_is_logged, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(without_a_table_everything_is_logged, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, open_log, close_log);
}
