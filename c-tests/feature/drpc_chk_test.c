/* The feature drpc-chk alone: the suite is the control plane. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <daos_errno.h>
#include <daos/common.h>
#include <daos/drpc.h>
#include <daos/drpc_modules.h>
#include <daos_srv/daos_chk.h>
#include <daos_srv/daos_engine.h>
#include <engine/check_engine.pb-c.h>
#include <engine/srv.pb-c.h>
#include <gurt/common.h>

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

/** What the control plane is asked. */
static int method;
static uint8_t request[256];
static size_t request_len;
/** What it answers. */
static int call_rc;
static Drpc__Status status;
static const ProtobufCMessage *answer;
static int fault;

int
dss_drpc_call(int32_t module, int32_t its_method, void *req, size_t req_size, unsigned int flags,
	      Drpc__Response **resp)
{
	assert_int_equal(module, DRPC_MODULE_SRV);
	assert_int_equal(flags, 0);
	assert_in_range(req_size, 0, sizeof(request));
	method = its_method;
	memcpy(request, req, req_size);
	request_len = req_size;
	if (call_rc != 0)
		return call_rc;
	*resp = drpc_response_create(NULL);
	assert_non_null(*resp);
	(*resp)->status = status;
	if (answer != NULL) {
		(*resp)->body.len = protobuf_c_message_get_packed_size(answer);
		D_ALLOC((*resp)->body.data, (*resp)->body.len + 1);
		protobuf_c_message_pack(answer, (*resp)->body.data);
	}
	return 0;
}

int
daos_fail_check(uint64_t id)
{
	return fault != 0 && id == (uint64_t)fault;
}

static int
set_up(void **state)
{
	call_rc = 0;
	status = DRPC__STATUS__SUCCESS;
	answer = NULL;
	fault = 0;
	method = 0;
	return 0;
}

static void
pools_are_listed(void **state)
{
	uint32_t ranks[] = {1, 2};
	Shared__CheckListPoolResp__OnePool one = SHARED__CHECK_LIST_POOL_RESP__ONE_POOL__INIT;
	Shared__CheckListPoolResp__OnePool two = SHARED__CHECK_LIST_POOL_RESP__ONE_POOL__INIT;
	Shared__CheckListPoolResp__OnePool *both[] = {&one, &two};
	Shared__CheckListPoolResp listed = SHARED__CHECK_LIST_POOL_RESP__INIT;
	struct chk_list_pool *pools = NULL;
	uuid_t uuid;

	one.uuid = UUID;
	one.label = "label";
	one.svcreps = ranks;
	one.n_svcreps = 2;
	two.uuid = "11111111-1111-1111-1111-111111111111";
	listed.pools = both;
	listed.n_pools = 2;
	answer = &listed.base;
	assert_int_equal(ds_chk_listpool_upcall(&pools), 2);
	assert_int_equal(method, DRPC_METHOD_CHK_LIST_POOL);
	assert_int_equal(request_len, 0);
	assert_int_equal(uuid_parse(UUID, uuid), 0);
	assert_int_equal(uuid_compare(uuid, pools[0].clp_uuid), 0);
	assert_string_equal(pools[0].clp_label, "label");
	assert_int_equal(pools[0].clp_svcreps->rl_nr, 2);
	assert_memory_equal(pools[0].clp_svcreps->rl_ranks, ranks, sizeof(ranks));
	assert_string_equal(pools[1].clp_label, "");
	assert_int_equal(pools[1].clp_svcreps->rl_nr, 0);
	ds_chk_free_pool_list(pools, 2);
	ds_chk_free_pool_list(NULL, 0);

	pools = NULL;
	listed.n_pools = 0;
	assert_int_equal(ds_chk_listpool_upcall(&pools), 0);
	ds_chk_free_pool_list(pools, 0);

	/* Nothing is left of a list that cannot be had. */
	pools = NULL;
	listed.n_pools = 2;
	two.uuid = "no UUID";
	assert_int_equal(ds_chk_listpool_upcall(&pools), -DER_INVAL);
	listed.status = -DER_BUSY;
	assert_int_equal(ds_chk_listpool_upcall(&pools), -DER_BUSY);
	assert_null(pools);
}

static void
a_pool_is_registered(void **state)
{
	Shared__CheckRegPoolResp registered = SHARED__CHECK_REG_POOL_RESP__INIT;
	Shared__CheckRegPoolReq *asked;
	d_rank_t ranks[] = {0, 7};
	d_rank_list_t list = {.rl_ranks = ranks, .rl_nr = 2};
	uuid_t uuid;

	assert_int_equal(uuid_parse(UUID, uuid), 0);
	answer = &registered.base;
	assert_int_equal(ds_chk_regpool_upcall(12, uuid, "label", &list), 0);
	assert_int_equal(method, DRPC_METHOD_CHK_REG_POOL);
	asked = shared__check_reg_pool_req__unpack(NULL, request_len, request);
	assert_int_equal(asked->seq, 12);
	assert_string_equal(asked->uuid, UUID);
	assert_string_equal(asked->label, "label");
	assert_int_equal(asked->n_svcreps, 2);
	assert_memory_equal(asked->svcreps, ranks, sizeof(ranks));
	shared__check_reg_pool_req__free_unpacked(asked, NULL);

	assert_int_equal(ds_chk_regpool_upcall(12, uuid, NULL, &list), 0);
	asked = shared__check_reg_pool_req__unpack(NULL, request_len, request);
	assert_string_equal(asked->label, "");
	shared__check_reg_pool_req__free_unpacked(asked, NULL);

	registered.status = -DER_EXIST;
	assert_int_equal(ds_chk_regpool_upcall(12, uuid, NULL, &list), -DER_EXIST);
	method = 0;
	assert_int_equal(ds_chk_regpool_upcall(12, uuid, NULL, NULL), -DER_INVAL);
	fault = DAOS_CHK_LEADER_FAIL_REGPOOL;
	assert_int_equal(ds_chk_regpool_upcall(12, uuid, NULL, &list), -DER_IO);
	assert_int_equal(method, 0);
}

static void
a_pool_is_forgotten(void **state)
{
	Shared__CheckDeregPoolResp forgotten = SHARED__CHECK_DEREG_POOL_RESP__INIT;
	Shared__CheckDeregPoolReq *asked;
	uuid_t uuid;

	assert_int_equal(uuid_parse(UUID, uuid), 0);
	answer = &forgotten.base;
	assert_int_equal(ds_chk_deregpool_upcall(UINT64_MAX, uuid), 0);
	assert_int_equal(method, DRPC_METHOD_CHK_DEREG_POOL);
	asked = shared__check_dereg_pool_req__unpack(NULL, request_len, request);
	assert_int_equal(asked->seq, UINT64_MAX);
	assert_string_equal(asked->uuid, UUID);
	shared__check_dereg_pool_req__free_unpacked(asked, NULL);
	forgotten.status = -DER_NONEXIST;
	assert_int_equal(ds_chk_deregpool_upcall(1, uuid), -DER_NONEXIST);
}

static void
a_report_is_handed_over(void **state)
{
	Shared__CheckReportResp taken = SHARED__CHECK_REPORT_RESP__INIT;
	/* A message takes the place of a report of the checker, of which there is none. */
	Srv__GetPoolSvcReq report = SRV__GET_POOL_SVC_REQ__INIT;

	report.uuid = "abc";
	answer = &taken.base;
	assert_int_equal(ds_chk_report_upcall(&report), 0);
	assert_int_equal(method, DRPC_METHOD_CHK_REPORT);
	assert_int_equal(request_len, 7);
	assert_memory_equal(request,
			    "\x0a\x05\x0a\x03"
			    "abc",
			    7);
	taken.status = 1;
	assert_int_equal(ds_chk_report_upcall(&report), 1);
	assert_int_equal(ds_chk_report_upcall(NULL), -DER_INVAL);
}

static void
failures_are_returned(void **state)
{
	struct chk_list_pool *pools;
	uuid_t uuid = {1};
	Drpc__Call call = DRPC__CALL__INIT;

	call_rc = -DER_NONEXIST;
	assert_int_equal(ds_chk_listpool_upcall(&pools), -DER_NONEXIST);
	call_rc = 0;
	status = DRPC__STATUS__FAILURE;
	assert_int_equal(ds_chk_deregpool_upcall(1, uuid), -DER_IO);
	/* Field 2 of a call is a number, of the list a message. */
	call.method = 5;
	status = DRPC__STATUS__SUCCESS;
	answer = &call.base;
	assert_int_equal(ds_chk_listpool_upcall(&pools), -DER_NOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pools_are_listed, set_up),
		cmocka_unit_test_setup(a_pool_is_registered, set_up),
		cmocka_unit_test_setup(a_pool_is_forgotten, set_up),
		cmocka_unit_test_setup(a_report_is_handed_over, set_up),
		cmocka_unit_test_setup(failures_are_returned, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
