/* What the suites of CaRT share: a process with two contexts, whose requests to the second one go
 * through the network, and waiting for what they do. */
#ifndef CART_NODE_H
#define CART_NODE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cart/api.h>

#include "check.h"

/* No test takes so long; a loaded machine may. */
#define CN_SECONDS 50

static crt_context_t cn_ctx[2];

static inline double
cn_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Lets both contexts make progress until the flag is set. */
static inline void
cn_wait(const volatile bool *done)
{
	double end = cn_now() + CN_SECONDS;

	while (!*done) {
		for (int i = 0; i < 2; i++) {
			int rc = crt_progress(cn_ctx[i], 1000);

			assert_true(rc == 0 || rc == -DER_TIMEDOUT);
		}
		assert_true(cn_now() < end);
	}
}

/* A server with two contexts, which is of that rank. */
static inline void
cn_start_as(d_rank_t rank, uint32_t flags)
{
	setenv("D_PROVIDER", "tcp", 1);
	unsetenv("D_INTERFACE");
	unsetenv("D_PORT");
	assert_int_equal(crt_init_opt("cart_test", CRT_FLAG_BIT_SERVER | flags, NULL), 0);
	for (int i = 0; i < 2; i++) {
		int idx;

		assert_int_equal(crt_context_create(&cn_ctx[i]), 0);
		assert_int_equal(crt_context_idx(cn_ctx[i], &idx), 0);
		assert_int_equal(idx, i);
	}
	assert_int_equal(crt_rank_self_set(rank, 1), 0);
}

/* A server of a group of its own, which is rank 0. */
static inline int
cn_start(void)
{
	cn_start_as(0, CRT_FLAG_BIT_AUTO_SWIM_DISABLE);
	return 0;
}

static inline int
cn_stop(void)
{
	for (int i = 1; i >= 0; i--)
		assert_int_equal(crt_context_destroy(cn_ctx[i], true), 0);
	assert_int_equal(crt_finalize(), 0);
	return 0;
}

/* How a request has ended. */
struct cn_end {
	volatile bool ce_done;
	int ce_rc;
	/* How often it was told. */
	int ce_count;
	/* Called first, with what is told. */
	void (*ce_look)(const struct crt_cb_info *info);
};

static inline void
cn_ended(const struct crt_cb_info *info)
{
	struct cn_end *end = info->cci_arg;

	if (end->ce_look != NULL)
		end->ce_look(info);
	end->ce_rc = info->cci_rc;
	end->ce_count++;
	end->ce_done = true;
}

static inline crt_rpc_t *
cn_request(d_rank_t rank, uint32_t tag, crt_opcode_t opcode)
{
	crt_endpoint_t ep = {.ep_grp = NULL, .ep_rank = rank, .ep_tag = tag};
	crt_rpc_t *rpc = NULL;

	assert_int_equal(crt_req_create(cn_ctx[0], &ep, opcode, &rpc), 0);
	assert_non_null(rpc);
	return rpc;
}

/* Sends a request and waits for its end. */
static inline int
cn_call(crt_rpc_t *rpc, void (*look)(const struct crt_cb_info *info))
{
	struct cn_end end = {.ce_look = look};

	assert_int_equal(crt_req_send(rpc, cn_ended, &end), 0);
	cn_wait(&end.ce_done);
	assert_int_equal(end.ce_count, 1);
	return end.ce_rc;
}

/* Other processes. */

#define CN_MAX 8

struct cn_uri {
	char cu_text[CRT_ADDR_STR_MAX_LEN];
};

static struct {
	int cs_count;
	pid_t cs_pid[CN_MAX];
	/* Closed, it tells the process to end. */
	int cs_to[CN_MAX];
	int cs_from[CN_MAX];
} cn_system;

static inline void
cn_transfer(int fd, void *data, size_t size, bool send)
{
	for (size_t done = 0; done < size;) {
		char *at = (char *)data + done;
		ssize_t got = send ? write(fd, at, size - done) : read(fd, at, size - done);

		CHECK(got > 0);
		done += got;
	}
}

static inline void
cn_own_uri(struct cn_uri *uri)
{
	char *text;

	memset(uri, 0, sizeof(*uri));
	CHECK(crt_self_uri_get(0, &text) == 0);
	snprintf(uri->cu_text, sizeof(uri->cu_text), "%s", text);
	D_FREE(text);
}

/* All of the system are members, from version 2 on. */
static inline void
cn_join(struct cn_uri *uris, int count)
{
	d_rank_list_t *ranks = d_rank_list_alloc(count);
	uint64_t incarnations[CN_MAX] = {0};
	char *texts[CN_MAX];

	CHECK(ranks != NULL);
	for (int i = 0; i < count; i++)
		texts[i] = uris[i].cu_text;
	CHECK(crt_group_primary_modify(NULL, cn_ctx, 1, ranks, incarnations, texts,
				       CRT_GROUP_MOD_OP_REPLACE, 2) == 0);
	d_rank_list_free(ranks);
}

/* Lets both contexts make progress until the pipe is closed. */
static inline void
cn_serve(int fd)
{
	for (;;) {
		struct timeval poll = {0};
		fd_set fds;

		FD_ZERO(&fds);
		FD_SET(fd, &fds);
		if (select(fd + 1, &fds, NULL, NULL, &poll) == 1)
			return;
		for (int i = 0; i < 2; i++)
			crt_progress(cn_ctx[i], 1000);
	}
}

/* Makes a system of so many processes, of which this one is rank 0; the others serve until it is
 * over. All call `setup`, whom the flags of crt_init_opt go before. */
static inline void
cn_system_start(int count, uint32_t flags, void (*setup)(void))
{
	struct cn_uri uris[CN_MAX];
	char ready = 0;

	cn_system.cs_count = count;
	for (int rank = 1; rank < count; rank++) {
		int to[2], from[2];
		pid_t pid;

		CHECK(pipe(to) == 0 && pipe(from) == 0);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			/* Theirs would keep other processes from ending. */
			for (int other = 1; other < rank; other++) {
				close(cn_system.cs_to[other]);
				close(cn_system.cs_from[other]);
			}
			close(to[1]);
			close(from[0]);
			cn_start_as(rank, flags);
			setup();
			cn_own_uri(&uris[rank]);
			cn_transfer(from[1], &uris[rank], sizeof(uris[rank]), true);
			cn_transfer(to[0], uris, count * sizeof(uris[0]), false);
			cn_join(uris, count);
			cn_transfer(from[1], &ready, 1, true);
			cn_serve(to[0]);
			cn_stop();
			exit(0);
		}
		close(to[0]);
		close(from[1]);
		cn_system.cs_pid[rank] = pid;
		cn_system.cs_to[rank] = to[1];
		cn_system.cs_from[rank] = from[0];
	}
	cn_start_as(0, flags);
	setup();
	cn_own_uri(&uris[0]);
	for (int rank = 1; rank < count; rank++)
		cn_transfer(cn_system.cs_from[rank], &uris[rank], sizeof(uris[rank]), false);
	for (int rank = 1; rank < count; rank++)
		cn_transfer(cn_system.cs_to[rank], uris, count * sizeof(uris[0]), true);
	cn_join(uris, count);
	for (int rank = 1; rank < count; rank++)
		cn_transfer(cn_system.cs_from[rank], &ready, 1, false);
}

/* Kills a process. */
static inline void
cn_system_kill(int rank)
{
	int status;

	assert_int_equal(kill(cn_system.cs_pid[rank], SIGKILL), 0);
	assert_int_equal(waitpid(cn_system.cs_pid[rank], &status, 0), cn_system.cs_pid[rank]);
	cn_system.cs_pid[rank] = 0;
}

/* Ends all, which must end well. */
static inline int
cn_system_stop(void)
{
	for (int rank = 1; rank < cn_system.cs_count; rank++)
		close(cn_system.cs_to[rank]);
	for (int rank = 1; rank < cn_system.cs_count; rank++) {
		int status = 0;

		close(cn_system.cs_from[rank]);
		if (cn_system.cs_pid[rank] == 0)
			continue;
		assert_int_equal(waitpid(cn_system.cs_pid[rank], &status, 0),
				 cn_system.cs_pid[rank]);
		assert_int_equal(status, 0);
	}
	return cn_stop();
}

#endif /* CART_NODE_H */
