/* The feature util alone, in a program that has no engine: the suite has the trees. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <daos_errno.h>
#include <engine/srv_internal.h>

/** Libdaos_common's; the engine sees only pointers to it. */
typedef struct {
	int unused;
} btr_ops_t;

btr_ops_t dbtree_nv_ops, dbtree_uv_ops, dbtree_ec_ops, dbtree_kv_ops, dbtree_iv_ops, dbtree_ifv_ops;

enum { CLASSES = 6, UINT_KEY = 1, DIRECT_KEY = 2 };

/** In the order in which DAOS registers them. */
static const struct {
	unsigned int number;
	uint64_t features;
	btr_ops_t *ops;
} expected[CLASSES] = {
	{23, 0, &dbtree_kv_ops},
	{24, UINT_KEY | DIRECT_KEY, &dbtree_iv_ops},
	{28, UINT_KEY | DIRECT_KEY, &dbtree_ifv_ops},
	{20, DIRECT_KEY, &dbtree_nv_ops},
	{21, 0, &dbtree_uv_ops},
	{22, UINT_KEY, &dbtree_ec_ops},
};

static int registered;
static int refused;

int
dbtree_class_register(unsigned int tree_class, uint64_t tree_feats, btr_ops_t *ops)
{
	assert_in_range(registered, 0, CLASSES - 1);
	assert_int_equal(tree_class, expected[registered].number);
	assert_int_equal(tree_feats, expected[registered].features);
	assert_ptr_equal(ops, expected[registered].ops);
	if (registered == refused)
		return -DER_EXIST;
	registered++;
	return 0;
}

static void
all_classes_are_registered(void **state)
{
	registered = 0;
	refused = -1;
	assert_int_equal(dss_register_dbtree_classes(), 0);
	assert_int_equal(registered, CLASSES);
}

static void
the_first_that_is_refused_ends_it(void **state)
{
	for (refused = 0; refused < CLASSES; refused++) {
		registered = 0;
		assert_int_equal(dss_register_dbtree_classes(), -DER_EXIST);
		assert_int_equal(registered, refused);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_classes_are_registered),
		cmocka_unit_test(the_first_that_is_refused_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
