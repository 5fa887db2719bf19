/* Hash functions and tables: gurt/hash.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>

#include <gurt/common.h>
#include <gurt/hash.h>

struct item {
	d_list_t link;
	uint32_t key;
	ATOMIC uint32_t ref;
	bool freed;
};

static struct item *
item_of(d_list_t *link)
{
	return container_of(link, struct item, link);
}

static bool
key_cmp(struct d_hash_table *table, d_list_t *link, const void *key, unsigned int ksize)
{
	return item_of(link)->key == *(const uint32_t *)key;
}

static uint32_t
rec_hash(struct d_hash_table *table, d_list_t *link)
{
	return d_hash_string_u32((const char *)&item_of(link)->key, sizeof(uint32_t));
}

static void
rec_addref(struct d_hash_table *table, d_list_t *link)
{
	item_of(link)->ref++;
}

static bool
rec_decref(struct d_hash_table *table, d_list_t *link)
{
	return --item_of(link)->ref == 0;
}

static void
rec_free(struct d_hash_table *table, d_list_t *link)
{
	item_of(link)->freed = true;
}

static d_hash_table_ops_t ops = {
	.hop_key_cmp = key_cmp,
	.hop_rec_hash = rec_hash,
	.hop_rec_addref = rec_addref,
	.hop_rec_decref = rec_decref,
	.hop_rec_free = rec_free,
};

static int
count(d_list_t *link, void *arg)
{
	(*(int *)arg)++;
	return 0;
}

/* Fills a table, looks for everything in it, and empties it again. */
static void
use_table(struct d_hash_table *table)
{
	struct item items[100];
	int visited = 0;

	memset(items, 0, sizeof(items));
	for (uint32_t key = 0; key < 100; key++) {
		struct item *item = &items[key];

		item->key = key;
		D_INIT_LIST_HEAD(&item->link);
		assert_int_equal(d_hash_rec_insert(table, &key, sizeof(key), &item->link, true), 0);
		assert_int_equal(d_hash_rec_insert(table, &key, sizeof(key), &item->link, true),
				 -DER_EXIST);
		assert_int_equal(item->ref, 1);
	}
	assert_int_equal(d_hash_table_traverse(table, count, &visited), 0);
	assert_int_equal(visited, 100);
	assert_int_equal(d_hash_table_destroy_inplace(table, false), -DER_BUSY);
	for (uint32_t key = 0; key < 100; key++) {
		d_list_t *link = d_hash_rec_find(table, &key, sizeof(key));

		assert_ptr_equal(link, &items[key].link);
		assert_true(d_hash_rec_delete(table, &key, sizeof(key)));
		assert_true(d_hash_rec_unlinked(link));
		assert_false(items[key].freed);
		d_hash_rec_decref(table, link);
		assert_true(items[key].freed);
	}
	assert_null(d_hash_rec_first(table));
}

static void
tables_of_all_kinds(void **state)
{
	static const uint32_t feats[] = {D_HASH_FT_NOLOCK,
					 0,
					 D_HASH_FT_MUTEX,
					 D_HASH_FT_RWLOCK,
					 D_HASH_FT_GLOCK | D_HASH_FT_MUTEX,
					 D_HASH_FT_LRU | D_HASH_FT_RWLOCK};

	for (size_t i = 0; i < ARRAY_SIZE(feats); i++) {
		for (uint32_t bits = 0; bits < 8; bits += 4) {
			struct d_hash_table table;
			struct d_hash_table *allocated;

			assert_int_equal(
				d_hash_table_create_inplace(feats[i], bits, NULL, &ops, &table), 0);
			use_table(&table);
			assert_int_equal(d_hash_table_destroy_inplace(&table, false), 0);
			assert_int_equal(
				d_hash_table_create(feats[i], bits, NULL, &ops, &allocated), 0);
			use_table(allocated);
			assert_int_equal(d_hash_table_destroy(allocated, true), 0);
		}
	}
}

static void
hash_functions(void **state)
{
	static const unsigned char key[] = "0123456789abcdef";
	uint64_t hashes[] = {10, 20, 30};

	/* What DAOS 2.8 computes. */
	assert_int_equal(d_hash_string_u32("daos", 4), 0x7c9590cc);
	assert_int_equal(d_hash_mix96(1, 2, 3), 0xb7b48902);
	assert_true(d_hash_mix64(1) == 0x5bca7c69b794f8ce);
	assert_int_equal(d_hash_jump(0x0123456789abcdef, 1000), 194);
	assert_true(d_hash_murmur64(key, 0, 0) == 0);
	assert_int_equal(d_hash_srch_u64(hashes, 3, 25), 1);
	assert_int_equal(d_u32_hash(1, 8), 0x9e);
}

static void
free_link(struct d_hlink *hlink)
{
	D_FREE(hlink);
}

static struct d_hlink_ops link_ops = {.hop_free = free_link};

static void
handles(void **state)
{
	struct d_hhash *hhash;
	struct d_hlink *links[3];
	uint64_t keys[3];

	assert_int_equal(d_hhash_create(D_HASH_FT_NOLOCK, D_HHASH_BITS, &hhash), 0);
	for (int i = 0; i < 3; i++) {
		D_ALLOC_PTR(links[i]);
		assert_non_null(links[i]);
		d_hhash_hlink_init(links[i], &link_ops);
		d_hhash_link_insert(hhash, links[i], 1);
		d_hhash_link_key(links[i], &keys[i]);
		assert_int_equal(d_hhash_key_type(keys[i]), 1);
		assert_false(d_hhash_key_isptr(keys[i]));
	}
	for (int i = 0; i < 3; i++) {
		assert_ptr_equal(d_hhash_link_lookup(hhash, keys[i]), links[i]);
		assert_true(d_hhash_link_delete(hhash, links[i]));
		assert_null(d_hhash_link_lookup(hhash, keys[i]));
		d_hhash_link_putref(hhash, links[i]);
		d_hhash_link_putref(hhash, links[i]);
	}
	d_hhash_destroy(hhash);
}

static bool freed;

static void
free_ulink(struct d_ulink *ulink)
{
	freed = true;
}

static struct d_ulink_ops ulink_ops = {.uop_free = free_ulink};

static void
uuids(void **state)
{
	struct d_hash_table *table;
	struct d_ulink ulink = {0};
	struct d_uuid key;

	uuid_generate(key.uuid);
	assert_int_equal(d_uhash_create(D_HASH_FT_MUTEX, 6, &table), 0);
	assert_true(d_uhash_link_empty(&ulink));
	d_uhash_ulink_init(&ulink, &ulink_ops);
	assert_int_equal(d_uhash_link_insert(table, &key, NULL, &ulink), 0);
	assert_int_equal(d_uhash_link_insert(table, &key, NULL, &ulink), -DER_EXIST);
	assert_ptr_equal(d_uhash_link_lookup(table, &key, NULL), &ulink);
	d_uhash_link_delete(table, &ulink);
	assert_null(d_uhash_link_lookup(table, &key, NULL));
	d_uhash_link_putref(table, &ulink);
	assert_true(d_uhash_link_last_ref(&ulink));
	d_uhash_link_putref(table, &ulink);
	assert_true(freed && d_uhash_link_empty(&ulink));
	d_uhash_destroy(table);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *
churn(void *arg)
{
	struct d_hash_table *table = arg;
	static ATOMIC uint32_t next;
	struct item item = {.key = next++};

	D_INIT_LIST_HEAD(&item.link);
	for (int i = 0; i < ROUNDS; i++) {
		if (d_hash_rec_insert(table, &item.key, sizeof(item.key), &item.link, true) != 0)
			return arg;
		if (d_hash_rec_find(table, &item.key, sizeof(item.key)) != &item.link)
			return arg;
		if (!d_hash_rec_delete(table, &item.key, sizeof(item.key)))
			return arg;
		item.ref--;
	}
	return item.ref == 0 ? NULL : arg;
}

static void
threads_share_a_table(void **state)
{
	struct d_hash_table table;
	pthread_t threads[THREADS];

	assert_int_equal(d_hash_table_create_inplace(0, 1, NULL, &ops, &table), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, &table), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(d_hash_table_destroy_inplace(&table, false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_of_all_kinds),
		cmocka_unit_test(hash_functions),
		cmocka_unit_test(handles),
		cmocka_unit_test(uuids),
		cmocka_unit_test(threads_share_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
