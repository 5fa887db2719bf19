/*
 * The two classes. The engine keeps an entry for each key that this rank has to do with; a class
 * makes the entry's value, and says what becomes of it.
 *
 * Update:     ent_update at each rank from the origin to the leader, then ent_refresh where the
 *             update is spread to.
 * Fetch:      ent_fetch at the first rank on the way to the leader that has a valid value, then
 *             ent_refresh at each rank on the way back.
 * Invalidate: ent_refresh without a value.
 */
#define D_LOGFAC DD_FAC(server)

#include "iv_demo.h"

struct iv_demo_calls iv_demo_calls[IV_DEMO_CLASSES];

static struct iv_demo_calls *
calls_of(const struct ds_iv_key *key)
{
	return &iv_demo_calls[key->class_id - IV_DEMO_FIRST_CLASS];
}

static bool
leads(const struct ds_iv_entry *entry)
{
	return entry->ns->iv_master_rank == dss_self_rank();
}

/* The value of a list, NULL if it has none. It may come from a peer. */
static struct iv_demo_value *
value_of(const d_sg_list_t *sgl)
{
	if (sgl == NULL || sgl->sg_nr == 0 || sgl->sg_iovs == NULL ||
	    sgl->sg_iovs[0].iov_buf == NULL ||
	    sgl->sg_iovs[0].iov_buf_len < sizeof(struct iv_demo_value))
		return NULL;
	return sgl->sg_iovs[0].iov_buf;
}

static int
alloc_value(d_sg_list_t *sgl)
{
	struct iv_demo_value *value;
	int rc = d_sgl_init(sgl, 1);

	if (rc != 0)
		return rc;
	D_ALLOC_PTR(value);
	if (value == NULL) {
		d_sgl_fini(sgl, true);
		return -DER_NOMEM;
	}
	d_iov_set(&sgl->sg_iovs[0], value, sizeof(*value));
	return 0;
}

static int
copy_value(d_sg_list_t *to, const d_sg_list_t *from)
{
	struct iv_demo_value *dst = value_of(to);
	const struct iv_demo_value *src = value_of(from);

	if (dst == NULL || src == NULL || from->sg_iovs[0].iov_len < sizeof(*src))
		return -DER_INVAL;
	*dst = *src;
	dst->text[sizeof(dst->text) - 1] = '\0';
	to->sg_iovs[0].iov_len = sizeof(*dst);
	to->sg_nr_out = 1;
	return 0;
}

static bool
same_key(void *key1, void *key2)
{
	return strncmp(key1, key2, IV_KEY_BUF_SIZE) == 0;
}

static int
ent_init(struct ds_iv_key *key, void *data, struct ds_iv_entry *entry)
{
	memcpy(entry->iv_key.key_buf, key->key_buf, sizeof(key->key_buf));
	return alloc_value(&entry->iv_value);
}

static int
ent_destroy(d_sg_list_t *sgl)
{
	d_sgl_fini(sgl, true);
	return 0;
}

static int
value_alloc(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *sgl)
{
	return alloc_value(sgl);
}

static int
ent_fetch(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *dst, void **priv)
{
	calls_of(key)->reads++;
	return copy_value(dst, &entry->iv_value);
}

static int
note_update(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *src, void **priv)
{
	calls_of(key)->updates++;
	if (!leads(entry))
		return -DER_IVCB_FORWARD;
	return copy_value(&entry->iv_value, src);
}

static int
tally_update(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *src, void **priv)
{
	struct iv_demo_value *added = value_of(src);

	calls_of(key)->updates++;
	if (!leads(entry))
		return -DER_IVCB_FORWARD;
	if (added == NULL)
		return -DER_INVAL;
	value_of(&entry->iv_value)->sum += added->sum;
	return 0;
}

static int
ent_refresh(struct ds_iv_entry *entry, struct ds_iv_key *key, d_sg_list_t *src, int ref_rc,
	    void **priv)
{
	if (ref_rc != 0)
		return ref_rc; /* the request failed farther up */
	if (src == NULL) {
		calls_of(key)->invalidations++;
		return 0;
	}
	calls_of(key)->refreshes++;
	return copy_value(&entry->iv_value, src);
}

/* Only the leader knows a tally; what others have seen of it may be over. */
static bool
tally_valid(struct ds_iv_entry *entry, struct ds_iv_key *key)
{
	return leads(entry);
}

static struct ds_iv_class_ops note_ops = {
	.ivc_key_cmp = same_key,
	.ivc_ent_init = ent_init,
	.ivc_ent_destroy = ent_destroy,
	.ivc_ent_fetch = ent_fetch,
	.ivc_ent_update = note_update,
	.ivc_ent_refresh = ent_refresh,
	.ivc_value_alloc = value_alloc,
};

static struct ds_iv_class_ops tally_ops = {
	.ivc_key_cmp = same_key,
	.ivc_ent_init = ent_init,
	.ivc_ent_destroy = ent_destroy,
	.ivc_ent_fetch = ent_fetch,
	.ivc_ent_update = tally_update,
	.ivc_ent_refresh = ent_refresh,
	.ivc_value_alloc = value_alloc,
	.ivc_ent_valid = tally_valid,
};

int
iv_demo_classes_register(void)
{
	struct ds_iv_class_ops *ops[IV_DEMO_CLASSES] = {&note_ops, &tally_ops};
	int i, rc;

	for (i = 0; i < IV_DEMO_CLASSES; i++) {
		rc = ds_iv_class_register(IV_DEMO_FIRST_CLASS + i, &iv_cache_ops, ops[i]);
		if (rc != 0) {
			D_ERROR("class %d: " DF_RC "\n", IV_DEMO_FIRST_CLASS + i, DP_RC(rc));
			iv_demo_classes_unregister();
			return rc;
		}
	}
	return 0;
}

void
iv_demo_classes_unregister(void)
{
	int i;

	for (i = 0; i < IV_DEMO_CLASSES; i++)
		ds_iv_class_unregister(IV_DEMO_FIRST_CLASS + i);
}
