/* What the suite of crt_iv.c does at each of the ranks of crt_iv_network.h: a class whose cache is
 * one value, and operations on it. */
#ifndef CRT_IV_RANKS_H
#define CRT_IV_RANKS_H

#include "crt_iv_network.h"

struct key {
	d_rank_t root;
	uint32_t id;
};

enum { SMALL = 64, LARGE = 40000 };

/** A rank's cache: one value, and what its class was asked for. */
static struct rank {
	crt_iv_namespace_t ivns;
	bool valid;
	char value[LARGE];
	int gets, puts, fetches, merged, updates, at_root, refreshes, notified, invalidated, failed;
	int before_spread, handled, fetch_rc, update_rc, refresh_rc, get_rc, pre_sync_rc;
	/** The handling of a request that was put off. */
	bool puts_off;
	crt_generic_cb_t put_off;
	void *put_off_arg;
	crt_iv_key_t *put_off_key;
} ranks[RANKS];

/** Bytes of values. */
static size_t size;
/** Private data of `ivo_on_get`. */
static char priv_of_get;

static struct rank *
rank_of(crt_iv_namespace_t ivns)
{
	for (int i = 0; i < RANKS; i++)
		if (ranks[i].ivns == ivns)
			return &ranks[i];
	CHECK(false);
	return NULL;
}

static d_rank_t
me(struct rank *rank)
{
	return rank - ranks;
}

static struct key *
check_key(crt_iv_key_t *key)
{
	CHECK(key->iov_len == sizeof(struct key) && key->iov_buf_len == key->iov_len);
	return key->iov_buf;
}

static int
on_get(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, crt_iv_perm_t permission,
       d_sg_list_t *value, void **arg)
{
	struct rank *rank = rank_of(ivns);

	check_key(key);
	CHECK(ver == 0);
	CHECK(permission == CRT_IV_PERM_READ || permission == CRT_IV_PERM_WRITE ||
	      (permission == (CRT_IV_PERM_READ | CRT_IV_NO_ALLOC) && value == NULL));
	if (rank->get_rc != 0)
		return rank->get_rc;
	rank->gets++;
	*arg = &priv_of_get;
	if (value != NULL) {
		CHECK(d_sgl_init(value, 1) == 0);
		value->sg_iovs[0] = (d_iov_t){calloc(1, size), size, size};
	}
	return 0;
}

static void
on_put(crt_iv_namespace_t ivns, d_sg_list_t *value, void *arg)
{
	CHECK(arg == &priv_of_get);
	rank_of(ivns)->puts++;
	if (value != NULL)
		d_sgl_fini(value, true);
}

static void
check_value(d_sg_list_t *value)
{
	CHECK(value->sg_nr == 1 && value->sg_iovs[0].iov_buf_len == size &&
	      value->sg_iovs[0].iov_len == size);
}

static int
on_fetch(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t *ver, uint32_t flags,
	 d_sg_list_t *value, void *arg)
{
	struct rank *rank = rank_of(ivns);

	CHECK(ver == NULL && arg == &priv_of_get && (flags & ~CRT_IV_FLAG_PENDING_FETCH) == 0);
	check_value(value);
	rank->fetches++;
	rank->merged += flags != 0;
	if (rank->fetch_rc != 0)
		return rank->fetch_rc;
	if (!rank->valid)
		return check_key(key)->root == me(rank) ? -DER_NONEXIST : -DER_IVCB_FORWARD;
	memcpy(value->sg_iovs[0].iov_buf, rank->value, size);
	return 0;
}

static void
store(struct rank *rank, d_sg_list_t *value)
{
	check_value(value);
	memcpy(rank->value, value->sg_iovs[0].iov_buf, size);
	rank->valid = true;
}

static int
on_update(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, uint32_t flags,
	  d_sg_list_t *value, void *arg)
{
	struct rank *rank = rank_of(ivns);

	CHECK(ver == 0 && arg == &priv_of_get);
	rank->updates++;
	rank->at_root += flags == CRT_IV_FLAG_ROOT;
	if (rank->update_rc != 0)
		return rank->update_rc;
	if (check_key(key)->root != me(rank))
		return -DER_IVCB_FORWARD;
	store(rank, value);
	/* What a bidirectional update comes back with. */
	((char *)value->sg_iovs[0].iov_buf)[0] = '*';
	return 0;
}

static int
on_refresh(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, d_sg_list_t *value,
	   bool invalidate, int rc, void *arg)
{
	struct rank *rank = rank_of(ivns);

	CHECK(ver == 0 && (arg == &priv_of_get || (arg == NULL && value == NULL)));
	if (rc != 0) {
		CHECK(value == NULL && !invalidate);
		rank->failed++;
	} else if (invalidate) {
		CHECK(value == NULL);
		rank->valid = false;
		rank->invalidated++;
	} else if (value == NULL) {
		rank->notified++;
	} else {
		store(rank, value);
		rank->refreshes++;
	}
	if (rank->refresh_rc != 0)
		return rank->refresh_rc;
	return check_key(key)->root == me(rank) ? 0 : -DER_IVCB_FORWARD;
}

static int
on_hash(crt_iv_namespace_t ivns, crt_iv_key_t *key, d_rank_t *root)
{
	rank_of(ivns);
	*root = check_key(key)->root;
	return *root < RANKS ? 0 : -DER_NOTLEADER;
}

static int
pre_sync(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_ver_t ver, d_sg_list_t *value,
	 void *arg)
{
	struct rank *rank = rank_of(ivns);

	CHECK(ver == 0 && arg == &priv_of_get);
	check_key(key);
	check_value(value);
	rank->before_spread++;
	return rank->pre_sync_rc;
}

static void
handle(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_generic_cb_t cb, void *arg)
{
	struct rank *rank = rank_of(ivns);

	check_key(key);
	rank->handled++;
	if (rank->puts_off) {
		rank->put_off = cb;
		rank->put_off_arg = arg;
		rank->put_off_key = key;
		return;
	}
	cb(arg);
}

static bool
same_id(crt_iv_namespace_t ivns, crt_iv_key_t *one, crt_iv_key_t *other)
{
	rank_of(ivns);
	return check_key(one)->id == check_key(other)->id;
}

static struct crt_iv_ops ops;
static struct crt_iv_class classes[1];

static void
destroyed(crt_iv_namespace_t ivns, void *arg)
{
	CHECK(ivns != NULL);
	++*(int *)arg;
}

static int
setup(void **state)
{
	(void)state;
	net_start();
	memset(ranks, 0, sizeof(ranks));
	size = SMALL;
	ops = (struct crt_iv_ops){.ivo_on_fetch = on_fetch,
				  .ivo_on_update = on_update,
				  .ivo_on_refresh = on_refresh,
				  .ivo_on_hash = on_hash,
				  .ivo_on_get = on_get,
				  .ivo_on_put = on_put};
	classes[0] = (struct crt_iv_class){.ivc_ops = &ops};
	crt_iv_init(NULL);
	for (int i = 0; i < RANKS; i++)
		assert_int_equal(crt_iv_namespace_create(&net.context[i], &net.group[i],
							 crt_tree_topo(CRT_TREE_KNOMIAL, 2),
							 classes, 1, NUMBER + i, &ranks[i].ivns),
				 0);
	return 0;
}

static int
teardown(void **state)
{
	int gone = 0;

	(void)state;
	net_run();
	for (int i = 0; i < RANKS; i++) {
		assert_int_equal(ranks[i].gets, ranks[i].puts);
		assert_int_equal(crt_iv_namespace_destroy(ranks[i].ivns, destroyed, &gone), 0);
		assert_int_equal(crt_iv_namespace_destroy(ranks[i].ivns, destroyed, &gone), 0);
	}
	assert_int_equal(gone, RANKS);
	net_stop();
	return 0;
}

/* ---- operations ---- */

struct operation {
	struct key key;
	crt_iv_key_t vector;
	char *memory;
	d_iov_t piece;
	d_sg_list_t value;
	int called, rc, returned;
	bool has_value;
	char first;
};

static int
done(crt_iv_namespace_t ivns, uint32_t class_id, crt_iv_key_t *key, crt_iv_ver_t *ver,
     d_sg_list_t *value, int rc, void *arg)
{
	struct operation *op = arg;

	rank_of(ivns);
	CHECK(class_id == 0 && ver == NULL);
	/* The user's own. */
	CHECK(key->iov_buf == &op->key && check_key(key)->id == op->key.id);
	op->called++;
	op->rc = rc;
	op->has_value = value != NULL;
	if (value != NULL && rc == 0)
		op->first = ((char *)value->sg_iovs[0].iov_buf)[0];
	/* Key and value may be gone as soon as this is called. */
	memset(&op->key, 0xff, sizeof(op->key));
	if (op->memory != NULL)
		memset(op->memory, '!', size);
	free(op->memory);
	op->memory = NULL;
	return 0;
}

static struct operation *
operation(d_rank_t root, uint32_t id)
{
	struct operation *op = calloc(1, sizeof(*op));

	op->key = (struct key){root, id};
	op->vector = (crt_iv_key_t){&op->key, sizeof(op->key), sizeof(op->key)};
	return op;
}

static struct operation *
fetch(d_rank_t rank, d_rank_t root, crt_iv_shortcut_t shortcut)
{
	struct operation *op = operation(root, 1);

	op->returned = crt_iv_fetch(ranks[rank].ivns, 0, &op->vector, NULL, shortcut, done, op);
	return op;
}

static struct operation *
update(d_rank_t rank, d_rank_t root, char first, crt_iv_sync_t sync)
{
	struct operation *op = operation(root, 1);

	op->memory = malloc(size);
	memset(op->memory, first, size);
	op->piece = (d_iov_t){op->memory, size, size};
	op->value = (d_sg_list_t){.sg_nr = 1, .sg_iovs = &op->piece};
	op->returned = crt_iv_update(ranks[rank].ivns, 0, &op->vector, NULL, &op->value,
				     CRT_IV_SHORTCUT_NONE, sync, done, op);
	return op;
}

static struct operation *
invalidate(d_rank_t rank, d_rank_t root, crt_iv_sync_t sync)
{
	struct operation *op = operation(root, 1);

	op->returned = crt_iv_invalidate(ranks[rank].ivns, 0, &op->vector, NULL,
					 CRT_IV_SHORTCUT_NONE, sync, done, op);
	return op;
}

/** What came of an operation, which is told once; a value's first byte is 0 if there is none. */
static void
expect(struct operation *op, int rc, char first)
{
	net_run();
	assert_int_equal(op->called, 1);
	assert_int_equal(op->rc, rc);
	assert_int_equal(op->first, first);
	assert_true(op->returned == 0 || op->returned == rc);
	free(op->memory);
	free(op);
}

static const crt_iv_sync_t none = {CRT_IV_SYNC_NONE, CRT_IV_SYNC_EVENT_NONE, 0};
static const crt_iv_sync_t eager = {CRT_IV_SYNC_EAGER, CRT_IV_SYNC_EVENT_UPDATE, 0};
static const crt_iv_sync_t lazy = {CRT_IV_SYNC_LAZY, CRT_IV_SYNC_EVENT_UPDATE, 0};
static const crt_iv_sync_t notify = {CRT_IV_SYNC_EAGER, CRT_IV_SYNC_EVENT_NOTIFY, 0};
static const crt_iv_sync_t both_ways = {CRT_IV_SYNC_NONE, CRT_IV_SYNC_EVENT_UPDATE,
					CRT_IV_SYNC_BIDIRECTIONAL};

static int
valid_ranks(void)
{
	int valid = 0;

	for (int i = 0; i < RANKS; i++)
		valid += ranks[i].valid;
	return valid;
}

static void
set_value(d_rank_t rank, char first)
{
	memset(ranks[rank].value, first, size);
	ranks[rank].valid = true;
}

/** Only one rank keeps its value. */
static void
forget_but(d_rank_t rank)
{
	for (d_rank_t i = 0; i < RANKS; i++)
		ranks[i].valid = ranks[i].valid && i == rank;
}

/** Runs what a rank has put off; its key is in place until then. */
static void
run_put_off(d_rank_t rank)
{
	CHECK(check_key(ranks[rank].put_off_key)->id == 1);
	ranks[rank].put_off(ranks[rank].put_off_arg);
}

#endif /* CRT_IV_RANKS_H */
