/* What the suites of CaRT share: a process with two contexts, whose requests to the second one go
 * through the network, and waiting for what they do. */
#ifndef CART_NODE_H
#define CART_NODE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cart/api.h>

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

/* A server of a group of its own, which is rank 0. */
static inline int
cn_start(void)
{
	setenv("D_PROVIDER", "tcp", 1);
	unsetenv("D_INTERFACE");
	unsetenv("D_PORT");
	assert_int_equal(crt_init_opt("cart_test",
				      CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE, NULL),
			 0);
	for (int i = 0; i < 2; i++) {
		int idx;

		assert_int_equal(crt_context_create(&cn_ctx[i]), 0);
		assert_int_equal(crt_context_idx(cn_ctx[i], &idx), 0);
		assert_int_equal(idx, i);
	}
	assert_int_equal(crt_rank_self_set(0, 1), 0);
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

#endif /* CART_NODE_H */
