/* Weak symbols: this program has functions of the engine of its own. It links, with the static
 * library too, and the library uses them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <daos_srv/daos_engine.h>
#include <daos_srv/ras.h>

static char message[2 * DAOS_RAS_STR_FIELD_SIZE];
static ras_event_t event;
static uint64_t incarnation;

void
ds_notify_ras_event(ras_event_t id, char *msg, ras_type_t type, ras_sev_t sev, char *hwid,
		    d_rank_t *rank, uint64_t *inc, char *jobid, uuid_t *pool, uuid_t *cont,
		    daos_obj_id_t *objid, char *ctlop, char *data)
{
	event = id;
	incarnation = inc == NULL ? 0 : *inc;
	snprintf(message, sizeof(message), "%s", msg);
	assert_int_equal(type, RAS_TYPE_INFO);
	assert_int_equal(sev, RAS_SEV_ERROR);
	assert_string_equal(hwid, "hwid");
	assert_null(objid);
	assert_string_equal(data, "data");
}

int
dss_offload_exec(int (*func)(void *), void *arg)
{
	return func(arg) + 1;
}

int
dss_main_exec(void (*func)(void *), void *arg)
{
	func(arg);
	return 7;
}

static int
five(void *arg)
{
	return 5;
}

static void
set(void *arg)
{
	*(int *)arg = 1;
}

static void
a_program_can_have_its_own(void **state)
{
	int is_set = 0;

	assert_int_equal(dss_offload_exec(five, NULL), 6);
	assert_int_equal(dss_main_exec(set, &is_set), 7);
	assert_int_equal(is_set, 1);
}

static void
the_library_calls_the_program(void **state)
{
	/* A weak reference alone does not make the linker take the library. */
	int (*volatile of_the_library)(d_rank_t, uint64_t) = ds_notify_swim_rank_dead;
	uint64_t inc = 3;

	assert_non_null(of_the_library);
	ds_notify_ras_eventf(RAS_ENGINE_DIED, RAS_TYPE_INFO, RAS_SEV_ERROR, "hwid", NULL, &inc,
			     NULL, NULL, NULL, NULL, NULL, "data", "%s %d of %.1f", "part", 2, 2.5);
	assert_string_equal(message, "part 2 of 2.5");
	assert_int_equal(event, RAS_ENGINE_DIED);
	assert_int_equal(incarnation, 3);
}

static void
a_long_message_ends_with_a_dollar_sign(void **state)
{
	char expected[DAOS_RAS_STR_FIELD_SIZE];

	memset(expected, '0', sizeof(expected));
	expected[sizeof(expected) - 2] = '$';
	expected[sizeof(expected) - 1] = '\0';
	ds_notify_ras_eventf(RAS_ENGINE_DIED, RAS_TYPE_INFO, RAS_SEV_ERROR, "hwid", NULL, NULL,
			     NULL, NULL, NULL, NULL, NULL, "data", "%0200d", 0);
	assert_string_equal(message, expected);

	expected[sizeof(expected) - 2] = '0';
	ds_notify_ras_eventf(RAS_ENGINE_DIED, RAS_TYPE_INFO, RAS_SEV_ERROR, "hwid", NULL, NULL,
			     NULL, NULL, NULL, NULL, NULL, "data", "%s", expected);
	assert_string_equal(message, expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_can_have_its_own),
		cmocka_unit_test(the_library_calls_the_program),
		cmocka_unit_test(a_long_message_ends_with_a_dollar_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
