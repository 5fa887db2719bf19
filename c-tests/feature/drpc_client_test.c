/* The feature drpc-client alone: the control plane, CaRT, the scheduler and the variables of srv.c
 * are the suite's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cart/api.h>
#include <daos_errno.h>
#include <daos/drpc_modules.h>
#include <daos_srv/daos_engine.h>
#include <engine/drpc_internal.h>
#include <engine/srv.pb-c.h>
#include <engine/srv_internal.h>
#include <gurt/common.h>

/* ---- what is around the file ---- */

const char *dss_socket_dir = "/no/such/folder";
char *drpc_listener_socket_path = "/somewhere/daos_engine_1.sock";
unsigned int dss_instance_idx = 5;
unsigned int dss_tgt_nr = 4;
unsigned int dss_tgt_offload_xs_nr = 2;

enum { INCARNATION = 4711 };

int
crt_self_uri_get(int tag, char **uri)
{
	*uri = strdup("ofi+tcp://10.0.0.1:34567");
	return tag;
}

int
crt_self_incarnation_get(uint64_t *incarnation)
{
	*incarnation = INCARNATION;
	return 0;
}

/** The scheduler: ULTs sleep as threads do. */
static int requests, sleeps;

struct sched_request *
sched_req_get(struct sched_req_attr *attr, ABT_thread ult)
{
	requests++;
	return (struct sched_request *)&requests;
}

void
sched_req_sleep(struct sched_request *req, uint32_t msec)
{
	sleeps++;
	usleep(msec * 1000);
}

void
sched_req_put(struct sched_request *req)
{
	requests--;
}

/** The control plane: notes the call, and answers with `answer` or fails with `call_result`. Calls
 * may come from another thread, in which assertions of cmocka do not work. */
static struct unixcomm comm;
static struct drpc connection;
static int connect_result, connects, closes;
static char connected_to[256];

int
drpc_connect(char *path, struct drpc **out)
{
	connects++;
	strncpy(connected_to, path, sizeof(connected_to) - 1);
	if (connect_result != 0)
		return connect_result;
	connection = (struct drpc){.comm = &comm, .ref_count = 1};
	*out = &connection;
	return 0;
}

int
drpc_close(struct drpc *ctx)
{
	closes += ctx == &connection;
	return 0;
}

static struct {
	int result;
	Drpc__Status status;
	const uint8_t *body;
	size_t len;
	useconds_t delay;
	/* What it was called with. */
	int calls;
	int flags;
	int32_t module;
	int32_t method;
	uint8_t *sent;
	size_t sent_len;
} called;

int
drpc_call(struct drpc *ctx, int flags, Drpc__Call *call, Drpc__Response **out)
{
	called.calls++;
	called.flags = flags;
	called.module = call->module;
	called.method = call->method;
	free(called.sent);
	called.sent_len = call->body.len;
	called.sent = malloc(called.sent_len + 1);
	memcpy(called.sent, call->body.data, called.sent_len);
	usleep(called.delay);
	if (called.result != 0)
		return called.result;
	*out = drpc_response_create(call);
	(*out)->status = called.status;
	if (called.len != 0) {
		(*out)->body.len = called.len;
		(*out)->body.data = malloc(called.len);
		memcpy((*out)->body.data, called.body, called.len);
	}
	return 0;
}

/* ---- tests ---- */

static int
set_up(void **state)
{
	free(called.sent);
	memset(&called, 0, sizeof(called));
	connect_result = connects = closes = sleeps = 0;
	return drpc_init();
}

static int
tear_down(void **state)
{
	drpc_fini();
	free(called.sent);
	called.sent = NULL;
	return requests != 0 || closes != (connect_result == 0 ? connects : 0);
}

static void
ready_is_told_with_all_that_is_known(void **state)
{
	Srv__NotifyReadyReq *req;

	assert_int_equal(drpc_notify_ready(true), 0);
	assert_string_equal(connected_to, "/no/such/folder/daos_server.sock");
	assert_int_equal(called.module, DRPC_MODULE_SRV);
	assert_int_equal(called.method, DRPC_METHOD_SRV_NOTIFY_READY);
	assert_int_equal(called.flags, R_SYNC);

	req = srv__notify_ready_req__unpack(NULL, called.sent_len, called.sent);
	assert_non_null(req);
	assert_string_equal(req->uri, "ofi+tcp://10.0.0.1:34567");
	assert_string_equal(req->drpclistenersock, drpc_listener_socket_path);
	assert_int_equal(req->instanceidx, dss_instance_idx);
	assert_int_equal(req->ntgts, dss_tgt_nr);
	assert_int_equal(req->incarnation, INCARNATION);
	assert_true(req->check_mode);
	srv__notify_ready_req__free_unpacked(req, NULL);
	/* Nobody schedules ULTs that early. */
	assert_int_equal(sleeps, 0);
}

static void
a_ult_sleeps_while_a_call_is_made(void **state)
{
	Drpc__Response *response = NULL;
	char body[] = "body";

	called.delay = 20000;
	assert_int_equal(dss_drpc_call(DRPC_MODULE_SRV, 99, body, sizeof(body), 0, &response), 0);
	assert_non_null(response);
	drpc_response_free(response);
	assert_int_equal(called.method, 99);
	assert_memory_equal(called.sent, body, sizeof(body));
	assert_in_range(sleeps, 1, 100);
}

static void
without_waiting_there_is_no_response(void **state)
{
	assert_int_equal(dss_drpc_call(DRPC_MODULE_SRV, 99, NULL, 0, DSS_DRPC_NO_RESP, NULL), 0);
	assert_int_equal(called.calls, 1);
	assert_int_equal(called.flags, 0);
	assert_int_equal(sleeps, 0);
}

static void
failures_are_returned(void **state)
{
	Drpc__Response *response = NULL;

	called.result = -DER_PROTO;
	assert_int_equal(drpc_notify_ready(false), -DER_PROTO);
	assert_int_equal(dss_drpc_call(DRPC_MODULE_SRV, 1, NULL, 0, 0, &response), -DER_PROTO);
	assert_null(response);
	called.result = 0;
	called.status = DRPC__STATUS__FAILURE;
	assert_int_equal(drpc_notify_ready(false), -DER_IO);
	connect_result = -DER_NONEXIST;
	assert_int_equal(drpc_notify_ready(false), -DER_NONEXIST);
	assert_int_equal(called.calls, 3);
	connect_result = 0;
	connects--;
}

static void
the_ranks_of_a_pool_are_those_of_the_answer(void **state)
{
	uint32_t ranks[] = {3, 1, 7};
	Srv__GetPoolSvcResp resp = SRV__GET_POOL_SVC_RESP__INIT;
	Srv__GetPoolSvcReq *req;
	uint8_t packed[64];
	uuid_t uuid = {0x01, 0x23};
	d_rank_list_t *list = NULL;

	resp.n_svcreps = 3;
	resp.svcreps = ranks;
	called.len = srv__get_pool_svc_resp__pack(&resp, packed);
	called.body = packed;
	assert_int_equal(ds_get_pool_svc_ranks(uuid, &list), 0);
	assert_int_equal(called.method, DRPC_METHOD_SRV_GET_POOL_SVC);
	assert_int_equal(list->rl_nr, 3);
	assert_memory_equal(list->rl_ranks, ranks, sizeof(ranks));
	d_rank_list_free(list);

	req = srv__get_pool_svc_req__unpack(NULL, called.sent_len, called.sent);
	assert_string_equal(req->uuid, "01230000-0000-0000-0000-000000000000");
	srv__get_pool_svc_req__free_unpacked(req, NULL);

	resp.status = -DER_NONEXIST;
	called.len = srv__get_pool_svc_resp__pack(&resp, packed);
	assert_int_equal(ds_get_pool_svc_ranks(uuid, &list), -DER_NONEXIST);
}

static void
it_is_initialised_once(void **state)
{
	assert_int_equal(drpc_init(), -DER_ALREADY);
	drpc_fini();
	assert_int_equal(drpc_notify_ready(false), -DER_UNINIT);
	assert_int_equal(connects, 0);
	assert_int_equal(drpc_init(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ready_is_told_with_all_that_is_known),
		TEST(a_ult_sleeps_while_a_call_is_made),
		TEST(without_waiting_there_is_no_response),
		TEST(failures_are_returned),
		TEST(the_ranks_of_a_pool_are_those_of_the_answer),
		TEST(it_is_initialised_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
