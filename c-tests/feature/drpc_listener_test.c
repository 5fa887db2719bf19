/* The feature drpc-listener alone: its ULT is a thread here, Argobots' mutex one of pthreads, and
 * the socket and the progress on it are the suite's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <abt.h>
#include <daos_errno.h>
#include <daos_srv/daos_engine.h>
#include <engine/drpc_handler.h>
#include <engine/drpc_internal.h>

/* ---- what is around the file ---- */

/** Of srv.c: no folder, because nothing is made in it. */
const char *dss_socket_dir = "/no/such/folder";

static struct unixcomm comm = {.fd = -1};
static struct drpc listener = {.comm = &comm, .ref_count = 1};
static struct drpc_progress_context context;

static bool listen_fails, context_fails;
static int listened, closed;
static char listened_at[256];

struct drpc *
drpc_listen(char *path, drpc_handler_t handler)
{
	assert_ptr_equal(handler, drpc_hdlr_process_msg);
	listened++;
	snprintf(listened_at, sizeof(listened_at), "%s", path);
	return listen_fails ? NULL : &listener;
}

int
drpc_close(struct drpc *ctx)
{
	assert_ptr_equal(ctx, &listener);
	closed++;
	return 0;
}

struct drpc_progress_context *
drpc_progress_context_create(struct drpc *ctx)
{
	assert_ptr_equal(ctx, &listener);
	return context_fails ? NULL : &context;
}

static atomic_int contexts_closed;

void
drpc_progress_context_close(struct drpc_progress_context *ctx)
{
	assert_ptr_equal(ctx, &context);
	contexts_closed++;
}

static atomic_int rounds, longest;
static int progress_result;

int
drpc_progress(struct drpc_progress_context *ctx, int timeout)
{
	/* An assertion of cmocka works in the main thread only. */
	if (ctx != &context)
		abort();
	rounds++;
	if (timeout > atomic_load(&longest))
		longest = timeout;
	return progress_result;
}

static int create_result, created;
static pthread_t thread;
static void (*body)(void *);

static void *
run(void *arg)
{
	body(arg);
	return NULL;
}

int
dss_ult_create(void (*func)(void *), void *arg, int xs_type, int tgt_id, size_t stack_size,
	       ABT_thread *ult)
{
	assert_int_equal(xs_type, DSS_XS_DRPC);
	created++;
	if (create_result != 0)
		return create_result;
	body = func;
	*ult = (ABT_thread)&thread;
	return pthread_create(&thread, NULL, run, arg);
}

static int joined, freed;

int
ABT_thread_join(ABT_thread ult)
{
	assert_ptr_equal(ult, &thread);
	joined++;
	pthread_join(thread, NULL);
	return ABT_SUCCESS;
}

int
ABT_thread_free(ABT_thread *ult)
{
	assert_ptr_equal(*ult, &thread);
	freed++;
	*ult = ABT_THREAD_NULL;
	return ABT_SUCCESS;
}

int
ABT_thread_yield(void)
{
	usleep(100);
	return ABT_SUCCESS;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int mutex_result, mutexes;

int
ABT_mutex_create(ABT_mutex *mutex)
{
	if (mutex_result != ABT_SUCCESS)
		return mutex_result;
	mutexes++;
	*mutex = (ABT_mutex)&lock;
	return ABT_SUCCESS;
}

int
ABT_mutex_free(ABT_mutex *mutex)
{
	assert_ptr_equal(*mutex, &lock);
	mutexes--;
	*mutex = ABT_MUTEX_NULL;
	return ABT_SUCCESS;
}

int
ABT_mutex_lock(ABT_mutex mutex)
{
	return mutex == (ABT_mutex)&lock && pthread_mutex_lock(&lock) == 0 ? ABT_SUCCESS
									   : ABT_ERR_MUTEX;
}

int
ABT_mutex_unlock(ABT_mutex mutex)
{
	return mutex == (ABT_mutex)&lock && pthread_mutex_unlock(&lock) == 0 ? ABT_SUCCESS
									     : ABT_ERR_MUTEX;
}

/* ---- tests ---- */

static int
set_up(void **state)
{
	listen_fails = context_fails = false;
	listened = closed = created = create_result = joined = freed = progress_result = 0;
	mutex_result = ABT_SUCCESS;
	rounds = longest = contexts_closed = 0;
	return 0;
}

/** No trace of a listener is left. */
static int
tear_down(void **state)
{
	return drpc_listener_socket_path != NULL || mutexes != 0;
}

static void
wait_for_rounds(int count)
{
	while (atomic_load(&rounds) < count)
		usleep(1000);
}

static void
it_listens_in_the_folder_of_sockets(void **state)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/daos_engine_%d.sock", dss_socket_dir, getpid());
	assert_int_equal(drpc_listener_init(), 0);
	assert_string_equal(drpc_listener_socket_path, path);
	assert_string_equal(listened_at, path);
	assert_int_equal(created, 1);
	assert_int_equal(drpc_listener_fini(), 0);
}

static void
its_ult_makes_progress_until_the_end(void **state)
{
	assert_int_equal(drpc_listener_init(), 0);
	wait_for_rounds(5);
	assert_int_equal(contexts_closed, 0);
	assert_int_equal(drpc_listener_fini(), 0);
	assert_int_equal(joined, 1);
	assert_int_equal(freed, 1);
	assert_int_equal(contexts_closed, 1);
}

static void
failures_of_progress_do_not_stop_it(void **state)
{
	progress_result = -DER_MISC;
	assert_int_equal(drpc_listener_init(), 0);
	wait_for_rounds(3);
	assert_int_equal(drpc_listener_fini(), 0);
}

static void
it_waits_longer_when_nothing_happens(void **state)
{
	progress_result = -DER_TIMEDOUT;
	assert_int_equal(drpc_listener_init(), 0);
	wait_for_rounds(10);
	assert_int_equal(drpc_listener_fini(), 0);
	assert_in_range(longest, 2, 1000);
}

static void
without_a_socket_there_is_no_listener(void **state)
{
	listen_fails = true;
	assert_int_equal(drpc_listener_init(), -DER_MISC);
	assert_int_equal(listened, 1);
	assert_int_equal(created, 0);
}

static void
without_a_context_the_socket_is_closed(void **state)
{
	context_fails = true;
	assert_int_equal(drpc_listener_init(), -DER_NOMEM);
	assert_int_equal(closed, 1);
	assert_int_equal(created, 0);
}

static void
without_a_ult_the_context_is_closed(void **state)
{
	create_result = -DER_SHUTDOWN;
	assert_int_equal(drpc_listener_init(), -DER_SHUTDOWN);
	assert_int_equal(contexts_closed, 1);
}

static void
without_a_mutex_nothing_is_begun(void **state)
{
	mutex_result = ABT_ERR_MEM;
	assert_int_equal(drpc_listener_init(), -DER_NOMEM);
	assert_int_equal(listened, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_listens_in_the_folder_of_sockets),
		TEST(its_ult_makes_progress_until_the_end),
		TEST(failures_of_progress_do_not_stop_it),
		TEST(it_waits_longer_when_nothing_happens),
		TEST(without_a_socket_there_is_no_listener),
		TEST(without_a_context_the_socket_is_closed),
		TEST(without_a_ult_the_context_is_closed),
		TEST(without_a_mutex_nothing_is_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
