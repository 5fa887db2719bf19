/*
 * abt.h: what each function returns, for use and for misuse.
 */
#include <abt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* An execution stream with the built-in scheduler, for the tests that need another one. */
static ABT_xstream xstream;
static ABT_pool pool;

static int
setup(void **state)
{
	ABT_sched sched;

	(void)state;
	assert_int_equal(ABT_init(0, NULL), ABT_SUCCESS);
	assert_int_equal(ABT_xstream_create_with_rank(ABT_SCHED_NULL, 7, &xstream), ABT_SUCCESS);
	assert_int_equal(ABT_xstream_get_main_sched(xstream, &sched), ABT_SUCCESS);
	assert_int_equal(ABT_sched_get_pools(sched, 1, 0, &pool), ABT_SUCCESS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(ABT_xstream_join(xstream), ABT_SUCCESS);
	assert_int_equal(ABT_xstream_free(&xstream), ABT_SUCCESS);
	assert_true(xstream == ABT_XSTREAM_NULL);
	assert_int_equal(ABT_finalize(), ABT_SUCCESS);
	return 0;
}

/* Runs a function as a ULT or as a tasklet of the execution stream. */
static void
run_as_ult(void (*func)(void *), void *arg)
{
	ABT_thread thread;
	ABT_thread_attr attr;

	/* cmocka's assertions print, which takes more than the default stack. */
	assert_int_equal(ABT_thread_attr_create(&attr), ABT_SUCCESS);
	assert_int_equal(ABT_thread_attr_set_stacksize(attr, 256 * 1024), ABT_SUCCESS);
	assert_int_equal(ABT_thread_create(pool, func, arg, attr, &thread), ABT_SUCCESS);
	assert_int_equal(ABT_thread_attr_free(&attr), ABT_SUCCESS);
	assert_true(attr == ABT_THREAD_ATTR_NULL);
	assert_int_equal(ABT_thread_join(thread), ABT_SUCCESS);
	assert_int_equal(ABT_thread_free(&thread), ABT_SUCCESS);
	assert_true(thread == ABT_THREAD_NULL);
}

static void
run_as_task(void (*func)(void *), void *arg)
{
	ABT_task task;

	assert_int_equal(ABT_task_create(pool, func, arg, &task), ABT_SUCCESS);
	assert_int_equal(ABT_task_free(&task), ABT_SUCCESS);
	assert_true(task == ABT_TASK_NULL);
}

static void
run_as_pthread(void (*func)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(
		pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))func, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- Start and end ---- */

static void
test_uninitialized(void **state)
{
	ABT_xstream stream;
	ABT_thread_attr attr;
	ABT_thread thread;
	ABT_unit_type type = 99;

	(void)state;
	assert_int_equal(ABT_finalize(), ABT_ERR_UNINITIALIZED);
	assert_int_equal(ABT_xstream_create_with_rank(ABT_SCHED_NULL, 1, &stream),
			 ABT_ERR_UNINITIALIZED);
	assert_int_equal(ABT_thread_attr_create(&attr), ABT_ERR_UNINITIALIZED);
	assert_true(attr == ABT_THREAD_ATTR_NULL);
	assert_int_equal(ABT_thread_self(&thread), ABT_ERR_UNINITIALIZED);
	assert_true(thread == ABT_THREAD_NULL);
	assert_int_equal(ABT_self_get_type(&type), ABT_ERR_UNINITIALIZED);
	assert_int_equal(type, ABT_UNIT_TYPE_EXT);
	assert_int_equal(ABT_info_print_config(stderr), ABT_ERR_UNINITIALIZED);
	assert_int_equal(ABT_info_print_all_xstreams(stderr), ABT_ERR_UNINITIALIZED);
}

static void
test_init_counts(void **state)
{
	ABT_thread thread;

	(void)state;
	assert_int_equal(ABT_init(0, NULL), ABT_SUCCESS);
	assert_int_equal(ABT_init(0, NULL), ABT_SUCCESS);
	assert_int_equal(ABT_finalize(), ABT_SUCCESS);
	assert_int_equal(ABT_thread_self(&thread), ABT_SUCCESS);
	assert_int_equal(ABT_finalize(), ABT_SUCCESS);
	assert_int_equal(ABT_thread_self(&thread), ABT_ERR_UNINITIALIZED);
}

static void
test_wtime(void **state)
{
	double before = (double)time(NULL) - 1, now = ABT_get_wtime();

	(void)state;
	assert_true(now > before && now < before + 60);
}

/* ---- Null handles ---- */

static void
test_null_handles(void **state)
{
	ABT_xstream null_xstream = ABT_XSTREAM_NULL;
	ABT_sched null_sched = ABT_SCHED_NULL;
	ABT_sched_config null_config = ABT_SCHED_CONFIG_NULL;
	ABT_pool null_pool = ABT_POOL_NULL;
	ABT_thread null_thread = ABT_THREAD_NULL;
	ABT_thread_attr null_attr = ABT_THREAD_ATTR_NULL;
	ABT_task null_task = ABT_TASK_NULL;
	ABT_mutex null_mutex = ABT_MUTEX_NULL, mutex;
	ABT_mutex_attr null_mattr = ABT_MUTEX_ATTR_NULL;
	ABT_cond null_cond = ABT_COND_NULL, cond;
	ABT_rwlock null_rwlock = ABT_RWLOCK_NULL;
	ABT_eventual null_eventual = ABT_EVENTUAL_NULL;
	ABT_future null_future = ABT_FUTURE_NULL;
	struct timespec t = {0};
	ABT_pool a_pool;
	ABT_unit unit;
	ABT_thread thread;
	ABT_bool flag;
	void *data;
	size_t size;
	int number;
	void (*func)(void *);

	(void)state;
	assert_int_equal(ABT_xstream_join(null_xstream), ABT_ERR_INV_XSTREAM);
	assert_int_equal(ABT_xstream_free(&null_xstream), ABT_ERR_INV_XSTREAM);
	assert_int_equal(ABT_xstream_get_main_sched(null_xstream, &null_sched),
			 ABT_ERR_INV_XSTREAM);
	assert_int_equal(ABT_info_print_xstream(stderr, null_xstream), ABT_ERR_INV_XSTREAM);

	null_sched = ABT_SCHED_NULL;
	assert_int_equal(ABT_xstream_check_events(null_sched), ABT_ERR_INV_SCHED);
	assert_int_equal(ABT_sched_free(&null_sched), ABT_ERR_INV_SCHED);
	assert_int_equal(ABT_sched_set_data(null_sched, NULL), ABT_ERR_INV_SCHED);
	assert_int_equal(ABT_sched_get_data(null_sched, &data), ABT_ERR_INV_SCHED);
	assert_int_equal(ABT_sched_get_num_pools(null_sched, &number), ABT_ERR_INV_SCHED);
	assert_int_equal(ABT_sched_get_pools(null_sched, 1, 0, &a_pool), ABT_ERR_INV_SCHED);
	flag = ABT_TRUE;
	assert_int_equal(ABT_sched_has_to_stop(null_sched, &flag), ABT_ERR_INV_SCHED);
	assert_int_equal(flag, ABT_FALSE);
	assert_int_equal(ABT_info_print_sched(stderr, null_sched), ABT_ERR_INV_SCHED);
	assert_int_equal(ABT_sched_config_read(null_config, 0), ABT_ERR_INV_SCHED_CONFIG);
	assert_int_equal(ABT_sched_config_free(&null_config), ABT_ERR_INV_SCHED_CONFIG);

	assert_int_equal(ABT_pool_free(&null_pool), ABT_ERR_INV_POOL);
	assert_int_equal(ABT_pool_get_size(null_pool, &size), ABT_ERR_INV_POOL);
	assert_int_equal(ABT_pool_get_total_size(null_pool, &size), ABT_ERR_INV_POOL);
	assert_int_equal(ABT_pool_pop(null_pool, &unit), ABT_ERR_INV_POOL);
	assert_int_equal(ABT_info_print_pool(stderr, null_pool), ABT_ERR_INV_POOL);
	assert_int_equal(ABT_xstream_run_unit(ABT_UNIT_NULL, null_pool), ABT_ERR_INV_POOL);
	assert_int_equal(ABT_xstream_run_unit(ABT_UNIT_NULL, pool), ABT_ERR_INV_UNIT);
	assert_int_equal(ABT_unit_get_thread(ABT_UNIT_NULL, &thread), ABT_ERR_INV_UNIT);

	assert_int_equal(ABT_thread_create(null_pool, free, NULL, null_attr, NULL),
			 ABT_ERR_INV_POOL);
	thread = (ABT_thread)&number;
	assert_int_equal(ABT_thread_create(null_pool, free, NULL, null_attr, &thread),
			 ABT_ERR_INV_POOL);
	assert_true(thread == ABT_THREAD_NULL);
	assert_int_equal(ABT_thread_free(&null_thread), ABT_ERR_INV_THREAD);
	assert_int_equal(ABT_thread_join(null_thread), ABT_ERR_INV_THREAD);
	assert_int_equal(ABT_thread_resume(null_thread), ABT_ERR_INV_THREAD);
	assert_int_equal(ABT_thread_is_unnamed(null_thread, &flag), ABT_ERR_INV_THREAD);
	assert_int_equal(ABT_thread_get_thread_func(null_thread, &func), ABT_ERR_INV_THREAD);
	assert_int_equal(ABT_info_print_thread(stderr, null_thread), ABT_ERR_INV_THREAD);
	assert_int_equal(ABT_thread_attr_free(&null_attr), ABT_ERR_INV_THREAD_ATTR);
	assert_int_equal(ABT_thread_attr_set_stacksize(null_attr, 65536), ABT_ERR_INV_THREAD_ATTR);
	assert_int_equal(ABT_task_create(null_pool, free, NULL, NULL), ABT_ERR_INV_POOL);
	assert_int_equal(ABT_task_free(&null_task), ABT_ERR_INV_TASK);

	assert_int_equal(ABT_mutex_free(&null_mutex), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_mutex_lock(null_mutex), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_mutex_trylock(null_mutex), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_mutex_unlock(null_mutex), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_mutex_attr_free(&null_mattr), ABT_ERR_INV_MUTEX_ATTR);
	assert_int_equal(ABT_mutex_attr_set_recursive(null_mattr, ABT_TRUE),
			 ABT_ERR_INV_MUTEX_ATTR);
	/* Null attributes are the default ones. */
	assert_int_equal(ABT_mutex_create_with_attr(null_mattr, &mutex), ABT_SUCCESS);
	assert_int_equal(ABT_cond_create(&cond), ABT_SUCCESS);

	assert_int_equal(ABT_cond_free(&null_cond), ABT_ERR_INV_COND);
	assert_int_equal(ABT_cond_wait(null_cond, mutex), ABT_ERR_INV_COND);
	assert_int_equal(ABT_cond_wait(cond, null_mutex), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_cond_timedwait(null_cond, mutex, &t), ABT_ERR_INV_COND);
	assert_int_equal(ABT_cond_timedwait(cond, null_mutex, &t), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_cond_signal(null_cond), ABT_ERR_INV_COND);
	assert_int_equal(ABT_cond_broadcast(null_cond), ABT_ERR_INV_COND);
	assert_int_equal(ABT_cond_free(&cond), ABT_SUCCESS);
	assert_true(cond == ABT_COND_NULL);
	assert_int_equal(ABT_mutex_free(&mutex), ABT_SUCCESS);
	assert_true(mutex == ABT_MUTEX_NULL);

	assert_int_equal(ABT_rwlock_free(&null_rwlock), ABT_ERR_INV_RWLOCK);
	assert_int_equal(ABT_rwlock_rdlock(null_rwlock), ABT_ERR_INV_RWLOCK);
	assert_int_equal(ABT_rwlock_wrlock(null_rwlock), ABT_ERR_INV_RWLOCK);
	assert_int_equal(ABT_rwlock_unlock(null_rwlock), ABT_ERR_INV_RWLOCK);
	assert_int_equal(ABT_eventual_free(&null_eventual), ABT_ERR_INV_EVENTUAL);
	assert_int_equal(ABT_eventual_wait(null_eventual, NULL), ABT_ERR_INV_EVENTUAL);
	assert_int_equal(ABT_eventual_set(null_eventual, NULL, 0), ABT_ERR_INV_EVENTUAL);
	assert_int_equal(ABT_eventual_reset(null_eventual), ABT_ERR_INV_EVENTUAL);
	assert_int_equal(ABT_future_free(&null_future), ABT_ERR_INV_FUTURE);
	assert_int_equal(ABT_future_wait(null_future), ABT_ERR_INV_FUTURE);
	assert_int_equal(ABT_future_test(null_future, &flag), ABT_ERR_INV_FUTURE);
	assert_int_equal(ABT_future_set(null_future, NULL), ABT_ERR_INV_FUTURE);
}

/* ---- Execution streams and schedulers ---- */

static void
test_xstream_misuse(void **state)
{
	ABT_xstream other = xstream;
	ABT_sched sched;

	(void)state;
	assert_int_equal(ABT_xstream_create_with_rank(ABT_SCHED_NULL, -1, &other),
			 ABT_ERR_INV_XSTREAM_RANK);
	assert_true(other == ABT_XSTREAM_NULL);
	assert_int_equal(ABT_xstream_create_with_rank(ABT_SCHED_NULL, 7, &other),
			 ABT_ERR_INV_XSTREAM_RANK);
	assert_int_equal(ABT_xstream_create_with_rank(ABT_SCHED_NULL, 0, &other),
			 ABT_ERR_INV_XSTREAM_RANK);
	assert_int_equal(ABT_xstream_get_main_sched(xstream, &sched), ABT_SUCCESS);
	assert_int_equal(ABT_xstream_create_with_rank(sched, 8, &other), ABT_ERR_INV_SCHED);
	assert_int_equal(ABT_sched_free(&sched), ABT_ERR_SCHED);
	/* Not from the scheduler itself. */
	assert_int_equal(ABT_xstream_check_events(sched), ABT_ERR_INV_THREAD);
}

static void
free_own_xstream(void *arg)
{
	ABT_xstream self = xstream;

	*(int *)arg = ABT_xstream_free(&self);
}

static void
run_null(void *arg)
{
	*(int *)arg = ABT_xstream_run_unit((ABT_unit)arg, pool);
}

static void
check_events_outside(void *arg)
{
	ABT_sched sched;
	ABT_bool stop = ABT_TRUE;

	ABT_xstream_get_main_sched(xstream, &sched);
	*(int *)arg = ABT_sched_has_to_stop(sched, &stop);
	if (stop != ABT_FALSE)
		*(int *)arg = -1;
	if (ABT_xstream_check_events(sched) != ABT_ERR_INV_XSTREAM)
		*(int *)arg = -2;
}

static void
test_wrong_caller(void **state)
{
	int rc;

	(void)state;
	run_as_ult(free_own_xstream, &rc);
	assert_int_equal(rc, ABT_ERR_INV_XSTREAM);
	run_as_task(run_null, &rc);
	assert_int_equal(rc, ABT_ERR_INV_THREAD);
	run_as_pthread(run_null, &rc);
	assert_int_equal(rc, ABT_ERR_INV_XSTREAM);
	run_as_pthread(check_events_outside, &rc);
	assert_int_equal(rc, ABT_ERR_INV_XSTREAM);
}

static int
refuse(ABT_sched sched, ABT_sched_config config)
{
	(void)sched;
	(void)config;
	return ABT_ERR_MEM;
}

struct parameters {
	int number;
	double ratio;
	const char *name;
	int rc;
};

static int
read_parameters(ABT_sched sched, ABT_sched_config config)
{
	struct parameters *read = malloc(sizeof(*read));

	memset(read, 0, sizeof(*read));
	read->rc = ABT_sched_config_read(config, 3, &read->number, &read->ratio, &read->name);
	return ABT_sched_set_data(sched, read);
}

static void
run_nothing(ABT_sched sched)
{
	(void)sched;
}

static int
free_parameters(ABT_sched sched)
{
	void *data;

	assert_int_equal(ABT_sched_get_data(sched, &data), ABT_SUCCESS);
	free(data);
	return ABT_SUCCESS;
}

static void
test_sched_config(void **state)
{
	ABT_sched_def def = {.type = ABT_SCHED_TYPE_ULT,
			     .init = read_parameters,
			     .run = run_nothing,
			     .free = free_parameters};
	ABT_sched_config_var number = {.idx = 0, .type = ABT_SCHED_CONFIG_INT};
	ABT_sched_config_var ratio = {.idx = 1, .type = ABT_SCHED_CONFIG_DOUBLE};
	ABT_sched_config_var name = {.idx = 2, .type = ABT_SCHED_CONFIG_PTR};
	ABT_sched_config_var wrong = {.idx = 0, .type = 99};
	ABT_sched_config_var many[12];
	ABT_sched_config config;
	ABT_sched sched;
	ABT_pool pools[3] = {ABT_POOL_NULL, ABT_POOL_NULL, ABT_POOL_NULL};
	struct parameters *read;
	double d = 0;
	int i, n, values[12];

	(void)state;
	assert_int_equal(ABT_sched_config_create(&config, number, -5, ratio, 2.5, name, "abc",
						 ABT_sched_config_var_end),
			 ABT_SUCCESS);
	assert_int_equal(ABT_sched_create(&def, 3, pools, config, &sched), ABT_SUCCESS);
	assert_int_equal(ABT_sched_get_data(sched, (void **)&read), ABT_SUCCESS);
	assert_int_equal(read->rc, ABT_SUCCESS);
	assert_int_equal(read->number, -5);
	assert_true(read->ratio == 2.5);
	assert_string_equal(read->name, "abc");
	/* A null pointer skips a value; a value that was not set leaves the place as it is. */
	assert_int_equal(ABT_sched_config_read(config, 5, NULL, &d, NULL, &n, &n), ABT_SUCCESS);
	assert_true(d == 2.5);
	assert_int_equal(ABT_sched_config_free(&config), ABT_SUCCESS);
	assert_true(config == ABT_SCHED_CONFIG_NULL);

	/* Pools of its own in the place of null. */
	assert_int_equal(ABT_sched_get_num_pools(sched, &n), ABT_SUCCESS);
	assert_int_equal(n, 3);
	assert_int_equal(ABT_sched_get_pools(sched, 2, 1, pools), ABT_SUCCESS);
	assert_true(pools[0] != ABT_POOL_NULL && pools[1] != ABT_POOL_NULL && pools[0] != pools[1]);
	assert_int_equal(ABT_sched_get_pools(sched, 2, 2, pools), ABT_ERR_SCHED);
	assert_int_equal(ABT_sched_get_pools(sched, -1, 0, pools), ABT_ERR_INV_ARG);
	assert_int_equal(ABT_sched_get_pools(sched, 1, -1, pools), ABT_ERR_INV_ARG);
	assert_int_equal(ABT_sched_free(&sched), ABT_SUCCESS);
	assert_true(sched == ABT_SCHED_NULL);

	assert_int_equal(ABT_sched_config_create(&config, wrong, 1, ABT_sched_config_var_end),
			 ABT_ERR_INV_ARG);
	def.init = refuse;
	assert_int_equal(ABT_sched_create(&def, 0, NULL, ABT_SCHED_CONFIG_NULL, &sched),
			 ABT_ERR_MEM);
	assert_true(sched == ABT_SCHED_NULL);
	assert_int_equal(ABT_sched_create(&def, -1, NULL, ABT_SCHED_CONFIG_NULL, &sched),
			 ABT_ERR_INV_ARG);

	/* More arguments than fit in registers, of both classes. */
	for (i = 0; i < 12; i++) {
		many[i].idx = i;
		many[i].type = ABT_SCHED_CONFIG_INT;
		values[i] = 0;
	}
	assert_int_equal(ABT_sched_config_create(&config, many[0], 100, many[1], 101, many[2], 102,
						 many[3], 103, many[4], 104, many[5], 105, many[6],
						 106, many[7], 107, many[8], 108, many[9], 109,
						 many[10], 110, many[11], 111,
						 ABT_sched_config_var_end),
			 ABT_SUCCESS);
	assert_int_equal(ABT_sched_config_read(config, 12, &values[0], &values[1], &values[2],
					       &values[3], &values[4], &values[5], &values[6],
					       &values[7], &values[8], &values[9], &values[10],
					       &values[11]),
			 ABT_SUCCESS);
	for (i = 0; i < 12; i++)
		assert_int_equal(values[i], 100 + i);
	assert_int_equal(ABT_sched_config_free(&config), ABT_SUCCESS);
	{
		double got[10] = {0};
		ABT_sched_config_var v[10];

		for (i = 0; i < 10; i++) {
			v[i].idx = i;
			v[i].type = ABT_SCHED_CONFIG_DOUBLE;
		}
		assert_int_equal(ABT_sched_config_create(&config, v[0], 0.5, v[1], 1.5, v[2], 2.5,
							 v[3], 3.5, v[4], 4.5, v[5], 5.5, v[6], 6.5,
							 v[7], 7.5, v[8], 8.5, v[9], 9.5,
							 ABT_sched_config_var_end),
				 ABT_SUCCESS);
		assert_int_equal(ABT_sched_config_read(config, 10, &got[0], &got[1], &got[2],
						       &got[3], &got[4], &got[5], &got[6], &got[7],
						       &got[8], &got[9]),
				 ABT_SUCCESS);
		for (i = 0; i < 10; i++)
			assert_true(got[i] == i + 0.5);
		assert_int_equal(ABT_sched_config_free(&config), ABT_SUCCESS);
	}
}

static void
test_pool(void **state)
{
	ABT_pool new_pool = pool;
	ABT_unit unit;
	size_t size = 99;
	int access;

	(void)state;
	assert_int_equal(ABT_pool_create_basic(ABT_POOL_FIFO, 99, ABT_FALSE, &new_pool),
			 ABT_ERR_INV_POOL_ACCESS);
	assert_true(new_pool == ABT_POOL_NULL);
	assert_int_equal(ABT_pool_create_basic(99, ABT_POOL_ACCESS_MPMC, ABT_FALSE, &new_pool),
			 ABT_ERR_INV_POOL_KIND);
	for (access = ABT_POOL_ACCESS_PRIV; access <= ABT_POOL_ACCESS_MPMC; access++) {
		assert_int_equal(ABT_pool_create_basic(ABT_POOL_FIFO, access, ABT_FALSE, &new_pool),
				 ABT_SUCCESS);
		assert_int_equal(ABT_pool_get_size(new_pool, &size), ABT_SUCCESS);
		assert_int_equal(size, 0);
		assert_int_equal(ABT_pool_pop(new_pool, &unit), ABT_SUCCESS);
		assert_true(unit == ABT_UNIT_NULL);
		assert_int_equal(ABT_pool_free(&new_pool), ABT_SUCCESS);
		assert_true(new_pool == ABT_POOL_NULL);
	}
}

/* ---- ULTs and tasklets ---- */

static void
join_itself(void *arg)
{
	ABT_thread self;

	ABT_thread_self(&self);
	*(int *)arg = ABT_thread_join(self);
	if (ABT_thread_free(&self) != ABT_ERR_INV_THREAD)
		*(int *)arg = -1;
}

static void
ask_for_self(void *arg)
{
	int *rc = arg;
	ABT_thread self;
	uint64_t id;

	rc[0] = ABT_thread_self(&self);
	rc[1] = ABT_self_get_thread_id(&id);
	rc[2] = ABT_self_suspend();
	rc[3] = ABT_thread_yield();
}

static void
resume_itself(void *arg)
{
	ABT_thread self;

	ABT_thread_self(&self);
	*(int *)arg = ABT_thread_resume(self);
}

static void
test_thread_misuse(void **state)
{
	ABT_thread primary;
	int rc, rcs[4];

	(void)state;
	run_as_ult(join_itself, &rc);
	assert_int_equal(rc, ABT_ERR_INV_THREAD);
	run_as_ult(resume_itself, &rc);
	assert_int_equal(rc, ABT_ERR_THREAD);
	assert_int_equal(ABT_thread_self(&primary), ABT_SUCCESS);
	assert_int_equal(ABT_thread_join(primary), ABT_ERR_INV_THREAD);
	assert_int_equal(ABT_thread_free(&primary), ABT_ERR_INV_THREAD);
	run_as_task(ask_for_self, rcs);
	assert_int_equal(rcs[0], ABT_ERR_INV_THREAD);
	assert_int_equal(rcs[1], ABT_SUCCESS);
	assert_int_equal(rcs[2], ABT_ERR_INV_THREAD);
	assert_int_equal(rcs[3], ABT_SUCCESS);
	run_as_pthread(ask_for_self, rcs);
	assert_int_equal(rcs[0], ABT_ERR_INV_XSTREAM);
	assert_int_equal(rcs[1], ABT_ERR_INV_XSTREAM);
	assert_int_equal(rcs[2], ABT_ERR_INV_XSTREAM);
	assert_int_equal(rcs[3], ABT_SUCCESS);
}

/* ---- Synchronization ---- */

struct objects {
	ABT_mutex mutex;
	ABT_cond cond;
	ABT_rwlock rwlock;
	ABT_eventual eventual;
	ABT_future future;
	int rc[8];
};

static void
create_objects(struct objects *o)
{
	assert_int_equal(ABT_mutex_create(&o->mutex), ABT_SUCCESS);
	assert_int_equal(ABT_cond_create(&o->cond), ABT_SUCCESS);
	assert_int_equal(ABT_rwlock_create(&o->rwlock), ABT_SUCCESS);
	assert_int_equal(ABT_eventual_create(4, &o->eventual), ABT_SUCCESS);
	assert_int_equal(ABT_future_create(2, NULL, &o->future), ABT_SUCCESS);
}

static void
free_objects(struct objects *o)
{
	assert_int_equal(ABT_future_free(&o->future), ABT_SUCCESS);
	assert_true(o->future == ABT_FUTURE_NULL);
	assert_int_equal(ABT_eventual_free(&o->eventual), ABT_SUCCESS);
	assert_true(o->eventual == ABT_EVENTUAL_NULL);
	assert_int_equal(ABT_rwlock_free(&o->rwlock), ABT_SUCCESS);
	assert_true(o->rwlock == ABT_RWLOCK_NULL);
	assert_int_equal(ABT_cond_free(&o->cond), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_free(&o->mutex), ABT_SUCCESS);
}

static void
block_everywhere(void *arg)
{
	struct objects *o = arg;

	o->rc[0] = ABT_mutex_lock(o->mutex);
	o->rc[1] = ABT_cond_wait(o->cond, o->mutex);
	o->rc[2] = ABT_mutex_unlock(o->mutex);
	o->rc[3] = ABT_rwlock_rdlock(o->rwlock);
	o->rc[4] = ABT_rwlock_wrlock(o->rwlock);
	o->rc[5] = ABT_eventual_wait(o->eventual, NULL);
	o->rc[6] = ABT_future_wait(o->future);
}

static void
test_sync_in_tasklet(void **state)
{
	struct objects o;

	(void)state;
	create_objects(&o);
	run_as_task(block_everywhere, &o);
	assert_int_equal(o.rc[0], ABT_SUCCESS);
	assert_int_equal(o.rc[1], ABT_ERR_COND);
	assert_int_equal(o.rc[2], ABT_SUCCESS);
	assert_int_equal(o.rc[3], ABT_ERR_RWLOCK);
	assert_int_equal(o.rc[4], ABT_ERR_RWLOCK);
	assert_int_equal(o.rc[5], ABT_ERR_EVENTUAL);
	assert_int_equal(o.rc[6], ABT_ERR_FUTURE);
	free_objects(&o);
}

static void
try_lock(void *arg)
{
	struct objects *o = arg;

	o->rc[0] = ABT_mutex_trylock(o->mutex);
}

static void
wait_for_signal(void *arg)
{
	struct objects *o = arg;

	ABT_mutex_lock(o->mutex);
	o->rc[1] = 1;
	o->rc[0] = ABT_cond_wait(o->cond, o->mutex);
	o->rc[1] = 2;
	ABT_mutex_unlock(o->mutex);
}

static void
test_mutex_and_cond(void **state)
{
	struct timespec past = {.tv_sec = 1};
	struct objects o;
	ABT_mutex other;
	ABT_thread thread;
	int waiting;

	(void)state;
	create_objects(&o);
	assert_int_equal(ABT_mutex_create(&other), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_lock(o.mutex), ABT_SUCCESS);
	run_as_ult(try_lock, &o);
	assert_int_equal(o.rc[0], ABT_ERR_MUTEX_LOCKED);
	run_as_task(try_lock, &o);
	assert_int_equal(o.rc[0], ABT_ERR_MUTEX_LOCKED);
	run_as_pthread(try_lock, &o);
	assert_int_equal(o.rc[0], ABT_ERR_MUTEX_LOCKED);
	assert_int_equal(ABT_cond_timedwait(o.cond, o.mutex, &past), ABT_ERR_COND_TIMEDOUT);
	assert_int_equal(ABT_mutex_unlock(o.mutex), ABT_SUCCESS);

	/* A condition variable stays with its mutex. */
	assert_int_equal(ABT_mutex_lock(other), ABT_SUCCESS);
	assert_int_equal(ABT_cond_wait(o.cond, other), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_cond_timedwait(o.cond, other, &past), ABT_ERR_INV_MUTEX);
	assert_int_equal(ABT_mutex_unlock(other), ABT_SUCCESS);

	o.rc[1] = 0;
	assert_int_equal(
		ABT_thread_create(pool, wait_for_signal, &o, ABT_THREAD_ATTR_NULL, &thread),
		ABT_SUCCESS);
	do {
		ABT_mutex_lock(o.mutex);
		waiting = o.rc[1];
		ABT_mutex_unlock(o.mutex);
	} while (waiting != 1);
	assert_int_equal(ABT_cond_free(&o.cond), ABT_ERR_COND);
	assert_int_equal(ABT_cond_signal(o.cond), ABT_SUCCESS);
	assert_int_equal(ABT_thread_free(&thread), ABT_SUCCESS);
	assert_int_equal(o.rc[0], ABT_SUCCESS);
	assert_int_equal(o.rc[1], 2);
	/* Nobody is there to be woken. */
	assert_int_equal(ABT_cond_signal(o.cond), ABT_SUCCESS);
	assert_int_equal(ABT_cond_broadcast(o.cond), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_free(&other), ABT_SUCCESS);
	free_objects(&o);
}

static void
test_recursive_mutex(void **state)
{
	struct objects o;
	ABT_mutex_attr attr;

	(void)state;
	assert_int_equal(ABT_mutex_attr_create(&attr), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_attr_set_recursive(attr, ABT_TRUE), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_create_with_attr(attr, &o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_attr_free(&attr), ABT_SUCCESS);
	assert_true(attr == ABT_MUTEX_ATTR_NULL);
	assert_int_equal(ABT_mutex_lock(o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_lock(o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_trylock(o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_unlock(o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_unlock(o.mutex), ABT_SUCCESS);
	run_as_ult(try_lock, &o);
	assert_int_equal(o.rc[0], ABT_ERR_MUTEX_LOCKED);
	assert_int_equal(ABT_mutex_unlock(o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_trylock(o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_unlock(o.mutex), ABT_SUCCESS);
	assert_int_equal(ABT_mutex_free(&o.mutex), ABT_SUCCESS);
}

static void
test_eventual(void **state)
{
	ABT_eventual eventual;
	int value = 42, *seen = NULL;
	void *none = &value;

	(void)state;
	assert_int_equal(ABT_eventual_create(-1, &eventual), ABT_ERR_INV_ARG);
	assert_int_equal(ABT_eventual_create(sizeof(int), &eventual), ABT_SUCCESS);
	assert_int_equal(ABT_eventual_set(eventual, &value, -1), ABT_ERR_INV_ARG);
	assert_int_equal(ABT_eventual_set(eventual, &value, sizeof(int) + 1), ABT_ERR_INV_EVENTUAL);
	assert_int_equal(ABT_eventual_set(eventual, &value, sizeof(int)), ABT_SUCCESS);
	assert_int_equal(ABT_eventual_set(eventual, &value, sizeof(int)), ABT_ERR_EVENTUAL);
	assert_int_equal(ABT_eventual_wait(eventual, (void **)&seen), ABT_SUCCESS);
	assert_int_equal(*seen, 42);
	assert_true(((uintptr_t)seen & 15) == 0);
	assert_int_equal(ABT_eventual_reset(eventual), ABT_SUCCESS);
	value = 43;
	assert_int_equal(ABT_eventual_set(eventual, &value, sizeof(int)), ABT_SUCCESS);
	assert_int_equal(*seen, 43);
	assert_int_equal(ABT_eventual_free(&eventual), ABT_SUCCESS);

	assert_int_equal(ABT_eventual_create(0, &eventual), ABT_SUCCESS);
	assert_int_equal(ABT_eventual_set(eventual, NULL, 0), ABT_SUCCESS);
	assert_int_equal(ABT_eventual_wait(eventual, &none), ABT_SUCCESS);
	assert_null(none);
	assert_int_equal(ABT_eventual_free(&eventual), ABT_SUCCESS);
}

static int callbacks;

static void
on_ready(void **values)
{
	assert_ptr_equal(values[0], (void *)1);
	assert_ptr_equal(values[1], (void *)2);
	callbacks++;
}

static void
test_future(void **state)
{
	ABT_future future;
	ABT_bool ready = ABT_TRUE;

	(void)state;
	assert_int_equal(ABT_future_create(2, on_ready, &future), ABT_SUCCESS);
	assert_int_equal(ABT_future_set(future, (void *)1), ABT_SUCCESS);
	assert_int_equal(ABT_future_test(future, &ready), ABT_SUCCESS);
	assert_int_equal(ready, ABT_FALSE);
	assert_int_equal(callbacks, 0);
	assert_int_equal(ABT_future_set(future, (void *)2), ABT_SUCCESS);
	assert_int_equal(callbacks, 1);
	assert_int_equal(ABT_future_test(future, &ready), ABT_SUCCESS);
	assert_int_equal(ready, ABT_TRUE);
	assert_int_equal(ABT_future_wait(future), ABT_SUCCESS);
	assert_int_equal(ABT_future_set(future, (void *)3), ABT_ERR_FUTURE);
	assert_int_equal(ABT_future_free(&future), ABT_SUCCESS);

	/* Ready from the start, and never set. */
	assert_int_equal(ABT_future_create(0, NULL, &future), ABT_SUCCESS);
	assert_int_equal(ABT_future_wait(future), ABT_SUCCESS);
	assert_int_equal(ABT_future_set(future, NULL), ABT_ERR_FUTURE);
	assert_int_equal(ABT_future_free(&future), ABT_SUCCESS);
}

static void
wait_and_count(void *arg)
{
	struct objects *o = arg;

	ABT_eventual_wait(o->eventual, NULL);
	ABT_rwlock_wrlock(o->rwlock);
	o->rc[0]++;
	ABT_thread_yield();
	ABT_rwlock_unlock(o->rwlock);
	ABT_future_set(o->future, NULL);
	ABT_future_wait(o->future);
}

static void
test_many_waiters(void **state)
{
	ABT_thread thread[50];
	pthread_t other[4];
	struct objects o;
	int value = 1, i;

	(void)state;
	create_objects(&o);
	assert_int_equal(ABT_future_free(&o.future), ABT_SUCCESS);
	assert_int_equal(ABT_future_create(54, NULL, &o.future), ABT_SUCCESS);
	o.rc[0] = 0;
	for (i = 0; i < 50; i++)
		assert_int_equal(ABT_thread_create(pool, wait_and_count, &o, ABT_THREAD_ATTR_NULL,
						   &thread[i]),
				 ABT_SUCCESS);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&other[i], NULL,
						(void *(*)(void *))(void (*)(void))wait_and_count,
						&o),
				 0);
	assert_int_equal(ABT_eventual_set(o.eventual, &value, sizeof(value)), ABT_SUCCESS);
	for (i = 0; i < 50; i++)
		assert_int_equal(ABT_thread_free(&thread[i]), ABT_SUCCESS);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(other[i], NULL), 0);
	assert_int_equal(o.rc[0], 54);
	free_objects(&o);
}

/* ---- Information ---- */

static void
test_info(void **state)
{
	ABT_thread self;
	ABT_sched sched;
	char *text;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	(void)state;
	assert_non_null(file);
	assert_int_equal(ABT_thread_self(&self), ABT_SUCCESS);
	assert_int_equal(ABT_xstream_get_main_sched(xstream, &sched), ABT_SUCCESS);
	assert_int_equal(ABT_info_print_config(file), ABT_SUCCESS);
	assert_non_null(strstr(text, "Argobots Configuration:"));
	assert_int_equal(ABT_info_print_all_xstreams(file), ABT_SUCCESS);
	assert_non_null(strstr(text, "# of created ESs: 2"));
	assert_int_equal(ABT_info_print_xstream(file, xstream), ABT_SUCCESS);
	assert_non_null(strstr(text, "== ES ("));
	assert_int_equal(ABT_info_print_sched(file, sched), ABT_SUCCESS);
	assert_non_null(strstr(text, "== SCHED ("));
	assert_int_equal(ABT_info_print_pool(file, pool), ABT_SUCCESS);
	assert_non_null(strstr(text, "== POOL ("));
	assert_int_equal(ABT_info_print_thread(file, self), ABT_SUCCESS);
	assert_non_null(strstr(text, "type       : PRIMARY"));
	fclose(file);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uninitialized),
		cmocka_unit_test(test_init_counts),
		cmocka_unit_test(test_wtime),
		cmocka_unit_test_setup_teardown(test_null_handles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xstream_misuse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_caller, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sched_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thread_misuse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_in_tasklet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mutex_and_cond, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recursive_mutex, setup, teardown),
		cmocka_unit_test_setup_teardown(test_eventual, setup, teardown),
		cmocka_unit_test_setup_teardown(test_future, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_waiters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
