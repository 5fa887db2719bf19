/* The binary heap: gurt/heap.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <gurt/common.h>
#include <gurt/heap.h>

struct item {
	struct d_binheap_node node;
	unsigned int value;
};

static bool
compare(struct d_binheap_node *a, struct d_binheap_node *b)
{
	return container_of(a, struct item, node)->value <
	       container_of(b, struct item, node)->value;
}

static struct d_binheap_ops ops = {.hop_compare = compare};

/* As in the scheduler's structures: a heap in the middle, which must not reach over its members. */
struct owner {
	uint64_t before;
	struct d_binheap heap;
	uint64_t after;
};

static void
a_heap_inside_a_structure(void **state)
{
	struct owner owner = {.before = 0x0123456789abcdef, .after = 0xfedcba9876543210};
	struct item items[600];
	unsigned int last = 0;

	assert_int_equal(d_binheap_create_inplace(DBH_FT_NOLOCK, 0, &owner, &ops, &owner.heap), 0);
	assert_true(d_binheap_is_empty(&owner.heap));
	for (unsigned int i = 0; i < 600; i++) {
		items[i].value = i * 7919 % 600;
		assert_int_equal(d_binheap_insert(&owner.heap, &items[i].node), 0);
	}
	assert_int_equal(d_binheap_size(&owner.heap), 600);
	assert_int_equal(container_of(d_binheap_root(&owner.heap), struct item, node)->value, 0);

	for (int i = 0; i < 600; i++) {
		if (items[i].value % 3 == 0)
			d_binheap_remove(&owner.heap, &items[i].node);
	}
	assert_int_equal(d_binheap_size(&owner.heap), 400);
	for (int i = 0; i < 400; i++) {
		struct d_binheap_node *node = d_binheap_remove_root(&owner.heap);
		unsigned int value = container_of(node, struct item, node)->value;

		assert_true(i == 0 || value > last);
		assert_true(value % 3 != 0);
		last = value;
	}
	assert_null(d_binheap_remove_root(&owner.heap));
	assert_null(d_binheap_find(&owner.heap, 0));
	d_binheap_destroy_inplace(&owner.heap);
	assert_true(owner.before == 0x0123456789abcdef && owner.after == 0xfedcba9876543210);
}

static void
locked_heaps(void **state)
{
	static const uint32_t feats[] = {0, DBH_FT_RWLOCK};
	struct item item = {.value = 1};

	for (int i = 0; i < 2; i++) {
		struct d_binheap *heap;

		assert_int_equal(d_binheap_create(feats[i], 1000, NULL, &ops, &heap), 0);
		assert_int_equal(d_binheap_insert(heap, &item.node), 0);
		assert_ptr_equal(d_binheap_find(heap, 0), &item.node);
		assert_ptr_equal(d_binheap_remove_root(heap), &item.node);
		d_binheap_destroy(heap);
	}
}

static void
invalid_arguments(void **state)
{
	struct d_binheap_ops none = {0};
	struct d_binheap *heap;

	assert_int_equal(d_binheap_create(0, 0, NULL, NULL, &heap), -DER_INVAL);
	assert_int_equal(d_binheap_create(0, 0, NULL, &none, &heap), -DER_INVAL);
	assert_int_equal(d_binheap_create(0, 0, NULL, &ops, NULL), -DER_INVAL);
	assert_int_equal(d_binheap_create_inplace(0, 0, NULL, &ops, NULL), -DER_INVAL);
	assert_int_equal(d_binheap_insert(NULL, NULL), -DER_INVAL);
	assert_int_equal(d_binheap_size(NULL), -DER_INVAL);
	assert_true(d_binheap_is_empty(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_heap_inside_a_structure),
		cmocka_unit_test(locked_heaps),
		cmocka_unit_test(invalid_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
