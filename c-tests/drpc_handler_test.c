/* Which module answers which dRPC calls: engine/drpc_handler.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <limits.h>
#include <stdint.h>

#include <daos_errno.h>
#include <daos/drpc_modules.h>
#include <engine/drpc_handler.h>

static int answered;

static void
answer(Drpc__Call *call, Drpc__Response *response)
{
	answered++;
	response->status = DRPC__STATUS__SUBMITTED;
}

static void
answer_otherwise(Drpc__Call *call, Drpc__Response *response)
{
	response->status = DRPC__STATUS__FAILURE;
}

static int
init(void **state)
{
	answered = 0;
	return drpc_hdlr_init();
}

static int
fini(void **state)
{
	return drpc_hdlr_fini();
}

static void
a_module_has_one_handler(void **state)
{
	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_TEST));
	assert_int_equal(drpc_hdlr_register(DRPC_MODULE_TEST, answer), 0);
	assert_ptr_equal(drpc_hdlr_get_handler(DRPC_MODULE_TEST), answer);
	assert_int_equal(drpc_hdlr_register(DRPC_MODULE_TEST, answer_otherwise), -DER_EXIST);
	assert_ptr_equal(drpc_hdlr_get_handler(DRPC_MODULE_TEST), answer);
	assert_int_equal(drpc_hdlr_unregister(DRPC_MODULE_TEST), 0);
	assert_int_equal(drpc_hdlr_unregister(DRPC_MODULE_TEST), 0);
	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_TEST));
}

static void
ids_out_of_range_are_refused(void **state)
{
	static const int ids[] = {-1, NUM_DRPC_MODULES, INT_MIN, INT_MAX};
	unsigned int i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(drpc_hdlr_register(ids[i], answer), -DER_INVAL);
		assert_int_equal(drpc_hdlr_unregister(ids[i]), -DER_INVAL);
		assert_null(drpc_hdlr_get_handler(ids[i]));
	}
	assert_int_equal(drpc_hdlr_register(DRPC_MODULE_TEST, NULL), -DER_INVAL);
}

static void
of_a_list_as_many_as_possible_are_registered(void **state)
{
	struct dss_drpc_handler list[] = {
		{.module_id = DRPC_MODULE_MGMT, .handler = answer},
		{.module_id = NUM_DRPC_MODULES, .handler = answer},
		{.module_id = DRPC_MODULE_SEC, .handler = answer_otherwise},
		{0},
	};

	assert_int_equal(drpc_hdlr_register_all(list), -DER_INVAL);
	assert_ptr_equal(drpc_hdlr_get_handler(DRPC_MODULE_MGMT), answer);
	assert_ptr_equal(drpc_hdlr_get_handler(DRPC_MODULE_SEC), answer_otherwise);
	assert_int_equal(drpc_hdlr_unregister_all(list), 0);
	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_MGMT));
	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_SEC));
	assert_int_equal(drpc_hdlr_register_all(NULL), 0);
	assert_int_equal(drpc_hdlr_unregister_all(NULL), 0);
}

static void
a_call_goes_to_its_modules_handler(void **state)
{
	Drpc__Call call = DRPC__CALL__INIT;
	Drpc__Response response = DRPC__RESPONSE__INIT;

	call.module = DRPC_MODULE_SRV;
	drpc_hdlr_process_msg(&call, &response);
	assert_int_equal(response.status, DRPC__STATUS__UNKNOWN_MODULE);
	assert_int_equal(drpc_hdlr_register(DRPC_MODULE_SRV, answer), 0);
	drpc_hdlr_process_msg(&call, &response);
	assert_int_equal(response.status, DRPC__STATUS__SUBMITTED);
	assert_int_equal(answered, 1);
	call.module = INT_MIN;
	drpc_hdlr_process_msg(&call, &response);
	assert_int_equal(response.status, DRPC__STATUS__UNKNOWN_MODULE);
	assert_int_equal(answered, 1);
	drpc_hdlr_process_msg(NULL, &response);
	drpc_hdlr_process_msg(&call, NULL);
}

static void
without_a_table_nothing_is_known(void **state)
{
	struct dss_drpc_handler list[] = {{.module_id = 0, .handler = answer}, {0}};
	Drpc__Call call = DRPC__CALL__INIT;
	Drpc__Response response = DRPC__RESPONSE__INIT;

	assert_int_equal(drpc_hdlr_register(0, answer), -DER_UNINIT);
	assert_int_equal(drpc_hdlr_register_all(list), -DER_UNINIT);
	assert_int_equal(drpc_hdlr_register_all(NULL), -DER_UNINIT);
	assert_int_equal(drpc_hdlr_unregister(0), -DER_UNINIT);
	assert_int_equal(drpc_hdlr_unregister_all(list), -DER_UNINIT);
	assert_null(drpc_hdlr_get_handler(0));
	drpc_hdlr_process_msg(&call, &response);
	assert_int_equal(response.status, DRPC__STATUS__UNKNOWN_MODULE);
	assert_int_equal(drpc_hdlr_fini(), 0);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, init, fini)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(a_module_has_one_handler),
		WITH_TABLE(ids_out_of_range_are_refused),
		WITH_TABLE(of_a_list_as_many_as_possible_are_registered),
		WITH_TABLE(a_call_goes_to_its_modules_handler),
		cmocka_unit_test(without_a_table_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
