/* The engine's side of dRPC: engine/drpc_internal.h. Xstreams run, with the listener on one of
 * them; hostile and well-behaved clients connect, and a thread plays the control plane. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <abt.h>
#include <daos_errno.h>
#include <daos/drpc_modules.h>
#include <daos_srv/daos_chk.h>
#include <daos_srv/daos_engine.h>
#include <daos_srv/ras.h>
#include <engine/drpc_handler.h>
#include <engine/drpc_internal.h>
#include <engine/srv_internal.h>

#include "packets.h"

static char dir[] = "/tmp/drpc_internal_test.XXXXXX";

/* ---- the module that answers ---- */

enum { ECHO = 1, NOTHING, SLOW, LARGE, LARGE_SIZE = 1 << 20 };

static atomic_int last_xs_id, last_target;
static atomic_int slow_now, slow_max;

static void
answer(Drpc__Call *call, Drpc__Response *response)
{
	struct dss_module_info *info = dss_get_module_info();
	int now, max;

	atomic_store(&last_xs_id, info->dmi_xs_id);
	atomic_store(&last_target, info->dmi_tgt_id);
	switch (call->method) {
	case ECHO:
		response->body = call->body;
		call->body.data = NULL;
		call->body.len = 0;
		break;
	case NOTHING:
		break;
	case SLOW:
		now = atomic_fetch_add(&slow_now, 1) + 1;
		for (max = atomic_load(&slow_max); now > max;)
			if (atomic_compare_exchange_weak(&slow_max, &max, now))
				break;
		dss_sleep(2);
		atomic_fetch_sub(&slow_now, 1);
		break;
	case LARGE:
		response->body.data = calloc(1, LARGE_SIZE);
		response->body.len = LARGE_SIZE;
		break;
	default:
		response->status = DRPC__STATUS__UNKNOWN_METHOD;
	}
}

/* ---- clients ---- */

static int
connect_raw(void)
{
	int fd = peer_connect(drpc_listener_socket_path);

	assert_true(fd >= 0);
	return fd;
}

static bool
send_call(int fd, int module, int method, int64_t sequence)
{
	Drpc__Call call = DRPC__CALL__INIT;
	uint8_t wire[64];

	call.module = module;
	call.method = method;
	call.sequence = sequence;
	return peer_send_message(fd, wire, drpc__call__pack(&call, wire));
}

/* Calls on a connection of its own, and returns the status. */
static Drpc__Status
status_of(int module, int method, int64_t sequence)
{
	int fd = connect_raw();
	Drpc__Response *response;
	Drpc__Status status;

	assert_true(send_call(fd, module, method, sequence));
	response = peer_receive_response(fd);
	assert_non_null(response);
	assert_int_equal(response->sequence, sequence);
	status = response->status;
	drpc__response__free_unpacked(response, NULL);
	close(fd);
	return status;
}

static void
assert_still_answering(void)
{
	assert_int_equal(status_of(DRPC_MODULE_TEST, ECHO, 42), DRPC__STATUS__SUCCESS);
}

/* ---- set-up ---- */

static int
start_engine(void **state)
{
	if (ds_tls_key_create() != 0 || drpc_hdlr_init() != 0)
		return -1;
	dss_register_key(&daos_srv_modkey);
	if (drpc_init() != 0 || ABT_init(0, NULL) != ABT_SUCCESS)
		return -1;
	if (crt_init_opt("test", CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE, NULL) != 0)
		return -1;
	dss_tgt_nr = 1;
	dss_tgt_offload_xs_nr = 0;
	if (dss_srv_init() != 0)
		return -1;
	dss_xstreams_open_barrier(false);
	return drpc_hdlr_register(DRPC_MODULE_TEST, answer);
}

static int
stop_engine(void **state)
{
	int rc = dss_srv_fini(true);

	if (crt_finalize() != 0 || ABT_finalize() != ABT_SUCCESS)
		rc = -1;
	drpc_fini();
	drpc_hdlr_fini();
	dss_unregister_key(&daos_srv_modkey);
	ds_tls_key_delete();
	return rc;
}

static int
start_suite(void **state)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	dss_socket_dir = dir;
	return start_engine(state);
}

static int
stop_suite(void **state)
{
	int rc = stop_engine(state);

	/* Nothing is left behind in it. */
	return rmdir(dir) != 0 ? -1 : rc;
}

/* ---- the listener ---- */

static void
the_socket_is_named_after_the_process(void **state)
{
	char expected[PATH_MAX];
	struct stat stat_buf;

	snprintf(expected, sizeof(expected), "%s/daos_engine_%d.sock", dir, getpid());
	assert_string_equal(drpc_listener_socket_path, expected);
	assert_int_equal(stat(expected, &stat_buf), 0);
	assert_true(S_ISSOCK(stat_buf.st_mode));
	assert_int_equal(stat_buf.st_mode & 0077, 0);
}

static void
a_call_runs_on_the_system_xstream(void **state)
{
	assert_int_equal(status_of(DRPC_MODULE_TEST, NOTHING, 1), DRPC__STATUS__SUCCESS);
	assert_int_equal(atomic_load(&last_xs_id), 0);
	assert_true(atomic_load(&last_target) < 0);
}

static void
unknown_modules_and_methods_are_answered(void **state)
{
	assert_int_equal(status_of(DRPC_MODULE_MGMT, 1, 2), DRPC__STATUS__UNKNOWN_MODULE);
	assert_int_equal(status_of(-1, 1, 3), DRPC__STATUS__UNKNOWN_MODULE);
	assert_int_equal(status_of(INT_MAX, 1, 4), DRPC__STATUS__UNKNOWN_MODULE);
	assert_int_equal(status_of(DRPC_MODULE_TEST, INT_MIN, 5), DRPC__STATUS__UNKNOWN_METHOD);
}

static void
a_response_without_bytes_is_sent(void **state)
{
	int fd = connect_raw();
	uint8_t packet[UNIXCOMM_MAXMSGSIZE];
	const struct drpc_header expected = {.total_chunks = 1};

	assert_true(send_call(fd, DRPC_MODULE_TEST, NOTHING, 0));
	assert_int_equal(peer_receive(fd, packet, PEER_TIMEOUT), sizeof(expected));
	assert_memory_equal(packet, &expected, sizeof(expected));
	close(fd);
}

static void
large_bodies_come_back(void **state)
{
	static const size_t sizes[] = {0, 1, 131072, 4 << 20};
	struct drpc *client;
	unsigned int i;

	assert_int_equal(drpc_connect(drpc_listener_socket_path, &client), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		Drpc__Response *response;
		Drpc__Call *call;

		assert_int_equal(drpc_call_create(client, DRPC_MODULE_TEST, ECHO, &call), 0);
		call->body.len = sizes[i];
		call->body.data = sizes[i] == 0 ? NULL : calloc(1, sizes[i]);
		assert_int_equal(drpc_call(client, R_SYNC, call, &response), 0);
		assert_int_equal(response->status, DRPC__STATUS__SUCCESS);
		assert_int_equal(response->body.len, sizes[i]);
		assert_int_equal(response->sequence, i);
		drpc_response_free(response);
		drpc_call_free(call);
	}
	drpc_close(client);
}

static void
garbage_is_answered_then_cut_off(void **state)
{
	const uint8_t garbage[] = {0xff, 0xff, 0xff, 0xff, 0xff};
	int fd = connect_raw();
	Drpc__Response *response;

	assert_true(peer_send_message(fd, garbage, sizeof(garbage)));
	response = peer_receive_response(fd);
	assert_non_null(response);
	assert_int_equal(response->status, DRPC__STATUS__FAILED_UNMARSHAL_CALL);
	assert_int_equal(response->sequence, -1);
	drpc__response__free_unpacked(response, NULL);
	assert_true(peer_is_closed(fd));
	close(fd);
	assert_still_answering();
}

static void
broken_packets_are_cut_off(void **state)
{
	const uint8_t data[] = {0x10, 0x01, 0x18, 0x07};
	const size_t len = sizeof(data);
	const struct {
		size_t total, len;
		uint32_t index, count;
	} cases[] = {
		{len, len, 0, 0},         {1UL << 60, len, 0, 1}, {100000, 100000, 0, 1},
		{1 << 20, 1 << 20, 0, 8}, {len, len, 3, 4},       {len, len + 1, 0, 1},
		{2 * len, len, 0, 1},     {len, 0, 0, 2},
	};
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fd = connect_raw();
		assert_true(peer_send(fd, cases[i].total, cases[i].len, cases[i].index,
				      cases[i].count, data, len));
		if (!peer_is_closed(fd))
			fail_msg("case %u is not closed", i);
		close(fd);
	}
	fd = connect_raw();
	assert_int_equal(send(fd, data, len, 0), len); /* no header */
	assert_true(peer_is_closed(fd));
	close(fd);
	fd = connect_raw();
	assert_int_equal(send(fd, data, 0, 0), 0);
	close(fd);
	assert_still_answering();
}

static void
half_a_message_holds_up_nobody(void **state)
{
	Drpc__Call call = DRPC__CALL__INIT;
	int fds[20];
	uint8_t wire[64];
	Drpc__Response *response;
	size_t len;
	int i;

	call.method = ECHO;
	call.sequence = 8;
	len = drpc__call__pack(&call, wire);
	for (i = 0; i < 20; i++) {
		fds[i] = connect_raw();
		assert_true(peer_send(fds[i], len, 1, 0, 2, wire, 1));
	}
	assert_still_answering();
	/* The other half of one completes its call. */
	assert_true(peer_send(fds[7], len, len - 1, 1, 2, wire + 1, len - 1));
	response = peer_receive_response(fds[7]);
	assert_int_equal(response->sequence, 8);
	drpc__response__free_unpacked(response, NULL);
	for (i = 0; i < 20; i++)
		close(fds[i]);
}

static void
who_reads_no_responses_is_cut_off(void **state)
{
	int fds[4];
	unsigned int i, n;

	for (i = 0; i < 4; i++) {
		fds[i] = connect_raw();
		for (n = 0; n < 4; n++)
			assert_true(send_call(fds[i], DRPC_MODULE_TEST, LARGE, n));
	}
	/* Meanwhile the others are served. */
	for (n = 0; n < 100; n++)
		assert_still_answering();
	for (i = 0; i < 4; i++) {
		struct pollfd pollfd = {.fd = fds[i], .events = 0};

		/* POLLHUP comes without being asked for. */
		assert_int_equal(poll(&pollfd, 1, PEER_TIMEOUT), 1);
		assert_true(pollfd.revents & POLLHUP);
		close(fds[i]);
	}
	assert_still_answering();
}

static void
who_sends_without_reading_is_served_in_portions(void **state)
{
	enum { CALLS = 300 };
	struct pollfd pollfd = {.fd = connect_raw()};
	int sent = 0, received = 0;

	atomic_store(&slow_max, 0);
	while (received < CALLS) {
		pollfd.events = POLLIN | (sent < CALLS ? POLLOUT : 0);
		assert_int_equal(poll(&pollfd, 1, PEER_TIMEOUT), 1);
		if (pollfd.revents & POLLOUT && sent < CALLS) {
			assert_true(send_call(pollfd.fd, DRPC_MODULE_TEST, SLOW, ++sent));
		} else if (pollfd.revents & POLLIN) {
			Drpc__Response *response = peer_receive_response(pollfd.fd);

			assert_non_null(response);
			assert_int_equal(response->status, DRPC__STATUS__SUCCESS);
			drpc__response__free_unpacked(response, NULL);
			received++;
		}
	}
	assert_true(atomic_load(&slow_max) > 1);
	assert_true(atomic_load(&slow_max) <= 16);
	close(pollfd.fd);
}

static int
open_descriptors(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(fds) != NULL)
		count++;
	closedir(fds);
	return count;
}

static void
sessions_leave_no_descriptors(void **state)
{
	int before, i, wait;

	assert_still_answering();
	usleep(100000);
	before = open_descriptors();
	for (i = 0; i < 200; i++) {
		int fd = connect_raw();

		/* A client that does not wait for its answer. */
		if (i % 2 == 0)
			assert_true(send_call(fd, DRPC_MODULE_TEST, SLOW, 1));
		close(fd);
	}
	/* Connections are accepted in their order: after this one, all others have been. */
	assert_still_answering();
	for (wait = 0; open_descriptors() > before && wait < PEER_TIMEOUT / 10; wait++)
		usleep(10000);
	assert_int_equal(open_descriptors(), before);
	assert_still_answering();
}

static void
the_engine_stops_while_clients_are_connected(void **state)
{
	int idle = connect_raw(), busy = connect_raw(), half = connect_raw(), deaf = connect_raw();
	int i;

	assert_true(send_call(busy, DRPC_MODULE_TEST, SLOW, 1));
	assert_true(peer_send(half, 100, 1, 0, 2, "", 1));
	for (i = 0; i < 4; i++)
		assert_true(send_call(deaf, DRPC_MODULE_TEST, LARGE, i));
	assert_still_answering();
	assert_int_equal(stop_engine(state), 0);
	assert_true(peer_is_closed(idle));
	assert_true(peer_is_closed(busy));
	assert_true(peer_is_closed(half));
	assert_true(peer_is_closed(deaf));
	close(idle);
	close(busy);
	close(half);
	close(deaf);
	assert_null(drpc_listener_socket_path);
	assert_int_equal(start_engine(state), 0);
	assert_still_answering();
}

/* ---- one round of progress ---- */

static void
nobody(Drpc__Call *call, Drpc__Response *response)
{
}

static void
progress_tells_what_happened(void **state)
{
	struct drpc_progress_context *ctx;
	struct drpc *listener;
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/progress", dir);
	assert_null(drpc_progress_context_create(NULL));
	assert_int_equal(drpc_progress(NULL, 0), -DER_INVAL);
	listener = drpc_listen(path, nobody);
	ctx = drpc_progress_context_create(listener);
	assert_ptr_equal(ctx->listener_ctx, listener);
	assert_true(d_list_empty(&ctx->session_ctx_list));
	assert_int_equal(drpc_progress(ctx, 0), -DER_TIMEDOUT);
	assert_int_equal(drpc_progress(ctx, 10), -DER_TIMEDOUT);

	fd = peer_connect(path);
	assert_int_equal(drpc_progress(ctx, -1), 0);
	assert_false(d_list_empty(&ctx->session_ctx_list));
	assert_int_equal(drpc_progress(ctx, 0), -DER_TIMEDOUT);
	assert_true(peer_send(fd, 10, 5, 0, 2, "\x08\x00\x10\x01\x18", 5));
	assert_int_equal(drpc_progress(ctx, 1000), -DER_AGAIN);
	close(fd);
	assert_int_equal(drpc_progress(ctx, 1000), 0);
	assert_true(d_list_empty(&ctx->session_ctx_list));

	fd = peer_connect(path);
	assert_int_equal(drpc_progress(ctx, 1000), 0);
	drpc_progress_context_close(ctx);
	drpc_progress_context_close(NULL);
	assert_true(peer_is_closed(fd));
	close(fd);
	unlink(path);
}

/* ---- the control plane, played by a thread ---- */

struct control_plane {
	struct drpc *listener;
	pthread_t thread;
	/* What to answer. */
	Drpc__Status status;
	const void *body;
	size_t body_len;
	int delay_ms;
	bool hang_up;
	/* What was called. */
	int calls, method;
	uint8_t request[256];
	size_t request_len;
};

static struct control_plane plane;

static void *
play(void *arg)
{
	struct pollfd pollfd = {.fd = plane.listener->comm->fd, .events = POLLIN};
	struct drpc *session;
	Drpc__Call *call;

	while (poll(&pollfd, 1, PEER_TIMEOUT) == 1 && pollfd.revents == POLLIN) {
		if (drpc_accept(plane.listener, &session) != 0)
			continue;
		if (drpc_recv_call(session, &call) == 0) {
			Drpc__Response *response = drpc_response_create(call);

			plane.method = call->method;
			plane.request_len = call->body.len;
			if (call->body.len != 0 && call->body.len <= sizeof(plane.request))
				memcpy(plane.request, call->body.data, call->body.len);
			plane.calls++;
			usleep(plane.delay_ms * 1000);
			response->status = plane.status;
			response->body.len = plane.body_len;
			response->body.data = (void *)plane.body;
			if (!plane.hang_up)
				drpc_send_response(session, response);
			response->body.data = NULL;
			drpc_response_free(response);
			drpc_call_free(call);
		}
		drpc_close(session);
	}
	return NULL;
}

static int
start_control_plane(void **state)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/daos_server.sock", dir);
	memset(&plane, 0, sizeof(plane));
	plane.listener = drpc_listen(path, nobody);
	if (plane.listener == NULL)
		return -1;
	return pthread_create(&plane.thread, NULL, play, NULL);
}

static int
stop_control_plane(void **state)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/daos_server.sock", dir);
	shutdown(plane.listener->comm->fd, SHUT_RDWR);
	pthread_join(plane.thread, NULL);
	drpc_close(plane.listener);
	return unlink(path);
}

static bool
contains(const uint8_t *bytes, size_t len, const char *text)
{
	size_t text_len = strlen(text), i;

	for (i = 0; i + text_len <= len; i++)
		if (memcmp(bytes + i, text, text_len) == 0)
			return true;
	return false;
}

static void
the_control_plane_is_told_that_the_engine_is_ready(void **state)
{
	assert_int_equal(drpc_notify_ready(false), 0);
	assert_int_equal(plane.method, DRPC_METHOD_SRV_NOTIFY_READY);
	assert_true(contains(plane.request, plane.request_len, drpc_listener_socket_path));
	/* Field 9, check_mode, comes last, if at all. */
	assert_int_not_equal(plane.request[plane.request_len - 2], 0x48);
	assert_int_equal(drpc_notify_ready(true), 0);
	assert_memory_equal(plane.request + plane.request_len - 2, "\x48\x01", 2);
	plane.status = DRPC__STATUS__FAILURE;
	assert_int_equal(drpc_notify_ready(false), -DER_IO);
	plane.hang_up = true;
	assert_int_equal(drpc_notify_ready(false), -DER_TRUNC);
	assert_int_equal(plane.calls, 4);
}

static void
without_a_control_plane_a_call_fails_at_once(void **state)
{
	Drpc__Response *response = NULL;

	assert_int_equal(drpc_notify_ready(false), -DER_NONEXIST);
	assert_int_equal(dss_drpc_call(DRPC_MODULE_SRV, 1, NULL, 0, DSS_DRPC_NO_RESP, NULL),
			 -DER_NONEXIST);
	assert_int_equal(dss_drpc_call(DRPC_MODULE_SRV, 1, NULL, 0, DSS_DRPC_NO_SCHED, NULL),
			 -DER_INVAL);
	assert_int_equal(dss_drpc_call(DRPC_MODULE_SRV, 1, NULL, 5, DSS_DRPC_NO_SCHED, &response),
			 -DER_INVAL);
	assert_null(response);
}

static void
without_a_response_a_call_does_not_wait(void **state)
{
	int i;

	plane.delay_ms = 100;
	assert_int_equal(dss_drpc_call(DRPC_MODULE_SRV, 77, "body", 4, DSS_DRPC_NO_RESP, NULL), 0);
	for (i = 0; plane.calls == 0 && i < PEER_TIMEOUT; i++)
		usleep(1000);
	assert_int_equal(plane.method, 77);
	assert_memory_equal(plane.request, "body", 4);
}

/* What runs on the target's xstream: functions return the line of the check that does not hold, or
 * 0. */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static int
run_on_target(int (*func)(void *))
{
	return dss_ult_execute(func, NULL, NULL, NULL, DSS_XS_VOS, 0, 0);
}

static atomic_bool ticking;
static atomic_int ticks;

static void
tick(void *arg)
{
	while (atomic_load(&ticking)) {
		atomic_fetch_add(&ticks, 1);
		dss_sleep(1);
	}
}

static const uint8_t uuid[16] = {0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff};
static const char uuid_text[] = "ab010203-0405-0607-0809-0a0b0c0d0eff";

static int
ask_for_ranks(void *arg)
{
	d_rank_list_t *ranks = NULL;
	ABT_thread thread;
	int before;

	atomic_store(&ticking, true);
	CHECK(dss_ult_create(tick, NULL, DSS_XS_SELF, 0, 0, &thread) == 0);
	before = atomic_load(&ticks);
	CHECK(ds_get_pool_svc_ranks((uint8_t *)uuid, &ranks) == 0);
	/* The xstream has worked meanwhile. */
	CHECK(atomic_load(&ticks) > before + 3);
	atomic_store(&ticking, false);
	ABT_thread_free(&thread);
	CHECK(ranks->rl_nr == 3);
	CHECK(ranks->rl_ranks[0] == 1 && ranks->rl_ranks[1] == 2 && ranks->rl_ranks[2] == 300);
	d_rank_list_free(ranks);
	return 0;
}

static void
a_call_lets_other_ults_run(void **state)
{
	static const uint8_t body[] = {0x12, 0x04, 1, 2, 0xac, 0x02};

	plane.delay_ms = 100;
	plane.body = body;
	plane.body_len = sizeof(body);
	assert_int_equal(run_on_target(ask_for_ranks), 0);
	assert_int_equal(plane.method, DRPC_METHOD_SRV_GET_POOL_SVC);
	assert_true(contains(plane.request, plane.request_len, uuid_text));
}

static int
ask_in_vain(void *arg)
{
	d_rank_list_t *ranks = NULL;

	return ds_get_pool_svc_ranks((uint8_t *)uuid, &ranks);
}

static void
what_the_control_plane_says_is_passed_on(void **state)
{
	/* Status -1005. */
	static const uint8_t nonexist[] = {0x08, 0x93, 0xf8, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0x01};

	plane.body = nonexist;
	plane.body_len = sizeof(nonexist);
	assert_int_equal(run_on_target(ask_in_vain), -DER_NONEXIST);
	plane.body = "\xff";
	plane.body_len = 1;
	assert_int_equal(run_on_target(ask_in_vain), -DER_NOMEM);
	plane.status = DRPC__STATUS__UNKNOWN_METHOD;
	assert_int_equal(run_on_target(ask_in_vain), -DER_IO);
}

static int
raise_events(void *arg)
{
	d_rank_t rank = 7;
	d_rank_list_t ranks = {.rl_ranks = &rank, .rl_nr = 1};
	int i;

	strcpy(dss_hostname, "here");
	/* Waits until the control plane has heard. */
	CHECK(ds_notify_pool_svc_update((uuid_t *)uuid, &ranks, 5) == 0);
	CHECK(plane.calls == 1 && plane.method == DRPC_METHOD_SRV_CLUSTER_EVENT);
	CHECK(contains(plane.request, plane.request_len, uuid_text));
	CHECK(contains(plane.request, plane.request_len, "here"));
	/* Does not. */
	ds_notify_ras_eventf(RAS_ENGINE_DIED, RAS_TYPE_INFO, RAS_SEV_NOTICE, NULL, &rank, NULL,
			     NULL, NULL, NULL, NULL, NULL, "data", "%s of %d", "part", 2);
	for (i = 0; plane.calls < 2 && i < PEER_TIMEOUT; i++)
		dss_sleep(1);
	CHECK(contains(plane.request, plane.request_len, "part of 2"));
	plane.status = DRPC__STATUS__FAILURE;
	CHECK(ds_notify_pool_svc_update((uuid_t *)uuid, &ranks, 5) == -DER_IO);
	return 0;
}

static void
events_arrive(void **state)
{
	assert_int_equal(run_on_target(raise_events), 0);
}

static int
list_for_the_checker(void *arg)
{
	struct chk_list_pool *pools = NULL;

	CHECK(ds_chk_listpool_upcall(&pools) == 1);
	CHECK(memcmp(pools[0].clp_uuid, uuid, sizeof(uuid)) == 0);
	CHECK(strcmp(pools[0].clp_label, "tank") == 0);
	ds_chk_free_pool_list(pools, 1);
	return 0;
}

static void
the_checker_is_answered(void **state)
{
	char body[64];
	int len = snprintf(body, sizeof(body), "\x12%c\x0a%c%s\x12\x04tank", 44, 36, uuid_text);

	plane.body = body;
	plane.body_len = len;
	assert_int_equal(run_on_target(list_for_the_checker), 0);
	assert_int_equal(plane.method, DRPC_METHOD_CHK_LIST_POOL);
}

static int
ask_for_a_label(void *arg)
{
	d_rank_list_t *ranks = NULL;
	uint8_t found[16];

	CHECK(ds_pool_find_bylabel("tank", found, &ranks) == 0);
	CHECK(memcmp(found, uuid, sizeof(uuid)) == 0);
	CHECK(ranks->rl_nr == 1 && ranks->rl_ranks[0] == 9);
	d_rank_list_free(ranks);
	return 0;
}

static void
a_pool_is_found_by_its_label(void **state)
{
	char body[64];
	int len = snprintf(body, sizeof(body), "\x12%c%s\x1a%c%c", 36, uuid_text, 1, 9);

	plane.body = body;
	plane.body_len = len;
	assert_int_equal(run_on_target(ask_for_a_label), 0);
	assert_int_equal(plane.method, DRPC_METHOD_SRV_POOL_FIND_BYLABEL);
	assert_true(contains(plane.request, plane.request_len, "tank"));
}

static int
ask_for_pools(void *arg)
{
	daos_mgmt_pool_info_t pools[2];
	uint64_t count = 0;

	memset(pools, 0xaa, sizeof(pools));
	CHECK(ds_get_pool_list(NULL, NULL) == -DER_INVAL);
	CHECK(ds_get_pool_list(&count, NULL) == 0);
	CHECK(count == 2);
	count = 1;
	CHECK(ds_get_pool_list(&count, pools) == -DER_OVERFLOW);
	count = 0;
	CHECK(ds_get_pool_list(&count, pools) == -DER_OVERFLOW);
	count = 2;
	CHECK(ds_get_pool_list(&count, pools) == 0);
	CHECK(count == 2);
	CHECK(memcmp(pools[1].mgpi_uuid, uuid, sizeof(uuid)) == 0);
	CHECK(strcmp(pools[0].mgpi_label, "tank") == 0);
	CHECK(strcmp(pools[1].mgpi_label, "") == 0);
	CHECK(pools[0].mgpi_svc->rl_nr == 1 && pools[0].mgpi_svc->rl_ranks[0] == 9);
	for (count = 0; count < 2; count++) {
		d_rank_list_free(pools[count].mgpi_svc);
		d_free(pools[count].mgpi_label);
	}
	return 0;
}

static int
ask_for_bad_pools(void *arg)
{
	daos_mgmt_pool_info_t pools[2];
	uint64_t count = 2;

	memset(pools, 0xaa, sizeof(pools));
	return ds_get_pool_list(&count, pools);
}

static void
pools_are_listed(void **state)
{
	char body[128];
	int len =
		snprintf(body, sizeof(body), "\x0a%c\x0a%c%s\x12%c%s\x1a%c%c\x0a%c\x0a%c%s",
			 2 + 36 + 2 + 4 + 3, 36, uuid_text, 4, "tank", 1, 9, 2 + 36, 36, uuid_text);

	plane.body = body;
	plane.body_len = len;
	assert_int_equal(run_on_target(ask_for_pools), 0);
	assert_int_equal(plane.method, DRPC_METHOD_SRV_LIST_POOLS);
	/* The second one's UUID is none. */
	body[len - 1] = 'x';
	assert_int_equal(run_on_target(ask_for_bad_pools), -DER_INVAL);
}

#define WITH_PLANE(test) \
	cmocka_unit_test_setup_teardown(test, start_control_plane, stop_control_plane)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_socket_is_named_after_the_process),
		cmocka_unit_test(a_call_runs_on_the_system_xstream),
		cmocka_unit_test(unknown_modules_and_methods_are_answered),
		cmocka_unit_test(a_response_without_bytes_is_sent),
		cmocka_unit_test(large_bodies_come_back),
		cmocka_unit_test(garbage_is_answered_then_cut_off),
		cmocka_unit_test(broken_packets_are_cut_off),
		cmocka_unit_test(half_a_message_holds_up_nobody),
		cmocka_unit_test(who_reads_no_responses_is_cut_off),
		cmocka_unit_test(who_sends_without_reading_is_served_in_portions),
		cmocka_unit_test(sessions_leave_no_descriptors),
		cmocka_unit_test(the_engine_stops_while_clients_are_connected),
		cmocka_unit_test(progress_tells_what_happened),
		cmocka_unit_test(without_a_control_plane_a_call_fails_at_once),
		WITH_PLANE(the_control_plane_is_told_that_the_engine_is_ready),
		WITH_PLANE(without_a_response_a_call_does_not_wait),
		WITH_PLANE(a_call_lets_other_ults_run),
		WITH_PLANE(what_the_control_plane_says_is_passed_on),
		WITH_PLANE(events_arrive),
		WITH_PLANE(the_checker_is_answered),
		WITH_PLANE(a_pool_is_found_by_its_label),
		WITH_PLANE(pools_are_listed),
	};

	return cmocka_run_group_tests(tests, start_suite, stop_suite);
}
