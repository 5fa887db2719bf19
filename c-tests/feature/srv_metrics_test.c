/* The feature srv-metrics alone: the suite is telemetry. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <daos_errno.h>
#include <engine/srv_internal.h>
#include <gurt/telemetry_producer.h>

enum { METRICS = 5 };

struct metric {
	struct d_tm_node_t node;
	char path[D_TM_MAX_NAME_LEN];
	char desc[D_TM_MAX_DESC_LEN];
	char unit[D_TM_MAX_UNIT_LEN];
	int type;
};

static struct metric metrics[METRICS];
static int made;
static int room;

int
d_tm_add_metric(struct d_tm_node_t **node, int type, char *desc, char *unit, const char *format,
		...)
{
	struct metric *metric = &metrics[made];
	va_list args;

	if (made == room)
		return -DER_NO_SHMEM;
	made++;
	va_start(args, format);
	vsnprintf(metric->path, sizeof(metric->path), format, args);
	va_end(args);
	snprintf(metric->desc, sizeof(metric->desc), "%s", desc);
	snprintf(metric->unit, sizeof(metric->unit), "%s", unit == NULL ? "" : unit);
	metric->type = type;
	*node = &metric->node;
	return 0;
}

static int
set_up(void **state)
{
	made = 0;
	room = METRICS;
	return 0;
}

static void
check(struct d_tm_node_t *node, const char *path, int type, const char *unit)
{
	struct metric *metric = (struct metric *)node;

	assert_non_null(metric);
	assert_string_equal(metric->path, path);
	assert_int_equal(metric->type, type);
	assert_string_equal(metric->unit, unit);
	assert_true(strlen(metric->desc) > 0);
}

static void
the_metrics_have_the_names_that_tools_know(void **state)
{
	assert_int_equal(dss_engine_metrics_init(), 0);
	check(dss_engine_metrics.started_time, "started_at", D_TM_TIMESTAMP, "");
	check(dss_engine_metrics.ready_time, "servicing_at", D_TM_TIMESTAMP, "");
	check(dss_engine_metrics.rank_id, "rank", D_TM_GAUGE, "");
	check(dss_engine_metrics.dead_rank_events, "events/dead_ranks", D_TM_COUNTER, "events");
	check(dss_engine_metrics.last_event_time, "events/last_event_ts", D_TM_TIMESTAMP, "");
	assert_null(dss_engine_metrics.meminfo);
	assert_int_equal(made, METRICS);
	assert_int_equal(dss_engine_metrics_fini(), 0);
}

static void
a_metric_that_cannot_be_made_is_an_error(void **state)
{
	for (room = 0; room < METRICS; room++) {
		made = 0;
		assert_int_equal(dss_engine_metrics_init(), -DER_NO_SHMEM);
		assert_null(dss_engine_metrics.last_event_time);
		assert_int_equal(dss_engine_metrics.started_time == NULL, room == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_metrics_have_the_names_that_tools_know, set_up),
		cmocka_unit_test_setup(a_metric_that_cannot_be_made_is_an_error, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
