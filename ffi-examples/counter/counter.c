/*
 * Counts what an engine does: a module with state on every xstream (xstreams.c), with every way of
 * running code on them (work.c), and with a ULT that ticks (here). Its dRPC methods do the work and
 * report.
 */
#define D_LOGFAC DD_FAC(server)

#include <daos/drpc_modules.h>
#include "counter.h"
#include "drpc_body.h"

/*
 * An engine has one slot for each of DAOS's dRPC modules and fills only that of MGMT. This one is
 * the agent's, which has a socket of its own: in an engine the slot is free.
 */
#define COUNTER_DRPC_MODULE DRPC_MODULE_SEC_AGENT

enum { COUNTER_MODULE_ID = 33 };

enum counter_method {
	COUNTER_REPORT = 1,
	COUNTER_SPREAD,
	COUNTER_SUM,
	COUNTER_CHORES,
	COUNTER_OFFLOAD,
};

enum { TICK_MSEC = 50 };

static atomic_uint_fast64_t ticks;
static struct sched_request *tick_request;

/* Ticks until the engine stops, or until cleanup aborts its request. */
static void
tick_ult(void *arg)
{
	while (!dss_ult_exiting(tick_request)) {
		atomic_fetch_add(&ticks, 1);
		sched_req_sleep(tick_request, TICK_MSEC);
	}
}

/* Called for SetUp, by a ULT of the system xstream, which goes on until this returns: the new one
 * waits. */
static int
counter_setup(void)
{
	struct sched_req_attr attr = {.sra_type = SCHED_REQ_ANONYM};

	tick_request = sched_create_ult(&attr, tick_ult, NULL, 0);
	return tick_request == NULL ? -DER_NOMEM : 0;
}

static int
stop_ticks(void *arg)
{
	sched_req_wait(tick_request, true);
	sched_req_put(tick_request);
	tick_request = NULL;
	return 0;
}

/* Called by the engine's main thread, which is no xstream; a request belongs to the xstream that
 * got it. */
static int
counter_cleanup(void)
{
	if (tick_request == NULL)
		return 0;
	return dss_ult_execute(stop_ticks, NULL, NULL, NULL, DSS_XS_SYS, 0, 0);
}

static void
answer_report(Drpc__Response *resp)
{
	Counter__Report report = COUNTER__REPORT__INIT;

	if (counter_report(&report) == 0) {
		report.ticks = atomic_load(&ticks);
		drpc_body_pack(&report.base, resp);
	} else {
		resp->status = DRPC__STATUS__FAILURE;
	}
	counter_report_free(&report);
}

static void
answer_work(Drpc__Call *call, Drpc__Response *resp)
{
	Counter__Amount *amount = drpc_body_unpack(&counter__amount__descriptor, call, resp);
	Counter__Outcome outcome = COUNTER__OUTCOME__INIT;

	if (amount == NULL)
		return;
	switch (call->method) {
	case COUNTER_SPREAD:
		counter_spread(amount->amount, &outcome);
		break;
	case COUNTER_SUM:
		counter_sum(&outcome);
		break;
	case COUNTER_CHORES:
		counter_do_chores(amount->amount, &outcome);
		break;
	case COUNTER_OFFLOAD:
		counter_offload(amount->amount, &outcome);
		break;
	}
	drpc_body_pack(&outcome.base, resp);
	drpc_body_free(amount);
}

static void
counter_drpc(Drpc__Call *call, Drpc__Response *resp)
{
	switch (call->method) {
	case COUNTER_REPORT:
		answer_report(resp);
		break;
	case COUNTER_SPREAD:
	case COUNTER_SUM:
	case COUNTER_CHORES:
	case COUNTER_OFFLOAD:
		answer_work(call, resp);
		break;
	default:
		resp->status = DRPC__STATUS__UNKNOWN_METHOD;
	}
}

static int
counter_init(void)
{
	return 0;
}

static int
counter_fini(void)
{
	return 0;
}

static struct dss_drpc_handler counter_handlers[] = {{COUNTER_DRPC_MODULE, counter_drpc},
						     {0, NULL}};

struct dss_module counter_module = {
	.sm_name = "counter",
	.sm_mod_id = COUNTER_MODULE_ID,
	.sm_ver = 1,
	.sm_key = &counter_key,
	.sm_init = counter_init,
	.sm_fini = counter_fini,
	.sm_setup = counter_setup,
	.sm_cleanup = counter_cleanup,
	.sm_drpc_handlers = counter_handlers,
};
