/* Xstreams and scheduler requests: what daos_srv/daos_engine.h offers of srv.c and sched.c, used as
 * DAOS's modules use it, with the header's inline functions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <daos_srv/daos_engine.h>
#include <engine/drpc_internal.h>
#include <engine/srv_internal.h>

enum { TARGETS = 2, OFFLOAD = 2, XSTREAMS = 7, SYS = 0, MAIN_0 = 3, OFF_0 = 4, MAIN_1 = 5 };
enum { HOUR = 3600 * 1000 };

/*
 * Most checks run in ULTs of other threads, where cmocka's assertions cannot be used: such a
 * function returns the line of the check that does not hold, or 0.
 */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static int
start(void **state)
{
	if (ds_tls_key_create() != 0)
		return -1;
	dss_register_key(&daos_srv_modkey);
	if (drpc_init() != 0 || ABT_init(0, NULL) != ABT_SUCCESS)
		return -1;
	if (crt_init_opt("test", CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE, NULL) != 0)
		return -1;
	dss_tgt_nr = TARGETS;
	dss_tgt_offload_xs_nr = OFFLOAD;
	dss_helper_pool = false;
	if (dss_srv_init() != 0)
		return -1;
	dss_xstreams_open_barrier(false);
	return 0;
}

static int
stop(void **state)
{
	int rc = dss_srv_fini(true);

	rc |= crt_finalize();
	rc |= ABT_finalize();
	drpc_fini();
	dss_unregister_key(&daos_srv_modkey);
	ds_tls_key_delete();
	return rc;
}

static int
on(int xs_type, int target, int (*func)(void *), void *arg)
{
	return dss_ult_execute(func, arg, NULL, NULL, xs_type, target, DSS_DEEP_STACK_SZ);
}

static struct sched_req_attr
attr_of(unsigned int type)
{
	struct sched_req_attr attr = {0};
	uuid_t pool;

	memset(pool, 0x5a, sizeof(pool));
	sched_req_attr_init(&attr, type, &pool);
	return attr;
}

/* ---- xstreams ---- */

static void
xstreams_are_numbered_as_in_daos(void **state)
{
	static const struct {
		const char *name;
		int target, context;
		bool main, comm, iofw;
		int tag;
	} want[XSTREAMS] = {
		{"daos_sys_0", -1, 0, false, true, false, DAOS_SERVER_TAG - DAOS_TGT_TAG},
		{"daos_sys_1", -1, 1, false, true, false,
		 DAOS_SERVER_TAG - DAOS_TGT_TAG - DAOS_RDB_TAG},
		{"daos_sys_2", -1, -1, false, false, false,
		 DAOS_SERVER_TAG - DAOS_TGT_TAG - DAOS_RDB_TAG},
		{"daos_io_0", 0, 2, true, true, false, DAOS_SERVER_TAG},
		{"daos_off_4", 0, 4, false, true, true, DAOS_OFF_TAG},
		{"daos_io_1", 1, 3, true, true, false, DAOS_SERVER_TAG},
		{"daos_off_6", 1, 5, false, true, true, DAOS_OFF_TAG},
	};
	int i;

	assert_int_equal(dss_xstream_cnt(), XSTREAMS);
	assert_int_equal(dss_ctx_nr_get(), 6);
	assert_true(dss_has_enough_helper());
	for (i = 0; i < XSTREAMS; i++) {
		struct dss_xstream *dx = dss_get_xstream(i);

		assert_string_equal(dx->dx_name, want[i].name);
		assert_int_equal(dx->dx_xs_id, i);
		assert_int_equal(dx->dx_tgt_id, want[i].target);
		assert_int_equal(dx->dx_ctx_id, want[i].context);
		assert_int_equal(dx->dx_main_xs, want[i].main);
		assert_int_equal(dx->dx_comm, want[i].comm);
		assert_int_equal(dx->dx_iofw, want[i].iofw);
		assert_int_equal(dx->dx_tag, want[i].tag);
		assert_false(dss_xstream_exiting(dx));
	}
}

static int
check_self(void *arg)
{
	struct dss_module_info *info = dss_get_module_info();

	CHECK(info->dmi_xs_id == *(int *)arg);
	CHECK(dss_current_xstream() == dss_get_xstream(info->dmi_xs_id));
	CHECK(dss_current_xstream()->dx_tgt_id == info->dmi_tgt_id);
	CHECK(d_list_empty(&info->dmi_dtx_batched_cont_open_list));
	CHECK(d_list_empty(&info->dmi_dtx_batched_pool_list));
	CHECK(!info->dmi_srv_shutting_down);
	CHECK(dss_xstream_set_affinity(dss_current_xstream()) == 0);
	return 0;
}

static void
a_ult_knows_its_xstream(void **state)
{
	int sys = SYS, main_1 = MAIN_1, off_0 = OFF_0;

	assert_int_equal(on(DSS_XS_SYS, 0, check_self, &sys), 0);
	assert_int_equal(on(DSS_XS_VOS, 1, check_self, &main_1), 0);
	assert_int_equal(on(DSS_XS_OFFLOAD, 0, check_self, &off_0), 0);
}

static int
check_counters(void *arg)
{
	struct dss_rpc_cntr *cntr = dss_rpc_cntr_get(DSS_RC_CONT);

	dss_rpc_cntr_enter(DSS_RC_CONT);
	CHECK(cntr->rc_active == 1 && cntr->rc_total == 1 && cntr->rc_errors == 0);
	CHECK(cntr->rc_stime == sched_cur_msec() && cntr->rc_active_time == cntr->rc_stime);
	dss_rpc_cntr_exit(DSS_RC_CONT, true);
	CHECK(cntr->rc_active == 0 && cntr->rc_total == 1 && cntr->rc_errors == 1);
	return 0;
}

static void
rpcs_are_counted(void **state)
{
	assert_int_equal(on(DSS_XS_VOS, 0, check_counters, NULL), 0);
}

/* ---- requests ---- */

struct worker {
	struct sched_request *req;
	unsigned int nap;
	atomic_int rounds;
};

/* Works until it is told to end, as aggregation does. */
static void
work(void *arg)
{
	struct worker *worker = arg;

	while (!dss_ult_exiting(worker->req)) {
		worker->rounds++;
		if (worker->nap != 0)
			sched_req_sleep(worker->req, worker->nap);
		else if (dss_ult_yield(worker->req))
			break;
	}
}

static int
check_worker(void *arg)
{
	struct sched_req_attr attr = attr_of(*(unsigned int *)arg);
	struct worker worker = {.nap = HOUR};
	int rounds;

	worker.req = sched_create_ult(&attr, work, &worker, DSS_DEEP_STACK_SZ);
	CHECK(worker.req != NULL);
	while (worker.rounds == 0)
		ABT_thread_yield();
	/* Asleep now; only a wake-up makes it go on. */
	rounds = worker.rounds;
	dss_sleep(2);
	CHECK(worker.rounds == rounds);
	sched_req_wakeup(worker.req);
	dss_sleep(2);
	CHECK(worker.rounds == rounds + 1);
	/* From now on it yields. */
	worker.nap = 0;
	sched_req_wakeup(worker.req);
	dss_sleep(2);
	CHECK(worker.rounds > rounds + 1);
	CHECK(!sched_req_is_aborted(worker.req));
	CHECK(sched_req_space_check(worker.req) == SCHED_SPACE_PRESS_NONE);
	sched_req_wait(worker.req, true);
	CHECK(sched_req_is_aborted(worker.req));
	sched_req_put(worker.req);
	return 0;
}

static void
a_worker_sleeps_wakes_yields_and_ends(void **state)
{
	unsigned int type;

	for (type = SCHED_REQ_UPDATE; type < SCHED_REQ_TYPE_MAX; type++) {
		assert_int_equal(on(DSS_XS_VOS, 0, check_worker, &type), 0);
		assert_int_equal(on(DSS_XS_SYS, 0, check_worker, &type), 0);
	}
}

static int
check_sleep(void *arg)
{
	uint64_t before = daos_getmtime_coarse(), seq = sched_cur_seq();

	CHECK(dss_sleep(30) == 0);
	/* The clock of the check has a grain of its own. */
	CHECK(daos_getmtime_coarse() + 10 >= before + 30);
	CHECK(sched_cur_msec() >= before);
	CHECK(sched_cur_seq() != seq);
	return 0;
}

static void
sleep_takes_its_time(void **state)
{
	assert_int_equal(on(DSS_XS_VOS, 1, check_sleep, NULL), 0);
}

enum { SLEEPERS = 500 };

static void
nap_and_count(void *arg)
{
	static atomic_int next;

	dss_sleep(next++ % 7);
	(*(atomic_int *)arg)++;
}

static void
many_sleep_at_once(void **state)
{
	static atomic_int awake;
	int i;

	awake = 0;
	for (i = 0; i < SLEEPERS; i++)
		assert_int_equal(
			dss_ult_create(nap_and_count, &awake, DSS_XS_VOS, i % TARGETS, 0, NULL), 0);
	while (awake < SLEEPERS)
		usleep(1000);
}

static void
count(void *arg)
{
	(*(atomic_int *)arg)++;
}

static int
check_queue(void *arg)
{
	struct sched_req_attr first = attr_of(SCHED_REQ_UPDATE), hasty = attr_of(SCHED_REQ_FETCH);
	atomic_int ran = 0;

	first.sra_timeout = hasty.sra_timeout = 60 * 1000;
	CHECK(sched_req_enqueue(dss_current_xstream(), &first, count, &ran) == 0);
	CHECK(first.sra_enqueue_id != 0 && !(first.sra_flags & SCHED_REQ_FL_RESENT));
	/* Nobody can serve it in a millisecond: it is told to come again, and keeps its place. */
	hasty.sra_timeout = 1;
	CHECK(sched_req_enqueue(dss_current_xstream(), &hasty, count, &ran) == -DER_OVERLOAD_RETRY);
	CHECK(hasty.sra_enqueue_id == first.sra_enqueue_id + 1);
	hasty.sra_timeout = 60 * 1000;
	CHECK(sched_req_enqueue(dss_current_xstream(), &hasty, count, &ran) == 0);
	CHECK(hasty.sra_flags & SCHED_REQ_FL_RESENT);
	CHECK(hasty.sra_enqueue_id == first.sra_enqueue_id + 1);
	while (ran < 2)
		ABT_thread_yield();
	return 0;
}

static void
requests_are_queued_or_told_to_come_again(void **state)
{
	assert_int_equal(on(DSS_XS_VOS, 0, check_queue, NULL), 0);
}

/* ---- shutting down ---- */

static int
check_shutting_down(void *arg)
{
	CHECK(dss_srv_shutting_down() == *(bool *)arg);
	return 0;
}

static void
shutting_down_is_known_everywhere(void **state)
{
	bool expected;
	int target;

	for (expected = false;; expected = true) {
		if (expected)
			dss_srv_set_shutting_down();
		assert_int_equal(on(DSS_XS_SYS, 0, check_shutting_down, &expected), 0);
		for (target = 0; target < TARGETS; target++) {
			assert_int_equal(on(DSS_XS_VOS, target, check_shutting_down, &expected), 0);
			assert_int_equal(on(DSS_XS_OFFLOAD, target, check_shutting_down, &expected),
					 0);
		}
		if (expected)
			break;
	}
}

static atomic_int ended;

static void
sleep_until_exit(void *arg)
{
	struct sched_req_attr attr = attr_of(SCHED_REQ_ANONYM);
	struct sched_request *req = sched_req_get(&attr, ABT_THREAD_NULL);

	while (!dss_ult_exiting(req))
		sched_req_sleep(req, HOUR);
	sched_req_put(req);
	ended++;
}

static void
a_stop_wakes_sleepers_and_waits_for_them(void **state)
{
	ended = 0;
	assert_int_equal(dss_ult_create_all(sleep_until_exit, NULL, false), 0);
	assert_int_equal(stop(NULL), 0);
	assert_int_equal(ended, XSTREAMS);
	assert_int_equal(dss_xstream_cnt(), 0);
	assert_int_equal(dss_tgt_nr, 0);
	/* The suite's teardown stops what runs. */
	assert_int_equal(start(NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xstreams_are_numbered_as_in_daos),
		cmocka_unit_test(a_ult_knows_its_xstream),
		cmocka_unit_test(rpcs_are_counted),
		cmocka_unit_test(a_worker_sleeps_wakes_yields_and_ends),
		cmocka_unit_test(sleep_takes_its_time),
		cmocka_unit_test(many_sleep_at_once),
		cmocka_unit_test(requests_are_queued_or_told_to_come_again),
		cmocka_unit_test(shutting_down_is_known_everywhere),
		cmocka_unit_test(a_stop_wakes_sleepers_and_waits_for_them),
	};

	char sockets[] = "/tmp/daos_engine_sched_test.XXXXXX";
	int failed;

	if (mkdtemp(sockets) == NULL)
		return 1;
	dss_socket_dir = sockets;
	failed = cmocka_run_group_tests_name("daos_engine_sched", tests, start, stop);
	rmdir(sockets);
	return failed;
}
