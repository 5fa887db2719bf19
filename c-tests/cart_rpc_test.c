/* Requests, replies and contexts: cart/api.h. */
#include "cart_node.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BASE          0x0a000000
#define VERSION       3
#define OPCODE(index) CRT_PROTO_OPC(BASE, VERSION, index)

enum { ECHO, LATER, NEVER, FORGOTTEN, ONE_WAY, NO_HANDLER, EMPTY, REFUSED };

#define ISEQ_ECHO \
	((d_string_t)(ei_name)CRT_VAR)((d_iov_t)(ei_value)CRT_VAR)((uint32_t)(ei_number)CRT_VAR)
#define OSEQ_ECHO \
	((d_string_t)(eo_name)CRT_VAR)((d_iov_t)(eo_value)CRT_VAR)((uint32_t)(eo_number)CRT_VAR)
CRT_RPC_DECLARE(echo, ISEQ_ECHO, OSEQ_ECHO)
CRT_RPC_DEFINE(echo, ISEQ_ECHO, OSEQ_ECHO)

static volatile bool one_way_came;
static crt_rpc_t *held;
static volatile bool holds;
static struct cn_end *told;

static void
answer(crt_rpc_t *rpc)
{
	struct echo_in *in = crt_req_get(rpc);
	struct echo_out *out = crt_reply_get(rpc);

	out->eo_name = in->ei_name;
	out->eo_value = in->ei_value;
	out->eo_number = in->ei_number + 1;
	assert_int_equal(crt_reply_send(rpc), 0);
	assert_int_equal(crt_reply_send(rpc), -DER_INVAL);
}

static void
echo(crt_rpc_t *rpc)
{
	uint32_t tag, seconds;
	d_rank_t rank;

	assert_int_equal(crt_req_src_rank_get(rpc, &rank), 0);
	assert_int_equal(rank, 0);
	assert_int_equal(crt_req_dst_rank_get(rpc, &rank), 0);
	assert_int_equal(rank, 0);
	assert_int_equal(crt_req_dst_tag_get(rpc, &tag), 0);
	assert_int_equal(tag, rpc->cr_ep.ep_tag);
	assert_ptr_equal(rpc->cr_ctx, cn_ctx[tag]);
	assert_int_equal(rpc->cr_opc, OPCODE(ECHO));
	assert_int_equal(crt_req_get_proto_ver(rpc), VERSION);
	assert_int_equal(crt_req_src_timeout_get(rpc, &seconds), 0);
	assert_in_range(seconds, 1, 60);
	assert_string_equal(crt_req_origin_addr_get(rpc), "rank 0");
	answer(rpc);
}

static void
later(crt_rpc_t *rpc)
{
	crt_req_addref(rpc);
	held = rpc;
	holds = true;
}

static void
nothing(crt_rpc_t *rpc)
{
	(void)rpc;
}

static void
one_way(crt_rpc_t *rpc)
{
	struct echo_in *in = crt_req_get(rpc);

	assert_string_equal(in->ei_name, "one way");
	assert_int_equal(crt_reply_send(rpc), -DER_INVAL);
	one_way_came = true;
}

static void
empty(crt_rpc_t *rpc)
{
	assert_null(crt_req_get(rpc));
	assert_null(crt_reply_get(rpc));
	assert_int_equal(crt_reply_send(rpc), 0);
}

/* A reply that cannot be packed. */
static int
refuse(crt_proc_t proc, void *data)
{
	crt_proc_op_t op;

	(void)data;
	assert_int_equal(crt_proc_get_op(proc, &op), 0);
	return op == CRT_PROC_ENCODE ? -DER_NOMEM : 0;
}

static struct crt_req_format refused_format = {
	.crf_proc_in = NULL, .crf_proc_out = refuse, .crf_size_in = 0, .crf_size_out = 8};

static void
refused(crt_rpc_t *rpc)
{
	assert_int_equal(crt_reply_send(rpc), 0);
}

static struct crt_proto_rpc_format rpcs[] = {
	[ECHO] = {.prf_req_fmt = &CQF_echo, .prf_hdlr = echo},
	[LATER] = {.prf_req_fmt = &CQF_echo, .prf_hdlr = later},
	[NEVER] = {.prf_req_fmt = &CQF_echo, .prf_hdlr = later},
	[FORGOTTEN] = {.prf_req_fmt = &CQF_echo, .prf_hdlr = nothing},
	[ONE_WAY] = {.prf_req_fmt = &CQF_echo,
		     .prf_hdlr = one_way,
		     .prf_flags = CRT_RPC_FEAT_NO_REPLY},
	[NO_HANDLER] = {.prf_req_fmt = &CQF_echo},
	[EMPTY] = {.prf_hdlr = empty},
	[REFUSED] = {.prf_req_fmt = &refused_format, .prf_hdlr = refused},
};

static struct crt_proto_format protocol = {.cpf_name = "test",
					   .cpf_ver = VERSION,
					   .cpf_count = ARRAY_SIZE(rpcs),
					   .cpf_prf = rpcs,
					   .cpf_base = BASE};

static int
start(void **state)
{
	(void)state;
	cn_start();
	assert_int_equal(crt_proto_register(&protocol), 0);
	assert_int_equal(crt_proto_register(&protocol), -DER_EXIST);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	return cn_stop();
}

static void
check_echo(const struct crt_cb_info *info)
{
	struct echo_out *out = crt_reply_get(info->cci_rpc);

	assert_int_equal(info->cci_rc, 0);
	assert_string_equal(out->eo_name, "name");
	assert_int_equal(out->eo_value.iov_len, 5);
	assert_memory_equal(out->eo_value.iov_buf, "value", 5);
	assert_int_equal(out->eo_number, 8);
}

static void
fill(crt_rpc_t *rpc)
{
	struct echo_in *in = crt_req_get(rpc);

	in->ei_name = (char *)"name";
	d_iov_set(&in->ei_value, (void *)"value", 5);
	in->ei_number = 7;
}

static void
a_request_is_answered(void **state)
{
	(void)state;
	/* To itself, and through the network. */
	for (uint32_t tag = 0; tag < 2; tag++) {
		crt_rpc_t *rpc = cn_request(0, tag, OPCODE(ECHO));

		assert_int_equal(rpc->cr_input_size, sizeof(struct echo_in));
		assert_int_equal(rpc->cr_output_size, sizeof(struct echo_out));
		fill(rpc);
		crt_req_addref(rpc);
		assert_int_equal(cn_call(rpc, check_echo), 0);
		check_echo(&(struct crt_cb_info){.cci_rpc = rpc});
		crt_req_decref(rpc);
	}
	assert_int_equal(cn_call(cn_request(0, 1, OPCODE(EMPTY)), NULL), 0);
}

/* Much of it at a time, and in pieces that are larger than what a socket takes. */
static void
many_requests_are_answered(void **state)
{
	enum { COUNT = 600, SIZE = 300000 };
	struct cn_end *ends = calloc(COUNT, sizeof(*ends));
	char *value = calloc(1, SIZE);

	(void)state;
	assert_non_null(ends);
	assert_non_null(value);
	for (int i = 0; i < COUNT; i++) {
		crt_rpc_t *rpc = cn_request(0, 1, OPCODE(ECHO));
		struct echo_in *in = crt_req_get(rpc);

		if (i % 100 == 0)
			d_iov_set(&in->ei_value, value, SIZE);
		assert_int_equal(crt_req_send(rpc, cn_ended, &ends[i]), 0);
	}
	assert_false(crt_context_ep_empty(cn_ctx[0]));
	for (int i = 0; i < COUNT; i++) {
		cn_wait(&ends[i].ce_done);
		assert_int_equal(ends[i].ce_rc, 0);
		assert_int_equal(ends[i].ce_count, 1);
	}
	assert_true(crt_context_ep_empty(cn_ctx[0]));
	assert_int_equal(crt_context_flush(cn_ctx[0], 1), 0);
	free(value);
	free(ends);
}

static void *
wait_in_progress(void *arg)
{
	volatile bool *done = arg;

	while (!*done)
		crt_progress(cn_ctx[0], 100 * 1000 * 1000);
	return NULL;
}

/* Whoever waits in the one thread is woken by what another sends. */
static void
threads_share_a_context(void **state)
{
	struct cn_end end = {0};
	pthread_t thread;
	crt_rpc_t *rpc;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_in_progress, (void *)&end.ce_done), 0);
	holds = false;
	rpc = cn_request(0, 0, OPCODE(LATER));
	fill(rpc);
	assert_int_equal(crt_req_send(rpc, cn_ended, &end), 0);
	for (double until = cn_now() + CN_SECONDS; !holds; usleep(1000))
		assert_true(cn_now() < until);
	answer(held);
	crt_req_decref(held);
	pthread_join(thread, NULL);
	assert_int_equal(end.ce_rc, 0);
}

static void *
wait_to_be_woken(void *arg)
{
	*(int *)arg = crt_progress(cn_ctx[0], -1);
	return NULL;
}

static void
a_wait_ends_when_it_is_told_to(void **state)
{
	pthread_t thread;
	int rc = 1;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_to_be_woken, &rc), 0);
	crtx_context_wake(cn_ctx[0]);
	pthread_join(thread, NULL);
	assert_int_equal(rc, -DER_TIMEDOUT);
	assert_int_equal(crt_progress(cn_ctx[0], 0), -DER_TIMEDOUT);
}

static int
count_down(void *arg)
{
	int *left = arg;

	return --*left > 0 ? 0 : *left + 1;
}

static void
progress_has_a_condition(void **state)
{
	int left = 3, never = 1 << 30, below = 0;

	(void)state;
	assert_int_equal(crt_progress_cond(cn_ctx[0], -1, count_down, &left), 0);
	assert_int_equal(crt_progress_cond(cn_ctx[0], 2000, count_down, &never), -DER_TIMEDOUT);
	below = -5;
	assert_int_equal(crt_progress_cond(cn_ctx[0], -1, count_down, &below), -5);
	assert_int_equal(crt_progress_cond(cn_ctx[0], -1, NULL, NULL), -DER_INVAL);
	assert_int_equal(crt_progress(NULL, 0), -DER_INVAL);
}

static void
a_request_ends_with_an_error(void **state)
{
	struct cn_end end = {0};
	crt_rpc_t *rpc = NULL;

	(void)state;
	assert_int_equal(crt_req_create(cn_ctx[0], NULL, OPCODE(99), &rpc), -DER_UNREG);
	assert_int_equal(crt_req_create(NULL, NULL, OPCODE(ECHO), &rpc), -DER_INVAL);
	/* Nowhere, to nobody, to a context that there is not. */
	assert_int_equal(crt_req_create(cn_ctx[0], NULL, OPCODE(ECHO), &rpc), 0);
	assert_int_equal(crt_req_send(rpc, cn_ended, &end), 0);
	assert_true(end.ce_done);
	assert_int_equal(end.ce_rc, -DER_INVAL);
	assert_int_equal(cn_call(cn_request(5, 0, OPCODE(ECHO)), NULL), -DER_OOG);
	assert_int_equal(cn_call(cn_request(0, 7, OPCODE(ECHO)), NULL), -DER_OOG);
	for (uint32_t tag = 0; tag < 2; tag++) {
		assert_int_equal(cn_call(cn_request(0, tag, OPCODE(FORGOTTEN)), NULL),
				 -DER_NOREPLY);
		assert_int_equal(cn_call(cn_request(0, tag, OPCODE(NO_HANDLER)), NULL), -DER_UNREG);
		assert_int_equal(cn_call(cn_request(0, tag, OPCODE(REFUSED)), NULL), -DER_NOMEM);
	}
	end = (struct cn_end){0};
	assert_int_equal(crt_req_send(NULL, cn_ended, &end), 0);
	assert_int_equal(end.ce_rc, -DER_INVAL);
	assert_int_equal(crt_req_send(NULL, NULL, NULL), -DER_INVAL);
}

static void
a_request_waits_no_longer_than_it_says(void **state)
{
	crt_rpc_t *rpc = cn_request(0, 1, OPCODE(NEVER));
	uint32_t seconds;

	(void)state;
	assert_int_equal(crt_req_get_timeout(rpc, &seconds), 0);
	assert_int_equal(seconds, 60);
	assert_int_equal(crt_req_set_timeout(rpc, 0), -DER_INVAL);
	assert_int_equal(crt_req_set_timeout(rpc, 1), 0);
	assert_int_equal(crt_req_get_timeout(rpc, &seconds), 0);
	assert_int_equal(seconds, 1);
	holds = false;
	assert_int_equal(cn_call(rpc, NULL), -DER_TIMEDOUT);
	assert_true(holds);
	/* Nobody waits for it any more. */
	answer(held);
	crt_req_decref(held);
}

static void
a_request_is_given_up(void **state)
{
	crt_rpc_t *rpc = cn_request(0, 1, OPCODE(NEVER));
	struct cn_end end = {0};

	(void)state;
	holds = false;
	crt_req_addref(rpc);
	assert_int_equal(crt_req_abort(rpc), 0);
	assert_int_equal(crt_req_send(rpc, cn_ended, &end), 0);
	cn_wait(&holds);
	assert_int_equal(crt_req_abort(rpc), 0);
	assert_false(end.ce_done);
	cn_wait(&end.ce_done);
	assert_int_equal(end.ce_rc, -DER_CANCELED);
	assert_int_equal(crt_req_abort(rpc), 0);
	crt_req_decref(rpc);
	crt_req_decref(held);
	/* All of a rank, and of a group. */
	for (int i = 0; i < 3; i++) {
		crt_endpoint_t ep = {.ep_grp = NULL, .ep_rank = 0, .ep_tag = 1};

		end = (struct cn_end){0};
		holds = false;
		assert_int_equal(crt_req_send(cn_request(0, 1, OPCODE(NEVER)), cn_ended, &end), 0);
		cn_wait(&holds);
		assert_int_equal(i == 0   ? crt_rank_abort(0)
				 : i == 1 ? crt_ep_abort(&ep)
					  : crt_rank_abort_all(NULL),
				 0);
		cn_wait(&end.ce_done);
		assert_int_equal(end.ce_rc, -DER_CANCELED);
		crt_req_decref(held);
	}
}

static void
a_request_needs_no_reply(void **state)
{
	crt_rpc_t *rpc = cn_request(0, 1, OPCODE(ONE_WAY));
	struct echo_in *in = crt_req_get(rpc);

	(void)state;
	in->ei_name = (char *)"one way";
	one_way_came = false;
	assert_int_equal(cn_call(rpc, NULL), 0);
	cn_wait(&one_way_came);
}

static int tasks;

static int
run_later(crt_context_t *ctx, void *rpc, void (*handler)(void *), void *arg)
{
	assert_ptr_equal(ctx, cn_ctx[1]);
	assert_ptr_equal(arg, &tasks);
	/* The third is too many. */
	if (++tasks == 3)
		return -DER_NOMEM;
	handler(rpc);
	return 0;
}

static void
handlers_run_where_the_user_says(void **state)
{
	(void)state;
	tasks = 0;
	assert_int_equal(crt_context_register_rpc_task(cn_ctx[1], NULL, NULL, NULL), -DER_INVAL);
	assert_int_equal(crt_context_register_rpc_task(cn_ctx[1], run_later, NULL, &tasks), 0);
	for (int i = 0; i < 3; i++) {
		crt_rpc_t *rpc = cn_request(0, 1, OPCODE(ECHO));

		fill(rpc);
		assert_int_equal(cn_call(rpc, i < 2 ? check_echo : NULL), i < 2 ? 0 : -DER_NOMEM);
	}
	assert_int_equal(tasks, 3);
}

static void
queried(struct crt_proto_query_cb_info *info)
{
	told = info->pq_arg;
	told->ce_rc = info->pq_rc != 0 ? info->pq_rc : info->pq_ver;
	told->ce_done = true;
}

static int
query(crt_opcode_t base, uint32_t *versions, int count)
{
	crt_endpoint_t ep = {.ep_grp = NULL, .ep_rank = 0, .ep_tag = 1};
	struct cn_end end = {0};

	assert_int_equal(
		crt_proto_query_with_ctx(&ep, base, versions, count, 10, queried, &end, cn_ctx[0]),
		0);
	cn_wait(&end.ce_done);
	return end.ce_rc;
}

static void
a_peer_says_which_protocols_it_knows(void **state)
{
	crt_endpoint_t ep = {.ep_grp = NULL, .ep_rank = 0, .ep_tag = 1};
	uint32_t versions[] = {2, VERSION, 4};

	(void)state;
	assert_int_equal(query(BASE, versions, 3), VERSION);
	assert_int_equal(query(BASE, versions, 1), -DER_UNREG);
	assert_int_equal(query(0x0b000000, versions, 3), -DER_NONEXIST);
	assert_int_equal(crt_proto_query(&ep, BASE, NULL, 3, 10, queried, NULL), -DER_INVAL);
	assert_int_equal(crt_proto_query(NULL, BASE, versions, 3, 10, queried, NULL), -DER_INVAL);
}

static void
protocols_have_bases(void **state)
{
	struct crt_proto_format wrong = protocol;

	(void)state;
	assert_int_equal(crt_proto_register(NULL), -DER_INVAL);
	wrong.cpf_base = BASE + 1;
	assert_int_equal(crt_proto_register(&wrong), -DER_INVAL);
	wrong.cpf_base = 0xff000000;
	assert_int_equal(crt_proto_register(&wrong), -DER_INVAL);
	wrong.cpf_base = BASE;
	wrong.cpf_ver = 256;
	assert_int_equal(crt_proto_register(&wrong), -DER_INVAL);
}

static int
open_socket(crt_context_t ctx)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char *uri = NULL, *port;
	int fd;

	assert_int_equal(crt_context_uri_get(ctx, &uri), 0);
	port = strrchr(uri, ':');
	assert_non_null(port);
	address.sin_port = htons(atoi(port + 1));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	D_FREE(uri);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends bytes, and waits until the other end has closed the connection. */
static void
is_cut_off(const void *bytes, size_t size)
{
	int fd = open_socket(cn_ctx[1]);
	double end = cn_now() + CN_SECONDS;
	char buf[256];
	ssize_t got;

	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
	/* No more will come of what has only begun. */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	do {
		crt_progress(cn_ctx[1], 1000);
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		assert_true(cn_now() < end);
	} while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
	close(fd);
}

static void
who_does_not_keep_to_the_protocol_is_cut_off(void **state)
{
	static const unsigned char large[12] = {1, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
	/* A handshake of another group: kind 1, and a head that is none. */
	static const unsigned char wrong[] = {1, 1, 0,   0,   8,   0,   0, 0, 0, 0,
					      0, 0, 'C', 'a', 'R', 'T', 1, 2, 3, 4};
	unsigned int seed = 1;

	(void)state;
	is_cut_off("GET / HTTP/1.1\r\n\r\n", 18);
	is_cut_off(large, sizeof(large));
	is_cut_off(wrong, sizeof(wrong));
	for (int i = 0; i < 20; i++) {
		unsigned char bytes[64];

		for (size_t at = 0; at < sizeof(bytes); at++)
			bytes[at] = rand_r(&seed);
		/* The version, so that more of it is looked at. */
		bytes[0] = i % 2;
		bytes[1] = i % 10;
		memset(bytes + 5, 0, 7);
		is_cut_off(bytes, sizeof(bytes));
	}
	a_request_is_answered(state);
}

/* A frame with a head of so many bytes, at `buf`; its size. */
static size_t
frame(unsigned char *buf, unsigned char kind, const void *head, uint32_t head_size,
      const void *body, uint32_t body_size)
{
	buf[0] = 1;
	buf[1] = kind;
	buf[2] = buf[3] = 0;
	memcpy(buf + 4, &head_size, 4);
	memcpy(buf + 8, &body_size, 4);
	memcpy(buf + 12, head, head_size);
	memcpy(buf + 12 + head_size, body, body_size);
	return 12 + head_size + body_size;
}

/* A peer that has said who it is, and then sends requests that are none. */
static void
requests_are_not_taken_on_trust(void **state)
{
	enum { REQUESTS = 400 };
	unsigned char buf[1024], head[256], body[128];
	struct {
		uint64_t id, floor, hlc;
		uint32_t opcode, flags, source, source_tag, target, tag, timeout;
	} __attribute__((packed))
	request = {.opcode = OPCODE(FORGOTTEN), .tag = 1, .timeout = 1000};
	int fd = -1, cut_off = 0, answered = 0;
	unsigned int seed = 7;

	(void)state;
	for (int i = 0; i < REQUESTS; i++) {
		size_t head_size = sizeof(request), body_size = rand_r(&seed) % sizeof(body), size;
		ssize_t got;

		if (fd < 0) {
			static const char group[] = "cart_test";
			uint32_t length = sizeof(group) - 1, numbers[2] = {5, 0};
			uint64_t lives[2] = {1000 + i, 1};
			unsigned char *at = head;

			fd = open_socket(cn_ctx[1]);
			memcpy(at, "CaRT", 4);
			memcpy(at + 4, &length, 4);
			memcpy(at + 8, group, length);
			memcpy(at + 8 + length, numbers, sizeof(numbers));
			memcpy(at + 16 + length, lives, sizeof(lives));
			size = frame(buf, 1, head, 32 + length, NULL, 0);
			assert_int_equal(send(fd, buf, size, MSG_NOSIGNAL), size);
		}
		for (size_t at = 0; at < body_size; at++)
			body[at] = rand_r(&seed) % 4 == 0 ? rand_r(&seed) : 0;
		/* A length that fits, often. */
		if (body_size > 8)
			body[0] = rand_r(&seed) % (body_size - 8);
		request.id = request.floor = i + 1;
		memcpy(head, &request, sizeof(request));
		/* Not all of it can be understood, either. */
		if (i % 7 == 3)
			head[28 + rand_r(&seed) % 24] = rand_r(&seed);
		if (i % 7 == 5) {
			for (; head_size < sizeof(request) + 60; head_size++)
				head[head_size] = rand_r(&seed) % 3;
		}
		size = frame(buf, i % 11 == 10 ? 2 + rand_r(&seed) % 8 : 3, head, head_size, body,
			     body_size);
		assert_int_equal(send(fd, buf, size, MSG_NOSIGNAL), size);
		/* It is answered, ignored, or cut off. */
		for (int turn = 0; turn < 3; turn++)
			crt_progress(cn_ctx[1], 100);
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			close(fd);
			fd = -1;
		}
		cut_off += fd < 0;
		answered += got > 0;
	}
	assert_int_not_equal(cut_off, 0);
	assert_int_not_equal(answered, 0);
	if (fd >= 0)
		close(fd);
	a_request_is_answered(state);
}

static void
contexts_have_timeouts(void **state)
{
	crt_rpc_t *rpc;
	uint32_t seconds;

	(void)state;
	assert_int_equal(crt_context_set_timeout(cn_ctx[0], 0), -DER_INVAL);
	assert_int_equal(crt_context_set_timeout(cn_ctx[0], 17), 0);
	assert_int_equal(crt_context_get_timeout(cn_ctx[0], &seconds), 0);
	assert_int_equal(seconds, 17);
	rpc = cn_request(0, 1, OPCODE(ECHO));
	assert_int_equal(crt_req_get_timeout(rpc, &seconds), 0);
	assert_int_equal(seconds, 17);
	crt_req_decref(rpc);
	assert_int_equal(crt_context_set_timeout(cn_ctx[0], 60), 0);
}

static void
what_is_under_way_ends_with_its_context(void **state)
{
	struct cn_end end = {0};
	crt_context_t ctx;
	crt_endpoint_t ep = {.ep_grp = NULL, .ep_rank = 0, .ep_tag = 1};
	crt_rpc_t *rpc;
	int count;

	(void)state;
	assert_int_equal(crt_context_create(&ctx), 0);
	assert_int_equal(crt_context_num(&count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(crt_req_create(ctx, &ep, OPCODE(ECHO), &rpc), 0);
	assert_int_equal(crt_req_send(rpc, cn_ended, &end), 0);
	assert_int_equal(crt_context_destroy(ctx, false), -DER_BUSY);
	assert_int_equal(crt_finalize(), -DER_BUSY);
	assert_false(end.ce_done);
	assert_int_equal(crt_context_destroy(ctx, true), 0);
	assert_true(end.ce_done);
	assert_int_equal(end.ce_rc, -DER_CANCELED);
}

static void
nothing_works_before_it_is_started(void **state)
{
	crt_group_t *group = crt_group_lookup(NULL);
	crt_context_t ctx = NULL;
	uint32_t version;
	d_rank_t rank;

	(void)state;
	assert_null(group);
	assert_int_equal(crt_finalize(), -DER_UNINIT);
	assert_int_equal(crt_context_create(&ctx), -DER_UNINIT);
	assert_int_equal(crt_group_rank(NULL, &rank), -DER_UNINIT);
	assert_int_equal(crt_group_version(NULL, &version), -DER_UNINIT);
	assert_int_equal(crt_proto_register(&protocol), -DER_UNINIT);
	assert_int_equal(crt_init_opt("bad;name", 0, NULL), -DER_INVAL);
	/* As often as it was started. */
	setenv("D_PROVIDER", "tcp", 1);
	assert_int_equal(crt_init_opt(NULL, 0, NULL), 0);
	assert_int_equal(crt_init_opt(NULL, CRT_FLAG_BIT_SERVER, NULL), -DER_INVAL);
	assert_int_equal(crt_init_opt(NULL, 0, NULL), 0);
	assert_int_equal(crt_finalize(), 0);
	/* A client is alone in a group of its own. */
	assert_int_equal(crt_group_rank(NULL, &rank), 0);
	assert_int_equal(rank, 0);
	assert_int_equal(crt_finalize(), 0);
	assert_int_equal(crt_finalize(), -DER_UNINIT);
	/* Without a transport of that name there is no context. */
	setenv("D_PROVIDER", "carrier+pigeon", 1);
	assert_int_equal(crt_init_opt(NULL, 0, NULL), 0);
	assert_int_not_equal(crt_context_create(&ctx), 0);
	assert_int_equal(crt_finalize(), 0);
}

int
main(void)
{
	const struct CMUnitTest before[] = {
		cmocka_unit_test(nothing_works_before_it_is_started),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(many_requests_are_answered),
		cmocka_unit_test(threads_share_a_context),
		cmocka_unit_test(a_wait_ends_when_it_is_told_to),
		cmocka_unit_test(progress_has_a_condition),
		cmocka_unit_test(a_request_ends_with_an_error),
		cmocka_unit_test(a_request_waits_no_longer_than_it_says),
		cmocka_unit_test(a_request_is_given_up),
		cmocka_unit_test(a_request_needs_no_reply),
		cmocka_unit_test(a_peer_says_which_protocols_it_knows),
		cmocka_unit_test(protocols_have_bases),
		cmocka_unit_test(contexts_have_timeouts),
		cmocka_unit_test(who_does_not_keep_to_the_protocol_is_cut_off),
		cmocka_unit_test(requests_are_not_taken_on_trust),
		cmocka_unit_test(what_is_under_way_ends_with_its_context),
		/* Stays in force. */
		cmocka_unit_test(handlers_run_where_the_user_says),
	};
	int failed = cmocka_run_group_tests(before, NULL, NULL);

	return failed + cmocka_run_group_tests(tests, start, stop);
}
