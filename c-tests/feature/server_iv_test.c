/* The feature server-iv alone: namespaces, entries, requests. The suite is CaRT (one rank of it,
 * which calls back in the order in which CaRT does) and a class of variables; ULTs and the
 * scheduler are those of an engine's xstreams. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <daos/common.h>
#include <daos_errno.h>
#include <daos_srv/daos_engine.h>
#include <daos_srv/iv.h>
#include <engine/drpc_internal.h>
#include <engine/srv_internal.h>

enum { SELF = 1, PEER = 2, KEYED = 41, CLASS = 42 };

/*
 * All checks run in a ULT of the system xstream, where cmocka's assertions cannot be used: such a
 * function returns the line of the check that does not hold, or 0.
 */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

/* ---- what else the engine is made of ---- */

static bool in_check;

bool
engine_in_check(void)
{
	return in_check;
}

d_rank_t
dss_self_rank(void)
{
	return SELF;
}

int
daos_sgl_copy_data(d_sg_list_t *dst, d_sg_list_t *src)
{
	if (src->sg_nr > dst->sg_nr || src->sg_iovs[0].iov_len > dst->sg_iovs[0].iov_buf_len)
		return -DER_INVAL;
	memcpy(dst->sg_iovs[0].iov_buf, src->sg_iovs[0].iov_buf, src->sg_iovs[0].iov_len);
	dst->sg_iovs[0].iov_len = src->sg_iovs[0].iov_len;
	return 0;
}

int
daos_sgl_alloc_copy_data(d_sg_list_t *dst, d_sg_list_t *src)
{
	if (d_sgl_init(dst, 1) != 0)
		return -DER_NOMEM;
	D_ALLOC(dst->sg_iovs[0].iov_buf, src->sg_iovs[0].iov_buf_len);
	dst->sg_iovs[0].iov_buf_len = src->sg_iovs[0].iov_buf_len;
	return daos_sgl_copy_data(dst, src);
}

static int lines;
static char last_line[1024];

/** gurt's: counts what is written about requests. */
void
d_vlog(int flags, const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	if (strstr(line, "pool ") != NULL && strstr(line, ": IV ") != NULL &&
	    strstr(line, "leader") != NULL) {
		lines++;
		memcpy(last_line, line, sizeof(line));
	}
}

/* ---- CaRT ---- */

struct pending {
	crt_iv_key_t key;
	crt_iv_comp_cb_t done;
	void *arg, *priv;
	d_sg_list_t value;
};

static struct {
	struct crt_iv_class classes[8];
	uint32_t class_nr, ns_id;
	int topo, create_rc, destroyed;
	void *handle;
	crt_iv_namespace_destroy_cb_t destroy_cb;
	void *destroy_arg;
	bool destroy_waits;
	/** What the peer answers, and whether that takes a while. */
	int peer_rc, peer_value;
	bool hold;
	struct pending pending;
	/** What was asked for. */
	int fetches, forwards, updates, invalidations, class_id;
	unsigned int shortcut;
	crt_iv_sync_t sync;
	/** The next attempts fail with this. */
	int fail_rc, fail_nr;
	bool fail_silent;
} cart;

static char handles[16];
static int handle_nr;

int
crt_iv_namespace_create(crt_context_t ctx, crt_group_t *grp, int topo, struct crt_iv_class *classes,
			uint32_t class_nr, uint32_t ns_id, crt_iv_namespace_t *ivns)
{
	if (cart.create_rc != 0)
		return cart.create_rc;
	if (class_nr > 0)
		memcpy(cart.classes, classes, class_nr * sizeof(*classes));
	cart.class_nr = class_nr;
	cart.ns_id = ns_id;
	cart.topo = topo;
	cart.handle = *ivns = &handles[handle_nr++ % 16];
	return 0;
}

int
crt_iv_namespace_destroy(crt_iv_namespace_t ivns, crt_iv_namespace_destroy_cb_t cb, void *arg)
{
	cart.destroyed++;
	cart.destroy_cb = cb;
	cart.destroy_arg = arg;
	if (!cart.destroy_waits)
		cb(ivns, arg);
	return 0;
}

static bool
fails(crt_iv_namespace_t ivns, crt_iv_key_t *key, crt_iv_comp_cb_t done, void *arg)
{
	if (cart.fail_nr == 0)
		return false;
	cart.fail_nr--;
	if (!cart.fail_silent)
		done(ivns, 0, key, NULL, NULL, cart.fail_rc, arg);
	return true;
}

/** The peer's answer arrives. */
static void
answer(crt_iv_namespace_t ivns, struct pending *it)
{
	struct crt_iv_ops *ops = &iv_cache_ops;

	if (cart.peer_rc == 0)
		memcpy(it->value.sg_iovs[0].iov_buf, &cart.peer_value, sizeof(int));
	ops->ivo_on_refresh(ivns, &it->key, 0, cart.peer_rc == 0 ? &it->value : NULL, false,
			    cart.peer_rc, it->priv);
	it->done(ivns, 0, &it->key, NULL, &it->value, cart.peer_rc, it->arg);
	ops->ivo_on_put(ivns, &it->value, it->priv);
}

int
crt_iv_fetch(crt_iv_namespace_t ivns, uint32_t class_id, crt_iv_key_t *key, crt_iv_ver_t *ver,
	     crt_iv_shortcut_t shortcut, crt_iv_comp_cb_t done, void *arg)
{
	struct crt_iv_ops *ops = &iv_cache_ops;
	d_sg_list_t value = {0};
	void *priv = NULL;
	d_rank_t root = 0;
	int rc;

	cart.fetches++;
	cart.class_id = class_id;
	if (fails(ivns, key, done, arg))
		return cart.fail_rc;
	rc = ops->ivo_on_hash(ivns, key, &root);
	if (rc != 0)
		goto out;
	rc = ops->ivo_on_get(ivns, key, 0, CRT_IV_PERM_READ, &value, &priv);
	if (rc != 0)
		goto out;
	rc = ops->ivo_on_fetch(ivns, key, NULL, 0, &value, priv);
	if (rc != -DER_IVCB_FORWARD) {
		done(ivns, class_id, key, NULL, rc == 0 ? &value : NULL, rc, arg);
		ops->ivo_on_put(ivns, &value, priv);
		return rc;
	}
	ops->ivo_on_put(ivns, &value, priv);
	rc = ops->ivo_on_get(ivns, key, 0, CRT_IV_PERM_WRITE, &value, &priv);
	if (rc != 0)
		goto out;
	cart.forwards++;
	cart.pending = (struct pending){*key, done, arg, priv, value};
	if (!cart.hold)
		answer(ivns, &cart.pending);
	return 0;
out:
	done(ivns, class_id, key, NULL, NULL, rc, arg);
	return rc;
}

static int
write_value(crt_iv_namespace_t ivns, crt_iv_key_t *key, d_sg_list_t *value, crt_iv_comp_cb_t done,
	    void *arg)
{
	struct crt_iv_ops *ops = &iv_cache_ops;
	void *priv = NULL;
	d_rank_t root = 0;
	int rc;

	if (fails(ivns, key, done, arg))
		return cart.fail_rc;
	rc = ops->ivo_on_hash(ivns, key, &root);
	if (rc != 0)
		return rc;
	rc = ops->ivo_on_get(ivns, key, 0, CRT_IV_PERM_WRITE, NULL, &priv);
	if (rc != 0)
		return rc;
	if (value != NULL)
		rc = ops->ivo_on_update(ivns, key, 0, 0, value, priv);
	else
		rc = ops->ivo_on_refresh(ivns, key, 0, NULL, true, 0, priv);
	if (rc == -DER_IVCB_FORWARD) {
		cart.forwards++;
		rc = cart.peer_rc;
		ops->ivo_on_refresh(ivns, key, 0, value, false, rc, priv);
	} else if (rc == 0 && cart.sync.ivs_mode == CRT_IV_SYNC_EAGER) {
		ops->ivo_on_refresh(ivns, key, 0, value, value == NULL, 0, priv);
	}
	done(ivns, 0, key, NULL, value, rc, arg);
	ops->ivo_on_put(ivns, NULL, priv);
	return rc;
}

int
crt_iv_update(crt_iv_namespace_t ivns, uint32_t class_id, crt_iv_key_t *key, crt_iv_ver_t *ver,
	      d_sg_list_t *value, crt_iv_shortcut_t shortcut, crt_iv_sync_t sync,
	      crt_iv_comp_cb_t done, void *arg)
{
	cart.updates++;
	cart.class_id = class_id;
	cart.shortcut = shortcut;
	cart.sync = sync;
	return write_value(ivns, key, value, done, arg);
}

int
crt_iv_invalidate(crt_iv_namespace_t ivns, uint32_t class_id, crt_iv_key_t *key, crt_iv_ver_t *ver,
		  crt_iv_shortcut_t shortcut, crt_iv_sync_t sync, crt_iv_comp_cb_t done, void *arg)
{
	cart.invalidations++;
	cart.class_id = class_id;
	cart.sync = sync;
	return write_value(ivns, key, NULL, done, arg);
}

/* ---- a class ---- */

static struct {
	int inits, gets, puts, destroys, compares, pre_syncs, fetches;
	int init_rc, get_rc;
	bool delete_on_invalidate, writes_here;
} class;

static int
class_init(struct ds_iv_key *key, void *data, struct ds_iv_entry *entry)
{
	if (d_sgl_init(&entry->iv_value, 1) != 0)
		return -DER_NOMEM;
	if (class.init_rc != 0)
		return class.init_rc;
	class.inits++;
	D_ALLOC(entry->iv_value.sg_iovs[0].iov_buf, sizeof(int));
	entry->iv_value.sg_iovs[0].iov_buf_len = sizeof(int);
	entry->iv_value.sg_iovs[0].iov_len = sizeof(int);
	entry->iv_key = *key;
	return 0;
}

static int
class_get(struct ds_iv_entry *entry, void **priv)
{
	if (class.get_rc != 0)
		return class.get_rc;
	class.gets++;
	D_ALLOC(*priv, 8);
	return 0;
}

static void
class_put(struct ds_iv_entry *entry, void *priv)
{
	class.puts++;
	D_FREE(priv);
}

static int
class_destroy(d_sg_list_t *sgl)
{
	class.destroys++;
	d_sgl_fini(sgl, true);
	return 0;
}

static int
class_fetch(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *dst, void **priv)
{
	class.fetches++;
	return daos_sgl_copy_data(dst, &entry->iv_value);
}

static int
class_update(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *src, void **priv)
{
	/* The class's own private data, which class_get has made. */
	if (*(uint64_t *)priv != 0)
		return -DER_MISC;
	if (entry->ns->iv_master_rank != SELF && !class.writes_here)
		return -DER_IVCB_FORWARD;
	return daos_sgl_copy_data(&entry->iv_value, src);
}

static int
class_refresh(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *src, int rc,
	      void **priv)
{
	if (rc != 0)
		return 0;
	if (src != NULL)
		return daos_sgl_copy_data(&entry->iv_value, src);
	entry->iv_valid = false;
	entry->iv_to_delete = class.delete_on_invalidate;
	return 0;
}

static int
class_alloc(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *sgl)
{
	if (d_sgl_init(sgl, 1) != 0)
		return -DER_NOMEM;
	D_ALLOC(sgl->sg_iovs[0].iov_buf, sizeof(int));
	sgl->sg_iovs[0].iov_buf_len = sizeof(int);
	sgl->sg_iovs[0].iov_len = sizeof(int);
	return 0;
}

static int
class_pre_sync(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *value)
{
	class.pre_syncs++;
	return 0;
}

/** Keys are equal if their first 16 bytes are. */
static bool
class_compare(void *key1, void *key2)
{
	class.compares++;
	return memcmp(key1, key2, 16) == 0;
}

#define COMMON_OPS                                                                      \
	.ivc_ent_init = class_init, .ivc_ent_get = class_get, .ivc_ent_put = class_put, \
	.ivc_ent_destroy = class_destroy, .ivc_ent_fetch = class_fetch,                 \
	.ivc_ent_update = class_update, .ivc_ent_refresh = class_refresh,               \
	.ivc_value_alloc = class_alloc, .ivc_pre_sync = class_pre_sync

static struct ds_iv_class_ops single_ops = {COMMON_OPS};
static struct ds_iv_class_ops keyed_ops = {COMMON_OPS, .ivc_key_cmp = class_compare};
static struct crt_iv_ops other_cart_ops;

/* ---- a namespace, and requests to it ---- */

static struct ds_iv_ns *ns;
static uuid_t pool = {0x12, 0x34, 0x56, 0x78};

static int
open_ns(d_rank_t leader)
{
	unsigned int id = 0;

	CHECK(ds_iv_ns_create(NULL, pool, NULL, &id, &ns) == 0);
	CHECK(id == ns->iv_ns_id && ds_iv_ns_id_get(ns) == id && id > 0);
	ds_iv_ns_update(ns, leader, 1);
	ds_iv_ns_start(ns);
	CHECK(ns->iv_refcount == 2 && !ns->iv_stop);
	return 0;
}

static int
close_ns(void)
{
	int destroyed = cart.destroyed;

	ds_iv_ns_stop(ns);
	CHECK(ns->iv_refcount == 1 && ns->iv_stop && d_list_empty(&ns->iv_entry_list));
	ds_iv_ns_put(ns);
	CHECK(cart.destroyed == destroyed + 1);
	CHECK(class.gets == class.puts && class.inits == class.destroys);
	return 0;
}

static struct ds_iv_key
key_of(int class_id, char first, char last)
{
	struct ds_iv_key key = {.class_id = class_id};

	key.key_buf[0] = first;
	key.key_buf[IV_KEY_BUF_SIZE - 1] = last;
	return key;
}

static int
fetch_key(struct ds_iv_key *key, int *value, bool retry)
{
	d_iov_t iov = {value, sizeof(*value), sizeof(*value)};
	d_sg_list_t sgl = {1, 0, &iov};

	return ds_iv_fetch(ns, key, value == NULL ? NULL : &sgl, retry);
}

static int
fetch(int class_id, int *value, bool retry)
{
	struct ds_iv_key key = key_of(class_id, 0, 0);

	return fetch_key(&key, value, retry);
}

static int
update_key(struct ds_iv_key *key, int value, unsigned int mode, bool retry)
{
	d_iov_t iov = {&value, sizeof(value), sizeof(value)};
	d_sg_list_t sgl = {1, 0, &iov};

	return ds_iv_update(ns, key, &sgl, CRT_IV_SHORTCUT_TO_ROOT, mode, 0, retry);
}

static int
update(int class_id, int value, unsigned int mode, bool retry)
{
	struct ds_iv_key key = key_of(class_id, 0, 0);

	return update_key(&key, value, mode, retry);
}

static int
entries(void)
{
	d_list_t *link;
	int nr = 0;

	for (link = ns->iv_entry_list.next; link != &ns->iv_entry_list; link = link->next)
		nr++;
	return nr;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* ---- tests ---- */

static int
check_classes(void *arg)
{
	struct ds_iv_class *found = iv_class_lookup(CLASS);

	CHECK(found != NULL && found->iv_class_id == CLASS && found->iv_cart_class_id == 0);
	CHECK(found->iv_class_ops == &single_ops && found->iv_class_crt_cbs == &iv_cache_ops);
	CHECK(iv_class_lookup(7) == NULL);
	CHECK(ds_iv_class_register(CLASS, &iv_cache_ops, &single_ops) == -DER_EXIST);
	CHECK(ds_iv_class_register(7, NULL, &single_ops) == -DER_INVAL);
	CHECK(ds_iv_class_register(7, &iv_cache_ops, NULL) == -DER_INVAL);
	/* Other callbacks of CaRT have another place, and keep it. */
	CHECK(ds_iv_class_register(7, &other_cart_ops, &single_ops) == 0);
	CHECK(iv_class_lookup(7)->iv_cart_class_id == 1);
	CHECK(open_ns(SELF) == 0);
	CHECK(cart.class_nr == 2 && cart.classes[0].ivc_ops == &iv_cache_ops);
	CHECK(cart.classes[1].ivc_ops == &other_cart_ops && cart.classes[1].ivc_feats == 0);
	CHECK(cart.topo == crt_tree_topo(CRT_TREE_KNOMIAL, 4) && cart.ns_id == 0);
	CHECK(ds_iv_class_unregister(7) == 0 && iv_class_lookup(7) == NULL);
	CHECK(ds_iv_class_unregister(7) == 0);
	CHECK(iv_cache_ops.ivo_pre_fetch == iv_cache_ops.ivo_pre_update);
	CHECK(iv_cache_ops.ivo_pre_refresh == iv_cache_ops.ivo_pre_fetch &&
	      iv_cache_ops.ivo_on_fetch != NULL);
	CHECK(iv_cache_ops.ivo_keys_match == NULL && iv_cache_ops.ivo_pre_sync != NULL);
	return close_ns();
}

static int
pack_key(struct ds_iv_class *iv_class, struct ds_iv_key *key, crt_iv_key_t *packed)
{
	packed->iov_buf = key;
	packed->iov_buf_len = packed->iov_len = 8;
	return key->rank == 9 ? -DER_MISC : 0;
}

static int
unpack_key(struct ds_iv_class *iv_class, crt_iv_key_t *packed, struct ds_iv_key *key)
{
	memcpy(key, packed->iov_buf, packed->iov_len);
	key->key_buf[3] = 3;
	return 0;
}

static int
check_keys(void *arg)
{
	struct ds_iv_class_ops packing = {COMMON_OPS, .ivc_key_pack = pack_key,
					  .ivc_key_unpack = unpack_key};
	struct ds_iv_key key = key_of(CLASS, 1, 2), other;
	crt_iv_key_t packed = {0};

	key.rank = PEER;
	CHECK(iv_key_pack(&packed, &key) == 0);
	CHECK(packed.iov_buf == &key && packed.iov_len == sizeof(key) &&
	      packed.iov_buf_len == sizeof(key));
	CHECK(iv_key_unpack(&other, &packed) == 0 && memcmp(&key, &other, sizeof(key)) == 0);
	/* What a peer sends is not to be trusted. */
	packed.iov_len = sizeof(key) - 1;
	CHECK(iv_key_unpack(&other, &packed) == -DER_INVAL);
	packed.iov_len = 7;
	CHECK(iv_key_unpack(&other, &packed) == -DER_INVAL);
	packed.iov_buf = NULL;
	CHECK(iv_key_unpack(&other, &packed) == -DER_INVAL);
	key.class_id = 7;
	packed.iov_buf = &key;
	packed.iov_len = sizeof(key);
	CHECK(iv_key_unpack(&other, &packed) == -DER_NONEXIST);
	CHECK(iv_key_pack(&packed, &key) == -DER_NONEXIST);
	/* A class with a form of its own. */
	CHECK(ds_iv_class_register(7, &iv_cache_ops, &packing) == 0);
	CHECK(iv_key_pack(&packed, &key) == 0 && packed.iov_len == 8);
	CHECK(iv_key_unpack(&other, &packed) == 0);
	CHECK(other.rank == PEER && other.class_id == 7 && other.key_buf[3] == 3);
	key.rank = 9;
	CHECK(iv_key_pack(&packed, &key) == -DER_MISC);
	CHECK(ds_iv_class_unregister(7) == 0);
	return 0;
}

static int
check_life(void *arg)
{
	struct ds_iv_ns *first, *failed = NULL;
	unsigned int id;
	d_rank_t root = 99;
	struct ds_iv_key key = key_of(CLASS, 0, 0);
	crt_iv_key_t packed;

	CHECK(ds_iv_ns_create(NULL, pool, NULL, &id, &ns) == 0);
	CHECK(ns->iv_master_rank == (d_rank_t)-1 && ns->iv_master_term == 0 &&
	      ns->iv_refcount == 1);
	CHECK(memcmp(ns->iv_pool_uuid, pool, 16) == 0 && ns->iv_ns == cart.handle);
	/* There is no leader yet. */
	key.rank = -1;
	CHECK(iv_key_pack(&packed, &key) == 0);
	CHECK(iv_cache_ops.ivo_on_hash(ns->iv_ns, &packed, &root) == -DER_NOTLEADER && root == 99);
	/* Only a later term counts. */
	ds_iv_ns_update(ns, PEER, 5);
	ds_iv_ns_update(ns, SELF, 5);
	ds_iv_ns_update(ns, SELF, 4);
	CHECK(ns->iv_master_rank == PEER && ns->iv_master_term == 5);
	key.rank = SELF;
	CHECK(iv_cache_ops.ivo_on_hash(ns->iv_ns, &packed, &root) == -DER_NOTLEADER && root == 99);
	key.rank = PEER;
	CHECK(iv_cache_ops.ivo_on_hash(ns->iv_ns, &packed, &root) == 0 && root == PEER);
	CHECK(iv_cache_ops.ivo_on_hash(&root, &packed, &root) == -DER_NONEXIST);
	CHECK(ns->iv_refcount == 1);
	/* Others have other numbers. */
	first = ns;
	CHECK(ds_iv_ns_create(NULL, pool, NULL, &id, &ns) == 0 && id != first->iv_ns_id);
	ds_iv_ns_get(ns);
	ds_iv_ns_put(ns);
	ds_iv_ns_put(ns);
	CHECK(cart.destroyed == 1);
	cart.create_rc = -DER_NOMEM;
	CHECK(ds_iv_ns_create(NULL, pool, NULL, &id, &failed) == -DER_NOMEM && failed == NULL);
	cart.create_rc = 0;
	/* While CaRT has not let it go, it is there and refuses requests. */
	cart.destroy_waits = true;
	ns = first;
	ds_iv_ns_put(ns);
	CHECK(cart.destroyed == 2 && ns->iv_stop);
	CHECK(iv_cache_ops.ivo_on_hash(ns->iv_ns, &packed, &root) == -DER_SHUTDOWN);
	CHECK(cart.destroyed == 2);
	cart.destroy_cb(ns->iv_ns, cart.destroy_arg);
	CHECK(iv_cache_ops.ivo_on_hash(cart.handle, &packed, &root) == -DER_NONEXIST);
	return 0;
}

static int
check_leader_fetches(void *arg)
{
	struct ds_iv_key key;
	int value = 0, compares;

	CHECK(open_ns(SELF) == 0);
	CHECK(update(CLASS, 5, CRT_IV_SYNC_NONE, false) == 0);
	CHECK(fetch(CLASS, &value, false) == 0 && value == 5);
	CHECK(class.inits == 1 && class.fetches == 1 && cart.forwards == 0 && cart.class_id == 0);
	/* Bytes of the key do not matter in a class without a comparison. */
	key = key_of(CLASS, 7, 7);
	CHECK(fetch_key(&key, &value, false) == 0 && value == 5 && entries() == 1);
	CHECK(key.rank == SELF && key.version.raw == dss_get_module_info()->dmi_version.raw);
	/* In a class with one, that decides; and a key that was seen needs one comparison however
	 * many there are. */
	for (char first = 0; first < 20; first++) {
		key = key_of(KEYED, first, 0);
		CHECK(update_key(&key, first, CRT_IV_SYNC_NONE, false) == 0);
	}
	CHECK(class.inits == 21 && entries() == 21);
	key = key_of(KEYED, 3, 0);
	compares = class.compares;
	CHECK(fetch_key(&key, &value, false) == 0 && value == 3);
	CHECK(class.compares == compares + 1);
	key = key_of(KEYED, 3, 9);
	CHECK(fetch_key(&key, &value, false) == 0 && value == 3 && class.inits == 21);
	compares = class.compares;
	CHECK(fetch_key(&key, &value, false) == 0 && class.compares == compares + 1);
	/* A value may be wanted in the cache only. */
	CHECK(fetch(CLASS, NULL, false) == 0);
	CHECK(ds_iv_fetch(ns, NULL, NULL, false) == -DER_INVAL);
	CHECK(ds_iv_fetch(NULL, &key, NULL, false) == -DER_INVAL);
	CHECK(fetch(7, &value, false) == -DER_NONEXIST);
	return close_ns();
}

static int
check_peer_fetches(void *arg)
{
	char small = 'x';
	d_iov_t iov = {&small, 1, 1};
	d_sg_list_t sgl = {1, 0, &iov};
	struct ds_iv_key key = key_of(CLASS, 0, 0);
	int value = 0;

	CHECK(open_ns(PEER) == 0);
	cart.peer_value = 77;
	CHECK(fetch(CLASS, &value, false) == 0 && value == 77 && cart.forwards == 1);
	value = 0;
	CHECK(fetch(CLASS, &value, false) == 0 && value == 77 && cart.forwards == 1);
	/* Too small: stays as it is. */
	CHECK(ds_iv_fetch(ns, &key, &sgl, false) == 0 && small == 'x');
	/* A failure of the peer leaves the cache alone. */
	cart.peer_rc = -DER_NONEXIST;
	key = key_of(KEYED, 1, 0);
	CHECK(fetch_key(&key, &value, true) == -DER_NONEXIST && cart.forwards == 2);
	CHECK(fetch_key(&key, &value, false) == -DER_NONEXIST && cart.forwards == 3);
	return close_ns();
}

/** As CaRT asks on behalf of another rank. */
static int
check_callbacks(void *arg)
{
	struct crt_iv_ops *ops = &iv_cache_ops;
	struct ds_iv_key key = key_of(CLASS, 0, 0);
	crt_iv_key_t packed;
	d_sg_list_t value = {0}, own = {0}, none = {0};
	d_iov_t iov;
	int number = 8;
	void *priv = NULL;

	CHECK(open_ns(PEER) == 0);
	key.rank = PEER;
	CHECK(iv_key_pack(&packed, &key) == 0);
	CHECK(ops->ivo_on_get(ns->iv_ns, &packed, 0, CRT_IV_PERM_READ, &value, &priv) == 0);
	CHECK(ns->iv_refcount == 3 && value.sg_nr == 1);
	CHECK(ops->ivo_on_fetch(ns->iv_ns, &packed, NULL, 0, &value, priv) == -DER_IVCB_FORWARD);
	CHECK(ops->ivo_on_fetch(ns->iv_ns, &packed, NULL, CRT_IV_FLAG_PENDING_FETCH, &value,
				priv) == -DER_NOTLEADER);
	/* The requester believes that this rank leads. */
	key.rank = SELF;
	CHECK(ops->ivo_on_fetch(ns->iv_ns, &packed, NULL, 0, &value, priv) == -DER_NOTLEADER);
	CHECK(ops->ivo_on_update(ns->iv_ns, &packed, 0, 0, &value, priv) == -DER_GRPVER);
	CHECK(ops->ivo_on_update(ns->iv_ns, &packed, 0, 0, NULL, priv) == -DER_INVAL);
	key.rank = PEER;
	CHECK(ops->ivo_on_update(ns->iv_ns, &packed, 0, 0, &value, priv) == -DER_IVCB_FORWARD);
	CHECK(ops->ivo_on_refresh(ns->iv_ns, &packed, 0, NULL, false, -DER_TIMEDOUT, priv) ==
	      -DER_TIMEDOUT);
	CHECK(!d_list_entry(ns->iv_entry_list.next, struct ds_iv_entry, iv_link)->iv_valid);
	CHECK(ops->ivo_pre_sync(ns->iv_ns, &packed, 0, &value, priv) == 0 && class.pre_syncs == 1);
	ops->ivo_on_put(ns->iv_ns, &value, priv);
	CHECK(value.sg_iovs == NULL && ns->iv_refcount == 2);
	/* A value in CaRT's own buffers. */
	CHECK(ops->ivo_on_get(ns->iv_ns, &packed, 0, CRT_IV_PERM_READ | CRT_IV_NO_ALLOC, &own,
			      &priv) == 0);
	CHECK(own.sg_nr == 1 && own.sg_iovs == NULL);
	iov = (d_iov_t){&number, sizeof(number), sizeof(number)};
	own.sg_iovs = &iov;
	CHECK(ops->ivo_on_refresh(ns->iv_ns, &packed, 0, &own, false, 0, priv) == 0);
	ops->ivo_on_put(ns->iv_ns, NULL, priv);
	number = 0;
	CHECK(fetch(CLASS, &number, false) == 0 && number == 8 && cart.forwards == 0);
	/* Without anything of its own, as an invalidation of another rank comes; no reference is
	 * left. */
	CHECK(ops->ivo_on_refresh(ns->iv_ns, &packed, 0, NULL, true, 0, NULL) == 0);
	CHECK(ops->ivo_pre_sync(ns->iv_ns, &packed, 0, &none, NULL) == 0);
	CHECK(d_list_entry(ns->iv_entry_list.next, struct ds_iv_entry, iv_link)->iv_ref == 1);
	/* What cannot be got leaves nothing. */
	class.get_rc = -DER_MISC;
	key.class_id = KEYED;
	CHECK(ops->ivo_on_get(ns->iv_ns, &packed, 0, CRT_IV_PERM_READ, &value, &priv) == -DER_MISC);
	CHECK(entries() == 1 && ns->iv_refcount == 2 && value.sg_iovs == NULL);
	class.get_rc = 0;
	class.init_rc = -DER_MISC;
	CHECK(ops->ivo_on_get(ns->iv_ns, &packed, 0, CRT_IV_PERM_READ, &value, &priv) == -DER_MISC);
	CHECK(ops->ivo_on_refresh(ns->iv_ns, &packed, 0, NULL, true, 0, NULL) == -DER_MISC);
	CHECK(entries() == 1 && ns->iv_refcount == 2);
	class.init_rc = 0;
	/* A namespace that stops refuses, but takes back. */
	key.class_id = CLASS;
	CHECK(ops->ivo_on_get(ns->iv_ns, &packed, 0, CRT_IV_PERM_READ, &value, &priv) == 0);
	ds_iv_ns_leader_stop(ns);
	CHECK(ops->ivo_on_fetch(ns->iv_ns, &packed, NULL, 0, &value, priv) == -DER_SHUTDOWN);
	ops->ivo_on_put(ns->iv_ns, &value, priv);
	CHECK(ns->iv_refcount == 2 && class.gets == class.puts);
	ops->ivo_on_put(ns->iv_ns, NULL, NULL);
	CHECK(fetch(CLASS, &number, true) == -DER_SHUTDOWN);
	CHECK(update(CLASS, 1, CRT_IV_SYNC_LAZY, true) == -DER_SHUTDOWN);
	return close_ns();
}

static void
count(void *arg)
{
	++*(int *)arg;
}

static int
check_requests_of_others(void *arg)
{
	int counted = 0;

	iv_cache_ops.ivo_pre_fetch(NULL, NULL, count, &counted);
	/* In a ULT of its own. */
	CHECK(counted == 0);
	ABT_thread_yield();
	CHECK(counted == 1);
	return 0;
}

static int
check_updates(void *arg)
{
	struct ds_iv_key key = key_of(CLASS, 0, 0);
	int value = 0;

	CHECK(open_ns(SELF) == 0);
	CHECK(update(CLASS, 6, CRT_IV_SYNC_EAGER, false) == 0);
	CHECK(cart.updates == 1 && cart.shortcut == CRT_IV_SHORTCUT_TO_ROOT);
	CHECK(cart.sync.ivs_mode == CRT_IV_SYNC_EAGER &&
	      cart.sync.ivs_event == CRT_IV_SYNC_EVENT_UPDATE);
	CHECK(fetch(CLASS, &value, false) == 0 && value == 6);
	/* Lazy: later, eagerly, with copies. */
	CHECK(update(CLASS, 7, CRT_IV_SYNC_LAZY, false) == 0);
	CHECK(cart.updates == 1 && ns->iv_refcount == 3);
	while (cart.updates == 1)
		ABT_thread_yield();
	ABT_thread_yield();
	CHECK(cart.sync.ivs_mode == CRT_IV_SYNC_EAGER && ns->iv_refcount == 2);
	CHECK(fetch(CLASS, &value, false) == 0 && value == 7);
	/* On its way to the leader. */
	ds_iv_ns_update(ns, PEER, 2);
	CHECK(update(CLASS, 8, CRT_IV_SYNC_NONE, false) == 0 && cart.forwards == 1);
	CHECK(fetch(CLASS, &value, false) == 0 && value == 8);
	cart.peer_rc = -DER_NOSPACE;
	CHECK(update(CLASS, 9, CRT_IV_SYNC_NONE, true) == -DER_NOSPACE);
	CHECK(ds_iv_invalidate(ns, &key, 0, CRT_IV_SYNC_NONE, 3, false) == 0);
	CHECK(cart.invalidations == 1 && cart.sync.ivs_event == CRT_IV_SYNC_EVENT_NOTIFY);
	CHECK(cart.sync.ivs_flags == 3);
	return close_ns();
}

static int
check_deleted(void *arg)
{
	struct crt_iv_ops *ops = &iv_cache_ops;
	struct ds_iv_key key = key_of(CLASS, 0, 0);
	crt_iv_key_t packed;
	void *priv;

	CHECK(open_ns(SELF) == 0);
	class.delete_on_invalidate = true;
	CHECK(update(CLASS, 1, CRT_IV_SYNC_NONE, false) == 0);
	/* Eager: the class is told twice, and the entry goes once. */
	CHECK(ds_iv_invalidate(ns, &key, 0, CRT_IV_SYNC_EAGER, 0, false) == 0);
	CHECK(class.destroys == 1 && entries() == 0);
	/* Nobody finds it any more, but who has it keeps it. */
	CHECK(update(CLASS, 1, CRT_IV_SYNC_NONE, false) == 0);
	CHECK(iv_key_pack(&packed, &key) == 0);
	CHECK(ops->ivo_on_get(ns->iv_ns, &packed, 0, CRT_IV_PERM_WRITE, NULL, &priv) == 0);
	CHECK(ops->ivo_on_refresh(ns->iv_ns, &packed, 0, NULL, true, 0, NULL) == 0);
	CHECK(entries() == 0 && class.destroys == 1);
	CHECK(update(CLASS, 2, CRT_IV_SYNC_NONE, false) == 0);
	CHECK(entries() == 1 && class.inits == 3);
	CHECK(ops->ivo_on_refresh(ns->iv_ns, &packed, 0, NULL, true, 0, priv) == 0);
	ops->ivo_on_put(ns->iv_ns, NULL, priv);
	CHECK(class.destroys == 2 && entries() == 1);
	/* All at once. */
	ds_iv_ns_cleanup(ns);
	CHECK(class.destroys == 3 && entries() == 0);
	return close_ns();
}

static int
check_retries(void *arg)
{
	double start;
	int value;

	CHECK(open_ns(SELF) == 0);
	cart.fail_rc = -DER_BUSY;
	cart.fail_nr = 5;
	start = now();
	CHECK(fetch(CLASS, &value, true) == 0 && cart.fetches == 6);
	/* 1 + 2 + 4 + 8 + 16 ms, where the original sleeps five seconds. */
	CHECK(now() - start < 2);
	cart.fail_nr = 1;
	CHECK(fetch(CLASS, &value, false) == -DER_BUSY && cart.fetches == 7);
	/* CaRT may fail without a callback. */
	cart.fail_nr = 3;
	cart.fail_silent = true;
	CHECK(fetch(CLASS, &value, true) == 0 && cart.fetches == 11 && ns->iv_refcount == 2);
	cart.fail_rc = -DER_NOMEM;
	cart.fail_nr = 1;
	CHECK(fetch(CLASS, &value, true) == -DER_NOMEM && cart.fetches == 12);
	/* A leader that is none any more does not spread values; a value for the leader is sent
	 * again. */
	cart.fail_rc = -DER_NOTLEADER;
	cart.fail_nr = 1;
	CHECK(update(CLASS, 1, CRT_IV_SYNC_EAGER, true) == -DER_NOTLEADER && cart.updates == 1);
	cart.fail_nr = 1;
	CHECK(update(CLASS, 1, CRT_IV_SYNC_NONE, true) == 0 && cart.updates == 3);
	/* In check mode a shard may be missing for good. */
	cart.fail_rc = -DER_GRPVER;
	cart.fail_nr = 1;
	in_check = true;
	CHECK(update(CLASS, 1, CRT_IV_SYNC_NONE, true) == -DER_GRPVER && cart.updates == 4);
	in_check = false;
	cart.fail_nr = 1;
	CHECK(update(CLASS, 1, CRT_IV_SYNC_NONE, true) == 0 && cart.updates == 6);
	return close_ns();
}

static int
check_retry_limit(void *arg)
{
	double start = now();
	int value;

	CHECK(open_ns(SELF) == 0);
	lines = 0;
	cart.fail_rc = -DER_TIMEDOUT;
	cart.fail_nr = 1000;
	CHECK(fetch(KEYED, &value, true) == -DER_TIMEDOUT);
	CHECK(now() - start > 0.9 && now() - start < 10);
	CHECK(cart.fetches < 20);
	cart.fail_nr = 0;
	/* One line, which says what failed and where. */
	CHECK(lines == 1);
	CHECK(strstr(last_line, "IV fetch of class 41") != NULL &&
	      strstr(last_line, "12345678-") != NULL);
	CHECK(strstr(last_line, "from rank 1 to leader rank 1") != NULL);
	CHECK(strstr(last_line, "DER_TIMEDOUT") != NULL && strstr(last_line, "1000 ms") != NULL);
	return close_ns();
}

struct waiter {
	ABT_thread ult;
	int rc, value;
	double ended;
};

static void
wait_for_fetch(void *arg)
{
	struct waiter *waiter = arg;

	waiter->rc = fetch(CLASS, &waiter->value, true);
	waiter->ended = now();
}

static int
start_waiter(struct waiter *waiter)
{
	*waiter = (struct waiter){.rc = 1};
	return dss_ult_create(wait_for_fetch, waiter, DSS_XS_SELF, 0, DSS_DEEP_STACK_SZ,
			      &waiter->ult);
}

static int
check_new_leader_ends_pause(void *arg)
{
	struct waiter waiter;
	double start;

	CHECK(open_ns(SELF) == 0);
	cart.fail_rc = -DER_NOTLEADER;
	cart.fail_nr = 1000;
	CHECK(start_waiter(&waiter) == 0);
	dss_sleep(1200);
	/* Its next pause is 1 s long. A new leader is worth an attempt at once. */
	CHECK(waiter.rc == 1 && ns->iv_refcount == 2);
	cart.fail_nr = 0;
	start = now();
	ds_iv_ns_update(ns, SELF, 9);
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS);
	CHECK(waiter.rc == 0 && waiter.ended - start < 0.5);
	return close_ns();
}

static int
check_stop_ends_pause(void *arg)
{
	struct waiter waiter;
	double start;

	CHECK(open_ns(SELF) == 0);
	cart.fail_rc = -DER_NOTLEADER;
	cart.fail_nr = 1000;
	CHECK(start_waiter(&waiter) == 0);
	dss_sleep(1200);
	cart.fail_nr = 0;
	start = now();
	/* The namespace is gone when the sleeper wakes. */
	CHECK(close_ns() == 0);
	CHECK(now() - start < 0.5);
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS);
	CHECK(waiter.rc == -DER_SHUTDOWN && waiter.ended - start < 0.5);
	return 0;
}

static void
stop_ns(void *arg)
{
	ds_iv_ns_stop(ns);
	*(bool *)arg = true;
}

static int
check_stop_meets_fetch(void *arg)
{
	struct waiter waiter;
	ABT_thread ult;
	bool stopped = false;

	CHECK(open_ns(PEER) == 0);
	cart.hold = true;
	CHECK(start_waiter(&waiter) == 0);
	while (cart.forwards == 0)
		ABT_thread_yield();
	CHECK(dss_ult_create(stop_ns, &stopped, DSS_XS_SELF, 0, DSS_DEEP_STACK_SZ, &ult) == 0);
	/* The reader goes, though the peer does not answer. */
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS);
	CHECK(waiter.rc == -DER_SHUTDOWN);
	dss_sleep(20);
	CHECK(!stopped);
	/* When it does, nothing is written to the reader's value, and the stop goes on. */
	cart.peer_value = 5;
	answer(ns->iv_ns, &cart.pending);
	CHECK(ABT_thread_free(&ult) == ABT_SUCCESS);
	CHECK(stopped && waiter.value == 0 && ns->iv_refcount == 1);
	ds_iv_ns_put(ns);
	CHECK(class.gets == class.puts && class.inits == class.destroys);
	return 0;
}

/** As the checker ends its namespaces: never started, and not stopped. */
static int
check_end_meets_requests(void *arg)
{
	struct waiter waiter;
	unsigned int id;

	CHECK(ds_iv_ns_create(NULL, pool, NULL, &id, &ns) == 0);
	ds_iv_ns_update(ns, PEER, 1);
	cart.hold = true;
	CHECK(start_waiter(&waiter) == 0);
	while (cart.forwards == 0)
		ABT_thread_yield();
	/* In CaRT's hands: it ends when CaRT has given everything back. */
	ds_iv_ns_put(ns);
	CHECK(cart.destroyed == 0);
	answer(ns->iv_ns, &cart.pending);
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS);
	CHECK(cart.destroyed == 1 && waiter.rc == 0);
	/* In a pause: it ends at once, and the sleeper hears of it. */
	CHECK(ds_iv_ns_create(NULL, pool, NULL, &id, &ns) == 0);
	cart.fail_rc = -DER_NOTLEADER;
	cart.fail_nr = 1000;
	CHECK(start_waiter(&waiter) == 0);
	dss_sleep(20);
	ds_iv_ns_put(ns);
	CHECK(cart.destroyed == 2);
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS);
	CHECK(waiter.rc == -DER_SHUTDOWN && class.gets == class.puts &&
	      class.inits == class.destroys);
	/* One that was never started can be stopped. */
	CHECK(ds_iv_ns_create(NULL, pool, NULL, &id, &ns) == 0);
	ds_iv_ns_stop(ns);
	CHECK(ns->iv_refcount == 1 && cart.destroyed == 2);
	ds_iv_ns_put(ns);
	CHECK(cart.destroyed == 3);
	return 0;
}

/** CaRT completes a fetch that waited for another one with success whatever ivo_on_fetch says. */
static int
check_fetch_behind_another(void *arg)
{
	struct waiter waiter;
	struct pending *it = &cart.pending;

	CHECK(open_ns(PEER) == 0);
	cart.hold = true;
	CHECK(start_waiter(&waiter) == 0);
	while (cart.forwards == 0)
		ABT_thread_yield();
	/* The first fetch has brought nothing that this one can use. It is sent again. */
	CHECK(iv_cache_ops.ivo_on_fetch(ns->iv_ns, &it->key, NULL, CRT_IV_FLAG_PENDING_FETCH,
					&it->value, it->priv) == -DER_NOTLEADER);
	it->done(ns->iv_ns, 0, &it->key, NULL, &it->value, 0, it->arg);
	iv_cache_ops.ivo_on_put(ns->iv_ns, &it->value, it->priv);
	cart.hold = false;
	cart.peer_value = 6;
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS);
	CHECK(waiter.rc == 0 && waiter.value == 6 && cart.forwards == 2);
	return close_ns();
}

static int
check_double_completion(void *arg)
{
	struct waiter waiter;
	struct pending again;

	CHECK(open_ns(PEER) == 0);
	cart.hold = true;
	CHECK(start_waiter(&waiter) == 0);
	while (cart.forwards == 0)
		ABT_thread_yield();
	again = cart.pending;
	cart.peer_value = 5;
	answer(ns->iv_ns, &cart.pending);
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS);
	CHECK(waiter.rc == 0 && waiter.value == 5);
	CHECK(again.done(ns->iv_ns, 0, NULL, NULL, NULL, -DER_MISC, again.arg) == 0);
	return close_ns();
}

static void
answer_later(void *arg)
{
	dss_sleep(50);
	answer(ns->iv_ns, &cart.pending);
}

static int
check_reintegration(void *arg)
{
	struct waiter waiter;
	int stale[] = {IV_CONT_TRACK_EPOCH, IV_CONT_PROP, IV_CONT_SNAP}, i;

	for (i = 0; i < 3; i++)
		CHECK(ds_iv_class_register(stale[i], &iv_cache_ops, &single_ops) == 0);
	CHECK(open_ns(PEER) == 0);
	class.writes_here = true;
	for (i = 0; i < 3; i++)
		CHECK(update(stale[i], 1, CRT_IV_SYNC_NONE, false) == 0);
	cart.hold = true;
	CHECK(start_waiter(&waiter) == 0);
	while (cart.forwards == 0)
		ABT_thread_yield();
	CHECK(entries() == 4 && ns->iv_refcount > 2);
	CHECK(dss_ult_create(answer_later, NULL, DSS_XS_SELF, 0, DSS_DEEP_STACK_SZ, NULL) == 0);
	CHECK(ds_iv_ns_reint_prep(ns) == 0);
	CHECK(ns->iv_refcount == 2 && entries() == 1 && class.destroys == 3);
	CHECK(ABT_thread_free(&waiter.ult) == ABT_SUCCESS && waiter.rc == 0);
	CHECK(close_ns() == 0);
	for (i = 0; i < 3; i++)
		CHECK(ds_iv_class_unregister(stale[i]) == 0);
	return 0;
}

static int
check_fini(void *arg)
{
	CHECK(open_ns(SELF) == 0);
	CHECK(update(CLASS, 1, CRT_IV_SYNC_NONE, false) == 0);
	ds_iv_fini();
	CHECK(cart.destroyed == 1 && class.destroys == 1 && iv_class_lookup(CLASS) == NULL);
	/* The engine may start again. */
	ds_iv_init();
	CHECK(ds_iv_class_register(CLASS, &iv_cache_ops, &single_ops) == 0);
	CHECK(iv_class_lookup(CLASS)->iv_cart_class_id == 0);
	return 0;
}

static int
check_elsewhere(void *arg)
{
	int value;

	/* Entries belong to the system xstream. */
	CHECK(fetch(CLASS, &value, false) == -DER_INVAL);
	return 0;
}

/* ---- the suite ---- */

static int
on(int xs_type, int (*func)(void *))
{
	return dss_ult_execute(func, NULL, NULL, NULL, xs_type, 0, DSS_DEEP_STACK_SZ);
}

static int
set_up(void **state)
{
	memset(&cart, 0, sizeof(cart));
	memset(&class, 0, sizeof(class));
	ds_iv_init();
	return ds_iv_class_register(CLASS, &iv_cache_ops, &single_ops) |
	       ds_iv_class_register(KEYED, &iv_cache_ops, &keyed_ops);
}

static int
tear_down(void **state)
{
	ds_iv_fini();
	return 0;
}

#define TEST(name, check)                                   \
	static void name(void **state)                      \
	{                                                   \
		assert_int_equal(on(DSS_XS_SYS, check), 0); \
	}

TEST(classes_share_the_place_of_their_callbacks, check_classes)
TEST(keys_are_packed_and_checked, check_keys)
TEST(a_namespace_comes_and_goes, check_life)
TEST(the_leader_answers, check_leader_fetches)
TEST(others_ask_once, check_peer_fetches)
TEST(callbacks_keep_the_rules_of_ownership, check_callbacks)
TEST(requests_of_others_run_in_ults, check_requests_of_others)
TEST(updates_are_spread_as_wanted, check_updates)
TEST(a_deleted_entry_goes_once, check_deleted)
TEST(errors_that_pass_are_tried_again, check_retries)
TEST(a_new_leader_ends_a_pause, check_new_leader_ends_pause)
TEST(a_stop_ends_a_pause, check_stop_ends_pause)
TEST(a_stop_lets_fetches_go, check_stop_meets_fetch)
TEST(an_end_meets_requests, check_end_meets_requests)
TEST(a_fetch_behind_another_is_sent_again, check_fetch_behind_another)
TEST(a_second_completion_is_ignored, check_double_completion)
TEST(reintegration_waits_and_drops, check_reintegration)
TEST(the_end_takes_everything_along, check_fini)

static void
retries_are_bounded_if_wanted(void **state)
{
	setenv("DAOS_IV_RETRY_LIMIT", "1", 1);
	ds_iv_init();
	unsetenv("DAOS_IV_RETRY_LIMIT");
	assert_int_equal(on(DSS_XS_SYS, check_retry_limit), 0);
}

static int
open_for_others(void *arg)
{
	return open_ns(SELF);
}

static int
close_after_others(void *arg)
{
	return close_ns();
}

static void
entries_belong_to_the_system_xstream(void **state)
{
	assert_int_equal(on(DSS_XS_SYS, open_for_others), 0);
	assert_int_equal(on(DSS_XS_VOS, check_elsewhere), 0);
	assert_int_equal(on(DSS_XS_SYS, close_after_others), 0);
}

static char socket_dir[] = "/tmp/server_iv_XXXXXX";

static int
start(void **state)
{
	if (mkdtemp(socket_dir) == NULL)
		return -1;
	dss_socket_dir = socket_dir;
	if (d_log_init() != 0 || ds_tls_key_create() != 0)
		return -1;
	dss_register_key(&daos_srv_modkey);
	if (drpc_init() != 0 || ABT_init(0, NULL) != ABT_SUCCESS)
		return -1;
	if (crt_init_opt("test", CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE, NULL) != 0)
		return -1;
	dss_tgt_nr = 1;
	dss_tgt_offload_xs_nr = 0;
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
	d_log_fini();
	return rc | rmdir(socket_dir);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(classes_share_the_place_of_their_callbacks),
		UNIT(keys_are_packed_and_checked),
		UNIT(a_namespace_comes_and_goes),
		UNIT(the_leader_answers),
		UNIT(others_ask_once),
		UNIT(callbacks_keep_the_rules_of_ownership),
		UNIT(requests_of_others_run_in_ults),
		UNIT(updates_are_spread_as_wanted),
		UNIT(a_deleted_entry_goes_once),
		UNIT(errors_that_pass_are_tried_again),
		UNIT(retries_are_bounded_if_wanted),
		UNIT(a_new_leader_ends_a_pause),
		UNIT(a_stop_ends_a_pause),
		UNIT(a_stop_lets_fetches_go),
		UNIT(an_end_meets_requests),
		UNIT(a_fetch_behind_another_is_sent_again),
		UNIT(a_second_completion_is_ignored),
		UNIT(reintegration_waits_and_drops),
		UNIT(the_end_takes_everything_along),
		UNIT(entries_belong_to_the_system_xstream),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
