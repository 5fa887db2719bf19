/* The dRPC channel: daos/drpc.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <daos_errno.h>
#include <daos/drpc.h>

#include "packets.h"

static char dir[] = "/tmp/daos_drpc_test.XXXXXX";
static char path[64];

/* ---- calls and responses ---- */

static struct drpc *
bare_context(void)
{
	struct drpc *ctx = calloc(1, sizeof(*ctx));

	ctx->comm = calloc(1, sizeof(*ctx->comm));
	ctx->ref_count = 1;
	return ctx;
}

static void
a_call_is_numbered_by_its_context(void **state)
{
	struct drpc *ctx = bare_context();
	Drpc__Call *call = (void *)1;

	assert_int_equal(drpc_call_create(NULL, 1, 2, &call), -DER_INVAL);
	assert_null(call);
	assert_int_equal(drpc_call_create(ctx, 1, 2, NULL), -DER_INVAL);
	ctx->sequence = 203;
	assert_int_equal(drpc_call_create(ctx, 3, -25, &call), 0);
	assert_ptr_equal(call->base.descriptor, &drpc__call__descriptor);
	assert_int_equal(call->sequence, 203);
	assert_int_equal(call->module, 3);
	assert_int_equal(call->method, -25);
	assert_null(call->body.data);
	drpc_call_free(call);
	drpc_call_free(NULL);
	free(ctx->comm);
	free(ctx);
}

static void
a_response_repeats_the_number_of_its_call(void **state)
{
	Drpc__Call call = DRPC__CALL__INIT;
	Drpc__Response *response;

	call.sequence = 12;
	response = drpc_response_create(&call);
	assert_int_equal(response->sequence, 12);
	assert_int_equal(response->status, DRPC__STATUS__SUCCESS);
	drpc_response_free(response);
	response = drpc_response_create(NULL);
	assert_int_equal(response->sequence, -1);
	drpc_response_free(response);
	drpc_response_free(NULL);
}

static void
the_allocator_gives_zeroes_and_notes_failure(void **state)
{
	struct drpc_alloc alloc = PROTO_ALLOCATOR_INIT(alloc);
	uint8_t *memory = alloc.alloc.alloc(alloc.alloc.allocator_data, 100);
	uint8_t zeroes[100] = {0};

	assert_memory_equal(memory, zeroes, 100);
	alloc.alloc.free(alloc.alloc.allocator_data, memory);
	assert_false(alloc.oom);
	assert_null(daos_drpc_alloc(&alloc, SIZE_MAX / 2));
	assert_true(alloc.oom);
	daos_drpc_free(&alloc, NULL);
}

/* ---- contexts ---- */

static void
nobody(Drpc__Call *call, Drpc__Response *response)
{
	fail();
}

static void
what_cannot_be_connected_is_refused(void **state)
{
	char long_path[200];
	struct drpc *ctx = (void *)1;

	assert_int_equal(drpc_connect(path, &ctx), -DER_NONEXIST);
	assert_null(ctx);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(drpc_connect(long_path, &ctx), -DER_EXCEEDS_PATH_LEN);
	assert_null(drpc_listen(long_path, nobody));
	assert_null(drpc_listen(NULL, nobody));
	assert_null(drpc_listen(path, NULL));
}

static void
a_listener_is_its_users_alone(void **state)
{
	struct drpc *listener = drpc_listen(path, nobody);
	struct drpc *session = NULL;
	struct stat stat;

	assert_non_null(listener);
	assert_true(drpc_is_valid_listener(listener));
	assert_int_equal(listener->comm->flags, O_NONBLOCK);
	assert_int_equal(listener->ref_count, 1);
	assert_int_equal(fstat(listener->comm->fd, &stat), 0);
	assert_int_equal(stat.st_mode & 0777, 0600);
	/* Its file is there already. */
	assert_null(drpc_listen(path, nobody));
	/* Nobody wants to connect. */
	assert_int_equal(drpc_accept(listener, &session), -DER_AGAIN);
	assert_int_equal(drpc_accept(NULL, &session), -DER_INVAL);
	assert_null(session);
	assert_int_equal(drpc_close(listener), 0);
	unlink(path);
}

static void
the_last_reference_closes(void **state)
{
	struct drpc *listener = drpc_listen(path, nobody);
	int fd = listener->comm->fd;

	assert_int_equal(drpc_add_ref(listener), 0);
	assert_int_equal(listener->ref_count, 2);
	assert_int_equal(drpc_close(listener), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	listener->ref_count = UINT32_MAX;
	assert_int_equal(drpc_add_ref(listener), -DER_INVAL);
	listener->ref_count = 0;
	assert_int_equal(drpc_close(listener), -DER_INVAL);
	listener->ref_count = 1;
	assert_int_equal(drpc_close(listener), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(drpc_close(NULL), -DER_INVAL);
	assert_int_equal(drpc_add_ref(NULL), -DER_INVAL);
	assert_false(drpc_is_valid_listener(NULL));
	unlink(path);
}

/* ---- a server that answers each call by its body, reversed ---- */

struct server {
	struct drpc *listener;
	pthread_t thread;
	int answered;
};

static void
reverse(Drpc__Call *call, Drpc__Response *response)
{
	size_t i;

	response->status = call->method;
	response->body.len = call->body.len;
	if (call->body.len == 0)
		return;
	response->body.data = malloc(call->body.len);
	for (i = 0; i < call->body.len; i++)
		response->body.data[i] = call->body.data[call->body.len - 1 - i];
}

/* Serves one client until that leaves. */
static void *
serve(void *arg)
{
	struct server *server = arg;
	struct pollfd pollfd = {.fd = server->listener->comm->fd, .events = POLLIN};
	struct drpc *session;
	Drpc__Call *call;

	if (poll(&pollfd, 1, PEER_TIMEOUT) != 1 || drpc_accept(server->listener, &session) != 0)
		return NULL;
	while (drpc_recv_call(session, &call) == 0) {
		Drpc__Response *response = drpc_response_create(call);

		session->handler(call, response);
		if (drpc_send_response(session, response) == 0)
			server->answered++;
		drpc_call_free(call);
		drpc_response_free(response);
	}
	drpc_close(session);
	return NULL;
}

static struct drpc *
start(struct server *server)
{
	struct drpc *client;

	server->listener = drpc_listen(path, reverse);
	assert_non_null(server->listener);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	assert_int_equal(drpc_connect(path, &client), 0);
	assert_int_equal(client->sequence, 0);
	assert_null(client->handler);
	return client;
}

static void
stop(struct server *server, struct drpc *client)
{
	assert_int_equal(drpc_close(client), 0);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	assert_int_equal(drpc_close(server->listener), 0);
	unlink(path);
}

/* Calls with a body of that length, and checks the answer. */
static void
call_with_body(struct drpc *client, size_t len)
{
	int64_t sequence = client->sequence;
	Drpc__Response *response = NULL;
	Drpc__Call *call;
	size_t i;

	assert_int_equal(drpc_call_create(client, 0, DRPC__STATUS__SUCCESS, &call), 0);
	call->body.len = len;
	call->body.data = len == 0 ? NULL : malloc(len);
	for (i = 0; i < len; i++)
		call->body.data[i] = i * 7 + i / 251;
	assert_int_equal(drpc_call(client, R_SYNC, call, &response), 0);
	assert_int_equal(client->sequence, sequence + 1);
	assert_int_equal(response->sequence, sequence);
	assert_int_equal(response->status, DRPC__STATUS__SUCCESS);
	assert_int_equal(response->body.len, len);
	for (i = 0; i < len; i++)
		if (response->body.data[i] != call->body.data[len - 1 - i])
			fail_msg("byte %zu of %zu differs", i, len);
	drpc_call_free(call);
	drpc_response_free(response);
}

static int
no_yield(void)
{
	/* As ABT_thread_yield outside of a ULT. */
	return -1;
}

static void
bodies_of_all_sizes_are_answered(void **state)
{
	/* The first call, numbered 0, is answered by a message without bytes. */
	static const size_t sizes[] = {0,      1,      1000,   131000,  131040,
				       131072, 262144, 700000, 4 << 20, 16000000};
	struct server server = {0};
	struct drpc *client = start(&server);
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		client->yield = i % 2 == 0 ? NULL : no_yield;
		call_with_body(client, sizes[i]);
	}
	stop(&server, client);
	assert_int_equal(server.answered, i);
}

static void
a_message_above_the_limit_ends_the_session(void **state)
{
	struct server server = {0};
	struct drpc *client = start(&server);
	Drpc__Response *response = NULL;
	Drpc__Call *call;
	int rc;

	assert_int_equal(drpc_call_create(client, 0, 0, &call), 0);
	call->body.len = 17 << 20;
	call->body.data = calloc(1, call->body.len);
	/* By then the server may have hung up, or not; without a signal in any case. */
	client->yield = no_yield;
	rc = drpc_call(client, R_SYNC, call, &response);
	assert_true(rc < 0);
	assert_null(response);
	drpc_call_free(call);
	stop(&server, client);
	assert_int_equal(server.answered, 0);
}

static void
without_sync_there_is_no_wait(void **state)
{
	struct server server = {0};
	struct drpc *client = start(&server);
	Drpc__Response *response;
	Drpc__Call *call;

	client->sequence = 9;
	assert_int_equal(drpc_call_create(client, 0, DRPC__STATUS__FAILURE, &call), 0);
	assert_int_equal(drpc_call(client, 0, call, &response), 0);
	assert_int_equal(response->status, DRPC__STATUS__SUBMITTED);
	assert_int_equal(response->sequence, 9);
	drpc_response_free(response);
	response = peer_receive_response(client->comm->fd);
	assert_int_equal(response->status, DRPC__STATUS__FAILURE);
	assert_int_equal(response->sequence, 9);
	drpc__response__free_unpacked(response, NULL);
	drpc_call_free(call);
	stop(&server, client);
}

static void
arguments_are_checked(void **state)
{
	struct drpc *ctx = bare_context();
	Drpc__Call call = DRPC__CALL__INIT;
	Drpc__Response response = DRPC__RESPONSE__INIT;
	Drpc__Response *answer = NULL;
	Drpc__Call *received = NULL;

	assert_int_equal(drpc_call(NULL, 0, &call, &answer), -DER_INVAL);
	assert_int_equal(drpc_call(ctx, 0, NULL, &answer), -DER_INVAL);
	assert_int_equal(drpc_call(ctx, 0, &call, NULL), -DER_INVAL);
	assert_int_equal(drpc_recv_call(NULL, &received), -DER_INVAL);
	assert_int_equal(drpc_recv_call(ctx, &received), -DER_INVAL); /* no handler */
	assert_int_equal(drpc_send_response(NULL, &response), -DER_INVAL);
	assert_int_equal(drpc_send_response(ctx, &response), -DER_INVAL);
	ctx->handler = nobody;
	assert_int_equal(drpc_recv_call(ctx, NULL), -DER_INVAL);
	assert_int_equal(drpc_send_response(ctx, NULL), -DER_INVAL);
	free(ctx->comm);
	free(ctx);
}

/* ---- sessions of a ULT, which never wait: one end is a session, the other a peer ---- */

struct pair {
	struct drpc *session;
	int peer;
};

static atomic_int yields;

static int
count_yield(void)
{
	atomic_fetch_add(&yields, 1);
	return 0;
}

static int
make_pair(void **state)
{
	static struct pair pair;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
		return -1;
	pair.session = bare_context();
	pair.session->comm->fd = fds[0];
	pair.session->handler = nobody;
	pair.session->yield = count_yield;
	pair.peer = fds[1];
	*state = &pair;
	return 0;
}

static int
close_pair(void **state)
{
	struct pair *pair = *state;

	close(pair->peer);
	return drpc_close(pair->session);
}

static size_t
packed_call(uint8_t *wire)
{
	Drpc__Call call = DRPC__CALL__INIT;

	call.method = 1;
	call.sequence = 7;
	return drpc__call__pack(&call, wire);
}

static void
half_a_message_is_kept_for_the_other_half(void **state)
{
	struct pair *pair = *state;
	uint8_t wire[64];
	size_t len = packed_call(wire);
	Drpc__Call *call = NULL;

	assert_int_equal(drpc_recv_call(pair->session, &call), -DER_AGAIN);
	assert_true(peer_send(pair->peer, len, 1, 0, 2, wire, 1));
	assert_int_equal(drpc_recv_call(pair->session, &call), -DER_AGAIN);
	assert_int_equal(drpc_recv_call(pair->session, &call), -DER_AGAIN);
	assert_null(call);
	assert_true(peer_send(pair->peer, len, len - 1, 1, 2, wire + 1, len - 1));
	assert_int_equal(drpc_recv_call(pair->session, &call), 0);
	assert_int_equal(call->sequence, 7);
	drpc_call_free(call);
	/* Left behind when the session is closed: valgrind sees that it is freed. */
	assert_true(peer_send(pair->peer, 1000, 1, 0, 2, wire, 1));
	assert_int_equal(drpc_recv_call(pair->session, &call), -DER_AGAIN);
}

static void
a_peer_that_leaves_ends_the_session(void **state)
{
	struct pair *pair = *state;
	Drpc__Response response = DRPC__RESPONSE__INIT;
	Drpc__Call *call = NULL;

	shutdown(pair->peer, SHUT_RDWR);
	assert_int_equal(drpc_recv_call(pair->session, &call), -DER_TRUNC);
	/* And no signal ends the process. */
	assert_true(drpc_send_response(pair->session, &response) < 0);
}

static void
abuse_is_refused(void **state)
{
	uint8_t wire[64];
	size_t len = packed_call(wire);
	const size_t max = DRPC_MAX_DATA_SIZE;
	const struct {
		size_t total, len, data;
		uint32_t index, count;
		int rc;
	} cases[] = {
		{len, len, len, 0, 0, -DER_PROTO},
		{1UL << 60, len, len, 0, 1, -DER_OVERFLOW},
		{100000, 100000, len, 0, 1, -DER_TRUNC},
		{max + 1, max + 1, len, 0, 8, -DER_TRUNC},
		{len, len, len - 1, 0, 1, -DER_TRUNC},
		{len, len + 1, len + 1, 0, 1, -DER_TRUNC},
		{len, len, len, 3, 4, -DER_MISMATCH},
		{len, len, len, 4, 4, -DER_PROTO},
		{len, 0, 0, 0, UINT32_MAX, -DER_PROTO},
		{SIZE_MAX, SIZE_MAX, len, UINT32_MAX, UINT32_MAX, -DER_OVERFLOW},
		{5, 5, 5, 0, 1, -DER_PROTO}, /* the first bytes of a call make none */
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Drpc__Call *call = NULL;
		struct pair *pair;
		uint8_t data[64];

		assert_int_equal(make_pair((void **)&pair), 0);
		memset(data, 0xff, sizeof(data));
		if (cases[i].total != 5)
			memcpy(data, wire, len);
		assert_true(peer_send(pair->peer, cases[i].total, cases[i].len, cases[i].index,
				      cases[i].count, data, cases[i].data));
		if (drpc_recv_call(pair->session, &call) != cases[i].rc || call != NULL)
			fail_msg("case %u is not refused as it should", i);
		close_pair((void **)&pair);
	}
}

static void
an_empty_message_is_a_call(void **state)
{
	struct pair *pair = *state;
	Drpc__Call *call = NULL;

	assert_true(peer_send(pair->peer, 0, 0, 0, 1, NULL, 0));
	assert_int_equal(drpc_recv_call(pair->session, &call), 0);
	assert_int_equal(call->module | call->method | call->sequence, 0);
	drpc_call_free(call);
}

/* Receives `count` responses, which may come in several packets, and checks their numbers. */
static void
receive_responses(int fd, int count, size_t len)
{
	static uint8_t packet[UNIXCOMM_MAXMSGSIZE];
	struct drpc_header header;
	int i;

	for (i = 0; i < count; i++) {
		uint8_t *message = NULL;
		size_t got = 0;
		uint32_t index = 0;
		Drpc__Response *response;

		do {
			ssize_t n = peer_receive(fd, packet, PEER_TIMEOUT);

			assert_true(n > (ssize_t)sizeof(header));
			memcpy(&header, packet, sizeof(header));
			assert_int_equal(header.chunk_idx, index++);
			if (message == NULL)
				message = malloc(header.total_data_size);
			memcpy(message + got, packet + sizeof(header), header.chunk_data_size);
			got += header.chunk_data_size;
		} while (got < header.total_data_size);
		response = drpc__response__unpack(NULL, got, message);
		assert_int_equal(response->sequence, i);
		assert_int_equal(response->body.len, len);
		drpc__response__free_unpacked(response, NULL);
		free(message);
	}
}

static void
a_peer_that_does_not_read_gets_its_responses_later(void **state)
{
	enum { COUNT = 4, LEN = 1 << 20 };
	struct pair *pair = *state;
	static uint8_t packet[UNIXCOMM_MAXMSGSIZE];
	Drpc__Response responses[COUNT];
	size_t total = 0;
	int i, sent;

	for (i = 0; i < COUNT; i++) {
		drpc__response__init(&responses[i]);
		responses[i].sequence = i;
		responses[i].body.len = LEN;
		responses[i].body.data = calloc(1, LEN);
		/* More than the socket takes: the session keeps the rest, in order. */
		assert_int_equal(drpc_send_response(pair->session, &responses[i]), -DER_AGAIN);
	}
	assert_true(atomic_load(&yields) > 0);
	/* Reads and sends by turns until all are through. */
	for (sent = 0; sent < COUNT;) {
		ssize_t n = recv(pair->peer, packet, sizeof(packet), MSG_DONTWAIT);

		total += n > 0 ? n : 0;
		if (drpc_send_response(pair->session, &responses[sent]) == 0)
			sent++;
		assert_true(total < (size_t)COUNT * (LEN + 4096));
	}
	for (i = 0; i < COUNT; i++)
		free(responses[i].body.data);
}

static void *
read_all(void *arg)
{
	receive_responses(*(int *)arg, 3, 3 << 20);
	return NULL;
}

static void
large_responses_come_whole_and_in_order(void **state)
{
	struct pair *pair = *state;
	pthread_t reader;
	int i;

	assert_int_equal(pthread_create(&reader, NULL, read_all, &pair->peer), 0);
	for (i = 0; i < 3; i++) {
		Drpc__Response response = DRPC__RESPONSE__INIT;
		int rc;

		response.sequence = i;
		response.body.len = 3 << 20;
		response.body.data = calloc(1, response.body.len);
		do {
			rc = drpc_send_response(pair->session, &response);
		} while (rc == -DER_AGAIN);
		assert_int_equal(rc, 0);
		free(response.body.data);
	}
	assert_int_equal(pthread_join(reader, NULL), 0);
}

static int
make_dir(void **state)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	return rmdir(dir);
}

#define PAIR_TEST(test) cmocka_unit_test_setup_teardown(test, make_pair, close_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_numbered_by_its_context),
		cmocka_unit_test(a_response_repeats_the_number_of_its_call),
		cmocka_unit_test(the_allocator_gives_zeroes_and_notes_failure),
		cmocka_unit_test(what_cannot_be_connected_is_refused),
		cmocka_unit_test(a_listener_is_its_users_alone),
		cmocka_unit_test(the_last_reference_closes),
		cmocka_unit_test(bodies_of_all_sizes_are_answered),
		cmocka_unit_test(a_message_above_the_limit_ends_the_session),
		cmocka_unit_test(without_sync_there_is_no_wait),
		cmocka_unit_test(arguments_are_checked),
		PAIR_TEST(half_a_message_is_kept_for_the_other_half),
		PAIR_TEST(a_peer_that_leaves_ends_the_session),
		cmocka_unit_test(abuse_is_refused),
		PAIR_TEST(an_empty_message_is_a_call),
		PAIR_TEST(a_peer_that_does_not_read_gets_its_responses_later),
		PAIR_TEST(large_responses_come_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
