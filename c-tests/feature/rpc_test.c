/* The feature rpc alone, on the eventuals of the library beneath: the suite is CaRT. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include <abt.h>
#include <daos/common.h>
#include <daos_errno.h>
#include <daos_srv/daos_engine.h>

enum { LOST_REPLY = (DAOS_FAIL_UNIT_TEST_GROUP << DAOS_FAIL_GROUP_SHIFT) | 7 };

/** What crt_req_send does, and what it has been asked for. */
static struct {
	int rc;
	bool answers;
	int answer;
	crt_cb_t callback;
	void *arg;
	int references;
	atomic_int sent;
	int replies;
	int reply_rc;
} cart;

static crt_rpc_t request;

/** Where units of another thread run. */
static ABT_xstream xstream;
static ABT_pool pool;

void
crt_req_addref(crt_rpc_t *rpc)
{
	assert_ptr_equal(rpc, &request);
	cart.references++;
}

static void
answer(void)
{
	struct crt_cb_info info = {.cci_rpc = &request, .cci_arg = cart.arg, .cci_rc = cart.answer};

	cart.callback(&info);
}

int
crt_req_send(crt_rpc_t *rpc, crt_cb_t callback, void *arg)
{
	assert_ptr_equal(rpc, &request);
	cart.sent++;
	cart.references--;
	cart.callback = callback;
	cart.arg = arg;
	if (cart.answers)
		answer();
	return cart.rc;
}

int
crt_reply_send(crt_rpc_t *rpc)
{
	assert_ptr_equal(rpc, &request);
	cart.replies++;
	return cart.reply_rc;
}

static int
set_up(void **state)
{
	memset(&cart, 0, sizeof(cart));
	daos_fail_loc_set(0);
	return 0;
}

static void
the_answer_is_returned_and_the_reference_kept(void **state)
{
	int answers[] = {0, -DER_TIMEDOUT, 17};
	size_t i;

	cart.answers = true;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		cart.answer = answers[i];
		assert_int_equal(dss_rpc_send(&request), answers[i]);
		assert_int_equal(cart.sent, i + 1);
		assert_int_equal(cart.references, 0);
	}
}

static void
a_request_that_is_not_sent_has_no_answer(void **state)
{
	cart.rc = -DER_UNREACH;
	assert_int_equal(dss_rpc_send(&request), -DER_UNREACH);
	assert_int_equal(cart.sent, 1);
}

static void
without_a_request_nothing_is_sent(void **state)
{
	assert_int_equal(dss_rpc_send(NULL), -DER_INVAL);
	assert_int_equal(cart.sent, 0);
}

static void
send_in_ult(void *arg)
{
	*(int *)arg = dss_rpc_send(&request);
}

static void
a_ult_sleeps_until_the_answer_comes(void **state)
{
	ABT_thread ult;
	int rc = 1;

	assert_int_equal(ABT_thread_create(pool, send_in_ult, &rc, ABT_THREAD_ATTR_NULL, &ult),
			 ABT_SUCCESS);
	while (cart.sent == 0)
		ABT_thread_yield();

	cart.answer = -DER_CANCELED;
	answer();
	assert_int_equal(ABT_thread_free(&ult), ABT_SUCCESS);
	assert_int_equal(rc, -DER_CANCELED);
}

static void
a_tasklet_cannot_wait(void **state)
{
	ABT_task task;
	int rc = 1;

	assert_int_equal(ABT_task_create(pool, send_in_ult, &rc, &task), ABT_SUCCESS);
	assert_int_equal(ABT_task_free(&task), ABT_SUCCESS);
	assert_int_equal(rc, -DER_INVAL);
	assert_int_equal(cart.sent, 0);
}

static void
a_reply_is_sent(void **state)
{
	assert_int_equal(dss_rpc_reply(&request, LOST_REPLY), 0);
	cart.reply_rc = -DER_PROTO;
	assert_int_equal(dss_rpc_reply(&request, LOST_REPLY), -DER_PROTO);
	assert_int_equal(cart.replies, 2);
}

static void
an_injected_fault_loses_the_reply(void **state)
{
	cart.reply_rc = -DER_PROTO;
	daos_fail_loc_set(LOST_REPLY | DAOS_FAIL_ONCE);
	assert_int_equal(dss_rpc_reply(&request, LOST_REPLY), 0);
	assert_int_equal(cart.replies, 0);
	assert_int_equal(dss_rpc_reply(&request, LOST_REPLY), -DER_PROTO);
	assert_int_equal(cart.replies, 1);
}

static int
start(void **state)
{
	ABT_sched sched;

	assert_int_equal(ABT_init(0, NULL), ABT_SUCCESS);
	assert_int_equal(ABT_xstream_create_with_rank(ABT_SCHED_NULL, 1, &xstream), ABT_SUCCESS);
	assert_int_equal(ABT_xstream_get_main_sched(xstream, &sched), ABT_SUCCESS);
	assert_int_equal(ABT_sched_get_pools(sched, 1, 0, &pool), ABT_SUCCESS);
	return daos_fail_init();
}

static int
stop(void **state)
{
	daos_fail_fini();
	assert_int_equal(ABT_xstream_free(&xstream), ABT_SUCCESS);
	return ABT_finalize() != ABT_SUCCESS;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_answer_is_returned_and_the_reference_kept, set_up),
		cmocka_unit_test_setup(a_request_that_is_not_sent_has_no_answer, set_up),
		cmocka_unit_test_setup(without_a_request_nothing_is_sent, set_up),
		cmocka_unit_test_setup(a_ult_sleeps_until_the_answer_comes, set_up),
		cmocka_unit_test_setup(a_reply_is_sent, set_up),
		cmocka_unit_test_setup(an_injected_fault_loses_the_reply, set_up),
		cmocka_unit_test_setup(a_tasklet_cannot_wait, set_up),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
