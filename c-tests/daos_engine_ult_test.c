/* ULTs, collectives and chores: what daos_srv/daos_engine.h offers of ult.c, on every configuration
 * of xstreams. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daos/debug.h>
#include <daos_srv/daos_engine.h>
#include <engine/drpc_internal.h>
#include <engine/srv_internal.h>

enum { TARGETS_MAX = 4, SYSTEM_XS = 3, ROUNDS = 6 };

/* The configuration under test. */
struct config {
	unsigned int targets;
	unsigned int offload;
};

static struct config config;

static bool
with_pool(void)
{
	return config.offload % config.targets != 0;
}

static int
xstreams(void)
{
	return SYSTEM_XS + config.targets + config.offload;
}

/*
 * Most checks run in ULTs of other threads, where cmocka's assertions cannot be used: such a
 * function returns the line of the check that does not hold, or 0.
 */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

/* Runs a function with checks on the main xstream of a target. */
static int
on_target(int target, int (*func)(void *), void *arg)
{
	return dss_ult_execute(func, arg, NULL, NULL, DSS_XS_VOS, target, 0);
}

static struct dss_xstream *
main_xs(int target)
{
	int i;

	for (i = 0; i < xstreams(); i++) {
		struct dss_xstream *dx = dss_get_xstream(i);

		if (dx->dx_main_xs && dx->dx_tgt_id == target)
			return dx;
	}
	return NULL;
}

static int
start_xstreams(void **state)
{
	if (ds_tls_key_create() != 0)
		return -1;
	dss_register_key(&daos_srv_modkey);
	if (drpc_init() != 0 || ABT_init(0, NULL) != ABT_SUCCESS)
		return -1;
	if (crt_init_opt("test", CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE, NULL) != 0)
		return -1;
	dss_tgt_nr = config.targets;
	dss_tgt_offload_xs_nr = config.offload;
	dss_helper_pool = with_pool();
	if (dss_srv_init() != 0)
		return -1;
	dss_xstreams_open_barrier(false);
	return 0;
}

static int
end_runtime(void)
{
	int rc = crt_finalize();

	rc |= ABT_finalize();
	drpc_fini();
	dss_unregister_key(&daos_srv_modkey);
	ds_tls_key_delete();
	return rc;
}

static int
stop_xstreams(void **state)
{
	int rc = dss_srv_fini(true);

	return rc != 0 ? rc : end_runtime();
}

/* ---- where ULTs run ---- */

static int
note_xs(void *xs_id)
{
	*(int *)xs_id = dss_get_module_info()->dmi_xs_id;
	return 0;
}

static struct dss_xstream *
place(int xs_type, int target)
{
	int xs_id = -1;

	assert_int_equal(dss_ult_execute(note_xs, &xs_id, NULL, NULL, xs_type, target, 0), 0);
	return dss_get_xstream(xs_id);
}

static bool
is_helper(struct dss_xstream *dx)
{
	return strncmp(dx->dx_name, "daos_off_", 9) == 0;
}

static void
each_type_has_its_xstream(void **state)
{
	unsigned int t;

	assert_int_equal(place(DSS_XS_SYS, -1)->dx_xs_id, 0);
	assert_int_equal(place(DSS_XS_SWIM, 100)->dx_xs_id, 1);
	assert_int_equal(place(DSS_XS_DRPC, 0)->dx_xs_id, 2);
	for (t = 0; t < config.targets; t++)
		assert_ptr_equal(place(DSS_XS_VOS, t), main_xs(t));
}

static void
helpers_forward_and_compute(void **state)
{
	unsigned int t, round;

	for (t = 0; t < config.targets; t++) {
		for (round = 0; round < ROUNDS; round++) {
			struct dss_xstream *forward = place(DSS_XS_IOFW, t);
			struct dss_xstream *offload = place(DSS_XS_OFFLOAD, t);

			if (config.offload == 0) {
				assert_ptr_equal(forward, main_xs((t + 1) % config.targets));
				assert_ptr_equal(offload, forward);
				continue;
			}
			assert_true(is_helper(forward) && is_helper(offload));
			assert_true(forward->dx_comm);
			if (with_pool()) {
				assert_int_equal(offload->dx_comm,
						 config.offload <= config.targets);
				continue;
			}
			assert_int_equal(forward->dx_tgt_id, t);
			assert_int_equal(offload->dx_tgt_id, t);
			assert_int_equal(offload == forward, config.offload == config.targets);
		}
	}
}

/* With a pool, all helpers that can forward do. */
static void
a_pool_shares_the_forwarding(void **state)
{
	bool used[32] = {false};
	unsigned int able, seen = 0;
	int i;

	if (!with_pool())
		return;
	able = config.offload < config.targets ? config.offload : config.targets;
	for (i = 0; i < 100; i++) {
		int xs_id = place(DSS_XS_IOFW, 0)->dx_xs_id;

		seen += !used[xs_id];
		used[xs_id] = true;
	}
	assert_int_equal(seen, able);
}

static int
check_self(void *arg)
{
	int xs_id = -1;

	CHECK(dss_ult_execute(note_xs, &xs_id, NULL, NULL, DSS_XS_SELF, -1, 0) == 0);
	CHECK(xs_id == dss_get_module_info()->dmi_xs_id);
	return 0;
}

static void
self_is_the_xstream_of_the_caller(void **state)
{
	unsigned int t;

	for (t = 0; t < config.targets; t++)
		assert_int_equal(on_target(t, check_self, NULL), 0);
	assert_int_equal(dss_ult_execute(check_self, NULL, NULL, NULL, DSS_XS_SYS, 0, 0), 0);
}

/* ---- creating and executing ---- */

static void
count_ult(void *counter)
{
	atomic_fetch_add((atomic_int *)counter, 1);
}

static int
return_it(void *value)
{
	return *(int *)value;
}

static void
misuse_is_an_error(void **state)
{
	atomic_int counter = 0;
	int targets = config.targets;
	int types[] = {DSS_XS_VOS, DSS_XS_IOFW, DSS_XS_OFFLOAD};
	int i, value = 0;

	for (i = 0; i < 3; i++) {
		assert_int_equal(dss_ult_create(count_ult, &counter, types[i], -1, 0, NULL),
				 -DER_INVAL);
		assert_int_equal(dss_ult_create(count_ult, &counter, types[i], targets, 0, NULL),
				 -DER_INVAL);
		assert_int_equal(dss_ult_periodic(count_ult, &counter, types[i], targets, 0, NULL),
				 -DER_INVAL);
		assert_int_equal(
			dss_ult_execute(return_it, &value, NULL, NULL, types[i], targets, 0),
			-DER_INVAL);
		assert_int_equal(dss_ult_execute(return_it, &value, count_ult, &counter, types[i],
						 targets, 0),
				 -DER_INVAL);
	}
	assert_int_equal(dss_ult_create(count_ult, &counter, 6, 0, 0, NULL), -DER_INVAL);
	assert_int_equal(dss_ult_create(count_ult, &counter, -2, 0, 0, NULL), -DER_INVAL);
	assert_int_equal(dss_ult_create(NULL, NULL, DSS_XS_SYS, 0, 0, NULL), -DER_INVAL);
	assert_int_equal(dss_ult_execute(NULL, NULL, NULL, NULL, DSS_XS_SYS, 0, 0), -DER_INVAL);
	assert_int_equal(dss_ult_execute(NULL, NULL, count_ult, &counter, DSS_XS_SYS, 0, 0),
			 -DER_INVAL);
	assert_int_equal(dss_ult_create_all(NULL, NULL, true), -DER_INVAL);

	/* This thread is no xstream of the engine. */
	assert_int_equal(dss_ult_create(count_ult, &counter, DSS_XS_SELF, 0, 0, NULL),
			 -DER_NONEXIST);
	assert_int_equal(dss_offload_exec(return_it, &value), -DER_INVAL);
	assert_int_equal(dss_main_exec(count_ult, &counter), -DER_INVAL);
	assert_int_equal(atomic_load(&counter), 0);
}

static void
execute_returns_what_the_function_returns(void **state)
{
	int values[] = {0, 1, -1, -DER_NOSPACE, INT32_MIN, INT32_MAX};
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(
			dss_ult_execute(return_it, &values[i], NULL, NULL, DSS_XS_SYS, 0, 0),
			values[i]);
}

/* An asynchronous execution: what it does in which order, and who is told. */
struct errand {
	int xs_id;
	int done_on;
	bool ran;
	bool in_order;
	ABT_eventual done;
};

static int
run_errand(void *arg)
{
	struct errand *errand = arg;

	errand->xs_id = dss_get_module_info()->dmi_xs_id;
	ABT_thread_yield();
	errand->ran = true;
	return -DER_IO; /* which nobody gets */
}

static void
errand_done(void *arg)
{
	struct errand *errand = arg;

	errand->done_on = dss_get_module_info()->dmi_xs_id;
	errand->in_order = errand->ran;
	ABT_eventual_set(errand->done, NULL, 0);
}

static void
execute_with_a_callback_does_not_wait(void **state)
{
	unsigned int t;

	for (t = 0; t < config.targets; t++) {
		struct errand errand = {.xs_id = -1, .done_on = -1};

		ABT_eventual_create(0, &errand.done);
		assert_int_equal(dss_ult_execute(run_errand, &errand, errand_done, &errand,
						 DSS_XS_VOS, t, 0),
				 0);
		ABT_eventual_wait(errand.done, NULL);
		ABT_eventual_free(&errand.done);
		assert_int_equal(errand.xs_id, main_xs(t)->dx_xs_id);
		assert_int_equal(errand.done_on, errand.xs_id);
		assert_true(errand.in_order);
	}
}

static int
check_tasklet_cannot_wait(void *arg)
{
	int value = 0;

	CHECK(dss_ult_execute(return_it, &value, NULL, NULL, DSS_XS_SYS, 0, 0) == -DER_INVAL);
	CHECK(dss_task_collective(return_it, &value, 0) == -DER_INVAL);
	CHECK(dss_thread_collective(return_it, &value, 0) == -DER_INVAL);
	return 0;
}

static void
a_tasklet_cannot_wait(void **state)
{
	assert_int_equal(dss_task_collective(check_tasklet_cannot_wait, NULL, 0), 0);
}

/* Uses most of a stack of 512 KiB. */
static void
use_stack(void *counter)
{
	volatile char room[400 << 10];
	size_t i;

	for (i = 0; i < sizeof(room); i += 1024)
		room[i] = (char)i;
	if (room[1024] == (char)1024)
		count_ult(counter);
}

static void
a_named_ult_with_a_stack_of_its_own_is_joined(void **state)
{
	atomic_int counter = 0;
	ABT_thread ult = ABT_THREAD_NULL;

	assert_int_equal(dss_ult_create(use_stack, &counter, DSS_XS_VOS, 0, 512 << 10, &ult), 0);
	assert_int_equal(ABT_thread_free(&ult), ABT_SUCCESS);
	assert_int_equal(atomic_load(&counter), 1);

	assert_int_equal(dss_ult_periodic(use_stack, &counter, DSS_XS_SYS, 0, 512 << 10, &ult), 0);
	assert_int_equal(ABT_thread_free(&ult), ABT_SUCCESS);
	assert_int_equal(atomic_load(&counter), 2);
}

static void
a_periodic_ult_does_not_make_its_xstream_busy(void **state)
{
	atomic_int counter = 0;
	uint64_t *busy_since = &main_xs(0)->dx_sched_info.si_stats.ss_busy_ts;
	ABT_thread ult = ABT_THREAD_NULL;

	__atomic_store_n(busy_since, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(dss_ult_periodic(count_ult, &counter, DSS_XS_VOS, 0, 0, &ult), 0);
	ABT_thread_free(&ult);
	assert_int_equal(__atomic_load_n(busy_since, __ATOMIC_SEQ_CST), 1);
	assert_int_equal(dss_ult_create(count_ult, &counter, DSS_XS_VOS, 0, 0, &ult), 0);
	ABT_thread_free(&ult);
	assert_int_not_equal(__atomic_load_n(busy_since, __ATOMIC_SEQ_CST), 1);
}

/* Which xstreams a function ran on, and how often. */
static atomic_int visits[32];

static void
visit(void *arg)
{
	atomic_fetch_add(&visits[dss_get_module_info()->dmi_xs_id], 1);
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void
await(atomic_int *counter, int value)
{
	while (atomic_load(counter) < value)
		usleep(100);
}

static void
create_all_reaches_every_xstream_once(void **state)
{
	atomic_int counter = 0;
	int i;

	memset(visits, 0, sizeof(visits));
	assert_int_equal(dss_ult_create_all(visit, &counter, false), 0);
	await(&counter, xstreams());
	for (i = 0; i < xstreams(); i++)
		assert_int_equal(atomic_load(&visits[i]), 1);

	assert_int_equal(dss_ult_create_all(visit, &counter, true), 0);
	await(&counter, xstreams() + config.targets);
	for (i = 0; i < xstreams(); i++)
		assert_int_equal(atomic_load(&visits[i]), dss_get_xstream(i)->dx_main_xs ? 2 : 1);
}

static int
check_exec(void *arg)
{
	struct dss_module_info *info = dss_get_module_info();
	atomic_int counter = 0;
	int value = -DER_IO;
	int xs_id = -1;

	CHECK(dss_offload_exec(return_it, &value) == -DER_IO);
	CHECK(dss_offload_exec(note_xs, &xs_id) == 0);
	CHECK(config.offload == 0 ? dss_get_xstream(xs_id)->dx_main_xs
				  : is_helper(dss_get_xstream(xs_id)));
	CHECK(dss_main_exec(visit, &counter) == 0);
	while (atomic_load(&counter) == 0)
		ABT_thread_yield();
	CHECK(atomic_load(&visits[info->dmi_xs_id]) == 1);
	return 0;
}

static int
check_exec_on_system(void *arg)
{
	atomic_int counter = 0;
	int value = 0;

	CHECK(dss_offload_exec(return_it, &value) == -DER_INVAL);
	CHECK(dss_main_exec(count_ult, &counter) == 0);
	while (atomic_load(&counter) == 0)
		ABT_thread_yield();
	return 0;
}

static int
check_exec_elsewhere(void *arg)
{
	int value = 0;

	CHECK(dss_offload_exec(return_it, &value) == -DER_INVAL);
	CHECK(dss_main_exec(count_ult, NULL) == -DER_INVAL);
	return 0;
}

static void
offload_exec_and_main_exec_know_the_callers_target(void **state)
{
	unsigned int t;

	memset(visits, 0, sizeof(visits));
	for (t = 0; t < config.targets; t++)
		assert_int_equal(on_target(t, check_exec, NULL), 0);
	assert_int_equal(dss_ult_execute(check_exec_on_system, NULL, NULL, NULL, DSS_XS_SYS, 0, 0),
			 0);
	assert_int_equal(dss_ult_execute(check_exec_elsewhere, NULL, NULL, NULL, DSS_XS_DRPC, 0, 0),
			 0);
}

/* There is no storage here. */
static void
vos_pools_need_vos(void **state)
{
	unsigned char uuid[16] = {0};
	daos_handle_t pool;

	assert_int_equal(dss_vos_pool_create("/nowhere", uuid, 0, 0, 0, 0, 0, &pool), -DER_NOSYS);
	assert_int_equal(dss_vos_pool_open("/nowhere", uuid, 0, &pool), -DER_NOSYS);
}

/* ---- collectives ---- */

/* A collective call, as its function sees it. */
struct call {
	atomic_int visits[TARGETS_MAX];
	atomic_int elsewhere;
	int fail_from; /* targets from this one on fail with -1000 - target */
	bool yields;
};

static int
visit_target(void *arg)
{
	struct call *call = arg;
	struct dss_module_info *info = dss_get_module_info();
	int i;

	if (!info->dmi_xstream->dx_main_xs || info->dmi_tgt_id < 0) {
		atomic_fetch_add(&call->elsewhere, 1);
		return 0;
	}
	for (i = 0; call->yields && i < 2 * (TARGETS_MAX - info->dmi_tgt_id); i++)
		ABT_thread_yield();
	atomic_fetch_add(&call->visits[info->dmi_tgt_id], 1);
	return info->dmi_tgt_id >= call->fail_from ? -1000 - info->dmi_tgt_id : 0;
}

typedef int (*collective_fn)(int (*func)(void *), void *arg, unsigned int flags);
typedef int (*reduce_fn)(struct dss_coll_ops *ops, struct dss_coll_args *args, unsigned int flags);

static int
check_collective(collective_fn collective, bool yields, unsigned int flags)
{
	struct call call = {.fail_from = TARGETS_MAX, .yields = yields};
	unsigned int t;

	CHECK(collective(visit_target, &call, flags) == 0);
	CHECK(atomic_load(&call.elsewhere) == 0);
	for (t = 0; t < TARGETS_MAX; t++)
		CHECK(atomic_load(&call.visits[t]) == (t < config.targets));

	/* The first target that fails gives the code; the others run all the same. */
	call.fail_from = config.targets / 2;
	CHECK(collective(visit_target, &call, flags) == -1000 - call.fail_from);
	for (t = 0; t < config.targets; t++)
		CHECK(atomic_load(&call.visits[t]) == 2);
	return 0;
}

static int
check_collectives(void *rounds)
{
	int round, line;

	for (round = 0; round < *(int *)rounds; round++) {
		line = check_collective(dss_task_collective, false, 0);
		if (line == 0)
			line = check_collective(dss_thread_collective, true, 0);
		if (line == 0)
			line = check_collective(dss_thread_collective, true, DSS_ULT_DEEP_STACK);
		if (line == 0)
			line = check_collective(dss_thread_collective, true, DSS_ULT_FL_PERIODIC);
		if (line != 0)
			return line;
	}
	return 0;
}

static void
a_collective_runs_on_every_target_once(void **state)
{
	int many = ROUNDS, once = 1;
	unsigned int t;

	/* From outside of the engine, and from its xstreams; that of the listener is a slow one. */
	assert_int_equal(check_collectives(&many), 0);
	for (t = 0; t < config.targets; t++)
		assert_int_equal(on_target(t, check_collectives, &many), 0);
	assert_int_equal(dss_ult_execute(check_collectives, &many, NULL, NULL, DSS_XS_SYS, 0, 0),
			 0);
	assert_int_equal(dss_ult_execute(check_collectives, &once, NULL, NULL, DSS_XS_DRPC, 0, 0),
			 0);
}

/* What a collective with reduction does, in its order: 'a'lloc, 'r'educe, 'f'ree, with a target. */
struct aggregate {
	char order[64];
	int fail_alloc; /* target whose allocation fails */
	int allocated;
	int sum;
};

static struct aggregate aggregate;

static void
note(char what, int number)
{
	size_t len = strlen(aggregate.order);

	snprintf(aggregate.order + len, sizeof(aggregate.order) - len, "%c%d", what, number);
}

static int
reduce_alloc(struct dss_stream_arg_type *stream, void *aggregator)
{
	if (aggregator != &aggregate)
		return -DER_MISC;
	note('a', aggregate.allocated);
	if (aggregate.allocated == aggregate.fail_alloc)
		return -DER_NOSPACE;
	stream->st_arg = malloc(sizeof(int));
	*(int *)stream->st_arg = aggregate.allocated++;
	return 0;
}

static void
reduce(void *aggregator, void *report)
{
	struct aggregate *to = aggregator;

	note('r', *(int *)report);
	to->sum += 1 << (4 * *(int *)report);
	ABT_thread_yield(); /* which a reduction may do */
}

static void
reduce_free(struct dss_stream_arg_type *stream)
{
	note('f', stream->st_arg == NULL ? 9 : *(int *)stream->st_arg);
	free(stream->st_arg);
	stream->st_arg = NULL;
}

static struct dss_coll_ops ops = {
	.co_func = visit_target,
	.co_reduce = reduce,
	.co_reduce_arg_alloc = reduce_alloc,
	.co_reduce_arg_free = reduce_free,
};

/* The notes of `what` for so many targets. */
static char *
expected(char *text, const char *what, int targets)
{
	char *end = text;
	int t;

	for (; *what != '\0'; what++)
		for (t = 0; t < targets; t++)
			end += sprintf(end, "%c%d", *what, t);
	return text;
}

static int
check_reduction(reduce_fn collective)
{
	struct call call = {.fail_from = TARGETS_MAX};
	struct dss_coll_args args = {.ca_func_args = &call, .ca_aggregator = &aggregate};
	uint8_t bitmap = 0x0a; /* targets 1 and 3 */
	char text[64];
	unsigned int t;

	aggregate = (struct aggregate){.fail_alloc = -1};
	CHECK(collective(&ops, &args, 0) == 0);
	CHECK(strcmp(aggregate.order, expected(text, "arf", config.targets)) == 0);
	CHECK(aggregate.sum == (0x1111 & ((1 << (4 * config.targets)) - 1)));
	CHECK(args.ca_stream_args.csa_streams == NULL);

	/* Only the targets of the bitmap run, but all are reduced. */
	args.ca_tgt_bitmap = &bitmap;
	args.ca_tgt_bitmap_sz = 1;
	call.fail_from = 0;
	aggregate = (struct aggregate){.fail_alloc = -1};
	CHECK(collective(&ops, &args, 0) == (config.targets > 1 ? -1001 : 0));
	CHECK(strcmp(aggregate.order, expected(text, "arf", config.targets)) == 0);
	for (t = 0; t < config.targets; t++)
		CHECK(atomic_load(&call.visits[t]) == (t % 2 == 1 ? 2 : 1));

	/* A bitmap without bytes selects nothing. */
	args.ca_tgt_bitmap_sz = 0;
	aggregate = (struct aggregate){.fail_alloc = -1};
	CHECK(collective(&ops, &args, 0) == 0);
	for (t = 0; t < config.targets; t++)
		CHECK(atomic_load(&call.visits[t]) == (t % 2 == 1 ? 2 : 1));

	/* When an allocation fails nothing runs, and what was tried is freed. */
	args.ca_tgt_bitmap = NULL;
	aggregate = (struct aggregate){.fail_alloc = 0};
	CHECK(collective(&ops, &args, 0) == -DER_NOSPACE);
	CHECK(strcmp(aggregate.order, "a0f9") == 0);
	CHECK(args.ca_stream_args.csa_streams == NULL);
	for (t = 0; t < config.targets; t++)
		CHECK(atomic_load(&call.visits[t]) == (t % 2 == 1 ? 2 : 1));
	return 0;
}

static int
check_reductions(void *arg)
{
	int line = check_reduction(dss_task_collective_reduce);

	return line != 0 ? line : check_reduction(dss_thread_collective_reduce);
}

static void
reports_are_reduced_in_the_order_of_targets(void **state)
{
	unsigned int t;

	assert_int_equal(check_reductions(NULL), 0);
	for (t = 0; t < config.targets; t++)
		assert_int_equal(on_target(t, check_reductions, NULL), 0);
}

static void
misuse_of_a_collective_is_an_error(void **state)
{
	struct call call = {.fail_from = TARGETS_MAX};
	struct dss_coll_args args = {.ca_func_args = &call, .ca_aggregator = &aggregate};
	struct dss_coll_ops no_func = ops, no_free = ops;

	no_func.co_func = NULL;
	no_free.co_reduce_arg_free = NULL;
	assert_int_equal(dss_task_collective_reduce(NULL, &args, 0), -DER_INVAL);
	assert_int_equal(dss_thread_collective_reduce(&ops, NULL, 0), -DER_INVAL);
	assert_int_equal(dss_thread_collective_reduce(&no_func, &args, 0), -DER_INVAL);
	assert_int_equal(dss_task_collective_reduce(&no_free, &args, 0), -DER_INVAL);
	assert_int_equal(dss_task_collective(NULL, NULL, 0), -DER_INVAL);
	assert_int_equal(dss_thread_collective(NULL, NULL, 0), -DER_INVAL);
}

static void
a_built_bitmap_selects_the_targets_that_are_not_excluded(void **state)
{
	struct call call = {.fail_from = TARGETS_MAX};
	struct dss_coll_args args = {.ca_func_args = &call};
	struct dss_coll_ops plain = {.co_func = visit_target};
	uint8_t *bitmap = NULL;
	uint32_t size = 0;
	int last = config.targets - 1;
	int bad = config.targets;
	unsigned int t;

	assert_int_equal(dss_build_coll_bitmap(NULL, 0, &bitmap, &size), 0);
	assert_int_equal(size, 1);
	assert_int_equal(bitmap[0], (1 << config.targets) - 1);
	D_FREE(bitmap);

	assert_int_equal(dss_build_coll_bitmap(&last, 1, &bitmap, &size), 0);
	args.ca_tgt_bitmap = bitmap;
	args.ca_tgt_bitmap_sz = size;
	assert_int_equal(dss_thread_collective_reduce(&plain, &args, 0), 0);
	for (t = 0; t < config.targets; t++)
		assert_int_equal(atomic_load(&call.visits[t]), (int)t != last);
	D_FREE(bitmap);

	assert_int_equal(dss_build_coll_bitmap(&bad, 1, &bitmap, &size), -DER_INVAL);
	bad = -1;
	assert_int_equal(dss_build_coll_bitmap(&bad, 1, &bitmap, &size), -DER_INVAL);
}

/* ---- chores ---- */

enum { STEPS = 3 };

/* A chore that takes some steps on one xstream. */
struct work {
	struct dss_chore chore;
	int step;
	int xs_id;
	bool moved;
	bool wrong_reentrance;
	ABT_eventual done;
};

static enum dss_chore_status
work_step(struct dss_chore *chore, bool is_reentrance)
{
	struct work *work = container_of(chore, struct work, chore);
	int xs_id = dss_get_module_info()->dmi_xs_id;

	work->wrong_reentrance |= is_reentrance != (work->step > 0);
	work->moved |= work->step > 0 && work->xs_id != xs_id;
	work->xs_id = xs_id;
	if (++work->step < STEPS)
		return DSS_CHORE_YIELD;
	ABT_eventual_set(work->done, NULL, 0);
	return DSS_CHORE_DONE; /* the work may be gone now */
}

static void
work_init(struct work *work, int credits)
{
	memset(work, 0, sizeof(*work));
	work->chore.cho_func = work_step;
	work->chore.cho_credits = credits;
	work->xs_id = -1;
	ABT_eventual_create(0, &work->done);
}

/* Waits for a work and checks how it went. */
static int
work_fini(struct work *work)
{
	struct dss_xstream *dx;

	ABT_eventual_wait(work->done, NULL);
	ABT_eventual_free(&work->done);
	dx = dss_get_xstream(work->xs_id);
	CHECK(work->step == STEPS && !work->moved && !work->wrong_reentrance);
	CHECK(config.offload > 0 ? is_helper(dx) && dx->dx_comm : dx->dx_main_xs);
	dss_chore_deregister(&work->chore);
	return 0;
}

static int
credits_left(void)
{
	int i, sum = 0;

	for (i = 0; i < xstreams(); i++) {
		struct dss_xstream *dx = dss_get_xstream(i);

		if (is_helper(dx))
			sum += dx->dx_chore_queue.chq_credits;
	}
	return sum;
}

static int
check_chores(void *arg)
{
	static _Thread_local struct work works[64];
	int round, i, line;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 64; i++) {
			work_init(&works[i], 1 + i % 3);
			CHECK(dss_chore_register(&works[i].chore) == 0);
		}
		for (i = 0; i < 64; i++) {
			line = work_fini(&works[i]);
			if (line != 0)
				return line;
		}
	}
	return 0;
}

static void
chores_run_to_their_end_on_helpers(void **state)
{
	int credits = credits_left();

	assert_int_equal(credits, config.offload * DSS_CHORE_CREDITS_DEF);
	assert_int_equal(dss_thread_collective(check_chores, NULL, DSS_ULT_DEEP_STACK), 0);
	assert_int_equal(credits_left(), credits);
}

static int
check_credits(void *arg)
{
	struct work big, small, urgent;
	int line;

	work_init(&big, DSS_CHORE_CREDITS_DEF);
	CHECK(dss_chore_register(&big.chore) == 0);
	/* The credits come back when the chore is deregistered, not when it is done. */
	ABT_eventual_wait(big.done, NULL);

	work_init(&small, 5);
	CHECK(dss_chore_register(&small.chore) == -DER_AGAIN);
	CHECK(small.chore.cho_credits == 0);
	dss_chore_deregister(&small.chore); /* holds none */

	work_init(&urgent, 7);
	urgent.chore.cho_priority = 1;
	CHECK(dss_chore_register(&urgent.chore) == 0);
	line = work_fini(&urgent);
	if (line != 0)
		return line;
	dss_chore_deregister(&urgent.chore); /* gives nothing back twice */

	line = work_fini(&big);
	if (line != 0)
		return line;
	small.chore.cho_credits = DSS_CHORE_CREDITS_DEF;
	CHECK(dss_chore_register(&small.chore) == 0);
	return work_fini(&small);
}

static void
a_chore_needs_credits_unless_it_is_urgent(void **state)
{
	unsigned int t;
	int credits = credits_left();

	/* With a pool, chores of one target go to any of its helpers; without helpers to none. */
	if (config.offload == 0 || (with_pool() && config.offload > 1))
		return;
	for (t = 0; t < config.targets; t++)
		assert_int_equal(on_target(t, check_credits, NULL), 0);
	assert_int_equal(credits_left(), credits);
}

static int
check_chore_misuse(void *arg)
{
	struct work work;

	work_init(&work, 0);
	CHECK(dss_chore_register(&work.chore) == -DER_INVAL);
	work.chore.cho_credits = -1;
	CHECK(dss_chore_register(&work.chore) == -DER_INVAL);
	work.chore.cho_credits = 1;
	work.chore.cho_func = NULL;
	CHECK(dss_chore_register(&work.chore) == -DER_INVAL);
	CHECK(work.step == 0);
	ABT_eventual_free(&work.done);
	return 0;
}

static int
check_chore_without_target(void *arg)
{
	struct work work;

	work_init(&work, 1);
	CHECK(dss_chore_register(&work.chore) == -DER_INVAL);
	ABT_eventual_free(&work.done);
	return 0;
}

static void
misuse_of_a_chore_is_an_error(void **state)
{
	assert_int_equal(on_target(0, check_chore_misuse, NULL), 0);
	assert_int_equal(
		dss_ult_execute(check_chore_without_target, NULL, NULL, NULL, DSS_XS_SYS, 0, 0), 0);
	assert_int_equal(check_chore_without_target(NULL), 0);
}

static int
check_diy(void *arg)
{
	struct work work;

	work_init(&work, 1);
	dss_chore_diy(&work.chore);
	CHECK(work.step == STEPS && !work.moved && !work.wrong_reentrance);
	CHECK(work.xs_id == dss_get_module_info()->dmi_xs_id);
	CHECK(work.chore.cho_status == DSS_CHORE_DONE);
	ABT_eventual_free(&work.done);
	return 0;
}

static void
a_chore_can_be_done_on_the_spot(void **state)
{
	assert_int_equal(on_target(0, check_diy, NULL), 0);
	assert_int_equal(dss_ult_execute(check_diy, NULL, NULL, NULL, DSS_XS_SYS, 0, 0), 0);
}

/* Two chores that yield take turns, and new ones come before those that have had theirs. */
static char turns[64];
static atomic_bool may_start;

struct turn {
	struct dss_chore chore;
	char name;
	int left;
	atomic_int *done;
	struct turn *late; /* registered by the first step */
};

static enum dss_chore_status
take_turn(struct dss_chore *chore, bool is_reentrance)
{
	struct turn *turn = container_of(chore, struct turn, chore);

	if (!atomic_load(&may_start))
		return DSS_CHORE_YIELD;
	strncat(turns, &turn->name, 1);
	if (turn->late != NULL) {
		/* Only a queue of its own target would do; this is that queue's ULT. */
		struct dss_chore_queue *queue = chore->cho_hint;

		ABT_mutex_lock(queue->chq_mutex);
		d_list_add_tail(&turn->late->chore.cho_link, &queue->chq_list);
		ABT_mutex_unlock(queue->chq_mutex);
		turn->late = NULL;
	}
	if (--turn->left > 0)
		return DSS_CHORE_YIELD;
	atomic_fetch_add(turn->done, 1);
	return DSS_CHORE_DONE;
}

static int
check_turns(void *arg)
{
	atomic_int done = 0;
	struct turn late = {.name = 'c', .left = 2, .done = &done};
	struct turn a = {.name = 'a', .left = 3, .done = &done};
	struct turn b = {.name = 'b', .left = 3, .done = &done, .late = &late};

	a.chore.cho_func = take_turn;
	a.chore.cho_credits = 1;
	b.chore = a.chore;
	late.chore = a.chore;
	D_INIT_LIST_HEAD(&late.chore.cho_link);
	CHECK(dss_chore_register(&a.chore) == 0);
	CHECK(dss_chore_register(&b.chore) == 0);
	atomic_store(&may_start, true);
	while (atomic_load(&done) < 3)
		ABT_thread_yield();
	dss_chore_deregister(&a.chore);
	dss_chore_deregister(&b.chore);
	return 0;
}

static void
chores_of_a_queue_take_turns(void **state)
{
	static const char *const possible[] = {"abcabcab", "bcabcaba", "bacbacba", "abacbacb"};
	size_t i;

	if (config.offload != 2 || config.targets != 2)
		return;
	turns[0] = '\0';
	atomic_store(&may_start, false);
	assert_int_equal(on_target(0, check_turns, NULL), 0);
	/* Which of the first two comes first, and which sees first that it may start, is chance. */
	for (i = 0; i < 4; i++)
		if (strcmp(turns, possible[i]) == 0)
			return;
	fail_msg("%s", turns);
}

/* ---- chore queues ---- */

static int
check_stopped_queue(void *arg)
{
	struct dss_xstream *dx = arg;
	struct work work;

	work_init(&work, 1);
	CHECK(dss_chore_register(&work.chore) == -DER_CANCELED);
	ABT_eventual_free(&work.done);
	CHECK(dx->dx_chore_queue.chq_stop);
	return 0;
}

static int
restart_queue(void *arg)
{
	struct dss_xstream *dx = arg;

	dss_chore_queue_fini(dx);
	CHECK(dss_chore_queue_init(dx) == 0);
	CHECK(dx->dx_chore_queue.chq_credits == (int32_t)dss_chore_credits);
	return dss_chore_queue_start(dx);
}

static int
stop_queue(void *arg)
{
	dss_chore_queue_stop(arg);
	return 0;
}

static void
a_stopped_queue_takes_no_chores(void **state)
{
	struct dss_xstream *dx;

	if (config.offload == 0 || with_pool())
		return;
	dx = place(DSS_XS_IOFW, 0);
	assert_int_equal(dss_ult_execute(stop_queue, dx, NULL, NULL, DSS_XS_IOFW, 0, 0), 0);
	assert_int_equal(on_target(0, check_stopped_queue, dx), 0);
	assert_int_equal(dss_ult_execute(restart_queue, dx, NULL, NULL, DSS_XS_IOFW, 0, 0), 0);
	assert_int_equal(on_target(0, check_chores, NULL), 0);
}

/* ---- the end ---- */

/* What functions return on an xstream that is stopping. */
static int stopping_line = -1;

static int
check_stopping(void *arg)
{
	atomic_int counter = 0;
	int value = 0;
	struct work work;

	while (!dss_xstream_exiting(dss_current_xstream()))
		dss_sleep(1);
	CHECK(dss_ult_create(count_ult, &counter, DSS_XS_SELF, 0, 0, NULL) == -DER_SHUTDOWN);
	CHECK(dss_ult_create(count_ult, &counter, DSS_XS_SYS, 0, 0, NULL) == -DER_SHUTDOWN);
	CHECK(dss_ult_periodic(count_ult, &counter, DSS_XS_VOS, 0, 0, NULL) == -DER_SHUTDOWN);
	CHECK(dss_ult_create_all(count_ult, &counter, false) == -DER_SHUTDOWN);
	CHECK(dss_ult_execute(return_it, &value, NULL, NULL, DSS_XS_SELF, 0, 0) == -DER_SHUTDOWN);
	CHECK(dss_ult_execute(return_it, &value, count_ult, &counter, DSS_XS_SELF, 0, 0) ==
	      -DER_SHUTDOWN);
	CHECK(dss_offload_exec(return_it, &value) == -DER_SHUTDOWN);
	CHECK(dss_task_collective(return_it, &value, 0) == -DER_SHUTDOWN);
	CHECK(dss_thread_collective(return_it, &value, 0) == -DER_SHUTDOWN);
	if (config.offload == 0) {
		work_init(&work, 1);
		CHECK(dss_chore_register(&work.chore) == -DER_SHUTDOWN);
		ABT_eventual_free(&work.done);
	}
	CHECK(atomic_load(&counter) == 0);
	return 0;
}

static void
note_stopping(void *arg)
{
	stopping_line = check_stopping(NULL);
}

static void
an_engine_that_stops_creates_nothing_more(void **state)
{
	atomic_int counter = 0;
	uint8_t *bitmap;
	uint32_t size;
	int value = 0;

	assert_int_equal(start_xstreams(state), 0);
	stopping_line = -1;
	assert_int_equal(dss_ult_create(note_stopping, NULL, DSS_XS_VOS, 0, 64 << 10, NULL), 0);
	assert_int_equal(dss_srv_fini(true), 0);
	assert_int_equal(stopping_line, 0);

	assert_int_equal(dss_xstream_cnt(), 0);
	assert_int_equal(dss_task_collective(return_it, &value, 0), -DER_CANCELED);
	assert_int_equal(dss_thread_collective(return_it, &value, 0), -DER_CANCELED);
	assert_int_equal(dss_build_coll_bitmap(NULL, 0, &bitmap, &size), -DER_CANCELED);
	assert_int_equal(dss_ult_create(count_ult, &counter, DSS_XS_SYS, 0, 0, NULL),
			 -DER_NONEXIST);
	assert_int_equal(dss_ult_create(count_ult, &counter, DSS_XS_VOS, 0, 0, NULL), -DER_INVAL);
	assert_int_equal(dss_ult_create_all(count_ult, &counter, false), 0);
	assert_int_equal(atomic_load(&counter), 0);
	assert_int_equal(end_runtime(), 0);
}

/* Chores that are queued when the engine stops are done before it has. */
static atomic_int drained;

static enum dss_chore_status
drain_step(struct dss_chore *chore, bool is_reentrance)
{
	if (!dss_xstream_exiting(dss_current_xstream()))
		return DSS_CHORE_YIELD;
	atomic_fetch_add(&drained, 1);
	return DSS_CHORE_DONE;
}

static struct dss_chore draining[8];

static int
register_draining(void *arg)
{
	int i;

	for (i = 0; i < 8; i++) {
		draining[i] = (struct dss_chore){.cho_func = drain_step, .cho_credits = 1};
		CHECK(dss_chore_register(&draining[i]) == 0);
	}
	return 0;
}

static void
an_engine_that_stops_ends_its_chores(void **state)
{
	assert_int_equal(start_xstreams(state), 0);
	atomic_store(&drained, 0);
	assert_int_equal(on_target(0, register_draining, NULL), 0);
	assert_int_equal(stop_xstreams(state), 0);
	assert_int_equal(atomic_load(&drained), 8);
}

int
main(void)
{
	static struct config configs[] = {
		{1, 0}, {2, 0}, {2, 2}, {2, 4}, /* none, one, two for each target */
		{2, 1}, {3, 2}, {2, 3},         /* pools, the last with one that cannot forward */
	};
	const struct CMUnitTest running[] = {
		cmocka_unit_test(each_type_has_its_xstream),
		cmocka_unit_test(helpers_forward_and_compute),
		cmocka_unit_test(a_pool_shares_the_forwarding),
		cmocka_unit_test(self_is_the_xstream_of_the_caller),
		cmocka_unit_test(misuse_is_an_error),
		cmocka_unit_test(execute_returns_what_the_function_returns),
		cmocka_unit_test(execute_with_a_callback_does_not_wait),
		cmocka_unit_test(a_tasklet_cannot_wait),
		cmocka_unit_test(a_named_ult_with_a_stack_of_its_own_is_joined),
		cmocka_unit_test(a_periodic_ult_does_not_make_its_xstream_busy),
		cmocka_unit_test(create_all_reaches_every_xstream_once),
		cmocka_unit_test(offload_exec_and_main_exec_know_the_callers_target),
		cmocka_unit_test(vos_pools_need_vos),
		cmocka_unit_test(a_collective_runs_on_every_target_once),
		cmocka_unit_test(reports_are_reduced_in_the_order_of_targets),
		cmocka_unit_test(misuse_of_a_collective_is_an_error),
		cmocka_unit_test(a_built_bitmap_selects_the_targets_that_are_not_excluded),
		cmocka_unit_test(chores_run_to_their_end_on_helpers),
		cmocka_unit_test(a_chore_needs_credits_unless_it_is_urgent),
		cmocka_unit_test(misuse_of_a_chore_is_an_error),
		cmocka_unit_test(a_chore_can_be_done_on_the_spot),
		cmocka_unit_test(chores_of_a_queue_take_turns),
		cmocka_unit_test(a_stopped_queue_takes_no_chores),
	};
	const struct CMUnitTest stopping[] = {
		cmocka_unit_test(an_engine_that_stops_creates_nothing_more),
		cmocka_unit_test(an_engine_that_stops_ends_its_chores),
	};
	char sockets[] = "/tmp/daos_engine_ult_test.XXXXXX";
	size_t i;
	int failed = 0;

	/* The misuse that is tested is logged, too. */
	setenv("D_LOG_FILE", "/dev/null", 0);
	if (daos_debug_init(NULL) != 0 || mkdtemp(sockets) == NULL)
		return 1;
	dss_socket_dir = sockets;
	for (i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		config = configs[i];
		print_message("%u targets, %u helpers\n", config.targets, config.offload);
		failed += cmocka_run_group_tests_name("daos_srv/daos_engine.h: ULTs", running,
						      start_xstreams, stop_xstreams);
		failed += cmocka_run_group_tests_name("daos_srv/daos_engine.h: stopping", stopping,
						      NULL, NULL);
	}
	rmdir(sockets);
	daos_debug_fini();
	return failed;
}
