/* cart/iv.h between processes: fetches, updates, invalidations and their spread over a tree of 2,
 * 3, 5 and 9 ranks. */
#include "cart_iv_processes.h"

#include <setjmp.h>
#include <cmocka.h>

static const crt_iv_sync_t none = {CRT_IV_SYNC_NONE, CRT_IV_SYNC_EVENT_UPDATE, 0};
static const crt_iv_sync_t eager = {CRT_IV_SYNC_EAGER, CRT_IV_SYNC_EVENT_UPDATE, 0};
static const crt_iv_sync_t lazy = {CRT_IV_SYNC_LAZY, CRT_IV_SYNC_EVENT_UPDATE, 0};
static const crt_iv_sync_t notify = {CRT_IV_SYNC_EAGER, CRT_IV_SYNC_EVENT_NOTIFY, 0};
static const crt_iv_sync_t both_ways = {CRT_IV_SYNC_NONE, CRT_IV_SYNC_EVENT_UPDATE,
					CRT_IV_SYNC_BIDIRECTIONAL};

/** The class of the values of a test. */
static uint32_t class_id;

static struct answer
fetch(d_rank_t rank, d_rank_t root, crt_iv_shortcut_t shortcut)
{
	return ask(rank, (struct command){.what = FETCH,
					  .class_id = class_id,
					  .key = {root, 1},
					  .shortcut = shortcut});
}

static struct answer
update(d_rank_t rank, d_rank_t root, char fill, crt_iv_sync_t sync)
{
	return ask(rank, (struct command){.what = UPDATE,
					  .class_id = class_id,
					  .key = {root, 1},
					  .fill = fill,
					  .sync = sync});
}

static int
invalidate(d_rank_t rank, d_rank_t root, crt_iv_sync_t sync)
{
	return ask(rank, (struct command){.what = INVALIDATE,
					  .class_id = class_id,
					  .key = {root, 1},
					  .sync = sync})
		.rc;
}

static struct answer
look(d_rank_t rank)
{
	return ask(rank, (struct command){.what = LOOK, .class_id = class_id, .key = {0, 1}});
}

static void
forget(void)
{
	for (int rank = 0; rank < ranks.count; rank++)
		ask(rank, (struct command){.what = FORGET});
}

/** How many ranks have the value that was filled so. */
static int
have(char fill)
{
	int count = 0;

	for (int rank = 0; rank < ranks.count; rank++) {
		struct answer seen = look(rank);

		count += seen.valid && seen.fill == fill;
	}
	return count;
}

/** Waits until all have it. */
static void
expect_all(char fill)
{
	time_t end = time(NULL) + SECONDS;

	while (have(fill) != ranks.count)
		assert_true(time(NULL) < end);
}

#define ROOT 0
#define LAST ((d_rank_t)(ranks.count - 1))

static void
values_are_fetched(void)
{
	struct answer got;

	forget();
	assert_int_equal(fetch(LAST, ROOT, CRT_IV_SHORTCUT_NONE).rc, -DER_NONEXIST);
	assert_int_equal(fetch(ROOT, ROOT, CRT_IV_SHORTCUT_NONE).rc, -DER_NONEXIST);
	assert_int_equal(update(ROOT, ROOT, 'a', none).rc, 0);
	got = fetch(LAST, ROOT, CRT_IV_SHORTCUT_NONE);
	assert_int_equal(got.rc, 0);
	assert_int_equal(got.fill, '*');
	assert_true(look(LAST).valid);
	/* From here, not from there. */
	assert_int_equal(look(ROOT).fetches,
			 fetch(LAST, ROOT, CRT_IV_SHORTCUT_NONE).rc + look(ROOT).fetches);
	forget();
	assert_int_equal(update(ROOT, ROOT, 'b', none).rc, 0);
	assert_int_equal(fetch(LAST, ROOT, CRT_IV_SHORTCUT_TO_ROOT).rc, 0);
	assert_int_equal(have('b'), 2);
}

static void
updates_spread(void)
{
	forget();
	assert_int_equal(update(LAST, ROOT, 'c', none).rc, 0);
	assert_int_equal(have('c'), 1);
	assert_int_equal(update(LAST, ROOT, 'd', eager).rc, 0);
	assert_int_equal(have('d'), ranks.count);
	assert_int_equal(update(LAST, ROOT, 'e', lazy).rc, 0);
	expect_all('e');
	assert_int_equal(update(ROOT, ROOT, 'f', lazy).rc, 0);
	expect_all('f');
	assert_int_equal(update(LAST, ROOT, 'g', notify).rc, 0);
	for (int rank = 0; rank < ranks.count; rank++)
		assert_int_equal(look(rank).notified, 1);
	assert_int_equal(have('f'), ranks.count - 1);
	assert_int_equal(invalidate(LAST, ROOT, eager), 0);
	for (int rank = 0; rank < ranks.count; rank++)
		assert_false(look(rank).valid);
	assert_int_equal(invalidate(ROOT, ROOT, none), 0);
}

static void
bidirectional_updates_come_back(void)
{
	struct answer got;

	forget();
	got = update(LAST, ROOT, 'h', both_ways);
	assert_int_equal(got.rc, 0);
	assert_int_equal(got.fill, '*');
	assert_int_equal(look(LAST).refreshes, 1);
}

static void
all_at_once(void)
{
	struct command many = {.what = FETCH,
			       .class_id = class_id,
			       .key = {ROOT, 1},
			       .shortcut = CRT_IV_SHORTCUT_NONE,
			       .times = 20};

	forget();
	assert_int_equal(update(ROOT, ROOT, 'i', none).rc, 0);
	for (int rank = 0; rank < ranks.count; rank++)
		tell(rank, many);
	for (int rank = 0; rank < ranks.count; rank++) {
		struct answer got = answer_of(rank);

		assert_int_equal(got.rc, 0);
		assert_int_equal(got.fill, '*');
	}
	assert_int_equal(have('i'), ranks.count);
	/* Every rank has asked at most once for each of those that it answers. */
	assert_true(look(LAST).merged > 0);
	many.what = UPDATE;
	many.fill = 'j';
	many.sync = eager;
	for (int rank = 0; rank < ranks.count; rank++)
		tell(rank, many);
	for (int rank = 0; rank < ranks.count; rank++)
		assert_int_equal(answer_of(rank).rc, 0);
	assert_int_equal(have('j'), ranks.count);
}

static void
with_ranks(int count)
{
	assert_true(ranks_start(count));
	for (class_id = SMALL; class_id <= LARGE; class_id++) {
		values_are_fetched();
		updates_spread();
		bidirectional_updates_come_back();
		all_at_once();
	}
	assert_true(ranks_stop());
}

static void
two_ranks(void **state)
{
	(void)state;
	with_ranks(2);
}

static void
three_ranks(void **state)
{
	(void)state;
	with_ranks(3);
}

static void
five_ranks(void **state)
{
	(void)state;
	with_ranks(5);
}

static void
nine_ranks(void **state)
{
	(void)state;
	with_ranks(9);
}

static void
a_rank_is_killed(void **state)
{
	(void)state;
	assert_true(ranks_start(3));
	class_id = LARGE;
	assert_int_equal(update(2, ROOT, 'a', eager).rc, 0);
	rank_kill(1);
	/* The others go on; what needs all fails. */
	assert_int_equal(fetch(2, ROOT, CRT_IV_SHORTCUT_NONE).rc, 0);
	assert_int_equal(update(2, ROOT, 'b', none).rc, 0);
	assert_int_not_equal(update(2, ROOT, 'c', eager).rc, 0);
	ask(2, (struct command){.what = FORGET});
	assert_int_not_equal(fetch(2, 1, CRT_IV_SHORTCUT_NONE).rc, 0);
	/* Until they know who is left, and all of them do. */
	assert_int_equal(ask(2, (struct command){.what = CHANGE, .rank = 1, .version = 2}).rc, 0);
	assert_int_equal(update(2, ROOT, 'd', eager).rc, -DER_GRPVER);
	assert_int_equal(ask(0, (struct command){.what = CHANGE, .rank = 1, .version = 2}).rc, 0);
	assert_int_equal(update(2, ROOT, 'e', eager).rc, 0);
	assert_int_equal(look(0).fill, 'e');
	assert_true(ranks_stop());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_ranks),        cmocka_unit_test(three_ranks),
		cmocka_unit_test(a_rank_is_killed), cmocka_unit_test(five_ranks),
		cmocka_unit_test(nine_ranks),
	};
	const struct CMUnitTest few[] = {
		cmocka_unit_test(three_ranks),
		cmocka_unit_test(a_rank_is_killed),
	};
	const char *preloaded = getenv("LD_PRELOAD");

	setenv("D_PROVIDER", "tcp", 0);
	setenv("D_INTERFACE", "lo", 0);
	/* Valgrind runs one process as slowly as ten. */
	if (preloaded != NULL && strstr(preloaded, "vgpreload") != NULL)
		return cmocka_run_group_tests(few, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
