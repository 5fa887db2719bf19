/*
 * How long fetches and updates of incast variables take between processes of this machine.
 *
 *   iv_latency [<times> [<bytes of a value>]]
 *
 * Over which network, the environment says: D_PROVIDER, D_INTERFACE. It uses nothing but what CaRT
 * and gurt declare, so it runs on this library or on DAOS's libcart. Two, four and eight processes
 * are each a system, with a binomial tree whose root is rank 0. The last rank, which is one, two or
 * three steps from the root, measures:
 *
 * - a fetch of a value that it has;
 * - a fetch of a value that only the root has, so that each rank on the way asks the next one;
 * - an update that completes when all ranks have heard of it.
 *
 * A process waits in crt_progress, since there may be more of them than cores. A line for each has
 * the least, the median and the 99th percentile in microseconds.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gurt/common.h>
#include <cart/api.h>
#include <cart/iv.h>
#include <cart/types.h>
#include "measure.h"

enum {
	MOST = 8,
	ROOT = 0,
	/* The classes: values that every rank keeps, and that only the root keeps. */
	KEPT = 0,
	ASKED = 1,
	CLASSES = 2,
	/* Microseconds. */
	WAIT = 10000,
};

/* Where each rank of a system is to be reached. */
struct addresses {
	char uri[MOST][CRT_ADDR_STR_MAX_LEN];
};

static crt_context_t ctx;
static crt_iv_namespace_t ivns;
static d_rank_t self;
static size_t value_size = 64;
/* The value of all keys, if this rank has one. */
static char *value;

static void
progress(void)
{
	int rc = crt_progress(ctx, WAIT);

	if (rc != -DER_TIMEDOUT)
		check(rc, "crt_progress");
}

static int
on_get(crt_iv_namespace_t ns, crt_iv_key_t *key, crt_iv_ver_t ver, crt_iv_perm_t permission,
       d_sg_list_t *sgl, void **arg)
{
	*arg = NULL;
	if (sgl == NULL)
		return 0;
	if ((permission & CRT_IV_NO_ALLOC) != 0) {
		sgl->sg_nr = 1;
		return 0;
	}
	check(d_sgl_init(sgl, 1), "d_sgl_init");
	d_iov_set(&sgl->sg_iovs[0], malloc(value_size), value_size);
	return sgl->sg_iovs[0].iov_buf == NULL ? -DER_NOMEM : 0;
}

static void
on_put(crt_iv_namespace_t ns, d_sg_list_t *sgl, void *arg)
{
	if (sgl != NULL)
		d_sgl_fini(sgl, true);
}

static int
on_fetch_kept(crt_iv_namespace_t ns, crt_iv_key_t *key, crt_iv_ver_t *ver, uint32_t flags,
	      d_sg_list_t *sgl, void *arg)
{
	memcpy(sgl->sg_iovs[0].iov_buf, value, value_size);
	return 0;
}

static int
on_fetch_asked(crt_iv_namespace_t ns, crt_iv_key_t *key, crt_iv_ver_t *ver, uint32_t flags,
	       d_sg_list_t *sgl, void *arg)
{
	if (self != ROOT)
		return -DER_IVCB_FORWARD;
	return on_fetch_kept(ns, key, ver, flags, sgl, arg);
}

static int
on_update(crt_iv_namespace_t ns, crt_iv_key_t *key, crt_iv_ver_t ver, uint32_t flags,
	  d_sg_list_t *sgl, void *arg)
{
	if (self != ROOT)
		return -DER_IVCB_FORWARD;
	memcpy(value, sgl->sg_iovs[0].iov_buf, value_size);
	return 0;
}

static int
on_refresh(crt_iv_namespace_t ns, crt_iv_key_t *key, crt_iv_ver_t ver, d_sg_list_t *sgl,
	   bool invalidate, int rc, void *arg)
{
	check(rc, "a fetch or update");
	if (sgl != NULL)
		memcpy(value, sgl->sg_iovs[0].iov_buf, value_size);
	return 0;
}

static int
on_hash(crt_iv_namespace_t ns, crt_iv_key_t *key, d_rank_t *root)
{
	*root = ROOT;
	return 0;
}

static int
complete(crt_iv_namespace_t ns, uint32_t class_id, crt_iv_key_t *key, crt_iv_ver_t *ver,
	 d_sg_list_t *sgl, int rc, void *arg)
{
	check(rc, "a fetch or update");
	*(bool *)arg = true;
	return 0;
}

static struct crt_iv_ops kept_ops = {
	.ivo_on_get = on_get,
	.ivo_on_put = on_put,
	.ivo_on_fetch = on_fetch_kept,
	.ivo_on_update = on_update,
	.ivo_on_refresh = on_refresh,
	.ivo_on_hash = on_hash,
};

static struct crt_iv_ops asked_ops = {
	.ivo_on_get = on_get,
	.ivo_on_put = on_put,
	.ivo_on_fetch = on_fetch_asked,
	.ivo_on_update = on_update,
	.ivo_on_refresh = on_refresh,
	.ivo_on_hash = on_hash,
};

/* In the order of their numbers. */
static struct crt_iv_class classes[CLASSES] = {
	{.ivc_id = KEPT, .ivc_ops = &kept_ops},
	{.ivc_id = ASKED, .ivc_ops = &asked_ops},
};

static crt_iv_key_t
the_key(void)
{
	static uint64_t name = 1;
	crt_iv_key_t key;

	d_iov_set(&key, &name, sizeof(name));
	return key;
}

static void
fetch(const void *class_id)
{
	crt_iv_key_t key = the_key();
	bool done = false;

	check(crt_iv_fetch(ivns, *(const uint32_t *)class_id, &key, NULL, CRT_IV_SHORTCUT_NONE,
			   complete, &done),
	      "crt_iv_fetch");
	while (!done)
		progress();
}

static void
update(const void *class_id)
{
	crt_iv_sync_t sync = {.ivs_mode = CRT_IV_SYNC_EAGER, .ivs_event = CRT_IV_SYNC_EVENT_UPDATE};
	crt_iv_key_t key = the_key();
	d_iov_t iov = {.iov_buf = value, .iov_buf_len = value_size, .iov_len = value_size};
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	bool done = false;

	check(crt_iv_update(ivns, *(const uint32_t *)class_id, &key, NULL, &sgl,
			    CRT_IV_SHORTCUT_NONE, sync, complete, &done),
	      "crt_iv_update");
	while (!done)
		progress();
}

static void
measure_all(int ranks, int times)
{
	const uint32_t kept = KEPT, asked = ASKED;
	int steps = __builtin_ctz(ranks);
	char name[64];

	snprintf(name, sizeof(name), "%d ranks: fetch, here", ranks);
	measure(name, times, fetch, &kept);
	snprintf(name, sizeof(name), "%d ranks: fetch, %d step%s", ranks, steps,
		 steps == 1 ? "" : "s");
	measure(name, times, fetch, &asked);
	snprintf(name, sizeof(name), "%d ranks: update, eager", ranks);
	measure(name, times, update, &kept);
}

static void
tell(int socket, const void *bytes, size_t size)
{
	if (send(socket, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		check(1, "a process of the system has ended");
}

static void
hear(int socket, void *bytes, size_t size)
{
	if (recv(socket, bytes, size, MSG_WAITALL) != (ssize_t)size)
		check(1, "a process of the system has ended");
}

/* Takes part in the system, whose addresses come over `socket`. */
static void
start(int ranks, int socket)
{
	static struct addresses addresses;
	char *uri;

	value = calloc(1, value_size);
	check(value == NULL, "calloc");
	check(crt_init(NULL, CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE), "crt_init");
	check(crt_context_create(&ctx), "crt_context_create");
	check(crt_rank_self_set(self, 1), "crt_rank_self_set");
	check(crt_self_uri_get(0, &uri), "crt_self_uri_get");
	strncpy(addresses.uri[self], uri, sizeof(addresses.uri[self]) - 1);
	free(uri);
	tell(socket, addresses.uri[self], sizeof(addresses.uri[self]));
	hear(socket, &addresses, sizeof(addresses));
	for (d_rank_t rank = 0; rank < (d_rank_t)ranks; rank++)
		if (rank != self)
			check(crt_group_primary_rank_add(ctx, crt_group_lookup(NULL), rank,
							 addresses.uri[rank]),
			      "crt_group_primary_rank_add");
	check(crt_group_version_set(crt_group_lookup(NULL), 1), "crt_group_version_set");
	check(crt_iv_namespace_create(ctx, NULL, crt_tree_topo(CRT_TREE_KNOMIAL, 2), classes,
				      CLASSES, 0, &ivns),
	      "crt_iv_namespace_create");
}

static void
namespace_gone(crt_iv_namespace_t ns, void *arg)
{
	*(bool *)arg = true;
}

static void
end(void)
{
	bool gone = false;

	check(crt_iv_namespace_destroy(ivns, namespace_gone, &gone), "crt_iv_namespace_destroy");
	while (!gone)
		progress();
	check(crt_context_destroy(ctx, true), "crt_context_destroy");
	check(crt_finalize(), "crt_finalize");
	free(value);
}

/* The life of a rank, which ends when the other end of `socket` is closed. */
static void
live(int ranks, int times, int socket)
{
	struct pollfd told = {.fd = socket, .events = POLLIN};
	char ready = 0;

	start(ranks, socket);
	tell(socket, &ready, sizeof(ready));
	if (self == (d_rank_t)ranks - 1) {
		/* All are ready. */
		hear(socket, &ready, sizeof(ready));
		measure_all(ranks, times);
		tell(socket, &ready, sizeof(ready));
	}
	while (poll(&told, 1, 0) == 0)
		progress();
	end();
}

static void
run(int ranks, int times)
{
	static struct addresses addresses;
	int sockets[MOST], pair[2], status;
	pid_t pids[MOST];
	char ready;

	for (int rank = 0; rank < ranks; rank++) {
		check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
		pids[rank] = fork();
		if (pids[rank] < 0)
			check(1, "fork");
		if (pids[rank] == 0) {
			for (int other = 0; other < rank; other++)
				close(sockets[other]);
			close(pair[0]);
			self = rank;
			live(ranks, times, pair[1]);
			exit(0);
		}
		close(pair[1]);
		sockets[rank] = pair[0];
	}
	for (int rank = 0; rank < ranks; rank++)
		hear(sockets[rank], addresses.uri[rank], sizeof(addresses.uri[rank]));
	for (int rank = 0; rank < ranks; rank++)
		tell(sockets[rank], &addresses, sizeof(addresses));
	for (int rank = 0; rank < ranks; rank++)
		hear(sockets[rank], &ready, sizeof(ready));
	tell(sockets[ranks - 1], &ready, sizeof(ready));
	hear(sockets[ranks - 1], &ready, sizeof(ready));
	for (int rank = 0; rank < ranks; rank++)
		close(sockets[rank]);
	for (int rank = 0; rank < ranks; rank++)
		check(waitpid(pids[rank], &status, 0) != pids[rank] || status != 0,
		      "a process of the system");
}

int
main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 2000;
	int size = argc > 2 ? atoi(argv[2]) : 64;

	if (times <= 0 || size <= 0)
		check(1, "usage: iv_latency [<times> [<bytes of a value>]]");
	value_size = size;
	print_heading();
	for (int ranks = 2; ranks <= MOST; ranks *= 2)
		run(ranks, times);
	return 0;
}
