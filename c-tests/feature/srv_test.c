/* The feature srv alone, on the scheduler, the thread-local storage and Argobots of the library
 * beneath: the suite is everything else that lies under xstreams, hwloc, CaRT, bio, VOS and
 * telemetry. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cart/api.h>
#include <daos_errno.h>
#include <daos_srv/bio.h>
#include <daos_srv/daos_engine.h>
#include <daos_srv/vos.h>
#include <engine/drpc_internal.h>
#include <engine/srv_internal.h>
#include <gurt/telemetry_producer.h>

enum { TARGETS = 2, OFFLOAD = 2, XSTREAMS = 7, CONTEXTS = 6, CORES = 16 };
enum { SYS = 0, SWIM = 1, DRPC = 2, MAIN_0 = 3, OFF_0 = 4, MAIN_1 = 5, OFF_1 = 6, NOBODY = -1 };
enum { PATIENCE_MS = 20000 };

/* ---- what happened ---- */

struct event {
	const char *what;
	int xs_id;
	long value;
};

static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER;
static struct event journal[512];
static int events;

/** The xstream of the calling thread. */
static int
self(void)
{
	return dss_tls_get() == NULL ? NOBODY : dss_get_module_info()->dmi_xs_id;
}

static void
note(const char *what, long value)
{
	pthread_mutex_lock(&journal_lock);
	assert_true(events < (int)(sizeof(journal) / sizeof(journal[0])));
	journal[events++] = (struct event){what, self(), value};
	pthread_mutex_unlock(&journal_lock);
}

/** Where in the journal `what` happened on an xstream; fails if it did not, or more than once. */
static int
when(const char *what, int xs_id)
{
	int found = -1;
	int i;

	for (i = 0; i < events; i++)
		if (strcmp(journal[i].what, what) == 0 && journal[i].xs_id == xs_id) {
			assert_int_equal(found, -1);
			found = i;
		}
	if (found < 0)
		fail_msg("%s did not happen on xstream %d", what, xs_id);
	return found;
}

static int
times(const char *what)
{
	int n = 0;
	int i;

	for (i = 0; i < events; i++)
		n += strcmp(journal[i].what, what) == 0;
	return n;
}

/** The step that fails, and where. */
static struct {
	const char *what;
	int xs_id;
} failing;

static int
attempt(const char *what, long value)
{
	if (failing.what != NULL && strcmp(failing.what, what) == 0 && failing.xs_id == self())
		return -DER_BUSY;
	note(what, value);
	return 0;
}

#define EVENTUALLY(condition)                      \
	do {                                       \
		int left = PATIENCE_MS;            \
		while (!(condition) && left-- > 0) \
			usleep(1000);              \
		assert_true(condition);            \
	} while (0)

/* ---- hwloc ---- */

struct hwloc_bitmap_s {
	unsigned long bits;
};

static struct hwloc_bitmap_s core_bits[CORES];
static struct hwloc_obj cores[CORES];
static struct hwloc_bitmap_s node_bits[2];
static struct dss_numa_info nodes[2];
static atomic_int bitmaps;
static int refused_bindings;
static atomic_int weak_bindings;

int
hwloc_get_type_depth(hwloc_topology_t topology, hwloc_obj_type_t type)
{
	return type == HWLOC_OBJ_NUMANODE ? HWLOC_TYPE_DEPTH_NUMANODE : dss_core_depth;
}

unsigned
hwloc_get_nbobjs_by_depth(hwloc_topology_t topology, int depth)
{
	return depth == HWLOC_TYPE_DEPTH_NUMANODE ? 2 : CORES;
}

hwloc_obj_t
hwloc_get_obj_by_depth(hwloc_topology_t topology, int depth, unsigned idx)
{
	return depth == dss_core_depth && idx < CORES ? &cores[idx] : NULL;
}

hwloc_bitmap_t
hwloc_bitmap_dup(hwloc_const_bitmap_t bitmap)
{
	struct hwloc_bitmap_s *copy = malloc(sizeof(*copy));

	*copy = *bitmap;
	bitmaps++;
	return copy;
}

void
hwloc_bitmap_free(hwloc_bitmap_t bitmap)
{
	free(bitmap);
	bitmaps--;
}

int
hwloc_bitmap_next(hwloc_const_bitmap_t bitmap, int prev)
{
	int id;

	for (id = prev + 1; id < 64; id++)
		if (bitmap->bits >> id & 1)
			return id;
	return -1;
}

int
hwloc_set_cpubind(hwloc_topology_t topology, hwloc_const_cpuset_t set, int flags)
{
	assert_ptr_equal(topology, dss_topo);
	assert_true(flags & HWLOC_CPUBIND_THREAD);
	errno = EXDEV;
	if (refused_bindings > (flags & HWLOC_CPUBIND_STRICT ? 0 : 1))
		return -1;
	weak_bindings += !(flags & HWLOC_CPUBIND_STRICT);
	return 0;
}

int
hwloc_set_membind(hwloc_topology_t topology, hwloc_const_bitmap_t set,
		  hwloc_membind_policy_t policy, int flags)
{
	assert_int_equal(policy, HWLOC_MEMBIND_BIND);
	assert_int_equal(flags, HWLOC_MEMBIND_THREAD);
	/* Many systems cannot, which is no reason not to start. */
	errno = ENOSYS;
	return -1;
}

/** The core to which an xstream was bound. */
static int
core_of(int xs_id)
{
	struct dss_xstream *dx = dss_get_xstream(xs_id);
	int core = hwloc_bitmap_next(dx->dx_cpuset, -1);

	assert_int_equal(hwloc_bitmap_next(dx->dx_cpuset, core), -1);
	return core;
}

/* ---- CaRT ---- */

static struct context {
	crt_rpc_task_t rpc_cb;
	crt_rpc_task_t iv_cb;
	void *arg;
	int xs_id;
	atomic_long polls;
	atomic_long timeout;
} contexts[CONTEXTS];
static atomic_int contexts_made;
static int number_of_first;
static atomic_int progress_rc;
static uint32_t rpc_timeout;
static int replies;
static int given_back;

int
crt_context_create(crt_context_t *ctx)
{
	int number = contexts_made++;
	int rc = attempt("context", number);

	assert_in_range(number, 0, CONTEXTS - 1);
	contexts[number].xs_id = self();
	*ctx = &contexts[number];
	return rc;
}

int
crt_context_register_rpc_task(crt_context_t ctx, crt_rpc_task_t rpc_cb, crt_rpc_task_t iv_cb,
			      void *arg)
{
	struct context *context = ctx;

	context->rpc_cb = rpc_cb;
	context->iv_cb = iv_cb;
	context->arg = arg;
	return attempt("register", 0);
}

int
crt_context_idx(crt_context_t ctx, int *idx)
{
	*idx = (int)((struct context *)ctx - contexts) + number_of_first;
	return attempt("number", *idx);
}

int
crt_context_destroy(crt_context_t ctx, int force)
{
	assert_int_equal(force, 1);
	note("context destroyed", (struct context *)ctx - contexts);
	return 0;
}

int
crt_progress(crt_context_t ctx, int64_t timeout)
{
	struct context *context = ctx;

	assert_int_equal(context->xs_id, self());
	context->timeout = timeout;
	context->polls++;
	usleep(100);
	return progress_rc;
}

int
crt_req_get_timeout(crt_rpc_t *rpc, uint32_t *seconds)
{
	*seconds = rpc_timeout;
	return 0;
}

int
crt_reply_send(crt_rpc_t *rpc)
{
	replies++;
	return 0;
}

void
crt_req_decref(crt_rpc_t *rpc)
{
	given_back++;
}

int
crt_bulk_create(crt_context_t ctx, d_sg_list_t *sgl, crt_bulk_perm_t perm, crt_bulk_t *bulk)
{
	return 0;
}

int
crt_bulk_free(crt_bulk_t bulk)
{
	return 0;
}

/* ---- bio and VOS ---- */

struct bio_xs_context {
	int target;
	int xs_id;
	atomic_int polls;
};

static struct bio_xs_context nvme[XSTREAMS];
static bool metadata_on_nvme;

bool
bio_nvme_configured(enum smd_dev_type type)
{
	assert_int_equal(type, SMD_DEV_TYPE_META);
	return metadata_on_nvme;
}

int
bio_nvme_ctl(unsigned int cmd, void *arg)
{
	assert_int_equal(cmd, BIO_CTL_NOTIFY_STARTED);
	return attempt(*(bool *)arg ? "up" : "going down", 0);
}

void
bio_register_bulk_ops(int (*create)(void *, d_sg_list_t *, unsigned int, void **),
		      int (*free_it)(void *))
{
	assert_ptr_equal(create, crt_bulk_create);
	assert_ptr_equal(free_it, crt_bulk_free);
	note("bulk operations", 0);
}

int
bio_xsctxt_alloc(struct bio_xs_context **context, int target, bool self_polling)
{
	assert_false(self_polling);
	*context = &nvme[self()];
	(*context)->target = target;
	(*context)->xs_id = self();
	return attempt("nvme", target);
}

void
bio_xsctxt_free(struct bio_xs_context *context)
{
	assert_int_equal(context->xs_id, self());
	note("nvme freed", 0);
}

int
bio_nvme_poll(struct bio_xs_context *context)
{
	assert_int_equal(context->xs_id, self());
	context->polls++;
	return 0;
}

int
vos_standalone_tls_init(int tags)
{
	assert_int_equal(tags, DAOS_SERVER_TAG - DAOS_TGT_TAG);
	return attempt("main storage", 0);
}

void
vos_standalone_tls_fini(void)
{
	note("main storage freed", 0);
}

int
vos_sys_db_init(const char *nvme_conf, const char *storage_path)
{
	assert_ptr_equal(nvme_conf, dss_nvme_conf);
	assert_ptr_equal(storage_path, dss_storage_path);
	return attempt("database", 0);
}

void
vos_db_fini(void)
{
	note("database closed", 0);
}

/* ---- the client's stack, and the engine's other files ---- */

int
tse_sched_init(tse_sched_t *sched, tse_sched_comp_cb_t done, void *udata)
{
	sched->ds_udata = udata;
	return attempt("tasks", 0);
}

void
tse_sched_fini(tse_sched_t *sched)
{
	note("tasks ended", 0);
}

void
daos_profile_destroy(struct daos_profile *profile)
{
	note("profile freed", (long)profile);
}

int
drpc_listener_init(void)
{
	return attempt("listener", 0);
}

int
drpc_listener_fini(void)
{
	note("listener ended", 0);
	return 0;
}

/** ult.c's, which the library beneath has. */
int
dss_chore_queue_start(struct dss_xstream *dx)
{
	int (*start_queue)(struct dss_xstream *) = dlsym(RTLD_NEXT, "dss_chore_queue_start");
	int rc = attempt("chores", 0);

	return rc != 0 ? rc : start_queue(dx);
}

static struct dss_module_ops ops;
static struct dss_module module = {.sm_mod_ops = &ops};
static struct {
	int rc;
	int count;
	struct sched_req_attr attr;
	struct dss_xstream *dx;
} enqueued;

struct dss_module *
dss_module_get(int id)
{
	return id == 3 ? &module : NULL;
}

int
sched_req_enqueue(struct dss_xstream *dx, struct sched_req_attr *attr, void (*func)(void *),
		  void *arg)
{
	enqueued.count++;
	enqueued.dx = dx;
	enqueued.attr = *attr;
	attr->sra_enqueue_id = 77;
	return enqueued.rc;
}

/* ---- telemetry ---- */

struct metric {
	struct d_tm_node_t node;
	char path[D_TM_MAX_NAME_LEN];
	int type;
	atomic_long value;
	atomic_int meminfos;
};

static struct metric metrics[2 * XSTREAMS];
static atomic_int metrics_made;
static bool without_metrics;

int
d_tm_add_metric(struct d_tm_node_t **node, int type, char *desc, char *unit, const char *format,
		...)
{
	struct metric *metric;
	va_list args;

	if (without_metrics)
		return -DER_UNINIT;
	metric = &metrics[metrics_made++];
	va_start(args, format);
	vsnprintf(metric->path, sizeof(metric->path), format, args);
	va_end(args);
	metric->type = type;
	metric->value = 0;
	metric->meminfos = 0;
	*node = &metric->node;
	return 0;
}

void
d_tm_inc_gauge(struct d_tm_node_t *node, uint64_t value)
{
	struct metric *metric = (struct metric *)node;

	if (metric != NULL)
		metric->value += value;
}

void
d_tm_dec_gauge(struct d_tm_node_t *node, uint64_t value)
{
	struct metric *metric = (struct metric *)node;

	if (metric != NULL)
		metric->value -= value;
}

void
d_tm_record_meminfo(struct d_tm_node_t *node)
{
	struct metric *metric = (struct metric *)node;

	if (metric != NULL)
		metric->meminfos++;
}

static struct metric *
metric_at(const char *path)
{
	int i;

	for (i = 0; i < metrics_made; i++)
		if (strcmp(metrics[i].path, path) == 0)
			return &metrics[i];
	fail_msg("no metric at %s", path);
	return NULL;
}

/* ---- the suite ---- */

static int
start_runtime(void **state)
{
	int i;

	for (i = 0; i < CORES; i++) {
		core_bits[i].bits = 1UL << i;
		cores[i].cpuset = &core_bits[i];
	}
	nodes[0].ni_coremap = &node_bits[0];
	nodes[1].ni_coremap = &node_bits[1];
	if (ds_tls_key_create() != 0 || daos_fail_init() != 0)
		return -1;
	dss_register_key(&daos_srv_modkey);
	return ABT_init(0, NULL);
}

static int
stop_runtime(void **state)
{
	int rc = ABT_finalize();

	dss_unregister_key(&daos_srv_modkey);
	daos_fail_fini();
	ds_tls_key_delete();
	return rc;
}

static int
set_up(void **state)
{
	events = 0;
	memset(&failing, 0, sizeof(failing));
	memset(contexts, 0, sizeof(contexts));
	memset(nvme, 0, sizeof(nvme));
	memset(&enqueued, 0, sizeof(enqueued));
	memset(&ops, 0, sizeof(ops));
	contexts_made = 0;
	metrics_made = 0;
	without_metrics = false;
	number_of_first = 0;
	progress_rc = -DER_TIMEDOUT;
	metadata_on_nvme = false;
	refused_bindings = 0;
	weak_bindings = 0;
	replies = 0;
	given_back = 0;
	rpc_timeout = 30;
	daos_fail_loc_set(0);

	dss_topo = (hwloc_topology_t)cores;
	dss_core_depth = 2;
	dss_core_nr = CORES;
	dss_core_offset = 0;
	dss_numa = NULL;
	dss_numa_node = -1;
	dss_numa_nr = 1;
	dss_tgt_nr = TARGETS;
	dss_tgt_offload_xs_nr = OFFLOAD;
	dss_helper_pool = false;
	return 0;
}

static void
start(void)
{
	assert_int_equal(dss_srv_init(), 0);
	dss_xstreams_open_barrier(false);
}

static void
stop(void)
{
	assert_int_equal(dss_srv_fini(true), 0);
	assert_int_equal(bitmaps, 0);
}

/** Runs a function on an xstream, and waits. */
static void
on(int xs_id, void (*func)(void *), void *arg)
{
	ABT_thread ult;
	struct dss_xstream *dx = dss_get_xstream(xs_id);

	assert_int_equal(ABT_thread_create(dx->dx_pools[DSS_POOL_GENERIC], func, arg,
					   ABT_THREAD_ATTR_NULL, &ult),
			 ABT_SUCCESS);
	assert_int_equal(ABT_thread_free(&ult), ABT_SUCCESS);
}

static void
what_is_beneath_comes_first_and_goes_last(void **state)
{
	int i;

	start();
	assert_true(when("main storage", NOBODY) < when("database", NOBODY));
	assert_true(when("database", NOBODY) < when("bulk operations", NOBODY));
	assert_true(when("bulk operations", NOBODY) < when("context", SYS));
	for (i = 0; i < XSTREAMS; i++)
		assert_true(when("tasks", i) < when("up", NOBODY));
	assert_true(when("up", NOBODY) < when("listener", NOBODY));
	stop();

	assert_true(when("listener ended", NOBODY) < when("going down", NOBODY));
	for (i = 0; i < XSTREAMS; i++) {
		assert_true(when("going down", NOBODY) < when("tasks ended", i));
		assert_true(when("tasks ended", i) < when("database closed", NOBODY));
		if (i == DRPC)
			continue;
		assert_true(when("context", i) < when("tasks", i));
		assert_true(when("tasks ended", i) < when("context destroyed", i));
		assert_true(when("context destroyed", i) < when("database closed", NOBODY));
	}
	for (i = MAIN_0; i <= MAIN_1; i += MAIN_1 - MAIN_0) {
		assert_true(when("tasks", i) < when("nvme", i));
		assert_true(when("nvme freed", i) < when("tasks ended", i));
	}
	assert_true(when("database closed", NOBODY) < when("main storage freed", NOBODY));
	assert_int_equal(times("context"), CONTEXTS);
	assert_int_equal(times("nvme"), TARGETS);
	assert_int_equal(dss_xstream_cnt(), 0);
}

static struct dss_module_info infos[XSTREAMS];

static void
copy_info(void *arg)
{
	infos[self()] = *dss_get_module_info();
}

static void
each_xstream_has_what_its_role_needs(void **state)
{
	static const int context_of[XSTREAMS] = {0, 1, -1, 2, 4, 3, 5};
	int i;

	metadata_on_nvme = true;
	start();
	for (i = 0; i < XSTREAMS; i++) {
		struct dss_xstream *dx = dss_get_xstream(i);
		struct context *context = context_of[i] < 0 ? NULL : &contexts[context_of[i]];
		bool has_nvme = i == SYS || i == MAIN_0 || i == MAIN_1;

		on(i, copy_info, NULL);
		assert_ptr_equal(infos[i].dmi_ctx, context);
		assert_int_equal(infos[i].dmi_ctx_id, context_of[i]);
		assert_int_equal(dx->dx_ctx_id, context_of[i]);
		assert_ptr_equal(infos[i].dmi_xstream, dx);
		assert_ptr_equal(infos[i].dmi_nvme_ctxt, has_nvme ? &nvme[i] : NULL);
		assert_ptr_equal(dx->dx_sched_dsc.ds_udata, context);
		if (context != NULL) {
			assert_int_equal(context->xs_id, i);
			assert_ptr_equal(context->arg, dx);
		}
	}
	assert_int_equal(nvme[SYS].target, BIO_SYS_TGT_ID);
	assert_int_equal(nvme[MAIN_1].target, 1);
	EVENTUALLY(nvme[SYS].polls > 1 && nvme[MAIN_0].polls > 1 && nvme[MAIN_1].polls > 1);
	stop();
}

static void
the_network_is_polled_for_as_long_as_the_scheduler_says(void **state)
{
	start();
	EVENTUALLY(dss_get_xstream(MAIN_0)->dx_progress_started);
	EVENTUALLY(dss_get_xstream(OFF_1)->dx_progress_started);
	assert_false(dss_get_xstream(DRPC)->dx_progress_started);
	dss_get_xstream(MAIN_0)->dx_timeout = 4321;
	EVENTUALLY(contexts[2].timeout == 4321);
	dss_get_xstream(MAIN_0)->dx_timeout = 0;
	EVENTUALLY(contexts[2].timeout == 0);
	stop();
}

static void
a_network_that_fails_is_polled_on(void **state)
{
	long polls;

	start();
	progress_rc = -DER_MISC;
	polls = contexts[2].polls;
	EVENTUALLY(contexts[2].polls > polls + 10);
	progress_rc = 0;
	EVENTUALLY(contexts[2].polls > polls + 20);
	stop();
}

static void
only_swim_polls_before_the_engine_opens(void **state)
{
	assert_int_equal(dss_srv_init(), 0);
	EVENTUALLY(contexts[1].polls > 3);
	assert_int_equal(contexts[0].polls, 0);
	assert_int_equal(contexts[2].polls, 0);
	/* ULTs run all the same. */
	on(MAIN_0, copy_info, NULL);
	assert_int_equal(infos[MAIN_0].dmi_xs_id, MAIN_0);
	dss_xstreams_open_barrier(false);
	EVENTUALLY(contexts[0].polls > 0 && contexts[2].polls > 0);
	stop();
}

static void
an_xstream_is_not_busy_before_it_has_work(void **state)
{
	int i;

	start();
	for (i = 0; i < XSTREAMS; i++)
		if (i != DRPC)
			assert_int_equal(dss_get_xstream(i)->dx_sched_info.si_stats.ss_busy_ts, 0);
	stop();
}

static atomic_int released;

static void
wait_for_release(void *arg)
{
	while (!released)
		ABT_thread_yield();
}

static void *
release_soon(void *arg)
{
	struct context *context = arg;
	long polls = context->polls;

	EVENTUALLY(context->polls > polls + 10);
	released = 1;
	return NULL;
}

static void
replies_come_in_until_the_last_ult_has_ended(void **state)
{
	pthread_t thread;

	released = 0;
	start();
	assert_int_equal(ABT_thread_create(dss_get_xstream(MAIN_0)->dx_pools[DSS_POOL_GENERIC],
					   wait_for_release, NULL, ABT_THREAD_ATTR_NULL, NULL),
			 ABT_SUCCESS);
	assert_int_equal(pthread_create(&thread, NULL, release_soon, &contexts[2]), 0);
	stop();
	assert_true(released);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
start_profile(void *arg)
{
	dss_get_module_info()->dmi_dp = arg;
}

static void
a_profile_that_was_left_is_freed(void **state)
{
	start();
	on(MAIN_1, start_profile, (void *)0x1234);
	stop();
	assert_int_equal(journal[when("profile freed", MAIN_1)].value, 0x1234);
	assert_true(when("profile freed", MAIN_1) < when("nvme freed", MAIN_1));
}

static void
a_start_that_fails_leaves_nothing(void **state)
{
	static const struct {
		const char *what;
		int xs_id;
	} steps[] = {
		{"main storage", NOBODY}, {"database", NOBODY}, {"context", SYS},
		{"context", OFF_1},       {"register", MAIN_0}, {"number", SWIM},
		{"tasks", DRPC},          {"tasks", MAIN_1},    {"nvme", MAIN_0},
		{"nvme", MAIN_1},         {"chores", OFF_0},    {"up", NOBODY},
		{"listener", NOBODY},
	};
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		set_up(state);
		failing.what = steps[i].what;
		failing.xs_id = steps[i].xs_id;
		if (dss_srv_init() != -DER_BUSY)
			fail_msg("%s on xstream %d did not fail the start", steps[i].what,
				 steps[i].xs_id);
		assert_int_equal(dss_xstream_cnt(), 0);
		assert_int_equal(bitmaps, 0);
		assert_int_equal(times("context"), times("context destroyed"));
		assert_int_equal(times("tasks"), times("tasks ended"));
		assert_int_equal(times("nvme"), times("nvme freed"));
		assert_int_equal(times("database"), times("database closed"));
		assert_int_equal(times("main storage"), times("main storage freed"));
		assert_int_equal(times("listener"), times("listener ended"));
	}
}

static void
a_context_with_another_number_is_refused(void **state)
{
	number_of_first = 1;
	assert_int_equal(dss_srv_init(), -DER_MISMATCH);
	assert_int_equal(times("context destroyed"), 1);
}

/* ---- cores ---- */

static void
a_thread_that_cannot_be_bound_strictly_is_bound(void **state)
{
	refused_bindings = 1;
	start();
	assert_int_equal(weak_bindings, XSTREAMS);
	stop();
	refused_bindings = 2;
	dss_tgt_nr = TARGETS;
	assert_int_equal(dss_srv_init(), -DER_INVAL);
}

static void
without_numa_cores_follow_the_first_one(void **state)
{
	static const int want[XSTREAMS] = {4, 5, 4, 6, 7, 8, 9};
	int i;

	dss_core_offset = 4;
	start();
	for (i = 0; i < XSTREAMS; i++)
		assert_int_equal(core_of(i), want[i]);
	stop();
}

static void
xstreams_spread_over_the_cores_that_nodes_have_left(void **state)
{
	static const int want[XSTREAMS] = {1, 9, 1, 2, 3, 10, 12};
	int i;

	dss_numa = nodes;
	dss_numa_nr = 2;
	dss_tgt_per_numa_nr = 1;
	dss_offload_per_numa_nr = 1;
	node_bits[0].bits = 0x0e;
	node_bits[1].bits = 0xf600;
	start();
	for (i = 0; i < XSTREAMS; i++)
		assert_int_equal(core_of(i), want[i]);
	stop();
}

static void
a_node_without_cores_left_refuses(void **state)
{
	dss_numa = nodes;
	dss_numa_node = 1;
	node_bits[1].bits = 0x0f00;
	assert_int_equal(dss_srv_init(), -DER_INVAL);
	assert_int_equal(bitmaps, 0);
	assert_int_equal(events, 0);
}

static void
a_machine_without_cores_refuses(void **state)
{
	dss_core_nr = 0;
	assert_int_equal(dss_srv_init(), -DER_INVAL);
	dss_core_nr = CORES;
	dss_core_depth = -1;
	cores[0].cpuset = NULL;
	dss_core_nr = CORES + 1;
	dss_core_offset = CORES;
	dss_core_depth = 2;
	assert_int_equal(dss_srv_init(), -DER_INVAL);
	cores[0].cpuset = &core_bits[0];
	assert_int_equal(bitmaps, 0);
}

/* ---- requests ---- */

enum { OF_MODULE = 3 << MODID_OFFSET, OF_CART = (int)(0xfeU << MODID_OFFSET) };

static int
describe(crt_rpc_t *rpc, struct sched_req_attr *attr)
{
	attr->sra_type = SCHED_REQ_FETCH;
	attr->sra_flags = SCHED_REQ_FL_NO_DELAY;
	return rpc->cr_input_size == 13 ? -DER_INVAL : 0;
}

static int
hint(crt_rpc_t *rpc, struct sched_req_attr *attr)
{
	assert_int_equal(attr->sra_enqueue_id, 77);
	return rpc->cr_output_size == 13 ? -DER_NOSYS : -DER_OVERLOAD_RETRY;
}

static void
handler(void *rpc)
{
}

static int
request(crt_rpc_t *rpc)
{
	crt_context_t ctx = &contexts[2];

	return contexts[2].rpc_cb(&ctx, rpc, handler, contexts[2].arg);
}

static void
requests_wait_for_their_turn_as_their_module_says(void **state)
{
	crt_rpc_t rpc = {.cr_opc = OF_MODULE | 5};

	start();
	assert_int_equal(request(&rpc), 0);
	assert_int_equal(enqueued.count, 1);
	assert_ptr_equal(enqueued.dx, dss_get_xstream(MAIN_0));
	assert_int_equal(enqueued.attr.sra_type, SCHED_REQ_ANONYM);
	assert_int_equal(enqueued.attr.sra_timeout, 30000);

	ops.dms_get_req_attr = describe;
	assert_int_equal(request(&rpc), 0);
	assert_int_equal(enqueued.attr.sra_type, SCHED_REQ_FETCH);
	assert_int_equal(enqueued.attr.sra_flags, SCHED_REQ_FL_NO_DELAY);

	rpc.cr_input_size = 13;
	assert_int_equal(request(&rpc), 0);
	assert_int_equal(enqueued.attr.sra_type, SCHED_REQ_ANONYM);

	rpc.cr_opc = OF_CART | 1;
	rpc_timeout = UINT32_MAX / 2;
	assert_int_equal(request(&rpc), 0);
	assert_int_equal(enqueued.attr.sra_type, SCHED_REQ_ANONYM);
	assert_int_equal(enqueued.attr.sra_flags, 0);
	assert_int_equal(enqueued.attr.sra_timeout, UINT32_MAX);

	enqueued.rc = -DER_NOMEM;
	assert_int_equal(request(&rpc), -DER_NOMEM);
	assert_int_equal(replies, 0);
	stop();
}

static void
who_is_rejected_is_told_when_to_come_again(void **state)
{
	crt_rpc_t rpc = {.cr_opc = OF_MODULE};

	start();
	enqueued.rc = -DER_OVERLOAD_RETRY;
	assert_int_equal(request(&rpc), -DER_TIMEDOUT);
	ops.dms_set_req = hint;
	assert_int_equal(request(&rpc), 0);
	assert_int_equal(replies, 1);
	/* What CaRT has counted for the handler. */
	assert_int_equal(given_back, 2);
	/* Its protocol has no place for the hint. */
	rpc.cr_output_size = 13;
	assert_int_equal(request(&rpc), -DER_TIMEDOUT);
	assert_int_equal(replies, 1);
	stop();
}

static void
a_request_may_be_lost_on_purpose(void **state)
{
	crt_rpc_t rpc = {.cr_opc = OF_MODULE};

	start();
	daos_fail_loc_set(DAOS_FAIL_LOST_REQ | DAOS_FAIL_ONCE);
	assert_int_equal(request(&rpc), 0);
	assert_int_equal(enqueued.count, 0);
	assert_int_equal(request(&rpc), 0);
	assert_int_equal(enqueued.count, 1);
	stop();
}

static atomic_int continued_on;

static void
continue_here(void *arg)
{
	continued_on = self() * 100 + *(int *)arg;
}

static void
replies_to_requests_for_variables_continue_in_a_ult(void **state)
{
	crt_context_t ctx = &contexts[3];
	int arg = 42;

	continued_on = 0;
	start();
	assert_int_equal(contexts[3].iv_cb(&ctx, &arg, continue_here, contexts[3].arg), 0);
	EVENTUALLY(continued_on == MAIN_1 * 100 + 42);
	stop();
}

/* ---- memory ---- */

static void
allocate_and_free(void *arg)
{
	long before = metric_at("mem/total_mem/xs_3")->value;
	void *memory[11];
	int i;

	for (i = 0; i < 11; i++)
		memory[i] = d_malloc(1000);
	*(long *)arg = metric_at("mem/total_mem/xs_3")->value - before;
	for (i = 0; i < 11; i++)
		d_free(memory[i]);
	((long *)arg)[1] = metric_at("mem/total_mem/xs_3")->value - before;
}

static void
memory_is_counted_when_it_is_asked_for(void **state)
{
	long seen[2];

	start();
	on(MAIN_0, allocate_and_free, seen);
	assert_int_equal(seen[0], 0);
	stop();

	set_up(state);
	d_setenv("D_MEMORY_TRACK", "1", 1);
	start();
	on(MAIN_0, allocate_and_free, seen);
	assert_true(seen[0] >= 11000);
	assert_int_equal(seen[1], 0);
	assert_true(metric_at("mem/meminfo/xs_3")->meminfos >= 1);
	assert_int_equal(metric_at("mem/meminfo/xs_3")->type, D_TM_MEMINFO);
	assert_int_equal(metric_at("mem/total_mem/xs_0")->type, D_TM_GAUGE);
	assert_int_equal(metrics_made, 2 * XSTREAMS);
	stop();

	/* Telemetry is no condition. */
	set_up(state);
	without_metrics = true;
	start();
	stop();
	d_unsetenv("D_MEMORY_TRACK");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_beneath_comes_first_and_goes_last, set_up),
		cmocka_unit_test_setup(each_xstream_has_what_its_role_needs, set_up),
		cmocka_unit_test_setup(the_network_is_polled_for_as_long_as_the_scheduler_says,
				       set_up),
		cmocka_unit_test_setup(a_network_that_fails_is_polled_on, set_up),
		cmocka_unit_test_setup(only_swim_polls_before_the_engine_opens, set_up),
		cmocka_unit_test_setup(an_xstream_is_not_busy_before_it_has_work, set_up),
		cmocka_unit_test_setup(replies_come_in_until_the_last_ult_has_ended, set_up),
		cmocka_unit_test_setup(a_profile_that_was_left_is_freed, set_up),
		cmocka_unit_test_setup(a_start_that_fails_leaves_nothing, set_up),
		cmocka_unit_test_setup(a_context_with_another_number_is_refused, set_up),
		cmocka_unit_test_setup(a_thread_that_cannot_be_bound_strictly_is_bound, set_up),
		cmocka_unit_test_setup(without_numa_cores_follow_the_first_one, set_up),
		cmocka_unit_test_setup(xstreams_spread_over_the_cores_that_nodes_have_left, set_up),
		cmocka_unit_test_setup(a_node_without_cores_left_refuses, set_up),
		cmocka_unit_test_setup(a_machine_without_cores_refuses, set_up),
		cmocka_unit_test_setup(requests_wait_for_their_turn_as_their_module_says, set_up),
		cmocka_unit_test_setup(who_is_rejected_is_told_when_to_come_again, set_up),
		cmocka_unit_test_setup(a_request_may_be_lost_on_purpose, set_up),
		cmocka_unit_test_setup(replies_to_requests_for_variables_continue_in_a_ult, set_up),
		cmocka_unit_test_setup(memory_is_counted_when_it_is_asked_for, set_up),
	};

	return cmocka_run_group_tests(tests, start_runtime, stop_runtime);
}
