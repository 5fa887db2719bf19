/* The ways of running code on an engine's xstreams, each of which counts where it ran. */
#define D_LOGFAC DD_FAC(server)

#include "counter.h"

/*
 * ULTs: `amount` of them, spread over the targets and their helpers, created and joined in batches,
 * because each has a stack of its own until it is joined.
 */
enum { BATCH = 256 };

static void
spread_ult(void *arg)
{
	atomic_uint_fast64_t *done = arg;
	struct counter_xstream *xs = counter_here();

	counter_add(xs, &xs->ults);
	ABT_thread_yield();
	atomic_fetch_add_explicit(done, 1, memory_order_relaxed);
}

static int
spread_batch(uint32_t first, uint32_t amount, ABT_thread *ults, atomic_uint_fast64_t *done)
{
	uint32_t created;
	uint32_t i;
	int rc = 0;

	for (created = 0; created < amount && rc == 0; created++) {
		uint32_t nth = first + created;
		int type = nth % 3 == 2 ? DSS_XS_OFFLOAD : DSS_XS_VOS;

		rc = dss_ult_create(spread_ult, done, type, nth % dss_tgt_nr, 0, &ults[created]);
		if (rc != 0)
			break;
	}
	for (i = 0; i < created; i++)
		ABT_thread_free(&ults[i]); /* joins it first */
	return rc;
}

void
counter_spread(uint32_t amount, Counter__Outcome *outcome)
{
	atomic_uint_fast64_t done = 0;
	ABT_thread *ults;
	uint32_t first;

	D_ALLOC_ARRAY(ults, BATCH);
	if (ults == NULL) {
		outcome->status = -DER_NOMEM;
		return;
	}
	for (first = 0; first < amount && outcome->status == 0; first += BATCH)
		outcome->status = spread_batch(first, min(amount - first, BATCH), ults, &done);
	outcome->count = atomic_load(&done);
	D_FREE(ults);
}

/*
 * A collective with reduction: each target puts the number of ULTs that it has run into its own
 * place, the engine adds the places up.
 */
static int
sum_on_target(void *arg)
{
	struct dss_coll_args *args = arg;
	struct counter_xstream *xs = counter_here();
	uint64_t *place;

	place = args->ca_stream_args.csa_streams[dss_get_module_info()->dmi_tgt_id].st_arg;
	*place = atomic_load(&xs->ults);
	counter_add(xs, &xs->tasks);
	return 0;
}

static int
sum_place_alloc(struct dss_stream_arg_type *stream, void *total)
{
	uint64_t *place;

	D_ALLOC_PTR(place);
	stream->st_arg = place;
	return place == NULL ? -DER_NOMEM : 0;
}

static void
sum_place_free(struct dss_stream_arg_type *stream)
{
	D_FREE(stream->st_arg);
}

static void
sum_reduce(void *total, void *place)
{
	Counter__Outcome *outcome = total;

	outcome->sum += *(uint64_t *)place;
	outcome->count++;
}

void
counter_sum(Counter__Outcome *outcome)
{
	struct dss_coll_ops ops = {
		.co_func = sum_on_target,
		.co_reduce = sum_reduce,
		.co_reduce_arg_alloc = sum_place_alloc,
		.co_reduce_arg_free = sum_place_free,
	};
	struct dss_coll_args args = {.ca_aggregator = outcome};

	args.ca_func_args = &args;
	outcome->status = dss_task_collective_reduce(&ops, &args, 0);
}

/*
 * Chores: pieces of work on a helper that yield by returning. They are registered from a target, so
 * the whole runs there.
 */
enum { CHORE_STEPS = 3 };

struct counter_chore {
	struct dss_chore base;
	int steps;
	ABT_eventual done;
};

static enum dss_chore_status
chore_step(struct dss_chore *base, bool is_reentrance)
{
	struct counter_chore *chore = container_of(base, struct counter_chore, base);
	struct counter_xstream *xs = counter_here();

	if (!is_reentrance)
		chore->steps = 0;
	counter_add(xs, &xs->chores);
	if (++chore->steps < CHORE_STEPS)
		return DSS_CHORE_YIELD;
	ABT_eventual_set(chore->done, NULL, 0);
	return DSS_CHORE_DONE;
}

static int
do_one_chore(Counter__Outcome *outcome)
{
	struct counter_chore chore = {.base = {.cho_func = chore_step, .cho_credits = 1}};
	int rc;

	rc = ABT_eventual_create(0, &chore.done);
	if (rc != ABT_SUCCESS)
		return dss_abterr2der(rc);
	rc = dss_chore_register(&chore.base);
	if (rc == 0) {
		ABT_eventual_wait(chore.done, NULL);
		dss_chore_deregister(&chore.base);
		outcome->count++;
		outcome->sum += chore.steps;
	}
	ABT_eventual_free(&chore.done);
	return rc;
}

struct on_target {
	uint32_t amount;
	Counter__Outcome *outcome;
};

static int
chores_on_target(void *arg)
{
	struct on_target *work = arg;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < work->amount && rc == 0; i++)
		rc = do_one_chore(work->outcome);
	return rc;
}

void
counter_do_chores(uint32_t amount, Counter__Outcome *outcome)
{
	struct on_target work = {.amount = amount, .outcome = outcome};

	outcome->status = dss_ult_execute(chores_on_target, &work, NULL, NULL, DSS_XS_VOS, 0, 0);
}

/* Offload: a target hands a computation to its helper and waits for it; here, the sum of a range.
 */
enum { RANGE = 1000 };

static int
offloaded(void *arg)
{
	uint64_t *sum = arg;
	struct counter_xstream *xs = counter_here();
	uint64_t i;

	for (i = 1; i <= RANGE; i++)
		*sum += i;
	counter_add(xs, &xs->offloads);
	return 0;
}

static int
offload_on_target(void *arg)
{
	struct on_target *work = arg;
	int rc = 0;

	while (work->outcome->count < work->amount && rc == 0) {
		rc = dss_offload_exec(offloaded, &work->outcome->sum);
		if (rc == 0)
			work->outcome->count++;
	}
	return rc;
}

void
counter_offload(uint32_t amount, Counter__Outcome *outcome)
{
	struct on_target work = {.amount = amount, .outcome = outcome};

	outcome->status = dss_ult_execute(offload_on_target, &work, NULL, NULL, DSS_XS_VOS, 0, 0);
}
