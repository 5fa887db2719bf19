/*
 * What the operations of a ULT runtime cost, through abt.h alone: link it against any
 * implementation.
 *
 *   cc -O2 abt_ops.c -labt -lpthread -o abt_ops && ./abt_ops [rounds [name]]
 *
 * With a name, only the operations whose line contains it.
 *
 * Each line is the name of an operation, the median of the rounds, and its unit.
 */
#include <abt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(call)                                                                         \
	do {                                                                                \
		int rc_ = (call);                                                           \
		if (rc_ != ABT_SUCCESS) {                                                   \
			fprintf(stderr, "%s:%d: %s: %d\n", __FILE__, __LINE__, #call, rc_); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

#define MAX_ROUNDS 101

static int rounds = 11;
static const char *wanted = "";

/* Pool of the execution stream that runs the measured code, and of another one. */
static ABT_pool here, there;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Runs one round a time and reports the median of ns per operation, or operations per second. */
static void
report(const char *name, double (*round)(int), int arg, int per_second)
{
	double sample[MAX_ROUNDS];
	int i;

	if (strstr(name, wanted) == NULL)
		return;
	round(arg);
	for (i = 0; i < rounds; i++)
		sample[i] = round(arg);
	qsort(sample, rounds, sizeof(sample[0]), compare);
	if (per_second)
		printf("%-28s %12.2f M/s\n", name, 1e-6 / sample[rounds / 2]);
	else
		printf("%-28s %12.1f ns\n", name, 1e9 * sample[rounds / 2]);
	fflush(stdout);
}

/* ---- Yield ---- */

#define YIELDS 400000

static void
yield_many(void *arg)
{
	int i, count = *(int *)arg;

	for (i = 0; i < count; i++)
		ABT_thread_yield();
}

static double
round_yield(int ults)
{
	ABT_thread thread[1000];
	int count = YIELDS / ults, i;
	double start = now();

	for (i = 0; i < ults; i++)
		CHECK(ABT_thread_create(here, yield_many, &count, ABT_THREAD_ATTR_NULL,
					&thread[i]));
	for (i = 0; i < ults; i++)
		CHECK(ABT_thread_free(&thread[i]));
	return (now() - start) / ((double)count * ults);
}

/* ---- Creating ---- */

#define CREATES 20000

static void
nothing(void *arg)
{
	(void)arg;
}

static double
round_create_join(int unused)
{
	ABT_thread thread;
	double start = now();
	int i;

	(void)unused;
	for (i = 0; i < CREATES; i++) {
		CHECK(ABT_thread_create(here, nothing, NULL, ABT_THREAD_ATTR_NULL, &thread));
		CHECK(ABT_thread_free(&thread));
	}
	return (now() - start) / CREATES;
}

static long ran;

static void
count_run(void *arg)
{
	(void)arg;
	ran++;
}

/* A batch of unnamed ULTs with stacks of the given size, created and run. */
static double
round_create_batch(int stack_kib)
{
	const int batch = 256;
	ABT_thread_attr attr;
	double start;
	int i, j;

	CHECK(ABT_thread_attr_create(&attr));
	CHECK(ABT_thread_attr_set_stacksize(attr, stack_kib * 1024));
	start = now();
	for (i = 0; i < CREATES / batch; i++) {
		long until = ran + batch;

		for (j = 0; j < batch; j++)
			CHECK(ABT_thread_create(here, count_run, NULL,
						stack_kib == 16 ? ABT_THREAD_ATTR_NULL : attr,
						NULL));
		while (ran < until)
			ABT_thread_yield();
	}
	start = (now() - start) / (CREATES / batch * batch);
	CHECK(ABT_thread_attr_free(&attr));
	return start;
}

static double
round_task(int unused)
{
	ABT_task task;
	double start = now();
	int i;

	(void)unused;
	for (i = 0; i < CREATES; i++) {
		CHECK(ABT_task_create(here, nothing, NULL, &task));
		CHECK(ABT_task_free(&task));
	}
	return (now() - start) / CREATES;
}

/* ---- Synchronization ---- */

static ABT_mutex mutex;

static double
round_mutex(int unused)
{
	double start = now();
	int i;

	(void)unused;
	for (i = 0; i < CREATES * 10; i++) {
		ABT_mutex_lock(mutex);
		ABT_mutex_unlock(mutex);
	}
	return (now() - start) / (CREATES * 10);
}

static void
lock_and_yield(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < CREATES; i++) {
		ABT_mutex_lock(mutex);
		ABT_thread_yield();
		ABT_mutex_unlock(mutex);
	}
}

static double
round_mutex_contended(int ults)
{
	ABT_thread thread[100];
	double start = now();
	int i;

	for (i = 0; i < ults; i++)
		CHECK(ABT_thread_create(here, lock_and_yield, NULL, ABT_THREAD_ATTR_NULL,
					&thread[i]));
	for (i = 0; i < ults; i++)
		CHECK(ABT_thread_free(&thread[i]));
	return (now() - start) / ((double)CREATES * ults);
}

#define PINGS 20000

static ABT_eventual ping, pong;

static void
answer(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < PINGS; i++) {
		CHECK(ABT_eventual_wait(ping, NULL));
		CHECK(ABT_eventual_reset(ping));
		CHECK(ABT_eventual_set(pong, NULL, 0));
	}
}

static double
round_ping_pong(int elsewhere)
{
	ABT_thread thread;
	double start;
	int i;

	CHECK(ABT_thread_create(elsewhere ? there : here, answer, NULL, ABT_THREAD_ATTR_NULL,
				&thread));
	start = now();
	for (i = 0; i < PINGS; i++) {
		CHECK(ABT_eventual_set(ping, NULL, 0));
		CHECK(ABT_eventual_wait(pong, NULL));
		CHECK(ABT_eventual_reset(pong));
	}
	start = (now() - start) / PINGS;
	CHECK(ABT_thread_free(&thread));
	return start;
}

static double
round_create_join_elsewhere(int unused)
{
	ABT_thread thread[100];
	double start = now();
	int i, j;

	(void)unused;
	for (i = 0; i < CREATES / 100; i++) {
		for (j = 0; j < 100; j++)
			CHECK(ABT_thread_create(there, nothing, NULL, ABT_THREAD_ATTR_NULL,
						&thread[j]));
		for (j = 0; j < 100; j++)
			CHECK(ABT_thread_free(&thread[j]));
	}
	return (now() - start) / CREATES;
}

/* ---- Memory ---- */

static long
resident(void)
{
	long kib = 0;
	char line[256];
	FILE *file = fopen("/proc/self/status", "r");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return kib * 1024;
}

static ABT_eventual released;
static long blocked;

static void
block(void *arg)
{
	(void)arg;
	blocked++;
	CHECK(ABT_eventual_wait(released, NULL));
}

static void
report_idle_memory(const char *name, int stack_kib)
{
	const int count = 10000;
	ABT_thread *thread = malloc(count * sizeof(*thread));
	ABT_thread_attr attr;
	long before;
	int i;

	if (strstr(name, wanted) == NULL) {
		free(thread);
		return;
	}
	CHECK(ABT_thread_attr_create(&attr));
	CHECK(ABT_thread_attr_set_stacksize(attr, stack_kib * 1024));
	CHECK(ABT_eventual_create(0, &released));
	memset(thread, 0, count * sizeof(*thread));
	blocked = 0;
	before = resident();
	for (i = 0; i < count; i++)
		CHECK(ABT_thread_create(here, block, NULL,
					stack_kib == 16 ? ABT_THREAD_ATTR_NULL : attr, &thread[i]));
	while (blocked < count)
		ABT_thread_yield();
	printf("%-28s %12.0f B\n", name, (double)(resident() - before) / count);
	CHECK(ABT_eventual_set(released, NULL, 0));
	for (i = 0; i < count; i++)
		CHECK(ABT_thread_free(&thread[i]));
	CHECK(ABT_eventual_free(&released));
	CHECK(ABT_thread_attr_free(&attr));
	free(thread);
}

static void
measure(void *arg)
{
	const char *prefix = arg;
	char name[64];
#define REPORT(what, round, number, per_second)                      \
	do {                                                         \
		snprintf(name, sizeof(name), "%s %s", prefix, what); \
		report(name, round, number, per_second);             \
	} while (0)

	REPORT("yield, 1 ULT", round_yield, 1, 0);
	REPORT("yield, 4 ULTs", round_yield, 4, 0);
	REPORT("yield, 100 ULTs", round_yield, 100, 0);
	REPORT("create and join", round_create_join, 0, 0);
	REPORT("create 16 KiB", round_create_batch, 16, 1);
	REPORT("create 64 KiB", round_create_batch, 64, 1);
	REPORT("tasklet and join", round_task, 0, 0);
	REPORT("lock and unlock", round_mutex, 0, 0);
	REPORT("contended lock, 4 ULTs", round_mutex_contended, 4, 0);
	REPORT("ping-pong", round_ping_pong, 0, 0);
	if (there != here) {
		REPORT("ping-pong elsewhere", round_ping_pong, 1, 0);
		REPORT("create elsewhere", round_create_join_elsewhere, 0, 0);
	}
	snprintf(name, sizeof(name), "%s idle ULT, 16 KiB", prefix);
	report_idle_memory(name, 16);
	snprintf(name, sizeof(name), "%s idle ULT, 64 KiB", prefix);
	report_idle_memory(name, 64);
}

/* A scheduler of the shape of DAOS's: one pool at a time, events every 512 turns. */
static int
user_init(ABT_sched sched, ABT_sched_config config)
{
	(void)sched;
	(void)config;
	return ABT_SUCCESS;
}

static void
user_run(ABT_sched sched)
{
	ABT_pool pool;
	ABT_unit unit;
	int turns = 0;

	CHECK(ABT_sched_get_pools(sched, 1, 0, &pool));
	for (;;) {
		CHECK(ABT_pool_pop(pool, &unit));
		if (unit != ABT_UNIT_NULL)
			ABT_xstream_run_unit(unit, pool);
		if (++turns == 512) {
			ABT_bool stop;

			turns = 0;
			CHECK(ABT_sched_has_to_stop(sched, &stop));
			if (stop == ABT_TRUE)
				return;
			CHECK(ABT_xstream_check_events(sched));
		}
	}
}

static int
user_free(ABT_sched sched)
{
	(void)sched;
	return ABT_SUCCESS;
}

static void
run_on(ABT_sched sched, const char *prefix, ABT_pool other)
{
	ABT_xstream xstream;
	ABT_thread driver;
	ABT_thread_attr attr;

	CHECK(ABT_xstream_create_with_rank(sched, 10, &xstream));
	CHECK(ABT_xstream_get_main_sched(xstream, &sched));
	CHECK(ABT_sched_get_pools(sched, 1, 0, &here));
	there = other == ABT_POOL_NULL ? here : other;
	CHECK(ABT_thread_attr_create(&attr));
	CHECK(ABT_thread_attr_set_stacksize(attr, 256 * 1024));
	CHECK(ABT_thread_create(here, measure, (void *)prefix, attr, &driver));
	CHECK(ABT_thread_free(&driver));
	CHECK(ABT_thread_attr_free(&attr));
	CHECK(ABT_xstream_join(xstream));
	CHECK(ABT_xstream_free(&xstream));
}

int
main(int argc, char **argv)
{
	ABT_sched_def def = {
		.type = ABT_SCHED_TYPE_ULT, .init = user_init, .run = user_run, .free = user_free};
	ABT_pool pool, other;
	ABT_sched sched;
	ABT_xstream xstream;

	if (argc > 1 && atoi(argv[1]) > 0 && atoi(argv[1]) <= MAX_ROUNDS)
		rounds = atoi(argv[1]);
	if (argc > 2)
		wanted = argv[2];
	CHECK(ABT_init(0, NULL));
	CHECK(ABT_mutex_create(&mutex));
	CHECK(ABT_eventual_create(0, &ping));
	CHECK(ABT_eventual_create(0, &pong));

	run_on(ABT_SCHED_NULL, "basic:", ABT_POOL_NULL);

	CHECK(ABT_pool_create_basic(ABT_POOL_FIFO, ABT_POOL_ACCESS_MPSC, ABT_TRUE, &pool));
	CHECK(ABT_sched_create(&def, 1, &pool, ABT_SCHED_CONFIG_NULL, &sched));
	CHECK(ABT_pool_create_basic(ABT_POOL_FIFO, ABT_POOL_ACCESS_MPSC, ABT_TRUE, &other));
	{
		ABT_sched other_sched;

		CHECK(ABT_sched_create(&def, 1, &other, ABT_SCHED_CONFIG_NULL, &other_sched));
		CHECK(ABT_xstream_create_with_rank(other_sched, 11, &xstream));
		run_on(sched, "user:", other);
		CHECK(ABT_xstream_free(&xstream));
		CHECK(ABT_sched_free(&other_sched));
	}
	CHECK(ABT_sched_free(&sched));

	CHECK(ABT_eventual_free(&pong));
	CHECK(ABT_eventual_free(&ping));
	CHECK(ABT_mutex_free(&mutex));
	CHECK(ABT_finalize());
	return 0;
}
