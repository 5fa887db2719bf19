/* The feature drpc-progress alone: `poll` is wrapped, and the suite's own definitions of the dRPC
 * channel and of dss_ult_create are the ones that are called. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <abt.h>
#include <daos_errno.h>
#include <daos/drpc_modules.h>
#include <daos_srv/daos_engine.h>
#include <engine/drpc_internal.h>

enum { LISTENER_FD = 1001, SESSION_FD = 1002, TIMEOUT = 77 };

/* ---- what is around the file ---- */

static struct {
	int result;
	int error;
	short revents[2];
	/* What it was called with. */
	int calls;
	int timeout;
	nfds_t count;
	struct pollfd fds[2];
} polled;

int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	nfds_t i;

	polled.calls++;
	polled.timeout = timeout;
	polled.count = count;
	for (i = 0; i < count && i < 2; i++) {
		polled.fds[i] = fds[i];
		fds[i].revents = polled.revents[i];
	}
	errno = polled.error;
	return polled.result;
}

static struct unixcomm listener_comm = {.fd = LISTENER_FD};
static struct unixcomm session_comm = {.fd = SESSION_FD};
static struct drpc listener, session;

static int accepted, accept_result;

int
drpc_accept(struct drpc *ctx, struct drpc **out)
{
	assert_ptr_equal(ctx, &listener);
	accepted++;
	*out = accept_result == 0 ? &session : NULL;
	return accept_result;
}

static int closed_sessions, closed_listeners;

int
drpc_close(struct drpc *ctx)
{
	if (ctx == &listener)
		closed_listeners++;
	else
		closed_sessions++;
	ctx->ref_count--;
	return 0;
}

int
drpc_add_ref(struct drpc *ctx)
{
	ctx->ref_count++;
	return 0;
}

static int receive_result;

int
drpc_recv_call(struct drpc *ctx, Drpc__Call **call)
{
	static const char text[] = "knock knock";

	assert_ptr_equal(ctx, &session);
	*call = NULL;
	if (receive_result != 0)
		return receive_result;
	assert_int_equal(drpc_call_create(ctx, DRPC_MODULE_TEST, 5, call), 0);
	(*call)->body.data = (uint8_t *)strdup(text);
	(*call)->body.len = sizeof(text);
	return 0;
}

static int sent, send_result;
static Drpc__Status sent_status;

int
drpc_send_response(struct drpc *ctx, Drpc__Response *response)
{
	assert_ptr_equal(ctx, &session);
	sent++;
	sent_status = response->status;
	return send_result;
}

static struct {
	int result;
	/* What it was called with. */
	int calls;
	void (*func)(void *);
	void *arg;
	int xs_type;
} created;

int
dss_ult_create(void (*func)(void *), void *arg, int xs_type, int tgt_id, size_t stack_size,
	       ABT_thread *ult)
{
	assert_null(ult);
	assert_int_equal(tgt_id, 0);
	assert_int_equal(stack_size, 0);
	created.calls++;
	created.func = func;
	created.arg = arg;
	created.xs_type = xs_type;
	return created.result;
}

/* ---- tests ---- */

static int handled;

static void
handle(Drpc__Call *call, Drpc__Response *response)
{
	assert_string_equal(call->body.data, "knock knock");
	handled++;
	response->status = DRPC__STATUS__FAILURE;
}

static struct drpc_progress_context *ctx;

static int
set_up(void **state)
{
	memset(&polled, 0, sizeof(polled));
	memset(&created, 0, sizeof(created));
	accepted = accept_result = closed_sessions = closed_listeners = 0;
	receive_result = sent = send_result = handled = 0;
	listener = (struct drpc){.comm = &listener_comm, .ref_count = 1, .handler = handle};
	session = (struct drpc){.comm = &session_comm, .ref_count = 1, .handler = handle};
	ctx = drpc_progress_context_create(&listener);
	return ctx == NULL;
}

static int
tear_down(void **state)
{
	drpc_progress_context_close(ctx);
	return closed_listeners != 1;
}

/** Lets something happen on the session, or else the listener. */
static int
progress(short on_session, short on_listener)
{
	polled.result = 1;
	polled.revents[0] = on_session;
	polled.revents[1] = on_listener;
	return drpc_progress(ctx, TIMEOUT);
}

static void
accept_session(void)
{
	polled.result = 1;
	polled.revents[0] = POLLIN;
	assert_int_equal(drpc_progress(ctx, TIMEOUT), 0);
	assert_int_equal(accepted, 1);
}

static void
the_listener_is_polled(void **state)
{
	assert_int_equal(drpc_progress(ctx, TIMEOUT), -DER_TIMEDOUT);
	assert_int_equal(polled.calls, 1);
	assert_int_equal(polled.timeout, TIMEOUT);
	assert_int_equal(polled.count, 1);
	assert_int_equal(polled.fds[0].fd, LISTENER_FD);
	assert_int_equal(polled.fds[0].events, POLLIN | POLLPRI);
	assert_int_equal(accepted, 0);
}

static void
a_failure_of_poll_is_returned(void **state)
{
	polled.result = -1;
	polled.error = ENOMEM;
	assert_int_equal(drpc_progress(ctx, TIMEOUT), -DER_NOMEM);
	polled.error = EINTR;
	assert_int_equal(drpc_progress(ctx, TIMEOUT), -DER_TIMEDOUT);
}

static void
a_failing_listener_is_reported(void **state)
{
	polled.result = 1;
	polled.revents[0] = POLLERR;
	assert_int_equal(drpc_progress(ctx, TIMEOUT), -DER_MISC);
	polled.revents[0] = POLLHUP;
	assert_int_equal(drpc_progress(ctx, TIMEOUT), -DER_MISC);
	assert_int_equal(accepted, 0);
}

static void
a_client_becomes_a_session(void **state)
{
	accept_session();
	assert_ptr_equal(session.yield, ABT_thread_yield);
	assert_int_equal(progress(0, 0), 0);
	assert_int_equal(polled.count, 2);
	assert_int_equal(polled.fds[0].fd, SESSION_FD);
	assert_int_equal(polled.fds[1].fd, LISTENER_FD);
}

static void
a_client_that_cannot_be_accepted_is_reported(void **state)
{
	accept_result = -DER_NOMEM;
	polled.result = 1;
	polled.revents[0] = POLLIN;
	assert_int_equal(drpc_progress(ctx, TIMEOUT), -DER_NOMEM);
	assert_int_equal(accepted, 1);
}

static void
a_call_is_answered_by_a_ult_of_the_system_xstream(void **state)
{
	accept_session();
	assert_int_equal(progress(POLLIN, 0), 0);
	assert_int_equal(created.calls, 1);
	assert_int_equal(created.xs_type, DSS_XS_SYS);
	assert_int_equal(session.ref_count, 2);
	assert_int_equal(handled, 0);

	created.func(created.arg);
	assert_int_equal(handled, 1);
	assert_int_equal(sent, 1);
	assert_int_equal(sent_status, DRPC__STATUS__FAILURE);
	assert_int_equal(session.ref_count, 1);
}

static void
without_a_ult_the_session_ends(void **state)
{
	accept_session();
	created.result = -DER_NOMEM;
	assert_int_equal(progress(POLLIN, 0), 0);
	assert_int_equal(created.calls, 1);
	assert_int_equal(handled, 0);
	/* The call's reference, and the list's. */
	assert_int_equal(closed_sessions, 2);
}

static void
a_call_that_makes_no_sense_is_answered_at_once(void **state)
{
	accept_session();
	receive_result = -DER_PROTO;
	assert_int_equal(progress(POLLIN, 0), 0);
	assert_int_equal(created.calls, 0);
	assert_int_equal(sent, 1);
	assert_int_equal(sent_status, DRPC__STATUS__FAILED_UNMARSHAL_CALL);
	assert_int_equal(closed_sessions, 1);
}

static void
a_call_that_has_not_come_whole_is_waited_for(void **state)
{
	accept_session();
	receive_result = -DER_AGAIN;
	assert_int_equal(progress(POLLIN, 0), -DER_AGAIN);
	assert_int_equal(closed_sessions, 0);
	assert_int_equal(sent, 0);
}

static void
a_client_that_leaves_ends_its_session(void **state)
{
	accept_session();
	assert_int_equal(progress(POLLIN | POLLHUP, 0), 0);
	assert_int_equal(closed_sessions, 1);
	assert_int_equal(created.calls, 0);
}

static void
only_a_listener_has_a_context(void **state)
{
	assert_null(drpc_progress_context_create(NULL));
	listener.handler = NULL;
	assert_null(drpc_progress_context_create(&listener));
	assert_int_equal(drpc_progress(ctx, TIMEOUT), -DER_INVAL);
	assert_int_equal(drpc_progress(NULL, TIMEOUT), -DER_INVAL);
	assert_int_equal(polled.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_listener_is_polled),
		TEST(a_failure_of_poll_is_returned),
		TEST(a_failing_listener_is_reported),
		TEST(a_client_becomes_a_session),
		TEST(a_client_that_cannot_be_accepted_is_reported),
		TEST(a_call_is_answered_by_a_ult_of_the_system_xstream),
		TEST(without_a_ult_the_session_ends),
		TEST(a_call_that_makes_no_sense_is_answered_at_once),
		TEST(a_call_that_has_not_come_whole_is_waited_for),
		TEST(a_client_that_leaves_ends_its_session),
		TEST(only_a_listener_has_a_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
