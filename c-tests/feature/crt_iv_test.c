/* The feature crt-iv alone: incast variables over a network of nine ranks in one program, see
 * crt_iv_network.h. */
#include "crt_iv_ranks.h"

static void
arguments_are_checked(void **state)
{
	struct crt_iv_ops incomplete = ops;
	struct crt_iv_class bad = {.ivc_ops = &incomplete};
	int topo = crt_tree_topo(CRT_TREE_FLAT, 2);
	struct operation *op = operation(0, 1);
	crt_iv_key_t empty = {&op->key, 0, 0};
	crt_iv_namespace_t ivns, other = NULL;
	void *priv = NULL;
	uint32_t id = 0, children;

	(void)state;
	assert_int_equal(crt_iv_namespace_create(NULL, NULL, topo, classes, 1, 1, &ivns),
			 -DER_INVAL);
	assert_int_equal(crt_iv_namespace_create(&net.context[0], NULL, topo, classes, 1, 1, NULL),
			 -DER_INVAL);
	assert_int_equal(crt_iv_namespace_create(&net.context[0], NULL, 77, classes, 1, 1, &ivns),
			 -DER_INVAL);
	assert_int_equal(crt_iv_namespace_create(&net.context[0], NULL, topo, NULL, 1, 1, &ivns),
			 -DER_INVAL);
	incomplete.ivo_on_put = NULL;
	assert_int_equal(crt_iv_namespace_create(&net.context[0], NULL, topo, &bad, 1, 1, &ivns),
			 -DER_INVAL);
	bad.ivc_ops = NULL;
	assert_int_equal(crt_iv_namespace_create(&net.context[0], NULL, topo, &bad, 1, 1, &ivns),
			 -DER_INVAL);
	assert_int_equal(crt_iv_namespace_create(&net.context[0], &net.group[3], topo, classes, 1,
						 NUMBER + 3, &ivns),
			 -DER_EXIST);

	/* The same number in another group. */
	assert_int_equal(crt_iv_namespace_create_priv(&net.context[0], NULL, topo, NULL, 0,
						      NUMBER + 3, &id, &other),
			 0);
	assert_int_equal(crt_iv_namespace_id_get((void *)other, &id), 0);
	assert_int_equal(id, NUMBER + 3);
	assert_int_equal(crt_iv_namespace_priv_get((void *)other, &priv), 0);
	assert_ptr_equal(priv, &id);
	assert_int_equal(crt_iv_namespace_priv_set((void *)other, &op), 0);
	assert_int_equal(crt_iv_namespace_priv_get((void *)other, &priv), 0);
	assert_ptr_equal(priv, &op);
	assert_int_equal(crt_iv_namespace_id_get((void *)other, NULL), -DER_INVAL);
	assert_int_equal(crt_iv_namespace_priv_get((void *)other, NULL), -DER_INVAL);
	assert_int_equal(crt_iv_fetch(other, 0, &op->vector, NULL, 0, done, op), -DER_INVAL);
	assert_int_equal(crt_iv_namespace_destroy(other, NULL, NULL), 0);
	assert_int_equal(crt_iv_namespace_id_get((void *)other, &id), -DER_INVAL);
	assert_int_equal(crt_iv_namespace_priv_set((void *)other, NULL), -DER_INVAL);
	assert_int_equal(crt_iv_namespace_priv_get(NULL, &priv), -DER_INVAL);

	assert_int_equal(crt_iv_fetch(other, 0, &op->vector, NULL, 0, done, op), -DER_NONEXIST);
	assert_int_equal(crt_iv_fetch(ranks[0].ivns, 1, &op->vector, NULL, 0, done, op),
			 -DER_INVAL);
	assert_int_equal(crt_iv_fetch(ranks[0].ivns, 0, NULL, NULL, 0, done, op), -DER_INVAL);
	assert_int_equal(crt_iv_fetch(ranks[0].ivns, 0, &empty, NULL, 0, done, op), -DER_INVAL);
	assert_int_equal(crt_iv_fetch(ranks[0].ivns, 0, &op->vector, NULL, 2, done, op),
			 -DER_INVAL);
	assert_int_equal(crt_iv_fetch(ranks[0].ivns, 0, &op->vector, NULL, 0, NULL, op),
			 -DER_INVAL);
	assert_int_equal(crt_iv_invalidate(ranks[0].ivns, 0, &op->vector, NULL, 0,
					   (crt_iv_sync_t){1, 0, 0}, done, op),
			 -DER_INVAL);
	assert_int_equal(crt_iv_invalidate(ranks[0].ivns, 0, &op->vector, NULL, 0,
					   (crt_iv_sync_t){1, 1, 2}, done, op),
			 -DER_INVAL);
	assert_int_equal(crt_iv_invalidate(ranks[0].ivns, 0, &op->vector, NULL, 0,
					   (crt_iv_sync_t){9, 1, 0}, done, op),
			 -DER_INVAL);
	assert_int_equal(op->called, 0);
	/* Of a missing value the callback is told as well. */
	assert_int_equal(
		crt_iv_update(ranks[0].ivns, 0, &op->vector, NULL, NULL, 0, eager, done, op),
		-DER_INVAL);
	expect(op, -DER_INVAL, 0);

	op = operation(0, 1);
	assert_int_equal(crt_iv_get_nchildren(ranks[0].ivns, 0, &op->vector, &children), 0);
	assert_int_equal(children, 4);
	assert_int_equal(crt_iv_get_nchildren(ranks[4].ivns, 0, &op->vector, &children), 0);
	assert_int_equal(children, 2);
	assert_int_equal(crt_iv_get_nchildren(ranks[4].ivns, 1, &op->vector, &children),
			 -DER_INVAL);
	assert_int_equal(crt_iv_get_nchildren(ranks[4].ivns, 0, &op->vector, NULL), -DER_INVAL);
	op->key.root = RANKS;
	assert_int_equal(crt_iv_get_nchildren(ranks[4].ivns, 0, &op->vector, &children),
			 -DER_NOTLEADER);
	free(op);
}

static void
a_fetch_climbs_the_tree(void **state)
{
	(void)state;
	expect(fetch(7, 0, CRT_IV_SHORTCUT_NONE), -DER_NONEXIST, 0);
	/* 7, 6, 4, 0 in a k-nomial tree: all on the way have heard of the failure. */
	assert_int_equal(ranks[7].failed + ranks[6].failed + ranks[4].failed, 3);
	assert_int_equal(net.requests_made, 3);
	set_value(0, 'a');
	expect(fetch(7, 0, CRT_IV_SHORTCUT_NONE), 0, 'a');
	assert_int_equal(valid_ranks(), 4);
	assert_int_equal(net.requests_made, 6);
	expect(fetch(7, 0, CRT_IV_SHORTCUT_NONE), 0, 'a');
	expect(fetch(5, 0, CRT_IV_SHORTCUT_NONE), 0, 'a');
	assert_int_equal(net.requests_made, 7);
	expect(fetch(3, 0, CRT_IV_SHORTCUT_TO_ROOT), 0, 'a');
	assert_int_equal(net.requests_made, 8);
	assert_false(ranks[2].valid);
	assert_int_equal(net.transfers, 0);
	/* Without a root nobody can be asked. */
	expect(fetch(3, RANKS, CRT_IV_SHORTCUT_NONE), -DER_NOTLEADER, 0);
	/* The root asks nobody. */
	ranks[0].fetch_rc = -DER_IVCB_FORWARD;
	expect(fetch(8, 0, CRT_IV_SHORTCUT_NONE), -DER_INVAL, 0);
}

static void
large_values_go_in_bulk(void **state)
{
	(void)state;
	size = LARGE;
	set_value(0, 'b');
	expect(fetch(7, 0, CRT_IV_SHORTCUT_NONE), 0, 'b');
	assert_int_equal(net.transfers, 3);
	assert_int_equal(ranks[7].value[LARGE - 1], 'b');
	expect(update(7, 0, 'c', eager), 0, 'c');
	assert_int_equal(net.transfers, 6);
	assert_int_equal(valid_ranks(), RANKS);
	for (int i = 0; i < RANKS; i++)
		assert_int_equal(ranks[i].value[LARGE - 1], 'c');
	expect(update(7, 0, 'd', lazy), 0, 'd');
	for (int i = 0; i < RANKS; i++)
		assert_int_equal(ranks[i].value[LARGE - 1], 'd');
	expect(update(7, 0, 'e', both_ways), 0, '*');
	assert_int_equal(ranks[6].value[0], '*');
	assert_int_equal(ranks[6].value[1], 'e');
	/* From which size on is a matter of the options. */
	crt_iv_init(&(crt_init_options_t){.cio_max_expected_size = LARGE + 1024,
					  .cio_max_unexpected_size = 0});
	net.transfers = 0;
	expect(update(7, 0, 'f', none), 0, 'f');
	assert_int_equal(net.transfers, 0);
	crt_iv_init(&(crt_init_options_t){.cio_max_expected_size = LARGE + 1024,
					  .cio_max_unexpected_size = LARGE + 1023});
	expect(update(7, 0, 'g', none), 0, 'g');
	assert_int_equal(net.transfers, 3);
}

static void
fetches_of_a_key_merge(void **state)
{
	struct operation *ops_of[4];

	(void)state;
	for (int round = 0; round < 2; round++) {
		size = round == 0 ? SMALL : LARGE;
		forget_but(RANKS);
		net.requests_made = 0;
		set_value(0, 'm');
		for (int i = 0; i < 4; i++)
			ops_of[i] = fetch(4 + i, 0, CRT_IV_SHORTCUT_NONE);
		for (int i = 0; i < 4; i++)
			expect(ops_of[i], 0, 'm');
		/* 4 asks the root once; 5 and 6 ask 4, 7 asks 6. */
		assert_int_equal(net.requests_made, 4);
	}
	assert_true(ranks[4].merged >= 2);
	/* Who waits is told of a failure as well. */
	forget_but(RANKS);
	for (int i = 0; i < 4; i++)
		ops_of[i] = fetch(4 + i, 0, CRT_IV_SHORTCUT_NONE);
	for (int i = 0; i < 4; i++)
		expect(ops_of[i], -DER_NONEXIST, 0);
}

static void
keys_are_compared_by_their_users(void **state)
{
	struct operation *one, *other = operation(0, 1);

	(void)state;
	ops.ivo_keys_match = same_id;
	net.requests_made = 0;
	set_value(0, 'k');
	set_value(8, 'k');
	one = fetch(1, 0, CRT_IV_SHORTCUT_NONE);
	other->key.root = 8;
	other->returned = crt_iv_fetch(ranks[1].ivns, 0, &other->vector, NULL, 0, done, other);
	expect(one, 0, 'k');
	expect(other, 0, 'k');
	assert_int_equal(net.requests_made, 1);
}

static void
an_update_spreads_as_it_is_told(void **state)
{
	struct operation *op;

	(void)state;
	expect(update(7, 0, 'a', none), 0, 'a');
	assert_int_equal(valid_ranks(), 1);
	assert_int_equal(net.spreads, 0);
	assert_int_equal(net.inline_pieces, 1);

	expect(update(7, 0, 'b', eager), 0, 'b');
	assert_int_equal(valid_ranks(), RANKS);
	assert_int_equal(net.spreads, 1);
	assert_memory_equal(&net.sync, &eager, sizeof(eager));

	/* A lazy one ends before the others hear of it, and leaves nothing that they would need. */
	op = update(0, 0, 'c', lazy);
	assert_int_equal(op->called, 1);
	assert_int_equal(ranks[8].value[0], 'b');
	expect(op, 0, '*');
	for (int i = 0; i < RANKS; i++)
		assert_int_equal(ranks[i].value[1], 'c');
	assert_int_equal(ranks[0].at_root, 1);

	expect(update(3, 0, 'd', notify), 0, 'd');
	for (int i = 0; i < RANKS; i++)
		assert_int_equal(ranks[i].notified, 1);
	assert_int_equal(ranks[8].value[1], 'c');

	expect(invalidate(3, 0, eager), 0, 0);
	assert_int_equal(valid_ranks(), 0);
	assert_int_equal(net.inline_pieces, 0);
	for (int i = 0; i < RANKS; i++)
		assert_true(ranks[i].invalidated > 0);
	expect(invalidate(3, 0, none), 0, 0);
	expect(invalidate(3, 0, lazy), 0, 0);
}

static void
a_bidirectional_update_comes_back(void **state)
{
	(void)state;
	expect(update(7, 0, 'a', both_ways), 0, '*');
	assert_memory_equal(&net.sync, &both_ways, sizeof(both_ways));
	/* To those on the way only. */
	assert_int_equal(ranks[6].refreshes + ranks[4].refreshes + ranks[7].refreshes, 3);
	assert_int_equal(valid_ranks(), 4);
	assert_int_equal(net.spreads, 0);
	ranks[0].update_rc = -DER_NOTLEADER;
	expect(update(7, 0, 'b', both_ways), -DER_NOTLEADER, 0);
	expect(update(0, 0, 'b', both_ways), -DER_NOTLEADER, 0);
	ranks[0].update_rc = 0;
	expect(update(0, 0, 'b', both_ways), 0, '*');
}

static void
a_refused_update_does_not_spread(void **state)
{
	(void)state;
	ranks[0].update_rc = -DER_NOTLEADER;
	expect(update(7, 0, 'a', eager), -DER_NOTLEADER, 0);
	expect(update(0, 0, 'a', eager), -DER_NOTLEADER, 0);
	assert_int_equal(net.spreads, 0);
	assert_int_equal(valid_ranks(), 0);
	ranks[0].update_rc = 0;
	ranks[0].refresh_rc = -DER_BUSY;
	expect(invalidate(7, 0, eager), -DER_BUSY, 0);
	assert_int_equal(net.spreads, 0);
}

static void
errors_of_a_spread_are_told(void **state)
{
	(void)state;
	ops.ivo_pre_sync = pre_sync;
	ranks[5].refresh_rc = -DER_BUSY;
	expect(update(7, 0, 'a', eager), -DER_BUSY, 0);
	ranks[5].refresh_rc = 0;
	ranks[6].pre_sync_rc = -DER_STALE;
	expect(update(7, 0, 'b', eager), -DER_STALE, 0);
	for (int i = 0; i < RANKS; i++)
		assert_int_equal(ranks[i].before_spread, i == 7 ? 0 : 2);
	ranks[6].pre_sync_rc = 0;
	ranks[3].get_rc = -DER_NOMEM;
	expect(update(7, 0, 'c', eager), -DER_NOMEM, 0);
	ranks[3].get_rc = 0;
	net.version[2] = 2;
	expect(update(7, 0, 'd', eager), -DER_GRPVER, 0);
	net.version[2] = 1;
	/* Those of a lazy one nobody hears of, but that it cannot be sent. */
	ranks[5].refresh_rc = -DER_BUSY;
	expect(update(7, 0, 'e', lazy), 0, 'e');
	net.fail_corpc = -DER_NOMEM;
	expect(update(7, 0, 'f', lazy), -DER_NOMEM, 0);
	/* There is nothing to look at before an invalidation. */
	for (int i = 0; i < RANKS; i++)
		ranks[i].before_spread = 0;
	ranks[5].refresh_rc = 0;
	expect(invalidate(7, 0, eager), 0, 0);
	assert_int_equal(ranks[1].before_spread, 0);
}

static void
ranks_work_together_at_one_version(void **state)
{
	struct operation *op;

	(void)state;
	set_value(0, 'v');
	net.version[0] = 2;
	expect(fetch(4, 0, CRT_IV_SHORTCUT_NONE), -DER_GRPVER, 0);
	expect(update(4, 0, 'w', none), -DER_GRPVER, 0);
	expect(invalidate(4, 0, none), -DER_GRPVER, 0);
	net.version[0] = 1;
	/* It changes on the way: what was asked for at the old one is not sent on. */
	op = fetch(7, 0, CRT_IV_SHORTCUT_NONE);
	net.version[6] = 2;
	expect(op, -DER_GRPVER, 0);
	net.version[6] = 1;
	/* While the request waits for its turn. */
	ops.ivo_pre_fetch = handle;
	ranks[0].puts_off = true;
	op = fetch(8, 0, CRT_IV_SHORTCUT_NONE);
	net_run();
	net.version[0] = 2;
	run_put_off(0);
	expect(op, -DER_GRPVER, 0);
	ranks[0].puts_off = false;
	net.version[0] = 1;
	expect(fetch(8, 0, CRT_IV_SHORTCUT_NONE), 0, 'v');
	/* A group that is gone has no ranks. */
	net.group_gone[3] = true;
	expect(fetch(3, 0, CRT_IV_SHORTCUT_NONE), -DER_OOG, 0);
	expect(update(3, 0, 'x', eager), -DER_GRPVER, 0);
}

static void
requests_are_handled_when_their_user_wants(void **state)
{
	struct operation *op;

	(void)state;
	ops.ivo_pre_fetch = ops.ivo_pre_update = ops.ivo_pre_refresh = handle;
	size = LARGE;
	set_value(0, 'p');
	ranks[0].puts_off = true;
	op = fetch(1, 0, CRT_IV_SHORTCUT_NONE);
	net_run();
	assert_int_equal(op->called, 0);
	run_put_off(0);
	expect(op, 0, 'p');
	op = update(1, 0, 'q', none);
	net_run();
	assert_int_equal(op->called, 0);
	run_put_off(0);
	expect(op, 0, 'q');
	/* Updates whose value comes along are handled at once. */
	size = SMALL;
	expect(update(1, 0, 'r', none), 0, 'r');
	assert_int_equal(ranks[0].handled, 2);
	ranks[0].puts_off = false;
	expect(update(1, 0, 's', eager), 0, 's');
	assert_int_equal(ranks[0].handled, 3);
	ranks[0].puts_off = true;
	op = update(1, 0, 't', eager);
	net_run();
	assert_int_equal(op->called, 0);
	assert_int_equal(ranks[0].value[1], 't');
	run_put_off(0);
	expect(op, 0, 't');
}

/* ---- replies in ULTs of their own ---- */

static int task_rc, tasks;

static void
run_task(void *arg)
{
	struct event *event = arg;

	event->ne_run(event->ne_arg);
	free(event);
}

static int
task(crt_context_t *ctx, void *hdlr_arg, void (*hdlr)(void *arg), void *arg)
{
	struct event *event;

	CHECK(arg == &tasks && rank_of_context((crt_context_t)ctx) == 4);
	tasks++;
	if (task_rc != 0)
		return task_rc;
	event = calloc(1, sizeof(*event));
	*event = (struct event){.ne_run = hdlr, .ne_arg = hdlr_arg};
	net_later(run_task, event);
	return 0;
}

static void
replies_are_handled_where_the_context_wants(void **state)
{
	(void)state;
	net.context[4].nc_rpc_cb_arg = &tasks;
	net.context[4].nc_iv_resp_cb = task;
	tasks = task_rc = 0;
	set_value(0, 'r');
	expect(fetch(4, 0, CRT_IV_SHORTCUT_NONE), 0, 'r');
	assert_int_equal(tasks, 1);
	expect(update(4, 0, 's', eager), 0, 's');
	assert_int_equal(tasks, 3);
	task_rc = -DER_SHUTDOWN;
	expect(update(4, 0, 't', eager), 0, 't');
	assert_int_equal(tasks, 5);
	/* Memory is taken back at once when nobody has answered. */
	net.lost_to = 0;
	expect(update(4, 0, 'u', none), -DER_TIMEDOUT, 0);
	net.answer_with = -DER_CANCELED;
	expect(update(4, 0, 'u', none), -DER_CANCELED, 0);
	net.answer_with = -DER_EXCLUDED;
	expect(update(4, 0, 'u', none), -DER_EXCLUDED, 0);
	assert_int_equal(tasks, 5);
	net.answer_with = -DER_UNREACH;
	expect(update(4, 0, 'u', none), -DER_UNREACH, 0);
	assert_int_equal(tasks, 6);
}

static void
whatever_fails_is_told_once(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		size = round == 0 ? SMALL : LARGE;
		set_value(0, 'f');
		net.fail_create = -DER_NOMEM;
		forget_but(0);
		expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_NOMEM, 0);
		net.fail_send = -DER_UNREACH;
		forget_but(0);
		expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_UNREACH, 0);
		net.fail_create = -DER_NOMEM;
		expect(update(6, 0, 'g', eager), -DER_NOMEM, 0);
		net.fail_send = -DER_UNREACH;
		expect(update(6, 0, 'g', eager), -DER_UNREACH, 0);
		net.fail_corpc = -DER_NOMEM;
		expect(update(6, 0, 'g', eager), -DER_NOMEM, 0);
		net.lost_to = 4;
		forget_but(0);
		expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_TIMEDOUT, 0);
		expect(update(6, 0, 'g', none), -DER_TIMEDOUT, 0);
		net.lost_to = 0;
		forget_but(0);
		expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_TIMEDOUT, 0);
		expect(update(6, 0, 'g', both_ways), -DER_TIMEDOUT, 0);
		net.lost_to = -1;
		ranks[6].get_rc = -DER_NOMEM;
		forget_but(0);
		expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_NOMEM, 0);
		expect(update(6, 0, 'g', none), -DER_NOMEM, 0);
		ranks[6].get_rc = 0;
		ranks[4].get_rc = -DER_NOMEM;
		forget_but(0);
		expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_NOMEM, 0);
		expect(update(6, 0, 'g', none), -DER_NOMEM, 0);
		ranks[4].get_rc = 0;
	}
	/* Of what only large values need. */
	net.fail_bulk = -DER_NOMEM;
	forget_but(0);
	expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_NOMEM, 0);
	net.fail_bulk = -DER_NOMEM;
	expect(update(6, 0, 'h', eager), -DER_NOMEM, 0);
	net.fail_transfer = -DER_HG;
	forget_but(0);
	expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), -DER_HG, 0);
	net.fail_transfer = -DER_HG;
	expect(update(6, 0, 'h', eager), -DER_HG, 0);
	forget_but(0);
	expect(fetch(6, 0, CRT_IV_SHORTCUT_NONE), 0, 'g');
}

static void
peers_may_send_anything(void **state)
{
	struct operation *op;

	(void)state;
	net.number_on_wire = 4711;
	expect(fetch(4, 0, CRT_IV_SHORTCUT_NONE), -DER_NONEXIST, 0);
	expect(update(4, 0, 'a', none), -DER_NONEXIST, 0);
	expect(update(0, 0, 'a', eager), -DER_NONEXIST, 0);
	/* As every rank is expected to have it, by the origin's flag; nobody aborts. */
	expect(update(0, 0, 'a', (crt_iv_sync_t){1, 1, CRT_IV_SYNC_FLAG_NS_ERRORS_FATAL}),
	       -DER_NONEXIST, 0);
	assert_int_equal(net.sync.ivs_flags, CRT_IV_SYNC_FLAG_NS_ERRORS_FATAL);
	net.number_on_wire = 0;
	/* A value that does not fit here. */
	size = 2 * SMALL;
	op = update(4, 0, 'b', none);
	size = SMALL;
	net_run();
	assert_int_equal(op->rc, -DER_OVERFLOW);
	free(op);
}

static void
a_namespace_ends_with_its_last_request(void **state)
{
	struct operation *op;
	int gone = 0;

	(void)state;
	set_value(0, 'z');
	op = fetch(4, 0, CRT_IV_SHORTCUT_NONE);
	assert_int_equal(crt_iv_namespace_destroy(ranks[4].ivns, destroyed, &gone), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(crt_iv_fetch(ranks[4].ivns, 0, &op->vector, NULL, 0, done, op),
			 -DER_NONEXIST);
	expect(op, 0, 'z');
	assert_int_equal(gone, 1);
	/* Who asks it now is told, and it may be made anew. */
	expect(fetch(5, 0, CRT_IV_SHORTCUT_NONE), -DER_NONEXIST, 0);
	assert_int_equal(crt_iv_namespace_create(&net.context[4], &net.group[4],
						 crt_tree_topo(CRT_TREE_KNOMIAL, 2), classes, 1,
						 NUMBER + 4, &ranks[4].ivns),
			 0);
	expect(fetch(5, 0, CRT_IV_SHORTCUT_NONE), 0, 'z');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arguments_are_checked),
		TEST(a_fetch_climbs_the_tree),
		TEST(large_values_go_in_bulk),
		TEST(fetches_of_a_key_merge),
		TEST(keys_are_compared_by_their_users),
		TEST(an_update_spreads_as_it_is_told),
		TEST(a_bidirectional_update_comes_back),
		TEST(a_refused_update_does_not_spread),
		TEST(errors_of_a_spread_are_told),
		TEST(ranks_work_together_at_one_version),
		TEST(requests_are_handled_when_their_user_wants),
		TEST(replies_are_handled_where_the_context_wants),
		TEST(whatever_fails_is_told_once),
		TEST(peers_may_send_anything),
		TEST(a_namespace_ends_with_its_last_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
