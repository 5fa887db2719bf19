/* The feature sched alone, as over DAOS's libraries: VOS, bio and telemetry are mocked, and so is
 * what belongs to srv.c. The suite makes one xstream by hand, the main one of a target, whose
 * network poll it counts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daos_errno.h>
#include <daos/tls.h>
#include <daos_srv/bio.h>
#include <daos_srv/daos_engine.h>
#include <daos_srv/vos.h>
#include <engine/srv_internal.h>
#include <gurt/telemetry_common.h>
#include <gurt/telemetry_producer.h>

enum { XS_ID = 3, METRICS = 16 };

static struct dss_xstream dx;
static struct dss_module_info info;
static void *values[DAOS_MODULE_KEYS_NR];
static struct dss_thread_local_storage storage = {.dtls_values = values};
static __thread struct dss_thread_local_storage *own_storage;

/** Set by tests, read by the xstream. */
static volatile bool stopping, nvme_is_busy, pool_exists;
static volatile uint64_t scm_free, nvme_total, nvme_free;
static volatile long queries;
static volatile unsigned int longest_timeout;
static volatile long net_polls, nvme_polls, naps;

/* ---- mocks ---- */

struct dss_module_key daos_srv_modkey;

struct dss_module_key *
daos_get_module_key(int index)
{
	return &daos_srv_modkey;
}

struct dss_thread_local_storage *
dss_tls_get(void)
{
	return own_storage;
}

int
dss_ult_create(void (*func)(void *), void *arg, int xs_type, int tgt_id, size_t stack_size,
	       ABT_thread *ult)
{
	return sched_create_thread(&dx, func, arg, ABT_THREAD_ATTR_NULL, ult, 0);
}

int
vos_pool_query_space(unsigned char *pool_id, struct vos_pool_space *vps)
{
	queries++;
	if (!pool_exists)
		return -DER_NONEXIST;
	memset(vps, 0, sizeof(*vps));
	SCM_TOTAL(vps) = 1000;
	SCM_FREE(vps) = scm_free;
	SCM_SYS(vps) = 50;
	NVME_TOTAL(vps) = nvme_total;
	NVME_FREE(vps) = nvme_free;
	return 0;
}

uint32_t
vos_get_agg_gap(void)
{
	return 20;
}

bool
bio_nvme_configured(enum smd_dev_type type)
{
	return false;
}

bool
bio_need_nvme_poll(struct bio_xs_context *ctxt)
{
	return nvme_is_busy;
}

static struct {
	int type;
	char desc[128], units[32], path[128];
	volatile uint64_t value, samples;
} metrics[METRICS];
static int metric_nr;

int
d_tm_add_metric(struct d_tm_node_t **node, int metric_type, char *desc, char *units,
		const char *fmt, ...)
{
	va_list ap;

	if (metric_nr == METRICS)
		return -DER_NOMEM;
	metrics[metric_nr].type = metric_type;
	snprintf(metrics[metric_nr].desc, sizeof(metrics[metric_nr].desc), "%s", desc);
	snprintf(metrics[metric_nr].units, sizeof(metrics[metric_nr].units), "%s", units);
	va_start(ap, fmt);
	vsnprintf(metrics[metric_nr].path, sizeof(metrics[metric_nr].path), fmt, ap);
	va_end(ap);
	*node = (struct d_tm_node_t *)&metrics[metric_nr++];
	return 0;
}

static void
update(struct d_tm_node_t *node, uint64_t value, bool add)
{
	long index = ((char *)node - (char *)metrics) / (long)sizeof(metrics[0]);

	metrics[index].value = value + (add ? metrics[index].value : 0);
	metrics[index].samples++;
}

void
d_tm_inc_counter(struct d_tm_node_t *node, uint64_t value)
{
	update(node, value, true);
}

void
d_tm_set_gauge(struct d_tm_node_t *node, uint64_t value)
{
	update(node, value, false);
}

static int
metric(const char *path)
{
	int i;

	for (i = 0; i < metric_nr; i++)
		if (strcmp(metrics[i].path, path) == 0)
			return i;
	return -1;
}

/* ---- the xstream ---- */

static void
poll_network(void *arg)
{
	own_storage = &storage;
	dx.dx_progress_started = true;
	while (!stopping) {
		net_polls++;
		if (dx.dx_timeout > longest_timeout)
			longest_timeout = dx.dx_timeout;
		if (dx.dx_timeout > 0) {
			naps++;
			usleep(dx.dx_timeout);
		}
		ABT_thread_yield();
	}
	sched_stop(&dx);
}

static void
poll_nvme(void *arg)
{
	while (!stopping) {
		nvme_polls++;
		ABT_thread_yield();
	}
}

static int
start(void **state)
{
	int i;

	if (d_log_init() != 0 || ABT_init(0, NULL) != ABT_SUCCESS)
		return -1;
	dx.dx_xs_id = XS_ID;
	dx.dx_main_xs = true;
	for (i = 0; i < DSS_POOL_CNT; i++)
		dx.dx_pools[i] = ABT_POOL_NULL;
	info.dmi_xstream = &dx;
	info.dmi_xs_id = XS_ID;
	values[0] = &info;
	if (ABT_future_create(1, NULL, &dx.dx_stopping) != ABT_SUCCESS || dss_sched_init(&dx) != 0)
		return -1;
	if (ABT_xstream_create_with_rank(dx.dx_sched, 1, &dx.dx_xstream) != ABT_SUCCESS)
		return -1;
	ABT_thread_create(dx.dx_pools[DSS_POOL_NET_POLL], poll_network, NULL, ABT_THREAD_ATTR_NULL,
			  &dx.dx_progress);
	ABT_thread_create(dx.dx_pools[DSS_POOL_NVME_POLL], poll_nvme, NULL, ABT_THREAD_ATTR_NULL,
			  NULL);
	while (net_polls == 0)
		usleep(1000);
	return 0;
}

static int
stop(void **state)
{
	stopping = true;
	ABT_thread_free(&dx.dx_progress);
	ABT_xstream_join(dx.dx_xstream);
	ABT_xstream_free(&dx.dx_xstream);
	dss_sched_fini(&dx);
	ABT_future_free(&dx.dx_stopping);
	ABT_finalize();
	d_log_fini();
	return 0;
}

static int
reset(void **state)
{
	nvme_is_busy = false;
	pool_exists = true;
	scm_free = 1000;
	nvme_total = nvme_free = 0;
	return 0;
}

/* Tests run in ULTs, where cmocka's assertions cannot be used: such a function returns the line of
 * the check that does not hold, or 0. */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

struct call {
	int (*func)(void);
	volatile int line;
};

static void
call_ult(void *arg)
{
	struct call *call = arg;

	call->line = call->func();
}

static int
on_xstream(int (*func)(void))
{
	struct call call = {func, -1};
	ABT_thread ult;

	if (dss_ult_create(call_ult, &call, DSS_XS_SELF, 0, 0, &ult) != 0)
		return -1;
	ABT_thread_free(&ult);
	return call.line;
}

static struct sched_req_attr
attr_of(unsigned int type, int pool)
{
	struct sched_req_attr attr = {0};
	uuid_t uuid;

	memset(uuid, pool, sizeof(uuid));
	sched_req_attr_init(&attr, type, &uuid);
	attr.sra_timeout = 60000;
	return attr;
}

/* ---- metrics ---- */

static void
metrics_have_the_names_of_daos(void **state)
{
	static const struct {
		int type;
		const char *path, *desc, *units;
	} want[] = {
		{D_TM_COUNTER, "sched/total_time/xs_3", "Total running time", "ms"},
		{D_TM_COUNTER, "sched/relax_time/xs_3", "Total relaxing time", "ms"},
		{D_TM_GAUGE, "sched/wait_queue/xs_3", "Wait queue length", "req"},
		{D_TM_GAUGE, "sched/sleep_queue/xs_3", "Sleep queue length", "req"},
		{D_TM_STATS_GAUGE, "sched/cycle_duration/xs_3", "Schedule cycle duration", "ms"},
		{D_TM_STATS_GAUGE, "sched/cycle_size/xs_3", "Schedule cycle size", "ULT"},
		{D_TM_COUNTER, "sched/total_reject/xs_3", "Total rejected requests", "req"},
	};
	unsigned int i;

	assert_int_equal(metric_nr, sizeof(want) / sizeof(want[0]));
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_string_equal(metrics[i].path, want[i].path);
		assert_string_equal(metrics[i].desc, want[i].desc);
		assert_string_equal(metrics[i].units, want[i].units);
		assert_int_equal(metrics[i].type, want[i].type);
	}
}

static int
sleep_for_a_while(void)
{
	struct sched_req_attr attr = attr_of(SCHED_REQ_ANONYM, 1);
	struct sched_request *req = sched_req_get(&attr, ABT_THREAD_NULL);

	sched_req_sleep(req, 100);
	sched_req_put(req);
	return 0;
}

static void
time_cycles_and_sleepers_are_counted(void **state)
{
	int total = metric("sched/total_time/xs_3"), size = metric("sched/cycle_size/xs_3");
	int sleepers = metric("sched/sleep_queue/xs_3");
	uint64_t time = metrics[total].value, cycles = metrics[size].samples,
		 told = metrics[sleepers].samples;

	assert_int_equal(on_xstream(sleep_for_a_while), 0);
	assert_in_range(metrics[total].value - time, 80, 30000);
	assert_true(metrics[size].samples - cycles >= 2);
	assert_true(metrics[sleepers].samples - told >= 1);
}

static int
reject(void)
{
	struct sched_req_attr attr = attr_of(SCHED_REQ_FETCH, 1);

	attr.sra_timeout = 100;
	CHECK(sched_req_enqueue(&dx, &attr, call_ult, &attr) == -DER_OVERLOAD_RETRY);
	CHECK(attr.sra_enqueue_id != 0);
	return 0;
}

static void
what_would_time_out_is_rejected_and_counted(void **state)
{
	int rejected = metric("sched/total_reject/xs_3");
	uint64_t before = metrics[rejected].value;

	assert_int_equal(on_xstream(reject), 0);
	assert_int_equal(metrics[rejected].value, before + 1);
}

/* ---- space pressure ---- */

static int
pressures(void)
{
	/* Of 1,000 free, 50 are the system's; with NVMe the fuller one counts. */
	static const struct {
		uint64_t scm, nvme_total, nvme;
		int pressure;
	} want[] = {
		{451, 0, 0, 0},     {450, 0, 0, 1},    {350, 0, 0, 2}, {250, 0, 0, 3},
		{150, 0, 0, 4},     {100, 0, 0, 5},    {10, 0, 0, 5},  {1000, 100, 41, 0},
		{1000, 100, 15, 3}, {150, 100, 41, 4},
	};
	unsigned int i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		/* Each with a pool of its own: what is known of one is kept for two seconds. */
		struct sched_req_attr attr = attr_of(SCHED_REQ_UPDATE, 0x20 + i);
		struct sched_request *req = sched_req_get(&attr, ABT_THREAD_NULL);

		scm_free = want[i].scm;
		nvme_total = want[i].nvme_total;
		nvme_free = want[i].nvme;
		if (sched_req_space_check(req) != want[i].pressure)
			return __LINE__ + 1000 * i;
		sched_req_put(req);
	}
	return 0;
}

static void
pressure_is_that_of_the_fullest_medium(void **state)
{
	assert_int_equal(on_xstream(pressures), 0);
}

static int
remembers(void)
{
	struct sched_req_attr attr = attr_of(SCHED_REQ_UPDATE, 0x40);
	struct sched_request *req = sched_req_get(&attr, ABT_THREAD_NULL);
	long asked;

	scm_free = 0;
	CHECK(sched_req_space_check(req) == 5);
	asked = queries;
	scm_free = 1000;
	CHECK(sched_req_space_check(req) == 5);
	CHECK(queries == asked);
	sched_req_sleep(req, 2100);
	CHECK(sched_req_space_check(req) == 0);
	pool_exists = false;
	sched_req_sleep(req, 2100);
	CHECK(sched_req_space_check(req) == 0);
	sched_req_put(req);
	return 0;
}

static void
vos_is_asked_every_two_seconds(void **state)
{
	assert_int_equal(on_xstream(remembers), 0);
}

static volatile int started;

static void
count(void *arg)
{
	started++;
}

static int
enqueue(unsigned int type, int pool, int number)
{
	while (number-- > 0) {
		struct sched_req_attr attr = attr_of(type, pool);

		CHECK(sched_req_enqueue(&dx, &attr, count, (void *)1) == 0);
	}
	return 0;
}

static void
yield_some(void)
{
	int i;

	for (i = 0; i < 100; i++)
		ABT_thread_yield();
}

static int
hold_back(void)
{
	struct sched_req_attr attr = attr_of(SCHED_REQ_GC, 0x50);
	struct sched_request *gc;

	started = 0;
	/* Another pool has space. */
	CHECK(enqueue(SCHED_REQ_UPDATE, 0x51, 3) == 0);
	yield_some();
	CHECK(started == 3);
	/* The one that is full has somebody to free it. */
	scm_free = 0;
	gc = sched_req_get(&attr, ABT_THREAD_NULL);
	CHECK(enqueue(SCHED_REQ_UPDATE, 0x50, 10) == 0);
	CHECK(enqueue(SCHED_REQ_FETCH, 0x50, 5) == 0);
	yield_some();
	CHECK(started == 8);
	CHECK(dx.dx_sched_info.si_cur_id >= 18);
	scm_free = 1000;
	/* In two seconds it is seen that space was freed. */
	sched_req_sleep(gc, 2500);
	yield_some();
	CHECK(started == 18);
	sched_req_put(gc);
	return 0;
}

static void
updates_wait_for_space_and_nobody_else_does(void **state)
{
	assert_int_equal(on_xstream(hold_back), 0);
}

/* ---- polling ---- */

/** NVMe polls of a cycle of 200 units. */
static int
polls_of_a_cycle(void)
{
	long before;

	ABT_thread_yield();
	before = nvme_polls;
	CHECK(enqueue(SCHED_REQ_ANONYM, 1, 200) == 0);
	ABT_thread_yield();
	ABT_thread_yield();
	return -(int)(nvme_polls - before);
}

static void
busy_nvme_is_polled_in_rows(void **state)
{
	assert_in_range(-on_xstream(polls_of_a_cycle), 2, 6);
	nvme_is_busy = true;
	assert_in_range(-on_xstream(polls_of_a_cycle), 8, 16);
}

/** Whether the xstream naps. The machine may be busy with other things. */
static bool
wait_for_naps(void)
{
	int i;

	naps = 0;
	for (i = 0; i < 1000 && naps < 3; i++)
		usleep(10 * 1000);
	return naps >= 3;
}

static int
do_nothing(void)
{
	return 0;
}

static void
a_quiet_xstream_naps_in_the_network_and_a_busy_one_does_not(void **state)
{
	int relaxed = metric("sched/relax_time/xs_3");
	uint64_t before;

	/* Something has just happened. */
	assert_int_equal(on_xstream(do_nothing), 0);
	naps = 0;
	usleep(100 * 1000);
	assert_int_equal(naps, 0);
	/* Eight quiet seconds, made up. */
	before = metrics[relaxed].value;
	dx.dx_sched_info.si_stats.ss_busy_ts = sched_cur_msec() - 9000;
	assert_true(wait_for_naps());
	assert_int_equal(longest_timeout, 1000 * SCHED_RELAX_INTVL_DEFAULT);
	assert_true(metrics[relaxed].value > before);
	/* A new ULT ends it. */
	assert_int_equal(on_xstream(do_nothing), 0);
	naps = 0;
	usleep(100 * 1000);
	assert_int_equal(naps, 0);
}

static void
the_mode_says_where_a_quiet_xstream_naps(void **state)
{
	int relaxed = metric("sched/relax_time/xs_3");
	uint64_t before;
	int i;

	assert_int_equal(on_xstream(do_nothing), 0);
	sched_relax_mode = SCHED_RELAX_MODE_SLEEP;
	dx.dx_sched_info.si_stats.ss_busy_ts = sched_cur_msec() - 9000;
	usleep(50 * 1000);
	naps = 0;
	before = metrics[relaxed].value;
	for (i = 0; i < 1000 && metrics[relaxed].value - before < 5; i++)
		usleep(10 * 1000);
	assert_true(metrics[relaxed].value - before >= 5);
	assert_int_equal(naps, 0);

	sched_relax_mode = SCHED_RELAX_MODE_DISABLED;
	usleep(50 * 1000);
	before = metrics[relaxed].value;
	usleep(100 * 1000);
	assert_int_equal(metrics[relaxed].value, before);
	sched_relax_mode = SCHED_RELAX_MODE_NET;
}

static int
enqueue_periodic(void)
{
	struct sched_req_attr attr = attr_of(SCHED_REQ_FETCH, 0x60);
	uint64_t busy;

	dx.dx_sched_info.si_stats.ss_busy_ts = busy = sched_cur_msec() - 1000;
	started = 0;
	attr.sra_flags |= SCHED_REQ_FL_PERIODIC;
	CHECK(sched_req_enqueue(&dx, &attr, count, (void *)1) == 0);
	yield_some();
	CHECK(started == 1);
	CHECK(dx.dx_sched_info.si_stats.ss_busy_ts == busy);
	CHECK(enqueue(SCHED_REQ_FETCH, 0x60, 1) == 0);
	yield_some();
	CHECK(started == 2);
	CHECK(dx.dx_sched_info.si_stats.ss_busy_ts > busy);
	return 0;
}

static void
what_comes_regularly_does_not_count_as_business(void **state)
{
	assert_int_equal(on_xstream(enqueue_periodic), 0);
}

static ABT_mutex mutex;
static ABT_cond cond;
static bool woken, long_wait;

static int
wait_until_woken(void)
{
	ABT_mutex_lock(mutex);
	while (!woken) {
		if (long_wait)
			sched_cond_wait(cond, mutex);
		else
			ABT_cond_wait(cond, mutex);
	}
	ABT_mutex_unlock(mutex);
	return 0;
}

/** Whether the xstream naps while a ULT waits. */
static bool
naps_during(bool wait_is_long)
{
	struct call call = {wait_until_woken, -1};
	ABT_thread ult;
	bool napped;

	woken = false;
	long_wait = wait_is_long;
	dss_ult_create(call_ult, &call, DSS_XS_SELF, 0, 0, &ult);
	usleep(50 * 1000);
	dx.dx_sched_info.si_stats.ss_busy_ts = sched_cur_msec() - 9000;
	if (wait_is_long) {
		napped = wait_for_naps();
	} else {
		naps = 0;
		usleep(200 * 1000);
		napped = naps > 0;
	}
	ABT_mutex_lock(mutex);
	woken = true;
	ABT_cond_broadcast(cond);
	ABT_mutex_unlock(mutex);
	ABT_thread_free(&ult);
	assert_int_equal(call.line, 0);
	return napped;
}

static void
a_ult_that_waits_for_another_xstream_keeps_its_own_awake(void **state)
{
	ABT_mutex_create(&mutex);
	ABT_cond_create(&cond);
	assert_false(naps_during(false));
	assert_true(naps_during(true));
	ABT_cond_free(&cond);
	ABT_mutex_free(&mutex);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(metrics_have_the_names_of_daos, reset),
		cmocka_unit_test_setup(time_cycles_and_sleepers_are_counted, reset),
		cmocka_unit_test_setup(what_would_time_out_is_rejected_and_counted, reset),
		cmocka_unit_test_setup(pressure_is_that_of_the_fullest_medium, reset),
		cmocka_unit_test_setup(vos_is_asked_every_two_seconds, reset),
		cmocka_unit_test_setup(updates_wait_for_space_and_nobody_else_does, reset),
		cmocka_unit_test_setup(busy_nvme_is_polled_in_rows, reset),
		cmocka_unit_test_setup(a_quiet_xstream_naps_in_the_network_and_a_busy_one_does_not,
				       reset),
		cmocka_unit_test_setup(the_mode_says_where_a_quiet_xstream_naps, reset),
		cmocka_unit_test_setup(what_comes_regularly_does_not_count_as_business, reset),
		cmocka_unit_test_setup(a_ult_that_waits_for_another_xstream_keeps_its_own_awake,
				       reset),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
