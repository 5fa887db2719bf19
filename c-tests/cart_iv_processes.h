/* Ranks in processes of their own, for the suite of cart/iv.h: each has a namespace with two
 * classes of variables, small and large, and does what it is told over a socket. */
#ifndef CART_IV_PROCESSES_H
#define CART_IV_PROCESSES_H

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cart/api.h>
#include <cart/iv.h>
#include <gurt/common.h>

#include "check.h"

enum {
	MOST = 9,
	SMALL = 0,
	LARGE = 1,
	/** Of the classes' values; the large one goes in bulk. */
	SMALL_SIZE = 64,
	LARGE_SIZE = 40000,
	KEYS = 4,
	NUMBER = 7,
	/** No test takes so long; a loaded machine may. */
	SECONDS = 50,
};

struct key {
	d_rank_t root;
	uint32_t id;
};

enum what { FETCH, UPDATE, INVALIDATE, LOOK, FORGET, CHANGE, QUIT };

struct command {
	enum what what;
	uint32_t class_id;
	struct key key;
	crt_iv_shortcut_t shortcut;
	crt_iv_sync_t sync;
	/** With which the value is filled. */
	int fill;
	/** How often, at once. */
	int times;
	/** A rank that leaves the group, at a version. */
	d_rank_t rank;
	uint32_t version;
};

struct answer {
	int rc;
	bool valid;
	int fill;
	/** How often a rank was asked for the value, and heard of changes. */
	int fetches, merged, notified, refreshes;
	/** Values that were not given back. */
	int out;
};

/* ---- a rank ---- */

static struct {
	d_rank_t rank;
	crt_context_t ctx;
	crt_iv_namespace_t ivns;
	int socket;
	struct {
		bool valid;
		char value[LARGE_SIZE];
	} cache[2][KEYS];
	struct answer seen;
	bool gone;
} self;

static char priv;

static size_t
size_of(uint32_t class_id)
{
	return class_id == LARGE ? LARGE_SIZE : SMALL_SIZE;
}

static struct key *
known(crt_iv_key_t *key)
{
	struct key *it = key->iov_buf;

	CHECK(key->iov_len == sizeof(*it) && it->id < KEYS);
	return it;
}

static int
on_get(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_perm_t permission, d_sg_list_t *value,
       void **arg, uint32_t class_id)
{
	size_t size = size_of(class_id);

	CHECK(ivns == self.ivns && permission != 0);
	known(key);
	*arg = &priv;
	self.seen.out++;
	if (value != NULL && (permission & CRT_IV_NO_ALLOC) == 0) {
		CHECK(d_sgl_init(value, 1) == 0);
		value->sg_iovs[0] = (d_iov_t){calloc(1, size), size, size};
	} else if (value != NULL) {
		value->sg_nr = 1;
	}
	return 0;
}

static int
on_get_small(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, crt_iv_perm_t permission,
	     d_sg_list_t *value, void **arg)
{
	(void)ver;
	return on_get(ivns, key, permission, value, arg, SMALL);
}

static int
on_get_large(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, crt_iv_perm_t permission,
	     d_sg_list_t *value, void **arg)
{
	(void)ver;
	return on_get(ivns, key, permission, value, arg, LARGE);
}

static void
on_put(crt_iv_namespace_t ivns, d_sg_list_t *value, void *arg)
{
	CHECK(ivns == self.ivns && arg == &priv);
	self.seen.out--;
	if (value != NULL)
		d_sgl_fini(value, true);
}

static uint32_t
class_of(d_sg_list_t *value)
{
	CHECK(value->sg_nr == 1);
	return value->sg_iovs[0].iov_buf_len == LARGE_SIZE ? LARGE : SMALL;
}

static int
on_fetch(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t *ver, uint32_t flags,
	 d_sg_list_t *value, void *arg)
{
	struct key *it = known(key);
	uint32_t class_id = class_of(value);

	(void)ver;
	CHECK(ivns == self.ivns && arg == &priv);
	self.seen.fetches++;
	self.seen.merged += (flags & CRT_IV_FLAG_PENDING_FETCH) != 0;
	if (!self.cache[class_id][it->id].valid)
		return it->root == self.rank ? -DER_NONEXIST : -DER_IVCB_FORWARD;
	memcpy(value->sg_iovs[0].iov_buf, self.cache[class_id][it->id].value, size_of(class_id));
	return 0;
}

static void
store(struct key *key, d_sg_list_t *value)
{
	uint32_t class_id = class_of(value);
	char *bytes = value->sg_iovs[0].iov_buf;

	/* All of it has come. */
	CHECK(bytes[1] == bytes[size_of(class_id) - 1]);
	self.cache[class_id][key->id].valid = true;
	memcpy(self.cache[class_id][key->id].value, bytes, size_of(class_id));
}

static int
on_update(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, uint32_t flags,
	  d_sg_list_t *value, void *arg)
{
	(void)ver;
	(void)flags;
	CHECK(ivns == self.ivns && arg == &priv);
	if (known(key)->root != self.rank)
		return -DER_IVCB_FORWARD;
	/* What a bidirectional update comes back with. */
	((char *)value->sg_iovs[0].iov_buf)[0] = '*';
	store(known(key), value);
	return 0;
}

static int
on_refresh(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, d_sg_list_t *value,
	   bool invalidate, int rc, void *arg)
{
	struct key *it = known(key);

	(void)ver;
	CHECK(ivns == self.ivns && (value == NULL || arg == &priv));
	if (rc != 0)
		return 0;
	if (invalidate) {
		self.cache[SMALL][it->id].valid = self.cache[LARGE][it->id].valid = false;
		return it->root == self.rank ? 0 : -DER_IVCB_FORWARD;
	}
	if (value == NULL) {
		self.seen.notified++;
	} else {
		self.seen.refreshes++;
		store(it, value);
	}
	return 0;
}

static int
on_hash(crt_iv_namespace_t ivns, crt_iv_key_t *key, d_rank_t *root)
{
	(void)ivns;
	*root = known(key)->root;
	return 0;
}

struct operation {
	struct command command;
	crt_iv_key_t key;
	char *memory;
	d_iov_t piece;
	d_sg_list_t value;
	int *missing;
	struct answer *answer;
};

static int
done(crt_iv_namespace_t ivns, uint32_t class_id, crt_iv_key_t *key, crt_iv_ver_t *ver,
     d_sg_list_t *value, int rc, void *arg)
{
	struct operation *op = arg;

	(void)ver;
	CHECK(ivns == self.ivns && class_id == op->command.class_id &&
	      known(key)->id == op->command.key.id);
	if (rc != 0)
		op->answer->rc = rc;
	else if (value != NULL && value->sg_nr > 0)
		op->answer->fill = ((char *)value->sg_iovs[0].iov_buf)[0];
	--*op->missing;
	/* Nothing is used after this. */
	free(op->memory);
	free(op);
	return 0;
}

static void
perform(const struct command *command, int *missing, struct answer *answer)
{
	struct operation *op = calloc(1, sizeof(*op));
	size_t size = size_of(command->class_id);

	op->command = *command;
	op->key = (crt_iv_key_t){&op->command.key, sizeof(struct key), sizeof(struct key)};
	op->missing = missing;
	op->answer = answer;
	if (command->what == FETCH) {
		crt_iv_fetch(self.ivns, command->class_id, &op->key, NULL, command->shortcut, done,
			     op);
	} else if (command->what == INVALIDATE) {
		crt_iv_invalidate(self.ivns, command->class_id, &op->key, NULL, command->shortcut,
				  command->sync, done, op);
	} else {
		op->memory = malloc(size);
		memset(op->memory, command->fill, size);
		op->piece = (d_iov_t){op->memory, size, size};
		op->value = (d_sg_list_t){.sg_nr = 1, .sg_iovs = &op->piece};
		crt_iv_update(self.ivns, command->class_id, &op->key, NULL, &op->value,
			      command->shortcut, command->sync, done, op);
	}
}

static void
progress(void)
{
	int rc = crt_progress(self.ctx, 1000);

	CHECK(rc == 0 || rc == -DER_TIMEDOUT);
}

static void
obey(const struct command *command, struct answer *answer)
{
	int missing = command->times;

	switch (command->what) {
	case LOOK:
		*answer = self.seen;
		answer->valid = self.cache[command->class_id][command->key.id].valid;
		answer->fill = self.cache[command->class_id][command->key.id].value[1];
		break;
	case FORGET:
		memset(self.cache, 0, sizeof(self.cache));
		self.seen = (struct answer){.out = self.seen.out};
		break;
	case CHANGE: {
		d_rank_t rank = command->rank;
		d_rank_list_t ranks = {.rl_ranks = &rank, .rl_nr = 1};

		answer->rc =
			crt_group_primary_modify(crt_group_lookup(NULL), &self.ctx, 1, &ranks, NULL,
						 NULL, CRT_GROUP_MOD_OP_REMOVE, command->version);
		break;
	}
	default:
		for (int i = 0; i < command->times; i++)
			perform(command, &missing, answer);
		while (missing > 0)
			progress();
	}
}

static void
namespace_gone(crt_iv_namespace_t ivns, void *arg)
{
	CHECK(ivns == self.ivns && arg == &self);
	self.gone = true;
}

static void
all_of(ssize_t moved, size_t size)
{
	CHECK(moved == (ssize_t)size);
}

/** The life of a rank. */
static void
live(d_rank_t rank, int ranks, int socket)
{
	/* Large values go in bulk, whatever the default. */
	crt_init_options_t options = {.cio_max_expected_size = 20480,
				      .cio_max_unexpected_size = 20480};
	struct crt_iv_ops small = {.ivo_on_fetch = on_fetch,
				   .ivo_on_update = on_update,
				   .ivo_on_refresh = on_refresh,
				   .ivo_on_hash = on_hash,
				   .ivo_on_get = on_get_small,
				   .ivo_on_put = on_put};
	struct crt_iv_ops large = small;
	struct crt_iv_class classes[2] = {{.ivc_ops = &small}, {.ivc_ops = &large}};
	char uris[MOST][CRT_ADDR_STR_MAX_LEN] = {0};
	char *uri;
	struct command command;

	large.ivo_on_get = on_get_large;
	self.rank = rank;
	self.socket = socket;
	CHECK(crt_init_opt("cart_iv", CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE,
			   &options) == 0);
	CHECK(crt_context_create(&self.ctx) == 0);
	CHECK(crt_context_uri_get(self.ctx, &uri) == 0);
	strncpy(uris[rank], uri, sizeof(uris[rank]) - 1);
	D_FREE(uri);
	all_of(write(socket, uris[rank], sizeof(uris[rank])), sizeof(uris[rank]));
	all_of(recv(socket, uris, sizeof(uris), MSG_WAITALL), sizeof(uris));
	CHECK(crt_rank_self_set(rank, 1) == 0);
	for (d_rank_t other = 0; other < (d_rank_t)ranks; other++)
		if (other != rank)
			CHECK(crt_group_primary_rank_add(self.ctx, crt_group_lookup(NULL), other,
							 uris[other]) == 0);
	CHECK(crt_group_version_set(crt_group_lookup(NULL), 1) == 0);
	CHECK(crt_iv_namespace_create(self.ctx, NULL, crt_tree_topo(CRT_TREE_KNOMIAL, 2), classes,
				      2, NUMBER, &self.ivns) == 0);
	all_of(write(socket, &rank, sizeof(rank)), sizeof(rank));

	do {
		struct pollfd poll_for = {.fd = socket, .events = POLLIN};
		struct answer answer = {0};

		while (poll(&poll_for, 1, 0) == 0)
			progress();
		all_of(recv(socket, &command, sizeof(command), MSG_WAITALL), sizeof(command));
		if (command.what == QUIT)
			break;
		obey(&command, &answer);
		all_of(write(socket, &answer, sizeof(answer)), sizeof(answer));
	} while (true);

	CHECK(crt_iv_namespace_destroy(self.ivns, namespace_gone, &self) == 0);
	for (int i = 0; i < 10000 && !self.gone; i++)
		progress();
	CHECK(self.gone && self.seen.out == 0);
	CHECK(crt_context_destroy(self.ctx, true) == 0);
	CHECK(crt_finalize() == 0);
}

/* ---- all of them, as the suite sees them ---- */

static struct {
	int count;
	pid_t pid[MOST];
	int socket[MOST];
} ranks;

/** Fills `bytes` with what a rank sends; false if it does not, in time. */
static bool
hear(d_rank_t rank, void *bytes, size_t size)
{
	struct pollfd poll_for = {.fd = ranks.socket[rank], .events = POLLIN};

	return poll(&poll_for, 1, SECONDS * 1000) == 1 &&
	       recv(ranks.socket[rank], bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static bool
ranks_start(int count)
{
	char uris[MOST][CRT_ADDR_STR_MAX_LEN] = {0};

	ranks.count = count;
	for (int rank = 0; rank < count; rank++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
			return false;
		fflush(NULL);
		ranks.pid[rank] = fork();
		if (ranks.pid[rank] == 0) {
			for (int other = 0; other < rank; other++)
				close(ranks.socket[other]);
			close(pair[0]);
			live(rank, count, pair[1]);
			exit(0);
		}
		close(pair[1]);
		ranks.socket[rank] = pair[0];
	}
	for (int rank = 0; rank < count; rank++)
		if (!hear(rank, uris[rank], sizeof(uris[rank])))
			return false;
	for (int rank = 0; rank < count; rank++)
		if (write(ranks.socket[rank], uris, sizeof(uris)) != sizeof(uris))
			return false;
	for (int rank = 0; rank < count; rank++) {
		d_rank_t ready;

		if (!hear(rank, &ready, sizeof(ready)))
			return false;
	}
	return true;
}

/** Ends a rank without its knowledge. */
static void
rank_kill(d_rank_t rank)
{
	kill(ranks.pid[rank], SIGKILL);
	waitpid(ranks.pid[rank], NULL, 0);
	close(ranks.socket[rank]);
	ranks.pid[rank] = 0;
}

/** Whether all end well. */
static bool
ranks_stop(void)
{
	struct command quit = {.what = QUIT};
	bool well = true;

	for (int rank = 0; rank < ranks.count; rank++)
		if (ranks.pid[rank] != 0)
			well &= write(ranks.socket[rank], &quit, sizeof(quit)) == sizeof(quit);
	for (int rank = 0; rank < ranks.count; rank++) {
		int status;

		if (ranks.pid[rank] == 0)
			continue;
		if (!well)
			kill(ranks.pid[rank], SIGKILL);
		well &= waitpid(ranks.pid[rank], &status, 0) == ranks.pid[rank] && status == 0;
		close(ranks.socket[rank]);
	}
	return well;
}

static void
tell(d_rank_t rank, struct command command)
{
	if (command.times == 0)
		command.times = 1;
	CHECK(write(ranks.socket[rank], &command, sizeof(command)) == sizeof(command));
}

static struct answer
answer_of(d_rank_t rank)
{
	struct answer answer;

	CHECK(hear(rank, &answer, sizeof(answer)));
	return answer;
}

static struct answer
ask(d_rank_t rank, struct command command)
{
	tell(rank, command);
	return answer_of(rank);
}

#endif /* CART_IV_PROCESSES_H */
