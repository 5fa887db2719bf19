/* The feature srv-cli alone, on the eventuals of the library beneath: the suite is the task
 * scheduler and the xstream. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <abt.h>
#include <daos/tse.h>
#include <daos_errno.h>
#include <daos_srv/daos_engine.h>
#include <engine/srv_internal.h>

enum { CALLBACKS = 4, ARG_MAX = 64 };

/** The xstream, as the engine's parts find it. */
struct daos_module_key daos_srv_modkey = {.dmk_index = 0};
static struct dss_xstream xstream;
static struct dss_module_info info = {.dmi_xstream = &xstream};
static void *values[] = {&info};
static struct daos_thread_local_storage storage = {.dtls_values = values};
static bool on_xstream;

struct daos_thread_local_storage *
dss_tls_get(void)
{
	return on_xstream ? &storage : NULL;
}

/** A task and its completion callbacks. */
static tse_task_t task;
static struct {
	tse_task_cb_t callback;
	char arg[ARG_MAX];
	size_t arg_size;
} registered[CALLBACKS];
static int registrations;
/** Which registration fails, from 1. */
static int refused;
static int schedule_rc;
static int result;
static int scheduled;
static int completed;

int
tse_task_register_comp_cb(tse_task_t *the_task, tse_task_cb_t callback, void *arg, size_t arg_size)
{
	assert_ptr_equal(the_task, &task);
	assert_in_range(arg_size, 0, ARG_MAX);
	if (registrations + 1 == refused)
		return -DER_NOMEM;
	registered[registrations].callback = callback;
	registered[registrations].arg_size = arg_size;
	if (arg != NULL)
		memcpy(registered[registrations].arg, arg, arg_size);
	registrations++;
	return 0;
}

void
tse_task_complete(tse_task_t *the_task, int ret)
{
	assert_ptr_equal(the_task, &task);
	completed++;
	if (task.dt_result == 0)
		task.dt_result = ret;
	while (registrations > 0) {
		registrations--;
		registered[registrations].callback(&task, registered[registrations].arg);
	}
}

int
tse_task_schedule(tse_task_t *the_task, bool instant)
{
	assert_ptr_equal(the_task, &task);
	assert_true(instant);
	assert_int_equal(completed, 0);
	scheduled++;
	tse_task_complete(the_task, result);
	return schedule_rc;
}

/** How often the scheduler has run, and how often it may until the xstream exits. */
static int rounds;
static int rounds_left;

void
tse_sched_progress(tse_sched_t *sched)
{
	assert_ptr_equal(sched, &xstream.dx_sched_dsc);
	rounds++;
}

bool
dss_xstream_exiting(struct dss_xstream *dx)
{
	assert_ptr_equal(dx, &xstream);
	return rounds_left-- == 0;
}

static int created;
static int create_rc;
static void (*ult)(void *);
static void *ult_arg;

int
dss_ult_create(void (*func)(void *), void *arg, int xs_type, int tgt_id, size_t stack_size,
	       ABT_thread *thread)
{
	assert_int_equal(xs_type, DSS_XS_SELF);
	assert_int_equal(stack_size, DSS_DEEP_STACK_SZ);
	assert_null(thread);
	created++;
	ult = func;
	ult_arg = arg;
	return create_rc;
}

static int retries;
static const char retry_arg[] = "again";

static int
retry(tse_task_t *the_task, void *arg)
{
	assert_ptr_equal(the_task, &task);
	assert_memory_equal(arg, retry_arg, sizeof(retry_arg));
	retries++;
	/* The waiter sees what this makes of the result. */
	task.dt_result = -DER_AGAIN;
	return 0;
}

static int
run_with_retry(bool sync)
{
	return dsc_task_run(&task, retry, (void *)retry_arg, sizeof(retry_arg), sync);
}

static int
set_up(void **state)
{
	memset(&xstream, 0, sizeof(xstream));
	memset(&task, 0, sizeof(task));
	on_xstream = true;
	registrations = refused = schedule_rc = result = scheduled = completed = 0;
	rounds = rounds_left = created = create_rc = retries = 0;
	return 0;
}

static void
the_scheduler_runs_on_the_xstream_until_that_exits(void **state)
{
	assert_int_equal(dsc_task_run(&task, NULL, NULL, 0, false), 0);
	completed = 0;
	assert_int_equal(dsc_task_run(&task, NULL, NULL, 0, false), 0);
	assert_int_equal(created, 1);
	assert_true(xstream.dx_dsc_started);

	rounds_left = 3;
	ult(ult_arg);
	assert_int_equal(rounds, 3);
}

static void
without_waiting_nothing_is_registered(void **state)
{
	result = -DER_IO;
	assert_int_equal(dsc_task_run(&task, NULL, NULL, 0, false), 0);
	assert_int_equal(scheduled, 1);
	assert_int_equal(task.dt_result, -DER_IO);
}

static void
the_result_is_waited_for(void **state)
{
	assert_int_equal(dsc_task_run(&task, NULL, NULL, 0, true), 0);
	memset(&task, 0, sizeof(task));
	completed = 0;
	result = -DER_IO;
	assert_int_equal(dsc_task_run(&task, NULL, NULL, 0, true), -DER_IO);
}

static void
the_retry_comes_before_the_waiter(void **state)
{
	assert_int_equal(run_with_retry(true), -DER_AGAIN);
	assert_int_equal(retries, 1);

	set_up(state);
	assert_int_equal(run_with_retry(false), 0);
	assert_int_equal(retries, 1);
	assert_int_equal(task.dt_result, -DER_AGAIN);
}

static void
an_error_of_scheduling_goes_first(void **state)
{
	schedule_rc = -DER_CANCELED;
	result = -DER_IO;
	assert_int_equal(dsc_task_run(&task, NULL, NULL, 0, true), -DER_CANCELED);
	set_up(state);
	schedule_rc = -DER_CANCELED;
	assert_int_equal(dsc_task_run(&task, NULL, NULL, 0, false), -DER_CANCELED);
}

static void
assert_not_run(int rc, int expected)
{
	assert_int_equal(rc, expected);
	assert_int_equal(scheduled, 0);
	assert_int_equal(completed, 1);
	assert_int_equal(retries, 0);
	assert_int_equal(task.dt_result, expected);
}

static void
a_task_that_cannot_run_is_completed(void **state)
{
	create_rc = -DER_SHUTDOWN;
	assert_not_run(run_with_retry(true), -DER_SHUTDOWN);
	assert_false(xstream.dx_dsc_started);

	for (refused = 1; refused <= 2; refused++) {
		int which = refused;

		set_up(state);
		refused = which;
		assert_not_run(run_with_retry(true), -DER_NOMEM);
	}
	set_up(state);
	refused = 1;
	assert_not_run(run_with_retry(false), -DER_NOMEM);

	set_up(state);
	assert_not_run(dsc_task_run(&task, retry, (void *)retry_arg, -1, true), -DER_INVAL);
}

static void
other_threads_have_no_scheduler(void **state)
{
	assert_ptr_equal(dsc_scheduler(), &xstream.dx_sched_dsc);
	on_xstream = false;
	assert_null(dsc_scheduler());
	assert_not_run(run_with_retry(true), -DER_UNINIT);
}

static int
start(void **state)
{
	return ABT_init(0, NULL) != ABT_SUCCESS;
}

static int
stop(void **state)
{
	return ABT_finalize() != ABT_SUCCESS;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_scheduler_runs_on_the_xstream_until_that_exits, set_up),
		cmocka_unit_test_setup(without_waiting_nothing_is_registered, set_up),
		cmocka_unit_test_setup(the_result_is_waited_for, set_up),
		cmocka_unit_test_setup(the_retry_comes_before_the_waiter, set_up),
		cmocka_unit_test_setup(an_error_of_scheduling_goes_first, set_up),
		cmocka_unit_test_setup(a_task_that_cannot_run_is_completed, set_up),
		cmocka_unit_test_setup(other_threads_have_no_scheduler, set_up),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
