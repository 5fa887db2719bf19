/*
 * RPCs between engines: the side that asks. dRPC methods send a request to another rank, or to all
 * ranks along a tree, and answer what came back. rpc.c is the side that answers.
 */
#define D_LOGFAC DD_FAC(server)

#include "rpc.h"
#include <daos/drpc_modules.h>
#include <time.h>
#include "drpc_body.h"
#include "echo.pb-c.h"

/* The slot of daos_server's security module, which an engine leaves free; `latency` takes it too.
 */
#define ECHO_DRPC_MODULE DRPC_MODULE_SEC

enum echo_method {
	ECHO_METHOD_CALL = 1,
	ECHO_METHOD_COUNT,
};

static uint64_t
now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Sends a request, sleeps until there is a reply, and copies what it says. */
static int
call_rank(const Echo__Call *call, Echo__Answer *answer)
{
	crt_endpoint_t endpoint = {.ep_rank = call->rank, .ep_tag = call->tag};
	struct echo_say_in *in;
	struct echo_say_out *out;
	crt_rpc_t *rpc;
	int rc;

	rc = crt_req_create(dss_get_module_info()->dmi_ctx, &endpoint, ECHO_OPCODE(ECHO_SAY), &rpc);
	if (rc != 0)
		return rc;
	if (call->timeout > 0) {
		rc = crt_req_set_timeout(rpc, call->timeout);
		if (rc != 0)
			goto out;
	}
	in = crt_req_get(rpc);
	in->si_text = call->text;
	in->si_delay_ms = call->delay_ms;
	rc = dss_rpc_send(rpc);
	if (rc != 0)
		goto out;

	out = crt_reply_get(rpc);
	if (out->so_text == NULL)
		D_GOTO(out, rc = -DER_PROTO);
	D_STRNDUP(answer->text, out->so_text, strlen(out->so_text));
	if (answer->text == NULL)
		rc = -DER_NOMEM;
	answer->rank = out->so_rank;
	answer->xstream = out->so_xstream;
	answer->count = 1;
out:
	crt_req_decref(rpc);
	return rc;
}

/* The same to all ranks at once: a request goes along a tree, the replies are added up on the way.
 */
static int
count_ranks(Echo__Answer *answer)
{
	struct echo_count_out *out;
	crt_rpc_t *rpc;
	int rc;

	rc = crt_corpc_req_create(dss_get_module_info()->dmi_ctx, NULL /* all */,
				  NULL /* but nobody */, ECHO_OPCODE(ECHO_COUNT), NULL, NULL, 0,
				  crt_tree_topo(CRT_TREE_KNOMIAL, 4), &rpc);
	if (rc != 0)
		return rc;
	rc = dss_rpc_send(rpc);
	if (rc == 0) {
		out = crt_reply_get(rpc);
		rc = out->co_rc;
		answer->count = out->co_count;
	}
	crt_req_decref(rpc);
	return rc;
}

static void
call(Drpc__Call *drpc, Drpc__Response *resp)
{
	Echo__Call *request = drpc_body_unpack(&echo__call__descriptor, drpc, resp);
	Echo__Answer answer = ECHO__ANSWER__INIT;
	char *none = answer.text;
	uint64_t start = now_nsec();

	if (request == NULL)
		return;
	answer.status = call_rank(request, &answer);
	answer.nsec = now_nsec() - start;
	if (answer.text == NULL)
		answer.text = none;
	drpc_body_pack(&answer.base, resp);
	if (answer.text != none)
		D_FREE(answer.text);
	drpc_body_free(request);
}

static void
count(Drpc__Response *resp)
{
	Echo__Answer answer = ECHO__ANSWER__INIT;
	uint64_t start = now_nsec();

	answer.status = count_ranks(&answer);
	answer.nsec = now_nsec() - start;
	drpc_body_pack(&answer.base, resp);
}

static void
echo_drpc(Drpc__Call *drpc, Drpc__Response *resp)
{
	switch (drpc->method) {
	case ECHO_METHOD_CALL:
		call(drpc, resp);
		break;
	case ECHO_METHOD_COUNT:
		count(resp);
		break;
	default:
		resp->status = DRPC__STATUS__UNKNOWN_METHOD;
	}
}

static int
echo_nothing(void)
{
	return 0;
}

static struct dss_drpc_handler echo_drpc_handlers[] = {{ECHO_DRPC_MODULE, echo_drpc}, {0, NULL}};

struct dss_module echo_module = {
	.sm_name = "echo",
	.sm_mod_id = ECHO_MODULE_ID,
	.sm_ver = ECHO_VERSION,
	.sm_init = echo_nothing,
	.sm_fini = echo_nothing,
	.sm_proto_count = 1,
	.sm_proto_fmt = {&echo_protocol},
	.sm_cli_count = {0},
	.sm_handlers = {echo_rpc_handlers},
	.sm_drpc_handlers = echo_drpc_handlers,
};
