/* The feature drpc-ras alone: the suite is the xstream that raises events, the log that has them,
 * and the control plane that hears of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <daos_errno.h>
#include <daos/drpc.h>
#include <daos/drpc_modules.h>
#include <daos_srv/daos_engine.h>
#include <daos_srv/ras.h>
#include <engine/event.pb-c.h>
#include <engine/srv_internal.h>
#include <gurt/debug.h>

char dss_hostname[DSS_HOSTNAME_MAX_LEN];

static bool on_xstream;
static struct dss_module_info info;

struct dss_module_info *
get_module_info(void)
{
	return on_xstream ? &info : NULL;
}

static d_rank_t self_rank;
static int rank_rc;

int
crt_group_rank(crt_group_t *grp, d_rank_t *rank)
{
	assert_null(grp);
	if (rank_rc == 0)
		*rank = self_rank;
	return rank_rc;
}

static char line[4096];
static int line_level;

/** gurt's, mocked: keeps the line of the event. */
void
d_vlog(int flags, const char *fmt, va_list ap)
{
	char text[sizeof(line)];
	const char *event;

	vsnprintf(text, sizeof(text), fmt, ap);
	event = strstr(text, "&&& RAS EVENT");
	if (event == NULL)
		return;
	line_level = flags & DLOG_PRIMASK;
	snprintf(line, sizeof(line), "%s", event);
	line[strcspn(line, "\n")] = '\0';
}

/** What the control plane has heard. */
static Shared__ClusterEventReq *heard;
static int calls;
static unsigned int call_flags;
/** What it says. */
static int call_rc;
static Drpc__Status status;

int
dss_drpc_call(int32_t module, int32_t method, void *req, size_t req_size, unsigned int flags,
	      Drpc__Response **resp)
{
	assert_int_equal(module, DRPC_MODULE_SRV);
	assert_int_equal(method, DRPC_METHOD_SRV_CLUSTER_EVENT);
	calls++;
	call_flags = flags;
	assert_null(heard);
	heard = (Shared__ClusterEventReq *)protobuf_c_message_unpack(
		&shared__cluster_event_req__descriptor, NULL, req_size, req);
	assert_non_null(heard);
	if (call_rc != 0 || (flags & DSS_DRPC_NO_RESP))
		return call_rc;
	*resp = drpc_response_create(NULL);
	assert_non_null(*resp);
	(*resp)->status = status;
	return 0;
}

static int
set_up(void **state)
{
	on_xstream = true;
	info.dmi_xs_id = 5;
	self_rank = 3;
	rank_rc = 0;
	call_rc = 0;
	status = DRPC__STATUS__SUCCESS;
	calls = 0;
	line[0] = '\0';
	strcpy(dss_hostname, "host-1");
	return 0;
}

static int
tear_down(void **state)
{
	if (heard != NULL)
		shared__cluster_event_req__free_unpacked(heard, NULL);
	heard = NULL;
	return 0;
}

/** The line must have `expected`, in which `@` stands for the time and the process. */
static void
check_line(const char *expected)
{
	char text[sizeof(line)];
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(text, sizeof(text), expected, heard->event->timestamp, pid);
	assert_string_equal(line, text);
}

static void
an_event_is_logged_and_sent(void **state)
{
	uuid_t pool, cont;
	d_rank_t rank = 11;
	uint64_t inc = 0xabc;
	daos_obj_id_t oid = {.lo = 1, .hi = 2};
	Shared__RASEvent *event;

	assert_int_equal(uuid_parse("01234567-89ab-cdef-0123-456789abcdef", pool), 0);
	assert_int_equal(uuid_parse("fedcba98-7654-3210-fedc-ba9876543210", cont), 0);
	ds_notify_ras_event(RAS_POOL_CORRUPTION_DETECTED, "it is broken", RAS_TYPE_INFO,
			    RAS_SEV_ERROR, "nvme0", &rank, &inc, "job", &pool, &cont, &oid, "act",
			    "more");
	assert_int_equal(calls, 1);
	assert_int_equal(call_flags, DSS_DRPC_NO_RESP);
	event = heard->event;
	assert_int_equal(event->id, RAS_POOL_CORRUPTION_DETECTED);
	assert_string_equal(event->msg, "it is broken");
	assert_int_equal(event->type, RAS_TYPE_INFO);
	assert_int_equal(event->severity, RAS_SEV_ERROR);
	assert_string_equal(event->hostname, "host-1");
	assert_int_equal(event->rank, 11);
	assert_int_equal(event->incarnation, 0xabc);
	assert_string_equal(event->hw_id, "nvme0");
	assert_int_equal(event->proc_id, getpid());
	assert_int_equal(event->thread_id, 5);
	assert_string_equal(event->job_id, "job");
	assert_string_equal(event->pool_uuid, "01234567-89ab-cdef-0123-456789abcdef");
	assert_string_equal(event->cont_uuid, "fedcba98-7654-3210-fedc-ba9876543210");
	assert_string_equal(event->obj_id, "2.1");
	assert_string_equal(event->ctl_op, "act");
	assert_int_equal(event->extended_info_case, SHARED__RASEVENT__EXTENDED_INFO_STR_INFO);
	assert_string_equal(event->str_info, "more");
	/* 2026-01-31T23:59:59.123456+0100 */
	assert_int_equal(strlen(event->timestamp), 31);
	assert_int_equal(event->timestamp[10], 'T');
	assert_int_equal(event->timestamp[19], '.');

	assert_int_equal(line_level, DLOG_ERR);
	check_line("&&& RAS EVENT id: [pool_corruption_detected] ts: [%s] host: [host-1] type: "
		   "[INFO] sev: [ERROR] msg: [it is broken] pid: [%s] tid: [5] hwid: [nvme0] rank: "
		   "[11] inc: [abc] jobid: [job] pool: [01234567-89ab-cdef-0123-456789abcdef] "
		   "container: [fedcba98-7654-3210-fedc-ba9876543210] objid: [2.1] ctlop: [act] "
		   "data: [more]");
}

static void
what_is_left_out_is_not_there(void **state)
{
	uuid_t null = {0};
	Shared__RASEvent *event;

	ds_notify_ras_event(RAS_ENGINE_DIED, "gone", RAS_TYPE_STATE_CHANGE, RAS_SEV_WARNING, NULL,
			    NULL, NULL, NULL, &null, NULL, NULL, NULL, NULL);
	event = heard->event;
	assert_int_equal(event->rank, 3);
	assert_int_equal(event->incarnation, 0);
	assert_string_equal(event->hw_id, "");
	assert_string_equal(event->pool_uuid, "");
	assert_int_equal(event->extended_info_case, SHARED__RASEVENT__EXTENDED_INFO_STR_INFO);
	assert_string_equal(event->str_info, "");
	assert_int_equal(line_level, DLOG_WARN);
	check_line("&&& RAS EVENT id: [engine_died] ts: [%s] host: [host-1] type: [STATE_CHANGE] "
		   "sev: [WARNING] msg: [gone] pid: [%s] tid: [5] rank: [3] data: []");
}

static void
an_engine_without_a_rank_says_so(void **state)
{
	rank_rc = -DER_NONEXIST;
	ds_notify_ras_eventf(RAS_ENGINE_DIED, RAS_TYPE_INFO, RAS_SEV_NOTICE, NULL, NULL, NULL, NULL,
			     NULL, NULL, NULL, NULL, NULL, "%d of %s", 1, "2");
	assert_int_equal(heard->event->rank, CRT_NO_RANK);
	assert_string_equal(heard->event->msg, "1 of 2");
	assert_int_equal(line_level, DLOG_INFO);
	check_line("&&& RAS EVENT id: [engine_died] ts: [%s] host: [host-1] type: [INFO] sev: "
		   "[NOTICE] msg: [1 of 2] pid: [%s] tid: [5] data: []");
}

static void
the_replicas_of_a_pool_are_told(void **state)
{
	uuid_t pool, null = {0};
	d_rank_t ranks[] = {4, 5, 300};
	d_rank_list_t list = {.rl_ranks = ranks, .rl_nr = 3}, none = {0};
	Shared__RASEvent__PoolSvcEventInfo *service;

	assert_int_equal(uuid_parse("01234567-89ab-cdef-0123-456789abcdef", pool), 0);
	assert_int_equal(ds_notify_pool_svc_update(NULL, &list, 1), -DER_INVAL);
	assert_int_equal(ds_notify_pool_svc_update(&null, &list, 1), -DER_INVAL);
	assert_int_equal(ds_notify_pool_svc_update(&pool, NULL, 1), -DER_INVAL);
	assert_int_equal(ds_notify_pool_svc_update(&pool, &none, 1), -DER_INVAL);
	assert_int_equal(calls, 0);

	assert_int_equal(ds_notify_pool_svc_update(&pool, &list, 77), 0);
	assert_int_equal(call_flags, 0);
	assert_int_equal(heard->event->id, RAS_POOL_REPS_UPDATE);
	assert_int_equal(heard->event->type, RAS_TYPE_STATE_CHANGE);
	assert_int_equal(heard->event->severity, RAS_SEV_NOTICE);
	assert_int_equal(heard->event->rank, 3);
	assert_string_equal(heard->event->msg,
			    "List of pool service replica ranks has been updated.");
	assert_int_equal(heard->event->extended_info_case,
			 SHARED__RASEVENT__EXTENDED_INFO_POOL_SVC_INFO);
	service = heard->event->pool_svc_info;
	assert_int_equal(service->version, 77);
	assert_int_equal(service->n_svc_reps, 3);
	assert_memory_equal(service->svc_reps, ranks, sizeof(ranks));
	check_line("&&& RAS EVENT id: [pool_replicas_updated] ts: [%s] host: [host-1] type: "
		   "[STATE_CHANGE] sev: [NOTICE] msg: [List of pool service replica ranks has been "
		   "updated.] pid: [%s] tid: [5] rank: [3] pool: "
		   "[01234567-89ab-cdef-0123-456789abcdef]");
}

static void
failures_of_the_control_plane_are_returned(void **state)
{
	uuid_t pool = {1};
	d_rank_t rank = 0;
	d_rank_list_t list = {.rl_ranks = &rank, .rl_nr = 1};

	status = DRPC__STATUS__FAILURE;
	assert_int_equal(ds_notify_pool_svc_update(&pool, &list, 1), -DER_IO);
	tear_down(state);
	call_rc = -DER_NONEXIST;
	assert_int_equal(ds_notify_pool_svc_update(&pool, &list, 1), -DER_NONEXIST);
	tear_down(state);
	assert_int_equal(ds_notify_swim_rank_dead(1, 2), -DER_NONEXIST);
}

static void
a_dead_rank_is_told(void **state)
{
	assert_int_equal(ds_notify_swim_rank_dead(9, 0x10), 0);
	assert_int_equal(call_flags, DSS_DRPC_NO_RESP);
	assert_int_equal(heard->event->id, RAS_SWIM_RANK_DEAD);
	assert_int_equal(heard->event->type, RAS_TYPE_STATE_CHANGE);
	assert_int_equal(heard->event->rank, 9);
	assert_int_equal(heard->event->incarnation, 0x10);
	assert_int_equal(heard->event->extended_info_case,
			 SHARED__RASEVENT__EXTENDED_INFO__NOT_SET);
	check_line("&&& RAS EVENT id: [swim_rank_dead] ts: [%s] host: [host-1] type: "
		   "[STATE_CHANGE] sev: [NOTICE] msg: [SWIM marked rank as dead.] pid: [%s] tid: "
		   "[5] rank: [9] inc: [10]");
}

static void
an_excluded_rank_that_ends_is_told(void **state)
{
	assert_int_equal(ds_notify_rank_self_terminated(8, 1), 0);
	assert_int_equal(heard->event->id, RAS_ENGINE_SELF_TERMINATED);
	assert_int_equal(heard->event->type, RAS_TYPE_INFO);
	assert_string_equal(heard->event->msg, "excluded rank self terminated detected");
}

static void
what_an_event_must_have_is_missing(void **state)
{
	ds_notify_ras_event(RAS_ENGINE_DIED, "", RAS_TYPE_INFO, RAS_SEV_ERROR, NULL, NULL, NULL,
			    NULL, NULL, NULL, NULL, NULL, NULL);
	ds_notify_ras_event(RAS_ENGINE_DIED, NULL, RAS_TYPE_INFO, RAS_SEV_ERROR, NULL, NULL, NULL,
			    NULL, NULL, NULL, NULL, NULL, NULL);
	on_xstream = false;
	assert_int_equal(ds_notify_swim_rank_dead(1, 2), -DER_UNINIT);
	on_xstream = true;
	dss_hostname[0] = '\0';
	assert_int_equal(ds_notify_swim_rank_dead(1, 2), -DER_UNINIT);
	assert_int_equal(calls, 0);
	assert_string_equal(line, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_event_is_logged_and_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_left_out_is_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_engine_without_a_rank_says_so, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_replicas_of_a_pool_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(failures_of_the_control_plane_are_returned, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_dead_rank_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_excluded_rank_that_ends_is_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_an_event_must_have_is_missing, set_up,
						tear_down),
	};

	setenv("D_LOG_FILE", "/dev/null", 1);
	setenv("D_LOG_MASK", "INFO", 1);
	if (d_log_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
